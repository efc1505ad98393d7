"""The phrase lies where the builder says, at the level it says."""

from __future__ import annotations

import numpy as np
import pytest

from sier_gui.core.audio.files import Audio
from sier_gui.core.construct import demo_speech
from sier_gui.core.construct.demo_speech import MANNERS, RATE, Piece, Voice, utterance

VOICE = Voice("tone", "tone", "", female=False)


class Tone:
    """Speaks a tone instead: 220 Hz for neutral rate, 0.05 s a letter, so that each piece can be told."""

    name = "tone"

    def available(self) -> bool:
        return True

    def speak(self, text: str, voice: str, prosody: object) -> Audio:
        rate = getattr(prosody, "rate", 1.0)
        time = np.arange(int(0.05 * len(text) / rate * 22_050)) / 22_050
        wave = 0.3 * np.sin(2 * np.pi * (880 if "loud" in text else 220) * time)
        silence = np.zeros(2_000)
        return Audio(np.concatenate([silence, wave, silence])[:, None].astype(np.float32), 22_050)


@pytest.fixture(autouse=True)
def _tones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_speech, "choose", lambda _name: Tone())


def strongest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


@pytest.mark.parametrize("manner", sorted(MANNERS))
def test_the_phrase_lies_at_its_span(manner: str) -> None:
    pieces = [
        Piece("the frame", "neutral"),
        Piece("loud phrase", manner, phrase=True),
        Piece("end", "neutral"),
    ]
    samples, onset, offset = utterance(pieces, VOICE)
    first, last = round(onset * RATE), round(offset * RATE)
    assert strongest_hz(samples[first:last]) == pytest.approx(880, abs=45)
    assert strongest_hz(samples[:first]) == pytest.approx(220, abs=10)
    assert strongest_hz(samples[last:]) == pytest.approx(220, abs=10)
    # silence right before and after
    assert not samples[first - 200 : first].any()
    assert not samples[last : last + 200].any()


def test_level_and_peak() -> None:
    samples, _, _ = utterance([Piece("some words", "anger", phrase=True)], VOICE)
    assert 20 * np.log10(np.sqrt(np.mean(samples**2))) == pytest.approx(-20, abs=0.3)
    assert np.abs(samples).max() < 0.9


def test_what_is_too_long_is_said_faster() -> None:
    samples, _, offset = utterance([Piece("x" * 60, "neutral"), Piece("loud" * 6, "sad", phrase=True)], VOICE)
    assert len(samples) / RATE <= 3.05
    assert offset < len(samples) / RATE


def test_roughness_and_tilt_do_what_they_say() -> None:
    time = np.arange(RATE) / RATE
    both = (np.sin(2 * np.pi * 300 * time) + np.sin(2 * np.pi * 4000 * time)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(demo_speech._tilted(both, -12)))
    assert 20 * np.log10(spectrum[4000] / spectrum[300]) == pytest.approx(-12, abs=0.1)
    rough = np.abs(np.fft.rfft(demo_speech._rough(np.sin(2 * np.pi * 300 * time).astype(np.float32), 0.5)))
    assert rough[338] / rough[300] == pytest.approx(0.25 / 2 / 0.75, rel=0.01)
