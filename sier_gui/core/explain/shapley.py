"""Shapley values of the flat game: enumerated where the budget allows, else sampled with standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import stream
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.estimate import Corners, Estimate, value_corners
from sier_gui.core.explain.game import Bools, Game
from sier_gui.core.explain.players import Ints

DEFAULT_BUDGET = 8192
MOST_PLAYERS = 20  # a table of 2^20 coalitions and four classes takes 32 MiB
PAIRS_PER_STEP = 8  # of permutations, between two estimates


def enumerable(shapes: Mapping[Modality, Sequence[int]], separable: bool, budget: int | None) -> bool:
    """Whether all coalitions fit: passes of a separable network are 2^n_image + 2^n_speech, else 2^n."""
    counts = [prod(shape) for shape in shapes.values()]
    if sum(counts) > MOST_PLAYERS:
        return False
    passes = sum(2**n for n in counts) if separable else 2 ** sum(counts)
    return passes <= (budget or DEFAULT_BUDGET)


def planned_passes(shapes: Mapping[Modality, Sequence[int]], separable: bool, budget: int | None) -> int:
    """Inputs through the network's expensive part."""
    counts = [prod(shape) for shape in shapes.values()]
    players = sum(counts)
    if enumerable(shapes, separable, budget):
        return sum(2**n + 2 for n in counts) if separable else 2**players + 4
    draws = ((budget or DEFAULT_BUDGET) - 2 ** len(counts)) // max(2 * (players - 1), 1)
    per_order = sum(n + 1 for n in counts) if separable else players - 1
    return 2 * draws * per_order + 2 * len(counts)


def all_masks(players: int) -> Bools:
    """(2^n, n): row i holds the bits of i, the first player's lowest."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def exact_from_table(table: Floats, players: int) -> Floats:
    """Shapley values (n, C) from the values (2^n, C) of all coalitions, the first player's bit lowest."""
    sizes = all_masks(players).sum(axis=1)
    values = np.empty((players, table.shape[1]))
    by_size = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    for player in range(players):
        pairs = table.reshape(-1, 2, 2**player, table.shape[1])
        without = sizes.reshape(-1, 2, 2**player)[:, 0]
        values[player] = np.einsum("ab,abc->c", by_size[without], pairs[:, 1] - pairs[:, 0])
    return values


def shapley_values(game: Game, *, separable: bool, budget: int | None, seed: int) -> Iterator[Estimate]:
    """Exact values where every coalition can be asked for within ``budget``, else sampled ones."""
    if enumerable(game.shapes, separable, budget):
        return enumerated_values(game)
    return sampled_values(game, budget=budget or DEFAULT_BUDGET, seed=seed)


def enumerated_values(game: Game) -> Iterator[Estimate]:
    """The modality split, then exact Shapley values: each mask of a modality meets each of the others."""
    corners = value_corners(game)
    yield first_estimate(game, corners)
    masks, index, shifts, players = {}, {}, {}, 0
    coalitions = np.arange(2 ** sum(prod(shape) for shape in game.shapes.values()))
    for modality, shape in game.shapes.items():
        masks[modality] = all_masks(prod(shape))
        shifts[modality] = players
        index[modality] = coalitions >> players & len(masks[modality]) - 1
        players += prod(shape)
    table = game.values(masks, index)
    for bits in np.ndindex(corners.table.shape[:-1]):  # what rounds otherwise in another batch
        row = sum(
            bit * (len(masks[m]) - 1) << shift for bit, (m, shift) in zip(bits, shifts.items(), strict=True)
        )
        table[row] = corners.table[bits]
    flat = exact_from_table(table, players)
    yield Estimate(_by_modality(game, flat), corners, len(coalitions), complete=True)


def sampled_values(game: Game, *, budget: int, seed: int) -> Iterator[Estimate]:
    """Antithetic permutation sampling: each permutation with its reverse is one draw.

    Values are means over draws, standard errors those of the means. Each draw telescopes from f(none) to
    f(all), so the values are efficient at any time.

    Raises
    ------
    SierError : ``budget`` does not reach two draws, without which there is no standard error.
    """
    players = sum(prod(shape) for shape in game.shapes.values())
    corners = value_corners(game)
    draws = (budget - corners.evaluations) // max(2 * (players - 1), 1)
    if draws < 2:
        needed = 4 * (players - 1) + corners.evaluations
        raise SierError(
            f"{budget} evaluations are too few to sample {players} players.", f"Use at least {needed}."
        )
    yield first_estimate(game, corners)
    rng = stream(seed, "shapley/permutations")
    total = np.zeros((players, len(corners.f_none)))
    squares = np.zeros_like(total)
    done = 0
    while done < draws:
        pairs = min(PAIRS_PER_STEP, draws - done)
        forward = rng.permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
        both = _marginals(game, np.concatenate([forward, forward[:, ::-1]]), corners)
        drawn = (both[:pairs] + both[pairs:]) / 2
        total += drawn.sum(axis=0)
        squares += (drawn**2).sum(axis=0)
        done += pairs
        mean = total / done
        variance = np.maximum(squares / done - mean**2, 0) / max(done - 1, 1)
        yield Estimate(
            _by_modality(game, mean),
            corners,
            corners.evaluations + done * 2 * (players - 1),
            complete=done == draws,
            stderr=_by_modality(game, np.sqrt(variance)),
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


def _by_modality(game: Game, flat: Floats) -> dict[Modality, Floats]:
    """(n, C) in the players' order → (C, *shape) for each modality."""
    values, first = {}, 0
    for modality, shape in game.shapes.items():
        values[modality] = flat[first : first + prod(shape)].T.reshape(-1, *shape)
        first += prod(shape)
    return values


def first_estimate(game: Game, corners: Corners) -> Estimate:
    """A first picture: each modality's share, spread over its players."""
    values = {
        m: np.multiply.outer(split / prod(game.shapes[m]), np.ones(game.shapes[m]))
        for m, split in corners.split.items()
    }
    coarse = {m: np.ones(shape, bool) for m, shape in game.shapes.items()}
    return Estimate(values, corners, corners.evaluations, complete=False, coarse=coarse)
