"""One row, one seed, one part of the split: what a worker trains, tests and keeps."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core import paths
from sier_gui.core.domain import Prediction
from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation import predictions as tables
from sier_gui.core.nets.ablation.parts import PartOf, check_part, groups_of, part_config
from sier_gui.core.nets.ablation.predictions import Predictions
from sier_gui.core.nets.ablation.rows import row_config
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

RESULT, TABLE, HISTORY = "result.json", "predictions.csv", "history.jsonl"


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
    value = json.loads(file.read_text(encoding="utf-8"))
    return Result(**{**value, "skipped": tuple(value["skipped"])})


def unit_predictions(job: Job, unit: Unit) -> Predictions:
    """What the unit's network said of its test rows."""
    (found,) = tables.read(unit.folder(job.out) / TABLE)
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
    from sier_gui.core.nets.networks import parameter_count
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.training.train import train

    catalogue = _catalogue(job.source, job.allow_outside, job.dataset_hash)
    labelled = sum(label in job.classes for label in catalogue.column("label"))
    config = row_config(job.config, unit.row, job.classes, job.width)
    config = part_config(config, labelled, len(unit.test), unit.seed)
    folder = unit.folder(job.out)
    clock = _Clock(folder / "epochs.jsonl", report)
    part: Any = PartOf(catalogue, unit.test)
    release = train(
        part, config, folder / "release", resume=True, device=job.device, report=clock, token=token
    )
    metrics = check_part(release, len(unit.test))
    predictor = Predictor(release, job.device)
    _write_predictions(job, unit, catalogue, predictor, token)
    lines = (json.dumps(entry) for entry in metrics["history"])
    paths.write_bytes(folder / HISTORY, ("\n".join(lines) + "\n").encode())
    wall, cpu = clock.medians()
    result = Result(
        unit.row, unit.seed, unit.part, len(metrics["history"]), wall, cpu,
        parameter_count(predictor.network), tuple(metrics["skipped"]),
    )  # fmt: skip
    paths.write_json(folder / RESULT, asdict(result))
    _slim(release)
    return result


def _write_predictions(
    job: Job, unit: Unit, catalogue: Catalogue, predictor: Any, token: CancelToken
) -> None:
    answers: list[tuple[int, Prediction]] = []
    for row, answer in predictor.predict_rows(catalogue, unit.test, token=token):
        if isinstance(answer, Prediction):  # unreadable ones are in the result's list
            answers.append((row, answer))
    if not answers:
        raise SierError(f"No sample of {unit.name} can be read.", "Run sier-gui validate on the dataset.")
    rows = np.array([row for row, _ in answers], np.int64)
    tables.write(
        unit.folder(job.out) / TABLE,
        [
            Predictions(
                unit.row,
                unit.seed,
                job.classes,
                tuple(answer.sample_id for _, answer in answers),
                np.array([job.classes.index(str(answer.label)) for _, answer in answers], np.int64),
                np.array([answer.probabilities for _, answer in answers]),
                groups_of(catalogue, job.config.split, rows),
                np.full(len(answers), unit.part, np.int64),
            )
        ],
    )


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
    """A report that takes the time of each epoch and keeps it in ``file``, across kills."""

    def __init__(self, file: Path, report: Report) -> None:
        self._file, self._report = file, report
        self._last: tuple[float, float] | None = None

    def __call__(self, progress: Progress) -> None:
        now = time.perf_counter(), time.process_time()
        if " epoch " in progress.text:
            if self._last is not None:
                self._keep(now[0] - self._last[0], now[1] - self._last[1])
            self._last = now
        else:  # decoding, or another network: what comes next is no whole epoch
            self._last = None
        self._report(progress)

    def _keep(self, wall: float, cpu: float) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([round(wall, 4), round(cpu, 4)]) + "\n")

    def medians(self) -> tuple[float, float]:
        """Seconds an epoch, wall and process time: NaN-free, 0 where only one was run."""
        if not self._file.is_file():
            return 0.0, 0.0
        lines = self._file.read_text(encoding="utf-8").splitlines()
        wall, cpu = np.median(np.array([json.loads(line) for line in lines if line.endswith("]")]), axis=0)
        return float(wall), float(cpu)
