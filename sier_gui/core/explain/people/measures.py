"""How well a map predicts where people mark: pointing game, IoU at the marks' area, rank correlation.

Many pairs at once: a row of ``maps`` (k, players) beside the same row of ``shares`` (k, players), the share
of people who marked each player. Each function gives (k,).
"""

from __future__ import annotations

import math

import numpy as np

from sier_gui.core.explain.attribution import Floats

MEASURES = ("pointing", "iou", "rho")
RANGES = {"pointing": (0.0, 1.0), "iou": (0.0, 1.0), "rho": (-1.0, 1.0)}
_TIE = 1e-12  # of the largest value: closer ones are equal but for rounding


def scores(maps: Floats, shares: Floats) -> Floats:
    """(k, 3): `MEASURES`, in that order."""
    return np.stack([pointing(maps, shares), iou(maps, shares), rho(maps, shares)], axis=1)


def chances(shares: Floats) -> Floats:
    """(k, 3): what a map that ranks players at random scores on average."""
    none = np.zeros(len(shares))
    return np.stack([shares.mean(axis=1), np.array([chance_iou(row) for row in shares]), none], axis=1)


def pointing(maps: Floats, shares: Floats) -> Floats:
    """Share of the people who marked the map's strongest player; of players equally strong, the mean.

    For one person whose mark covers whole players this is the pointing game's hit (Zhang et al. 2018).
    """
    top = maps.max(axis=1, keepdims=True)
    strongest = maps >= top - _TIE * np.abs(top)
    hits: Floats = (shares * strongest).sum(axis=1) / strongest.sum(axis=1)
    return hits


def iou(maps: Floats, shares: Floats) -> Floats:
    """Intersection over union of the k strongest players and the k most marked.

    k is the mean number of players that a person marked (at least 1), so both regions have the marks' area.
    Players that tie for the last places share them: a region is a weight in [0, 1] for each player, and
    intersection and union are sums of smaller and of larger weights.
    """
    count = area(shares)
    one, other = _strongest(maps, count), _strongest(shares, count)
    found: Floats = np.minimum(one, other).sum(axis=1) / np.maximum(one, other).sum(axis=1)
    return found


def area(shares: Floats) -> Floats:
    """Players that a person marked on average, whole and at least one: (k,)."""
    return np.maximum(np.rint(shares.sum(axis=1)), 1.0)


def _strongest(values: Floats, count: Floats) -> Floats:
    """Weights of the ``count`` (k,) largest of each row; they sum to ``count``."""
    ordered = -np.sort(-values, axis=1)
    last = np.take_along_axis(ordered, count.astype(np.intp)[:, None] - 1, axis=1)
    slack = _TIE * np.abs(ordered[:, :1])
    above, level = values > last + slack, np.abs(values - last) <= slack
    left = count - above.sum(axis=1)
    weights: Floats = above + level * (left / level.sum(axis=1))[:, None]
    return weights


def chance_iou(shares: Floats) -> float:
    """Mean of `iou` over all regions of k players: a sum over hypergeometric probabilities.

    ``shares`` (players,). Of the most marked region (a players wholly, b tied ones with weight f each) a
    random region meets X and Y players; IoU = (X + f·Y) / (2k − X − f·Y).
    """
    k = int(area(shares[None])[0])
    weights = _strongest(shares[None], np.array([float(k)]))[0]
    whole, tied = int((weights >= 1).sum()), int(((weights > 0) & (weights < 1)).sum())
    part = float(weights[(weights > 0) & (weights < 1)].max(initial=0.0))
    rest = len(shares) - whole - tied
    total = _log_choose(len(shares), k)
    mean = 0.0
    for x in range(min(whole, k) + 1):
        for y in range(max(0, k - x - rest), min(tied, k - x) + 1):
            ways = _log_choose(whole, x) + _log_choose(tied, y) + _log_choose(rest, k - x - y)
            met = x + part * y
            mean += math.exp(ways - total) * met / (2 * k - met)
    return mean


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def rho(maps: Floats, shares: Floats) -> Floats:
    """Spearman's ρ, ties at their mean rank; NaN where either is constant."""
    one, other = centred_ranks(maps), centred_ranks(shares)
    norm = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    found = np.full(len(maps), np.nan)
    np.divide((one * other).sum(axis=1), norm, out=found, where=norm > 0)
    return found


def centred_ranks(values: Floats) -> Floats:
    """Ranks along each row of (k, players), ties at their mean, minus the mean rank."""
    k, n = values.shape
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    new = np.ones((k, n), bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    group = np.cumsum(new.ravel()) - 1  # a row's first value always begins one
    counts = np.bincount(group)
    places = np.tile(np.arange(n, dtype=np.float64), k)
    means = (np.bincount(group, weights=places) / counts)[group].reshape(k, n)
    ranks = np.empty((k, n))
    np.put_along_axis(ranks, order, means - (n - 1) / 2, axis=1)
    return ranks
