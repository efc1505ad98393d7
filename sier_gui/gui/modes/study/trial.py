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
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.study.records import BlindTrial, Rationale
from sier_gui.core.study.words import RaterWords
from sier_gui.gui import theme
from sier_gui.gui.modes.study.layout import TEXT_PT, WIDTH, button, rename, sized
from sier_gui.gui.modes.study.marking import MarkBoard
from sier_gui.gui.modes.study.stimulus import StimulusView
from sier_gui.gui.modes.study.views import Stage

_PER_ROW = 4
_KEYS = {"again": "R", "problem": "P", "stop": "Esc", "keep": "↵", "skip": "S", "undo": "⌫"}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class TrialPage(QWidget):
    """Keys work wherever the focus is; the mouse does the same."""

    chosen = Signal()  # an answer, which may still be changed
    answered = Signal(str, object, object)  # answer, confidence or None, Rationale or None
    replay_wished = Signal()
    problem_told = Signal()
    stop_wished = Signal()

    def __init__(self, words: RaterWords, confidence: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._words, self.stage = words, Stage.STORING
        self.answer = ""
        self._sure: int | None = None
        self._marks = self._settled = False  # whether marks are asked for; and no answer can be changed
        self._waiting = words.look
        self.progress, self.bar = QLabel(), QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.stimulus, self.question = StimulusView(), QLabel()
        self.question.setFont(sized(self.question.font(), TEXT_PT))
        self.question.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint = QLabel(words.mark_help)
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setFont(theme.caption_font(self.hint.font()))
        self.board = MarkBoard(words)
        self.shown = QStackedWidget()
        self.answers: list[QPushButton] = []
        self.sure = [button() for _ in range(confidence if confidence > 1 else 0)]
        self.keep, self.skip, self.undo = button(), button(), button()
        self.again, self.problem, self.stop = QPushButton(), QPushButton(), QPushButton()
        self._grid = QGridLayout()
        self._lay_out()
        self._label()
        self.again.clicked.connect(self._replay)
        self.problem.clicked.connect(self._problem)
        self.stop.clicked.connect(self.stop_wished)
        self.keep.clicked.connect(self._keep)
        self.skip.clicked.connect(self._skip)
        self.undo.clicked.connect(self._undo)
        self.board.changed.connect(self._on_marks)

    def _lay_out(self) -> None:
        self._grid.setSpacing(12)
        sure, small, marks = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row in (sure, small, marks):
            row.setSpacing(12)
        for place, made in enumerate(self.sure):
            made.setProperty("place", place)
            made.clicked.connect(self._sure_clicked)
            sure.addWidget(made, 1)
        for made in (self.keep, self.skip, self.undo):
            marks.addWidget(made, 1)
        self.shown.addWidget(self.stimulus)
        self.shown.addWidget(self.board)
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
        lines.addWidget(self.shown, 1)
        lines.addWidget(self.question)
        lines.addWidget(self.hint)
        lines.addLayout(self._grid)
        lines.addLayout(sure)
        lines.addLayout(marks)
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
        rename(self.keep, words.mark_keep, _KEYS["keep"])
        rename(self.skip, words.mark_skip, _KEYS["skip"])
        rename(self.undo, words.mark_undo, _KEYS["undo"])
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
        self.board.show_trial(trial)
        self._marks, self._settled = trial.mark, False
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
        self.again.setProperty("left", left)
        self._to(self.stage)

    def _to(self, stage: Stage) -> None:
        self.stage = stage
        if stage in (Stage.STIMULUS, Stage.ANSWER):
            self.answer = ""
        picking = stage in (Stage.ANSWER, Stage.SURE)
        marking = stage is Stage.MARK
        asked = {
            Stage.STIMULUS: self._waiting,
            Stage.SURE: self._words.sure_question,
            Stage.MARK: self._words.mark_question,
        }
        self.question.setText(asked.get(stage, self._words.question))
        for made in self.answers:
            made.setEnabled(picking)
            made.setChecked((picking or marking) and made.property("answer") == self.answer)
            self._tint(made)
        for made in self.sure:
            made.setEnabled(stage is Stage.SURE)
            made.setVisible(not marking)
        for widget in (self.hint, self.keep, self.skip, self.undo):
            widget.setVisible(marking)
        self.shown.setCurrentWidget(self.board if marking else self.stimulus)
        left = self.again.property("left")
        counted = f"{self._words.again} ({left})"
        rename(self.again, self._words.again if marking else counted, _KEYS["again"])
        self.again.setEnabled(marking or (picking and bool(left)))
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
        if event.isAutoRepeat() and self.stage is not Stage.MARK:
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
        elif self.stage is Stage.MARK and self._mark_key(event):
            return
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
        self._sure = confidence
        if self._marks:
            self._to(Stage.MARK)
            self.board.pad().setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            self._finish(None)

    def _finish(self, rationale: Rationale | None) -> None:
        answer = self.answer
        self.store()
        self.answered.emit(answer, self._sure, rationale)

    # ---------------------------------------------------------------- what decided it

    def settle(self) -> None:
        """The recording was heard once more, beyond the replays that an answer may rest on: it stays."""
        self._settled = True
        self._on_marks()

    def _mark_key(self, event: QKeyEvent) -> bool:
        """Whether the key was one of marking's."""
        key = Qt.Key(event.key())
        if event.isAutoRepeat() and key in (*_ENTER, Qt.Key.Key_S, Qt.Key.Key_Backspace):
            return True
        if key in _ENTER:
            self._keep()
        elif key == Qt.Key.Key_S:
            self._skip()
        elif key == Qt.Key.Key_Backspace:
            self._undo()
        else:
            return self.board.pad().take(event)
        return True

    @Slot()
    def _keep(self) -> None:
        """With nothing marked this goes on as skipping does."""
        if self.stage is Stage.MARK:
            self._finish(self.board.rationale())

    @Slot()
    def _skip(self) -> None:
        if self.stage is Stage.MARK:
            self._finish(None)

    @Slot()
    def _undo(self) -> None:
        """The last mark, then how sure and the answer."""
        if self.stage is not Stage.MARK or self.board.undo() or self._settled:
            return
        if self.sure:
            self._to(Stage.SURE)
        else:
            self.wake()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_marks(self) -> None:
        marked = bool(self.board.rationale())
        self.keep.setEnabled(marked)
        self.undo.setEnabled(marked or not self._settled)

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
            if self.stage is Stage.MARK:
                self.board.pad().setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _problem(self) -> None:
        if self.problem.isEnabled():
            self.store()
            self.problem_told.emit()
