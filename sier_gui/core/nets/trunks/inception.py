"""GoogLeNet (Szegedy et al., arXiv:1409.4842, table 1), cut after its module 3a or 4a.

As published: with biases and local response normalisation (5 channels, α = 1e-4, β = .75: Krizhevsky et al.
2012, §3.3), no batch-norm. Written here because the library of the other trunks has only its successors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from sier_gui.core.nets.trunks.base import SIDE, Trunk, scaled

if TYPE_CHECKING:
    from torch import nn

# by module: 1×1; 3×3 reduced to, 3×3; 5×5 reduced to, 5×5; 1×1 after the pool
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
}


def inception3a(width: float) -> Trunk:
    stem, channels = _stem(width)
    module, channels = _module(channels, "3a", width)
    return Trunk([*stem, module], channels, SIDE // 8)


def inception4a(width: float) -> Trunk:
    stem, channels = _stem(width)
    first, channels = _module(channels, "3a", width)
    second, channels = _module(channels, "3b", width)
    last, channels = _module(channels, "4a", width)
    return Trunk([*stem, first, second, _pool(2), last], channels, SIDE // 16)


def _stem(width: float) -> tuple[list[nn.Module], int]:
    """Everything before the first module: (B, 3, s, s) → (B, channels, s / 8, s / 8)."""
    first, second = scaled(64, width), scaled(192, width)
    layers = [
        *_convolution(3, first, 7, stride=2),
        _pool(2),
        _norm(),
        *_convolution(first, first, 1),
        *_convolution(first, second, 3),
        _norm(),
        _pool(2),
    ]
    return layers, second


def _convolution(channels: int, out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    from torch import nn

    return [nn.Conv2d(channels, out, kernel, stride, padding=kernel // 2), nn.ReLU(inplace=True)]


def _pool(stride: int) -> nn.Module:
    """3×3; rounded up, so that stride 2 halves the side exactly."""
    from torch import nn

    return nn.MaxPool2d(3, stride, padding=1 if stride == 1 else 0, ceil_mode=stride > 1)


def _norm() -> nn.Module:
    from torch import nn

    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)


def _module(channels: int, name: str, width: float) -> tuple[nn.Module, int]:
    """An inception module and the number of its output channels."""
    from torch import nn

    one, reduce3, three, reduce5, five, pooled = (scaled(size, width) for size in MODULES[name])
    branches = [
        nn.Sequential(*_convolution(channels, one, 1)),
        nn.Sequential(*_convolution(channels, reduce3, 1), *_convolution(reduce3, three, 3)),
        nn.Sequential(*_convolution(channels, reduce5, 1), *_convolution(reduce5, five, 5)),
        nn.Sequential(_pool(1), *_convolution(channels, pooled, 1)),
    ]
    return _beside()(branches), one + three + five + pooled


@cache
def _beside() -> type[nn.Module]:
    """The class of modules whose branches' outputs are concatenated; made late, as torch is imported late."""
    import torch
    from torch import Tensor, nn

    class Beside(nn.Module):
        def __init__(self, branches: Sequence[nn.Module]) -> None:
            super().__init__()
            self.branches = nn.ModuleList(branches)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([branch(x) for branch in self.branches], dim=1)

    return Beside
