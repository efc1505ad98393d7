"""Table 1 in the window: read on the keeper's thread, computed beside, shown as it grows."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication, QFileDialog

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.jobs import Job, JobRunner
from sier_gui.gui.workflows.context import Context, lasting
from sier_gui.gui.workflows.sources import Source, read_file, read_project
from sier_gui.gui.workflows.studies import Opened

if TYPE_CHECKING:
    from sier_gui.core.study.network import Learnt, NetworkAnswers
    from sier_gui.core.study.report import StudyReport
    from sier_gui.gui.modes.study import StudyPage

_STEPS = {
    "paired": "looking for pairs",
    "randomisation": "redrawing groups",
    "gee": "GEE",
    "bayesian": "Bayes",
}
_MODELS = ("statsmodels.genmod.generalized_estimating_equations", "statsmodels.genmod.bayes_mixed_glm")
_FIGURES = ("matplotlib.figure", "matplotlib.backends.backend_agg")


class ReportWorkflow(QObject):
    """One source at a time: the open project, else a CSV."""

    def __init__(
        self, context: Context, keeper: JobRunner, opened: Callable[[], Opened | None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._keeper, self._opened = context, keeper, opened
        self._page: StudyPage | None = None
        self.source: Source | None = None
        self.report: StudyReport | None = None
        self.whole = False
        self.file: Path | None = None  # the CSV
        # what releases answered, and what they had learnt from, by label
        self._asked: dict[str, tuple[NetworkAnswers, Learnt]] = {}
        self._network = ""  # the one whose row is shown
        for action_id, handler in (
            ("study.copy", self.copy),
            ("study.export", self.ask_export),
        ):
            context.actions.bind(action_id, handler)

    def furnish(self, page: StudyPage) -> None:
        self._page = page
        page.desk.tab_shown.connect(self._on_tab)
        page.desk.table.cancelled.connect(self.cancel)
        page.desk.table.network_wished.connect(self.ask_network)
        page.desk.planning.pilot_wished.connect(self._on_pilot)

    # ---------------------------------------------------------------- where it comes from

    def forget(self) -> None:
        """Another project, other answers, or none: what is shown is no longer true."""
        self.hush()
        self.source, self.report, self.whole = None, None, False
        if self._page is not None:
            self._page.desk.planning.pilot.setEnabled(False)
        self._context.state.set_study(self._context.state.study - {"report"})

    def take_file(self, file: Path | None) -> None:
        """Report on a CSV of responses from now on; None: on the project."""
        self.forget()
        self._asked.clear()
        self._network = ""
        self.file = file

    def hush(self) -> None:
        """Nothing is computed while a rater sits there."""
        for runner in (self._keeper, self._context.clerk, self._context.computer):
            for kind in ("study.read", "study.report", "study.network", "study.figure"):
                runner.drop(kind)
        if self._page is not None:
            self._page.desk.table.show_idle()

    @Slot(str)
    def _on_tab(self, tab: str) -> None:
        if tab == "table":
            self.refresh()

    def refresh(self) -> None:
        """Read and compute what is not there yet, where somebody looks at it."""
        if self._page is None or self._page.desk.tab != "table" or self.whole or self._busy():
            return
        if self.source is not None:
            self._compute(self.source)
            return
        opened, file = self._opened(), self.file
        if opened is None and file is None:
            self._page.desk.table.show_nothing(
                "No responses yet",
                "Open a study project, or a CSV with the columns rater, sample_id, label, modality, answer.",
            )
            return

        def work(_report: Report, _token: CancelToken) -> Source:
            if file is not None:
                return read_file(file)
            assert opened is not None
            return read_project(opened)

        self._page.desk.table.show_progress(None, "reading the responses")
        job = self._keeper.start("study.read", work)
        job.succeeded.connect(self._on_read)
        self._watch(job)

    def _busy(self) -> bool:
        return self._keeper.busy("study.read") or self._context.clerk.busy("study.report")

    def _watch(self, job: Job) -> None:
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        """A report that cannot be: in its place why; anything else is a message."""
        assert self._page is not None
        self._page.desk.table.show_idle()
        if isinstance(error, SierError) and self.report is None:
            self._page.desk.table.show_nothing(error.message, error.hint)
        else:
            self._context.messages.error(error)

    @Slot()
    def _on_cancelled(self) -> None:
        from sier_gui.core.study.report import PENDING

        assert self._page is not None
        if self.report is not None:
            missing = {k: "Cancelled." if why == PENDING else why for k, why in self.report.missing.items()}
            self._show(replace(self.report, missing=missing))
        self._page.desk.table.show_idle("Cancelled: choose Table 1 again to go on.")

    @Slot()
    def cancel(self) -> None:
        for runner in (self._keeper, self._context.clerk, self._context.computer):
            for kind in ("study.read", "study.report", "study.network", "study.export"):
                runner.cancel(kind)

    # ---------------------------------------------------------------- computing

    @Slot(object)
    def _on_read(self, source: Source) -> None:
        assert self._page is not None
        self.source = source
        if self._network not in self._asked:
            self._network = ""
        self._page.desk.table.show_releases(source.releases, self._network)
        self._compute(source)

    def _compute(self, source: Source) -> None:
        """Cells and intervals first, then one test after the other."""
        assert self._page is not None
        if not any(response.counted for response in source.responses):
            self._page.desk.table.show_idle()
            self._page.desk.table.show_nothing(
                "No answer counts yet", "Seat a rater in Progress (Alt+1), or open a CSV of responses."
            )
            return

        def work(_report: Report, _token: CancelToken) -> Iterator[StudyReport]:
            _load("scipy.stats")
            from sier_gui.core.study.report import reporting

            steps = reporting(source.responses, source.setting)
            yield next(steps)
            _load(*_MODELS)
            yield from steps

        self._page.desk.table.show_progress(None, "cells and intervals")
        job = self._context.clerk.start("study.report", work)
        job.partial.connect(self._on_partial)
        job.succeeded.connect(self._on_whole)
        self._watch(job)

    @Slot(object)
    def _on_partial(self, report: StudyReport) -> None:
        from sier_gui.core.study.report import PENDING, TESTS

        assert self._page is not None
        waiting = [name for name in TESTS if report.missing.get(name) == PENDING]
        first = self.report is None
        self._show(report)
        coming = _STEPS[waiting[0]] if waiting else ""
        done = len(TESTS) - len(waiting)
        self._page.desk.table.show_progress(Progress(done, len(TESTS)), coming)
        if first:
            self._draw(report)

    @Slot(object)
    def _on_whole(self, _report: StudyReport) -> None:
        assert self._page is not None
        self.whole = True
        self._page.desk.table.show_idle()

    def _show(self, report: StudyReport) -> None:
        from sier_gui.gui.modes.study.facts import ReportView

        assert self._page is not None
        assert self.source is not None
        self.report = report
        self._page.desk.table.show_report(
            ReportView(self.source.name, self._with_network(report), self.whole)
        )
        self._page.desk.planning.pilot.setEnabled(True)
        self._context.state.set_study(self._context.state.study | {"report"})

    def _with_network(self, report: StudyReport) -> StudyReport:
        from sier_gui.core.study.report import with_network

        if self._network not in self._asked:
            return report
        answers, learnt = self._asked[self._network]
        return with_network(report, answers, self._network, learnt)

    def _draw(self, report: StudyReport) -> None:
        """The figure, where figures are drawn."""
        assert self._page is not None
        figure = self._page.desk.table.report.figure
        figure.show_notice("Drawing the figure …", "")

        def work(_report: Report, _token: CancelToken) -> bytes:
            _load(*_FIGURES)
            from sier_gui.core.study.figure import figure_png

            return figure_png(report)

        job = self._context.computer.start("study.figure", work)
        job.succeeded.connect(self._on_figure)
        job.failed.connect(self._on_no_figure)

    @Slot(object)
    def _on_figure(self, data: bytes) -> None:
        assert self._page is not None
        told = "Each cell with its 95 % interval, the published values beside it."
        self._page.desk.table.report.figure.show_png(data, told)

    @Slot(object)
    def _on_no_figure(self, error: Exception) -> None:
        assert self._page is not None
        self._page.desk.table.report.figure.show_notice("The figure could not be drawn", str(error))

    # ---------------------------------------------------------------- the network's row

    @Slot(str)
    def ask_network(self, label: str) -> None:
        """Its answers to the project's items; kept while the project is open."""
        source = self.source
        self._context.computer.drop("study.network")
        self._network = label
        if source is None or self.report is None or source.design is None or self._page is None:
            return
        if not label or label in self._asked:
            self._show(self.report)
            return
        design, predictors = source.design, self._context.predictors

        def work(report: Report, token: CancelToken) -> tuple[str, NetworkAnswers, Learnt]:
            from sier_gui.core.nets.releases import choose_release
            from sier_gui.core.study.predicting import learnt_of, predict_study

            predictor = predictors.get(choose_release(design.classes, None, label))
            answers = predict_study(
                predictor, design, source.takes, source.folder, report=report, token=token
            )
            return label, answers, learnt_of(predictor.release, design)

        self._page.desk.table.show_progress(None, f"asking {label}")
        job = self._context.computer.start("study.network", work)
        job.progressed.connect(self._on_network_progress)
        job.succeeded.connect(self._on_network)
        job.failed.connect(self._on_network_failed)
        job.cancelled.connect(self._on_network_cancelled)

    @Slot(object)
    def _on_network_progress(self, progress: Progress) -> None:
        assert self._page is not None
        self._page.desk.table.show_progress(progress, f"asking {self._network}")

    @Slot(object)
    def _on_network(self, outcome: tuple[str, NetworkAnswers, Learnt]) -> None:
        label, answers, learnt = outcome
        self._asked[label] = answers, learnt
        assert self._page is not None
        self._page.desk.table.show_idle()
        if self.report is not None:
            self._show(self.report)

    @Slot(object)
    def _on_network_failed(self, error: Exception) -> None:
        self._on_network_cancelled()
        self._context.messages.error(error)

    @Slot()
    def _on_network_cancelled(self) -> None:
        self._network = ""
        assert self._page is not None
        self._page.desk.table.show_idle()
        if self.source is not None:
            self._page.desk.table.show_releases(self.source.releases)

    # ---------------------------------------------------------------- taken along

    @Slot()
    def copy(self) -> None:
        if self._page is not None and self.report is not None:
            QApplication.clipboard().setText(self._page.desk.table.copied())
            self._page.desk.table.show_idle("Copied: every number in a column of its own.")

    @Slot()
    def ask_export(self) -> None:
        dialog = QFileDialog(self._context.window, "Write responses, Table 1 and its figure into")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.export)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def export(self, folder: str) -> None:
        """CSV, LaTeX, JSON and the figure of the whole report, computed to its end first."""
        source, network = self.source, self._network
        if source is None or self.report is None or self._page is None:
            return
        known = self._with_network(self.report) if self.whole else None
        asked = self._asked.get(network)

        def work(_report: Report, _token: CancelToken) -> list[dict[str, object]]:
            from sier_gui.core.study.exports import export_answers, export_study
            from sier_gui.core.study.report import make_report

            setting = source.setting
            if asked is not None:
                answers, learnt = asked
                setting = replace(setting, network=answers, network_name=network, network_learnt=learnt)
            written = export_answers(source.responses, Path(folder))
            return written + export_study(known or make_report(source.responses, setting), Path(folder))

        self._page.desk.table.show_progress(None, "writing")
        job = self._context.computer.start("study.export", work)
        job.succeeded.connect(self._on_exported)
        self._watch(job)

    @Slot(object)
    def _on_exported(self, manifest: list[dict[str, str]]) -> None:
        assert self._page is not None
        self._page.desk.table.show_idle()
        files = [Path(entry["file"]) for entry in manifest]
        self._context.messages.info(
            f"Written to {files[0].parent}: {', '.join(file.name for file in files)}.",
            "The self-checks are in each of them.",
        )

    @Slot()
    def _on_pilot(self) -> None:
        if self._page is not None and self.report is not None:
            self._page.desk.planning.show_icc(*self.report.icc)


def _load(*modules: str) -> None:
    """Import what is installed of them and not there yet.

    Without `lasting` the window would stand still for 210 ms where statsmodels comes in, 140 where matplotlib
    does; with it for 50 and 20.
    """
    missing = [name for name in modules if name not in sys.modules]
    if not missing or importlib.util.find_spec(missing[0].partition(".")[0]) is None:
        return
    with lasting():
        for name in missing:
            importlib.import_module(name)
