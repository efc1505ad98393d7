"""``survey``: every sample of a dataset explained, resumable, here or on many workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core.errors import SierError
from sier_gui.core.explain import absence
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey import engines
from sier_gui.core.explain.survey.facts import read_facts, survey_facts
from sier_gui.core.explain.survey.results import SurveyStore
from sier_gui.core.explain.survey.rows import SurveyRow, file_stamp
from sier_gui.core.explain.survey.work import Job, Outcome, Reader, Task, Unchanged, failed_row, read_inputs
from sier_gui.core.tasks import CancelToken, Pause, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.domain import Sample
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release

ENGINES = ("processes", "dask")
ALIKE = 3  # so many samples with one error, and none without, are enough to stop
PACED = 8  # samples after which the pace is believed


@dataclass(frozen=True, slots=True)
class SurveyResult:
    """How far a survey is; its numbers lie in ``folder``.

    ``done`` of ``total`` samples have a row, ``failed`` of these only an error; ``computed`` of them in this
    run, in ``seconds`` of wall time. ``seconds_left`` is estimated from the pace of this run.
    """

    folder: Path
    total: int
    done: int
    failed: int
    computed: int
    seconds: float
    seconds_left: float | None = None
    complete: bool = False
    notes: tuple[str, ...] = ()  # what had to be worked around, one sentence each


def survey(
    catalogue: Catalogue,
    release: Release,
    request: ExplainRequest,
    out: Path,
    *,
    rows: Sequence[int] | None = None,
    device: str = "auto",
    workers: int = 1,
    engine: str = "processes",
    address: str | None = None,
    threads: int | None = None,
    use_cache: bool = True,
    predictor: Predictor | None = None,
    read: Reader = read_inputs,
    report: Report = silent,
    token: CancelToken | None = None,
    pause: Pause | None = None,
) -> SurveyResult:
    """Explain all samples of ``catalogue`` into the folder ``out``, going on from what it holds.

    Parameters
    ----------
    out : see `results`; new, or of the same survey.
    rows : only these rows of the dataset.
    device : "auto", "cpu" or "cuda"; a folder that exists keeps to its own.
    workers : processes; 1 computes in the calling thread.
    engine : "processes", or "dask": the scheduler at ``address``, by default an own one with ``workers``.
    threads : torch's threads for a sample (default 1). Kept with the folder, since a sum's last bits depend
        on it: the results are the same bit for bit for any number of workers and either engine.
    use_cache : take explanations from the attribution cache where they were computed in the same way, and
        put new ones there, where a sample looked at afterwards finds them.
    predictor : ``release`` where it is loaded already; used with one worker.
    read : how a sample is read; used with one worker.
    report : samples done, with the time left.
    token : cancels; everything computed until then is kept.
    pause : holds it between samples.

    Raises
    ------
    SierError : the folder holds another survey or is being written by another process, the request cannot
        be fulfilled, or a worker failed. A sample that cannot be read is a row with its error instead.
    Cancelled : ``token`` was cancelled.
    """
    states = surveying(
        catalogue,
        release,
        request,
        out,
        rows=rows,
        device=device,
        workers=workers,
        engine=engine,
        address=address,
        threads=threads,
        use_cache=use_cache,
        predictor=predictor,
        read=read,
        report=report,
        token=token,
        pause=pause,
    )
    (last,) = deque(states, maxlen=1)
    return last


def surveying(
    catalogue: Catalogue,
    release: Release,
    request: ExplainRequest,
    out: Path,
    *,
    rows: Sequence[int] | None = None,
    device: str = "auto",
    workers: int = 1,
    engine: str = "processes",
    address: str | None = None,
    threads: int | None = None,
    use_cache: bool = True,
    predictor: Predictor | None = None,
    read: Reader = read_inputs,
    report: Report = silent,
    token: CancelToken | None = None,
    pause: Pause | None = None,
) -> Iterator[SurveyResult]:
    """`survey` in steps: a state after each refinement of a sample, the last one ``complete``.

    A job runner can pause it, or let more urgent work pass, at each of them. Closing it keeps what is done.
    """
    token, pause = token or CancelToken(), pause or Pause()
    _check(release, request, workers, engine, threads)
    facts = _facts(catalogue, release, request, out, device, threads)
    job = Job(
        release.folder,
        release.weights_hash,
        catalogue.dataset_hash,
        request,
        facts["device"],
        facts["threads"],
        use_cache,
    )
    with SurveyStore(out, facts) as store:
        wanted = range(len(catalogue)) if rows is None else sorted(set(rows))
        tracker = _Tracker(store, wanted, report)
        tasks = _tasks(catalogue, store, wanted, tracker, token)
        if engine == "dask":
            outcomes = engines.dask(job, tasks, workers, address or engines.LOCAL, token, pause)
        elif workers > 1:
            outcomes = engines.processes(job, tasks, workers, token, pause)
        else:
            outcomes = engines.here(job, tasks, _predictor(release, job, predictor), token, pause, read)
        with closing(outcomes):  # workers end before the folder is let go
            for outcome in outcomes:
                yield tracker.take(outcome)
        store.finish()
        yield tracker.end()


def _check(release: Release, request: ExplainRequest, workers: int, engine: str, threads: int | None) -> None:
    """What would fail alike for every sample is told at once."""
    if workers < 1:
        raise SierError(f"{workers} workers.", "Use 1 or more.")
    if threads is not None and threads < 1:
        raise SierError(f"{threads} threads for each sample.", "Use 1 or more.")
    if engine not in ENGINES:
        raise SierError(f"There is no engine {engine!r}.", f"Use {' or '.join(ENGINES)}.")
    if request.target is not None and request.target not in release.classes:
        raise SierError(
            f"The network knows no class {request.target!r}.", f"Use {', '.join(release.classes)}."
        )
    absence.parse(request.absence)


def _facts(
    catalogue: Catalogue,
    release: Release,
    request: ExplainRequest,
    out: Path,
    device: str,
    threads: int | None,
) -> dict[str, Any]:
    """A folder that exists keeps its device and threads; where others are asked for, they are refused."""
    from sier_gui.core.nets.prediction import resolve_device

    there = read_facts(out) or {}
    resolved = resolve_device(str(there.get("device", device)) if device == "auto" else device)
    count = int(there.get("threads", 1)) if threads is None else threads
    return survey_facts(catalogue, release, request, device=resolved, threads=count)


def _predictor(release: Release, job: Job, given: Predictor | None) -> Predictor:
    from sier_gui.core.nets.prediction import Predictor

    fits = given is not None and given.device == job.device
    if given is not None and fits and given.release.weights_hash == job.weights_hash:
        return given
    return Predictor(release, job.device)


def _tasks(
    catalogue: Catalogue, store: SurveyStore, wanted: Sequence[int], tracker: _Tracker, token: CancelToken
) -> Iterator[Task]:
    """Samples without a row, or whose files changed since; one that the table itself spoils fails here."""
    for row in wanted:
        token.check()
        known = store.known.get(row)
        try:
            sample = catalogue.sample(row)
        except SierError as error:
            if known is None:
                tracker.take(failed_row(Task(_nameless(catalogue, row), "outside"), error))
            continue
        files = file_stamp(sample)
        if known is None:
            yield Task(sample, files)
        elif known.files != files:
            tracker.reopen()
            yield Task(sample, files, known.sample_hash)


def _nameless(catalogue: Catalogue, row: int) -> Sample:
    """A row of the table whose files cannot be located."""
    from sier_gui.core.domain import Sample

    label = catalogue.cell(row, "label").strip() or None
    return Sample(catalogue.cell(row, "sample_id"), row, {}, label=label)


class _Tracker:
    """Counts outcomes, keeps them in the store, and tells how long the rest will take."""

    def __init__(self, store: SurveyStore, wanted: Sequence[int], report: Report) -> None:
        self._store, self._report = store, report
        known = [store.known[row] for row in wanted if row in store.known]
        failed = sum(one.failed for one in known)
        self.state = SurveyResult(
            store.folder, len(wanted), len(known), failed, 0, 0.0, notes=tuple(store.notes)
        )
        self._started = self._counted = time.monotonic()
        self._alike: list[str] | None = []  # errors, as long as there is nothing else
        self._pace = 0.0  # seconds a sample, over what was computed lately
        report(Progress(len(known), len(wanted), "explaining"))

    def reopen(self) -> None:
        """The files of a sample that has a row are other ones now."""
        self.state = replace(self.state, done=self.state.done - 1)

    def take(self, outcome: Outcome | None) -> SurveyResult:
        now = time.monotonic()
        self.state = replace(self.state, seconds=now - self._started)
        if isinstance(outcome, SurveyRow):
            self._keep(outcome, now)
        elif isinstance(outcome, Unchanged):
            self.state = replace(self.state, done=self.state.done + 1)
        return self.state

    def _keep(self, row: SurveyRow, now: float) -> None:
        old = self._store.known.get(row.row)
        was = old is not None and old.failed
        self._store.add(row)
        self._refuse_alike(row.error)
        state = self.state
        step, self._counted = now - self._counted, now
        if state.computed >= PACED:
            step = min(step, 5 * self._pace)  # what is longer was a pause
        self._pace += max(0.02, 1 / (state.computed + 1)) * (step - self._pace)
        left = self._pace * (state.total - state.done - 1)
        self.state = replace(
            state,
            done=state.done + 1,
            computed=state.computed + 1,
            failed=state.failed + (row.error is not None) - was,
            seconds_left=left,
        )
        self._report(Progress(self.state.done, state.total, f"explaining · {spoken(left)} left"))

    def _refuse_alike(self, error: str | None) -> None:
        """An error that the first samples share is the request's, not theirs: such names no file."""
        if error is None:
            self._alike = None
        elif self._alike is not None:
            self._alike.append(error)
            if self._alike.count(error) >= ALIKE:
                raise SierError(error)

    def end(self) -> SurveyResult:
        self.state = replace(
            self.state, complete=True, seconds=time.monotonic() - self._started, seconds_left=0.0
        )
        self._report(Progress(self.state.done, self.state.total, "explained"))
        return self.state


def spoken(seconds: float) -> str:
    """A duration for people: "40 s", "3 min", "2 h 10 min", "4 d 3 h"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
