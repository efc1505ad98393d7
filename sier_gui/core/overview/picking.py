"""Which points of a map are meant: the nearest to a place, those inside a line drawn around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Points:
    """Points of a map, (n, 2), prepared so that questions are answered within a frame.

    ``low``, ``high``: the corners (2,) of the box around them. Made off the window's thread: sorting and the
    tree take some 50 ms for 80,893 points.
    """

    def __init__(self, positions: NDArray[np.float32]) -> None:
        from scipy.spatial import cKDTree

        self.positions = positions
        self._tree = cKDTree(positions)
        self.low, self.high = positions.min(axis=0), positions.max(axis=0)
        self._by_height = np.argsort(positions[:, 1], kind="stable")
        self._heights = positions[self._by_height, 1].astype(np.float64)
        self._across = positions[self._by_height, 0].astype(np.float64)

    def __len__(self) -> int:
        return len(self.positions)

    def nearest(self, x: float, y: float, within: float) -> int:
        """The point nearest to (x, y), at most ``within`` away; −1 where there is none."""
        distance, place = self._tree.query((x, y), distance_upper_bound=within)
        return int(place) if np.isfinite(distance) else -1

    def inside(self, line: NDArray[np.float64]) -> NDArray[np.int64]:
        """The points inside the polygon ``line``, (m, 2), closed by itself, by the even-odd rule; ascending.

        Each edge asks only the points at its heights, so that a lasso of m corners costs about n steps for
        every time it goes up and down.
        """
        if len(line) < 3:
            return np.empty(0, np.int64)
        low, high = line.min(axis=0), line.max(axis=0)
        first, last = np.searchsorted(self._heights, (low[1], high[1]))
        near = (
            np.flatnonzero((self._across[first:last] >= low[0]) & (self._across[first:last] <= high[0]))
            + first
        )
        heights, across = self._heights[near], self._across[near]
        odd = np.zeros(len(near), bool)
        for (x0, y0), (x1, y1) in zip(line.tolist(), np.roll(line, -1, axis=0).tolist(), strict=True):
            if y0 == y1:
                continue
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            begin, end = np.searchsorted(heights, (y0, y1))  # y0 ≤ height < y1
            crossed = x0 + (heights[begin:end] - y0) * ((x1 - x0) / (y1 - y0))
            odd[begin:end] ^= across[begin:end] < crossed
        return np.sort(self._by_height[near[odd]]).astype(np.int64)
