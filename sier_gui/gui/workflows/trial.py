"""One trial before a rater: when it begins, when the answer keys wake, and how long an answer took.

The audio device's clock says when a recording has ended; response times run from there, or, without a
recording, from the moment at which the stimulus was painted.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from sier_gui.core.errors import SierError
from sier_gui.gui.modes.study.views import Stage
from sier_gui.gui.workflows.checking import CheckingWorkflow

if TYPE_CHECKING:
    from sier_gui.core.study.records import BlindTrial, Rationale, TrialRules
    from sier_gui.core.study.words import RaterWords
    from sier_gui.gui.modes.study.trial import TrialPage


@dataclass(frozen=True, slots=True)
class Given:
    """What a rater said; ``answer`` is "" for a technical problem, without confidence and time."""

    answer: str
    confidence: int | None
    rt_ms: float | None
    replays: int
    rationale: Rationale | None = None


class TrialWorkflow(QObject):
    """`show` begins; ``answered`` ends it, once for each trial."""

    answered = Signal(object)  # Given
    failed = Signal(object)  # SierError: the recording cannot be played
    noted = Signal(str)  # an event of the trial

    def __init__(self, loudspeaker: CheckingWorkflow, parent: QObject) -> None:
        super().__init__(parent)
        self._loudspeaker = loudspeaker
        self.shown: BlindTrial | None = None
        self._page: TrialPage | None = None
        self._words: RaterWords | None = None
        self._rules: TrialRules | None = None
        self._replays = 0
        self._since = 0.0
        self._rt_ms = 0.0
        self._part = (0.0, 1.0)  # of the recording: what is played while marking
        self._waking = QTimer(self)
        self._waking.setSingleShot(True)
        self._waking.timeout.connect(self._wake)

    def furnish(self, page: TrialPage, words: RaterWords, rules: TrialRules) -> None:
        """Connect a rater's page, which is new for each."""
        self._page, self._words, self._rules = page, words, rules
        page.chosen.connect(self._on_chosen)
        page.answered.connect(self._on_answered)
        page.replay_wished.connect(self._replay)
        page.problem_told.connect(self._on_problem)
        page.stimulus.painted.connect(self._on_painted)

    def show(self, trial: BlindTrial) -> None:
        """It begins when it is painted."""
        assert self._page is not None
        assert self._rules is not None
        self.shown, self._replays = trial, 0
        self._page.show_trial(trial)
        self._page.show_replays(self._rules.replays)

    def leave(self) -> None:
        """Nothing is asked any more."""
        self._waking.stop()
        self.shown = None

    # ---------------------------------------------------------------- the stimulus

    @Slot()
    def _on_painted(self) -> None:
        """It is on the screen: the recording begins, or the time until the keys wake."""
        if self.shown is None or self._rules is None:
            return
        if self.shown.sound is not None:
            self.play()
        else:
            self._since = perf_counter()
            self._waking.start(self._rules.answer_after_ms)

    def play(self) -> None:
        """From the start; no answer before the end."""
        page, words, trial = self._page, self._words, self.shown
        if page is None or words is None or trial is None or trial.sound is None:
            return
        page.sleep()
        page.stimulus.show_state(words.playing, 0.0)
        try:
            self._loudspeaker.play(trial.sound, trial.rate, self._on_heard, self._on_position)
        except SierError as error:
            self.failed.emit(error)

    def _on_position(self, seconds: float) -> None:
        page, words, trial = self._page, self._words, self.shown
        if page is not None and words is not None and trial is not None and trial.sound is not None:
            page.stimulus.show_state(words.playing, seconds * trial.rate / len(trial.sound))

    def _on_heard(self) -> None:
        """Called on the GUI thread once the device has played the last frame."""
        self._since = perf_counter()
        if self._page is not None and self._words is not None and self.shown is not None:
            self._page.stimulus.show_state(self._words.played, 1.0)
            self._page.wake()

    @Slot()
    def _wake(self) -> None:
        if self._page is not None and self.shown is not None:
            self._page.wake()

    @Slot()
    def _replay(self) -> None:
        if self._page is None or self._rules is None or self.shown is None:
            return
        if self._page.stage is Stage.MARK:
            self._hear_again()
            return
        left = self._rules.replays - self._replays
        if left > 0:
            self._replays += 1
            self.noted.emit("replay")
            self._page.show_replays(left - 1)
            self.play()

    # ---------------------------------------------------------------- while marking

    def _hear_again(self) -> None:
        """What is marked, or all of it, as often as one likes: the answer cannot be changed any more."""
        page, trial = self._page, self.shown
        if page is None or trial is None or trial.sound is None:
            return
        self._part = page.board.span() or (0.0, 1.0)
        first, last = (round(share * len(trial.sound)) for share in self._part)
        self.noted.emit("heard while marking")
        page.settle()
        try:
            self._loudspeaker.play(
                trial.sound[first:last], trial.rate, self._on_part_heard, self._on_part_position
            )
        except SierError:
            page.again.setEnabled(False)  # marking needs no sound

    def _on_part_position(self, seconds: float) -> None:
        if self._page is not None and self.shown is not None and self.shown.sound is not None:
            share = seconds * self.shown.rate / len(self.shown.sound)
            self._page.board.sound.show_position(self._part[0] + share)

    def _on_part_heard(self) -> None:
        if self._page is not None:
            self._page.board.sound.show_position(-1.0)

    # ---------------------------------------------------------------- the answer

    @Slot()
    def _on_chosen(self) -> None:
        self._rt_ms = 1000 * (perf_counter() - self._since)

    @Slot(str, object, object)
    def _on_answered(self, answer: str, confidence: int | None, rationale: Rationale | None) -> None:
        self._loudspeaker.hush()
        self._give(Given(answer, confidence, self._rt_ms, self._replays, rationale))

    @Slot()
    def _on_problem(self) -> None:
        self._loudspeaker.hush()
        self._give(Given("", None, None, self._replays))

    def _give(self, given: Given) -> None:
        if self.shown is not None:
            self.leave()
            self.answered.emit(given)
