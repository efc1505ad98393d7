"""The one way to speak to the user: a line in the window that waits for nobody; tests read what was said."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from sier_gui.core.errors import SierError

MAX_KEPT = 200


@dataclass(frozen=True, slots=True)
class Message:
    """What happened, what to do, and an action (by id) that does it."""

    text: str
    hint: str = ""
    error: bool = False
    action: str = ""
    action_text: str = ""


class Messages(QObject):
    """Takes messages from anywhere on the GUI thread; ``history`` keeps the latest."""

    said = Signal(object)  # Message
    withdrawn = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history: list[Message] = []

    def info(self, text: str, hint: str = "", action: str = "", action_text: str = "") -> None:
        self._say(Message(text, hint, False, action, action_text))

    def error(self, error: Exception, action: str = "", action_text: str = "") -> None:
        """A `SierError` speaks for itself; anything else is a fault of the program and says so."""
        if isinstance(error, SierError):
            self._say(Message(error.message, error.hint, True, action, action_text))
        else:
            text = f"Unexpected {type(error).__name__}: {error}"
            hint = "This is a fault of the program; your data was not changed."
            self._say(Message(text, hint, True, action, action_text))

    def withdraw(self) -> None:
        """The latest message is no longer true."""
        self.withdrawn.emit()

    def _say(self, message: Message) -> None:
        self.history.append(message)
        del self.history[:-MAX_KEPT]
        self.said.emit(message)


class MessageBar(QWidget):
    """Shows the latest message until it is dismissed; never takes the focus."""

    action_requested = Signal(str)  # action id

    def __init__(self, messages: Messages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = ""
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAccessibleName("Message")
        self._stripe = QWidget()
        self._stripe.setFixedWidth(4)
        self._stripe.setAutoFillBackground(True)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)  # names of files may look like markup
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._button = QPushButton()
        self._close = QToolButton()
        self._close.setText("×")
        self._close.setAutoRaise(True)
        self._close.setAccessibleName("Dismiss the message")
        self._close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(8)
        layout.addWidget(self._stripe)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._button)
        layout.addWidget(self._close)
        self._label.setContentsMargins(4, 8, 0, 8)
        self._button.clicked.connect(self._act)
        self._close.clicked.connect(self.hide)
        messages.said.connect(self.show_message)
        messages.withdrawn.connect(self.hide)
        self.hide()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        text = f"{message.text}\n{message.hint}" if message.hint else message.text
        self._label.setText(text)
        self.setAccessibleDescription(text)
        self._action = message.action
        self._button.setVisible(bool(message.action))
        self._button.setText(message.action_text)
        stripe = QPalette(self.palette())
        # the theme keeps its error colour in BrightText
        role = QPalette.ColorRole.BrightText if message.error else QPalette.ColorRole.Accent
        stripe.setColor(QPalette.ColorRole.Window, self.palette().color(role))
        self._stripe.setPalette(stripe)
        self.show()

    @Slot()
    def _act(self) -> None:
        self.hide()
        self.action_requested.emit(self._action)
