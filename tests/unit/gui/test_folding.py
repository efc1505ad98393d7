"""The column of the result: below each other where there is room, behind tabs where there is not."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.gui.folding import FoldingColumn

WORDS = "Words that wrap over several lines of a narrow column. "


def section(*texts: str) -> QWidget:
    widget = QWidget()
    layout = QVBoxLayout(widget)
    for text in texts:
        label = QLabel(text)
        label.setWordWrap(True)
        layout.addWidget(label)
    return widget


@pytest.fixture
def column(qtbot: QtBot) -> FoldingColumn:
    sections = {"Why": section(WORDS * 3, WORDS), "Notes": section(WORDS)}
    column = FoldingColumn(section("head"), sections)
    qtbot.addWidget(column)
    column.resize(240, 600)
    column.show()
    return column


def parts(column: FoldingColumn) -> list[QLabel]:
    return [label for label in column.findChildren(QLabel) if label.isVisible()]


def whole(column: FoldingColumn) -> bool:
    """Every visible label has the room its words need and lies within the column."""
    inside = column.viewport().rect()
    return all(
        label.height() >= label.heightForWidth(label.width())
        and inside.contains(label.mapTo(column.viewport(), QPoint(0, label.height() - 1)))
        for label in parts(column)
    )


def test_all_is_shown_where_there_is_room(column: FoldingColumn, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: whole(column))
    assert not column.folded
    assert len(parts(column)) == 4


def test_what_does_not_fit_goes_behind_tabs_and_comes_back(column: FoldingColumn, qtbot: QtBot) -> None:
    need = column.needed()
    column.resize(240, need - 1)
    qtbot.waitUntil(lambda: column.folded and whole(column))
    assert [column.tabs.tabText(i) for i in range(column.tabs.count())] == ["Why", "Notes"]
    assert len(parts(column)) == 3
    column.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(parts(column)) == 2 and whole(column))
    assert column.needed() == need  # what is hidden counts
    column.resize(240, need + 2)
    qtbot.waitUntil(lambda: not column.folded)
    assert len(parts(column)) == 4


def test_more_words_fold_it(column: FoldingColumn, qtbot: QtBot) -> None:
    parts(column)[-1].setText(WORDS * 40)
    qtbot.waitUntil(lambda: column.folded)


def test_a_section_can_be_brought_to_the_front(column: FoldingColumn, qtbot: QtBot) -> None:
    column.resize(240, 120)
    qtbot.waitUntil(lambda: column.folded)
    notes = column.findChildren(QLabel)[-1].parentWidget()
    column.show_section(notes)
    assert notes.isVisible()
