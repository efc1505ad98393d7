"""A picture as the networks see it, with the way back to its pixels."""

from __future__ import annotations

import numpy as np

from sier_gui.core.domain import FloatArray, FrontEnd, PixelMap
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import Picture


def image_tensor(picture: Picture, front: FrontEnd) -> tuple[FloatArray, PixelMap]:
    """Fit uint8 (height, width, 3) into the network's square.

    ``front.image_fit``: "crop" keeps the largest centred square, "stretch" the whole picture with its
    aspect lost, "pad" the whole picture centred on black. Resampling is a triangle filter as wide as the
    reduction (no aliasing).

    Returns
    -------
    float32 (3, size, size) in [0, 1], and the map from network to picture coordinates.
    """
    height, width = picture.shape[:2]
    size = front.image_size
    if front.image_fit == "pad":
        return _padded(picture, size)
    if front.image_fit not in ("crop", "stretch"):
        raise SierError(f"Unknown image fit {front.image_fit!r}.", "Use crop, stretch or pad.")
    side_x = side_y = min(width, height)
    if front.image_fit == "stretch":
        side_x, side_y = width, height
    left, top = (width - side_x) / 2, (height - side_y) / 2
    tensor = _resized(picture, (size, size), (left, top, left + side_x, top + side_y))
    return tensor, PixelMap(size, width, height, left, top, side_x / size, side_y / size)


def _padded(picture: Picture, size: int) -> tuple[FloatArray, PixelMap]:
    height, width = picture.shape[:2]
    longer = max(width, height)
    columns, rows = max(1, round(size * width / longer)), max(1, round(size * height / longer))
    x, y = (size - columns) // 2, (size - rows) // 2
    tensor = np.zeros((3, size, size), np.float32)
    tensor[:, y : y + rows, x : x + columns] = _resized(picture, (columns, rows), (0, 0, width, height))
    scale_x, scale_y = width / columns, height / rows
    return tensor, PixelMap(size, width, height, -x * scale_x, -y * scale_y, scale_x, scale_y)


def _resized(picture: Picture, size: tuple[int, int], box: tuple[float, float, float, float]) -> FloatArray:
    from PIL import Image

    # reducing_gap: large pictures are first halved by whole factors, several times faster
    small = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, box, reducing_gap=3.0)
    return np.ascontiguousarray(np.asarray(small, np.float32).transpose(2, 0, 1)) / np.float32(255)
