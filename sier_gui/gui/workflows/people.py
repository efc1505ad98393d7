"""People's marks: chosen for the open dataset, laid over the sample on show, compared with the network."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui import overlay
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import PeopleMarked
from sier_gui.gui.workflows.context import Context, with_gradients
from sier_gui.gui.workflows.explain import request_for

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.domain import PersonMarks
    from sier_gui.core.explain.people.items import Reading
    from sier_gui.core.explain.people.run import Comparison
    from sier_gui.core.study.rationales import StudyMarks
    from sier_gui.gui.dialogs.people import PeopleDialog

LOAD, COMPARE, READ = "people.load", "people", "people.read"
_FILTER = "Study project or its marks (study.sqlite *.csv)"


class PeopleWorkflow(QObject):
    """One study's marks at a time; which one is remembered for each dataset."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: PeopleDialog | None = None
        self.marks: StudyMarks | None = None
        self.comparison: Comparison | None = None
        self._by_sample: dict[str, list[PersonMarks]] = {}
        self._source = ""
        self._shown = True
        state = context.state
        context.actions.bind("people.compare", self.show)
        context.actions.bind("view.people", self.set_shown)
        context.actions.action("view.people").setChecked(True)
        state.dataset_changed.connect(self._on_dataset)
        state.sample_changed.connect(self._on_sample)
        state.attribution_changed.connect(self._show_here)
        state.release_changed.connect(self._on_other)
        state.explain_options_changed.connect(self._on_other)
        state.rating_changed.connect(self._on_rating)

    # ---------------------------------------------------------------- the dialog

    @Slot()
    def show(self) -> None:
        if self._dialog is None:
            from sier_gui.gui.dialogs.people import PeopleDialog

            self._dialog = dialog = PeopleDialog(self._context.window)
            dialog.choose_wished.connect(self.choose)
            dialog.demo_wished.connect(self.try_demo)
            dialog.compare_wished.connect(self.compare)
            dialog.cancel_wished.connect(self.cancel)
            dialog.reading_changed.connect(self._on_reading)
            dialog.sample_chosen.connect(self._go_to)
        if self.comparison is not None:
            self._dialog.show_comparison(self.comparison)
        else:
            self._show_marks()
        self._dialog.show()
        self._dialog.activateWindow()
        self._show_here()
        project = self._context.state.project
        if self.marks is None and project and not self._context.clerk.busy(LOAD):
            self.load(project)  # open in Record or Study mode

    @Slot(bool)
    def _on_rating(self, occupied: bool) -> None:
        """A rater must see nothing of this, and hear no stutter."""
        if occupied:
            self.cancel()
            if self._dialog is not None:
                self._dialog.hide()

    def _show_marks(self, why: str = "") -> None:
        if self._dialog is None:
            return
        if self.marks is None:
            self._dialog.show_nothing(why, demo=self._on_demo())
        else:
            self._dialog.show_marks(self._title(), why)

    def _title(self) -> str:
        from sier_gui.core.explain.people.wording import people_text

        marks = self.marks
        assert marks is not None
        asked = f" of {marks.asked:,} answers" if marks.asked else " answers"
        out = f", {len(marks.left_out)} raters left out by its rules" if marks.left_out else ""
        who = people_text(len(marks.people), marks.simulated)
        return f"{who} marked {len(marks.marks):,}{asked} on {len(self._by_sample):,} samples{out}"

    def _on_demo(self) -> bool:
        dataset = self._context.state.dataset
        return dataset is not None and Path(dataset.root) == paths.resources() / "demo"

    # ---------------------------------------------------------------- whose marks

    @Slot()
    def choose(self) -> None:
        """A project's file, or a CSV of marks."""
        dialog = QFileDialog(self._context.window, "Choose a study of this dataset")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter(_FILTER)
        dialog.fileSelected.connect(self.load)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def load(self, source: str) -> None:
        """The marks of a project (its folder or file) or of a CSV."""
        self._load(Path(source), make=False)

    @Slot()
    def try_demo(self) -> None:
        """A study about the demo set, made at the first time, whose simulated raters marked."""
        self._load(paths.user_folder("data") / "demo-marks", make=True)

    def _load(self, source: Path, *, make: bool) -> None:
        dataset = self._context.state.dataset
        if dataset is None:
            return

        def work(report: Report, token: CancelToken) -> tuple[Path, StudyMarks]:
            if make:
                _make_demo(source, report, token)
            return source, marks_from(source, dataset)

        job = self._context.clerk.start(LOAD, work)
        if self._dialog is not None and self.marks is None:
            self._dialog.show_nothing("Simulated raters mark …" if make else "Reading …", demo=False)
        job.succeeded.connect(self._on_loaded)
        job.failed.connect(self._on_not_loaded)

    @Slot(object)
    def _on_loaded(self, found: tuple[Path, StudyMarks]) -> None:
        source, marks = found
        self._forget()
        self.marks, self._source = marks, str(source)
        for mark in marks.marks:
            self._by_sample.setdefault(mark.sample_id, []).append(mark)
        dataset = self._context.state.dataset
        assert dataset is not None
        known = self._context.settings.get("people", {})
        self._context.settings.set("people", {**known, dataset.dataset_hash: self._source})
        self._on_sample()
        why = "Its raters were not asked what decided them, or marked nothing."
        self._show_marks("" if marks.marks else why)

    @Slot(object)
    def _on_not_loaded(self, error: Exception) -> None:
        visible = self._dialog is not None and self._dialog.isVisible()
        if visible and isinstance(error, SierError):
            self._show_marks(str(error))
        elif not isinstance(error, SierError):
            self._context.messages.error(error)
        # a remembered study that has gone is not worth a word before somebody asks

    @Slot(object)
    def _on_dataset(self, dataset: Catalogue | None) -> None:
        self._context.clerk.drop(LOAD)
        self._forget()
        self._context.state.set_people(None)
        self._show_marks()
        if dataset is not None:
            source = self._context.settings.get("people", {}).get(dataset.dataset_hash)
            if isinstance(source, str):
                self.load(source)

    def _forget(self) -> None:
        self._context.computer.drop(COMPARE)
        self._context.clerk.drop(READ)
        self.marks, self.comparison, self._source = None, None, ""
        self._by_sample = {}

    # ---------------------------------------------------------------- the sample on show

    @Slot(bool)
    def set_shown(self, on: bool) -> None:
        self._shown = on
        self._on_sample()

    @Slot()
    def _on_sample(self) -> None:
        view = self._context.state.sample
        marks: list[PersonMarks] = []
        if self._shown and view is not None and view.sample.row >= 0:
            marks = self._by_sample.get(view.sample.sample_id, [])
        people = PeopleMarked(view.sample.sample_id, tuple(marks)) if view is not None and marks else None
        self._context.state.set_people(people)
        self._show_here()

    @Slot()
    def _show_here(self) -> None:
        """The figures of the sample on show, as soon as its map is complete: thousandths of a second."""
        dialog, state = self._dialog, self._context.state
        if dialog is None or not dialog.isVisible():
            return
        view, attribution = state.sample, overlay.current_attribution(state)
        marks = self._by_sample.get(view.sample.sample_id, []) if view is not None else []
        mapped = attribution is not None and attribution.complete and attribution.method != "modality"
        if not marks or view is None or view.inputs is None or attribution is None or not mapped:
            dialog.show_here("", ())
            return
        from sier_gui.core.explain.people.run import lay_over, sample_figures

        label, pixels = view.sample.label or "", view.inputs.pixels
        looked = lay_over(attribution, pixels, marks, label, voice="", pictures=True)
        dialog.show_here(view.sample.sample_id, sample_figures(tuple(looked), self._reading()))

    def _reading(self) -> Reading:
        from sier_gui.core.explain.people.items import Reading

        dialog = self._dialog
        assert dialog is not None
        return Reading(str(dialog.of.currentData()), str(dialog.values.currentData()))

    @Slot(str)
    def _go_to(self, sample_id: str) -> None:
        dataset = self._context.state.dataset
        if dataset is not None:
            self._context.state.set_row(dataset.row_of(sample_id))

    # ---------------------------------------------------------------- the comparison

    @Slot()
    def compare(self) -> None:
        state, marks, dialog = self._context.state, self.marks, self._dialog
        dataset, release, options = state.dataset, state.release, state.explain_options
        if marks is None or dialog is None or dataset is None or release is None or not marks.marks:
            return
        reading, predictors = self._reading(), self._context.predictors

        def work(report: Report, token: CancelToken) -> Comparison:
            from sier_gui.core.explain.cache import AttributionCache
            from sier_gui.core.explain.people.run import compare

            predictor = predictors.get(release)
            with with_gradients():
                return compare(
                    predictor,
                    dataset,
                    marks.marks,
                    marks.recordings,
                    replace(request_for(options), target=None),
                    reading,
                    cache=AttributionCache(),
                    report=report,
                    token=token,
                )

        dialog.show_progress()
        job = self._context.computer.start(COMPARE, work, Priority.ASKED)
        job.progressed.connect(dialog.on_progress)
        job.succeeded.connect(self._on_compared)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)

    @Slot()
    def cancel(self) -> None:
        self._context.computer.cancel(COMPARE)

    @Slot(object)
    def _on_compared(self, found: Comparison) -> None:
        self.comparison = found
        if self._dialog is not None:
            self._dialog.show_comparison(found)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        expected = isinstance(error, SierError)
        self._show_marks(str(error) if expected else "The comparison failed.")
        if not expected:
            self._context.messages.error(error)

    @Slot()
    def _on_cancelled(self) -> None:
        self._show_marks("The comparison was cancelled; what was explained is kept.")

    @Slot()
    def _on_other(self) -> None:
        """Another network, or other players: the figures are no longer theirs."""
        if self.comparison is None and not self._context.computer.busy(COMPARE):
            return
        self._context.computer.drop(COMPARE)
        self._context.clerk.drop(READ)
        self.comparison = None
        self._show_marks("The network or its explanations have changed.")

    @Slot(str, str)
    def _on_reading(self, of: str, values: str) -> None:
        """The same maps, other values of them."""
        found = self.comparison
        self._show_here()
        if found is None:
            return

        def work(_report: Report, _token: CancelToken) -> Comparison:
            from sier_gui.core.explain.people.items import Reading

            return found.read(Reading(of, values))

        job = self._context.clerk.start(READ, work)
        job.succeeded.connect(self._on_compared)
        job.failed.connect(self._context.messages.error)


# ---------------------------------------------------------------- the clerk's thread


def marks_from(source: Path, dataset: Catalogue) -> StudyMarks:
    """Raises `SierError` where it is no study, or one about another dataset."""
    from sier_gui.core.study import rationales
    from sier_gui.core.study.design import load_design
    from sier_gui.core.study.project import open_project

    if source.suffix.lower() == ".csv":
        return rationales.read_marks(source)
    with open_project(source, read_only=True) as project:
        return rationales.study_marks(project, load_design(project), dataset)


def _make_demo(folder: Path, report: Report, token: CancelToken) -> None:
    """Unless it is there; one that was left half made is made again."""
    from sier_gui.core.study.demo import make_demo
    from sier_gui.core.study.project import open_project

    if paths.is_project(folder):
        with open_project(folder, read_only=True) as project:
            if project.responses():  # stored all together, and last
                return
        shutil.rmtree(folder)
    with open_project(folder, create=True) as project:
        make_demo(project, "rationale", report=report, token=token)
