"""How loud speech is, and its outline for drawing."""

from __future__ import annotations

import numpy as np

from sier_gui.core.domain import FloatArray


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
