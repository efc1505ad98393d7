"""Labels and buttons of the experimenter's pages: quiet, in the window's own sizes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QLabel, QToolButton

from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable


def quiet(words: str = "") -> QLabel:
    """Plain words that wrap."""
    label = QLabel(words)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def heading(words: str = "", points: float = 0.0) -> QLabel:
    """The title of a part; ``points`` above 0 for another size."""
    label = quiet(words)
    font = strong(label.font())
    if points:
        font.setPointSizeF(points)
    label.setFont(font)
    return label


def strong(base: QFont) -> QFont:
    font = QFont(base)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def caption(words: str = "") -> QLabel:
    """What numbers assume, and hints: smaller and muted."""
    label = quiet(words)
    label.setFont(theme.caption_font(label.font()))
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def warning(words: str = "") -> QLabel:
    """What must not be overlooked."""
    label = heading(words)
    label.setForegroundRole(QPalette.ColorRole.BrightText)  # the theme's error colour
    return label


def trigger(actions: ActionTable, action_id: str) -> QToolButton:
    """A button of the action, its shortcut in the tool tip."""
    made = QToolButton()
    made.setDefaultAction(actions.action(action_id))
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.setAccessibleName(actions.action(action_id).text().rstrip("…"))
    return made
