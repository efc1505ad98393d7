"""Stimuli: sources equally loud, differences within a source kept, peaks held, originals untouched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from voices import RATE, spoken

from sier_gui.core.audio.files import Audio, write_wav
from sier_gui.core.audio.loudness import integrated_lufs, limited, true_peak_dbtp
from sier_gui.core.errors import SierError
from sier_gui.core.study.importing import import_recordings
from sier_gui.core.study.project import open_project
from sier_gui.core.study.project.sidecars import file_hash
from sier_gui.core.study.records import Reader, Sex, StimulusRules
from sier_gui.core.study.stimuli import MANIFEST, Clip, Stimulus, human_clips, prepare, source_means
from sier_gui.core.study.takes import Prompt

RULES = StimulusRules()


def tone(hz: float, dbfs: float, seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def test_loudness_of_the_standards_reference_tone() -> None:
    """BS.1770-4: 997 Hz at 0 dBFS in one channel reads −3.01 LKFS; and each dB is one LU."""
    assert integrated_lufs(tone(997, 0.0), RATE) == pytest.approx(-3.01, abs=0.05)
    assert integrated_lufs(tone(997, -20.0), RATE) == pytest.approx(-23.01, abs=0.05)
    assert integrated_lufs(tone(997, -20.0, 0.1), RATE) == pytest.approx(-23.01, abs=0.3)
    assert integrated_lufs(np.zeros(RATE, np.float32), RATE) == float("-inf")


def test_the_true_peak_lies_between_samples() -> None:
    """A quarter of the rate, sampled 45° beside its peaks, reads 3.01 dB too low."""
    t = np.arange(RATE) / RATE
    beside = np.sin(2 * np.pi * RATE / 4 * t + np.pi / 4).astype(np.float32) * np.hanning(RATE).astype(
        np.float32
    )
    assert 20 * np.log10(np.abs(beside).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(beside, RATE) == pytest.approx(0.0, abs=0.1)


def test_the_limiter_holds_the_peak_and_leaves_the_rest_alone() -> None:
    sound = 0.3 * spoken(2.0, dbfs=-14)
    sound[RATE : RATE + 50] *= 8
    held, lowered = limited(sound, RATE, -1.0)
    assert true_peak_dbtp(held, RATE) <= -1.0
    assert lowered == pytest.approx(true_peak_dbtp(sound, RATE) + 1.0, abs=0.3)
    apart = np.r_[0 : RATE - 600, RATE + 650 : len(sound)]
    np.testing.assert_array_equal(held[apart], sound[apart])
    steps = np.abs(np.diff(held / np.where(sound == 0, 1, sound)))[RATE - 500 : RATE + 500]
    assert np.nanmax(steps) < 0.02  # a smooth gain: no click
    quiet = 0.1 * spoken()
    assert limited(quiet, RATE, -1.0)[0] is quiet


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Two sources of other levels, each with a loud and a soft clip; one synthetic voice at 16 kHz."""
    made = []
    for owner, offset in (("anna", -30.0), ("ben", -18.0)):
        for sample, level in (("s1", 3.0), ("s2", -3.0)):
            path = tmp_path / "originals" / f"{owner}-{sample}.wav"
            write_wav(path, Audio(spoken(1.5, offset + level, before=0.8, after=1.0)[:, None], RATE))
            made.append(Clip(owner, f"{owner}/1", sample, path))
    path = tmp_path / "originals" / "voice.wav"
    write_wav(path, Audio(np.stack([spoken(1.5)[::3]] * 2, axis=1), 16_000))
    return [*made, Clip("voice", "voice", "s1", path)]


def by_name(stimuli: list[Stimulus]) -> dict[tuple[str, str], Stimulus]:
    return {(s.owner, s.sample_id): s for s in stimuli}


def test_sources_come_to_one_mean_and_keep_their_differences(clips: list[Clip], tmp_path: Path) -> None:
    hashes = [file_hash(clip.path) for clip in clips]
    stimuli = prepare(clips, RULES, tmp_path / "stimuli")
    assert source_means(stimuli) == {
        name: pytest.approx(-23.0, abs=0.1) for name in ("anna/1", "ben/1", "voice")
    }
    found = by_name(stimuli)
    for owner in ("anna", "ben"):
        loud, soft = found[owner, "s1"], found[owner, "s2"]
        assert loud.lufs - soft.lufs == pytest.approx(6.0, abs=0.3)
        assert loud.gain_db == soft.gain_db
    assert [file_hash(clip.path) for clip in clips] == hashes == [s.original_sha256 for s in stimuli]
    for stimulus in stimuli:
        info = soundfile.info(str(tmp_path / "stimuli" / stimulus.path))
        assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_24")
        assert info.frames / RATE == pytest.approx(1.5 + 0.3, abs=0.1)  # all trimmed alike
        sound, _ = soundfile.read(str(tmp_path / "stimuli" / stimulus.path), dtype="float32")
        assert integrated_lufs(sound, RATE) == pytest.approx(stimulus.lufs, abs=0.01)
        assert true_peak_dbtp(sound, RATE) <= RULES.true_peak_dbtp + 0.01
    told = json.loads((tmp_path / "stimuli" / MANIFEST).read_text(encoding="utf-8"))
    assert told["rules"]["lufs"] == -23.0
    assert len(told["stimuli"]) == 5


def test_levelling_each_clip_is_an_option(clips: list[Clip], tmp_path: Path) -> None:
    stimuli = prepare(clips, replace(RULES, level="clip"), tmp_path / "s")
    assert [s.lufs for s in stimuli] == [pytest.approx(-23.0, abs=0.1)] * 5
    untouched = prepare(clips, replace(RULES, level="none"), tmp_path / "n")
    assert all(s.gain_db == 0 and s.lufs == pytest.approx(s.lufs_before, abs=0.01) for s in untouched)


def test_a_given_trim_is_taken_as_it_is(clips: list[Clip], tmp_path: Path) -> None:
    (stimulus,) = prepare([replace(clips[0], start_s=0.9, end_s=1.9)], RULES, tmp_path / "s")
    assert stimulus.duration_s == pytest.approx(1.0, abs=1e-4)


def test_the_band_is_limited_where_the_protocol_says_so(tmp_path: Path) -> None:
    path = tmp_path / "both.wav"
    write_wav(path, Audio((tone(500, -20) + tone(9000, -20))[:, None], RATE))
    prepare([Clip("v", "v", "s", path, 0.0, 2.0)], replace(RULES, band_limit_hz=4000), tmp_path / "s")
    sound, _ = soundfile.read(str(tmp_path / "s" / "v" / "s.wav"))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    at = [spectrum[round(hz * len(sound) / RATE)] for hz in (500, 9000)]
    assert 20 * np.log10(at[0] / at[1]) > 80
    with pytest.raises(SierError, match="24000 Hz at a rate"):
        prepare([Clip("v", "v", "s", path)], replace(RULES, band_limit_hz=24_000), tmp_path / "t")


def test_human_clips_are_the_accepted_takes_by_reader_and_session(tmp_path: Path) -> None:
    with open_project(tmp_path / "study", create=True) as project:
        project.add_reader(Reader("anna", Sex.FEMALE))
        session = project.add_session("anna", "microphone", RATE, -65.0)
        for sample in ("s1", "s2"):
            write_wav(tmp_path / f"{sample}.wav", Audio(spoken(1.2 + 0.1 * (sample == "s2"))[:, None], RATE))
        files = [tmp_path / "s1.wav", tmp_path / "s2.wav"]
        takes = import_recordings(project, "anna", files, [Prompt(s, "", "") for s in ("s1", "s2")]).takes
        project.accept_take("anna", "s2", 1)
        recorded = replace(takes[1][0], number=2, path="takes/anna/s2/002.wav")
        project.add_take(recorded, session)
        (clip,) = human_clips(project)
        assert (clip.source, clip.sample_id) == ("anna/imported", "s2")
        assert clip.path == project.folder / "takes/anna/s2/001.wav"
        assert clip.end_s - clip.start_s == pytest.approx(1.3 + 0.3, abs=0.06)
        project.accept_take("anna", "s2", 2)
        assert human_clips(project)[0].source == f"anna/{session}"


def test_silence_and_double_names_are_told(clips: list[Clip], tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    write_wav(path, Audio(np.zeros((RATE, 1), np.float32), RATE))
    with pytest.raises(SierError, match="silent"):
        prepare([Clip("v", "v", "s", path)], RULES, tmp_path / "s")
    with pytest.raises(SierError, match="same owner"):
        prepare([clips[0], clips[0]], RULES, tmp_path / "s")
