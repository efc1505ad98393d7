"""``sier-gui train``: figures by the split, then the network that ships, then its release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.dataset import splits
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets import toml
from sier_gui.core.nets.networks import (
    CachesFeatures,
    Network,
    NetworkConfig,
    Pretrained,
    build,
    parameter_count,
)
from sier_gui.core.nets.prediction import resolve_device
from sier_gui.core.nets.release_files import CONFIG
from sier_gui.core.nets.releases import Release, open_release, write_release
from sier_gui.core.nets.training.card import make_card
from sier_gui.core.nets.training.config import ReleaseTable, TrainingConfig
from sier_gui.core.nets.training.data import FeatureSource, Indices, RawSource, Source, TrainingData, decode
from sier_gui.core.nets.training.loop import Fit, Task, probabilities
from sier_gui.core.nets.training.metrics import evaluate, over_seeds
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

BOTH = frozenset({Modality.IMAGE, Modality.SPEECH})
WORK = "training"  # folder inside the release's, gone when the release is written


@dataclass(frozen=True)
class Unit:
    """One network to train. ``test``: what it is measured on (may be empty)."""

    name: str
    streams: frozenset[Modality]
    seed: int
    train: Indices
    test: Indices


def train(
    catalogue: Catalogue,
    config: TrainingConfig,
    out: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    report: Report = silent,
    token: CancelToken | None = None,
) -> Release:
    """Train on ``catalogue`` as ``config`` says and write a verified release into the folder ``out``.

    A killed or cancelled run loses at most an epoch: ``resume`` goes on where it stood. While it runs,
    ``out/training`` holds decoded samples and checkpoints. ``out/metrics.json`` has all figures.

    Raises
    ------
    SierError : ``out`` is in use, the config does not fit the data, or the loss diverges.
    Cancelled : ``token`` was cancelled.
    """
    config = _completed(config, catalogue, out)
    if (out / CONFIG).is_file() and not (out / WORK).exists():
        if resume:
            return open_release(out)
        raise SierError(f"{out} already holds a release.", "Choose another folder; nothing is overwritten.")
    work = _work_folder(out, config, catalogue.dataset_hash, resume)
    session = Session(catalogue, config, work, resolve_device(device), report, token or CancelToken())
    origin = {"dataset": catalogue.name, "dataset_hash": catalogue.dataset_hash}
    metrics = session.measure() | origin
    network, metrics["history"] = session.shipped()
    card = make_card(config, metrics, catalogue.name, parameter_count(network))
    extra = {"metrics.json": (json.dumps(metrics, indent=1, ensure_ascii=False) + "\n").encode()}
    tables = _release_tables(config, {**origin, "samples": len(session.data)})
    release = write_release(out, network, tables, card, half=config.release.half, extra=extra)
    session.close()
    shutil.rmtree(work)
    return release


def _completed(config: TrainingConfig, catalogue: Catalogue, out: Path) -> TrainingConfig:
    """``config`` with the dataset's classes and the folder's name where it leaves them open."""
    table = {"classes": list(catalogue.classes), **config.network}
    return replace(
        config,
        network=NetworkConfig.from_table(table).to_table(),
        release=_named(config.release, out.resolve()),
    )


def _named(table: ReleaseTable, out: Path) -> ReleaseTable:
    """``table`` with a name: its own, else by ``<name>/<version>``, where a version starts with a digit."""
    if table.name:
        return table
    if out.name[:1].isdigit() and out.parent.name:
        return replace(table, name=out.parent.name, version=out.name)
    return replace(table, name=out.name)


def _release_tables(config: TrainingConfig, origin: dict[str, Any]) -> dict[str, Any]:
    """The release's config.toml: [training] has everything that is not in the other tables."""
    tables = config.to_tables()
    network, front, release = (tables.pop(name) for name in ("network", "front", "release"))
    return {
        "release": {"schema": 1, "name": release["name"], "version": release["version"]},
        "network": network,
        "front": front,
        "training": {**origin, **tables},
    }


def _work_folder(out: Path, config: TrainingConfig, dataset_hash: str, resume: bool) -> Path:
    """``out/training``, holding the config it belongs to."""
    work = out / WORK
    text = toml.dumps({"dataset_hash": dataset_hash, **config.to_tables()})
    marker = work / "config.toml"
    if marker.is_file():
        if not resume:
            raise SierError(
                f"{out} holds a training that was not finished.", "Go on with --resume, or delete the folder."
            )
        if marker.read_text(encoding="utf-8") != text:
            raise SierError(
                f"The training in {out} was started with another config or dataset.",
                "Choose another folder, or use the config it was started with.",
            )
    paths.write_bytes(marker, text.encode())
    return work


class Session:
    """The trainings behind one release: which there are, and what became of each."""

    def __init__(
        self,
        catalogue: Catalogue,
        config: TrainingConfig,
        work: Path,
        device: str,
        report: Report,
        token: CancelToken,
    ) -> None:
        self.config = config
        self.work = work
        self.device = device
        self.report = report
        self.token = token
        self.classes = tuple(config.network["classes"])
        self.streams = frozenset(Modality(s) for s in config.run.streams)
        self.data: TrainingData = decode(
            catalogue, self.classes, config.front, config.split.groups, work, report=report, token=token
        )
        self.parts = self._split()
        self.source = self._source()

    def close(self) -> None:
        """Let go of the memory-mapped files, which Windows would not delete."""
        self.source = RawSource(self.data, self.config.augment)
        self.data = replace(self.data, arrays={})

    # ---------------------------------------------------------------- what is trained

    def measure(self) -> dict[str, Any]:
        """Figures of every kind of network, predictions pooled over the split's parts, by seed."""
        kinds = {"fused" if self.streams == BOTH else _alone(self.streams): self.streams}
        if self.config.run.alone and self.streams == BOTH:
            kinds |= {_alone({m}): frozenset({m}) for m in BOTH}
        units = [
            (kind, unit) for kind, streams in sorted(kinds.items()) for unit in self._units(kind, streams)
        ]
        answers: dict[str, dict[int, list[dict[str, Any]]]] = {}
        for number, (kind, unit) in enumerate(units):
            self._announce(number, len(units), unit)
            result = self._result(unit)
            for view, values in result["probabilities"].items():
                name = kind if view == "all" else f"{kind} network, {view} absent"
                pooled = answers.setdefault(name, {}).setdefault(unit.seed, [])
                pooled.append({"index": unit.test, "probabilities": np.array(values)})
        networks = {name: self._figures(by_seed) for name, by_seed in answers.items()}
        return {
            "schema": 1,
            "classes": list(self.classes),
            "samples": len(self.data),
            "skipped": list(self.data.skipped),
            "split": {
                "kind": self.config.split.kind,
                "groups": sorted(set(self.data.groups.tolist())),
                "parts": [[len(train), len(test)] for train, test in self.parts],
            },
            "seeds": list(self.config.run.seeds),
            "networks": networks,
        }

    def shipped(self) -> tuple[Network, list[dict[str, float]]]:
        """The network of the release and its training's history."""
        seed = self.config.run.seeds[0]
        if self.config.run.fit == "train":
            kind = "fused" if self.streams == BOTH else _alone(self.streams)
            unit = next(iter(self._units(kind, self.streams)))
        else:
            everything = np.arange(len(self.data))
            unit = Unit("shipped", self.streams, seed, everything, everything[:0])
            self._announce(0, 1, unit)
        return self._trained(unit)

    def _units(self, kind: str, streams: frozenset[Modality]) -> Iterator[Unit]:
        for seed in self.config.run.seeds:
            for number, (train, test) in enumerate(self.parts):
                yield Unit(f"{kind}-seed{seed}-part{number}", streams, seed, train, test)

    # ---------------------------------------------------------------- one network

    def _result(self, unit: Unit) -> dict[str, Any]:
        """Probabilities of the unit's test part, from its file where it is finished."""
        file = self.work / f"{unit.name}.json"
        if file.is_file():
            loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return loaded
        network, _ = self._trained(unit)
        views = {"all": unit.streams}
        if unit.streams == BOTH:
            views |= {str(m): BOTH - {m} for m in sorted(BOTH)}
        result = {
            "probabilities": {
                name: probabilities(network, self.source, unit.test, present, self.device).tolist()
                for name, present in views.items()
            }
        }
        paths.write_json(file, result)
        return result

    def _trained(self, unit: Unit) -> tuple[Network, list[dict[str, float]]]:
        """The unit's network, trained, or as its checkpoint has it where training is finished."""
        network = self._fresh(unit.seed)
        train, validation = self._validation(unit.train)
        for modality, mean in self.data.means(train).items():
            network.absence_mean[modality].copy_(mean)
        task = Task(self.source, self.data.labels, train, validation, unit.streams, unit.seed)
        fit = Fit(network, task, self.config, self.device)
        history = fit.run(self.work / f"{unit.name}.safetensors", report=self.report, token=self.token)
        return network, history

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
            return RawSource(self.data, self.config.augment)
        return FeatureSource(
            network,
            self.data,
            self.config.augment,
            self.config.split.seed,
            self.work,
            device=self.device,
            report=self.report,
            token=self.token,
        )

    # ---------------------------------------------------------------- parts of the data

    def _split(self) -> list[tuple[Indices, Indices]]:
        s, groups = self.config.split, self._groups()
        labels = self.data.labels.astype(str).tolist()
        if s.kind == "holdout":
            return [splits.holdout(labels, groups, s.fraction, s.seed)]
        if s.kind == "folds":
            return list(splits.folds(labels, groups, s.k, s.seed))
        if groups is None or len(set(groups.tolist())) < 2:
            raise SierError(
                "Leaving one group out needs at least two groups.",
                "Give split.groups a column that has them.",
            )
        return list(splits.leave_one_group_out(groups))

    def _groups(self) -> Any:
        return self.data.groups if len(self.data.groups) else None

    def _validation(self, train: Indices) -> tuple[Indices, Indices]:
        """``train`` without, and only, what stops the training."""
        s, groups = self.config.split, self._groups()
        if not s.validation:
            return train, train[:0]
        if groups is not None and len(set(groups[train].tolist())) < 3:
            groups = None  # a group of two would take half of the training part
        inner = groups[train] if groups is not None else None
        fit, stop = splits.holdout(self.data.labels[train].astype(str).tolist(), inner, s.validation, s.seed)
        return train[fit], train[stop]

    def _figures(self, by_seed: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
        runs = []
        for seed, pooled in by_seed.items():
            index = np.concatenate([part["index"] for part in pooled])
            values = np.concatenate([part["probabilities"] for part in pooled])
            runs.append({"seed": seed, **evaluate(self.data.labels[index], values, self.classes)})
        return {**over_seeds(runs), "runs": runs}

    def _announce(self, number: int, total: int, unit: Unit) -> None:
        self.report(Progress(number, total, f"network {number + 1} of {total}: {unit.name}"))


def _alone(streams: Any) -> str:
    return f"{', '.join(sorted(streams))} alone"
