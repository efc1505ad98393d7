"""Parts of a sound to listen to: what is left keeps its place, edges fade, and no file is touched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio.levels import peak_dbfs
from sier_gui.core.audio.loudness import integrated_lufs, true_peak_dbtp
from sier_gui.core.domain import FloatArray, Modality, Selection

FADE_S = 0.005  # from silence to the sound and back: long enough that no click is heard
MUTED_BELOW = 30  # percentile of the segments' signed values below which the paper mutes (explain.md §4)
CEILING_DBTP = -1.0  # matched sounds stay below, so that none of them clips
_ORDER = 4  # of the Butterworth filters, run forth and back

Bools = NDArray[np.bool_]


def important(values: NDArray[np.float64]) -> Bools:
    """Which segments make the important part: none strictly below the 30th percentile of ``values``."""
    return values >= np.percentile(values, MUTED_BELOW)


def faded(sound: FloatArray, rate: int, kept: Bools) -> FloatArray:
    """``sound`` (n,) where ``kept`` (n,) is True, silence elsewhere.

    Fades lie inside what is kept, raised cosines of `FADE_S`, so that what is muted is silent to the sample;
    the sound's own beginning and end are left as they are. A part shorter than two fades is not heard.
    """
    return (sound * _gain(kept, rate)).astype(np.float32)


def _gain(kept: Bools, rate: int) -> NDArray[np.float64]:
    """In [0, 1]: 0 where not ``kept``, 1 where everything within a fade is."""
    reach = max(1, round(FADE_S * rate / 2))
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(~kept, 2 * reach, mode="edge")
    near = np.concatenate([[0], np.cumsum(padded)])
    whole = near[2 * reach + 1 :] == near[: -2 * reach - 1]  # (n + 2 reach,): nothing muted within ± reach
    gain = np.convolve(whole.astype(np.float64), window / window.sum(), mode="valid")
    return np.where(kept, np.clip(gain, 0.0, 1.0), 0.0)


def segments(sound: FloatArray, rate: int, edges_s: NDArray[np.float64], kept: Bools) -> FloatArray:
    """``sound`` (n,) with the segments between ``edges_s`` (k + 1,) that are not ``kept`` (k,) silent.

    What lies outside all segments, where the network hears nothing, is heard.
    """
    heard = np.ones(len(sound), np.bool_)
    for start, end, keep in zip(edges_s[:-1], edges_s[1:], kept, strict=True):
        heard[round(start * rate) : round(end * rate)] = keep
    return faded(sound, rate, heard)


def selected(sound: FloatArray, rate: int, selection: Selection) -> FloatArray:
    """The span of ``selection`` alone, (its samples,), and of that its band alone where it has one."""
    start, end = (round(at * rate) for at in (selection.start_s, selection.end_s))
    if selection.banded:
        sound = _band(sound, rate, selection.low_hz, selection.high_hz)
    kept = np.zeros(len(sound), np.bool_)
    kept[start:end] = True
    return faded(sound, rate, kept)[start:end]


def without(sound: FloatArray, rate: int, removals: Sequence[Selection]) -> FloatArray:
    """``sound`` (n,) with the spans of ``removals`` silent, or without their band; boxes are passed over."""
    for removal in removals:
        if removal.modality is not Modality.SPEECH:
            continue
        kept = np.ones(len(sound), np.bool_)
        kept[round(removal.start_s * rate) : round(removal.end_s * rate)] = False
        gain = _gain(kept, rate)
        rest = sound - _band(sound, rate, removal.low_hz, removal.high_hz) if removal.banded else 0.0
        sound = (sound * gain + rest * (1 - gain)).astype(np.float32)
    return sound


def _band(sound: FloatArray, rate: int, low_hz: float, high_hz: float) -> FloatArray:
    """Between two frequencies, without delay; an edge beyond what the rate can hold is none."""
    from scipy.signal import butter, sosfiltfilt

    low, high = low_hz > 20, high_hz < 0.99 * rate / 2
    if not (low or high):
        return sound
    kind = "bandpass" if low and high else "highpass" if low else "lowpass"
    edges = [hz for hz, there in ((low_hz, low), (high_hz, high)) if there]
    filters = butter(_ORDER, edges, kind, fs=rate, output="sos")
    padding = min(3 * (2 * len(filters) + 1), len(sound) - 1)
    return np.asarray(sosfiltfilt(filters, sound, padlen=padding), np.float32)


def begun(sound: FloatArray, rate: int, start_s: float) -> FloatArray:
    """``sound`` (n,) with a fade where somebody begins to listen, so that no click is heard there."""
    first = round(start_s * rate)
    length = min(max(1, round(FADE_S * rate)), max(len(sound) - first, 0))
    if first <= 0 or not length:
        return sound
    heard = sound.copy()
    heard[first : first + length] *= (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(
        np.float32
    )
    return heard


def looped(sound: FloatArray, rate: int, at_least_s: float) -> FloatArray:
    """``sound`` again and again, whole times, with fades at the seams."""
    if not len(sound):
        return sound
    kept = np.pad(np.ones(max(len(sound) - 2, 0), np.bool_), min(1, len(sound) // 2))
    once = faded(sound, rate, np.resize(kept, len(sound)))
    return np.tile(once, max(1, int(np.ceil(at_least_s * rate / len(once)))))


def matched(sounds: Sequence[FloatArray], rate: int) -> list[float]:
    """Gains in dB that make ``sounds`` equally loud (BS.1770 gated loudness).

    The first keeps its level, unless one of the others would then rise above `CEILING_DBTP`: all are lowered
    by as much. Silence has no loudness to match and keeps its own: gain 0.
    """
    loudness = [integrated_lufs(sound, rate) for sound in sounds]
    reference = next((one for one in loudness if np.isfinite(one)), 0.0)
    gains = [reference - one if np.isfinite(one) else 0.0 for one in loudness]
    raised = [(sound, gain) for sound, gain in zip(sounds, gains, strict=True) if gain > 0]
    over = [_peak_db(sound, rate) + gain - CEILING_DBTP for sound, gain in raised]
    lowered = max(0.0, *over) if over else 0.0
    return [gain - lowered for gain in gains]


def _peak_db(sound: FloatArray, rate: int) -> float:
    """The true peak, or a sample's own: oversampling rounds the sharpest of them off."""
    return max(true_peak_dbtp(sound, rate), peak_dbfs(sound))
