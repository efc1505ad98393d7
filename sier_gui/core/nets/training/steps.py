"""What an epoch is made of: which samples, in which batches, at which learning rate, by which optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.config import Optimiser, Stage
from sier_gui.core.nets.training.data import Indices

if TYPE_CHECKING:
    from torch import nn, optim


def sampled(labels: Indices, train: Indices, sampling: str, rng: np.random.Generator) -> Indices:
    """``train`` in random order; "balanced" as many of each class, repeating and leaving out as few as can
    be (every sample of a class comes once before one comes twice)."""
    if sampling != "balanced":
        return rng.permutation(train)
    own = [train[labels[train] == c] for c in np.unique(labels[train])]
    quotas = np.diff(np.linspace(0, len(train), len(own) + 1).round().astype(int))
    picked = []
    for rows, quota in zip(own, quotas.tolist(), strict=True):
        rounds = [rng.permutation(rows) for _ in range(-(-quota // len(rows)))]
        picked.append(np.concatenate([*rounds, rows[:0]])[:quota])
    return rng.permutation(np.concatenate(picked))


def stepped(order: Indices, optimiser: Optimiser, devices: int) -> list[list[Indices]]:
    """Optimiser steps, each a list of batches of like size: none of one sample, which batch-norm refuses."""
    count = max(1, min(math.ceil(len(order) / optimiser.batch), len(order) // (2 * devices)))
    batches = np.array_split(order, count)
    return [batches[start : start + optimiser.accumulate] for start in range(0, count, optimiser.accumulate)]


def make_optimiser(module: nn.Module, stage: Stage, config: Optimiser) -> optim.Optimizer:
    """Over the stage's parameters.

    Raises
    ------
    SierError : there are none.
    """
    import torch

    chosen = [p for name, p in module.named_parameters() if p.requires_grad and _belongs(name, stage)]
    if not chosen:
        raise SierError(f"No parameter starts with {', '.join(stage.train)}.", "Correct train in [[stages]].")
    rate, decay = stage.learning_rate or config.learning_rate, config.weight_decay
    if config.name == "sgd":
        return torch.optim.SGD(chosen, lr=rate, momentum=config.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(chosen, lr=rate, weight_decay=decay)


@contextmanager
def only_stage(module: nn.Module, stage: Stage) -> Iterator[None]:
    """Gradients for the stage's parameters alone: the others need none, and several devices would wait
    for them."""
    others = [p for name, p in module.named_parameters() if p.requires_grad and not _belongs(name, stage)]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def _belongs(name: str, stage: Stage) -> bool:
    return not stage.train or name.startswith(stage.train)


class Schedule:
    """The learning rate after each epoch."""

    def __init__(self, optimiser: optim.Optimizer, config: Optimiser, epochs: int) -> None:
        from torch.optim.lr_scheduler import ReduceLROnPlateau

        self._groups: Sequence[dict[str, Any]] = optimiser.param_groups
        self._first = float(optimiser.param_groups[0]["lr"])
        self._epochs = epochs
        self._kind = config.schedule
        self._plateau = (
            ReduceLROnPlateau(optimiser, patience=config.plateau, factor=config.plateau_factor)
            if config.schedule == "plateau" and config.plateau
            else None
        )

    @property
    def rate(self) -> float:
        return float(self._groups[0]["lr"])

    def step(self, epoch: int, validation_loss: float | None) -> None:
        """After epoch ``epoch`` (from 0)."""
        if self._kind == "cosine":
            share = (1 + math.cos(math.pi * (epoch + 1) / self._epochs)) / 2
            for group in self._groups:
                group["lr"] = self._first * share
        elif self._plateau is not None and validation_loss is not None:
            self._plateau.step(validation_loss)

    def state(self) -> dict[str, Any]:
        return dict(self._plateau.state_dict()) if self._plateau is not None else {}

    def restore(self, state: dict[str, Any], rate: float) -> None:
        if self._plateau is not None and state:
            self._plateau.load_state_dict(state)
        for group in self._groups:
            group["lr"] = rate
