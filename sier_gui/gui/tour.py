"""Five steps through the window, one thing lit at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPalette, QRegion
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

CARD_WIDTH = 320
GAP = 16
_VEIL = QColor(0, 0, 0, 120)


@dataclass(frozen=True, slots=True)
class Step:
    """What is lit and what is said about it."""

    target: QWidget
    title: str
    text: str


class Tour(QWidget):
    """Lies over a window: dims all but a step's widget. Enter goes on, Esc ends it."""

    ended = Signal()

    def __init__(self, window: QWidget, steps: Sequence[Step]) -> None:
        super().__init__(window)
        self._window = window
        self._steps, self._at = tuple(steps), 0
        self.setAccessibleName("A tour of the window")
        self._card = QFrame(self)
        self._card.setAutoFillBackground(True)
        self._card.setBackgroundRole(QPalette.ColorRole.Base)
        self.title, self.text, self.count = QLabel(), QLabel(), QLabel()
        strong = self.title.font()
        strong.setWeight(strong.Weight.DemiBold)
        self.title.setFont(strong)
        self.text.setWordWrap(True)
        self.count.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.skip, self.back, self.next = QPushButton("Skip"), QPushButton("Back"), QPushButton("Next")
        self.skip.setToolTip("End the tour (Esc); Help › Take the Tour brings it back")
        self.skip.clicked.connect(self.end)
        self.back.clicked.connect(self.go_back)
        self.next.clicked.connect(self.go_on)
        buttons = QHBoxLayout()
        buttons.addWidget(self.count)
        buttons.addStretch(1)
        for button in (self.skip, self.back, self.next):
            button.setAutoDefault(True)
            buttons.addWidget(button)
        column = QVBoxLayout(self._card)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.setSpacing(8)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(buttons)
        window.installEventFilter(self)
        self._show_step()
        self.show()
        self.raise_()
        self.next.setFocus()

    @property
    def step(self) -> Step:
        return self._steps[self._at]

    # ---------------------------------------------------------------- going on

    @Slot()
    def go_on(self) -> None:
        if self._at + 1 == len(self._steps):
            self.end()
            return
        self._at += 1
        self._show_step()

    @Slot()
    def go_back(self) -> None:
        self._at = max(self._at - 1, 0)
        self._show_step()

    @Slot()
    def end(self) -> None:
        self._window.removeEventFilter(self)
        self.hide()
        self.ended.emit()
        self.deleteLater()

    def _show_step(self) -> None:
        last = self._at + 1 == len(self._steps)
        self.title.setText(self.step.title)
        self.text.setText(self.step.text)
        self.count.setText(f"{self._at + 1} of {len(self._steps)}")
        self.back.setEnabled(self._at > 0)
        self.next.setText("Done" if last else "Next")
        self._place()

    # ---------------------------------------------------------------- where things are

    def lit(self) -> QRect:
        """The step's widget, in our coordinates."""
        target = self.step.target
        return QRect(target.mapTo(self._window, QPoint(0, 0)), target.size()).intersected(self.rect())

    def _place(self) -> None:
        """The card stands beside what is lit where there is room, else on it, always within the window."""
        self.setGeometry(self._window.rect())
        self._card.ensurePolished()  # before the first paint its words are measured in no style
        self._card.resize(CARD_WIDTH, self._card.heightForWidth(CARD_WIDTH))
        size, lit, room = self._card.size(), self.lit(), self.rect().adjusted(GAP, GAP, -GAP, -GAP)
        right, left = lit.right() + GAP, lit.left() - GAP - size.width()
        if right + size.width() <= room.right():
            x = right
        else:
            x = left if left >= room.left() else lit.center().x() - size.width() // 2
        y = lit.center().y() - size.height() // 2
        x = max(room.left(), min(x, room.right() - size.width()))
        y = max(room.top(), min(y, room.bottom() - size.height()))
        self._card.move(x, y)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        lit = self.lit()
        painter.setClipRegion(QRegion(self.rect()) - QRegion(lit))
        painter.fillRect(self.rect(), _VEIL)
        painter.setClipping(False)
        painter.setPen(self.palette().color(QPalette.ColorRole.Highlight))
        painter.drawRect(lit.adjusted(0, 0, -1, -1))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Right):
            self.go_on()
        elif event.key() == Qt.Key.Key_Left:
            self.go_back()
        # any other key is kept from what lies below

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._place()
        return super().eventFilter(watched, event)
