"""How loud a sound is to people (ITU-R BS.1770-4), its true peak, and a limiter that holds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio.files import resample
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError

OVERSAMPLING = 4  # BS.1770-4, annex 2, for rates of 48 kHz and less
_BLOCK_S = 0.4  # of the gated measurement
_ATTACK_S = 0.005  # the limiter turns down over so long, and up again


def integrated_lufs(sound: FloatArray, rate: int) -> float:
    """Gated loudness of mono float32 (n,) in LUFS; -inf for silence.

    A sound shorter than the measurement's block of 0.4 s is repeated: that is as loud as it is.
    """
    import pyloudnorm

    if not len(sound) or not np.any(sound):
        return float("-inf")
    needed = int(_BLOCK_S * rate) + 1
    if len(sound) < needed:
        sound = np.tile(sound, -(-needed // len(sound)))
    return float(pyloudnorm.Meter(rate).integrated_loudness(sound.astype(np.float64)))


def true_peak_dbtp(sound: FloatArray, rate: int) -> float:
    """The highest value between the samples, in dB relative to full scale; -inf for silence."""
    peak = float(np.abs(_between(sound, rate)).max(initial=0.0))
    return float(20 * np.log10(peak)) if peak > 0 else float("-inf")


def limited(sound: FloatArray, rate: int, ceiling_dbtp: float) -> tuple[FloatArray, float]:
    """``sound`` with its true peak at or below ``ceiling_dbtp``, and by how many dB at most it was lowered.

    The gain falls smoothly over 5 ms before a peak and rises as smoothly after it; elsewhere the sound is
    left as it was. Sounds below the ceiling come back unchanged.
    """
    ceiling = 10 ** (ceiling_dbtp / 20)
    heard, lowest = sound, 1.0
    for _ in range(8):  # a changed sound has other values between its samples: by a hair
        over = np.abs(_between(heard, rate)).reshape(-1, OVERSAMPLING).max(axis=1)
        if over.max(initial=0.0) <= ceiling:
            return heard, -20 * float(np.log10(lowest))
        needed = np.where(over > ceiling, 0.9995 * ceiling / np.maximum(over, ceiling), 1.0)
        gain = _smooth(needed, rate)
        heard = (heard * gain).astype(np.float32)
        lowest *= float(gain.min())
    raise SierError(
        f"A sound cannot be limited to {ceiling_dbtp} dBTP.", "Choose a lower loudness in the protocol."
    )


def _between(sound: FloatArray, rate: int) -> FloatArray:
    """Oversampled: float32 (4 n,), a sample's own values among its four."""
    dense = resample(sound, rate, OVERSAMPLING * rate)
    return np.pad(dense, (0, max(0, OVERSAMPLING * len(sound) - len(dense))))[: OVERSAMPLING * len(sound)]


def _smooth(gain: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Nowhere above ``gain``: the lowest of ±5 ms, averaged over ±5 ms with a raised cosine."""
    from scipy.ndimage import minimum_filter1d

    reach = max(1, round(_ATTACK_S * rate))
    lowest = minimum_filter1d(gain, 2 * reach + 1, mode="nearest")
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(lowest, reach, mode="edge")
    smooth = np.convolve(padded, window / window.sum(), mode="valid")
    return np.where(smooth > 1 - 1e-9, 1.0, smooth)  # what is not lowered stays as it was, to the bit
