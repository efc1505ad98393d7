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


def resnet50_v1(width: float) -> Trunk:
    """Strided where the paper's own networks and Keras's weights are: in a bottleneck's first convolution."""
    return _resnet((3, 4, 6, 3), width, bottleneck=True, first_strided=True)


def resnet101(width: float) -> Trunk:
    return _resnet((3, 4, 23, 3), width, bottleneck=True)


def _resnet(units: Sequence[int], width: float, *, bottleneck: bool, first_strided: bool = False) -> Trunk:
    """The stride of a bottleneck is in its 3×3 convolution, where torchvision's weights have it."""
    from pytorchcv.models.resnet import ResNet

    sizes = [scaled(size, width) for size in (64, 128, 256, 512)]
    channels = [[size * (4 if bottleneck else 1)] * n for size, n in zip(sizes, units, strict=True)]
    return _trunk(ResNet(channels, sizes[0], bottleneck, conv1_stride=first_strided), channels[-1][-1])


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


# EfficientNet-lite: channels and units of each stage; stem and last convolution are the same in all
LITE: Sequence[tuple[Sequence[int], Sequence[int]]] = (
    ((16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)),
    ((16, 24, 40, 80, 112, 192, 320), (1, 3, 3, 4, 4, 5, 1)),
    ((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)),
)


def efficientnet_lite0(width: float) -> Trunk:
    return _efficientnet_lite(0, width)


def efficientnet_lite1(width: float) -> Trunk:
    return _efficientnet_lite(1, width)


def efficientnet_lite2(width: float) -> Trunk:
    return _efficientnet_lite(2, width)


def _efficientnet_lite(number: int, width: float) -> Trunk:
    """EfficientNet without squeeze-and-excitation, with ReLU6, and with TensorFlow's padding.

    Layers: stem, the first unit (it expands nothing), one for each later unit, the last 1×1 convolution.
    """
    from pytorchcv.models.common import DwsConvBlock, conv1x1_block
    from pytorchcv.models.efficientnet import EffiInitBlock, EffiInvResUnit

    norm = {"bn_eps": 1e-3}
    first, channels, last = scaled(32, width), scaled(LITE[number][0][0], width), scaled(1280, width)
    depthwise = {"dw_activation": "relu6", "pw_activation": None}
    layers: list[nn.Module] = [
        EffiInitBlock(3, first, activation="relu6", tf_mode=True, **norm),
        DwsConvBlock(first, channels, 3, 1, 1, **norm, **depthwise),
    ]
    rows = zip(*LITE[number], (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 2, 1, 2, 1), strict=True)
    for size, units, kernel, stride in list(rows)[1:]:
        for unit in range(units):
            shape = (channels, scaled(size, width), kernel, 1 if unit else stride)
            expanded = {"exp_factor": 6, "se_factor": 0, "activation": "relu6", "tf_mode": True}
            layers.append(EffiInvResUnit(*shape, **expanded, **norm))
            channels = scaled(size, width)
    return Trunk([*layers, conv1x1_block(channels, last, activation="relu6", **norm)], last, SIDE // 32)


def _trunk(network: nn.Module, channels: int) -> Trunk:
    """All of these end in a pool over the map, 1/32 of the input's side."""
    *layers, _pool = network.get_submodule("features").children()
    return Trunk(layers, channels, SIDE // 32)
