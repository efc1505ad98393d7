"""Speech of the demo set: neutral pieces around one emotional phrase whose place in time is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sier_gui.core.audio.files import resample
from sier_gui.core.construct.synthesizers import Prosody, choose
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

RATE = 16_000
LEVEL_DB = -20.0  # RMS re full scale
_PEAK = 10 ** (-1 / 20)
_EDGE_S, _PAUSE_S = 0.05, 0.08
_LONGEST_S = 3.0


@dataclass(frozen=True, slots=True)
class Manner:
    """Prosody that the program itself makes, and vocal effort added afterwards.

    ``tilt_db`` raises (or, negative, lowers) what lies above 500 Hz by up to that many dB at 4 kHz; ``rough``
    is the depth, 0 to 1, of an amplitude tremor at 38 Hz (a growl).
    """

    prosody: Prosody
    tilt_db: float = 0.0
    rough: float = 0.0


MANNERS = {
    "neutral": Manner(Prosody(rate=1.35, range=0.7, volume_db=-3)),
    "anger": Manner(Prosody(pitch=1.2, rate=1.35, range=1.4, volume_db=6), tilt_db=13),
    "happy": Manner(Prosody(pitch=1.5, rate=1.25, range=1.9, volume_db=1), tilt_db=2),
    "hate": Manner(Prosody(pitch=0.8, rate=1.02, range=0.7, volume_db=1), tilt_db=1, rough=0.85),
    "sad": Manner(Prosody(pitch=0.92, rate=0.92, range=0.4, volume_db=-5), tilt_db=-12),
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker of the demo set: which program, and which of its voices."""

    speaker: str
    program: str
    name: str
    female: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text and how it is said; the phrase is the one whose span is kept."""

    text: str
    manner: str
    phrase: bool = False


def utterance(pieces: list[Piece], voice: Voice) -> tuple[FloatArray, float, float]:
    """Say the pieces one after the other.

    Returns
    -------
    float32 (n,) at 16 kHz with RMS −20 dBFS, and the phrase's onset and offset in seconds. What would last
    longer than 3 s is said faster as a whole.
    """
    parts = [_piece(piece, voice, 1.0) for piece in pieces]
    seconds = sum(map(len, parts)) / RATE + 2 * _EDGE_S + _PAUSE_S * (len(parts) - 1)
    if seconds > _LONGEST_S:
        parts = [_piece(piece, voice, seconds / _LONGEST_S * 1.03) for piece in pieces]
    position, onset, offset = round(_EDGE_S * RATE), 0.0, 0.0
    joined = [np.zeros(position, np.float32)]
    for piece, part in zip(pieces, parts, strict=True):
        if piece.phrase:
            onset, offset = position / RATE, (position + len(part)) / RATE
        joined += [part, np.zeros(round(_PAUSE_S * RATE), np.float32)]
        position += len(part) + len(joined[-1])
    joined[-1] = np.zeros(round(_EDGE_S * RATE), np.float32)
    return _levelled(np.concatenate(joined)), onset, offset


def _piece(piece: Piece, voice: Voice, faster: float) -> FloatArray:
    manner = MANNERS[piece.manner]
    prosody = replace(manner.prosody, rate=manner.prosody.rate * faster)
    spoken = choose(voice.program).speak(piece.text, voice.name, replace(prosody, volume_db=0.0))
    samples = _trimmed(resample(spoken.samples[:, 0], spoken.rate, RATE))
    effort = _rough(_tilted(samples, manner.tilt_db), manner.rough)
    # volume last and relative to a common level: the programs' own loudness differs by voice
    gain = 10 ** ((LEVEL_DB + prosody.volume_db) / 20) / float(np.sqrt(np.mean(effort**2)))
    return _faded((effort * gain).astype(np.float32))


def _trimmed(samples: FloatArray) -> FloatArray:
    """Without what lies 35 dB or more below the peak at either end (10 ms kept)."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max(initial=0) * 10 ** (-35 / 20))
    if not len(loud):
        raise SierError("A synthesizer answered with silence.", "Use another voice.")
    margin = RATE // 100
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def _tilted(samples: FloatArray, tilt_db: float) -> FloatArray:
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    octaves = np.clip(np.log2(np.maximum(frequencies, 1) / 500), 0, 3)
    spectrum = np.fft.rfft(samples) * 10 ** (tilt_db * octaves / 3 / 20)
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def _rough(samples: FloatArray, depth: float) -> FloatArray:
    time = np.arange(len(samples)) / RATE
    return (samples * (1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * 38 * time)))).astype(np.float32)


def _faded(samples: FloatArray) -> FloatArray:
    ramp = np.linspace(0, 1, RATE // 200, dtype=np.float32)
    samples[: len(ramp)] *= ramp
    samples[-len(ramp) :] *= ramp[::-1]
    return samples


def _levelled(samples: FloatArray) -> FloatArray:
    """RMS −20 dBFS; peaks beyond −1 dBFS are rounded off smoothly instead of clipped."""
    levelled = samples * (10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(samples**2)))
    over = np.abs(levelled) > 0.7
    room = _PEAK - 0.7
    soft = np.sign(levelled) * (0.7 + room * np.tanh((np.abs(levelled) - 0.7) / room))
    return np.where(over, soft, levelled).astype(np.float32)
