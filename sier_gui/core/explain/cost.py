"""How much a pass costs, and so how much to do at once.

Sizes of batches come from counted multiplications and, on a GPU, its memory, never from a clock: a repeat
must use the same batches to be equal bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

T = TypeVar("T")

# A core does 20–120 GMAC a second, so this many stay under 50 ms: cancel is asked for in between.
MACS_AT_ONCE = {"cpu": 1.2e9, "cuda": 4e11}
LARGEST_BATCH = {"cpu": 32, "cuda": 512}
# Later layers have small maps and large weights, which every call brings into the cache again.
MACS_LATER = {"cpu": 4.8e9, "cuda": 4e11}
LARGEST_LATER = {"cpu": 128, "cuda": 4096}
# What is gathered for one product should stay in a core's cache, but be worth bringing the weights there; a
# GPU wants large products.
GATHERED_BYTES = {"cpu": 4 * 2**20, "cuda": 2**30}
GATHERED_PER_WEIGHT = 4
MAP_BYTES = {"cpu": 512 * 2**20, "cuda": 4 * 2**30}
MOST_MASKS = 4096
# Of a GPU's free memory: a layer's input and output, the library's workspace, the tables.
MEMORY_SHARE = 1 / 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Of what was run: multiply-adds of its convolutions and dense layers; bytes of their largest output."""

    macs: float
    largest: int


def counted(module: nn.Module, run: Callable[[], T]) -> tuple[T, Cost]:
    """``run()``, and what it asked of ``module``'s layers (0 where none is seen)."""
    from torch import nn

    macs, largest = 0.0, 0

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal macs, largest
        macs += output.numel() * layer.get_parameter("weight")[0].numel()
        largest = max(largest, output.numel() * output.element_size())

    layers = [x for x in module.modules() if isinstance(x, nn.Conv1d | nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        result = run()
        return result, Cost(macs, largest)
    finally:
        for hook in hooks:
            hook.remove()


class Batching:
    """How much goes through a device at once; less after its memory was exhausted.

    Parameters
    ----------
    device : "cpu", or a GPU, whose free memory limits everything.
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        self._kind = device.type if device.type in MACS_AT_ONCE else "cpu"
        self._memory = float("inf")
        if device.type == "cuda":
            self._memory = torch.cuda.mem_get_info(device)[0] * MEMORY_SHARE
        self._share = 1.0
        self._scratch: Tensor | None = None

    def inputs(self, cost: Cost) -> int:
        """Inputs per batch, when one costs ``cost``."""
        size = min(MACS_AT_ONCE[self._kind] / max(cost.macs, 1), self._memory / max(cost.largest, 1))
        return max(int(min(size, LARGEST_BATCH[self._kind]) * self._share), 1)

    def maps(self, cost: Cost) -> int:
        """Maps per batch of later layers, when one costs ``cost``."""
        size = min(MACS_LATER[self._kind] / max(cost.macs, 1), self._memory / max(cost.largest, 1))
        return max(int(min(size, LARGEST_LATER[self._kind]) * self._share), 1)

    def rows(self, macs: float, size: int, weights: int) -> int:
        """Rows per product with ``weights`` bytes, when one takes ``macs`` and gathers ``size`` bytes."""
        gathered = min(max(GATHERED_BYTES[self._kind], GATHERED_PER_WEIGHT * weights), self._memory)
        return max(int(min(MACS_LATER[self._kind] / max(macs, 1), gathered / size) * self._share), 1)

    def masks(self, size: int) -> int:
        """Masks whose layers are computed together, when each has maps of ``size`` bytes."""
        count = min(MAP_BYTES[self._kind], self._memory) / size
        return max(int(min(count, MOST_MASKS) * self._share), 1)

    def scratch(self, rows: int, like: Tensor) -> Tensor:
        """(rows, columns of ``like``), uninitialised, and the same memory every time.

        The system takes about as long to hand out new pages as it takes to fill them.
        """
        size = rows * like.shape[1]
        if self._scratch is None or len(self._scratch) < size:
            self._scratch = like.new_empty(size)
        return self._scratch[:size].view(rows, -1)

    def within_memory(self, run: Callable[[], T]) -> T:
        """``run()``, again with half as much at once whenever the GPU's memory was not enough.

        Raises
        ------
        SierError : not even one input at a time fits.
        """
        import torch

        while True:
            try:
                return run()
            except torch.OutOfMemoryError as error:
                self._share /= 2
                if self._share < 1 / LARGEST_BATCH[self._kind]:
                    raise SierError(
                        "The GPU's memory is too small for one pass of this network.",
                        "Close other programs that use the GPU, or run with --device cpu.",
                    ) from error
            self._scratch = None
            torch.cuda.empty_cache()
