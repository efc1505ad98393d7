"""``ablate``: every row of Table 2 trained and tested on a dataset, in units that resume and spread.

The folder: ``ablation.toml`` (what it belongs to), ``units/<row>/seed<s>-part<p>/`` (each unit's predictions,
history, times), ``predictions.csv`` (all of them), ``table.`` as ``csv``, ``tex``, ``md``, ``json``, ``svg``
and ``png``. Rows can be added to it: finished units are never trained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import sier_gui
from sier_gui.core import charts, paths, spreading
from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock
from sier_gui.core.nets import toml
from sier_gui.core.nets.ablation import table as tables
from sier_gui.core.nets.ablation.figure import draw_table
from sier_gui.core.nets.ablation.parts import split_rows
from sier_gui.core.nets.ablation.rows import PROPOSED, ROWS
from sier_gui.core.nets.ablation.significance import Comparison, compare
from sier_gui.core.nets.ablation.table import Line
from sier_gui.core.nets.ablation.units import Job, Result, Unit, done, kept, trained, unit_predictions
from sier_gui.core.nets.training.config import TrainingConfig
from sier_gui.core.nets.training.metrics import figures_of
from sier_gui.core.nets.training.predictions import PREDICTIONS, Predictions, pooled, write
from sier_gui.core.tasks import CancelToken, Pause, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

MARKER = "ablation.toml"


@dataclass(frozen=True)
class AblationRequest:
    """``rows``: names of `ROWS`. ``config``: how all of them are trained, split and augmented, its network
    giving width and dropout only; its seeds are those of the rows. ``width``: instead of the config's.
    """

    rows: tuple[str, ...]
    config: TrainingConfig
    width: float | None = None


@dataclass(frozen=True)
class Ablation:
    """``comparisons``: of ``reference`` with each other row."""

    folder: Path
    lines: tuple[Line, ...]
    reference: str
    comparisons: tuple[Comparison, ...]
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            **self.facts,
            "reference": self.reference,
            "rows": [line.to_json() for line in self.lines],
            "comparisons": [one.to_json() for one in self.comparisons],
        }

    def to_markdown(self) -> list[str]:
        return tables.markdown(self.lines, self.comparisons, self.reference)


def ablate(
    catalogue: Catalogue,
    request: AblationRequest,
    out: Path,
    *,
    resume: bool = False,
    workers: int = 1,
    address: str | None = None,
    threads: int = 1,
    device: str = "auto",
    report: Report = silent,
    token: CancelToken | None = None,
) -> Ablation:
    """Train and test every row on ``catalogue``, and write the tables into the folder ``out``.

    Parameters
    ----------
    resume : go on in a folder that holds units of the same request; further rows may be asked for.
    workers : processes; 1 trains in the calling thread.
    address : Dask's scheduler, or "local" for an own one with ``workers``.
    threads : torch's for each unit.

    A row that cannot be trained is named in its line; the others go on.

    Raises
    ------
    SierError : ``out`` is in use or belongs to another request, the samples cannot be split, no row at all
        could be trained, or a worker failed.
    Cancelled : ``token`` was cancelled; finished units and epochs are kept.
    """
    token = token or CancelToken()
    if request.config.network.get("kind", "parallelnet") != "parallelnet":
        raise SierError("The rows are ParallelNet's family; the config is for another kind.", "Use a preset.")
    classes = tuple(request.config.network.get("classes", catalogue.classes))
    config = replace(request.config, network={**request.config.network, "classes": list(classes)})
    units = _units(catalogue, request, classes)
    job = Job(
        catalogue.source, catalogue.allow_outside, catalogue.dataset_hash, config, classes, request.width,
        out.resolve(), device, threads,
    )  # fmt: skip
    lock = FolderLock(out)
    try:
        _mark(out, job, resume)
        results = _results(job, units, workers, address, report, token)
        return _written(job, units, results, catalogue.name)
    finally:
        lock.release()


def _units(catalogue: Catalogue, request: AblationRequest, classes: Sequence[str]) -> list[Unit]:
    parts = [tuple(map(int, test)) for test in split_rows(catalogue, request.config.split, classes)]
    return [
        Unit(row, seed, number, test)
        for row in request.rows
        for seed in request.config.run.seeds
        for number, test in enumerate(parts)
    ]


def _mark(out: Path, job: Job, resume: bool) -> None:
    """``out`` belongs to a dataset and a way of training; rows and seeds may come later."""
    config = replace(job.config, run=replace(job.config.run, seeds=()))
    facts = {"dataset_hash": job.dataset_hash, "width": job.width, **config.to_tables()}
    text, marker = toml.dumps(facts), out / MARKER
    if marker.is_file():
        if not resume:
            raise SierError(f"{out} holds an ablation.", "Go on with --resume, or choose another folder.")
        if marker.read_text(encoding="utf-8") != text:
            raise SierError(
                f"The ablation in {out} was started with another config or dataset.",
                "Choose another folder, or ask as it was started.",
            )
    paths.write_bytes(marker, text.encode())


# ---------------------------------------------------------------- units to results


def _results(
    job: Job, units: Sequence[Unit], workers: int, address: str | None, report: Report, token: CancelToken
) -> dict[tuple[str, int, int], Result]:
    found: dict[tuple[str, int, int], Result] = {}

    def take(result: Result) -> None:
        found[result.row, result.seed, result.part] = result
        report(Progress(len(found), len(units), f"{ROWS[result.row].title}, part {result.part + 1}"))

    waiting = []
    for unit in units:
        before = kept(job, unit)
        if before is None:
            waiting.append(unit)
        else:
            take(before)
    if address is not None:
        outcomes = spreading.dask(partial(done, job), iter(waiting), workers, address, token, Pause())
    elif workers > 1:
        outcomes = spreading.processes(partial(done, job), iter(waiting), workers, token, Pause())
    else:
        outcomes = _here(job, waiting, found, len(units), report, token)
    with closing(outcomes):  # workers end before the folder is let go
        for outcome in outcomes:
            if outcome is not None:
                take(outcome)
    return found


def _here(
    job: Job, units: Sequence[Unit], found: Mapping[Any, Any], total: int, report: Report, token: CancelToken
) -> spreading.Outcomes[Result]:
    for unit in units:
        token.check()

        def tell(progress: Progress, unit: Unit = unit) -> None:
            report(Progress(len(found), total, f"{unit.name}: {progress.text}"))

        yield trained(job, unit, tell, token)


# ---------------------------------------------------------------- results to tables


def _written(
    job: Job, units: Sequence[Unit], results: Mapping[tuple[str, int, int], Result], dataset: str
) -> Ablation:
    runs: dict[str, list[Predictions]] = {}
    lines = []
    for row in dict.fromkeys(unit.row for unit in units):
        own = [unit for unit in units if unit.row == row]
        found = [results[unit.row, unit.seed, unit.part] for unit in own]
        problems = tuple(dict.fromkeys(result.error for result in found if result.error))
        if problems:
            lines.append(Line(row, {}, problems=problems))
            continue
        runs[row] = list(_by_seed(job, own))
        lines.append(_line(row, runs[row], found))
    if not runs:
        raise SierError(f"No row could be trained: {lines[0].problems[0]}", "Correct what it names.")
    reference = PROPOSED if PROPOSED in runs else next(iter(runs))
    others = [(row, one) for row, one in runs.items() if row != reference]
    comparisons = tuple(compare((reference, runs[reference]), others)) if others else ()
    ablation = Ablation(job.out, tuple(lines), reference, comparisons, _facts(job, runs, dataset))
    write(job.out / PREDICTIONS, [one for found in runs.values() for one in found])
    write_tables(ablation)
    return ablation


def _by_seed(job: Job, units: Sequence[Unit]) -> Iterator[Predictions]:
    for seed in dict.fromkeys(unit.seed for unit in units):
        yield pooled([unit_predictions(job, unit) for unit in units if unit.seed == seed])


def _line(row: str, runs: Sequence[Predictions], found: Sequence[Result]) -> Line:
    def median(name: str) -> float:
        return float(np.median([getattr(result, name) for result in found]))

    skipped = tuple(dict.fromkeys(one for result in found for one in result.skipped))
    return Line(
        row,
        figures_of(runs),
        float(np.mean([result.epochs for result in found])),
        median("epoch_s"),
        median("epoch_cpu_s"),
        found[0].parameters,
        skipped,
    )


def _facts(job: Job, runs: Mapping[str, Sequence[Predictions]], dataset: str) -> dict[str, Any]:
    first = next(iter(runs.values()))[0]
    return {
        "version": sier_gui.__version__,
        "dataset": dataset,
        "dataset_hash": job.dataset_hash,
        "classes": list(job.classes),
        "samples": len(first),
        "groups": len(set(first.groups.tolist())),
        "parts": len(set(first.folds.tolist())),
        "split": job.config.split.kind,
        "seeds": list(job.config.run.seeds),
        "width": job.config.network.get("width", 1.0) if job.width is None else job.width,
        "threads": job.threads,
    }


def caption(facts: Mapping[str, Any]) -> str:
    """One sentence on what the figures are of."""
    how = {
        "holdout": "held out",
        "column": "held out by the dataset itself",
        "folds": f"{facts['parts']} folds",
        "loso": f"leave one of {facts['groups']} speakers out",
    }[facts["split"]]
    seeds = len(facts["seeds"])
    return (
        f"{facts['dataset']}: {facts['samples']} samples, {how}, width {facts['width']:g}, "
        f"{seeds} seed{'s' * (seeds > 1)}"
    )


def write_tables(ablation: Ablation) -> None:
    """CSV, LaTeX, Markdown, JSON and the figure, beside the predictions they come from."""
    out, lines, facts = ablation.folder, ablation.lines, ablation.facts
    text = caption(facts)
    paths.write_bytes(out / "table.csv", tables.lines_csv(lines, ablation.comparisons).encode())
    paths.write_bytes(out / "table.tex", tables.latex(lines, f"Ablation studies' summary ({text})").encode())
    paths.write_bytes(out / "table.md", ("\n".join(ablation.to_markdown()) + "\n").encode())
    paths.write_json(out / "table.json", ablation.to_json())
    figure = draw_table(lines, 1 / len(facts["classes"]), text)
    for kind in ("svg", "png"):
        charts.save(figure, out / f"table.{kind}", {"title": "Table 2", **facts})
