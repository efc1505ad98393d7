"""Do two networks differ? On the same samples, with the same speakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sier_gui.core.nets.training.intervals import DRAWS, ends, from_confusion, group_draws
from sier_gui.core.nets.training.metrics import tally
from sier_gui.core.nets.training.predictions import Predictions, aligned


@dataclass(frozen=True, slots=True)
class McNemar:
    """``only_first`` samples that only the first got right, ``only_second``; ``p`` two-sided, exact."""

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Balanced accuracy of the first less that of the second, mean over seeds; 95 % ends, two-sided ``p``."""

    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """``second`` against ``first``. ``*_holm``: the p-values corrected for all comparisons made with it."""

    first: str
    second: str
    n: int
    mcnemar: McNemar
    bootstrap: Difference
    mcnemar_holm: float
    bootstrap_holm: float

    def spoken(self) -> str:
        """One line for people."""
        d, m = self.bootstrap, self.mcnemar
        return (
            f"{self.first} − {self.second}: {d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}] balanced "
            f"accuracy, p {spoken_p(self.bootstrap_holm)} (bootstrap over groups); only one right "
            f"{m.only_first} : {m.only_second}, p {spoken_p(self.mcnemar_holm)} (McNemar); n {self.n}, "
            "Holm's correction"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def spoken_p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0") if p < 1 else "1"


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's exact test (1947): are samples that only one gets right as often the one's as the other's?

    It takes samples for independent; those of one speaker are not, so it is too sure of itself where few
    speakers say much.

    Parameters
    ----------
    first, second : (n,) whether each got the sample right.
    """
    from scipy.stats import binomtest

    a, b = np.asarray(first, bool), np.asarray(second, bool)
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    apart = only_first + only_second
    p = float(binomtest(only_first, apart).pvalue) if apart else 1.0
    return McNemar(only_first, only_second, p)


def paired_difference(
    first: Sequence[Predictions], second: Sequence[Predictions], *, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """Bootstrap over groups, the same draws for both (see `intervals`); one prediction set for each seed.

    ``p``: twice the share of draws on the side of no difference or beyond. Draws from few groups make it far
    too small, so it is never below 2^(1 − G): what G groups that all point one way give when each of them
    could as well have pointed the other (sign-flip test), the least that G groups can say.
    """
    order = first[0]
    figures = []
    for runs in (first, second):
        tallies = [
            tally(one.labels, one.probabilities, one.clusters) for one in (aligned(r, order) for r in runs)
        ]
        weights = group_draws(len(tallies[0].sizes), draws, seed)
        cells = [t.confusion.reshape(len(t.sizes), -1) for t in tallies]
        classes = tallies[0].confusion.shape[1]
        whole = np.vstack([np.ones(weights.shape[1]), weights])  # the samples as they are, then the draws
        found = [from_confusion((whole @ c.astype(np.float64)).reshape(-1, classes, classes)) for c in cells]
        figures.append(np.mean([one["balanced_accuracy"] for one in found], axis=0))
    observed, *drawn = figures[0] - figures[1]
    low, high = ends(np.array(drawn))
    groups = len(np.unique(order.clusters)) or len(order)
    p = max(_two_sided(np.array(drawn)), 2.0 ** (1 - groups))
    return Difference(float(observed), low, high, p)


def _two_sided(differences: NDArray[np.float64]) -> float:
    """Of no difference, from the draws' distribution (Efron and Tibshirani 1993, §15.4), both ends."""
    n = len(differences)
    tail = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (tail + 1) / (n + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted by Holm (1979): the k-th smallest of m times m − k + 1, never below a smaller one's."""
    order = np.argsort(p_values, kind="stable")
    m, largest = len(order), 0.0
    adjusted = [0.0] * m
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (m - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def compare(
    first: tuple[str, Sequence[Predictions]], others: Sequence[tuple[str, Sequence[Predictions]]]
) -> list[Comparison]:
    """``first`` against each of ``others``; McNemar on each one's first seed.

    Raises
    ------
    SierError : they are not about the same samples.
    """
    name, runs = first
    tests = []
    for _, other in others:
        own, theirs = runs[0], aligned(other[0], runs[0])
        tests.append((mcnemar(own.hits, theirs.hits), paired_difference(runs, other)))
    exact = holm([m.p for m, _ in tests])
    drawn = holm([d.p for _, d in tests])
    return [
        Comparison(name, other, len(runs[0]), m, d, exact_holm, drawn_holm)
        for (other, _), (m, d), exact_holm, drawn_holm in zip(others, tests, exact, drawn, strict=True)
    ]
