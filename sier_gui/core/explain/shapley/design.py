"""Which coalitions to value: the extremes first, then those that leave least open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.patterns import Bools
from sier_gui.core.explain.players import Ints
from sier_gui.core.explain.shapley.kernel import Posterior, SetKernel, signs_of
from sier_gui.core.explain.shapley.weights import all_masks

MOST_LISTED = 12  # players whose masks may all be listed
CANDIDATES = 384
DESIGN_NODES = 8
BANDWIDTH = 0.08  # of coalition sizes that count as alike, as a share of the players
FLOOR = 0.25  # least chance of a size against the mean one


def first_masks(parts: Sequence[int], rng: np.random.Generator) -> Bools:
    """(K, players): masks to begin with, for players that belong to ``parts`` of so many.

    Every choice of whole parts, nobody first; then each player alone and each missing, in random order: they
    carry the largest weights in a Shapley value, and say at once which players matter. All masks, where that
    is hardly more.
    """
    n = sum(parts)
    corners = np.repeat(list(product((False, True), repeat=len(parts))), parts, axis=1)
    single = np.eye(n, dtype=bool)[rng.permutation(n)]
    pairs = np.stack([single, ~single], axis=1).reshape(-1, n)
    few = all_masks(n) if 2**n <= 3 * (n + 1) else pairs
    masks = {mask.tobytes(): mask for mask in np.concatenate([corners, few])}
    return np.array(list(masks.values()))


def unknown(known: Bools) -> Bools:
    """All masks of the players that are not among ``known`` (K, players ≤ `MOST_LISTED`)."""
    taken = {mask.tobytes() for mask in known}
    every = all_masks(known.shape[1])
    return every[[mask.tobytes() not in taken for mask in every]]


@dataclass(frozen=True, slots=True)
class SizeScale:
    """How far a kernel's guess is off by the size of a coalition: ``shares`` (K,) |A|/n, ``squares`` (K,).

    Networks answer evenly to nearly whole inputs and unsteadily to scraps of them; kernel (1) knows no
    such difference.
    """

    shares: Floats
    squares: Floats

    @classmethod
    def of(cls, posterior: Posterior, values: Floats) -> SizeScale:
        """Squares of leave-one-out errors of ``values`` (K, columns) over their standard deviations.

        Dubrule, Math. Geology 15, 1983: with the precision P they are P y / diag(P) and diag(P)^−½.
        """
        half = posterior.precision @ values
        squares = (half**2).sum(axis=1) / np.diag(posterior.precision)
        scale = float((values * half).sum()) / (len(values) - 1)
        known = squares / scale if scale > 0 else np.ones(len(values))
        return cls(posterior.masks.mean(axis=1), known)

    def at(self, shares: Floats) -> Floats:
        """Standard deviations, (len(shares),), against those that the kernel says."""
        near = np.exp(-0.5 * ((shares[:, None] - self.shares) / BANDWIDTH) ** 2) + 1e-9
        return np.sqrt(near @ self.squares / near.sum(axis=1))

    def over(self, nodes: Floats, players: int) -> Floats:
        """(Q,) root mean squares over random coalitions that hold each of ``players`` with probability q.

        Their sizes are binomial, and a few small ones among large ones can be off by more than all others.
        """
        sizes = np.arange(players + 1)
        ways = np.array([float(math.comb(players, size)) for size in sizes])
        chance = ways * nodes[:, None] ** sizes * (1 - nodes[:, None]) ** (players - sizes)
        return np.asarray(np.sqrt(chance @ self.at(sizes / players) ** 2 / chance.sum(axis=1)), np.float64)


def next_masks(
    posterior: Posterior,
    scale: SizeScale,
    count: int,
    nodes: tuple[Floats, Floats],
    rng: np.random.Generator,
) -> Bools:
    """(≤ count, players) masks that ``posterior`` does not know, chosen one after the other.

    Each takes most off the summed posterior variance of what Shapley values are made of (`weights`
    (1) at some of ``nodes``, positions and shares), counted by how far off the kernel is at the mask's size.
    """
    pool = candidates(posterior.masks, max(CANDIDATES, 2 * count), scale, rng)
    if len(pool) <= count:
        return pool
    kernel, signs, new = posterior.kernel, posterior.signs, signs_of(pool)
    some = slice(None, None, max(len(nodes[0]) // DESIGN_NODES, 1))
    at, share = nodes[0][some], nodes[1][some]
    across, once = kernel.between(new, signs), np.ones(len(pool))
    covariance = posterior.left(kernel.gram(new), across, across, (once, once))
    (ours, counts), (theirs, _) = (_targets(kernel, at, share, given) for given in (new, signs))
    targets = posterior.left(ours, theirs, across, (counts, once))
    return pool[_greedy(targets, covariance, kernel.nugget, scale.at(pool.mean(axis=1)), count)]


def candidates(known: Bools, count: int, scale: SizeScale, rng: np.random.Generator) -> Bools:
    """(≤ count, players) random masks that are not ``known``.

    Their sizes are even, mixed with how far off the kernel is at each.
    """
    n = known.shape[1]
    sizes = np.arange(1, n)
    chance = np.sqrt(scale.at(sizes / n))
    chance = chance / chance.mean() + FLOOR
    if n <= MOST_LISTED:  # without replacement: the first of exponential times (Efraimidis & Spirakis, 2006)
        left = unknown(known)
        size = left.sum(axis=1)
        wanted = chance[size - 1] / np.array([math.comb(n, s) for s in sizes])[size - 1]
        return left[np.argsort(rng.exponential(size=len(left)) / wanted)[:count]]
    drawn = rng.choice(sizes, size=count, p=chance / chance.sum())
    found = np.argsort(np.argsort(rng.random((count, n)), axis=1), axis=1) < drawn[:, None]
    taken = {mask.tobytes() for mask in known}
    fresh = {mask.tobytes(): row for row, mask in enumerate(found) if mask.tobytes() not in taken}
    return found[list(fresh.values())]


def _targets(kernel: SetKernel, at: Floats, share: Floats, signs: Floats) -> tuple[Floats, Floats]:
    """Covariances (T, K) with masks of the expectations that Shapley values sum up, by √share.

    And (T,): how often each contains the mean.
    """
    whole, difference = kernel.expected(at, signs)
    root = np.sqrt(share)
    by_player = (root[:, None, None] * difference).swapaxes(1, 2).reshape(-1, len(signs))
    return np.concatenate([root[:, None] * whole, by_player]), np.append(root, np.zeros(len(by_player)))


def _greedy(targets: Floats, covariance: Floats, least: float, scale: Floats, count: int) -> Ints:
    """Indices of masks by falling gain; conditions ``targets`` (T, P) and ``covariance`` (P, P) on each.

    A mask takes Σ_t cov(t, mask)²/var(mask) off the summed variance; ``least`` is the least variance that a
    mask can have that is not valued.
    """
    chosen: list[int] = []
    open_ = np.ones(len(scale), bool)
    variance = np.diag(covariance).copy()
    past = np.zeros((count, len(scale)))
    for step in range(count):
        variance = np.maximum(variance, least)  # rounding may leave less
        gain = (targets**2).sum(axis=0) / variance * scale
        best = int(np.where(open_, gain, -1).argmax())
        chosen.append(best)
        open_[best] = False
        root = math.sqrt(variance[best])
        past[step] = (covariance[best] - past[:step, best] @ past[:step]) / root
        targets = targets - np.outer(targets[:, best] / root, past[step])
        variance = variance - past[step] ** 2
    return np.array(chosen, np.intp)
