"""One rater's visit: which trial is next, begun before it is shown, one transaction for each answer.

Whatever ends the session, another one made for the same rater goes on behind the last trial that had begun;
main trials that were begun and not answered are replaced at the end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sier_gui.core.errors import SierError
from sier_gui.core.study.design import Design
from sier_gui.core.study.presenting import Presenter
from sier_gui.core.study.project import Project
from sier_gui.core.study.records import BlindTrial, Kind, Rater, Rationale, Response, Trial
from sier_gui.core.study.responses import TABLE_KINDS

VISITED, CLOCK = "visit ended", "clock set back"  # events
_BACK_S = 1.0  # what keeps a clock right sets it back by less


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session stands: the kind of the next trial (None at the end), trials done, and all of them."""

    coming: Kind | None
    done: int
    count: int


class Session:
    """Used by one thread at a time.

    Raises
    ------
    SierError : the rater has answered everything, or the wash-out before the next visit is not over.
    """

    def __init__(self, project: Project, design: Design, presenter: Presenter, rater: Rater) -> None:
        self._project, self._design, self._presenter = project, design, presenter
        self.rater = rater
        self.visit = self._which_visit()
        self.current: Trial | None = None  # begun, to be answered
        self._clock = time.time() - time.monotonic()
        self.set_back_s = 0.0  # by how much the computer's clock was set back meanwhile
        # what this program alone writes while it holds the project: asked for once
        self._answered = project.answered(rater.rater)
        self._interrupted = project.interrupted(rater.rater)
        self._trials = design.trials(rater, self.visit, self._interrupted)

    def _which_visit(self) -> int:
        rules = self._design.protocol.design
        ended = [e for e in self._project.events(self.rater.rater) if e["what"] == VISITED]
        if len(ended) >= rules.visits:
            raise SierError(f"{self.rater.rater} has answered everything.", "Choose another rater.")
        if ended:
            open_from = datetime.fromisoformat(ended[-1]["at"]) + timedelta(days=rules.wash_out_days)
            if datetime.now(UTC) < open_from:
                raise SierError(
                    f"The next visit of {self.rater.rater} can begin on {open_from:%d %B %Y}.",
                    f"The protocol wants {rules.wash_out_days} days between visits.",
                )
        return len(ended)

    # ---------------------------------------------------------------- where it stands

    def planned(self) -> tuple[Trial, ...]:
        """This visit's trials, with replacements of those that were interrupted so far."""
        return self._trials

    def _pending(self) -> list[Trial]:
        """Neither answered nor begun."""
        seen = self._answered | self._interrupted
        if self.current is not None:
            seen.add(self.current.trial)
        return [trial for trial in self._trials if trial.trial not in seen]

    def _give_up(self) -> None:
        """The trial that was shown gets no answer: seen, and replaced."""
        if self.current is not None:
            self._interrupted.add(self.current.trial)
            self._trials = self._design.trials(self.rater, self.visit, self._interrupted)
            self.current = None

    def progress(self) -> tuple[int, int]:
        """Trials answered or lost, and all trials, of this visit without practice."""
        counted = [trial for trial in self.planned() if trial.kind is not Kind.PRACTICE]
        waiting = sum(trial.kind is not Kind.PRACTICE for trial in self._pending())
        return len(counted) - waiting, len(counted)

    def coming(self) -> Kind | None:
        """The kind of the next trial; None at the end."""
        pending = self._pending()
        return pending[0].kind if pending else None

    def place(self) -> Place:
        return Place(self.coming(), *self.progress())

    # ---------------------------------------------------------------- one after the other

    def begin(self) -> BlindTrial | None:
        """Load the next trial and mark it as begun: to be shown at once. None at the end of the visit.

        Raises
        ------
        SierError : a stimulus cannot be read (the trial is not begun), or the project cannot be written.
        """
        self._give_up()
        pending = self._pending()
        if not pending:
            return None
        trial = pending[0]
        practice = trial.kind is Kind.PRACTICE
        group = [t for t in self.planned() if (t.kind is Kind.PRACTICE) is practice]
        number = 1 + next(place for place, t in enumerate(group) if t.trial == trial.trial)
        blind = self._presenter.blind(trial, self.rater, number, len(group))
        self._project.begin_trial(self.rater.rater, trial.trial)
        self.current = trial
        return blind

    def answer(
        self,
        answer: str,
        confidence: int | None,
        rt_ms: float | None,
        replays: int,
        rationale: Rationale | None = None,
    ) -> Response:
        """Store the answer to the trial that is shown; it is on the disk when this returns.

        Parameters
        ----------
        answer : a class; "" for a technical problem, which never counts.

        Raises
        ------
        SierError : the project cannot be written; the trial stays to be answered.
        """
        trial = self.current
        if trial is None:
            raise SierError("No trial is shown.", "Begin the next one.")
        self._note_clock()
        response = Response(
            rater=self.rater.rater,
            group=self.rater.group,
            block=trial.block,
            trial=trial.trial,
            kind=trial.kind,
            list=trial.list,
            reader=self._presenter.voice(trial),
            sample_id=trial.sample_id,
            label=trial.label,
            modality=trial.modality,
            answer=answer,
            confidence=confidence,
            rt_ms=rt_ms,
            replays=replays,
            counted=answer != "" and trial.kind in TABLE_KINDS,
            rationale=self._presenter.located(trial, rationale),
        )
        self._project.add_answer(response)
        self._answered.add(trial.trial)
        self.current = None
        return response

    def _note_clock(self) -> None:
        """Times of day that are stored follow the computer's clock: where it was set back, an event says so.

        Answers are in the order of their numbers and response times come from a clock that nobody can set.
        """
        clock = time.time() - time.monotonic()  # a computer that slept is only ahead
        if clock < self._clock - _BACK_S:
            self.log(CLOCK, seconds=round(self._clock - clock))
            self.set_back_s += self._clock - clock
        self._clock = clock

    def keep(self, rater: Rater) -> None:
        """What is now known about the rater, of the headphones for instance."""
        self._project.add_rater(rater)
        self.rater = rater

    def log(self, what: str, **detail: object) -> None:
        """An event of the trial that is shown, or of none."""
        number = self.current.trial if self.current is not None else None
        self._project.log_event(self.rater.rater, number, what, **detail)

    def end(self) -> None:
        """All trials of the visit are done."""
        self.log(VISITED, visit=self.visit)
        if self.visit + 1 == self._design.protocol.design.visits:
            self.keep(replace(self.rater, finished=True))
