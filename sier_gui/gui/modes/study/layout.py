"""How a rater's pages are laid out: one centred column, large."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout

WIDTH = 720
TITLE_PT, TEXT_PT, BUTTON_PT = 22, 14, 13


def sized(base: QFont, points: float, *, strong: bool = False) -> QFont:
    font = QFont(base)
    font.setPointSizeF(points)
    if strong:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def title(words: str = "") -> QLabel:
    label = QLabel(words)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(sized(label.font(), TITLE_PT, strong=True))
    return label


def text(words: str = "") -> QLabel:
    """Plain words that wrap."""
    label = QLabel(words)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFont(sized(label.font(), TEXT_PT))
    return label


def button(words: str = "") -> QPushButton:
    """Large; Enter presses it as Space does."""
    made = QPushButton(words)
    made.setFont(sized(made.font(), BUTTON_PT))
    made.setMinimumHeight(44)
    made.setAutoDefault(True)
    made.setAccessibleName(words)
    return made


def rename(target: QPushButton, words: str, key: str = "") -> None:
    target.setText(f"{words}   {key}" if key else words)
    target.setAccessibleName(words)


def column() -> QVBoxLayout:
    made = QVBoxLayout()
    made.setSpacing(16)
    return made
