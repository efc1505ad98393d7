"""A growing grid of coalitions, and the Shapley values that it gives at any time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol, runtime_checkable

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.estimate import Corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.patterns import Bools
from sier_gui.core.explain.shapley.design import MOST_LISTED, SizeScale, first_masks, next_masks, unknown
from sier_gui.core.explain.shapley.kernel import Posterior, fitted
from sier_gui.core.explain.shapley.weights import (
    Weights,
    complete_weights,
    kriged_weights,
    quadrature,
    shapley_sums,
    shapley_variances,
)
from sier_gui.core.seeds import stream

ALL_LEFT = 2.0  # masks that are left over are all taken where they are this many times those wanted


@dataclass(slots=True)
class Axis:
    """One axis of the grid: the players of a modality, or all where each coalition is a pass of its own.

    ``masks`` (K, players) were valued. Where some are left out, ``posterior`` stands in for them, and
    ``scale`` says by how much more or less than it should it is off.
    """

    masks: Bools
    rng: np.random.Generator
    posterior: Posterior | None = None
    scale: SizeScale | None = None

    @property
    def players(self) -> int:
        return int(self.masks.shape[1])

    @property
    def complete(self) -> bool:
        return self.players <= MOST_LISTED and len(self.masks) == 2**self.players

    def solve(self, columns: Floats, nodes: Floats) -> Weights:
        """New weights, given the values (K, columns) of all masks."""
        if self.complete:
            self.posterior, self.scale = None, None
            return complete_weights(self.masks, nodes)
        kernel = fitted(self.masks, columns, self.posterior.kernel if self.posterior else None)
        self.posterior = Posterior(kernel, self.masks)
        self.scale = SizeScale.of(self.posterior, columns)
        return kriged_weights(self.posterior, nodes)

    def more(self, count: int, most: int, nodes: tuple[Floats, Floats]) -> Bools:
        """About ``count`` masks that would tell most; the rest, where hardly more and within ``most``."""
        left = 2**self.players - len(self.masks) if self.players <= MOST_LISTED else math.inf
        if left <= min(most, ALL_LEFT * count):
            return unknown(self.masks)
        assert self.posterior is not None
        assert self.scale is not None
        return next_masks(self.posterior, self.scale, count, nodes, self.rng)


class Grid:
    """Values of every mask of each axis with every mask of the others, asked for as the axes grow.

    ``values`` (K_0, …, C). Nothing is asked for before `fill`.
    """

    def __init__(self, game: Game, corners: Corners, separable: bool, seed: int) -> None:
        counts = {m: prod(shape) for m, shape in game.shapes.items()}
        self.axes = []
        for axis in axes_of(counts, separable):
            rng = stream(seed, f"shapley/{'+'.join(axis)}")
            self.axes.append(Axis(first_masks([counts[m] for m in axis], rng), rng))
        self.nodes = quadrature(sum(counts.values()))
        self.values: Floats = np.empty(0)
        self._game, self._corners = game, corners

    @property
    def passes(self) -> int:
        """Inputs through the network's expensive part, with those of the corners."""
        return sum(len(axis.masks) for axis in self.axes)

    @property
    def complete(self) -> bool:
        return all(axis.complete for axis in self.axes)

    def fill(self) -> None:
        masks = [axis.masks for axis in self.axes]
        if len(masks) == len(self._corners.modalities):
            self.values = asked(self._game, masks)
        else:  # the corners are the first masks, and a pass each
            known = self._corners.table.reshape(-1, self._corners.table.shape[-1])
            self.values = np.concatenate([known, asked(self._game, [masks[0][len(known) :]])])

    def grow(self, number: int, count: int, most: int) -> None:
        """About ``count`` more masks for axis ``number``, never more than ``most``."""
        axis = self.axes[number]
        new = axis.more(min(count, most), most, self.nodes)
        masks = [new if axis is other else other.masks for other in self.axes]
        self.values = np.concatenate([self.values, asked(self._game, masks)], axis=number)
        axis.masks = np.concatenate([axis.masks, new])

    def estimated(self) -> tuple[Floats, Floats, list[Floats]]:
        """Shapley values and their standard errors, (players, C), and the variance due to each axis, (C,)."""
        at, share = self.nodes
        weights, scales = [], []
        for number, axis in enumerate(self.axes):
            columns = np.moveaxis(self.values, number, 0).reshape(len(axis.masks), -1)
            weights.append(axis.solve(columns, at))
            scales.append(np.ones(len(at)) if axis.scale is None else axis.scale.over(at, axis.players))
        values = np.concatenate(shapley_sums(self.values, weights, share))
        variances, due = shapley_variances(self.values, weights, share, scales)
        return efficient(values, self._corners), np.sqrt(np.concatenate(variances)), due


def efficient(values: Floats, corners: Corners) -> Floats:
    """(n, C) values with the sum f(all) − f(none) to the last bits: what rounding took is spread evenly.

    They sum up by themselves, since nobody and everybody are valued: the sum of (1) in `weights` is the
    integral of d/dq E_q[v], of v itself or of a posterior mean that keeps to what was valued.
    """
    gap = corners.f_all - corners.f_none - values.sum(axis=0)
    return values + gap / len(values)


def axes_of(counts: Mapping[Modality, int], separable: bool) -> list[tuple[Modality, ...]]:
    """One axis of the grid for each modality, or one for all where every coalition is a pass of its own."""
    return [(m,) for m in counts] if separable else [tuple(counts)]


def asked(game: Game, masks: Sequence[Bools]) -> Floats:
    """Masks of each axis, (k_0, players), … → (k_0, …, C)."""
    counts = [prod(shape) for shape in game.shapes.values()]
    if len(masks) == len(counts):
        return grid_values(game, dict(zip(game.shapes, masks, strict=True)))
    (joint,) = masks
    parts = dict(zip(game.shapes, np.split(joint, np.cumsum(counts)[:-1], axis=1), strict=True))
    return game.values(parts, dict.fromkeys(parts, np.arange(len(joint))))


@runtime_checkable
class ValuesGrids(Protocol):
    """A game that values all pairs faster than one by one."""

    def grid(self, masks: Mapping[Modality, Bools]) -> Floats:
        """Every mask with every mask of each other modality: (k of the first, k of the second, …, C)."""
        ...


def grid_values(game: Game, masks: Mapping[Modality, Bools]) -> Floats:
    """Every mask with every mask of each other modality: (k of the first, k of the second, …, C)."""
    if isinstance(game, ValuesGrids):
        return game.grid(masks)
    counts = [len(given) for given in masks.values()]
    places = np.indices(counts).reshape(len(counts), -1)
    return game.values(masks, dict(zip(masks, places, strict=True))).reshape(*counts, -1)
