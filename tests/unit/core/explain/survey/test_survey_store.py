"""Parts on disk: what was added comes back, whatever interrupts the writing."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_samples import CLASSES, FACTS, broken_row, made_row

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey import results
from sier_gui.core.explain.survey.facts import FACTS as FACTS_FILE
from sier_gui.core.explain.survey.facts import shapes
from sier_gui.core.explain.survey.results import SurveyStore, part_files, read_survey
from sier_gui.core.locks import FolderLock


def fill(folder: Path, rows, *, finish: bool = True) -> None:
    with SurveyStore(folder, FACTS) as store:
        for row in rows:
            store.add(row)
        if finish:
            store.finish()


def seeds(folder: Path) -> dict[int, int]:
    """By row, the seed its values were made from."""
    table = read_survey(folder, ["row", "evaluations"])
    return dict(zip(table.column("row").to_pylist(), table.column("evaluations").to_pylist(), strict=True))


# ---------------------------------------------------------------- what pandas sees


def test_pandas_reads_the_folder_in_one_call(tmp_path):
    import pandas

    made = [made_row(row, estimated=row == 2) for row in (3, 0, 2)]
    fill(tmp_path, [*made, broken_row(1)])
    table = pandas.read_parquet(tmp_path)
    assert table.row.tolist() == [0, 1, 2, 3]
    assert table.sample_id.tolist() == ["s0", "s1", "s2", "s3"]
    sizes = json.loads((tmp_path / FACTS_FILE).read_text())["shapes"]
    for expected in made:
        found, a = table.iloc[expected.row], expected.attribution
        for modality, values in a.values.items():
            assert np.array_equal(found[modality].reshape(sizes[modality]), values)
            assert np.array_equal(found[f"split_{modality}"], a.split[modality])
            assert found[f"degree_{modality}"] == a.degree()[modality]
            if a.stderr is None:
                assert found[f"stderr_{modality}"] is None
            else:
                assert np.array_equal(found[f"stderr_{modality}"], a.stderr[modality].ravel())
        assert np.array_equal(found.f_none, a.f_none)
        assert np.array_equal(found.f_all, a.f_all)
        assert found.predicted == CLASSES[a.f_all.argmax()]
        assert found.explained == "anger"
        assert found.residual == a.residual()
        assert (found.evaluations, found.seconds) == (a.evaluations, a.seconds)
    broken = table.iloc[1]
    assert broken.error == "Cannot read it. Copy it again."
    assert broken.image is None
    assert pandas.isna(broken.degree_image)
    assert pandas.isna(broken.label)
    assert table.error.isna().tolist() == [True, False, True, True]


def test_shapes_say_how_the_lists_are_laid_out():
    assert shapes(ExplainRequest(grid=4, segments=8), 3)["image"] == [3, 4, 4]
    assert shapes(ExplainRequest(grid=4, segments=8, bands=2), 3)["stderr_speech"] == [3, 2, 8]
    assert shapes(ExplainRequest(segments="0.5s"), 4)["speech"] == [4, -1]
    assert shapes(ExplainRequest("modality", bands=2), 4)["speech"] == [4, 1]


# ---------------------------------------------------------------- whatever happens


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 25), st.integers(0, 999)),
        st.just(("flush",)),
        st.just(("reopen",)),
        st.just(("finish",)),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(actions=ACTIONS, part_rows=st.integers(1, 5), merge=st.integers(2, 4), final=st.integers(1, 7))
def test_the_last_of_each_row_comes_back(actions, part_rows, merge, final):
    expected: dict[int, int] = {}
    with (
        tempfile.TemporaryDirectory() as temporary,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(temporary)
        for name, value in (("PART_ROWS", part_rows), ("MERGE_PARTS", merge), ("FINAL_ROWS", final)):
            patch.setattr(results, name, value)
        store = SurveyStore(folder, FACTS)
        for name, *what in actions:
            if name == "add":
                row, seed = what
                store.add(made_row(row, seed=seed))
                expected[row] = 40 + seed
            elif name == "reopen":
                store.__exit__(None, None, None)
                store = SurveyStore(folder, FACTS)
                assert set(store.known) == set(expected)
            else:
                getattr(store, name)()
        store.finish()
        store.__exit__(None, None, None)
        assert seeds(folder) == expected
        assert len(part_files(folder)) == -(-len(expected) // final)
        in_files = [r for _, f in part_files(folder) for r in results._read(f).column("row").to_pylist()]
        assert in_files == sorted(expected)


def test_a_part_appears_after_so_many_samples_or_seconds(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(results.time, "monotonic", lambda: now[0])
    with SurveyStore(tmp_path, FACTS) as store:
        for row in range(31):
            store.add(made_row(row))
        assert not part_files(tmp_path)
        store.add(made_row(31))
        assert len(seeds(tmp_path)) == 32
        now[0] += 4.9
        store.add(made_row(32))
        assert len(seeds(tmp_path)) == 32
        now[0] += 0.2
        store.add(made_row(33))
        assert len(seeds(tmp_path)) == 34


def test_killed_while_merging_leaves_each_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "PART_ROWS", 2)

    def killed(self, numbers):
        raise KeyboardInterrupt

    with SurveyStore(tmp_path, FACTS) as store, monkeypatch.context() as patch:
        for row in range(7):
            store.add(made_row(row))
        patch.setattr(SurveyStore, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            store.finish()
    assert len(part_files(tmp_path)) == 5  # both the old ones and the merged one
    assert seeds(tmp_path) == {row: 40 + row for row in range(7)}
    with SurveyStore(tmp_path, FACTS) as store:
        assert len(part_files(tmp_path)) == 1
        assert sorted(store.known) == list(range(7))


def test_a_write_that_was_killed_leaves_nothing(tmp_path):
    fill(tmp_path, [made_row(0)])
    left = tmp_path / f".{'0a' * 16}.parquet"
    left.write_bytes(b"half a part")
    with SurveyStore(tmp_path, FACTS):
        assert not left.exists()


@settings(max_examples=25, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_any_damage_is_seen_and_set_aside(where, bit, cut):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        fill(folder, [made_row(row) for row in range(3)], finish=False)
        fill(folder, [made_row(row) for row in range(3, 6)], finish=False)
        (_, first), (_, second) = part_files(folder)
        data = bytearray(first.read_bytes())
        at = int(where * len(data))
        if cut:
            del data[at:]
        else:
            data[at] ^= 1 << bit
        first.write_bytes(bytes(data))
        with pytest.raises(SierError, match="damaged"):
            read_survey(folder)
        with SurveyStore(folder, FACTS) as store:
            assert sorted(store.known) == [3, 4, 5]
            assert first.name in store.notes[0]
            store.add(made_row(1))
        assert (folder / "_damaged" / first.name).is_file()
        assert second.is_file()
        assert sorted(seeds(folder)) == [1, 3, 4, 5]


def test_a_full_disk_is_one_message_and_keeps_what_was_there(tmp_path, monkeypatch):
    fill(tmp_path, [made_row(0)])

    def full(target, data):
        raise SierError(f"Cannot write {target}: No space left on device.", "Choose a folder with space.")

    store = SurveyStore(tmp_path, FACTS)
    store.add(made_row(1))
    with monkeypatch.context() as patch:
        patch.setattr(results.paths, "write_bytes", full)
        with pytest.raises(SierError, match="No space"):
            store.__exit__(None, None, None)
    assert seeds(tmp_path) == {0: 40}
    fill(tmp_path, [made_row(1)])  # the lock was let go
    assert seeds(tmp_path) == {0: 40, 1: 41}


# ---------------------------------------------------------------- one survey, one writer


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("request", {"grid": 8, "segments": 3}, "another request (grid 2, not 8)"),
        ("release_hash", "s" * 64, "another release (made/1, not made/1; rrrrrrrr, not ssssssss)"),
        ("dataset_hash", "e" * 64, "another dataset"),
        ("threads", 4, "another number of threads per sample (1, not 4)"),
        ("device", "cuda", "another device (cpu, not cuda)"),
        ("code_version", "0", "another version of the explanation code"),
    ],
)
def test_another_survey_is_refused_in_one_line(tmp_path, key, value, said):
    fill(tmp_path, [made_row(0)])
    with pytest.raises(SierError) as caught:
        SurveyStore(tmp_path, FACTS | {key: value})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    fill(tmp_path, [made_row(1)])  # refusing let the lock go
    assert len(seeds(tmp_path)) == 2


def test_a_part_of_another_survey_is_set_aside(tmp_path):
    with SurveyStore(tmp_path / "other", FACTS | {"release_hash": "s" * 64}) as store:
        store.add(made_row(5))
    fill(tmp_path / "mine", [made_row(0)], finish=False)
    ((_, foreign),) = part_files(tmp_path / "other")
    foreign.replace(tmp_path / "mine" / foreign.name.replace("000001", "000007"))
    with SurveyStore(tmp_path / "mine", FACTS) as store:
        assert sorted(store.known) == [0]
        assert "another survey" in store.notes[0]


def test_damaged_facts_and_foreign_folders_are_refused(tmp_path):
    fill(tmp_path, [made_row(0)])
    (tmp_path / FACTS_FILE).write_text("{")
    with pytest.raises(SierError, match=FACTS_FILE):
        SurveyStore(tmp_path, FACTS)
    (tmp_path / FACTS_FILE).unlink()
    with pytest.raises(SierError, match="holds parts"):
        SurveyStore(tmp_path, FACTS)
    with pytest.raises(SierError, match="no survey"):
        read_survey(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(SierError, match="Cannot write"):
        SurveyStore(tmp_path / "file", FACTS)


def test_two_writers_never_meet(tmp_path):
    with SurveyStore(tmp_path, FACTS) as store:
        store.add(made_row(0))
        with pytest.raises(SierError, match=r"is being written by process \d+ on "):
            SurveyStore(tmp_path, FACTS)
    fill(tmp_path, [made_row(1)])
    assert len(seeds(tmp_path)) == 2


HOLD = """
import sys
from pathlib import Path
from sier_gui.core.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_lets_the_lock_go(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(SierError, match=f"process {holder.pid} "):
            FolderLock(tmp_path)
        holder.kill()
        holder.wait()
        FolderLock(tmp_path).release()


def test_reading_needs_no_pandas():
    """0.4 s that the window's start must not pay."""
    code = (
        "import sys, tempfile\nfrom pathlib import Path\nfrom survey_samples import FACTS, made_row\n"
        "from sier_gui.core.explain.survey.results import SurveyStore\n"
        "from sier_gui.core.explain.survey.degree import degree_table\n"
        "folder = Path(tempfile.mkdtemp())\n"
        "with SurveyStore(folder, FACTS) as store:\n    store.add(made_row(0)); store.add(made_row(1))\n"
        "assert len(degree_table(folder).samples) == 2\n"
        "assert not {'pandas', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux shows them")
def test_reading_starts_no_threads_of_arrows():
    """They abort a process that ends while they do."""
    code = (
        "import os, tempfile\nfrom pathlib import Path\nfrom survey_samples import FACTS, made_row\n"
        "from sier_gui.core.explain.survey.results import SurveyStore, read_survey\n"
        "folder = Path(tempfile.mkdtemp())\n"
        "with SurveyStore(folder, FACTS) as store:\n    store.add(made_row(0)); store.add(made_row(1))\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "assert len(read_survey(folder)) == 2\n"
        "after = len(os.listdir('/proc/self/task'))\n"
        "assert after == before, (before, after)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
