"""Where the words of a text are shown, and which of them carry the speech's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio.alignment import POCKETSPHINX, split_words, spread_words
from sier_gui.core.domain import FloatArray, SampleInputs
from sier_gui.core.explain.attribution import Attribution


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the speech with what is said about it."""

    start_s: float
    end_s: float
    text: str


def word_spans(text: str, speech: FloatArray, rate: int) -> list[Span]:
    """Words spread over the time that sounds, by their lengths: a stand-in for alignment.

    Whoever shows it says so.
    """
    spread = spread_words(speech, rate, split_words(text))
    return [Span(word.start_s, word.end_s, word.word) for word in spread]


def shown_words(inputs: SampleInputs, text: str, speech: FloatArray, rate: int) -> list[Span]:
    """Words where ``inputs`` know them to be said, else as `word_spans` spreads them."""
    if inputs.words:
        return [Span(word.start_s, word.end_s, word.word) for word in inputs.words]
    return word_spans(text, speech, rate)


def placed(inputs: SampleInputs) -> str:
    """How `shown_words` came to their places: "aligned by pocketsphinx" or "not aligned"."""
    return f"aligned by {POCKETSPHINX}" if inputs.words_by == POCKETSPHINX else "not aligned"


def player_words(attribution: Attribution) -> tuple[str, ...]:
    """What is said in each segment, where words were the players; else ()."""
    return tuple(attribution.provenance.get("words", ()))


def word_values(
    spans: Sequence[Span], edges_s: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Per word the sum of the segments' values, each by the share of the segment that the word covers.

    Pauses are divided at their middle, the time before the first word and after the last goes to them: the
    words' values sum to the segments', and words that are players keep their own.

    Parameters
    ----------
    spans : in ascending order. ``edges_s`` : (segments + 1,). ``values`` : (segments,).
    """
    if not spans:
        return np.zeros(0)
    middles = [(before.end_s + after.start_s) / 2 for before, after in pairwise(spans)]
    borders = np.array([-np.inf, *middles, np.inf])[:, None]
    overlap = np.minimum(borders[1:], edges_s[1:]) - np.maximum(borders[:-1], edges_s[:-1])
    lengths = np.maximum(np.diff(edges_s), 1e-12)
    result: NDArray[np.float64] = np.clip(overlap, 0, None) / lengths @ values
    return result


def contributing(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The words that carry most: for the class, and at least half of the strongest word's value."""
    top = float(values.max(initial=0.0))
    return values >= top / 2 if top > 0 else np.zeros(len(values), bool)
