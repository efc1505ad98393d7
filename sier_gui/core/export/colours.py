"""Values to colours: one scale for picture and waveform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import PixelMap
from sier_gui.core.images.files import Picture
from sier_gui.core.images.patches import patch_rectangles

if TYPE_CHECKING:
    from sier_gui.core.export.view import FigureInput, FigureOptions

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColourScale:
    """``low`` to ``high`` in the values' unit, on matplotlib's map ``name``."""

    name: str
    low: float
    high: float

    def rgb(self, values: Floats) -> Floats:
        """Colours in [0, 1], shape of ``values`` + (3,)."""
        from matplotlib import colormaps

        share = (np.asarray(values) - self.low) / (self.high - self.low)
        colours: Floats = colormaps[self.name](np.clip(share, 0, 1))[..., :3]
        return colours


def scale_of(view: FigureInput, options: FigureOptions) -> ColourScale:
    """Cividis from least to most important; signed: blue–white–red, centred at zero."""
    image, speech = view.attribution.image(), view.attribution.speech()
    low, high = options.scale or (min(image.min(), speech.min()), max(image.max(), speech.max()))
    if options.signed:
        high = max(abs(low), abs(high))
        low = -high
    if high <= low:  # all values equal: any width will do, but not zero
        low, high = low - 1e-9, high + 1e-9
    return ColourScale("RdBu_r" if options.signed else "cividis", float(low), float(high))


def overlay(
    picture: Picture,
    values: Floats,
    pixels: PixelMap,
    scale: ColourScale,
    opacity: float,
    size: tuple[int, int],
) -> Picture:
    """The picture greyed and scaled to ``size`` (width, height), with its patches' colours laid over it.

    Parameters
    ----------
    values : (rows, columns); patches beyond the picture (padding) are cut off.
    """
    from PIL import Image

    small = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0).convert("L")
    grey = np.asarray(small, np.float32) * 0.7 + 0.3 * 255  # lightened, so that colours stay readable
    canvas = np.repeat(grey[..., None], 3, axis=2)
    factors = np.array([size[0] / pixels.width, size[1] / pixels.height] * 2)
    rows, columns = values.shape
    corners = np.rint(patch_rectangles(rows, columns, pixels) * factors).astype(int)
    corners = np.clip(corners, 0, [size[0], size[1]] * 2)
    colours = scale.rgb(values) * 255
    for (left, top, right, bottom), colour in zip(
        corners.reshape(-1, 4), colours.reshape(-1, 3), strict=True
    ):
        area = canvas[top:bottom, left:right]
        area *= 1 - opacity
        area += opacity * colour
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
