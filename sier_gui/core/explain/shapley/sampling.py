"""Antithetic permutation sampling: Shapley values of games with too many players for anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.estimate import Corners, Estimate, by_modality, first_estimate, value_corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.players import Ints
from sier_gui.core.explain.shapley.limits import Limits, relative_error
from sier_gui.core.seeds import stream

PAIRS_PER_STEP = 8  # of permutations, between two estimates


@dataclass(slots=True)
class Means:
    """Of draws so far: ``total`` and ``squares`` (n, C) summed up over ``draws``."""

    total: Floats
    squares: Floats
    draws: int = 0

    @classmethod
    def none(cls, players: int, classes: int) -> Means:
        return cls(np.zeros((players, classes)), np.zeros((players, classes)))

    def add(self, drawn: Floats) -> None:
        """(draws, n, C)."""
        self.total += drawn.sum(axis=0)
        self.squares += (drawn**2).sum(axis=0)
        self.draws += len(drawn)

    @property
    def mean(self) -> Floats:
        return self.total / self.draws

    @property
    def stderr(self) -> Floats:
        """Standard errors of the means, √(s²/draws) with the unbiased s²."""
        spread = np.maximum(self.squares / self.draws - self.mean**2, 0)
        return np.asarray(np.sqrt(spread / (self.draws - 1)), np.float64)


def passes_per_draw(counts: Sequence[int], separable: bool) -> int:
    """Of a permutation and its reverse, each modality's ``counts`` players.

    On its way an order meets n − 1 coalitions between nobody and everybody, which are known; a separable
    network is asked for the n_m − 1 different masks of each modality among them.
    """
    return 2 * (sum(counts) - len(counts) if separable else sum(counts) - 1)


def sampled_values(game: Game, *, separable: bool, seed: int, limits: Limits) -> Iterator[Estimate]:
    """Antithetic permutation sampling: each permutation with its reverse is one draw.

    Values are means over draws, standard errors those of the means (Mitchell, Cooper, Frank & Holmes,
    J. Mach. Learn. Res. 23, 2022). Each draw telescopes from f(none) to f(all), so the values sum up to their
    difference at any time.

    Raises
    ------
    SierError : the budget does not reach two draws, without which there is no standard error.
    """
    counts = [prod(shape) for shape in game.shapes.values()]
    players, cost = sum(counts), passes_per_draw(counts, separable)
    corners = value_corners(game)
    passes = 2 * len(counts) if separable else corners.evaluations
    if limits.budget < passes + 2 * cost:
        raise SierError(
            f"{limits.budget} evaluations are too few to sample {players} players.",
            f"Use at least {passes + 2 * cost}.",
        )
    yield first_estimate(game, corners)
    rng, explained = stream(seed, "shapley/permutations"), int(corners.f_all.argmax())
    means, note = Means.none(players, len(corners.f_none)), ""
    while not note:
        pairs = min(PAIRS_PER_STEP, max(limits.affordable(passes) // cost, 1 if means.draws else 2))
        forward = rng.permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
        both = _marginals(game, np.concatenate([forward, forward[:, ::-1]]), corners)
        means.add((both[:pairs] + both[pairs:]) / 2)
        passes += pairs * cost
        mean, stderr = means.mean, means.stderr
        note = limits.reached(passes, relative_error(mean[:, explained], stderr[:, explained]), cost)
        yield Estimate(
            by_modality(game, mean),
            corners,
            corners.evaluations + means.draws * 2 * (players - 1),
            complete=bool(note),
            stderr=by_modality(game, stderr),
            note=note,
        )


def _marginals(game: Game, orders: Ints, corners: Corners) -> Floats:
    """Orders of arrival (p, n) → each player's marginal contribution (p, n, C)."""
    p, n = orders.shape
    ranks = np.argsort(orders, axis=1)
    masks, index, first = {}, {}, 0
    for modality, shape in game.shapes.items():
        count = prod(shape)
        own = ranks[:, first : first + count]
        among = np.argsort(np.argsort(own, axis=1), axis=1)  # order within the modality
        masks[modality] = (among[:, None] < np.arange(count + 1)[:, None]).reshape(-1, count)
        present = (own[:, None] < np.arange(1, n)[:, None]).sum(axis=2)  # after t arrivals, t = 1 … n−1
        index[modality] = (present + (count + 1) * np.arange(p)[:, None]).ravel()
        first += count
    between = game.values(masks, index).reshape(p, n - 1, -1)
    ends = [np.broadcast_to(f, (p, 1, len(f))) for f in (corners.f_none, corners.f_all)]
    steps = np.diff(np.concatenate([ends[0], between, ends[1]], axis=1), axis=1)
    return np.take_along_axis(steps, ranks[..., None], axis=1)
