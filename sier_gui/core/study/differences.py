"""Differences between modalities, and how alike answers of one rater or on one item are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.nets.ablation.significance import holm, mcnemar
from sier_gui.core.study.equivalence import Equivalence, cochran_q, tost
from sier_gui.core.study.intervals import (
    Ints,
    Layout,
    Spread,
    difference_interval,
    rater_weights,
    spread,
    standard_error,
)
from sier_gui.core.study.randomisation import CONTRASTS
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers

SAME = ((Modality.SS, Modality.HS), (Modality.SS_I, Modality.HS_I))  # "synthetic ≈ human"


@dataclass(frozen=True, slots=True)
class Difference:
    """Second modality minus first, overall as the mean of classes; interval over raters and items."""

    first: Modality
    second: Modality
    share: float
    low: float
    high: float
    equivalence: Equivalence | None  # where synthetic meets human speech

    def to_json(self) -> dict[str, Any]:
        points = {"points": self.share, "low": self.low, "high": self.high}
        value: dict[str, Any] = {
            "first": str(self.first),
            "second": str(self.second),
            **{name: round(100 * number, 2) for name, number in points.items()},
        }
        if self.equivalence is not None:
            e = self.equivalence
            value["equivalence"] = {
                "margin": round(100 * e.margin, 2),
                "low": round(100 * e.low, 2),
                "high": round(100 * e.high, 2),
                "p": e.p,
            }
        return value


def differences(answers: Answers, margin: float, alpha: float) -> list[Difference]:
    """All contrasts of modalities that were both met in the same classes."""
    found = []
    for first, second in CONTRASTS:
        if first not in answers.modalities or second not in answers.modalities:
            continue
        both = answers.where(
            np.isin(answers.modality, [answers.modalities.index(m) for m in (first, second)])
        )
        of = difference_spread(both, answers.modalities.index(second), both.correct)
        low, high = difference_interval(of, alpha)
        share = float(of.estimate)
        same = (
            tost(share, float(standard_error(of)), of.df, margin, alpha) if (first, second) in SAME else None
        )
        found.append(Difference(first, second, share, float(low), float(high), same))
    return found


def difference_layout(both: Answers, second: int) -> Layout:
    """Of the class means' difference; ``second``: the modality's index that counts positive."""
    met = np.unique(both.label)
    stratum = both.label * 2 + (both.modality == second)
    share = np.zeros(2 * len(both.classes))
    for label in met:
        share[2 * label : 2 * label + 2] = 1 / len(met)
    weights = rater_weights(both.rater, stratum, share) * np.where(both.modality == second, 1, -1)
    return Layout(weights, both.rater, both.item, both.label, stratum)


def difference_spread(both: Answers, second: int, correct: NDArray[np.bool_]) -> Spread:
    """``correct`` (..., n): of ``both``, or of many studies laid out alike."""
    return spread(difference_layout(both, second), correct)


# ---------------------------------------------------------------- paired tests: only with wash-out


@dataclass(frozen=True, slots=True)
class Paired:
    """Of a repeat design: exact McNemar for each contrast, Holm-corrected; Cochran's Q over modalities."""

    mcnemar: tuple[tuple[Modality, Modality, int, float], ...]  # first, second, pairs, corrected p
    cochran_q: float | None
    cochran_p: float | None
    rows: int  # rater and item met in every modality

    def to_json(self) -> dict[str, Any]:
        return {
            "mcnemar": [
                {"first": str(a), "second": str(b), "pairs": n, "p_holm": p} for a, b, n, p in self.mcnemar
            ],
            "cochran_q": self.cochran_q,
            "cochran_p": self.cochran_p,
            "rows": self.rows,
        }


def paired_tests(answers: Answers) -> Paired:
    """McNemar and Cochran on the same rater and item; the first answer where one was given twice."""
    size = (len(answers.raters), len(answers.items), len(answers.modalities))
    hits = np.full(size, -1, np.int8)
    where = (answers.rater[::-1], answers.item[::-1], answers.modality[::-1])
    hits[where] = answers.correct[::-1]
    rows = hits.reshape(-1, size[2])
    found = []
    for first, second in CONTRASTS:
        if first in answers.modalities and second in answers.modalities:
            pair = rows[:, [answers.modalities.index(m) for m in (first, second)]]
            right = pair[(pair >= 0).all(1)] > 0
            found.append((first, second, len(right), mcnemar(right[:, 0], right[:, 1]).p))
    corrected = holm([p for *_, p in found]) if found else []
    complete = rows[(rows >= 0).all(1)] > 0
    q, p = cochran_q(complete) if len(complete) and size[2] > 1 else (None, None)
    pairs = tuple((a, b, n, p) for (a, b, n, _), p in zip(found, corrected, strict=True))
    return Paired(pairs, q, p, len(complete))


# ---------------------------------------------------------------- intraclass correlations


def intraclass(answers: Answers) -> tuple[float, float]:
    """Correlation of two answers of one rater, and of two on one item, in the same column; at least 0.

    Mean product of residuals over pairs, residuals being taken within class and modality, over their mean
    square: the analysis-of-variance idea without its balance.
    """
    stratum = answers.label * len(answers.modalities) + answers.modality
    _, place, n = np.unique(stratum, return_inverse=True, return_counts=True)
    share = np.bincount(place, answers.correct) / n
    residual = answers.correct - share[place]
    square = float((residual**2).mean())
    if square == 0:
        return 0.0, 0.0
    width = len(answers.modalities)
    of_rater = _pair_product(residual, answers.rater * width + answers.modality)
    of_item = _pair_product(residual, answers.item * width + answers.modality)
    return max(of_rater / square, 0.0), max(of_item / square, 0.0)


def _pair_product(residual: NDArray[np.float64], groups: Ints) -> float:
    _, place, n = np.unique(groups, return_inverse=True, return_counts=True)
    sums, squares = np.bincount(place, residual), np.bincount(place, residual**2)
    pairs = float((n * (n - 1)).sum())
    return float((sums**2 - squares).sum()) / pairs if pairs else 0.0
