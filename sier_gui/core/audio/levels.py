"""How loud speech is, where it sounds, and its outline for drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FloatArray

FRAME_S = 0.01
ABOVE_FLOOR_DB = 6.0
BELOW_LOUDEST_DB = 40.0
SILENT_DBFS = -90.0  # below the last bit of 16: nothing sounds
SHORTEST_RUN = 3  # frames


def peaks(speech: FloatArray, bins: int) -> FloatArray:
    """Lowest and highest sample per bin: float32 (bins, 2).

    Bin b covers samples [b·n/bins, (b+1)·n/bins), at least one; with fewer samples than bins
    neighbours repeat.
    """
    n = len(speech)
    starts = np.arange(bins) * n // bins
    if n >= bins:
        low, high = np.minimum.reduceat(speech, starts), np.maximum.reduceat(speech, starts)
    else:
        low = high = speech[starts]
    return np.stack([low, high], axis=1).astype(np.float32, copy=False)


def peak_dbfs(speech: FloatArray) -> float:
    """Largest magnitude in dB relative to full scale; -inf for silence."""
    return _db(float(np.abs(speech).max(initial=0.0)))


def rms_dbfs(speech: FloatArray) -> float:
    """Root mean square in dB relative to full scale (a full-scale square wave has 0 dB); -inf for silence."""
    return _db(float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))) if len(speech) else float("-inf")


def _db(amplitude: float) -> float:
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def frame_dbfs(speech: FloatArray, rate: int) -> NDArray[np.float64]:
    """RMS of each 10 ms in dBFS, (frames,); the rest at the end is left out; -200 for digital silence."""
    size = max(1, round(FRAME_S * rate))
    count = len(speech) // size
    power = np.square(speech[: count * size], dtype=np.float64).reshape(count, size).mean(axis=1)
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-20))
    return levels


def active_frames(levels: NDArray[np.float64], floor_dbfs: float) -> NDArray[np.bool_]:
    """Which frames of 10 ms sound: bool (frames,).

    A frame sounds that lies 6 dB above the noise floor and within 40 dB of the loudest, in a run of at least
    30 ms: a click of a key is no speech.
    """
    if not len(levels):
        return np.zeros(0, bool)
    loud = levels > max(floor_dbfs + ABOVE_FLOOR_DB, float(levels.max()) - BELOW_LOUDEST_DB)
    loud &= levels > SILENT_DBFS
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        if end - first < SHORTEST_RUN:
            loud[first:end] = False
    return loud


def active_span(speech: FloatArray, rate: int, floor_dbfs: float) -> tuple[float, float] | None:
    """Start and end of what sounds, in seconds; None where nothing does. ``floor_dbfs`` as above."""
    frames = np.flatnonzero(active_frames(frame_dbfs(speech, rate), floor_dbfs))
    if not len(frames):
        return None
    size = max(1, round(FRAME_S * rate))
    return float(frames[0] * size / rate), float((frames[-1] + 1) * size / rate)


def noise_floor(speech: FloatArray, rate: int) -> float:
    """In dBFS, of a recording without room tone: the level that a tenth of its frames stay below."""
    levels = frame_dbfs(speech, rate)
    return float(np.percentile(levels, 10)) if len(levels) else float("-inf")
