"""How much people agree beyond chance, from counts alone: nominal α, AC1 and κ.

All are (Aₒ − Aₑ) / (1 − Aₑ) and differ in what they call chance Aₑ. ``counts`` is (items, classes): how often
each item was given each class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


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


def cohen_kappa(matrix: Ints) -> float | None:
    """κ of two people (Cohen 1960); ``matrix`` (classes, classes), one's answers in rows, the other's across.

    None without items, and where both gave everything the same one class: chance is then 1.
    """
    n = int(matrix.sum())
    if n == 0:
        return None
    chance = int(matrix.sum(1) @ matrix.sum(0))  # of n²: whole numbers know when it is 1
    return None if chance == n * n else (n * int(np.trace(matrix)) - chance) / (n * n - chance)
