"""The players: patches; segments or words, in bands. Integer maps over the inputs (explain.md §1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FrontEnd, Modality, SampleInputs, TimeFrequencyMap
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import MAX_SEGMENTS, WORDS, ExplainRequest, Floats

Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Players:
    """Who plays, by modality.

    ``shapes[m]``: the players' own layout, (rows, columns), (segments,) or, lowest first, (bands, segments).
    ``maps[m]``: which player owns a cell of the input, broadcastable to its (height, width): image
    (height, width); speech (1, columns) where segments span the whole frequency axis, else (mels, columns)
    with owner = band · segments + segment.
    ``segment_edges_s``: (segments + 1,) ascending seconds within [0, duration]; equal parts, but for words.
    ``words``: what is said in each segment where words are the players; ``words_by``: who aligned them.
    """

    shapes: Mapping[Modality, tuple[int, ...]]
    maps: Mapping[Modality, Ints]
    segment_edges_s: Floats
    words: tuple[str, ...] = ()
    words_by: str = ""

    @property
    def counts(self) -> dict[Modality, int]:
        return {m: math.prod(shape) for m, shape in self.shapes.items()}

    def describe(self) -> dict[str, Any]:
        """What tells two sets of players of one sample apart, as JSON: part of the cache's key."""
        facts: dict[str, Any] = {str(m): list(shape) for m, shape in self.shapes.items()}
        if self.words:
            facts |= {"words": list(self.words), "words_by": self.words_by}
            facts["edges_s"] = self.segment_edges_s.tolist()
        return facts


def players_for(inputs: SampleInputs, front: FrontEnd, request: ExplainRequest) -> Players:
    """The players that ``request`` asks for; method "modality" has one for each modality.

    Raises
    ------
    SierError : words are asked for and the inputs know none, or more than there are columns to tell apart.
    """
    if request.method == "modality":
        request = replace(request, grid=1, segments=1, bands=1)
    words, starts, edges = _segments(inputs, front, request)
    height, width = inputs.tensors[Modality.IMAGE].shape[-2:]
    mels, columns = inputs.tensors[Modality.SPEECH].shape[-2:]
    grid, bands, segments = request.grid, request.bands, len(edges) - 1
    # silence around short speech goes with its neighbour, the first segment or the last
    speech = np.searchsorted(starts, np.arange(columns), side="right").astype(np.intp)[None]
    if bands > 1:
        speech = _parts(mels, bands)[:, None] * segments + speech
    image = _parts(height, grid)[:, None] * grid + _parts(width, grid)
    of_speech = (bands, segments) if bands > 1 else (segments,)
    return Players(
        shapes={Modality.IMAGE: (grid, grid), Modality.SPEECH: of_speech},
        maps={Modality.IMAGE: image, Modality.SPEECH: speech},
        segment_edges_s=edges,
        words=words,
        words_by=inputs.words_by if words else "",
    )


def _segments(
    inputs: SampleInputs, front: FrontEnd, request: ExplainRequest
) -> tuple[tuple[str, ...], Ints, Floats]:
    """Words or (), columns (segments − 1,) at which the second and later segments start, edges in seconds."""
    hop_s = front.hop / front.sample_rate
    first, last = speech_columns(inputs.times, hop_s)
    visible = _visible_seconds(inputs.times, first, last, hop_s)
    if request.segments == WORDS:
        return _words(inputs, (first, last), visible)
    segments = _segment_count(request, visible)
    starts = first + np.searchsorted(_parts(last - first, segments), np.arange(1, segments))
    return (), starts, np.linspace(*visible, segments + 1)


def _words(
    inputs: SampleInputs, heard: tuple[int, int], visible: tuple[float, float]
) -> tuple[tuple[str, ...], Ints, Floats]:
    """As `_segments`; pauses are divided at their middle.

    A word that the network hears next to nothing of is no player. Each has a column at least: in long speech,
    where two borders fall on one, they move apart, seconds and all.
    """
    if not inputs.words:
        raise SierError(
            f"Sample {inputs.sample_id} has no words to explain by: nothing says what is spoken.",
            "Give its row a text, or ask for a number of segments, for example 16.",
        )
    times = inputs.times
    middles = [(before.end_s + after.start_s) / 2 for before, after in pairwise(inputs.words)]
    borders = np.array([0.0, *middles, times.duration_s])
    lengths, heard_s = np.diff(borders), np.diff(np.clip(borders, *visible))
    kept = np.flatnonzero((heard_s > 0) & (heard_s >= np.minimum(times.column_s, lengths) / 2))
    words = tuple(inputs.words[i].word for i in kept)
    first, last = heard
    if len(words) > min(last - first, MAX_SEGMENTS):
        raise SierError(
            f"Sample {inputs.sample_id} has {len(words)} words, more than can be told apart.",
            "Ask for a number of segments, for example 32.",
        )
    inner = borders[kept[1:]]
    rank = np.arange(len(inner))
    columns = np.array([times.column(border) for border in inner])
    nearest = np.ceil(columns - 0.5).astype(np.intp)  # the first column with its centre behind the border
    apart = np.maximum.accumulate(np.maximum(nearest - rank, first + 1))
    starts = np.minimum(apart, last - len(inner)) + rank
    moved = np.array([times.seconds(start) for start in starts])
    inner = np.where(starts == nearest, inner, moved)
    return words, starts, np.array([visible[0], *inner, visible[1]])


def speech_columns(times: TimeFrequencyMap, hop_s: float) -> tuple[int, int]:
    """First column that hears speech, and one after the last; what lies outside is padding.

    STFT frames stand for half a hop before and after their centre, hence the slack of ``hop_s`` / 2 at
    both ends: without it, a stretched utterance would seem padded.
    """
    tiny = 1e-6  # the ends fall on whole columns, but for rounding
    first = math.floor(times.column(-hop_s / 2) + tiny)
    last = math.floor(times.column(times.duration_s + hop_s / 2) + tiny)
    first = min(max(first, 0), times.columns - 1)
    return first, min(max(last, first + 1), times.columns)


def _visible_seconds(times: TimeFrequencyMap, first: int, last: int, hop_s: float) -> tuple[float, float]:
    """Start and end of the speech that the network heard; half a hop beyond a frame belongs to it."""
    start, stop = times.seconds(first), times.seconds(last)
    whole_start, whole_stop = start <= hop_s / 2, stop >= times.duration_s - hop_s / 2
    return 0.0 if whole_start else start, times.duration_s if whole_stop else stop


def _segment_count(request: ExplainRequest, edges: tuple[float, float]) -> int:
    """Whole segments of the length asked for; the remainder is spread evenly over them (004 eq. 3.3–3.5)."""
    length = request.segment_seconds
    if length is None:
        return int(request.segments)
    return min(max(1, math.floor((edges[1] - edges[0]) / length + 1e-9)), MAX_SEGMENTS)


def _parts(cells: int, parts: int) -> Ints:
    """(cells,) → the part in which each cell's centre lies; with more parts than cells some stay empty."""
    return ((2 * np.arange(cells) + 1) * parts // (2 * cells)).astype(np.intp)
