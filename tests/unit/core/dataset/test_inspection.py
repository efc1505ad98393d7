"""Inspection answers about any file, in time, whatever its decoder does."""

import csv
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from sier_gui.core.dataset import inspection
from sier_gui.core.dataset.inspection import examine, inspect

SHARED = Path(__file__).parents[4] / ".." / "shared" / "data" / "odd_media"


def test_sound_and_picture(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "ein Bild ä.png")
    soundfile.write(tmp_path / "ton ü.wav", np.zeros(8_000), 16_000)
    picture, sound = inspect(tmp_path / "ein Bild ä.png"), inspect(tmp_path / "ton ü.wav")
    assert (picture.ok, picture.kind, picture.size_px, picture.error) == (True, "image", (30, 20), "")
    assert (sound.ok, sound.kind, sound.duration_s, sound.hint) == (True, "audio", 0.5, "")
    assert json.loads(json.dumps(picture.as_json()))["file"] == str(tmp_path / "ein Bild ä.png")


def test_kind_without_a_telling_name(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "picture")
    soundfile.write(tmp_path / "sound", np.zeros(800), 16_000, format="FLAC")
    assert inspect(tmp_path / "picture").kind == "image"
    short = inspect(tmp_path / "sound")
    assert (short.ok, short.kind) == (True, "audio")
    assert "0.2 to 60 s" in short.hint


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("notes.TextGrid", "File type = ooTextFile", "unknown", "neither a sound nor a picture"),
        ("words.wav", "no sound", "audio", "Cannot read"),
        ("words.jpg", "no picture", "image", "Cannot read"),
        ("empty.txt", "", "unknown", "empty"),
        ("line\nbreak.wav", "x", "audio", "Cannot read"),
    ],
)
def test_refusals(tmp_path, name, content, kind, said):
    path = tmp_path / name
    path.write_text(content)
    outcome = inspect(path)
    assert (outcome.ok, outcome.kind) == (False, kind)
    assert said in outcome.error
    assert str(path) in outcome.error
    assert outcome.hint


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    strange = tmp_path / os.fsdecode(b"latin\xe9.png")
    Image.new("RGB", (3, 2)).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(strange)
    assert "folder" in inspect(tmp_path).error
    assert "There is no" in inspect(tmp_path / "gone.png").error
    assert "There is no" in inspect(tmp_path / "pipe.wav").error
    assert "There is no" in inspect(Path("a\0b.wav")).error
    assert inspect(strange).size_px == (3, 2)


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """An examiner whose second process has a soundfile of our own: it hangs or dies inside the decoder."""
    (tmp_path / "soundfile.py").write_text(
        "import os, threading\n"
        "__libsndfile_version__ = 'planted'\n"
        "class SoundFileError(Exception): pass\n"
        "def SoundFile(path):\n"
        "    os.abort() if 'crash' in path else threading.Event().wait()\n"
    )
    examiner = inspection._Examiner()
    monkeypatch.setattr(inspection, "_examiner", examiner)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield tmp_path
    examiner.close()


def test_a_decoder_that_hangs_or_dies_costs_one_file_only(planted):
    for name in ("hang.wav", "crash.wav"):
        (planted / name).write_bytes(b"RIFF")
    Image.new("RGB", (3, 2)).save(planted / "fine.png")
    assert inspect(planted / "fine.png").ok
    started = time.perf_counter()
    hung = inspect(planted / "hang.wav", limit_s=0.5)
    assert time.perf_counter() - started < 2
    assert (hung.ok, hung.kind) == (False, "audio")
    assert "longer than 0.5 s" in hung.error
    assert inspect(planted / "fine.png").ok
    crashed = inspect(planted / "crash.wav")
    assert (crashed.ok, crashed.kind) == (False, "audio")
    assert "crashes" in crashed.error
    assert inspect(planted / "fine.png").ok


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_load_or_are_refused_in_time(tmp_path, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (32, 32, 3), np.uint8)
    for suffix in (
        "png",
        "jpg",
        "gif",
        "bmp",
        "tif",
        "webp",
        "jp2",
        "wav",
        "flac",
        "ogg",
        "mp3",
        "aiff",
    ):
        path = tmp_path / f"x.{suffix}"
        if suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
            soundfile.write(path, rng.standard_normal(4_000) * 0.1, 16_000)
        else:
            Image.fromarray(pixels).save(path)
        data = bytearray(path.read_bytes())
        for at in rng.integers(0, min(len(data), 400), 6):
            data[at] = rng.integers(256)
        path.write_bytes(data)
        outcome = inspect(path)
        assert outcome.seconds_taken < 2
        assert outcome.ok or (str(path) in outcome.error and outcome.hint)
        assert "crash" not in outcome.error


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="project-internal test material is absent")
def test_odd_media_do_what_the_manifest_expects():
    with (SHARED / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        outcome = examine(SHARED / row["file"])
        expected = row["expected"].split(";")[0]
        assert outcome.seconds_taken < 2, row
        assert outcome.ok or (row["file"] in outcome.error and outcome.hint), row
        if expected == "loads":
            assert outcome.ok, (row, outcome)
        if expected.startswith("reject with clear error") and "load" not in expected:
            assert not outcome.ok, (row, outcome)
        if row["file"].startswith("labels/"):
            assert (outcome.ok, outcome.kind) == (False, "unknown")
