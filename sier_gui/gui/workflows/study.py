"""Study mode: its project, the experimenter's desk, and the lock while a rater sits there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core import paths
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.desk import DeskWorkflow
from sier_gui.gui.workflows.drawing import DrawWorkflow
from sier_gui.gui.workflows.published import PublishedWorkflow, ask_file
from sier_gui.gui.workflows.rating import RatingWorkflow
from sier_gui.gui.workflows.report import ReportWorkflow
from sier_gui.gui.workflows.studies import Opened, desk_of, new_rater, prepared

if TYPE_CHECKING:
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import Rater
    from sier_gui.gui.modes.study import StudyPage
    from sier_gui.gui.modes.study.facts import DeskView
    from sier_gui.gui.workflows.record import RecordWorkflow

_BARE = "Nobody can sit down without a study project: open one (Study, Open a Study)."


class StudyWorkflow(QObject):
    """One project at a time, opened while Study mode is shown: Record mode may want the same one."""

    def __init__(
        self,
        context: Context,
        keeper: JobRunner,
        page: Callable[[], StudyPage],
        record: RecordWorkflow,
    ) -> None:
        super().__init__(context.window)
        self._context, self._keeper, self._make_page, self._record = context, keeper, page, record
        self.opened: Opened | None = None
        self.rating = RatingWorkflow(context, keeper)
        self.desk = DeskWorkflow(context, keeper, self._opened, self)
        self.report = ReportWorkflow(context, keeper, self._opened, self)
        self.published = PublishedWorkflow(context, self)
        self.drawing = DrawWorkflow(context, keeper, self._opened, self)
        self.drawing.drawn.connect(self.open_project)  # its stimuli are prepared
        self.desk.changed.connect(self._on_changed)
        self.published.read.connect(self.show_published)
        self._tab = ""  # to be shown once the project is open
        self._keeping: Project | None = None  # by the keeper's thread, which opens and closes
        self._folder = ""
        self._page: StudyPage | None = None
        for action_id, handler in (
            ("mode.study", self.enter),
            ("study.open", self.ask_open),
            ("study.demo", self.open_demo),
            ("study.unlock", self.unlock),
            ("study.resume", self.resume_chosen),
            ("study.responses", self.ask_responses),
            ("study.progress", self.show_progress),
            ("study.table", self.show_table),
            ("study.planning", self.show_planning),
            ("study.published", self.show_published),
        ):
            context.actions.bind(action_id, handler)
        context.state.mode_changed.connect(self._on_mode)

    def _opened(self) -> Opened | None:
        return self.opened

    # ---------------------------------------------------------------- the mode

    @Slot()
    def enter(self) -> None:
        """Show Study mode; its page is made at the first time. Goes on with the project of before."""
        self._show()
        if self.opened is None and not self._keeper.busy("study.open"):
            folder = self._folder
            if not folder and self.report.file is not None:
                if self._page is not None and self._page.step is self._page.start:
                    self.open_responses(str(self.report.file))
                return
            if not folder and self._record.opened is not None:
                folder = str(self._record.opened.project.folder)
            if folder:
                self.open_project(folder)

    def _show(self) -> None:
        if self._page is None:
            self._page = page = self._make_page()
            self.rating.furnish(page)
            self.desk.furnish(page)
            self.report.furnish(page)
            self.published.furnish(page)
            page.desk.progress.seated.connect(self.seat)
        self._context.actions.trigger("play.stop")
        self._context.state.set_mode("study")
        self._context.actions.action("mode.study").setChecked(True)

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        self._context.actions.action("mode.study").setChecked(mode == "study")
        if mode == "study" or self._page is None:
            return
        self._tab = self._page.desk.tab if self.opened is not None else ""
        self.opened = None
        self.drawing.close()
        self.report.forget()
        self._page.show_step(self._page.start)
        record = self._record.opened
        self._context.state.set_project(str(record.project.folder) if record is not None else "")

        def work(_report: Report, _token: CancelToken) -> None:
            self._close()

        self._keeper.drop("study.open")
        job = self._keeper.start("study.close", work)
        job.failed.connect(self._context.messages.error)

    def _close(self) -> None:
        """On the keeper's thread, or when it has ended."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.close()

    def stop(self) -> None:
        """The window closes."""
        self.rating.stop()
        self._keeper.shutdown(2.0)
        self._close()

    # ---------------------------------------------------------------- projects

    @Slot()
    def ask_open(self) -> None:
        self._show()
        self._record.ask_folder("Open a study project's folder", self.open_project)

    @Slot(str)
    def open_project(self, folder: str) -> None:
        self._open(Path(folder), demo=False)

    @Slot()
    def open_demo(self) -> None:
        """A study of one's own about the demo set, made at the first time."""
        self._open(paths.user_folder("data") / "demo-rating", demo=True)

    def _open(self, folder: Path, *, demo: bool) -> None:
        self._show()
        self.opened = None
        self.drawing.close()
        self._context.state.set_study(frozenset())
        self.report.take_file(None)
        assert self._page is not None
        page, record = self._page, self._record.opened
        shared = record.project if record is not None and record.project.folder == folder else None

        def work(report: Report, token: CancelToken) -> tuple[Opened, DeskView]:
            self._close()
            if shared is None:
                from sier_gui.core.study.project import open_project

                self._keeping = open_project(folder, create=demo)
            try:
                project = shared or self._keeping
                assert project is not None
                study = prepared(project, demo, report, token)
                return Opened(study, shared is None), desk_of(study)
            except BaseException:
                self._close()
                raise

        page.show_step(page.wait)
        job = self._keeper.start("study.open", work)
        job.progressed.connect(page.wait.show_progress)
        job.succeeded.connect(self._on_opened)
        job.failed.connect(self._on_not_opened)

    @Slot(object)
    def _on_opened(self, outcome: tuple[Opened, DeskView]) -> None:
        self.opened, view = outcome
        self._folder = view.folder
        self._context.messages.withdraw()
        self._context.state.set_project(view.folder)
        self.desk.show(view)
        assert self._page is not None
        self._page.desk.show_tab(self._tab or "progress")
        self._page.show_step(self._page.desk)  # where one begins on that tab
        self._tab = ""
        self.report.refresh()

    @Slot(object)
    def _on_not_opened(self, error: Exception) -> None:
        self._folder = ""
        assert self._page is not None
        self._page.show_step(self._page.start)
        self._context.messages.error(error)

    # ---------------------------------------------------------------- the tabs

    @Slot()
    def show_progress(self) -> None:
        self._show_tab("progress")

    @Slot()
    def show_table(self) -> None:
        self._show_tab("table")

    @Slot()
    def show_planning(self) -> None:
        self._show_tab("planning")

    @Slot()
    def show_published(self) -> None:
        self._show_tab("published")

    def _show_tab(self, tab: str) -> None:
        """From any mode; of the project that was open, of a CSV, or of neither where the tab needs none."""
        self.enter()
        if self._keeper.busy("study.open"):
            self._tab = tab
            return
        page = self._page
        assert page is not None
        if tab == "progress" and self.opened is None and page.step is page.start:
            return  # which says how to open one
        self._show_bare()
        page.desk.show_tab(tab)
        self.report.refresh()

    # ---------------------------------------------------------------- without a project

    @Slot()
    def ask_responses(self) -> None:
        ask_file(self._context, "Responses of a study", self.open_responses)

    @Slot(str)
    def open_responses(self, file: str) -> None:
        """Table 1 of a bare CSV; the project that was open is closed."""
        self._show()
        self._keeper.drop("study.open")
        self._leave_project()
        self.report.take_file(Path(file))
        self._show_bare()
        assert self._page is not None
        self._page.desk.show_bare(Path(file).name, _BARE)
        self._page.desk.show_tab("table")
        self.report.refresh()

    def _show_bare(self) -> None:
        """The tabs, where no project shows them already."""
        page = self._page
        assert page is not None
        if self.opened is None and page.step is not page.desk:
            from sier_gui.core.study.protocol import load

            page.desk.planning.show_protocol(load("default"), 4)
            page.desk.show_bare("", _BARE)
            page.show_step(page.desk)

    def _leave_project(self) -> None:
        """The keeper closes it, if one is open or was just being opened."""
        self.opened, self._folder = None, ""
        self.drawing.close()
        self._context.state.set_study(frozenset())
        self._context.state.set_project("")

        def work(_report: Report, _token: CancelToken) -> None:
            self._close()

        job = self._keeper.start("study.close", work)
        job.failed.connect(self._context.messages.error)

    @Slot()
    def _on_changed(self) -> None:
        """Somebody withdrew: the table is no longer what it was."""
        self.report.forget()
        self.report.refresh()

    # ---------------------------------------------------------------- who sits down

    @Slot(str)
    def seat(self, pseudonym: str) -> None:
        """Somebody new; nothing is stored before they agree."""
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> Rater:
            return new_rater(opened.study.project, pseudonym)

        self._seat(work)

    @Slot()
    def resume_chosen(self) -> None:
        """Whoever's row is chosen, if they have not finished."""
        if self._page is not None and self._page.desk.progress.resumable():
            self.resume(self._page.desk.progress.selected())

    def resume(self, pseudonym: str) -> None:
        """Somebody who has not finished."""
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> Rater:
            from sier_gui.core.study.session import Session

            found = opened.study.project.rater(pseudonym)
            assert found is not None  # the desk lists only raters of the project
            # says here, to the experimenter, that a wash-out is not over
            Session(opened.study.project, opened.study.design, opened.study.presenter, found)
            return found

        self._seat(work)

    def _seat(self, work: Callable[[Report, CancelToken], Rater]) -> None:
        job = self._keeper.start("study.seat", work)
        job.succeeded.connect(self._on_seated)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_seated(self, rater: Rater) -> None:
        if self.opened is not None:
            self._context.messages.withdraw()
            self.report.hush()
            if self._page is not None:
                self._page.desk.progress.sat = rater.rater
            self.rating.sit(self.opened.study, rater)

    @Slot()
    def unlock(self) -> None:
        """Only once the session has ended or was stopped."""
        if not self.rating.over:
            return
        self.rating.leave()
        self.report.forget()
        self.desk.refresh()
        self.report.refresh()
        for error in self.rating.problems:
            self._context.messages.error(error)
