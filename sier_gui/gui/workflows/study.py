"""Study mode: its project, the experimenter's desk, and the lock while a rater sits there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from sier_gui.core import paths
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.rating import RatingWorkflow, Study

if TYPE_CHECKING:
    from sier_gui.core.study.presenting import Speak
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import Rater
    from sier_gui.gui.modes.study import StudyPage
    from sier_gui.gui.modes.study.views import DeskView
    from sier_gui.gui.workflows.record import RecordWorkflow


@dataclass(frozen=True, slots=True)
class Opened:
    """``own``: opened here; Record mode's is only looked at and closed there."""

    study: Study
    own: bool


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
        self.rating = RatingWorkflow(context, keeper)
        self.opened: Opened | None = None
        self._keeping: Project | None = None  # by the keeper's thread, which opens and closes
        self._folder = ""
        self._page: StudyPage | None = None
        for action_id, handler in (
            ("mode.study", self.enter),
            ("study.open", self.ask_open),
            ("study.demo", self.open_demo),
            ("study.unlock", self.unlock),
        ):
            context.actions.bind(action_id, handler)
        context.state.mode_changed.connect(self._on_mode)

    # ---------------------------------------------------------------- the mode

    @Slot()
    def enter(self) -> None:
        """Show Study mode; its page is made at the first time. Goes on with the project of before."""
        self._show()
        if self.opened is None and not self._keeper.busy("study.open"):
            folder = self._folder
            if not folder and self._record.opened is not None:
                folder = str(self._record.opened.project.folder)
            if folder:
                self.open_project(folder)

    def _show(self) -> None:
        if self._page is None:
            self._page = page = self._make_page()
            self.rating.furnish(page)
            page.desk.seated.connect(self.seat)
            page.desk.resumed.connect(self.resume)
        self._context.actions.trigger("play.stop")
        self._context.state.set_mode("study")
        self._context.actions.action("mode.study").setChecked(True)

    @Slot(str)
    def _on_mode(self, mode: str) -> None:
        self._context.actions.action("mode.study").setChecked(mode == "study")
        if mode == "study" or self._page is None:
            return
        self.opened = None
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
        assert self._page is not None
        page, record = self._page, self._record.opened
        shared = record.project if record is not None and record.project.folder == folder else None

        def work(report: Report, token: CancelToken) -> tuple[Opened, DeskView]:
            self._close()
            if shared is None:
                from sier_gui.core.study.project import open_project

                self._keeping = open_project(folder, create=demo)
            try:
                study = _study(shared or self._keeping, demo, report, token)
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
        self._show_desk(view)

    @Slot(object)
    def _on_not_opened(self, error: Exception) -> None:
        self._folder = ""
        assert self._page is not None
        self._page.show_step(self._page.start)
        self._context.messages.error(error)

    # ---------------------------------------------------------------- the desk

    @Slot(object)
    def _show_desk(self, view: DeskView) -> None:
        assert self._page is not None
        self._page.show_desk(view)

    def _refresh_desk(self) -> None:
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> DeskView:
            return desk_of(opened.study)

        job = self._keeper.start("study.desk", work)
        job.succeeded.connect(self._show_desk)
        job.failed.connect(self._context.messages.error)

    @Slot(str)
    def seat(self, pseudonym: str) -> None:
        """Somebody new; nothing is stored before they agree."""
        opened = self.opened
        if opened is None:
            return

        def work(_report: Report, _token: CancelToken) -> Rater:
            return new_rater(opened.study.project, pseudonym)

        self._seat(work)

    @Slot(str)
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
            self.rating.sit(self.opened.study, rater)

    @Slot()
    def unlock(self) -> None:
        """Only once the session has ended or was stopped."""
        if not self.rating.over:
            return
        self.rating.leave()
        self._refresh_desk()
        for error in self.rating.problems:
            self._context.messages.error(error)


# ---------------------------------------------------------------- the keeper's thread


def _study(project: Project | None, demo: bool, report: Report, token: CancelToken) -> Study:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.study.demo import make_demo
    from sier_gui.core.study.design import load_design
    from sier_gui.core.study.presenting import Presenter

    assert project is not None
    if demo and not project.fact("items"):
        make_demo(project, report=report, token=token)
    design = load_design(project)
    presenter = Presenter(project, design, open_dataset(Path(design.dataset)), _speaker())
    presenter.prepare(report=report, token=token)
    return Study(project, design, presenter)


def _speaker() -> Speak | None:
    """What says the spoken traps; None where no synthesizer is installed."""
    from sier_gui.core.construct.synthesizers import SYNTHESIZERS, Prosody

    found = next((s for s in SYNTHESIZERS.values() if s.available()), None)
    if found is None:
        return None
    return lambda text: found.speak(text, found.default_voice, Prosody())


def new_rater(project: Project, name: str) -> Rater:
    """Raises `SierError` where the pseudonym cannot be one, is taken, or belongs to who withdrew."""
    from sier_gui.core.errors import SierError
    from sier_gui.core.study.project.people import pseudonym
    from sier_gui.core.study.records import Rater

    known = pseudonym(name, "rater")
    if project.rater(known) is not None:
        raise SierError(f"A rater called {known} is enrolled.", "Go on as that rater, or choose another.")
    if project.withdrawn("rater", known):
        raise SierError(f"The rater {known} has withdrawn from this project.", "Choose another pseudonym.")
    return Rater(known)


def desk_of(study: Study) -> DeskView:
    """How far the study is, and who may go on."""
    from sier_gui.core.study.design import status
    from sier_gui.gui.modes.study.views import DeskView

    found = status(study.project, study.design)
    raters = {rater.rater: rater for rater in study.project.raters()}
    people = [line for line in found.raters if not raters[line["rater"]].simulated]
    finished = sum(1 for line in people if line["finished"])
    simulated = len(raters) - len(people)
    planned = study.design.protocol.design.raters
    lines = [f"{len(people)} of {planned} raters have sat here, {finished} have finished"]
    if simulated:
        lines.append(f"{simulated} simulated raters, no people, fill the table")
    filled = sum(count > 0 for count in found.cells.values())
    lines.append(f"{filled} of {len(found.cells)} cells have a rater")
    return DeskView(
        folder=str(study.project.folder),
        lines=tuple(lines),
        unfinished=tuple(
            (line["rater"], f"{line['answered']} of {line['planned']}")
            for line in people
            if not line["finished"]
        ),
        notices=tuple(study.project.notices),
    )
