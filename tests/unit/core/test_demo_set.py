"""The shipped demo set is what its tables, evidence and licences say; its plan is balanced."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sier_gui.core import paths
from sier_gui.core.audio.files import read_audio
from sier_gui.core.construct import demo_parts, demo_set
from sier_gui.core.construct.demo_parts import Package, Parts
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image

DEMO = paths.resources() / "demo"
COLUMNS = [
    *("sample_id", "image", "speech", "text", "label", "split", "speaker", "language"),
    *("human_male", "human_female"),
]


def table(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SAMPLES = table("samples.csv")
EVIDENCE = {row["sample_id"]: row for row in table("evidence.csv")}
IDS = [row["sample_id"] for row in SAMPLES]


def test_four_equal_classes_under_twelve_megabytes() -> None:
    assert list(SAMPLES[0]) == COLUMNS
    assert len(set(IDS)) == len(IDS) == len(EVIDENCE) >= 96
    assert set(Counter(row["label"] for row in SAMPLES).values()) == {36}
    assert {row["label"] for row in SAMPLES} == {"anger", "happy", "hate", "sad"}
    assert len({row["text"] for row in SAMPLES}) == len(SAMPLES)
    assert sum(file.stat().st_size for file in DEMO.rglob("*") if file.is_file()) < 12_000_000


def test_every_file_is_in_the_table_and_every_row_has_its_files() -> None:
    named = {row[c] for row in SAMPLES for c in ("image", "speech", "human_male", "human_female")}
    found = {file.relative_to(DEMO).as_posix() for file in DEMO.rglob("*") if file.is_file()}
    assert found == named | {"samples.csv", "evidence.csv", "LICENSES.md"}
    assert len(named) == 4 * len(SAMPLES)


def test_held_out_voices_and_stand_ins_speak_nowhere_else() -> None:
    voices = {part: {r["speaker"] for r in SAMPLES if r["split"] == part} for part in ("train", "test")}
    assert voices["train"]
    assert voices["test"]
    assert not voices["train"] & voices["test"]
    assert {r["split"] for r in SAMPLES} == {"train", "test"}
    for column in ("human_male", "human_female"):
        assert all("standin" in row[column] for row in SAMPLES)


@pytest.mark.parametrize("row", SAMPLES, ids=IDS)
def test_a_sample_loads_and_its_evidence_lies_inside(row: dict[str, str]) -> None:
    known = EVIDENCE[row["sample_id"]]
    picture = read_image(DEMO / row["image"])
    assert picture.shape == (256, 256, 3)
    assert picture.std() > 10
    if known["left"]:
        left, top, right, bottom = (int(known[k]) for k in ("left", "top", "right", "bottom"))
        assert 0 <= left < right <= 256
        assert 0 <= top < bottom <= 256
        assert 0.05 < (right - left) * (bottom - top) / 256**2 < 0.17
    else:
        assert known["decides"] == "speech"
    for column in ("speech", "human_male", "human_female"):
        audio = read_audio(DEMO / row[column])
        assert (audio.rate, audio.samples.shape[1]) == (16_000, 1)
        assert 1.0 <= audio.duration_s <= 3.05
        level = 20 * np.log10(np.sqrt(np.mean(audio.samples**2)))
        assert -23 < level < -18
        assert np.abs(audio.samples).max() < 0.95  # nothing clipped
    duration = read_audio(DEMO / row["speech"]).duration_s
    start, end = float(known["start_s"]), float(known["end_s"])
    assert 0 < start < end < duration
    assert known["phrase"].lower() in row["text"].lower()


def test_a_sixth_is_decided_by_one_stream_alone() -> None:
    decides = Counter(row["decides"] for row in EVIDENCE.values())
    assert decides == {"both": 96, "speech": 24, "image": 24}


def test_licences_cover_every_picture_and_voice() -> None:
    page = (DEMO / "LICENSES.md").read_text(encoding="utf-8")
    photographs = page.split("## Photographs")[1]
    listed = Counter(re.findall(r"[a-z]+-(?:train|test)-\d\d", photographs))
    assert listed == Counter(IDS)  # each picture under exactly one photograph
    emoji = set(re.findall(r"[a-z]+-(?:train|test)-\d\d", page.split("## Emoji")[1].split("##")[0]))
    assert emoji == {i for i in IDS if EVIDENCE[i]["emoji"]}
    for photo in demo_parts.PHOTOS:
        assert f"| {photo.name} |" in photographs
        assert re.search(
            rf"{re.escape(photo.author)} \| (CC0 1\.0|CC BY \d\.0|public domain) \|", photographs
        )
    assert "stand-ins" in page
    for voice in {row["speaker"] for row in SAMPLES if "american" not in row["speaker"]}:
        assert voice in page


def test_the_plan_repeats_and_makes_the_shipped_table() -> None:
    plans = demo_set.plan()
    assert plans == demo_set.plan()
    assert plans != demo_set.plan(seed=1)
    assert [(p.sample_id, p.text, p.label, p.voice.speaker) for p in plans] == [
        (r["sample_id"], r["text"], r["label"], r["speaker"]) for r in SAMPLES
    ]


def test_photographs_and_voices_do_not_tell_the_class() -> None:
    plans = demo_set.plan()
    for label in demo_set.CLASSES:
        of_class = [p for p in plans if p.label == label]
        assert max(Counter(p.photo.name for p in of_class).values()) <= 3
        train = Counter(p.voice.speaker for p in of_class if p.split == "train")
        assert set(train.values()) <= {4, 5}


def test_a_part_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    package = Package("thing", "1", "thing.bin", "0" * 64, ("true",))
    (tmp_path / "thing.bin").write_bytes(b"another")
    with pytest.raises(SierError, match="thing 1 is not the pinned file"):
        Parts(tmp_path).fetch(package)


@pytest.mark.parametrize(
    ("command", "said"), [("no-such-client", "no-such-client is needed"), ("false", "`false` failed")]
)
def test_a_part_that_cannot_be_fetched_says_why(tmp_path: Path, command: str, said: str) -> None:
    package = Package("thing", "1", "thing.bin", "0" * 64, (command,))
    with pytest.raises(SierError, match=said):
        Parts(tmp_path).fetch(package)


def test_the_command_tells_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sier_gui.core.construct.demo_set", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--parts", str(tmp_path / "parts")],
        env={"PATH": "/nowhere", "SIER_GUI_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
