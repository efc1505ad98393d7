"""Explaining a whole dataset when nothing else is to be done: paused, cancelled, gone on with another day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog

from sier_gui.core.domain import Modality
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.dialogs.survey import SurveyDialog
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import ExplainOptions
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.explain import possible, request_for
from sier_gui.gui.workflows.words import WordAligner

if TYPE_CHECKING:
    from sier_gui.core.domain import FrontEnd, Sample, SampleInputs
    from sier_gui.core.explain.survey.run import SurveyResult
    from sier_gui.core.explain.survey.work import Reader

KIND = "survey"
SAVED = "surveys"  # settings: by the dataset's source, the last survey asked for
FEED_MS = 10_000  # how often what was explained comes into the sample table
FEED_ROWS = 200  # at a time: the window stays free
TELL_S = 0.25


@dataclass(frozen=True, slots=True)
class SurveyedRows:
    """Answers and modality splits of some rows: ``rows`` (k,), the others (k, C)."""

    rows: np.ndarray
    f_all: np.ndarray
    image: np.ndarray
    speech: np.ndarray


class SurveyWorkflow(QObject):
    """One survey of the dataset by the release; it goes on by itself when the dataset is opened again.

    Parameters
    ----------
    resume : False leaves what was under way alone (a picture of the window must compute nothing).
    """

    fed = Signal(object)  # SurveyedRows, for the sample table
    grown = Signal()  # the survey's folder holds more than before

    def __init__(self, context: Context, *, resume: bool = True) -> None:
        super().__init__(context.window)
        self._context = context
        self._resume = resume
        self._dialog: SurveyDialog | None = None
        self._state: SurveyResult | None = None
        self._fed = 0  # samples explained when the table was fed last
        self._feeding = QTimer(self)
        self._feeding.setInterval(FEED_MS)
        self._feeding.timeout.connect(self._feed)
        for action_id, handler in (
            ("survey.start", self.ask),
            ("survey.pause", self.pause),
            ("survey.cancel", self.cancel),
        ):
            context.actions.bind(action_id, handler)
        context.state.dataset_changed.connect(self._leave)
        context.state.release_changed.connect(self._leave)
        context.state.prediction_changed.connect(self._on_prediction)

    # ---------------------------------------------------------------- asking

    @Slot()
    def ask(self) -> None:
        """Which parts; then it begins."""
        state = self._context.state
        if state.dataset is None or state.release is None:
            return
        self._dialog = SurveyDialog(
            state.dataset.name, len(state.dataset), state.explain_options, self._context.window
        )
        self._dialog.finished.connect(self._on_asked)
        self._dialog.open()

    @Slot(int)
    def _on_asked(self, result: int) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is None:
            return
        dialog.deleteLater()
        if result == QDialog.DialogCode.Accepted:
            self._context.actions.action("survey.pause").setChecked(False)
            self.pause(False)
            self.start(dialog.options())

    # ---------------------------------------------------------------- the work

    def start(self, options: ExplainOptions) -> None:
        """Explain every sample as ``options`` say, going on from what is there."""
        state = self._context.state
        catalogue, release = state.dataset, state.release
        if catalogue is None or release is None:
            return
        self._remember(options, "running")
        self._state, self._fed = None, 0
        predictors, request = self._context.predictors, request_for(options)
        aligner = self._context.aligner

        def work(report: Report, token: CancelToken) -> Iterator[SurveyResult]:
            from sier_gui.core.explain.survey.facts import read_facts, survey_folder
            from sier_gui.core.explain.survey.run import surveying

            predictor, folder = predictors.get(release), survey_folder(catalogue, release, request)
            own, told = _OwnThreads(token), 0.0
            for so_far in surveying(
                catalogue,
                release,
                request,
                folder,
                device="auto" if read_facts(folder) else predictor.device,
                predictor=predictor,
                read=_reader(aligner, own),
                report=_only_time_left(report),
                token=own,
            ):
                if so_far.complete or time.monotonic() - told > TELL_S:
                    yield so_far
                    told = time.monotonic()
                else:
                    own.check()

        job = self._context.computer.start(KIND, work, Priority.IDLE)
        job.partial.connect(self._on_partial)
        job.succeeded.connect(self._on_end)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)
        self._feeding.start()

    @Slot(object)
    def _on_partial(self, so_far: SurveyResult) -> None:
        if self._state is None:
            for note in so_far.notes:
                self._context.messages.info(note)
        self._state = so_far

    @Slot(object)
    def _on_end(self, result: SurveyResult) -> None:
        self._set_saved("done")
        self._feeding.stop()
        self._feed()
        failed = f"; {result.failed} could not be, their rows say why" if result.failed else ""
        self._context.messages.info(
            f"{result.done - result.failed:,} of {result.total:,} samples are explained{failed}.",
            "",
            "survey.degree",
            "Modality Degree",
        )

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._set_saved("failed")  # it is not tried again by itself
        self._feeding.stop()
        self._context.messages.error(error, "survey.start", "Try Again")

    @Slot()
    def _on_cancelled(self) -> None:
        self._set_saved("cancelled")
        self._feeding.stop()
        self._feed()
        done = self._state.done if self._state is not None else 0
        self._context.messages.info(
            f"Explaining the dataset was cancelled; {done:,} samples are kept.",
            "Start it again to go on from there.",
            "survey.start",
            "Explain Whole Dataset",
        )

    @Slot(bool)
    def pause(self, paused: bool) -> None:
        computer = self._context.computer
        (computer.pause if paused else computer.resume)(KIND, self)
        if computer.busy(KIND):
            self._set_saved("paused" if paused else "running")

    @Slot()
    def cancel(self) -> None:
        self._context.computer.cancel(KIND)

    @Slot()
    def _leave(self) -> None:
        """Another dataset or release: what is under way stays remembered and goes on another time."""
        self._context.computer.drop(KIND)
        self.stop()

    @Slot()
    def stop(self) -> None:
        self._feeding.stop()

    # ---------------------------------------------------------------- going on another day

    @Slot(object)
    def _on_prediction(self, prediction: object) -> None:
        """After the first sample, so that what is looked at never waits."""
        if prediction is None or not self._resume or self._context.computer.busy(KIND):
            return
        saved, options = _remembered(self._context), remembered_options(self._context)
        if saved is not None and options is not None and saved.get("state") in ("running", "paused"):
            paused = saved["state"] == "paused"
            self._context.actions.action("survey.pause").setChecked(paused)
            (self._context.computer.pause if paused else self._context.computer.resume)(KIND, self)
            self.start(options)
            if paused:
                self._set_saved("paused")

    def _remember(self, options: ExplainOptions, state: str) -> None:
        dataset, release = self._context.state.dataset, self._context.state.release
        assert dataset is not None
        assert release is not None
        surveys = dict(self._context.settings.get(SAVED, {}))
        surveys[str(dataset.source)] = {
            "release": release.weights_hash,
            "options": asdict(options),
            "state": state,
        }
        self._context.settings.set(SAVED, surveys)

    def _set_saved(self, state: str) -> None:
        options = remembered_options(self._context)
        if options is not None:
            self._remember(options, state)

    # ---------------------------------------------------------------- into the sample table

    @Slot()
    def _feed(self) -> None:
        """Rows that the table lacks, read from the folder in the background."""
        found, table = self._state, self._context.state.predictions
        dataset, release = self._context.state.dataset, self._context.state.release
        options = remembered_options(self._context)
        if found is None or found.done == self._fed or dataset is None or release is None or options is None:
            return
        self._fed = found.done
        self.grown.emit()
        if table is None or (options.absence, options.value) != ("zeros", "probability"):
            return  # the column shows another game
        missing = np.isnan(table.image_share)
        folder, classes = found.folder, len(table.classes)

        def work(_report: Report, _token: CancelToken) -> Iterator[SurveyedRows]:
            yield from _read_rows(folder, missing, classes)

        job = self._context.clerk.start("surveyed", work, Priority.BACKGROUND)
        job.partial.connect(self.fed)
        job.failed.connect(self._context.messages.error)


def _read_rows(folder: Path, missing: np.ndarray, classes: int) -> Iterator[SurveyedRows]:
    """What a survey knows of the rows in ``missing``, a mask (n,), in pieces of `FEED_ROWS`."""
    from sier_gui.core.dataset.tables import as_numpy
    from sier_gui.core.explain.survey.results import read_survey

    names = [f"split_{m}" for m in (Modality.IMAGE, Modality.SPEECH)]
    table = read_survey(folder, ["row", "error", "f_all", *names])
    table = table.filter(table.column("error").is_null()).combine_chunks()
    rows = as_numpy(table.column("row"))
    answers, image, speech = (
        as_numpy(table.column(name).combine_chunks().flatten()).reshape(-1, classes)
        for name in ("f_all", *names)
    )
    wanted = np.flatnonzero((rows < len(missing)) & missing[np.minimum(rows, len(missing) - 1)])
    for start in range(0, len(wanted), FEED_ROWS):
        at = wanted[start : start + FEED_ROWS]
        yield SurveyedRows(rows[at], answers[at], image[at], speech[at])


class _OwnThreads(CancelToken):
    """A survey's token: what goes first at its checks may use torch's threads as it likes.

    A survey's last bits depend on their number, which is kept with its folder.
    """

    def __init__(self, inner: CancelToken) -> None:
        super().__init__()
        self._inner = inner

    @property
    def cancelled(self) -> bool:
        return self._inner.cancelled

    def check(self) -> None:
        import torch

        count = torch.get_num_threads()
        self._inner.check()
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)


def _reader(aligner: WordAligner, token: CancelToken) -> Reader:
    """Words are found by a process of their own, as for the sample on show: the window stays free."""
    from sier_gui.core.dataset.inputs import load_view

    def read(sample: Sample, front: FrontEnd, words: bool) -> SampleInputs:
        view = load_view(sample, front)
        if not words:
            return view.inputs
        return aligner.with_words(view.inputs, view.speech, view.rate, sample, token)

    return read


def _only_time_left(report: Report) -> Report:
    """ "explaining · 2 min left" → "2 min left": the status line has a word of its own for the rest."""

    def told(progress: Progress) -> None:
        report(replace(progress, text=progress.text.partition(" · ")[2]))

    return told


def _remembered(context: Context) -> dict[str, Any] | None:
    dataset, release = context.state.dataset, context.state.release
    if dataset is None or release is None:
        return None
    saved = context.settings.get(SAVED, {}).get(str(dataset.source))
    return saved if isinstance(saved, dict) and saved.get("release") == release.weights_hash else None


def remembered_options(context: Context) -> ExplainOptions | None:
    """How the last survey of this dataset by this release explains; None without one that can be."""
    saved = _remembered(context)
    options = saved.get("options") if saved is not None else None
    if not isinstance(options, dict) or not options.keys() <= asdict(ExplainOptions()).keys():
        return None
    found = ExplainOptions(**options)
    return found if possible(found) else None
