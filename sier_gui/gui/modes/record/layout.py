"""How the pages before the prompts are laid out: one centred column with quiet titles."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

WIDTH = 560


def title(text: str) -> QLabel:
    label = QLabel(text)
    font = QFont(label.font())
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
    return label


def text(words: str = "") -> QLabel:
    """Plain words that wrap."""
    label = QLabel(words)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def centred(page: QWidget, column: QVBoxLayout) -> None:
    """One column in the middle of ``page``, whatever the window's size."""
    frame = QFrame()
    frame.setFixedWidth(WIDTH)
    frame.setLayout(column)
    column.setContentsMargins(0, 0, 0, 0)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(frame)  # no alignment: it would make Qt forget how high words that wrap are
    row.addStretch(1)
    outer = QVBoxLayout(page)
    outer.setContentsMargins(16, 16, 16, 16)
    outer.addStretch(1)
    outer.addLayout(row)
    outer.addStretch(2)
