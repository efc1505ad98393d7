"""What the network would say: below the bars, which show both answers, one line and what can be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from sier_gui.gui.explaining import changes_text, verdict_text
from sier_gui.gui.state import AppState
from sier_gui.gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from sier_gui.gui.actions import ActionTable

BUTTONS = {
    "what_if.take_away": "Remove",
    "what_if.put_back": "Put back",
    "what_if.keep": "Keep",
    "what_if.list": "List…",
}
_HINT = ("What if a part were not there?", "Drag on picture or sound, or Shift and an arrow.")
_MEANING = (
    "Drag on the picture, the waveform or the spectrogram, or hold Shift and press an arrow key there: "
    "the bars show what the network says without that part, and in outline what it said with it."
)


class WhatIfStrip(QWidget):
    """Always there, so that nothing moves when a drag begins."""

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.line = ElidedLabel(parent=self)
        self.about = ElidedLabel(parent=self, secondary=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 0)
        layout.setSpacing(2)
        layout.addWidget(self.line)
        layout.addWidget(self.about)
        row = QHBoxLayout()
        row.setSpacing(0)
        self.buttons: list[QToolButton] = []
        for action_id, text in BUTTONS.items():
            actions.action(action_id).setIconText(text)  # menus keep the longer text
            button = QToolButton(self)
            button.setDefaultAction(actions.action(action_id))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        layout.addLayout(row)
        state.what_if_changed.connect(self._refresh)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        found = self._state.what_if
        self.line.set_text(_HINT[0] if found is None else verdict_text(found))
        self.about.set_text(_HINT[1] if found is None else changes_text(found))
        self.setToolTip(_MEANING if found is None else "")
        self.setAccessibleDescription(_MEANING)
