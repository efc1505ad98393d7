"""Folders named as RAVDESS, CREMA-D, MELD, IEMOCAP and B-T4SA are: told apart, opened, paired, reported."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.datasets import make_class_folders, make_dataset
from fixtures.layouts import (
    FACE_AND_VOICE,
    make_b_t4sa,
    make_crema_d,
    make_iemocap,
    make_meld,
    make_ravdess,
    put,
)

from sier_gui.cli import main
from sier_gui.core.dataset.adapters import built_in
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError

LAYOUTS: dict[str, Callable[..., Path]] = {
    "ravdess": make_ravdess,
    "crema_d": make_crema_d,
    "meld": make_meld,
    "iemocap": make_iemocap,
    "b_t4sa": make_b_t4sa,
}
PUBLISHED_AS = {
    "ravdess": "RAVDESS", "crema_d": "CREMA-D", "meld": "MELD.Raw", "iemocap": "IEMOCAP_full_release",
    "b_t4sa": "b-t4sa_imgs",
}  # fmt: skip


# ---------------------------------------------------------------- which is which


def _ordinary(folder: Path) -> dict[str, Path]:
    """Folders that are none of the five, however near they come."""
    for stem in ("03-01-05-01-02-01-12", "03-01-03-01-02-01-12", "1001_DFA_ANG_XX"):
        put(folder / "sorted/anger" / f"{stem}.wav")
        put(folder / "sorted/anger" / f"{stem}.jpg")
    for name in ("2024-01-02-10-11-12.jpg", "IMG_1001.jpg", "1001_DFA.wav"):
        put(folder / "photos" / name)
        put(folder / "photos/Actor_01" / name)
        put(folder / "photos/AudioWAV" / name)
        put(folder / "photos/train_splits" / name)
    for name in ("03-01-06-01-02-01-12.wav", "1001_DFA_ANG_XX.wav", "one.wav", "two.wav", "three.wav"):
        put(folder / "mixed" / name)
    put(folder / "empty/Session1/dialog/EmoEvaluation/notes.txt")
    put(folder / "empty/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav")
    write_text = "Utterance,Emotion\nHello,joy\n"
    put(folder / "tables/train_sent_emo.csv").write_text(write_text, encoding="utf-8")
    put(folder / "tables/b-t4sa.txt")
    put(folder / "tables/my-b-t4sa_train.txt")
    return {
        "classes": make_class_folders(folder / "classes", per_class=1),
        "split": make_class_folders(folder / "split", per_class=1, split=True),
        "native": make_dataset(folder / "native", rows=2),
        **{name: folder / name for name in ("sorted", "photos", "mixed", "empty", "tables")},
    }


def test_each_layout_is_taken_by_its_own_adapter_alone(tmp_path):
    folders = {name: make(tmp_path / PUBLISHED_AS[name]) for name, make in LAYOUTS.items()}
    ordinary = _ordinary(tmp_path / "ordinary")
    for adapter in (built_in(name) for name in LAYOUTS):
        taken = {name for name, folder in folders.items() if adapter.matches(folder)}
        assert taken == {adapter.name}
        assert not [name for name, folder in ordinary.items() if adapter.matches(folder)], adapter.name
        assert not adapter.matches(tmp_path), "the folder above them all"
        assert not adapter.matches(tmp_path / "nothing")
    for name, folder in folders.items():
        assert open_dataset(folder).adapter == name
    for name in ("classes", "split", "sorted"):
        assert open_dataset(ordinary[name]).adapter == "class_folders"
    with pytest.raises(SierError, match="RAVDESS, CREMA-D, MELD, IEMOCAP or B-T4SA"):
        open_dataset(ordinary["empty"])


def test_a_table_in_the_folder_comes_before_its_layout(tmp_path):
    folder = make_ravdess(make_dataset(tmp_path, rows=2))
    assert open_dataset(folder).adapter == "native"


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_the_columns_of_all(tmp_path, name):
    catalogue = open_dataset(LAYOUTS[name](tmp_path / "set"))
    assert catalogue.columns[:7] == (
        "sample_id", "image", "speech", "text", "label", "original_label", "speaker",
    )  # fmt: skip
    assert len(set(catalogue.column("sample_id"))) == len(catalogue) > 0
    assert all(catalogue.column("text"))
    known = {"anger", "happy", "hate", "sad", "neutral", "fear", "surprise", "disgust", "calm"}
    known |= {"excitement", "frustration", "other", "negative", "positive"}
    assert set(catalogue.classes) <= known
    assert len(catalogue.dataset_hash) == 64


@pytest.mark.parametrize(
    ("name", "absent", "labels"),
    [
        ("ravdess", "image", 0), ("crema_d", "image", 0), ("meld", "image", 0),
        # turns on which the annotators did not agree have no label
        ("iemocap", "image", 4), ("b_t4sa", "speech", 0),
    ],
)  # fmt: skip
def test_the_opening_report_of_every_layout_from_the_command_line(tmp_path, capsys, name, absent, labels):
    more = {"suffixes": (".wav",)} if name == "meld" else {}
    folder = LAYOUTS[name](tmp_path / "set", play=True, **more)
    assert main(["validate", str(folder), "--json", "-"]) == 0
    out, err = capsys.readouterr()
    lines = json.loads(out)
    count = len(open_dataset(folder))
    assert f"{count} samples" in err
    found = Counter((line["column"], line["kind"], line["reason"]) for line in lines)
    expected = {(absent, "missing", "no file is named"): count}
    if labels:
        expected["label", "unknown-label", "no label"] = labels
    assert found == expected


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_files_of_every_layout_load_as_the_program_loads_them(tmp_path, capsys, name):
    more = {"suffixes": (".wav",)} if name == "meld" else {}
    folder = LAYOUTS[name](tmp_path / "set", play=True, **more)
    catalogue = open_dataset(folder)
    files = [str(file) for file in catalogue.sample(0).paths.values()]
    assert len(files) == 1
    assert main(["inspect", *files, "--json", "-"]) == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["ok"]
    assert outcome["kind"] == ("image" if name == "b_t4sa" else "audio")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_picture_and_a_sound_beside_make_a_pair(tmp_path, name):
    """What is extracted where the problem says, or lies beside by itself, is found."""
    if name == "b_t4sa":
        folder = make_b_t4sa(tmp_path, sounds=True, play=True)
    elif name == "iemocap":
        folder = make_iemocap(tmp_path, sessions=1, play=True)
        for sound in folder.glob("Session1/sentences/wav/*/*.wav"):
            put(sound.with_suffix(".jpg"), play=True)
    elif name == "meld":
        folder = make_meld(tmp_path, suffixes=(".mp4", ".wav", ".jpg"), play=True)
    elif name == "ravdess":
        folder = make_ravdess(tmp_path, kinds=(*FACE_AND_VOICE, ("01", ".jpg")), play=True)
    else:
        places = ("AudioWAV/{}.wav", "VideoFlash/{}.flv", "VideoFlash/{}.jpg")
        folder = make_crema_d(tmp_path, places=places, play=True)
    catalogue = open_dataset(folder)
    assert catalogue.problems == ()
    sample = catalogue.sample(len(catalogue) - 1)
    inputs = load_inputs(sample, FrontEnd())
    assert set(inputs.tensors) == {Modality.IMAGE, Modality.SPEECH}


@pytest.mark.parametrize("name", ["ravdess", "crema_d", "meld", "iemocap"])
def test_a_video_is_listed_with_one_line_that_says_what_to_save_where(tmp_path, name):
    make = {
        "ravdess": lambda: make_ravdess(tmp_path, kinds=(("01", ".mp4"),)),
        "crema_d": lambda: make_crema_d(tmp_path, places=("VideoFlash/{}.flv",)),
        "meld": lambda: make_meld(tmp_path),
        "iemocap": lambda: make_iemocap(tmp_path, video=True),
    }[name]
    catalogue = open_dataset(make())
    assert [problem.row for problem in catalogue.problems] == list(range(len(catalogue)))
    for problem in catalogue.problems:
        assert problem.sample_id == catalogue.cell(problem.row, "sample_id")
        assert problem.kind == "missing"
        video = catalogue.cell(problem.row, "video")
        assert (tmp_path / video).is_file()
        assert problem.reason.startswith(f"{video} is a video, which is not decoded: save ")
    first = catalogue.problems[0].reason
    *_, picture = first.split(" as ")
    put(tmp_path / picture)
    assert catalogue.cell(0, "image") == ""
    assert open_dataset(tmp_path).cell(0, "image") == picture
    assert ("its sound" in first) == (name != "iemocap")
