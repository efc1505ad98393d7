"""One process's share of a training: its data, its networks, the units that it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy, FolderLock
from sier_gui.core.nets.networks import CachesFeatures, Network, NetworkConfig, Pretrained, build
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.data import FeatureSource, RawSource, Source, TrainingData, decode
from sier_gui.core.nets.training.devices import make_fabric
from sier_gui.core.nets.training.evaluation import ALL, softmax, view_logits, views_of
from sier_gui.core.nets.training.history import Entry, timeless
from sier_gui.core.nets.training.loop import Fit, Task
from sier_gui.core.nets.training.metrics import figures_of
from sier_gui.core.nets.training.parts import Parts
from sier_gui.core.nets.training.predictions import (
    PREDICTIONS,
    Predictions,
    by_network,
    network_without,
    pooled,
    read,
    write,
)
from sier_gui.core.nets.training.rows_cache import RowsCache
from sier_gui.core.nets.training.signals import Signals, Stopped
from sier_gui.core.nets.training.units import CHECKPOINT, Plan, Unit
from sier_gui.core.tasks import CancelToken, Progress, Report

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from sier_gui.core.dataset.catalogue import Catalogue

WAIT_S = 0.5


class Session:
    """``config`` on ``catalogue``, in the folder ``work``.

    Parameters
    ----------
    device : "cpu", "cuda", or one GPU as "cuda:1".
    """

    def __init__(
        self,
        catalogue: Catalogue,
        config: TrainingConfig,
        work: Path,
        device: str,
        report: Report,
        token: CancelToken,
    ) -> None:
        self.catalogue = catalogue
        self.config = config
        self.work = work
        self.device = device
        self.report = report
        self.token = Signals(work, token)
        self.classes = tuple(config.network["classes"])
        shared = paths.user_folder("cache") / "training"
        self.cache = RowsCache(shared, config.run.cache_gb, overflow=work / "cache")
        self.data: TrainingData = decode(
            catalogue,
            self.classes,
            config.front,
            config.split.groups,
            self.cache,
            split=config.split.column if config.split.kind == "column" else "",
            report=report,
            token=self.token,
        )
        self.parts = Parts(self.data, config.split)
        self.plan = Plan(config, self.parts, work)
        self.source = self._source()

    def close(self) -> None:
        """Let go of the memory-mapped files, which Windows would not delete."""
        self.source = RawSource(self.data, self.config.augment)
        self.data = replace(self.data, arrays={})

    # ---------------------------------------------------------------- taking units

    def work_off(self, going_on: Callable[[], bool] = lambda: True) -> None:
        """Train what nobody else has taken, until nothing is left or somebody says stop.

        ``going_on``: whether there still is a training; one that has ended has no results in its folder, and
        whoever looks into it too late would do everything again.

        Raises
        ------
        Cancelled : the token was cancelled.
        SierError : a unit cannot be trained.
        """
        pause = threading.Event()
        while not self.token.stopped and (left := self.plan.open()) and going_on():
            if not any(self._take(unit) for unit in left):
                self.token.check()
                pause.wait(WAIT_S)  # others are at them; what follows depends on their results

    def _take(self, unit: Unit) -> bool:
        """Whether ``unit`` was there to be trained, and is trained now."""
        if self.token.stopped:
            return False
        try:
            lock = FolderLock(self.plan.folder / unit.name)
        except Busy:
            return False
        try:
            if self.plan.finished(unit):
                return False
            done, total = self.plan.count()
            self.report(Progress(done, total, f"network {done + 1} of {total}: {unit.name}"))
            if self.config.run.devices > 1:
                self._train_on_several(unit)
            else:
                self.train(unit)
            return True
        except Stopped:
            return False
        finally:
            lock.release()

    def train(self, unit: Unit, fabric: Fabric | None = None) -> None:
        """Train ``unit`` to its end and write what it answers; ``fabric``: its process in a team."""
        network, fit = self._prepared(unit, fabric, logged=True)
        file = self.plan.folder / unit.name / CHECKPOINT
        state = fit.run(file, report=self.report, token=self.token)
        if not fit.team.first:
            return
        if len(unit.test):
            self._write_answers(unit, network)
        self.plan.finish(unit, state.stopped)

    def _train_on_several(self, unit: Unit) -> None:
        """In processes of their own, one for each device; their epochs are reported as they come."""
        from sier_gui.core.nets.training.team import train_on_several

        train_on_several(self, unit)

    def _prepared(self, unit: Unit, fabric: Fabric | None, *, logged: bool) -> tuple[Network, Fit]:
        network = self._fresh(unit.seed)
        train, validation = self.parts.validation(unit.train)
        for modality, mean in self.data.means(train).items():
            network.absence_mean[modality].copy_(mean)
        task = Task(self.source, self.data.labels, train, validation, unit.streams, unit.seed)
        board = (
            self.work.parent / "tensorboard" / unit.name if logged and self.config.run.tensorboard else None
        )
        config = unit.point.config
        if fabric is None:  # this process alone
            fabric = make_fabric(replace(config, run=replace(config.run, devices=1)), self.device)
        fit = Fit(network, task, config, fabric=fabric, name=unit.name, stop=self._stop, board=board)
        return network, fit

    def _stop(self) -> bool:
        return self.token.stopped

    def _write_answers(self, unit: Unit, network: Network) -> None:
        device = self.device
        network.module.to(device)
        logits = view_logits(network, self.source, unit.test, views_of(unit.streams), device)
        names = {
            ALL: unit.network,
            "image": network_without(unit.network, "speech"),
            "speech": network_without(unit.network, "image"),
        }
        groups = self.data.groups
        answers = [
            Predictions(
                names[view],
                unit.seed,
                self.classes,
                tuple(self.data.sample_ids[i] for i in unit.test),
                self.data.labels[unit.test],
                softmax(values),
                groups[unit.test] if len(groups) else groups,
                np.full(len(unit.test), unit.fold, np.int64),
            )
            for view, values in logits.items()
        ]
        write(self.plan.folder / unit.name / PREDICTIONS, answers)

    # ---------------------------------------------------------------- what came of them

    def predictions(self) -> list[Predictions]:
        """Of all units that are measured, in the plan's order; the split's parts pooled."""
        units = self.plan.measured()
        parts = [part for unit in units for part in read(self.plan.folder / unit.name / PREDICTIONS)]
        by_seed: dict[tuple[str, int], list[Predictions]] = {}
        for part in parts:
            by_seed.setdefault((part.network, part.seed), []).append(part)
        return [pooled(own) for own in by_seed.values()]

    def metrics(self, answers: list[Predictions]) -> dict[str, Any]:
        """Figures of every kind of network, by seed."""
        found = {
            "schema": 1,
            "classes": list(self.classes),
            "samples": len(self.data),
            "skipped": list(self.data.skipped),
            "split": {
                "kind": self.config.split.kind,
                "groups": sorted(set(self.data.groups.tolist())),
                "straddling": self.parts.straddling(),
                "parts": [[len(train), len(test)] for train, test in self.parts.pairs],
            },
            "seeds": list(self.config.run.seeds),
            "networks": {name: figures_of(runs) for name, runs in by_network(answers).items()},
        }
        if len(self.plan.points) > 1:
            found["grid"] = {"points": [p.name for p in self.plan.points], "chosen": self.plan.chosen().name}
        return found

    def shipped(self, unit: Unit) -> tuple[Network, list[Entry]]:
        """The network of the finished ``unit`` and its training's history."""
        network, fit = self._prepared(unit, None, logged=False)
        state = fit.run(self.plan.folder / unit.name / CHECKPOINT, report=self.report, token=self.token)
        return network, timeless(state.history)

    # ---------------------------------------------------------------- networks

    def _fresh(self, seed: int) -> Network:
        """A network as training starts: initialised from ``seed``, pretrained parts loaded."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build(NetworkConfig.from_table(self.config.network))
        if self.config.init:
            if not isinstance(network, Pretrained):
                raise SierError(
                    f"Network {self.config.network['kind']} takes no pretrained weights.", "Remove [init]."
                )
            network.load_pretrained(self.config.init)
        return network

    def _source(self) -> Source:
        """Features of a frozen part are computed once; they do not depend on the seed or the part."""
        network = self._fresh(self.config.run.seeds[0])
        if not isinstance(network, CachesFeatures):
            return RawSource(self.data, self.config.augment, self.device)
        return FeatureSource(
            network,
            self.data,
            self.config.augment,
            self.config.split.seed,
            self.cache,
            device=self.device,
            report=self.report,
            token=self.token,
        )


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads for torch's operations; as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
