"""Exact Shapley values: every coalition valued, a part at a time, so that no table of them is kept."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from sier_gui.core.explain.estimate import Estimate, by_modality, first_estimate, value_corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.shapley.grid import asked, axes_of, efficient
from sier_gui.core.explain.shapley.weights import all_masks, complete_weights, quadrature, shapley_sums

CELLS = 2**20  # coalitions at a time
ROWS = 2**13  # masks at a time, where each is a coalition


def enumerated_values(game: Game, *, separable: bool) -> Iterator[Estimate]:
    """The modality split, then exact Shapley values: each mask of a modality meets each of the others.

    The sums of `weights` are linear in the values, so the grid is summed up as its parts come.
    """
    corners = value_corners(game)
    yield first_estimate(game, corners)
    counts = {m: prod(shape) for m, shape in game.shapes.items()}
    masks = [all_masks(sum(counts[m] for m in axis)) for axis in axes_of(counts, separable)]
    nodes, share = quadrature(sum(counts.values()))
    longest = int(np.argmax([len(own) for own in masks]))
    others = prod(len(own) for number, own in enumerate(masks) if number != longest)
    weights = [complete_weights(own if i != longest else own[:0], nodes) for i, own in enumerate(masks)]
    values = np.zeros((sum(counts.values()), len(corners.f_none)))
    rows = max(min(ROWS, CELLS // others), 1)
    for start in range(0, len(masks[longest]), rows):
        part = [own if i != longest else own[start : start + rows] for i, own in enumerate(masks)]
        weights[longest] = complete_weights(part[longest], nodes)
        values += np.concatenate(shapley_sums(asked(game, part), weights, share))
    yield Estimate(
        by_modality(game, efficient(values, corners)),  # the corners may round otherwise in another batch
        corners,
        others * len(masks[longest]),
        complete=True,
        note="every coalition is valued",
    )
