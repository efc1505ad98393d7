"""A grid of patches over what the network saw, in pixels of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import PixelMap


def patch_rectangles(rows: int, columns: int, pixels: PixelMap) -> NDArray[np.float64]:
    """Rectangles (rows, columns, 4) as left, top, right, bottom in picture pixels.

    They tile the network's square exactly; where it was padded they reach beyond the picture.
    """
    x = pixels.left + np.arange(columns + 1) * (pixels.size / columns) * pixels.scale_x
    y = pixels.top + np.arange(rows + 1) * (pixels.size / rows) * pixels.scale_y
    rectangles = np.empty((rows, columns, 4))
    rectangles[..., 0], rectangles[..., 2] = x[:-1], x[1:]
    rectangles[..., 1], rectangles[..., 3] = y[:-1, None], y[1:, None]
    return rectangles


def patch_at(px: float, py: float, rows: int, columns: int, pixels: PixelMap) -> tuple[int, int] | None:
    """Row and column of the patch at picture pixel (px, py); None outside what the network saw."""
    x, y = pixels.to_network(px, py)
    if not (0 <= x < pixels.size and 0 <= y < pixels.size):
        return None
    return int(y * rows / pixels.size), int(x * columns / pixels.size)
