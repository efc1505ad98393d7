"""The reader's page: a large prompt, the meter, the phase in words and colour, the last take's verdict."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.audio.capture import Phase
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.record.meter import LevelBar
from sier_gui.gui.modes.record.views import PHASES, BoothView

SIZES_PT = (48, 44, 40, 36, 32, 28)
_BUTTONS = (
    ("record.back", "Back"),
    ("record.toggle", "Record"),
    ("record.retake", "Retake"),
    ("record.listen", "Listen"),
    ("record.accept", "Accept"),
    ("record.skip", "Skip"),
)
_VERDICTS = {"pass": "✓ Good", "warn": "! Usable", "fail": "✗ Record it again"}


class PromptLabel(QScrollArea):
    """Wrapped text as large as fits, from 48 down to 28 pt; a longer one scrolls."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self.label = QLabel()
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setContentsMargins(24, 8, 24, 8)
        self.setWidget(self.label)

    def show_text(self, text: str) -> None:
        self.label.setText(text)
        self.label.setAccessibleName(f"Prompt: {text}")
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        area = QRect(0, 0, max(1, self.viewport().width() - 48), 1 << 20)
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter
        font = QFont(self.font())
        for size in SIZES_PT:
            font.setPointSize(size)
            needed = QFontMetrics(font).boundingRect(area, flags, self.label.text())
            if needed.height() + 16 <= self.viewport().height() and needed.width() <= area.width():
                break
        self.label.setFont(font)


class PhaseBanner(QFrame):
    """What the microphone does now: a word on its colour, seen from the corner of an eye."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoFillBackground(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.phase: Phase | None = None
        self._theme = 0  # of the palette that the colours were chosen for
        self.word = QLabel()
        font = QFont(self.font())
        font.setPointSize(18)
        font.setWeight(QFont.Weight.DemiBold)
        self.word.setFont(font)
        self.hint = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 8, 24, 8)
        layout.addWidget(self.word)
        layout.addStretch(1)
        layout.addWidget(self.hint)

    def show_phase(self, phase: Phase, hint: str) -> None:
        self.hint.setText(hint)
        theme_now = self.window().palette().cacheKey()
        if phase is self.phase and theme_now == self._theme:
            return
        self.phase, self._theme = phase, theme_now
        self.word.setText(PHASES[phase])
        self.word.setAccessibleName(f"Phase: {PHASES[phase]}")
        self._tint()

    def _tint(self) -> None:
        """Red while recording, amber before and after, quiet otherwise; the text stays readable on each."""
        of = theme.colours(self.window().palette())
        dark = theme.is_dark(self.window().palette())
        waiting = self.phase in (Phase.PRE_ROLL, Phase.POST_ROLL)
        speaking = self.phase is Phase.RECORDING
        ground = of.error if speaking else QColor(theme.SERIES[0]) if waiting else of.panel
        text = (
            of.text if not speaking and not waiting else QColor("white" if speaking and not dark else "black")
        )
        palette = QPalette()  # other roles stay the window's
        palette.setColor(QPalette.ColorRole.Window, ground)
        palette.setColor(QPalette.ColorRole.WindowText, text)
        self.setPalette(palette)
        for label in (self.word, self.hint):
            label.setPalette(palette)


class VerdictLabel(QFrame):
    """The last take: passed or not, and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.reasons = QLabel(), QLabel()
        font = QFont(self.font())
        font.setPointSize(13)
        font.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(font)
        self.reasons.setTextFormat(Qt.TextFormat.PlainText)
        self.reasons.setWordWrap(True)
        self.reasons.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 0, 24, 0)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.reasons)
        self.setFixedHeight(self.title.sizeHint().height() + 3 * self.fontMetrics().lineSpacing() + 16)

    def show_take(self, view: BoothView) -> None:
        take = view.take
        if take is None:
            self.title.setText("")
            self.reasons.setText("Not recorded yet." if view.prompt is not None else "")
        else:
            state = " — accepted" if take.accepted else ""
            self.title.setText(
                f"{_VERDICTS.get(take.verdict, '')} · take {take.number}, {take.duration_s:.1f} s{state}"
            )
            self.reasons.setText("\n".join(take.reasons) or "Level, room and length are as they should be.")
        failed = take is not None and take.verdict == "fail"
        role = QPalette.ColorRole.BrightText if failed else QPalette.ColorRole.WindowText
        self.title.setForegroundRole(role)  # the theme keeps its error colour in BrightText
        self.setAccessibleName("Verdict of the last take")
        self.setAccessibleDescription(f"{self.title.text()}. {self.reasons.text()}")


class Booth(QWidget):
    """Keys come from the action table; the buttons show them, the mouse is never needed."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Prompts")
        self.progress, self.bar = QLabel(), QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setAccessibleName("Prompts accepted")
        self.prompt, self.raw = PromptLabel(), QLabel()
        self.raw.setTextFormat(Qt.TextFormat.PlainText)
        self.raw.setWordWrap(True)
        self.raw.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.raw.setFont(theme.caption_font(self.font()))
        self.raw.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.raw.setContentsMargins(24, 0, 24, 0)
        self.banner, self.meter, self.verdict = PhaseBanner(), LevelBar(), VerdictLabel()
        self.buttons: dict[str, QPushButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 16)
        layout.setSpacing(8)
        layout.addLayout(_row(self.progress, margin=24))
        layout.addLayout(_row(self.bar, margin=24))
        layout.addWidget(self.prompt, 1)
        layout.addWidget(self.raw)
        layout.addWidget(self.banner)
        layout.addLayout(_row(self.meter, margin=24))
        layout.addWidget(self.verdict)
        layout.addLayout(self._button_row(actions))
        self.phase = Phase.CLOSED
        self._view = BoothView()
        self._refresh_buttons()

    def _button_row(self, actions: ActionTable) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(24, 0, 24, 0)
        row.setSpacing(8)
        for action_id, text in _BUTTONS:
            action = actions.action(action_id)
            button = QPushButton()
            button.setMinimumHeight(40)
            button.setProperty("action", action_id)
            button.setProperty("plain", text)
            button.setAccessibleName(text)
            button.clicked.connect(action.trigger)
            self.buttons[action_id] = button
            row.addWidget(button, 1)
        self._label_buttons(actions)
        return row

    def _label_buttons(self, actions: ActionTable) -> None:
        """Shortcuts are shown on buttons."""
        for action_id, button in self.buttons.items():
            keys = actions.action(action_id).shortcut().toString()
            names = {"Return": "Enter", "Left": "←"}
            button.setText(f"{button.property('plain')}   {names.get(keys, keys)}")

    # ---------------------------------------------------------------- what is shown

    def show_view(self, view: BoothView) -> None:
        self._view = view
        self.bar.setMaximum(max(1, view.of))
        self.bar.setValue(view.accepted)
        place = f"{view.reader} · prompt {view.number} of {view.of} · {view.accepted} accepted"
        self.progress.setText(f"{place} · {view.skipped} skipped" if view.skipped else place)
        if view.finished:
            self.prompt.show_text("All prompts are recorded. Thank you!")
            self.raw.setText("← goes back to a prompt, to hear it or to record it anew.")
        elif view.prompt is None:
            self.prompt.show_text("There is nothing to read in this dataset.")
            self.raw.setText("")
        else:
            self.prompt.show_text(view.prompt.text)
            same = view.prompt.raw.split() == view.prompt.text.split()
            self.raw.setText("" if same else f"In the dataset: {view.prompt.raw}")
        self.verdict.show_take(view)
        self._refresh_buttons()

    @Slot(object, float)
    def show_phase(self, phase: Phase, seconds: float) -> None:
        """``seconds``: recorded so far."""
        changed, self.phase = phase is not self.phase, phase
        running = phase in (Phase.PRE_ROLL, Phase.RECORDING, Phase.POST_ROLL)
        closed = "Open it again with Record › Microphone and Room." if phase is Phase.CLOSED else ""
        self.banner.show_phase(phase, f"{seconds:.1f} s" if running else closed or self._view.device)
        if changed:
            self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        """Only what makes sense now can be pressed; the keys say why not."""
        idle = self.phase in (Phase.IDLE, Phase.CLOSED)
        take, there = self._view.take, self._view.prompt is not None
        enabled = {
            "record.back": idle,
            "record.toggle": there and self.phase is not Phase.POST_ROLL,
            "record.retake": idle and take is not None,
            "record.listen": idle and take is not None,
            "record.accept": idle and take is not None and take.verdict != "fail",
            "record.skip": idle and there,
        }
        for action_id, button in self.buttons.items():
            button.setEnabled(enabled[action_id])
        running = self.phase in (Phase.PRE_ROLL, Phase.RECORDING)
        self._rename("record.toggle", "Stop" if running else "Record")
        self._rename("record.listen", "Stop listening" if self._view.listening else "Listen")

    def _rename(self, action_id: str, text: str) -> None:
        button = self.buttons[action_id]
        button.setText(f"{text}   {button.text().partition('   ')[2]}")
        button.setAccessibleName(text)


def _row(widget: QWidget, *, margin: int) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(margin, 0, margin, 0)
    row.addWidget(widget)
    return row
