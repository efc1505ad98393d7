"""The formula as printed in 000 (algorithms 1 and 2), kept for comparison and never the default.

``div_score = (score − (pred_blank − pred_other)) / 2``: it halves a score that is an average already and
keeps one marginal, so its values do not sum to f(all) − f(none) and a null player can rank first
(explain.md §1). The regions, which the printed recursion never receives, are those of the halving tree; the
blank, noise in one algorithm and zeros in the other, is the request's absence for both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.estimate import Corners, Estimate, value_corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.owen import Box, cells, halves, whole


def printed_values(game: Game) -> Iterator[Estimate]:
    """One estimate: the last division's score at each of its players."""
    corners = value_corners(game)
    evaluations = corners.evaluations
    values = {}
    for modality in game.corners:
        values[modality], asked = _scores(game, modality, corners)
        evaluations += asked
    yield Estimate(values, corners, evaluations, complete=True)


def _scores(game: Game, modality: Modality, corners: Corners) -> tuple[Floats, int]:
    """(C, *shape) scores, and the number of evaluations."""
    shape = game.shapes[modality]
    others = corners.table[tuple(int(m is not modality) for m in corners.modalities)]
    scores: list[tuple[Box, Floats]] = [(whole(shape), corners.split[modality])]
    asked = 0
    while any(halves(box) for box, _ in scores):
        divided = [(box, score, halves(box)) for box, score in scores]
        children = [(half, score) for _, score, pair in divided if pair for half in pair]
        blanked = np.ones((len(children), *shape), bool)
        for row, (box, _) in enumerate(children):
            blanked[row][cells(box)] = False
        index = {m: np.ones(len(children), np.intp) for m in game.corners}
        index[modality] = np.arange(len(children))
        masks = {**game.corners, modality: blanked.reshape(len(children), -1)}
        predicted = game.values(masks, index)
        asked += len(children)
        done = [(box, score) for box, score, pair in divided if not pair]
        scores = done + [
            (box, (score - (blank - others)) / 2)
            for (box, score), blank in zip(children, predicted, strict=True)
        ]
    values = np.empty((len(corners.f_all), *shape))
    for box, score in scores:
        values[(slice(None), *cells(box))] = score.reshape(-1, *(1 for _ in box))
    return values, asked
