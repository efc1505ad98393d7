"""The players: image patches and speech segments, as integer maps over a network's inputs (explain.md §1)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FrontEnd, Modality, SampleInputs, TimeFrequencyMap
from sier_gui.core.explain.attribution import MAX_SEGMENTS, ExplainRequest, Floats

Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Players:
    """Who plays, by modality.

    ``shapes[m]``: the players' own layout, (rows, columns) or (segments,).
    ``maps[m]``: which player owns a cell of the input, broadcastable to its (height, width): image
    (height, width), speech (1, columns) since a segment spans the whole frequency axis.
    ``segment_edges_s``: (segments + 1,) ascending seconds within [0, duration].
    """

    shapes: Mapping[Modality, tuple[int, ...]]
    maps: Mapping[Modality, Ints]
    segment_edges_s: Floats

    @property
    def counts(self) -> dict[Modality, int]:
        return {m: math.prod(shape) for m, shape in self.shapes.items()}

    def describe(self) -> dict[str, Any]:
        """What tells two sets of players of one sample apart, as JSON: part of the cache's key."""
        return {str(m): list(shape) for m, shape in self.shapes.items()}


def players_for(inputs: SampleInputs, front: FrontEnd, request: ExplainRequest) -> Players:
    """The players that ``request`` asks for; method "modality" has one for each modality."""
    height, width = inputs.tensors[Modality.IMAGE].shape[-2:]
    hop_s = front.hop / front.sample_rate
    first, last = speech_columns(inputs.times, hop_s)
    edges = _visible_seconds(inputs.times, first, last, hop_s)
    grid, segments = request.grid, _segment_count(request, edges)
    if request.method == "modality":
        grid = segments = 1
    rows, columns = _parts(height, grid), _parts(width, grid)
    speech = np.empty(inputs.times.columns, np.intp)
    speech[first:last] = _parts(last - first, segments)
    speech[:first], speech[last:] = 0, segments - 1  # silence around short speech goes with its neighbour
    return Players(
        shapes={Modality.IMAGE: (grid, grid), Modality.SPEECH: (segments,)},
        maps={Modality.IMAGE: rows[:, None] * grid + columns, Modality.SPEECH: speech[None]},
        segment_edges_s=np.linspace(*edges, segments + 1),
    )


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
