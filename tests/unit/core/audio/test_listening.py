"""Parts of a sound: silent where they should be, without clicks, equally loud, and no file touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.audio.listening import (
    FADE_S,
    begun,
    faded,
    important,
    looped,
    matched,
    segments,
    selected,
    without,
)
from sier_gui.core.domain import Modality, Sample, Selection
from sier_gui.core.study.voices import load_voice, other_voices

RATE = 16_000
HALF_PI_STEP = np.pi / 2  # a raised cosine's steepest step, times its length in samples


def tone(hz: float = 200.0, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def most_click_free(sound: np.ndarray) -> float:
    """No step between samples may be larger: the sound's own, and what a fade may add."""
    own = float(np.abs(np.diff(sound)).max())
    return own + 1.1 * HALF_PI_STEP * float(np.abs(sound).max()) / (FADE_S * RATE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4000), st.booleans()), min_size=1, max_size=12), st.floats(80, 4000))
def test_no_edge_of_what_is_muted_clicks(runs: list[tuple[int, bool]], hz: float) -> None:
    kept = np.concatenate([np.full(length, keep) for length, keep in runs])
    sound = tone(hz, len(kept) / RATE)[: len(kept)]
    heard = faded(sound, RATE, kept)
    assert (heard[~kept] == 0).all()
    if len(sound) > 1:
        assert np.abs(np.diff(heard)).max() <= most_click_free(sound)
    fade = round(FADE_S * RATE) + 2
    for start in range(fade, len(kept) - fade):
        if kept[start - fade : start + fade].all():
            assert heard[start] == pytest.approx(sound[start], abs=1e-6)
            break


def test_a_hard_cut_would_fail_that_bound() -> None:
    """The bound means something: the muting as it was before."""
    sound = tone(190.0)
    cut = sound.copy()
    cut[4021:9000] = 0
    assert np.abs(np.diff(cut)).max() > most_click_free(sound)


def test_the_important_part_by_hand() -> None:
    values = np.array([0.1, -0.3, 0.5, 0.0, 0.2, 0.3, -0.1, 0.4, 0.6, 0.7])
    kept = important(values)  # the 30th percentile lies at 0.07
    assert kept.tolist() == [True, False, True, False, True, True, False, True, True, True]
    sound = tone(seconds=1.0)
    heard = segments(sound, RATE, np.linspace(0, 1, 11), kept)
    other = segments(sound, RATE, np.linspace(0, 1, 11), ~kept)
    for i, keep in enumerate(kept):
        middle = slice(i * 1600 + 200, (i + 1) * 1600 - 200)
        assert (heard[middle] == (sound[middle] if keep else 0)).all()
        assert (other[middle] == (0 if keep else sound[middle])).all()


def test_a_span_alone_and_all_but_it() -> None:
    sound, span = tone(), Selection(Modality.SPEECH, 0.25, 0.5)
    alone, rest = selected(sound, RATE, span), without(sound, RATE, [span])
    assert len(alone) == 4000
    assert len(rest) == len(sound)
    assert (alone[200:-200] == sound[4200:7800]).all()
    assert (rest[4000:8000] == 0).all()
    assert (rest[:3900] == sound[:3900]).all()
    assert abs(alone[0]) < 1e-3 * 0.5
    assert abs(alone[-1]) < 1e-3 * 0.5


def test_a_band_alone_and_all_but_it() -> None:
    low, high = tone(200.0), tone(3000.0)
    span = Selection(Modality.SPEECH, 0.0, 1.0, 1500.0, 6000.0)
    middle = slice(4000, 12_000)
    assert selected(low + high, RATE, span)[middle] == pytest.approx(high[middle], abs=0.01)
    assert without(low + high, RATE, [span])[middle] == pytest.approx(low[middle], abs=0.01)
    everything = Selection(Modality.SPEECH, 0.0, 1.0, 5.0, 8000.0)
    assert selected(low, RATE, everything)[middle] == pytest.approx(low[middle], abs=1e-6)


def test_a_beginning_in_the_middle_and_a_loop_do_not_click() -> None:
    sound = tone(190.0)
    started = begun(sound, RATE, 0.5017)
    first = round(0.5017 * RATE)
    assert started[first] == 0
    assert np.abs(np.diff(started[first:])).max() <= most_click_free(sound)
    assert (started[first + 100 :] == sound[first + 100 :]).all()
    assert begun(sound, RATE, 0.0) is sound
    again = looped(sound[: len(sound) - 21], RATE, 3.5)
    assert len(again) == 4 * (len(sound) - 21)
    assert np.abs(np.diff(again)).max() <= most_click_free(sound)


def test_matched_sounds_are_equally_loud_and_none_clips() -> None:
    """BS.1770 is linear: 0.5 of the amplitude is 6.02 dB less."""
    loud, quiet = tone(500.0, level=0.5), tone(500.0, level=0.25)
    assert matched([loud, quiet], RATE) == pytest.approx([0.0, 6.02], abs=0.01)
    peaky = 0.02 * quiet
    peaky[8000] = 0.9  # would rise above full scale
    gains = matched([loud, peaky], RATE)
    assert gains[0] < 0
    assert np.abs(peaky).max() * 10 ** (gains[1] / 20) <= 10 ** (-1 / 20) * 1.001
    assert matched([loud, np.zeros(8000, np.float32)], RATE) == [0.0, 0.0]


def test_other_voices_of_a_row_are_found_and_only_read(tmp_path: Path) -> None:
    for name in ("own", "human"):
        soundfile.write(tmp_path / f"{name}.wav", tone(300.0), RATE)
    soundfile.write(tmp_path.parent / "outside.wav", tone(), RATE)
    before = hashlib.sha256((tmp_path / "human.wav").read_bytes()).hexdigest()
    extra = {
        "human_female": "human.wav",
        "same": "own.wav",
        "gone": "missing.wav",
        "escape": "../outside.wav",
        "speaker": "kal",
    }
    sample = Sample("a", 0, {Modality.SPEECH: tmp_path / "own.wav"}, extra=extra)
    (voice,) = other_voices(sample, tmp_path)
    assert voice.name == "human_female"
    assert load_voice(voice, 8000) == pytest.approx(tone(300.0)[::2], abs=0.02)
    assert hashlib.sha256((tmp_path / "human.wav").read_bytes()).hexdigest() == before
    assert other_voices(sample, None) == []
