"""What a trunk is: the convolutional part of a published network, without its classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SIDE = 128  # cells per side of every input


@dataclass(frozen=True, slots=True)
class Trunk:
    """``layers`` turn (B, 3, 128, 128) into (B, ``channels``, ``side``, ``side``)."""

    layers: list[nn.Module]
    channels: int
    side: int


def scaled(size: int, width: float, least: int = 1) -> int:
    """A number of channels at a share of the full width."""
    return max(least, round(size * width))
