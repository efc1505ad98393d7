"""Who else says what a sample says: columns of its row, and accepted takes of a study about its dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sier_gui.core.domain import Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Reader, Sex, Take
from sier_gui.core.study.voices import Voice, load_voice, other_voices

RATE = 48_000


def tone(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two readers recorded sample s1; of anna's two takes the second counts."""
    folder = tmp_path / "study"
    with open_project(folder, create=True) as project:
        project.set_fact("dataset_hash", "d1")
        for name, sex in (("anna", Sex.FEMALE), ("ben", Sex.MALE)):
            project.add_reader(Reader(name, sex))
        for reader, number in (("anna", 1), ("anna", 2), ("ben", 1)):
            path = f"takes/{reader}/s1/{number:03d}.wav"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(folder / path, tone(2.0), RATE)
            take = Take(reader, "s1", number, path, f"{reader}{number}".ljust(64, "0"), RATE, 2.0, "pass", (),
                        False, 0.5, 1.5, "2026-11-21T10:00:00+00:00")  # fmt: skip
            project.add_take(take)
        project.accept_take("anna", "s1", 2)
        project.accept_take("ben", "s1", 1)
    return folder


def test_accepted_takes_are_heard_as_they_were_trimmed(study: Path) -> None:
    sample = Sample("s1", 0, {})
    found = other_voices(sample, None, study, "d1")
    assert found == [
        Voice("anna", study / "takes/anna/s1/002.wav", 0.5, 1.5),
        Voice("ben", study / "takes/ben/s1/001.wav", 0.5, 1.5),
    ]
    sound = load_voice(found[0], RATE)
    assert sound == pytest.approx(tone(2.0)[RATE // 2 : 3 * RATE // 2], abs=1e-4)
    assert other_voices(Sample("s2", 0, {}), None, study, "d1") == []


def test_a_study_about_another_dataset_says_nothing(study: Path, tmp_path: Path) -> None:
    assert other_voices(Sample("s1", 0, {}), None, study, "d2") == []
    assert other_voices(Sample("s1", 0, {}), None, tmp_path / "nowhere", "d1") == []


def test_it_can_be_asked_while_the_project_is_open(study: Path) -> None:
    with open_project(study):
        assert len(other_voices(Sample("s1", 0, {}), None, study, "d1")) == 2


def test_a_trim_that_leaves_nothing_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.5), RATE)
    with pytest.raises(SierError, match="nothing between its trims"):
        load_voice(Voice("a", tmp_path / "a.wav", 1.0, 2.0), RATE)


def test_columns_come_before_readers(study: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", tone(0.5), RATE)
    sample = Sample("s1", 0, {Modality.IMAGE: tmp_path / "a.png"}, extra={"human_male": "other.wav"})
    names = [voice.name for voice in other_voices(sample, tmp_path, study, "d1")]
    assert names == ["human_male", "anna", "ben"]
