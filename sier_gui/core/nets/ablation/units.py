"""One row, one seed, one part of the split: what a worker trains, tests and keeps."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.parts import PartOf, part_config
from sier_gui.core.nets.ablation.rows import row_config
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.history import HISTORY, EpochProgress
from sier_gui.core.nets.training.predictions import PREDICTIONS, Predictions, read, write
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

WEIGHTS = "release"  # while it is needed
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Job:
    """What all units have in common; travels to the workers."""

    source: Path
    allow_outside: bool
    dataset_hash: str
    config: TrainingConfig
    classes: tuple[str, ...]
    width: float | None
    out: Path
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class Unit:
    """``test``: the dataset's rows it is tested on; it learns from all others that have a label."""

    row: str
    seed: int
    part: int
    test: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.row}, seed {self.seed}, part {self.part}"

    def folder(self, out: Path) -> Path:
        return out / "units" / self.row / f"seed{self.seed}-part{self.part}"


@dataclass(frozen=True, slots=True)
class Result:
    """``epoch_s``, ``epoch_cpu_s``: median over epochs, wall and CPU time; ``skipped``: unreadable samples.

    ``error``: in one line what kept the unit from being trained, else "".
    """

    row: str
    seed: int
    part: int
    epochs: int = 0
    epoch_s: float = 0.0
    epoch_cpu_s: float = 0.0
    parameters: int = 0
    skipped: tuple[str, ...] = ()
    error: str = ""


def kept(job: Job, unit: Unit) -> Result | None:
    """What an earlier run kept of ``unit``."""
    file = unit.folder(job.out) / RESULT
    if not file.is_file():
        return None
    if (file.parent / WEIGHTS).exists():  # that run was killed before it had cleared up
        shutil.rmtree(file.parent / WEIGHTS)
    value = json.loads(file.read_text(encoding="utf-8"))
    return Result(**{**value, "skipped": tuple(value["skipped"])})


def unit_predictions(job: Job, unit: Unit) -> Predictions:
    """What the unit's network said of its test rows."""
    (found,) = read(unit.folder(job.out))
    return found


def done(job: Job, unit: Unit, token: CancelToken) -> Result:
    """Train and test ``unit``, going on where an earlier run was ended; what a worker does.

    A row that cannot be trained is a result with its error.

    Raises
    ------
    Cancelled : ``token`` was cancelled.
    """
    return trained(job, unit, silent, token)


def trained(job: Job, unit: Unit, report: Report, token: CancelToken) -> Result:
    """`done`, telling about its epochs."""
    import torch

    before = kept(job, unit)
    if before is not None:
        return before
    threads = torch.get_num_threads()
    torch.set_num_threads(job.threads)
    try:
        return _train(job, unit, report, token)
    except SierError as error:
        return Result(unit.row, unit.seed, unit.part, error=" ".join(str(error).split()))
    finally:
        torch.set_num_threads(threads)


def _train(job: Job, unit: Unit, report: Report, token: CancelToken) -> Result:
    from sier_gui.core.nets.training.history import read_history
    from sier_gui.core.nets.training.train import train

    catalogue = _catalogue(job.source, job.allow_outside, job.dataset_hash)
    config = part_config(row_config(job.config, unit.row, job.classes, job.width), unit.seed)
    folder = unit.folder(job.out)
    clock = _Clock(folder / "cpu.jsonl", report)
    part: Any = PartOf(catalogue, unit.test)
    release = train(part, config, folder / WEIGHTS, resume=True, device=job.device, report=clock, token=token)
    metrics = json.loads((release.folder / "metrics.json").read_text(encoding="utf-8"))
    ((history, network),) = ((read_history(file), file) for file in release.folder.glob(f"units/*/{HISTORY}"))
    _write_predictions(job, unit, read(release.folder)[0])
    shutil.copyfile(network, folder / HISTORY)
    result = Result(
        unit.row,
        unit.seed,
        unit.part,
        len(history),
        float(np.median([entry["seconds"] for entry in history])),
        clock.median(),
        _parameters(config),
        tuple(metrics["skipped"]),
    )
    paths.write_json(folder / RESULT, asdict(result))
    _slim(release)
    return result


def _write_predictions(job: Job, unit: Unit, said: Predictions) -> None:
    """With names that tell the units apart."""
    folds = np.full(len(said), unit.part, np.int64)
    told = replace(said, network=unit.row, seed=unit.seed, folds=folds)
    write(unit.folder(job.out) / PREDICTIONS, [told])


def _parameters(config: TrainingConfig) -> int:
    from sier_gui.core.nets.networks import NetworkConfig, build, parameter_count

    return parameter_count(build(NetworkConfig.from_table(config.network)))


def _slim(release: Release) -> None:
    """What was measured stays, the weights go: a table at full width would otherwise take many gigabytes."""
    for name in ("config.toml", "metrics.json"):
        (release.folder / name).replace(release.folder.parent / name)
    shutil.rmtree(release.folder)


@lru_cache(maxsize=1)
def _catalogue(source: Path, allow_outside: bool, dataset_hash: str) -> Catalogue:
    from sier_gui.core.dataset.catalogue import open_dataset

    catalogue = open_dataset(source, allow_outside=allow_outside)
    if catalogue.dataset_hash != dataset_hash:
        raise SierError(f"A worker finds another dataset in {source}.", "Copy the same one to all machines.")
    return catalogue


class _Clock:
    """A report that takes each epoch's processor time, which other programs do not lengthen, and keeps it."""

    def __init__(self, file: Path, report: Report) -> None:
        self._file, self._report = file, report
        self._last: float | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.process_time()
        if isinstance(progress, EpochProgress):
            if self._last is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.open("a", encoding="utf-8") as stream:
                    stream.write(f"{now - self._last:.4f}\n")
            self._last = now
        self._report(progress)

    def median(self) -> float:
        """Seconds an epoch; 0 where only one was run."""
        if not self._file.is_file():
            return 0.0
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return float(np.median([float(line) for line in lines]))
