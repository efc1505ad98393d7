"""Progress of a study: every rater, one of them trial by trial, and withdrawal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.dialogs.deletion import ask_deletion
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.studies import Opened, course_of, desk_of

if TYPE_CHECKING:
    from sier_gui.core.study.project import Withdrawal
    from sier_gui.gui.modes.study import StudyPage
    from sier_gui.gui.modes.study.facts import CourseView, DeskView


class DeskWorkflow(QObject):
    """Reads and withdraws on the keeper's thread."""

    changed = Signal()  # what a report rests on

    def __init__(
        self, context: Context, keeper: JobRunner, opened: Callable[[], Opened | None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._keeper, self._opened = context, keeper, opened
        self._page: StudyPage | None = None
        context.actions.bind("study.withdraw", self.ask_withdraw)

    def furnish(self, page: StudyPage) -> None:
        self._page = page
        page.desk.progress.chosen.connect(self.choose)

    # ---------------------------------------------------------------- what is shown

    @Slot(object)
    def show(self, view: DeskView) -> None:
        assert self._page is not None
        self._page.show_desk(view)

    def refresh(self) -> None:
        """After a session: as the project now stands."""
        opened = self._opened()
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> DeskView:
            return desk_of(opened.study)

        job = self._keeper.start("study.desk", work)
        job.succeeded.connect(self.show)
        job.failed.connect(self._context.messages.error)

    @Slot(str)
    def choose(self, rater: str) -> None:
        """A rater's row was chosen: actions about them, and their trials."""
        opened, page = self._opened(), self._page
        if page is None or opened is None:
            return
        state, kept = self._context.state, self._context.state.study & {"report"}
        flags = {"rater"} if rater else set()
        flags |= {"resumable"} if page.desk.progress.resumable() else set()
        flags |= {"drawable"} if page.desk.progress.drawable() else set()
        state.set_study(kept | flags)
        if not rater:
            return

        def work(_report: Report, _token: CancelToken) -> CourseView:
            return course_of(opened.study, rater)

        job = self._keeper.start("study.course", work)
        job.succeeded.connect(page.desk.progress.show_course)
        job.failed.connect(self._context.messages.error)

    # ---------------------------------------------------------------- withdrawal

    @Slot()
    def ask_withdraw(self) -> None:
        rater = self._page.desk.progress.selected() if self._page is not None else ""
        if not rater:
            return
        ask_deletion(
            self._context.window,
            "Withdraw a rater",
            f"Delete {rater} with all answers, here and in the backups?",
            "This cannot be undone. The cell becomes free again.",
            self.withdraw,
        )

    @Slot()
    def withdraw(self) -> None:
        """Delete what belongs to the rater whose row is chosen, and say what that was."""
        opened = self._opened()
        rater = self._page.desk.progress.selected() if self._page is not None else ""
        if opened is None or not rater:
            return

        def work(_report: Report, _token: CancelToken) -> tuple[Withdrawal, DeskView]:
            return opened.study.project.withdraw_rater(rater), desk_of(opened.study)

        job = self._keeper.start("study.withdraw", work)
        job.succeeded.connect(self._on_withdrawn)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_withdrawn(self, outcome: tuple[Withdrawal, DeskView]) -> None:
        withdrawal, view = outcome
        self.show(view)
        self._context.messages.info(withdrawal.text())
        self.changed.emit()
