"""Known evidence among the players: does a map point at it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sier_gui.core.dataset.evidence import Evidence
from sier_gui.core.domain import Modality, PixelMap, SampleInputs
from sier_gui.core.explain.agreement import cells_in_box, overlap, pointing_hit
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.explain.players import Players
from sier_gui.core.explain.truth.case import PlayerMap


@dataclass(frozen=True, slots=True)
class Found:
    """How one modality's map meets the evidence (`core.explain.agreement`): hit 0–1, overlap as IoU."""

    hit: float
    overlap: float


def evident_players(evidence: Evidence, inputs: SampleInputs, players: Players) -> dict[Modality, Bools]:
    """Players that are evidence, (rows, columns) and (segments,); modalities without known evidence lack.

    What lies wholly outside the picture's crop, or after the speech that the network heard, is not there
    for the network and lacks as well.
    """
    found: dict[Modality, Bools] = {}
    if evidence.box is not None and (box := _in_network(evidence.box, inputs.pixels)):
        found[Modality.IMAGE] = cells_in_box(box, players.shapes[Modality.IMAGE])
    if evidence.span is not None and _overlaps(evidence.span, players.segment_edges_s):
        found[Modality.SPEECH] = _segments_in(evidence.span, players.segment_edges_s)
    return found


def pointed(values: PlayerMap, evident: Mapping[Modality, Bools]) -> dict[Modality, Found]:
    """The map against the evidence, for the modalities that have some. Bands are summed."""
    found = {}
    for m, there in evident.items():
        map_ = values[m]
        if map_.ndim > there.ndim:  # time × band: evidence is known in time only
            map_ = map_.sum(axis=0)
        found[m] = Found(pointing_hit(map_, there), overlap(map_, there))
    return found


def _in_network(box: tuple[float, float, float, float], pixels: PixelMap) -> list[tuple[float, float]] | None:
    """Picture pixels → (start, stop) of rows and of columns as shares of what the network saw."""
    left, top = pixels.to_network(box[0], box[1])
    right, bottom = pixels.to_network(box[2], box[3])
    sides = [(top / pixels.size, bottom / pixels.size), (left / pixels.size, right / pixels.size)]
    if any(stop <= 0 or start >= 1 for start, stop in sides):
        return None
    return [(max(start, 0.0), min(stop, 1.0)) for start, stop in sides]


def _overlaps(span: tuple[float, float], edges: Floats) -> bool:
    return bool(span[1] > edges[0] and span[0] < edges[-1])


def _segments_in(span: tuple[float, float], edges: Floats) -> Bools:
    """Segments, equal or not, whose middle lies in ``span``, and always the one around the span's middle."""
    middles = (edges[1:] + edges[:-1]) / 2
    inside: Bools = (middles >= span[0]) & (middles < span[1])
    middle = (max(span[0], edges[0]) + min(span[1], edges[-1])) / 2
    inside[min(int(np.searchsorted(edges, middle, side="right")) - 1, len(inside) - 1)] = True
    return inside
