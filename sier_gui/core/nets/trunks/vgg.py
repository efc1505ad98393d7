"""VGG (Simonyan and Zisserman, arXiv:1409.1556, table 1): blocks of 3×3 convolutions, each with a max-pool.

Written here, not taken from a library: explanations look the first layers of such a column up, and the
released weights bear these layers' numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sier_gui.core.nets.trunks.base import SIDE, Trunk, scaled

if TYPE_CHECKING:
    from torch import nn

Blocks = Sequence[Sequence[int]]
# channels by block: configurations D and E
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG19 = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)


def plain(blocks: Blocks, width: float, channels: int = 3) -> Trunk:
    """Blocks of convolutions on an input of ``channels``; each block halves the side."""
    from torch import nn

    layers: list[nn.Module] = []
    for block in blocks:
        for size in block:
            layers += [nn.Conv2d(channels, scaled(size, width), 3, padding=1), nn.ReLU(inplace=True)]
            channels = scaled(size, width)
        layers.append(nn.MaxPool2d(2))
    return Trunk(layers, channels, SIDE >> len(blocks))


def vgg16(width: float) -> Trunk:
    return plain(VGG16, width)


def vgg19(width: float) -> Trunk:
    return plain(VGG19, width)
