"""The processes that share each batch, one for each device, by Lightning Fabric and torch's DDP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.data import Indices
from sier_gui.core.nets.training.signals import Stopped
from sier_gui.core.tasks import Cancelled, CancelToken

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor, nn

CANCEL, STOP = 2, 1
OBEY_EVERY = 16  # steps, with several devices: they have to agree, which makes them wait for each other


def make_fabric(config: TrainingConfig, device: str) -> Fabric:
    """``device``: "cpu", "cuda", or one GPU as "cuda:1". With several devices `Fabric.launch` starts them."""
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    kind, _, number = device.partition(":")
    several = config.run.devices > 1
    strategy: Any = "auto"
    if several:
        # a stage of both streams does not use the classifiers of single ones, nor the other way round
        strategy = DDPStrategy(start_method="spawn", find_unused_parameters=True)
    devices: Any = [int(number)] if number else config.run.devices
    return Fabric(accelerator=kind, devices=devices, strategy=strategy, precision=config.optimiser.precision)


class Team:
    """What the processes of a `Fabric` do together; for one alone all of it is trivial."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.rank: int = fabric.global_rank
        self.size: int = fabric.world_size

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        if self.size > 1:
            self._fabric.barrier()

    def sum(self, value: Tensor) -> float:
        if self.size > 1:
            value = self._fabric.all_reduce(value, reduce_op="sum")
        return float(value)

    def obey(self, step: int, token: CancelToken, stop: Callable[[], bool]) -> None:
        """Raise Cancelled or Stopped where somebody asked for it: in all processes at the same step."""
        word = CANCEL if token.cancelled else STOP if stop() else 0
        if self.size > 1:
            if step % OBEY_EVERY:
                return
            word = int(self._fabric.broadcast(word))
        if word == CANCEL:
            raise Cancelled
        if word == STOP:
            raise Stopped

    def own_generator(
        self, rng: np.random.Generator, seed: int, stage: int, epoch: int
    ) -> np.random.Generator:
        """For what the processes draw by themselves; the first one goes on with ``rng``."""
        return rng if self.first else np.random.default_rng([seed, 1, stage, epoch, self.rank])

    def share_buffers(self, module: nn.Module) -> None:
        """Batch-norm's statistics as the first process has them: each saw other parts of the batches."""
        if self.size > 1:
            for buffer in module.buffers():
                buffer.copy_(self._fabric.broadcast(buffer.contiguous()))

    def share_of(self, index: Indices) -> Indices:
        """What this process looks at; as many for each, the first ones perhaps by two."""
        if self.size == 1:
            return index
        padded = np.resize(index, -(-len(index) // self.size) * self.size)
        return padded[self.rank :: self.size]

    def gathered(self, rows: Tensor, count: int) -> Tensor:
        """(count, …) of all, in order, from everybody's `share_of`."""
        if self.size == 1:
            return rows
        import torch

        everybody = [torch.empty_like(rows) for _ in range(self.size)]
        torch.distributed.all_gather(everybody, rows.contiguous())
        return torch.stack(everybody, 1).flatten(0, 1)[:count]

    def scaler(self) -> dict[str, Any]:
        """State of the loss scale that 16-mixed keeps; empty for other precisions."""
        return dict(self._fabric.strategy.precision.state_dict())

    def restore_scaler(self, state: dict[str, Any]) -> None:
        if state:
            self._fabric.strategy.precision.load_state_dict(state)
