"""Points as pixels: 80,893 of them within a frame, which no painter manages one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

FADED = 0.16  # of its colour that a point keeps which the table does not show


def radius_for(count: int, scale: float) -> float:
    """Pixels, for ``count`` points at ``scale`` device pixels to one of the window's."""
    return scale * (5.0 if count <= 500 else 3.5 if count <= 3000 else 2.2 if count <= 20_000 else 0.9)


def disc(radius: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Offsets (k,) down and right of the pixels that a disc touches, and how much of each it covers."""
    reach = int(np.ceil(radius))
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    covered = np.clip(radius + 0.5 - np.hypot(down, right), 0, 1).astype(np.float32)
    there = covered > 0.05
    order = np.argsort(covered[there], kind="stable")  # the soft rim first, so that cores lie on top
    return down[there][order], right[there][order], covered[there][order]


def drawn(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    codes: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    size: tuple[int, int],
    radius: float,
    background: tuple[int, int, int],
    bright: NDArray[np.bool_] | None = None,
) -> QImage:
    """A picture of ``size`` (width, height) device pixels.

    Parameters
    ----------
    x, y : (n,) device pixels; points outside are left out.
    codes : (n,) places in ``palette``, (k, 3) red, green, blue; points are drawn in the order given.
    bright : (n,) which keep their colour; the others come first, and faded. None: all.
    """
    width, height = size
    down, right, covered = disc(radius)
    edge = int(np.ceil(radius)) + 1
    canvas = np.empty((height + 2 * edge, width + 2 * edge, 4), np.uint8)
    canvas[:] = (*background[::-1], 255)  # Qt's RGB32 is blue, green, red in memory
    flat = canvas.view(np.uint32)[..., 0].reshape(-1)
    column, row = np.rint(x).astype(np.int32), np.rint(y).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    stride = width + 2 * edge
    behind, inks = np.array(background, np.float32), palette.astype(np.float32)
    layers = [(inside, 1.0)] if bright is None else [(inside & ~bright, FADED), (inside & bright, 1.0)]
    for members, strength in layers:
        at = ((row + edge) * stride + column + edge)[members]
        own = codes[members]
        for dy, dx, share in zip(down.tolist(), right.tolist(), (covered * strength).tolist(), strict=True):
            flat[at + (dy * stride + dx)] = _packed(behind + (inks - behind) * share)[own]
    cut = np.ascontiguousarray(canvas[edge:-edge, edge:-edge])
    return QImage(cut.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _packed(colours: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(n, 3) red, green, blue → (n,) as Qt keeps them."""
    values = colours.astype(np.uint32)
    return (0xFF000000 | values[:, 0] << 16 | values[:, 1] << 8 | values[:, 2]).astype(np.uint32)
