"""How much raters agree with each other, beyond chance: nominal α, AC1 and κ; and unbiased hit rates.

All three are (Aₒ − Aₑ) / (1 − Aₑ) and differ in what they call chance Aₑ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.study.responses import Answers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one modality; None where a coefficient is not defined.

    ``kappa`` needs the same number of raters for each item. ``items`` are those with two answers or more.
    """

    alpha: float | None
    ac1: float | None
    kappa: float | None
    items: int
    raters: int


def agreement(answers: Answers) -> Agreement:
    """Krippendorff's α, Gwet's AC1 and Fleiss' κ of one modality's answers."""
    counts = rating_counts(answers)
    rated = counts.sum(1)
    pairable = int((rated > 1).sum())
    if not pairable:
        return Agreement(None, None, None, 0, len(np.unique(answers.rater)))
    kappa = fleiss_kappa(counts) if len(set(rated.tolist())) == 1 else None
    raters = len(np.unique(answers.rater))
    return Agreement(krippendorff_alpha(counts), gwet_ac1(counts), kappa, pairable, raters)


def rating_counts(answers: Answers) -> Ints:
    """(items, classes): how often each item was given each class; items without an answer are left out."""
    items, place = np.unique(answers.item, return_inverse=True)
    counts = np.zeros((len(items), len(answers.classes)), np.int64)
    np.add.at(counts, (place, answers.answer), 1)
    return counts


def krippendorff_alpha(counts: Ints) -> float | None:
    """Nominal α, 1 − Dₒ/Dₑ over pairable answers (Krippendorff 2011, Computing Krippendorff's alpha).

    Parameters
    ----------
    counts : (items, classes); items with one answer cannot be paired and do not count.
    """
    n = counts.sum(1, keepdims=True)
    pairable = counts[(n > 1).ravel()].astype(np.float64)
    rated = pairable.sum(1)
    totals = pairable.sum(0)
    total = totals.sum()
    if total == 0:
        return None
    observed = ((rated**2 - (pairable**2).sum(1)) / (rated - 1)).sum() / total
    expected = (total**2 - (totals**2).sum()) / (total * (total - 1))
    return float(1 - observed / expected) if expected else None


def _observed(counts: Ints) -> float:
    """Mean share of agreeing pairs over items with two answers or more."""
    rated = counts.sum(1)
    pairable = counts[rated > 1].astype(np.float64)
    n = rated[rated > 1]
    return float(((pairable * (pairable - 1)).sum(1) / (n * (n - 1))).mean())


def gwet_ac1(counts: Ints) -> float | None:
    """AC1 (Gwet 2008, Computing inter-rater reliability in the presence of high agreement, eq. 6 and 7).

    Chance is Σ πₖ(1 − πₖ)/(q − 1), π the mean of items' class shares over all rated items, q the classes.

    Parameters
    ----------
    counts : (items, classes), all classes that could be answered, also those that nobody chose.
    """
    rated = counts.sum(1)
    shares = (counts[rated > 0] / rated[rated > 0, None]).mean(0)
    classes = counts.shape[1]
    if classes < 2 or not (rated > 1).any():
        return None
    chance = float((shares * (1 - shares)).sum()) / (classes - 1)
    return (_observed(counts) - chance) / (1 - chance)


def fleiss_kappa(counts: Ints) -> float | None:
    """κ for several raters (Fleiss 1971); ``counts`` (items, classes) with equal row sums above 1."""
    shares = counts.sum(0) / counts.sum()
    chance = float((shares**2).sum())
    return None if chance == 1 else (_observed(counts) - chance) / (1 - chance)


def confusion(answers: Answers) -> Ints:
    """(classes, classes): labels in rows, answers in columns, pooled over raters."""
    size = len(answers.classes)
    matrix = np.zeros((size, size), np.int64)
    np.add.at(matrix, (answers.label, answers.answer), 1)
    return matrix


def unbiased_hit_rates(matrix: Ints) -> list[float | None]:
    """Wagner's Hᵤ (1993) of each class: hits² / (times shown · times answered); None where 0/0.

    A rater who always answers the same hits everything of that class; Hᵤ does not reward it.
    """
    hits = np.diag(matrix).astype(np.float64)
    ways = matrix.sum(1) * matrix.sum(0)
    return [float(h**2 / w) if w else None for h, w in zip(hits, ways, strict=True)]
