"""Does a map point where the evidence is, and do two maps agree? Arrays in, numbers out (explain.md §4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HitRate:
    """Pointing game over ``samples`` maps.

    ``rate``: share of maps whose strongest cell is evidence; ``area_share``: mean share of cells that are,
    which is what pointing at random hits; ``stderr``: of ``rate``.
    """

    rate: float
    area_share: float
    stderr: float
    samples: int

    @property
    def ratio(self) -> float:
        """How many times better than pointing at random."""
        return self.rate / self.area_share if self.area_share else math.nan


def cells_in_box(box: Sequence[tuple[float, float]], shape: Sequence[int]) -> Bools:
    """Cells of a map whose centre lies in ``box``, and always the one around the box's own centre.

    Parameters
    ----------
    box : (start, stop) along each axis, as fractions 0–1 of the map: (rows, columns) or (time,).
    shape : of the map.

    Raises
    ------
    SierError : a side that ends before it starts, or another number of axes.
    """
    if len(box) != len(shape) or any(stop < start for start, stop in box):
        raise SierError(
            f"The box {list(box)} does not lie in a map of shape {tuple(shape)}.", "Correct the box."
        )
    inside = np.ones(tuple(shape), bool)
    for axis, ((start, stop), cells) in enumerate(zip(box, shape, strict=True)):
        centres = (np.arange(cells) + 0.5) / cells
        along = (centres >= start) & (centres < stop)
        along[min(max(int((start + stop) / 2 * cells), 0), cells - 1)] = True
        inside &= along.reshape([-1 if other == axis else 1 for other in range(len(box))])
    return inside


def pointing_hit(values: Floats, evidence: Bools) -> float:
    """1 where the strongest cell is evidence, else 0; of cells equally strong, the share that is evidence."""
    _check(values, evidence)
    return float(evidence[values == values.max()].mean())


def hit_rate(pairs: Iterable[tuple[Floats, Bools]]) -> HitRate:
    """Pointing game over (values, evidence) pairs; maps may differ in shape.

    Raises
    ------
    SierError : no pairs.
    """
    hits, shares = [], []
    for values, evidence in pairs:
        hits.append(pointing_hit(values, evidence))
        shares.append(float(evidence.mean()))
    if not hits:
        raise SierError("A hit rate needs at least one map with known evidence.", "")
    spread = float(np.std(hits)) / math.sqrt(len(hits))
    return HitRate(float(np.mean(hits)), float(np.mean(shares)), spread, len(hits))


def overlap(values: Floats, evidence: Bools) -> float:
    """Intersection over union of the evidence and as many of the strongest cells; ties in their order."""
    _check(values, evidence)
    strongest = np.zeros(values.size, bool)
    strongest[np.argsort(-values, axis=None, kind="stable")[: evidence.sum()]] = True
    chosen = strongest.reshape(values.shape)
    union = (chosen | evidence).sum()
    return float((chosen & evidence).sum() / union) if union else 0.0


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's ρ of two maps of one shape, ties at their mean rank; NaN where one is constant."""
    _check(first, second)
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm else math.nan


def _ranks(values: Floats) -> Floats:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[group.ravel()]


def _check(first: NDArray, second: NDArray) -> None:
    if first.shape != second.shape or first.size == 0:
        raise SierError(
            f"Maps of shapes {first.shape} and {second.shape} cannot be compared.", "Use the same grid."
        )
