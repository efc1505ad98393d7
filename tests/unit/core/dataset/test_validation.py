"""The opening report finds each planted fault, once, and nothing else."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fixtures.datasets import make_dataset, make_image, make_large_table, make_speech, write_table

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.mapping import ColumnMapping
from sier_gui.core.dataset.validation import validate
from sier_gui.core.domain import Problem
from sier_gui.core.tasks import Cancelled, CancelToken

SHARED = Path(__file__).resolve().parents[5] / "shared/data/sier_mini"


def test_a_sound_dataset_has_no_problems(tmp_path):
    assert validate(open_dataset(make_dataset(tmp_path, rows=8, seconds=0.3))) == []


def make_claim(file: Path, width: int, height: int) -> None:
    """A small PNG whose header claims another size."""
    make_image(file, size=(4, 4))
    data = bytearray(file.read_bytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    file.write_bytes(bytes(data))


@pytest.fixture
def planted(tmp_path):
    folder = make_dataset(tmp_path / "set", rows=4)
    images, speech = folder / "images", folder / "speech"
    make_speech(speech / "short.wav", seconds=0.1, rate=8_000)
    make_speech(speech / "long.wav", seconds=61, rate=4_000)
    make_claim(images / "big.png", 8_000, 7_000)
    make_claim(images / "bomb.png", 200_000, 200_000)
    (speech / "text.wav").write_text("no sound")
    (images / "text.png").write_text("no picture")
    (images / "empty.png").touch()
    (speech / "folder.wav").mkdir()
    (tmp_path / "out.wav").touch()
    lines = [
        ("0001", "images/0001.png", "speech/0001.wav", "hello", "anger"),
        ("short", "images/0002.png", "speech/short.wav", "hello", "happy"),
        ("long", "images/0003.png", "speech/long.wav", "hello", "hate"),
        ("big", "images/big.png", "speech/0002.wav", "hello", "sad"),
        ("bomb", "images/bomb.png", "speech/0003.wav", "hello", "sad"),
        ("text", "images/text.png", "speech/text.wav", " ", "sad"),
        ("gone", "images/gone.png", "speech/folder.wav", "hello", "boredom"),
        ("0001", "images/empty.png", "../out.wav", "hello", ""),
        ("twice", "images/0001.png", "", "hello", "sad"),
    ]
    keys = ("sample_id", "image", "speech", "text", "label")
    write_table(folder / "samples.csv", [dict(zip(keys, line, strict=True)) for line in lines])
    return open_dataset(folder)


def test_each_planted_fault_is_found(planted):
    found = {(p.row, p.column, p.kind) for p in validate(planted, classes=("anger", "happy", "hate", "sad"))}
    assert found == {
        (1, "speech", "duration"),
        (2, "speech", "duration"),
        (3, "image", "too-large"),
        (4, "image", "too-large"),
        (5, "image", "unreadable"),
        (5, "speech", "unreadable"),
        (5, "text", "empty-text"),
        (6, "image", "missing"),
        (6, "speech", "unreadable"),
        (6, "label", "unknown-label"),
        (7, "sample_id", "duplicate"),
        (7, "image", "unreadable"),
        (7, "speech", "outside"),
        (7, "label", "unknown-label"),
        (8, "image", "duplicate"),
        (8, "speech", "missing"),
    }


def test_reasons_are_for_people(planted):
    problems = validate(planted)
    assert all(p.reason and p.sample_id for p in problems)
    by_row = {(p.row, p.column): p.reason for p in problems}
    assert by_row[1, "speech"].startswith("0.10 s")
    assert by_row[8, "image"] == "the file of row 1 again"
    assert [p.row for p in problems] == sorted(p.row for p in problems)
    assert (6, "label") not in by_row  # without a release's classes every label is one


def test_zero_bytes_and_odd_names(tmp_path):
    rows = [
        {"sample_id": str(n), "image": cell, "speech": cell, "text": "t", "label": "sad"}
        for n, cell in enumerate(["a\0b", "x" * 5000, "=1+1", "\n"])
    ]
    problems = validate(open_dataset(write_table(tmp_path / "samples.csv", rows)))
    assert {p.row for p in problems} == {0, 1, 2, 3}
    assert {p.kind for p in problems} <= {"missing", "outside", "unreadable"}


def test_columns_that_are_not_mapped_are_not_missed(tmp_path):
    folder = make_dataset(tmp_path, rows=2)
    mapping = ColumnMapping(text="", label="", sample_id="")
    assert validate(open_dataset(folder, mapping=mapping)) == []


def test_what_was_met_while_opening_comes_first(tmp_path):
    folder = make_dataset(tmp_path, rows=1)
    (folder / "meta.csv").write_text("")
    first, *others = validate(open_dataset(folder))
    assert isinstance(first, Problem)
    assert (first.row, others) == (None, [])
    assert "meta.csv" in first.reason


def test_progress_and_cancel(tmp_path):
    catalogue = open_dataset(make_large_table(tmp_path, rows=20_000))
    told = []
    problems = validate(catalogue, report=told.append)
    assert told[-1].done == told[-1].total == 20_000
    assert len(told) < 200  # throttled
    assert {p.kind for p in problems} == {"duplicate"}
    token = CancelToken()
    with pytest.raises(Cancelled):
        validate(catalogue, report=lambda progress: token.cancel(), token=token)


def test_headers_only(tmp_path, monkeypatch):
    """No file is decoded: sound of 61 s costs what its header costs."""
    import soundfile
    from PIL import Image

    folder = make_dataset(tmp_path, rows=2)

    def decoded(*_args, **_kwargs):
        raise AssertionError("decoded")

    monkeypatch.setattr(soundfile, "read", decoded)
    monkeypatch.setattr(Image.Image, "load", decoded)
    assert validate(open_dataset(folder)) == []


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="shared test material is absent")
def test_sier_mini_is_sound():
    assert validate(open_dataset(SHARED)) == []
    assert np.unique(open_dataset(SHARED).column("sample_id")).size == 181
