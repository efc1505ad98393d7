"""Figures of many samples: in worker processes, with one colour scale, going on where a run was ended."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sier_gui
from sier_gui.core import spreading
from sier_gui.core.domain import Sample
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import CODE_VERSION, ExplainRequest
from sier_gui.core.explain.survey import engines
from sier_gui.core.explain.survey.rows import SurveyRow, file_stamp
from sier_gui.core.explain.survey.work import Job, Outcome, Task, read_inputs
from sier_gui.core.export.gather import Source, lacking, look_up, view_of
from sier_gui.core.export.ledger import Ledger, Line
from sier_gui.core.export.view import FigureOptions, shared_scale
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.tasks import CancelToken, Pause, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

T = TypeVar("T")
R = TypeVar("R")
MOST_WORKERS = 8
FIGURES_A_WORKER = 8  # fewer are drawn before a second process has started
SAMPLES_A_WORKER = 8  # and fewer are explained


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What is made of each sample. ``shared``: one colour scale for all; else ``options.scale``."""

    explain: ExplainRequest
    options: FigureOptions
    formats: tuple[str, ...]
    shared: bool = True


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is.

    ``done`` of ``total`` samples have their files, or, ``failed`` of these, none; ``made`` of them in this
    run, in ``seconds`` of wall time. Once it is ``complete``, ``entries`` is the manifest and ``errors`` says
    why samples failed, in the table's order.
    """

    out: Path
    total: int
    done: int = 0
    failed: int = 0
    made: int = 0
    seconds: float = 0.0
    complete: bool = False
    errors: tuple[str, ...] = ()
    entries: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """What a batch works with.

    Parameters
    ----------
    workers : processes that read, explain and draw; 0 does all in the calling one.
    device : where what is not explained yet is computed.
    niceness : of the workers, so that a window in front of them stays quick.
    token : cancels; files written so far stay, and count the next time.
    """

    workers: int = 0
    device: str = "auto"
    niceness: int = 0
    report: Report = silent
    token: CancelToken = field(default_factory=CancelToken)
    pause: Pause = field(default_factory=Pause)


@dataclass(frozen=True, slots=True)
class _Press:
    """What all figures have in common; travels to the workers."""

    source: Source
    options: FigureOptions
    formats: tuple[str, ...]
    out: Path


def default_workers(samples: int) -> int:
    """As many as the cores, where there is enough to draw; 0 draws in the calling process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS, samples // FIGURES_A_WORKER)


def batch(
    catalogue: Catalogue,
    release: Release,
    request: BatchRequest,
    rows: Sequence[int],
    out: Path,
    means: Means | None = None,
) -> BatchState:
    """`batching` to its end."""
    (last,) = deque(batching(catalogue, release, request, rows, out, means), maxlen=1)
    return last


def batching(
    catalogue: Catalogue,
    release: Release,
    request: BatchRequest,
    rows: Sequence[int],
    out: Path,
    means: Means | None = None,
) -> Iterator[BatchState]:
    """Write the figures of ``rows`` into ``out``, in steps; the last state is ``complete``.

    A design of several samples gives one figure of all, at the end.

    Three passes: what the cache knows of the samples; explanations of the others; the figures. A run that was
    cancelled or killed goes on with the figures it lacks, where everything that they depend on is the same.

    Raises
    ------
    SierError : no rows, an unknown design or format, another process writes there, the folder cannot be
        written. A sample that cannot be read is told in ``errors`` instead.
    Cancelled : the token was cancelled.
    """
    from sier_gui.core.export.bundle import known_formats
    from sier_gui.core.export.designs import design

    if not len(rows):
        raise SierError("There is no sample to export.", "Choose at least one.")
    if means is not None and means.workers < 0:
        raise SierError(f"{means.workers} workers.", "Use 0, which draws in this process, or more.")
    request = replace(request, formats=tuple(known_formats(request.formats)))
    run: type[Batch] = Batch
    if design(request.options.design).draw_all is not None:
        from sier_gui.core.export.selection import SelectionBatch

        run = SelectionBatch
    return run(catalogue, release, request, [int(row) for row in rows], out, means or Means()).states()


class Batch:
    """One run: figures of each sample."""

    def __init__(
        self,
        catalogue: Catalogue,
        release: Release,
        request: BatchRequest,
        rows: list[int],
        out: Path,
        means: Means,
    ) -> None:
        self.catalogue, self.release, self.request = catalogue, release, request
        self.rows, self.out, self.means = rows, out, means
        self.source = Source.of(catalogue, release, request.explain, means.device)
        self.samples: list[Sample] = []
        self.broken: dict[int, str] = {}  # by row, one line
        self.errors: list[tuple[int, str]] = []  # of the lines that were entered
        self.started, self.before = time.perf_counter(), 0

    def states(self) -> Iterator[BatchState]:
        self._find_samples()
        with Ledger(self.out, self._key()) as ledger:
            self.before = len(ledger.lines)
            todo = [sample for sample in self.samples if sample.row not in ledger.lines]
            scale = ledger.scale
            if todo:
                ends: dict[int, tuple[float, float]] = {}
                whole = self.request.shared and scale is None
                for _ in self._explain(self.samples if whole else todo, ends):
                    yield self._state(ledger)
                if whole:
                    scale = _widest(ends.values())
            ledger.begin(scale)
            for row, reason in sorted(self.broken.items()):
                self._enter(ledger, Line(row, self.catalogue.cell(row, "sample_id"), error=reason))
            todo = [sample for sample in todo if sample.row not in self.broken]
            for line in self._draw(todo, scale):
                if line is not None:
                    self._enter(ledger, line)
                    self.means.report(Progress(len(ledger.lines), len(self.rows), "writing"))
                yield self._state(ledger)
            entries = ledger.finish(self.rows, self._joined(ledger))
            told = tuple(reason for _, reason in sorted(self.errors))
            yield replace(self._state(ledger), complete=True, errors=told, entries=tuple(entries))

    def _enter(self, ledger: Ledger, line: Line) -> None:
        ledger.add(line)
        if line.error:
            self.errors.append((line.row, line.error))

    def _state(self, ledger: Ledger) -> BatchState:
        done, failed = len(ledger.lines), len(self.errors)
        return BatchState(self.out, len(self.rows), done, failed, done - self.before, self.seconds())

    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self.started

    def _find_samples(self) -> None:
        """Those that can be drawn; a second one of an id would overwrite the first one's files."""
        seen: dict[str, int] = {}
        for row in self.rows:
            name = self.catalogue.cell(row, "sample_id")
            first = seen.setdefault(name, row)
            if first != row:
                self.broken[row] = f"Row {row + 1} has the same id as row {first + 1}: {name}."
                continue
            try:
                sample = self.catalogue.sample(row)
            except SierError as error:
                self.broken[row] = one_line(error)
                continue
            if reason := lacking(sample):
                self.broken[row] = reason
            else:
                self.samples.append(sample)

    def _key(self) -> str:
        """Of all that the files depend on, the samples' own files included."""
        request = self.request
        facts = {
            "program": [sier_gui.__version__, CODE_VERSION],
            "dataset": self.source.dataset_hash,
            "release": self.release.weights_hash,
            "explain": asdict(request.explain),
            "figure": asdict(request.options),
            "formats": list(request.formats),
            "shared": request.shared,
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for sample in self.samples:
            digest.update(f"{sample.row}\0{file_stamp(sample)}\n".encode())
        return digest.hexdigest()

    # ---------------------------------------------------------------- the passes

    def _explain(self, samples: Sequence[Sample], ends: dict[int, tuple[float, float]]) -> Iterator[None]:
        """Fill ``ends``, by row; what is not explained yet is, and goes into the cache."""
        by_row = {sample.row: sample for sample in samples}
        missing: list[Sample] = []
        with closing(self._spread(partial(look_up, self.source), samples)) as looked:
            for number, found in enumerate(one for one in looked if one is not None):
                if found.error:
                    self.broken[found.row] = found.error
                elif found.ends is None:
                    missing.append(by_row[found.row])
                else:
                    ends[found.row] = found.ends
                self.means.report(Progress(number + 1, len(samples), "reading"))
                yield None
        if not missing:
            return
        self.means.report(Progress(0, 0))  # the pace of explaining is not that of reading
        done = 0
        with closing(self._explained(missing)) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, SurveyRow):
                    done += 1
                    if outcome.attribution is None:
                        self.broken[outcome.row] = outcome.error or ""
                    else:
                        ends[outcome.row] = shared_scale([outcome.attribution])
                    self.means.report(Progress(done, len(missing), "explaining"))
                yield None
        self.means.report(Progress(0, 0))

    def _explained(self, samples: Sequence[Sample]) -> spreading.Outcomes[Outcome]:
        """By the survey's own workers, so that a batch's values are a survey's."""
        means, source = self.means, self.source
        tasks = (Task(sample, file_stamp(sample)) for sample in samples)
        job = Job(
            self.release.folder, self.release.weights_hash, self.catalogue.dataset_hash, source.request,
            source.device, source.threads, use_cache=True,
        )  # fmt: skip
        if means.workers:
            workers = max(1, min(means.workers, len(samples) // SAMPLES_A_WORKER))
            return engines.processes(job, tasks, workers, means.token, means.pause)
        predictor = Predictor(self.release, source.device)
        job = replace(job, device=predictor.device)
        return engines.here(job, tasks, predictor, means.token, means.pause, read_inputs)

    def _joined(self, ledger: Ledger) -> list[dict[str, Any]]:
        """All samples' pages as one, where pages are asked for."""
        from sier_gui.core.export.bundle import entry
        from sier_gui.core.export.report import REPORT, join_pages

        pages = [
            (line.sample_id, Path(one["file"]))
            for line in (ledger.lines[row] for row in self.rows if row in ledger.lines)
            for one in line.entries
            if one["format"] == "html"
        ]
        if not pages:
            return []
        join_pages(self.out / REPORT, self.catalogue.name, pages)
        return [entry("", "html", self.out / REPORT)]

    def _draw(self, samples: Sequence[Sample], scale: tuple[float, float] | None) -> Iterator[Line | None]:
        options = self.request.options if scale is None else replace(self.request.options, scale=scale)
        press = _Press(self.source, options, self.request.formats, self.out)
        with closing(self._spread(partial(_pressed, press), samples)) as pressed:
            yield from pressed

    def _spread(self, work: Callable[[T, CancelToken], R], tasks: Sequence[T]) -> spreading.Outcomes[R]:
        means = self.means
        if means.workers and tasks:
            nicely = partial(_nicely, means.niceness, work)
            workers = min(means.workers, len(tasks))
            return spreading.processes(nicely, iter(tasks), workers, means.token, means.pause)
        return _here(work, tasks, means.token, means.pause)


def _here(
    work: Callable[[T, CancelToken], R], tasks: Sequence[T], token: CancelToken, pause: Pause
) -> spreading.Outcomes[R]:
    for task in tasks:
        pause.wait(token)
        yield work(task, token)


def _nicely(niceness: int, work: Callable[[T, CancelToken], R], task: T, token: CancelToken) -> R:
    _be_nice(niceness)
    return work(task, token)


@lru_cache(maxsize=1)
def _be_nice(niceness: int) -> None:
    """Once for each worker; Windows has no such call."""
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)


def _pressed(press: _Press, sample: Sample, token: CancelToken) -> Line:
    """What a worker does for a sample. A folder that cannot be written fails for all: it ends the run."""
    from sier_gui.core.export.bundle import export
    from sier_gui.core.export.designs import design

    curves = design(press.options.design).curves
    try:
        view = view_of(press.source, sample, token, curves=curves)
    except SierError as error:
        return Line(sample.row, sample.sample_id, error=one_line(error))
    entries = export(view, press.formats, None, press.out, options=press.options)
    return Line(sample.row, sample.sample_id, tuple(entries))


def one_line(error: SierError) -> str:
    return " ".join(str(error).split())


def _widest(ends: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
    found = list(ends)
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None
