"""Which words carry the speech's values, where nobody aligned them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FloatArray

_FRAME_S = 0.02
_SILENCE_DB = -40.0  # below the loudest frame
MAX_WORDS = 2_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the speech with what is said about it."""

    start_s: float
    end_s: float
    text: str


def energy_span(speech: FloatArray, rate: int) -> tuple[float, float]:
    """Seconds from the first to the end of the last frame within 40 dB of the loudest; all of silence."""
    size = max(1, round(_FRAME_S * rate))
    count = -(-len(speech) // size)
    padded = np.zeros(count * size)
    padded[: len(speech)] = speech
    power = np.square(padded.reshape(count, size)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (_SILENCE_DB / 10))
    if not len(loud):
        return 0.0, len(speech) / rate
    return loud[0] * size / rate, min((loud[-1] + 1) * size, len(speech)) / rate


def word_spans(text: str, speech: FloatArray, rate: int) -> list[Span]:
    """Words spread over the span that has energy, each as long as its share of the letters.

    A stand-in for alignment; whoever shows it says so.
    """
    words = text.split(maxsplit=MAX_WORDS)[:MAX_WORDS]
    if not words:
        return []
    start, end = energy_span(speech, rate)
    edges = np.concatenate([[0], np.cumsum([len(word) for word in words])])
    times = start + edges / edges[-1] * (end - start)
    return [Span(float(times[i]), float(times[i + 1]), word) for i, word in enumerate(words)]


def word_values(
    spans: list[Span], edges_s: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Per word the sum of the segments' values, each by the share of the segment that the word covers."""
    if not spans:
        return np.zeros(0)
    starts = np.array([span.start_s for span in spans])[:, None]
    ends = np.array([span.end_s for span in spans])[:, None]
    overlap = np.clip(np.minimum(ends, edges_s[1:]) - np.maximum(starts, edges_s[:-1]), 0, None)
    lengths = np.maximum(np.diff(edges_s), 1e-12)
    result: NDArray[np.float64] = overlap / lengths @ values
    return result


def contributing(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The words that carry most: for the class, and at least half of the strongest word's value."""
    top = float(values.max(initial=0.0))
    return values >= top / 2 if top > 0 else np.zeros(len(values), bool)
