"""A trial's page: the stimulus, the answers with their keys, how sure, progress; nothing else.

It is given a `BlindTrial` and knows no more than that; times are the workflow's.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.study.records import BlindTrial
from sier_gui.core.study.words import RaterWords
from sier_gui.gui.modes.study.layout import TEXT_PT, WIDTH, button, rename, sized
from sier_gui.gui.modes.study.stimulus import StimulusView
from sier_gui.gui.modes.study.views import Stage

_PER_ROW = 4
_KEYS = {"again": "R", "problem": "P", "stop": "Esc"}


class TrialPage(QWidget):
    """Keys work wherever the focus is; the mouse does the same."""

    chosen = Signal()  # an answer, which may still be changed
    answered = Signal(str, object)  # answer, confidence or None
    replay_wished = Signal()
    problem_told = Signal()
    stop_wished = Signal()

    def __init__(self, words: RaterWords, confidence: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._words, self.stage = words, Stage.STORING
        self.answer = ""
        self._waiting = words.look
        self.progress, self.bar = QLabel(), QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.stimulus, self.question = StimulusView(), QLabel()
        self.question.setFont(sized(self.question.font(), TEXT_PT))
        self.question.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.answers: list[QPushButton] = []
        self.sure = [button() for _ in range(confidence if confidence > 1 else 0)]
        self.again, self.problem, self.stop = QPushButton(), QPushButton(), QPushButton()
        self._grid = QGridLayout()
        self._lay_out()
        self._label()
        self.again.clicked.connect(self._replay)
        self.problem.clicked.connect(self._problem)
        self.stop.clicked.connect(self.stop_wished)

    def _lay_out(self) -> None:
        self._grid.setSpacing(12)
        sure, small = QHBoxLayout(), QHBoxLayout()
        for row in (sure, small):
            row.setSpacing(12)
        for place, made in enumerate(self.sure):
            made.setProperty("place", place)
            made.clicked.connect(self._sure_clicked)
            sure.addWidget(made, 1)
        for made in (self.again, self.problem, self.stop):
            made.setMinimumHeight(32)
            small.addWidget(made)
        small.insertStretch(1, 1)
        frame = QFrame()
        frame.setFixedWidth(WIDTH)
        lines = QVBoxLayout(frame)
        lines.setContentsMargins(0, 16, 0, 16)
        lines.setSpacing(12)
        lines.addWidget(self.progress)
        lines.addWidget(self.bar)
        lines.addWidget(self.stimulus, 1)
        lines.addWidget(self.question)
        lines.addLayout(self._grid)
        lines.addLayout(sure)
        lines.addSpacing(8)
        lines.addLayout(small)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addStretch(1)
        outer.addWidget(frame)
        outer.addStretch(1)

    def _label(self) -> None:
        words = self._words
        rename(self.problem, words.problem, _KEYS["problem"])
        rename(self.stop, words.stop_now, _KEYS["stop"])
        for place, made in enumerate(self.sure):
            # the shipped scale has three words; a protocol's longer one has numbers alone
            named = words.sure[place] if len(self.sure) == len(words.sure) else ""
            made.setText(f"{place + 1}   {named}" if named else str(place + 1))
            made.setAccessibleName(f"{words.sure_question} {place + 1} {named}".rstrip())

    # ---------------------------------------------------------------- what is shown

    def show_trial(self, trial: BlindTrial) -> None:
        """The answers sleep until `wake`."""
        words = self._words
        line = words.practising if trial.practice else words.progress
        self.progress.setText(line.format(number=trial.number, count=trial.of))
        self.bar.setMaximum(trial.of)
        self.bar.setValue(trial.number - 1)
        self.bar.setAccessibleName(self.progress.text())
        self._show_answers(trial.answers)
        self.stimulus.show_stimulus(
            trial.picture, trial.instruction, sound=trial.sound is not None, name=words.picture
        )
        self.again.setVisible(trial.sound is not None)
        self._waiting = words.look if trial.sound is None else words.listen
        self.sleep()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_answers(self, classes: tuple[str, ...]) -> None:
        if [made.property("answer") for made in self.answers] == list(classes):
            return
        for made in self.answers:
            self._grid.removeWidget(made)
            made.deleteLater()
        self.answers = []
        for place, name in enumerate(classes):
            made = button(f"{place + 1}   {name}")
            made.setMinimumHeight(56)
            made.setAccessibleName(name)
            made.setProperty("answer", name)
            made.setProperty("place", place)
            made.setCheckable(True)
            made.clicked.connect(self._answer_clicked)
            self._grid.addWidget(made, place // _PER_ROW, place % _PER_ROW)
            self.answers.append(made)

    def sleep(self) -> None:
        """The stimulus is on: no answer yet."""
        self._to(Stage.STIMULUS)

    def wake(self) -> None:
        """The stimulus has ended, or was seen long enough."""
        self._to(Stage.ANSWER)

    def store(self) -> None:
        """The answer is on its way; nothing can be pressed."""
        self._to(Stage.STORING)

    def show_replays(self, left: int) -> None:
        """How often the recording may be heard again."""
        rename(self.again, f"{self._words.again} ({left})", _KEYS["again"])
        self.again.setProperty("left", left)
        self._to(self.stage)

    def _to(self, stage: Stage) -> None:
        self.stage = stage
        if stage in (Stage.STIMULUS, Stage.ANSWER):
            self.answer = ""
        picking = stage in (Stage.ANSWER, Stage.SURE)
        asked = self._words.sure_question if stage is Stage.SURE else self._words.question
        self.question.setText(self._waiting if stage is Stage.STIMULUS else asked)
        for made in self.answers:
            made.setEnabled(picking)
            made.setChecked(picking and made.property("answer") == self.answer)
            self._tint(made)
        for made in self.sure:
            made.setEnabled(stage is Stage.SURE)
        self.again.setEnabled(picking and bool(self.again.property("left")))
        self.problem.setEnabled(stage is not Stage.STORING)
        self.stop.setEnabled(stage is not Stage.STORING)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for made in self.answers:
                self._tint(made)

    def _tint(self, made: QPushButton) -> None:
        """What was chosen is seen at once, in the dark too, where a pressed button hardly differs."""
        palette = QPalette()  # other roles stay the window's
        if made.isChecked():
            own = self.palette()
            palette.setColor(QPalette.ColorRole.Button, own.color(QPalette.ColorRole.Highlight))
            palette.setColor(QPalette.ColorRole.ButtonText, own.color(QPalette.ColorRole.HighlightedText))
        made.setPalette(palette)

    # ---------------------------------------------------------------- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A key that is held down counts once: the second digit means something else."""
        key = event.key()
        if event.isAutoRepeat():
            return
        place = key - Qt.Key.Key_1
        if 0 <= place <= 8:
            self._digit(place)
        elif key == Qt.Key.Key_R:
            self._replay()
        elif key == Qt.Key.Key_P:
            self._problem()
        elif key == Qt.Key.Key_Backspace and self.stage is Stage.SURE:
            self.wake()
        elif key == Qt.Key.Key_Escape and self.stop.isEnabled():
            self.stop_wished.emit()
        else:
            super().keyPressEvent(event)

    def _digit(self, place: int) -> None:
        if self.stage is Stage.ANSWER and place < len(self.answers):
            self._choose(place)
        elif self.stage is Stage.SURE and place < len(self.sure):
            self._confirm(place + 1)

    def _choose(self, place: int) -> None:
        self.answer = str(self.answers[place].property("answer"))
        self.chosen.emit()
        if self.sure:
            self._to(Stage.SURE)
        else:
            self._confirm(None)

    def _confirm(self, confidence: int | None) -> None:
        answer = self.answer
        self.store()
        self.answered.emit(answer, confidence)

    @Slot()
    def _answer_clicked(self) -> None:
        self._choose(int(self.sender().property("place")))
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _sure_clicked(self) -> None:
        self._confirm(int(self.sender().property("place")) + 1)

    @Slot()
    def _replay(self) -> None:
        if self.again.isVisible() and self.again.isEnabled():
            self.replay_wished.emit()

    @Slot()
    def _problem(self) -> None:
        if self.problem.isEnabled():
            self.store()
            self.problem_told.emit()
