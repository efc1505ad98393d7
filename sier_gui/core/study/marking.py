"""Marks of simulated raters: near evidence whose place is known, with the noise that people would have.

They show what the comparison looks like; they say nothing about people. Their raters' pseudonyms say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sier_gui.core.seeds import stream
from sier_gui.core.study.records import Box, Kind, Rationale, Response, Span

_LEAST = 1 / 32  # of an axis: nobody marks less


@dataclass(frozen=True, slots=True)
class Place:
    """Where the evidence of a sample lies, as one voice says it; None where that modality shows none.

    ``box`` in shares of the picture; ``span`` in seconds of the recording, of which ``heard`` is played.
    """

    box: Box | None
    span: Span | None
    heard: Span


@dataclass(frozen=True, slots=True)
class Habits:
    """How simulated raters mark.

    ``none``: share of answers without a mark; ``right``, ``wrong``: how often the evidence is what decided a
    right or a wrong answer (else it was anything); ``shift``, ``size``: standard deviations of a mark's
    place, in its own lengths, and of the logarithm of its length.
    """

    none: float = 0.1
    right: float = 0.85
    wrong: float = 0.3
    shift: float = 0.15
    size: float = 0.25


def mark_all(
    responses: Sequence[Response],
    places: Mapping[tuple[str, str], Place],
    seed: int,
    habits: Habits = Habits(),
) -> list[Response]:
    """The same responses with marks, drawn from ``seed``.

    Parameters
    ----------
    places : by sample and the response's ``reader``; what is not there, traps and problems get no mark.
    """
    random = stream(seed, "simulated marks")
    return [_marked(response, places, habits, random) for response in responses]


def _marked(
    response: Response,
    places: Mapping[tuple[str, str], Place],
    habits: Habits,
    random: np.random.Generator,
) -> Response:
    place = places.get((response.sample_id, response.reader))
    skipped = random.random() < habits.none
    if place is None or skipped or response.kind is Kind.TRAP or not response.answer:
        return response
    found = random.random() < (habits.right if response.correct else habits.wrong)
    box = place.box if found and response.modality.picture else None
    span = place.span if found and response.modality.sound else None
    if box is None and span is None:  # what decided it lies elsewhere, or anywhere
        return replace(response, rationale=_anywhere(response, place, random))
    spans, boxes = (), ()  # type: tuple[Span, ...], tuple[Box, ...]
    if span is not None:
        spans = (_moved(span, place.heard, habits, random),)
    if box is not None:
        left, right = _moved((box[0], box[2]), (0.0, 1.0), habits, random)
        top, bottom = _moved((box[1], box[3]), (0.0, 1.0), habits, random)
        boxes = ((left, top, right, bottom),)
    return replace(response, rationale=Rationale(spans, boxes))


def _anywhere(response: Response, place: Place, random: np.random.Generator) -> Rationale:
    picture = response.modality.picture and (not response.modality.sound or random.random() < 0.5)
    if picture:
        (left, right), (top, bottom) = (_drawn((0.0, 1.0), random) for _ in range(2))
        return Rationale((), ((left, top, right, bottom),))
    return Rationale((_drawn(place.heard, random),))


def _drawn(whole: Span, random: np.random.Generator) -> Span:
    length = (whole[1] - whole[0]) * random.uniform(0.2, 0.5)
    start = random.uniform(whole[0], whole[1] - length)
    return round(start, 4), round(start + length, 4)


def _moved(span: Span, whole: Span, habits: Habits, random: np.random.Generator) -> Span:
    """About ``span``, and within ``whole``."""
    extent = whole[1] - whole[0]
    length = (span[1] - span[0]) * float(np.exp(habits.size * random.standard_normal()))
    length = min(max(length, _LEAST * extent), extent)
    middle = sum(span) / 2 + habits.shift * (span[1] - span[0]) * random.standard_normal()
    start = min(max(middle - length / 2, whole[0]), whole[1] - length)
    return round(start, 4), round(start + length, 4)
