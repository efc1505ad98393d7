"""A rater before the window, from consent to thanks. The keeper's thread alone touches the project."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import ALL, JobRunner
from sier_gui.gui.workflows.arrival import ArrivalWorkflow
from sier_gui.gui.workflows.checking import CheckingWorkflow
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.notices import Do, Notices
from sier_gui.gui.workflows.trial import Given, TrialWorkflow

if TYPE_CHECKING:
    from sier_gui.core.study.design import Design
    from sier_gui.core.study.presenting import Presenter
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import BlindTrial, Rater
    from sier_gui.core.study.session import Place, Session
    from sier_gui.gui.modes.study import StudyPage


@dataclass(frozen=True, slots=True)
class Study:
    """A project whose stimuli are ready."""

    project: Project
    design: Design
    presenter: Presenter


class RatingWorkflow(QObject):
    """`sit` begins with a rater. The window is theirs until the session is `over` and was unlocked."""

    def __init__(self, context: Context, keeper: JobRunner) -> None:
        super().__init__(context.window)
        self._context, self._keeper = context, keeper
        self.checking = CheckingWorkflow(context, keeper)
        self.trial = TrialWorkflow(self.checking, self)
        self.notices = Notices(self)
        self.arrival = ArrivalWorkflow(self.notices, self._do, self)
        self.session: Session | None = None
        self.study: Study | None = None
        self.over = True
        self.problems: list[Exception] = []  # for the experimenter, once unlocked
        self._given: Given | None = None  # an answer on its way to the disk
        self._rater: Rater | None = None
        self._left: QWidget | None = None  # the page from which somebody asked to stop
        self._page: StudyPage | None = None
        self._numbers = itertools.count(1)
        self._breaks: int | None = None  # had, or not needed since somebody has just sat down
        self._practised = False
        self._sat_at = 0.0  # seconds of a clock that nobody can set
        self._late = False  # the session has become too long, and the rater was told
        self.trial.answered.connect(self._store)
        self.trial.failed.connect(self._on_silent)
        self.trial.noted.connect(self._log)
        self.checking.done.connect(self._advance)
        self.checking.lost.connect(self._on_lost)
        self.arrival.enrolled.connect(self._on_enrolled)
        self.arrival.declined.connect(self._declined)

    def furnish(self, page: StudyPage) -> None:
        """Connect the page, once."""
        self._page = page
        self.checking.furnish(page)
        self.notices.furnish(page)
        self.arrival.furnish(page)
        page.inactive.connect(self._on_inactive)
        page.stop_wished.connect(self._ask_stop)

    # ---------------------------------------------------------------- sitting down and getting up

    def sit(self, study: Study, rater: Rater) -> None:
        """``rater`` without consent is somebody new."""
        page = self._page
        assert page is not None
        self.study, self._rater, self.session = study, rater, None
        self.over, self._practised, self._breaks = False, False, None
        self._sat_at, self._late = monotonic(), False
        self.problems.clear()
        words = page.furnish(study.design.protocol)
        self.trial.furnish(page.trial, words, study.design.protocol.trial)
        page.trial.setAccessibleName(words.question)  # it takes the keys itself
        page.trial.stop_wished.connect(self._ask_stop)
        self._context.state.set_rating(True)
        for runner in (self._context.computer, self._context.clerk):
            runner.pause(ALL, self)  # any of it could make the audio stutter
        if rater.consented_at:
            self._start()
        else:
            self.arrival.begin(study, rater)

    def leave(self) -> None:
        """The experimenter takes the window back."""
        self._hush()
        self.over, self.session = True, None
        self._context.state.set_rating(False)
        for runner in (self._context.computer, self._context.clerk):
            runner.resume(ALL, self)

    def stop(self) -> None:
        """The window closes: an answer on its way is stored; what is only on the screen is interrupted."""
        self._hush()
        given, session = self._given, self.session
        # once the keeper's thread has ended nobody else uses the session
        if given is not None and session is not None and self._keeper.shutdown(2.0) and session.current:
            try:
                session.answer(given.answer, given.confidence, given.rt_ms, given.replays, given.rationale)
            except SierError as error:
                self._context.messages.error(error)

    def _hush(self) -> None:
        self.trial.leave()
        self.checking.hush()

    def _end(self, heading: str, text: str) -> None:
        self._hush()
        self.over = True
        assert self.study is not None
        assert self._rater is not None
        if self.session is not None and self.session.set_back_s:
            told = f"This computer's clock was set back by {round(self.session.set_back_s)} s meanwhile."
            hint = "The answers' order and response times do not depend on it; set the clock right."
            self.problems.append(SierError(told, hint))
        allowed = self.study.design.protocol.trial.session_minutes
        if self._sat_s() > 60 * allowed:
            who, sat = self._rater.rater, self._minutes()
            told = f"{who} sat here for {sat} minutes; the protocol allows {allowed}."
            self.problems.append(SierError(told, "Let raters stop where the program offers it."))
        self.notices.tell(heading, text)

    def _sat_s(self) -> float:
        return monotonic() - self._sat_at

    def _minutes(self) -> int:
        return round(self._sat_s() / 60)

    def _too_long(self) -> bool:
        """Whether the session would be longer than the protocol allows after another trial."""
        from sier_gui.core.study.protocol import SECONDS_PER_TRIAL

        assert self.study is not None
        return self._sat_s() + SECONDS_PER_TRIAL > 60 * self.study.design.protocol.trial.session_minutes

    # ---------------------------------------------------------------- notices

    def _failed(self, error: Exception, retry: Do, text: str = "") -> None:
        """The rater reads that something is wrong, not what: an error may name files."""
        self.problems.append(error)
        self.checking.hush()
        words = self._words()
        text = text or words.failed
        self.notices.tell(words.failed_title, text, words.go_on, retry, words.stop_now, self._stopped)

    def _words(self) -> Any:
        assert self._page is not None
        return self._page.words

    # ---------------------------------------------------------------- before the trials

    @Slot()
    def _declined(self) -> None:
        words = self._words()
        self._end(words.thanks_title, words.declined)

    @Slot(object)
    def _on_enrolled(self, rater: Rater) -> None:
        self._rater = rater
        self._start()

    def _start(self) -> None:
        """A session for the rater, then the checks that are still to be made."""
        study, rater = self.study, self._rater
        assert study is not None
        assert rater is not None

        def work(_report: Report, _token: CancelToken) -> Session:
            from sier_gui.core.study.session import Session

            return Session(study.project, study.design, study.presenter, rater)

        self._do("study.session", work, self._on_session, self._start)

    @Slot(object)
    def _on_session(self, session: Session) -> None:
        assert self.study is not None
        self.session = session
        self.checking.begin(session, self.study.presenter, self.study.design.protocol)

    def _do(
        self,
        kind: str,
        work: Callable[[Report, CancelToken], Any],
        done: Callable[[Any], None],
        retry: Callable[[], None],
    ) -> None:
        """On the keeper's thread; ``retry`` is offered where it fails."""
        job = self._keeper.start(kind, work)
        job.succeeded.connect(done)
        self._retry = retry
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._failed(error, self._retry)

    # ---------------------------------------------------------------- from trial to trial

    @Slot()
    def _advance(self) -> None:
        session = self.session
        assert session is not None

        def work(_report: Report, _token: CancelToken) -> Place:
            return session.place()

        self._do("study.next", work, self._on_place, self._advance)

    @Slot(object)
    def _on_place(self, place: Place) -> None:
        """The next trial, or what is said before it."""
        from sier_gui.core.study.records import Kind

        assert self.study is not None
        self._given = None
        rules, words = self.study.design.protocol.trial, self._words()
        breaks = place.done // rules.break_every
        if self._breaks is None:
            self._breaks = breaks
        if place.coming is None:
            self._finish()
        elif place.coming is Kind.PRACTICE and not self._practised:
            self._practised = True
            text = words.practice.format(
                keys=len(self.study.design.classes), sure=rules.confidence, replays=rules.replays
            )
            self.notices.tell(words.practice_title, text, words.go_on, self._load)
        elif place.coming is not Kind.PRACTICE and place.done == 0:
            text = words.begin.format(count=place.count)
            self.notices.tell(words.begin_title, text, words.go_on, self._load)
        elif breaks > self._breaks or (not self._late and self._too_long()):
            self._breaks = breaks
            self._rest(place)
        else:
            self._load()

    def _rest(self, place: Place) -> None:
        """A break; where the session has become too long it is offered to stop here."""
        words, title = self._words(), self._words().break_title
        text = words.pause
        if self._too_long():
            title, text = words.late_title, words.late
            if not self._late:
                self._log("session too long", minutes=self._minutes())
            self._late = True
        told = text.format(done=place.done, count=place.count, minutes=self._minutes())
        self.notices.tell(title, told, words.go_on, self._load, words.stop_now, self._stopped)

    def _load(self) -> None:
        session = self.session
        assert session is not None

        def work(_report: Report, _token: CancelToken) -> BlindTrial | None:
            return session.begin()

        self._do("study.load", work, self._show, self._load)

    @Slot(object)
    def _show(self, trial: BlindTrial | None) -> None:
        page = self._page
        assert page is not None
        if trial is None:
            self._finish()
            return
        self.trial.show(trial)
        page.show_step(page.trial)

    def _finish(self) -> None:
        session = self.session
        assert session is not None

        def work(_report: Report, _token: CancelToken) -> None:
            session.end()

        self._do("study.end", work, self._on_finished, self._finish)

    @Slot(object)
    def _on_finished(self, _nothing: object) -> None:
        words = self._words()
        self._end(words.thanks_title, words.thanks)

    # ---------------------------------------------------------------- what is stored

    @Slot(object)
    def _store(self, given: Given) -> None:
        """One transaction; the next trial comes once the answer is on the disk."""
        self._given = given
        session = self.session
        assert session is not None

        def work(_report: Report, _token: CancelToken) -> Place:
            if session.current is not None:  # else it was stored, and what followed failed
                session.answer(given.answer, given.confidence, given.rt_ms, given.replays, given.rationale)
            return session.place()

        def again() -> None:
            self._store(given)

        self._do("study.answer", work, self._on_place, again)

    @Slot(str)
    def _log(self, what: str, **detail: object) -> None:
        session = self.session
        if session is None:
            return

        def work(_report: Report, _token: CancelToken) -> None:
            session.log(what, **detail)

        job = self._keeper.start(f"study.log.{next(self._numbers)}", work)
        job.failed.connect(self._on_log_failed)

    @Slot(object)
    def _on_log_failed(self, error: Exception) -> None:
        self.problems.append(error)

    @Slot()
    def _on_inactive(self) -> None:
        if self.trial.shown is not None:
            self._log("focus lost")

    @Slot(object)
    def _on_silent(self, error: Exception) -> None:
        """The recording could not be played; going on tries again."""
        self._failed(error, self._play_again, self._words().mute)

    @Slot(object)
    def _on_lost(self, error: Exception) -> None:
        """Part of the recording was heard: the trial counts as seen and is replaced, never played again.

        Who has answered and marks what decided it loses nothing: marking needs no sound.
        """
        from sier_gui.gui.modes.study.views import Stage

        if self.trial.shown is None or self._page is None:
            return
        self.problems.append(error)
        self._log("loudspeaker lost")
        words, trial = self._words(), self._page.trial
        if trial.stage is Stage.MARK:
            trial.again.setEnabled(False)
            return
        self.trial.leave()
        self.notices.tell(
            words.silent_title, words.silent, words.go_on, self._load, words.stop_now, self._stopped
        )

    def _play_again(self) -> None:
        assert self._page is not None
        self._page.show_step(self._page.trial)
        self.trial.play()

    # ---------------------------------------------------------------- stopping

    @Slot()
    def _ask_stop(self) -> None:
        """The page stays as it is meanwhile: going on returns to it."""
        assert self._page is not None
        words, self._left = self._words(), self._page.step
        self._log("asked to stop")
        self.notices.tell(
            words.stop_title, words.stop, words.keep_on, self._back, words.stop_now, self._stopped
        )

    def _back(self) -> None:
        assert self._page is not None
        self._page.show_step(self._left or self._page.trial)

    def _stopped(self) -> None:
        words = self._words()
        self._log("stopped")
        self._end(words.stopped_title, words.stopped)
