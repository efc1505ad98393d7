"""The log-mel the networks hear (models.md §1), in numpy alone, with the way back to seconds and Hz."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FloatArray, FrontEnd, TimeFrequencyMap

Floats = NDArray[np.float64]
_CHUNK = 512  # frames per FFT call: stays in cache, and bounds memory at 60 s
_TINY = 1e-10  # power below which a logarithm says nothing


def log_mel(speech: FloatArray, front: FrontEnd) -> tuple[FloatArray, TimeFrequencyMap]:
    """Log-mel of mono speech at ``front.sample_rate``, fitted to the network's columns.

    Parameters
    ----------
    speech : float32 (n,), n ≥ 1.
    front : STFT and fitting; ``front.time`` "stretch" puts the whole utterance on the columns (area
        average, or linear interpolation where there are fewer frames than columns); "window" takes
        the ``frames`` consecutive STFT frames with the most power, one per column, and centres
        shorter speech in silence.

    Returns
    -------
    float32 (1, mels, frames) in [0, 1], mel row 0 lowest: 10·log10 of the power, plus ``offset_db``,
    clipped to [``floor_db``, 0] and mapped linearly; and the map back.
    """
    power = _power(speech, front)
    hop_s = front.hop / front.sample_rate
    # frame t is centred at t·hop: it stands for [(t-½)·hop, (t+½)·hop)
    if front.time == "stretch":
        fitted = _fit_columns(power, front.frames)
        start_s, column_s = -hop_s / 2, len(power) * hop_s / front.frames
    else:
        fitted, first = _loudest_window(power, front.frames)
        start_s, column_s = (first - 0.5) * hop_s, hop_s
    mel = mel_filters(front.sample_rate, front.n_fft, front.mels) @ fitted.T
    decibel = 10 * np.log10(np.maximum(mel, _TINY)) + front.offset_db
    scaled = np.clip(1 - decibel / front.floor_db, 0, 1).astype(np.float32)
    times = TimeFrequencyMap(
        duration_s=len(speech) / front.sample_rate,
        start_s=start_s,
        column_s=column_s,
        columns=front.frames,
        mel_edges_hz=mel_edges_hz(front.sample_rate, front.mels),
    )
    return scaled[None], times


def spectrogram(speech: FloatArray, front: FrontEnd, *, columns: int = 1200) -> tuple[FloatArray, float]:
    """Log-mel for the eye: dB float32 (mels, m), m ≤ ``columns``, and the seconds per column.

    Column c covers [(c·s) - hop/2, ((c+1)·s) - hop/2) where s is the second return value. Not offset, not
    clipped: 0 dB is power 1.
    """
    power = _power(speech, front)
    kept = min(columns, len(power))
    fitted = _fit_columns(power, kept)
    mel = mel_filters(front.sample_rate, front.n_fft, front.mels) @ fitted.T
    decibel = (10 * np.log10(np.maximum(mel, _TINY))).astype(np.float32)
    return decibel, len(power) / kept * front.hop / front.sample_rate


def mel_edges_hz(rate: int, mels: int) -> Floats:
    """Borders between mel bands: (mels + 1,) ascending Hz.

    Band m is a triangle that peaks at mel point m + 1 of mels + 2 equally spaced ones. Its border to the
    next lies half way between the two peaks in mels, so that row m is the band whose peak is nearest.
    The outermost borders are half a step beyond the first and last peak.
    """
    top = float(_hz_to_mel(np.float64(rate / 2)))
    return _mel_to_hz((np.arange(mels + 1) + 0.5) * top / (mels + 1))


@lru_cache(maxsize=8)
def mel_filters(rate: int, n_fft: int, mels: int) -> Floats:
    """Triangular filters (mels, n_fft // 2 + 1), Slaney's scale, each of area 1 over Hz."""
    bins = np.linspace(0, rate / 2, n_fft // 2 + 1)
    points = _mel_to_hz(np.linspace(0, float(_hz_to_mel(np.float64(rate / 2))), mels + 2))
    low, peak, high = points[:-2, None], points[1:-1, None], points[2:, None]
    triangles = np.maximum(0, np.minimum((bins - low) / (peak - low), (high - bins) / (high - peak)))
    return triangles * 2 / (high - low)


def _hz_to_mel(hz: Floats | np.float64) -> Floats:
    """Slaney: linear to 1 kHz (200/3 Hz per mel), then logarithmic, 27 mels per factor 6.4."""
    return np.where(hz < 1000, hz / (200 / 3), 15 + np.log(np.maximum(hz, 1000) / 1000) * 27 / np.log(6.4))


def _mel_to_hz(mel: Floats) -> Floats:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _power(speech: FloatArray, front: FrontEnd) -> Floats:
    """Power spectrogram (1 + n // hop, n_fft // 2 + 1): periodic Hann, centred, padded with zeros."""
    n_fft, hop = front.n_fft, front.hop
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    # float64: finite float32 samples, however large, cannot overflow when squared
    padded = np.pad(np.asarray(speech, np.float64), n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop][: 1 + len(speech) // hop]
    power = np.empty((len(frames), n_fft // 2 + 1))
    for start in range(0, len(frames), _CHUNK):
        spectrum = np.fft.rfft(frames[start : start + _CHUNK] * window, axis=1)
        power[start : start + _CHUNK] = spectrum.real**2 + spectrum.imag**2
    return power


def _fit_columns(power: Floats, columns: int) -> Floats:
    """(n, bins) → (columns, bins): column c is the mean over frames [c·n/columns, (c+1)·n/columns)."""
    n = len(power)
    if n == columns:
        return power
    if n < columns:  # between frame centres; flat beyond the outermost two
        at = np.clip((np.arange(columns) + 0.5) * n / columns - 0.5, 0, n - 1)
        left = np.minimum(at.astype(int), max(n - 2, 0))
        share = (at - left)[:, None]
        return power[left] * (1 - share) + power[np.minimum(left + 1, n - 1)] * share
    edges = np.arange(columns + 1) * n / columns
    fitted = np.empty((columns, power.shape[1]))
    for c in range(columns):
        first, last = int(edges[c]), min(int(np.ceil(edges[c + 1])), n)
        overlap = np.minimum(np.arange(first, last) + 1, edges[c + 1]) - np.maximum(
            np.arange(first, last), edges[c]
        )
        fitted[c] = overlap @ power[first:last] / overlap.sum()
    return fitted


def _loudest_window(power: Floats, columns: int) -> tuple[Floats, int]:
    """The ``columns`` consecutive frames with the most power, and the first's index (< 0: padded)."""
    n = len(power)
    if n <= columns:
        before = (columns - n) // 2
        return np.pad(power, ((before, columns - n - before), (0, 0))), -before
    sums = np.convolve(power.sum(axis=1), np.ones(columns), mode="valid")
    first = int(sums.argmax())
    return power[first : first + columns], first
