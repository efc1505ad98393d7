"""The cache of rows: filled once, resumed, repaired, shared, kept small."""

import subprocess
import sys

import numpy as np
import pytest

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock
from sier_gui.core.nets.training import data as training_data
from sier_gui.core.nets.training.data import decode
from sier_gui.core.nets.training.rows_cache import GIGABYTE, LOCKS, Layout, RowsCache
from sier_gui.core.tasks import Cancelled, CancelToken, silent

LAYOUT = Layout(25, {"squares": (np.float32, (3,)), "bytes": (np.uint8, ())}, 4)
CLASSES = ("anger", "happy", "sad")


class Computing:
    """Squares of row numbers; counts what it was asked for, and may break off."""

    def __init__(self, breaks_at=None):
        self.asked, self.breaks_at = [], breaks_at

    def __call__(self, start, stop):
        if start == self.breaks_at:
            raise KeyboardInterrupt
        self.asked.append(start)
        rows = np.arange(start, stop)
        return {"squares": np.repeat(rows[:, None] ** 2, 3, 1), "bytes": rows}, {"first": start}


def fill(cache, compute, key="k", layout=LAYOUT):
    return cache.entry(key, layout, compute, "squares", report=silent, token=CancelToken())


def check(entry):
    assert (entry.arrays["squares"] == np.arange(25)[:, None] ** 2).all()
    assert (entry.arrays["bytes"] == np.arange(25)).all()
    assert entry.notes == [{"first": start} for start in range(0, 25, 4)]


def test_rows_are_computed_once(tmp_path):
    compute = Computing()
    check(fill(RowsCache(tmp_path), compute))
    assert compute.asked == list(range(0, 25, 4))
    check(fill(RowsCache(tmp_path), compute))
    assert len(compute.asked) == 7


def test_what_broke_off_goes_on(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(RowsCache(tmp_path), Computing(breaks_at=12))
    rest = Computing()
    check(fill(RowsCache(tmp_path), rest))
    assert rest.asked == [12, 16, 20, 24]


def test_a_line_that_was_cut_off_is_computed_again(tmp_path):
    fill(RowsCache(tmp_path), Computing())
    lines = tmp_path / "k" / "pieces.jsonl"
    lines.write_bytes(lines.read_bytes()[:-9])
    again = Computing()
    check(fill(RowsCache(tmp_path), again))
    assert again.asked == [24]
    check(fill(RowsCache(tmp_path), Computing()))


@pytest.mark.parametrize("name", ["squares.bin", "bytes.bin"])
def test_damage_is_found_and_repaired(tmp_path, name):
    fill(RowsCache(tmp_path), Computing())
    file = tmp_path / "k" / name
    values = bytearray(file.read_bytes())
    values[-1] ^= 1
    file.write_bytes(values)
    again = Computing()
    check(fill(RowsCache(tmp_path), again))
    assert again.asked == [24]
    file.write_bytes(values[: len(values) // 2])
    check(fill(RowsCache(tmp_path), Computing()))


def test_the_longest_unused_makes_room(tmp_path):
    import os

    for age, key in enumerate(("old", "older")):
        fill(RowsCache(tmp_path), Computing(), key)
        os.utime(tmp_path / key / "used", (1000 - age, 1000 - age))
    size = sum(file.stat().st_size for file in (tmp_path / "old").iterdir())
    cache = RowsCache(tmp_path, 2 * size / GIGABYTE)
    fill(cache, Computing(), "new")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != LOCKS) == ["new", "old"]
    held = FolderLock(tmp_path / LOCKS / "old")  # as if it were being filled
    fill(cache, Computing(), "newer")
    held.release()
    assert (tmp_path / "old").is_dir()


def test_what_is_larger_than_the_limit_lies_elsewhere(tmp_path):
    cache = RowsCache(tmp_path / "shared", 100 / GIGABYTE, overflow=tmp_path / "own")
    check(fill(cache, Computing()))
    assert (tmp_path / "own" / "k").is_dir()
    assert not (tmp_path / "shared").exists()
    with pytest.raises(SierError, match="squares takes"):
        fill(RowsCache(tmp_path / "shared", 100 / GIGABYTE), Computing())


def test_waiting_for_another_process_can_be_cancelled(tmp_path):
    lock, token = FolderLock(tmp_path / LOCKS / "k"), CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        RowsCache(tmp_path).entry("k", LAYOUT, Computing(), "", report=silent, token=token)
    lock.release()


def test_a_full_disk_is_explained(tmp_path, monkeypatch):
    def full(start, stop):
        raise OSError(28, "No space left on device")

    with pytest.raises(SierError, match="No space left") as caught:
        fill(RowsCache(tmp_path), full)
    assert "SIER_GUI_HOME" in caught.value.hint


BOTH = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_training_cache import Computing, check, fill
from sier_gui.core.nets.training.rows_cache import RowsCache
compute = Computing()
check(fill(RowsCache(Path(sys.argv[1])), compute))
print(len(compute.asked))
"""


def test_two_processes_share_the_work_of_one(tmp_path):
    from pathlib import Path

    command = [sys.executable, "-c", BOTH, str(tmp_path / "cache"), str(Path(__file__).parent)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    asked = [int(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(asked) == 7


# ---------------------------------------------------------------- decoded samples


@pytest.fixture
def decoding(monkeypatch):
    """Counts the samples that are decoded."""
    counted = []
    load = training_data.load_inputs

    def counting(sample, front):
        counted.append(sample.sample_id)
        return load(sample, front)

    monkeypatch.setattr(training_data, "load_inputs", counting)
    return counted


def decoded(folder, cache, **front):
    return decode(
        open_dataset(folder),
        CLASSES,
        FrontEnd(**front),
        "speaker",
        RowsCache(cache),
        report=silent,
        token=CancelToken(),
    )


def test_decoded_samples_are_found_again_by_their_content(new_dataset, tmp_path, decoding):
    one, cache = new_dataset(tmp_path / "one", count=12), tmp_path / "cache"
    first = decoded(one, cache)
    assert len(decoding) == 12
    moved = tmp_path / "moved"
    one.rename(moved)
    again = decoded(moved, cache)
    assert len(decoding) == 12
    for m in Modality:
        assert (again.arrays[m] == first.arrays[m]).all()
    # another front end, or one byte of one file more, is something else
    decoded(moved, cache, image_fit="pad")
    assert len(decoding) == 24
    with (moved / "3.png").open("ab") as file:
        file.write(b"0")
    decoded(moved, cache)
    assert len(decoding) == 36


def test_unreadable_samples_are_named_as_they_are_called_now(new_dataset, tmp_path):
    folder = new_dataset(tmp_path / "one", count=9)
    (folder / "4.wav").write_bytes(b"x")
    (folder / "5.png").unlink()
    first = decoded(folder, tmp_path / "cache")
    folder.rename(tmp_path / "two")
    data = decoded(tmp_path / "two", tmp_path / "cache")
    assert len(data) == 7
    assert data.places.tolist() == [0, 1, 2, 3, 6, 7, 8]
    assert data.sample_ids == ("s0", "s1", "s2", "s3", "s6", "s7", "s8")
    assert ["two" in reason for reason in data.skipped] == [True, True]
    assert len(first.skipped) == 2
    whole = decoded(new_dataset(tmp_path / "three", count=9), tmp_path / "cache")
    for m in Modality:  # what is at a place is the sample's
        assert (data.stored(m, np.arange(7)) == whole.stored(m, data.places)).all()
