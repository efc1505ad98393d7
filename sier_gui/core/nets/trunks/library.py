"""Residual, dense and mobile networks: pytorchcv's layers, its classifiers and last pools left out.

pytorchcv 0.0.67 needs no torchvision (later versions do, and its wheel breaks a CPU-only torch): see
docs/adr/0004-family.md. It takes lists of channels, so ``width`` is applied here, to the papers' tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sier_gui.core.nets.trunks.base import SIDE, Trunk, scaled

if TYPE_CHECKING:
    from torch import nn

Channels = Sequence[Sequence[int]]


def resnet34(width: float) -> Trunk:
    """He et al., arXiv:1512.03385, table 1."""
    return _resnet((3, 4, 6, 3), width, bottleneck=False)


def resnet50(width: float) -> Trunk:
    return _resnet((3, 4, 6, 3), width, bottleneck=True)


def resnet101(width: float) -> Trunk:
    return _resnet((3, 4, 23, 3), width, bottleneck=True)


def _resnet(units: Sequence[int], width: float, *, bottleneck: bool) -> Trunk:
    """The stride of a bottleneck is in its 3×3 convolution, where published weights have it."""
    from pytorchcv.models.resnet import ResNet

    sizes = [scaled(size, width) for size in (64, 128, 256, 512)]
    channels = [[size * (4 if bottleneck else 1)] * n for size, n in zip(sizes, units, strict=True)]
    return _trunk(ResNet(channels, sizes[0], bottleneck, conv1_stride=False), channels[-1][-1])


def densenet121(width: float) -> Trunk:
    """Huang et al., arXiv:1608.06993, table 1; ``width`` scales the growth rate, 32."""
    from pytorchcv.models.densenet import DenseNet

    growth = scaled(32, width)
    last = 2 * growth
    channels: list[list[int]] = []
    for number, units in enumerate((6, 12, 24, 16)):
        start = last // 2 if number else last  # a transition halves the channels
        channels.append([start + growth * unit for unit in range(1, units + 1)])
        last = channels[-1][-1]
    return _trunk(DenseNet(channels, 2 * growth), last)


def mobilenet(width: float) -> Trunk:
    """Howard et al., arXiv:1704.04861, table 1: the first MobileNet, which the papers cite."""
    from pytorchcv.models.mobilenet import MobileNet

    sizes: Channels = ((32,), (64,), (128, 128), (256, 256), (512,) * 6, (1024, 1024))
    channels = [[scaled(size, width) for size in stage] for stage in sizes]
    return _trunk(MobileNet(channels, first_stage_stride=False), channels[-1][-1])


def efficientnet_b0(width: float) -> Trunk:
    """Tan and Le, arXiv:1905.11946, table 1, with the 1×1 convolution before the pool.

    At least four channels: squeeze-and-excitation layers have a quarter of them.
    """
    from pytorchcv.models.efficientnet import EfficientNet

    # stages of one resolution together: (channels, units, kernel, expansion) of each
    stages = (
        ((16, 1, 3, 1),),
        ((24, 2, 3, 6),),
        ((40, 2, 5, 6),),
        ((80, 3, 3, 6), (112, 3, 5, 6)),
        ((192, 4, 5, 6), (320, 1, 3, 6)),
    )

    def by_unit(entry: int) -> list[list[int]]:
        return [[part[entry] for part in stage for _ in range(part[1])] for stage in stages]

    channels = [[scaled(size, width, least=4) for size in stage] for stage in by_unit(0)]
    last = scaled(1280, width, least=4)
    first = scaled(32, width, least=4)
    network = EfficientNet(channels, first, last, by_unit(2), [1, 2, 2, 2, 2], by_unit(3))
    return _trunk(network, last)


def _trunk(network: nn.Module, channels: int) -> Trunk:
    """All of these end in a pool over the map, 1/32 of the input's side."""
    *layers, _pool = network.get_submodule("features").children()
    return Trunk(layers, channels, SIDE // 32)
