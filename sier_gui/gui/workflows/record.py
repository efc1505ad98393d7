"""Record mode: its project and readers. The microphone and the prompts have workflows of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.booth import BoothWorkflow, Sitting
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.microphone import MicrophoneWorkflow

if TYPE_CHECKING:
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import Reader
    from sier_gui.core.study.takes import Prompt
    from sier_gui.gui.dialogs.new_project import NewProjectDialog
    from sier_gui.gui.modes.record import RecordPage
    from sier_gui.gui.modes.record.views import ProjectView

DATASET = "dataset"  # the project's fact that says which dataset its readers read


@dataclass(frozen=True, slots=True)
class Opened:
    """A project with the prompts of its dataset."""

    project: Project
    prompts: list[Prompt]
    dataset: str


class RecordWorkflow(QObject):
    """Everything that touches the project's file runs on the keeper's thread."""

    def __init__(self, context: Context, keeper: JobRunner, page: Callable[[], RecordPage]) -> None:
        super().__init__(context.window)
        self._context, self._keeper, self._make_page = context, keeper, page
        self.microphone = MicrophoneWorkflow(context, keeper)
        self.booth = BoothWorkflow(context, keeper, self.microphone)
        self.opened: Opened | None = None
        self._keeping: Opened | None = None  # by the keeper's thread, which opens and closes
        self._page: RecordPage | None = None
        self._protocol = "default"  # of the next new project
        self.dialog: NewProjectDialog | None = None
        for action_id, handler in (
            ("mode.explore", self.explore),
            ("mode.record", self.enter),
            ("record.new", self.ask_new),
            ("record.open", self.ask_open),
            ("record.readers", self.show_readers),
        ):
            context.actions.bind(action_id, handler)
        context.state.dataset_changed.connect(self._show_start)
        context.state.mode_changed.connect(self._on_mode)
        self._on_mode(context.state.mode)

    # ---------------------------------------------------------------- the mode

    @Slot()
    def explore(self) -> None:
        self._context.state.set_mode("explore")
        self._mark()

    @Slot()
    def enter(self) -> None:
        """Show Record mode; its page is made at the first time."""
        if self._page is None:
            self._page = page = self._make_page()
            self.microphone.furnish(page)
            self.booth.furnish(page)
            page.people.chosen.connect(self.choose)
            page.people.added.connect(self.add)
            self._show_start()
        self._context.actions.trigger("play.stop")
        self._context.state.set_mode("record")
        self._mark()

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        self._mark()
        if mode != "record":
            self.booth.leave()
        elif self._page is not None and self._page.step is self._page.booth:
            self.show_readers()

    def _mark(self) -> None:
        """The mode's button stays down, also when it is pressed again."""
        for name in ("explore", "record"):
            self._context.actions.action(f"mode.{name}").setChecked(name == self._context.state.mode)

    @Slot()
    def _show_start(self) -> None:
        if self._page is not None:
            dataset = self._context.state.dataset
            self._page.start.show_dataset(dataset.name if dataset is not None else "")

    def stop(self) -> None:
        """The window closes: finish the take, store what is decided, let the project go."""
        self.microphone.finish()
        self._keeper.shutdown(2.0)
        self.microphone.close()
        self.booth.stop()
        keeping, self._keeping, self.opened = self._keeping, None, None
        if keeping is not None:
            keeping.project.close()

    # ---------------------------------------------------------------- projects

    @Slot()
    def ask_new(self) -> None:
        self.enter()
        if self._context.state.dataset is None:
            self._context.messages.info(
                "A new project needs a dataset.", "Open one first.", "file.open", "Open"
            )
            return
        from sier_gui.core.study.protocol import load, shipped
        from sier_gui.gui.dialogs.new_project import NewProjectDialog

        dataset = self._context.state.dataset
        self.dialog = dialog = NewProjectDialog(
            dataset.name, len(dataset.classes), {name: load(name) for name in shipped()}, self._context.window
        )
        dialog.accepted.connect(self._on_chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _on_chosen(self) -> None:
        """The protocol is known, the folder not yet."""
        assert self.dialog is not None
        self._protocol = self.dialog.protocol()
        self.ask_folder("A new, empty folder for the project", self.make_project)

    @Slot()
    def ask_open(self) -> None:
        self.enter()
        self.ask_folder("Open a study project's folder", self.open_project)

    def ask_folder(self, title: str, chosen: Callable[[str], None]) -> None:
        """A dialog that calls ``chosen``, a bound method, with a folder."""
        dialog = QFileDialog(self._context.window, title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def make_project(self, folder: str) -> None:
        """In ``folder``, for the dataset that is open, under the protocol that was chosen last.

        A project that is there already is opened; it keeps its protocol where it has one.
        """
        dataset = self._context.state.dataset
        if dataset is not None:
            self._open(Path(folder), str(dataset.source), self._protocol)

    @Slot(str)
    def open_project(self, folder: str) -> None:
        self._open(Path(folder), None)

    def open_demo(self) -> None:
        """A project of the user's own about the demo set, to try things."""
        self._open(paths.user_folder("data") / "demo-study", str(paths.resources() / "demo"))

    def _open(self, folder: Path, dataset: str | None, protocol: str = "default") -> None:
        """``dataset`` and ``protocol``: of a new project; without a dataset only what is there is opened."""
        self.enter()
        self.booth.leave()
        self.opened = self.booth.sitting = None
        capture = self.microphone.capture

        def work(_report: Report, _token: CancelToken) -> tuple[Opened, ProjectView]:
            if capture is not None:
                capture.finish()  # a take under way belongs to the project that is left
            # not what the window knew: it never hears of a project that another one superseded
            if self._keeping is not None:
                self._keeping.project.close()
                self._keeping = None
            self._keeping = opened = _opened(folder, dataset, protocol)
            return opened, view_of(opened)

        job = self._keeper.start("record.open", work)
        job.succeeded.connect(self._on_opened)
        job.failed.connect(self._on_not_opened)

    @Slot(object)
    def _on_opened(self, outcome: tuple[Opened, ProjectView]) -> None:
        self.opened, view = outcome
        self._context.messages.withdraw()
        self._context.state.set_project(str(self.opened.project.folder))
        self.show_people(view)

    @Slot(object)
    def _on_not_opened(self, error: Exception) -> None:
        self._context.state.set_project("")
        assert self._page is not None
        self._page.show_step(self._page.start)
        self._context.messages.error(error)

    # ---------------------------------------------------------------- readers

    @Slot()
    def show_readers(self) -> None:
        """Who reads: the one before may get up."""
        self.booth.leave()
        self._refresh_people()

    def _refresh_people(self) -> None:
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> ProjectView:
            return replace(view_of(opened), notices=())

        job = self._keeper.start("record.people", work)
        job.succeeded.connect(self.show_people)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def show_people(self, view: ProjectView) -> None:
        """The list of readers and an empty form."""
        assert self._page is not None
        self._page.show_project(view)
        self._page.people.clear()
        self._page.show_step(self._page.people)

    @Slot(object)
    def choose(self, reader: Reader) -> None:
        """Somebody whom the project knows sits down."""
        self._seat(reader, new=False)

    @Slot(object)
    def add(self, reader: Reader) -> None:
        """Somebody new, who has just agreed: stored, then to the microphone."""
        self._seat(reader, new=True)

    def _seat(self, reader: Reader, *, new: bool) -> None:
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> Sitting:
            from sier_gui.core.study.project.database import now

            if new and reader.reader in {known.reader for known in opened.project.readers()}:
                raise SierError(
                    f"There is a reader called {reader.reader} already.",
                    "Choose that reader above, or take another pseudonym.",
                )
            if new:
                opened.project.add_reader(replace(reader, consented_at=now()))
            return sitting_of(opened, reader.reader)

        job = self._keeper.start("record.choose", work)
        job.succeeded.connect(self._on_seated)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_seated(self, sitting: Sitting) -> None:
        self._context.messages.withdraw()
        self.booth.sit(sitting)


# ---------------------------------------------------------------- the keeper's thread


def _opened(folder: Path, dataset: str | None, protocol: str) -> Opened:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.study.design import new_study
    from sier_gui.core.study.project import open_project
    from sier_gui.core.study.protocol import text_of
    from sier_gui.core.study.reading import prompts_of

    project = open_project(folder, create=dataset is not None)
    try:
        source = project.fact(DATASET) or dataset
        if not source:
            raise SierError(
                f"The project {folder} does not say which dataset it reads.",
                "Open the dataset, then choose New Study Project and this folder.",
            )
        catalogue = open_dataset(Path(source))
        if not project.fact(DATASET):
            project.set_fact(DATASET, source)
        if dataset is not None and project.protocol_text() is None and catalogue.classes:
            new_study(project, catalogue, text_of(protocol))
        return Opened(project, prompts_of(catalogue), catalogue.name)
    except SierError:
        project.close()
        raise


def view_of(opened: Opened) -> ProjectView:
    """The project's readers and how far each has come."""
    from sier_gui.gui.modes.record.views import ProjectView

    known = {prompt.sample_id for prompt in opened.prompts}
    accepted = [reader for reader, sample_id in opened.project.accepted_takes() if sample_id in known]
    readers = tuple((reader, accepted.count(reader.reader)) for reader in opened.project.readers())
    return ProjectView(
        str(opened.project.folder),
        opened.dataset,
        len(opened.prompts),
        readers,
        tuple(opened.project.notices),
    )


def sitting_of(opened: Opened, reader: str) -> Sitting:
    """Where this reader stands, from the project."""
    from sier_gui.core.study.reading import Reading

    takes = opened.project.takes(reader)
    accepted = [take.sample_id for take in takes if take.accepted]
    sitting = Sitting(
        opened.project, reader, Reading(opened.prompts, accepted, opened.project.skipped(reader))
    )
    for take in takes:
        sitting.takes.setdefault(take.sample_id, []).append(take)
    return sitting
