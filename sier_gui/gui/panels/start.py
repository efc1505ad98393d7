"""The empty window: what one can do first."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from sier_gui.core.settings import Settings
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable

_SHOWN = 5
_BUTTONS = ("file.open", "file.open_table", "file.pair", "file.demo")


class StartPanel(QWidget):
    """Open, open again, try the demo, or drop something."""

    open_wished = Signal(str)

    def __init__(self, actions: ActionTable, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._settings = settings
        title = QLabel("sier-gui")
        font = QFont(self.font())
        font.setPointSize(20)
        title.setFont(font)
        about = QLabel("Emotion in speech and image: predict, explain, look, export.")
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(about)
        column.addSpacing(16)
        for action_id in _BUTTONS:
            column.addWidget(self._button(action_id))
        column.addSpacing(16)
        self._recent_title = QLabel("Open again")
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        column.addSpacing(16)
        hint = QLabel("Or drop here: a dataset folder, a table, or a picture and a sound file.")
        hint.setForegroundRole(hint.palette().ColorRole.PlaceholderText)
        column.addWidget(hint)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addLayout(column)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addLayout(row)
        layout.addStretch(3)
        self.show_recent()

    def _button(self, action_id: str) -> QPushButton:
        action = self._actions.action(action_id)
        keys = action.shortcut().toString()
        button = QPushButton(f"{action.text()}    {keys}" if keys else action.text())
        button.setMinimumHeight(32)
        button.clicked.connect(action.trigger)
        return button

    @Slot()
    def show_recent(self) -> None:
        """List what was opened last."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        recent = [str(path) for path in self._settings.get("recent", [])][:_SHOWN]
        self._recent_title.setVisible(bool(recent))
        for path in recent:
            button = QToolButton()
            button.setText(f"{Path(path).name}  —  {Path(path).parent}")
            button.setToolTip(path)
            button.setProperty("path", path)
            button.setAutoRaise(True)
            button.setFont(theme.caption_font(self.font()))
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.clicked.connect(self._on_recent)
            self._recent.addWidget(button)

    @Slot()
    def _on_recent(self) -> None:
        self.open_wished.emit(str(self.sender().property("path")))
