"""How much raters agree with each other, beyond chance: nominal α, AC1 and κ; and unbiased hit rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sier_gui.core.agreement import Ints, fleiss_kappa, gwet_ac1, krippendorff_alpha
from sier_gui.core.study.responses import Answers


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
