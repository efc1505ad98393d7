"""Tests by formula: equivalence, and Cochran's Q, which only a repeat design may use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests (Schuirmann 1987) that |difference| < ``margin``.

    ``p``: the larger of the two; ``low``, ``high``: the interval at 1 − 2α, inside ±margin where p < α.
    """

    difference: float
    margin: float
    low: float
    high: float
    p: float


def tost(difference: float, error: float, df: float, margin: float, alpha: float = 0.05) -> Equivalence:
    """Equivalence of an estimated ``difference`` with standard ``error`` and Student's t of ``df``."""
    from scipy import stats

    half = stats.t.ppf(1 - alpha, df) * error
    if error == 0:
        p = 0.0 if abs(difference) < margin else 1.0
    else:
        above = stats.t.sf((difference + margin) / error, df)
        below = stats.t.cdf((difference - margin) / error, df)
        p = float(max(above, below))
    return Equivalence(difference, margin, difference - half, difference + half, p)


def cochran_q(hits: NDArray[np.bool_]) -> tuple[float, float]:
    """Cochran's Q (1950) and its p (χ² with k − 1) that k conditions hit equally often.

    Parameters
    ----------
    hits : (rows, k), the same rater on the same item in all k modalities.
    """
    from scipy import stats

    k = hits.shape[1]
    columns, rows = hits.sum(0).astype(float), hits.sum(1).astype(float)
    between = k * (k - 1) * ((columns - columns.mean()) ** 2).sum()
    within = (rows * (k - rows)).sum()
    if within == 0:  # nobody ever answered differently
        return 0.0, 1.0
    q = float(between / within)
    return q, float(stats.chi2.sf(q, k - 1))
