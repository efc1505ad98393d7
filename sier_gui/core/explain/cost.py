"""How much a pass costs, and so how much to do at once.

Sizes of batches come from counted multiplications, never from a clock: a repeat must use the same
batches to be equal bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

# A core does 20–120 GMAC a second, so this many stay under 50 ms: cancel is asked for in between.
MACS_AT_ONCE = {"cpu": 1.2e9, "cuda": 4e11}
LARGEST_BATCH = {"cpu": 32, "cuda": 256}
# What is gathered for one product should stay in a core's cache.
BYTES_AT_ONCE = {"cpu": 4 * 2**20, "cuda": 2**30}


def counted(module: nn.Module, run: Callable[[], T]) -> tuple[T, float]:
    """``run()``, and the multiply-adds of ``module``'s convolutions and dense layers in it (0: none seen)."""
    from torch import nn

    total = 0.0

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.get_parameter("weight")[0].numel()

    layers = [x for x in module.modules() if isinstance(x, nn.Conv1d | nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        result = run()
        return result, total
    finally:
        for hook in hooks:
            hook.remove()


def batch_size(macs: float, device: str) -> int:
    """Inputs per batch, when one takes ``macs`` multiply-adds."""
    kind = _kind(device)
    return min(max(int(MACS_AT_ONCE[kind] / max(macs, 1)), 1), LARGEST_BATCH[kind])


def rows_at_once(macs: float, size: int, device: str) -> int:
    """Rows per product, when one takes ``macs`` multiply-adds and its gathered inputs ``size`` bytes."""
    kind = _kind(device)
    return max(int(min(MACS_AT_ONCE[kind] / max(macs, 1), BYTES_AT_ONCE[kind] / size)), 1)


def _kind(device: str) -> str:
    return device if device in MACS_AT_ONCE else "cpu"
