"""The combinations that [grid] tries."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from sier_gui.core.nets.training.config import TrainingConfig

KEYS = {"learning_rate": "optimiser", "cross_entropy": "loss", "focal": "loss"}


@dataclass(frozen=True)
class Point:
    """One combination; without a search the only one, whose ``name`` is empty."""

    name: str
    config: TrainingConfig


def points(config: TrainingConfig) -> list[Point]:
    """All combinations, the last key changing fastest; each has the whole config it stands for."""
    if not config.grid.search:
        return [Point("", config)]
    lists = {key: getattr(config.grid, key) for key in KEYS if getattr(config.grid, key)}
    found = []
    for values in itertools.product(*lists.values()):
        changed = config
        for key, value in zip(lists, values, strict=True):
            table = KEYS[key]
            changed = replace(changed, **{table: replace(getattr(changed, table), **{key: float(value)})})
        pairs = zip(lists, values, strict=True)
        found.append(Point("-".join(f"{key}={value:g}" for key, value in pairs), changed))
    return found
