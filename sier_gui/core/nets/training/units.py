"""The trainings behind one release: which there are, where each lies, and which are finished.

Each is a folder ``units/<name>`` of its own and can be taken by any process: whoever holds its lock trains
it; ``unit.json``, written last, says that it is finished.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sier_gui.core import paths
from sier_gui.core.domain import Modality
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.data import Indices
from sier_gui.core.nets.training.evaluation import BOTH
from sier_gui.core.nets.training.grid import Point, points
from sier_gui.core.nets.training.history import UNITS, Entry, read_history
from sier_gui.core.nets.training.parts import Parts

RESULT, CHECKPOINT = "unit.json", "checkpoint.safetensors"
SHIPPED = "shipped"
FUSED = "fused"


@dataclass(frozen=True)
class Unit:
    """One network to train. ``test``: what it is measured on (may be empty); ``fold``: which part, or −1.

    ``may_ship``: its weights are kept when it is finished.
    """

    name: str
    network: str
    streams: frozenset[Modality]
    seed: int
    point: Point
    fold: int
    train: Indices
    test: Indices
    may_ship: bool = False


class Plan:
    """What there is to train for ``config`` on ``parts``, in the folder ``work``: first the grid's
    combinations, then the one that did best with all seeds and for comparison, then what ships."""

    def __init__(self, config: TrainingConfig, parts: Parts, work: Path) -> None:
        self.config = config
        self.parts = parts
        self.folder = work / UNITS
        self.streams = frozenset(Modality(s) for s in config.run.streams)
        self.main = network_name(self.streams)
        self.points = points(config)

    def open(self) -> list[Unit]:
        """What can be taken now and is not finished; nothing where all is done."""
        for phase in (self._searched, self._measured, self._shipped):
            left = [unit for unit in phase() if not self.finished(unit)]
            if left:
                return left
        return []

    def count(self) -> tuple[int, int]:
        """How many units are finished, of how many."""
        searched = self._searched()
        others = [unit for unit in (*self._measured(), *self._shipped()) if unit not in searched]
        names = {unit.name for unit in (*searched, *others)}
        return sum((self.folder / name / RESULT).is_file() for name in names), len(names)

    def chosen(self) -> Point:
        """The combination with the best balanced accuracy on the validation parts: the mean over parts,
        weighted by their sizes; of equals the first. Those not finished count as far as they came."""
        if len(self.points) == 1:
            return self.points[0]
        scores = [self._score(point) for point in self.points]
        return self.points[scores.index(max(scores))]

    def measured(self) -> list[Unit]:
        """Finished units whose test predictions make the figures."""
        return [unit for unit in self._measured() if self.finished(unit)]

    def shipping(self) -> Unit:
        """The unit whose network is the release's, when all are finished."""
        if self.config.run.fit == "train":
            return next(self._of(self.main, self.streams, self.chosen(), self.config.run.seeds[0]))
        return self._shipped()[0]

    def best_so_far(self) -> Unit | None:
        """The unit to ship when the training was stopped: what was to ship, if it has weights, else of those
        with the chosen combination the best on its validation part, else of all."""
        seed = self.config.run.seeds[0]
        for tried in ([self.chosen()], self.points):
            units = [unit for point in tried for unit in self._of(self.main, self.streams, point, seed)]
            for candidates in (self._shipped(), units):
                there = [unit for unit in candidates if (self.folder / unit.name / CHECKPOINT).is_file()]
                if there:
                    return max(there, key=self._unit_score)
        return None

    def _unit_score(self, unit: Unit) -> float:
        return float(best_entry(self.history(unit)).get("validation_balanced_accuracy", 0))

    def history(self, unit: Unit) -> list[Entry]:
        return read_history(self.folder / unit.name / "history.jsonl")

    # ---------------------------------------------------------------- phases

    def _searched(self) -> list[Unit]:
        if len(self.points) == 1:
            return []
        seed = self.config.run.seeds[0]
        return [unit for point in self.points for unit in self._of(self.main, self.streams, point, seed)]

    def _measured(self) -> list[Unit]:
        kinds = {self.main: self.streams}
        if self.config.run.alone and self.streams == BOTH:
            kinds |= {network_name(frozenset({m})): frozenset({m}) for m in BOTH}
        point = self.chosen()
        return [
            unit
            for name, streams in sorted(kinds.items())
            for seed in self.config.run.seeds
            for unit in self._of(name, streams, point, seed)
        ]

    def _shipped(self) -> list[Unit]:
        if self.config.run.fit == "train":
            return []
        everything, seed = self.parts.everything, self.config.run.seeds[0]
        nothing = everything[:0]
        point = self.chosen()
        return [Unit(SHIPPED, self.main, self.streams, seed, point, -1, everything, nothing, True)]

    def _of(self, name: str, streams: frozenset[Modality], point: Point, seed: int) -> Iterator[Unit]:
        first = name == self.main and seed == self.config.run.seeds[0]
        for fold, (train, test) in enumerate(self.parts.pairs):
            words = [name.replace(" ", "-"), f"seed{seed}", point.name, f"part{fold}"]
            full = "-".join(word for word in words if word)
            yield Unit(full, name, streams, seed, point, fold, train, test, first and fold == 0)

    def _score(self, point: Point) -> float:
        total, weight = 0.0, 0
        for unit in self._of(self.main, self.streams, point, self.config.run.seeds[0]):
            history = self.history(unit)
            if history:
                size = len(self.parts.validation(unit.train)[1])
                total += size * best_entry(history).get("validation_balanced_accuracy", 0.0)
                weight += size
        return total / weight if weight else -1.0

    # ---------------------------------------------------------------- what is finished

    def finished(self, unit: Unit) -> bool:
        return (self.folder / unit.name / RESULT).is_file()

    def finish(self, unit: Unit, stopped: bool) -> None:
        """Say that ``unit`` is done; weights that cannot ship are let go."""
        folder = self.folder / unit.name
        best = best_entry(self.history(unit))
        facts: dict[str, Any] = {
            "schema": 1,
            "unit": unit.name,
            "network": unit.network,
            "streams": sorted(unit.streams),
            "seed": unit.seed,
            "point": unit.point.name,
            "fold": unit.fold,
            "train": len(unit.train),
            "test": len(unit.test),
            "stopped": stopped,
            "best": best,
        }
        if not (unit.may_ship or stopped):
            (folder / CHECKPOINT).unlink(missing_ok=True)
        paths.write_json(folder / RESULT, facts)

    def result(self, unit: Unit) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / unit.name / RESULT).read_text(encoding="utf-8"))
        return facts


def network_name(streams: frozenset[Modality]) -> str:
    return FUSED if streams == BOTH else f"{', '.join(sorted(streams))} alone"


def best_entry(history: list[Entry]) -> Entry:
    """The epoch of the last stage whose weights were kept: the lowest validation loss, else the last."""
    if not history:
        return {}
    last = [entry for entry in history if entry["stage"] == history[-1]["stage"]]
    if any("validation_loss" not in entry for entry in last):
        return last[-1]
    losses = [float(entry["validation_loss"]) for entry in last]
    return last[losses.index(min(losses))]
