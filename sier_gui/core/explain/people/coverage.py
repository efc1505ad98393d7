"""How much of each player people marked: areas of patches, seconds of segments, shares of people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sier_gui.core.domain import PixelMap
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.images.patches import patch_rectangles

Box = tuple[float, float, float, float]
Span = tuple[float, float]


def box_coverage(boxes: Sequence[Box], rows: int, columns: int, pixels: PixelMap) -> Floats:
    """Share of each patch that lies in any of one person's ``boxes``, (rows, columns).

    Of a patch that reaches into padding the part on the picture counts; NaN where none of it is there.

    Parameters
    ----------
    boxes : left, top, right, bottom in shares of the oriented picture.
    """
    patches = patch_rectangles(rows, columns, pixels)
    x = np.append(patches[0, :, 0], patches[0, -1, 2]) / pixels.width
    y = np.append(patches[:, 0, 1], patches[-1, 0, 3]) / pixels.height
    return _covered(np.array(boxes, np.float64).reshape(-1, 4), np.clip(x, 0, 1), np.clip(y, 0, 1))


def span_coverage(spans: Sequence[Span], edges_s: Floats) -> Floats:
    """Share of each segment between ``edges_s`` (n + 1,) that lies in any of one person's ``spans``, (n,)."""
    boxes = np.array([(start, 0.0, end, 1.0) for start, end in spans], np.float64).reshape(-1, 4)
    return _covered(boxes, edges_s, np.array([0.0, 1.0]))[0]


def _covered(boxes: Floats, x: Floats, y: Floats) -> Floats:
    """Share of each cell between the edges x (columns + 1,) and y (rows + 1,) that the boxes (k, 4) cover.

    All edges together cut the plane into pieces that lie in a box wholly or not at all.
    """
    xs = np.unique(np.concatenate([x, np.clip(boxes[:, [0, 2]].ravel(), x[0], x[-1])]))
    ys = np.unique(np.concatenate([y, np.clip(boxes[:, [1, 3]].ravel(), y[0], y[-1])]))
    inside = _inside(boxes, xs, ys).any(axis=0)
    sums = np.zeros((len(y) - 1, len(x) - 1))
    owner_x = np.searchsorted(x, (xs[1:] + xs[:-1]) / 2, side="right") - 1
    owner_y = np.searchsorted(y, (ys[1:] + ys[:-1]) / 2, side="right") - 1
    areas = inside * np.outer(np.diff(ys), np.diff(xs))
    np.add.at(sums, (owner_y[:, None], owner_x[None]), areas)
    whole = np.outer(np.diff(y), np.diff(x))
    found = np.full(sums.shape, np.nan)
    np.divide(sums, whole, out=found, where=whole > 0)
    return np.minimum(found, 1.0)  # rounding


def _inside(boxes: Floats, xs: Floats, ys: Floats) -> Bools:
    """(k, rows, columns): which piece between the edges lies in which box."""
    x, y = (xs[1:] + xs[:-1]) / 2, (ys[1:] + ys[:-1]) / 2
    across = (x >= boxes[:, :1]) & (x < boxes[:, 2:3])
    down = (y >= boxes[:, 1:2]) & (y < boxes[:, 3:4])
    inside: Bools = down[:, :, None] & across[:, None, :]
    return inside


# ---------------------------------------------------------------- shares of people, exactly


def people_grid(people: Sequence[Sequence[Box]]) -> tuple[Floats, Floats, Floats]:
    """Share of people who marked each place: edges x (m + 1,), y (n + 1,) and shares (n, m) between them.

    Piecewise constant on the grid of all boxes' edges, so nothing is smoothed or sampled.

    Parameters
    ----------
    people : each person's boxes in shares of the picture; a span may stand as a box of height 1.
    """
    arrays = [np.array(boxes, np.float64).reshape(-1, 4) for boxes in people]
    every = np.concatenate([*arrays, np.zeros((0, 4))])
    xs = np.unique(np.concatenate([[0.0, 1.0], np.clip(every[:, [0, 2]].ravel(), 0, 1)]))
    ys = np.unique(np.concatenate([[0.0, 1.0], np.clip(every[:, [1, 3]].ravel(), 0, 1)]))
    shares = np.zeros((len(ys) - 1, len(xs) - 1))
    for boxes in arrays:
        shares += _inside(boxes, xs, ys).any(axis=0)
    return xs, ys, shares / max(len(arrays), 1)


def outline(xs: Floats, ys: Floats, shares: Floats, level: float) -> list[tuple[Span, Span]]:
    """Border of where at least a share ``level`` of people marked, as straight lines ((x, y), (x, y))."""
    inside = np.pad(shares >= level - 1e-9, 1)
    lines = []
    for row, col in zip(*np.nonzero(inside[1:, 1:-1] != inside[:-1, 1:-1]), strict=True):
        lines.append(((float(xs[col]), float(ys[row])), (float(xs[col + 1]), float(ys[row]))))
    down = []
    for col, row in zip(*np.nonzero((inside[1:-1, 1:] != inside[1:-1, :-1]).T), strict=True):
        down.append(((float(xs[col]), float(ys[row])), (float(xs[col]), float(ys[row + 1]))))
    return _joined(lines) + _joined(down)


def _joined(lines: list[tuple[Span, Span]]) -> list[tuple[Span, Span]]:
    """Neighbours that meet end to end become one."""
    if not lines:
        return []
    kept = [lines[0]]
    for _, line in pairwise(lines):
        if line[0] == kept[-1][1]:
            kept[-1] = (kept[-1][0], line[1])
        else:
            kept.append(line)
    return kept
