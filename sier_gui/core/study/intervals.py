"""Means over raters with intervals that know of both samplings: of raters and of items.

The variance is the two-way cluster-robust one, raters + items − their pairs (Cameron, Gelbach and Miller
2011, Robust inference with multiway clustering), each part with its G/(G − 1). The interval is Wilson's with
the effective number of responses p(1 − p)/V and Student's t with the smaller number of clusters − 1 (as
surveys with few clusters do: Korn and Graubard 1998; Dean and Pagano 2015), never narrower than Wilson's own.
Why not the percentile bootstrap: docs/adr/0005-study-intervals.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Who answered what, for ``n`` responses whose weighted sum is the figure of interest.

    Attributes
    ----------
    weights : (n,); they sum to 1 for a mean, to 0 for a difference.
    rater, item : (n,), the clusters.
    label : (n,), class of the item: classes are fixed, items are drawn within them.
    stratum : (n,), within which responses share an expectation: the class, and the modality of a difference.
    """

    weights: Floats
    rater: Ints
    item: Ints
    label: Ints
    stratum: Ints


@dataclass(frozen=True, slots=True)
class Spread:
    """Of an estimate: ``variance`` by clusters, ``plain`` of independent responses; shapes () or (studies,).

    ``df``: degrees of freedom of the variance; ∞ where there are no clusters to count.
    """

    estimate: Floats
    variance: Floats
    plain: Floats
    df: float


def rater_weights(rater: Ints, stratum: Ints, share: Floats) -> Floats:
    """Weights (n,) of a mean over raters within each stratum, the strata mixed by ``share`` (strata,)."""
    pair = stratum * (int(rater.max(initial=0)) + 1) + rater
    _, inverse, counts = np.unique(pair, return_inverse=True, return_counts=True)
    first = np.unique(pair, return_index=True)[1]
    raters = np.bincount(stratum[first], minlength=len(share))
    weights: Floats = share[stratum] / (raters[stratum] * counts[inverse])
    return weights


def spread(layout: Layout, correct: NDArray) -> Spread:
    """Estimate and variances of Σ weights · correct.

    Parameters
    ----------
    correct : (..., n) of 0 and 1; leading axes are studies of the same layout.
    """
    y = np.asarray(correct, np.float64)
    w = layout.weights
    estimate = y @ w
    mass = _sums(np.abs(w), layout.stratum)
    place = np.unique(layout.stratum, return_inverse=True)[1]
    expected = (_sums(y * np.abs(w), layout.stratum) / mass)[..., place]
    errors = w * (y - expected)
    pair = layout.rater * (int(layout.item.max()) + 1) + layout.item
    parts = [_squares(errors, pair, layout.stratum)]
    clusters = []
    raters = len(np.unique(layout.rater))
    items = len(np.unique(layout.item)) - len(np.unique(layout.label))
    if raters > 1:
        sums = _sums(errors, layout.rater)
        parts.append(raters / (raters - 1) * (sums**2).sum(-1))
        clusters.append(raters - 1)
    if items > 0:
        parts.append(_squares(errors, layout.item, layout.label))
        clusters.append(items)
    variance = parts[0] if len(parts) == 1 else sum(parts[1:]) - (len(parts) - 2) * parts[0]
    plain = (w**2 * expected * (1 - expected)).sum(-1)
    return Spread(estimate, np.asarray(variance), plain, min(clusters, default=math.inf))


def proportion_interval(of: Spread, weights: Floats, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Ends, in [0, 1], of the mean's interval at 1 − ``alpha``."""
    from scipy import stats

    p = np.clip(of.estimate, 0, 1)
    responses = 1 / float(weights @ weights)  # Kish's number: n where all weights are equal
    z, t = stats.norm.ppf(1 - alpha / 2), stats.t.ppf(1 - alpha / 2, of.df)
    plain = _wilson(p, _effective(p, of.plain, responses), z)
    clustered = _wilson(p, _effective(p, of.variance, responses), t)
    wider = t**2 * of.variance > z**2 * of.plain
    low = np.where(wider, np.minimum(plain[0], clustered[0]), plain[0])
    high = np.where(wider, np.maximum(plain[1], clustered[1]), plain[1])
    return low, high


def difference_interval(of: Spread, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Ends of a difference's interval at 1 − ``alpha``: ± t standard errors."""
    from scipy import stats

    half = stats.t.ppf(1 - alpha / 2, of.df) * standard_error(of)
    return of.estimate - half, of.estimate + half


def standard_error(of: Spread) -> Floats:
    """Of a difference; never below that of independent responses."""
    error: Floats = np.sqrt(np.maximum(of.variance, of.plain))
    return error


def wilson(hits: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927). Ignores clustering."""
    from scipy import stats

    low, high = _wilson(np.asarray(hits / n), np.asarray(n), stats.norm.ppf(1 - alpha / 2))
    return float(low), float(high)


def _effective(p: Floats, variance: Floats, responses: float) -> Floats:
    """How many independent responses would have this variance; ``responses`` where it cannot be said."""
    known = (variance > 0) & (p > 0) & (p < 1)
    effective: Floats = np.where(known, p * (1 - p) / np.where(known, variance, 1), responses)
    return effective


def _wilson(p: Floats, n: Floats, quantile: float) -> tuple[Floats, Floats]:
    z2 = quantile**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = quantile * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def _sums(values: Floats, groups: Ints) -> Floats:
    """Sums over the last axis by group, in the groups' ascending order."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups[order[0]] - 1))
    sums: Floats = np.add.reduceat(values[..., order], starts, axis=-1)
    return sums


def _squares(errors: Floats, groups: Ints, within: Ints) -> Floats:
    """Σ G/(G − 1) · (sum of errors in a group)², G being the groups of the same ``within``."""
    first = np.unique(groups, return_index=True)[1]
    outer = np.unique(within[first], return_inverse=True)[1]
    count = np.bincount(outer)[outer]
    factor = np.where(count > 1, count / np.maximum(count - 1, 1), 1.0)
    squares: Floats = (_sums(errors, groups) ** 2 * factor).sum(-1)
    return squares
