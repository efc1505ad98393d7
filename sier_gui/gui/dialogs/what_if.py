"""The what-if list, beside the window: what was taken away, and what the network said then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence, QUndoStack
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import overlay
from sier_gui.gui.explaining import changes_text

if TYPE_CHECKING:
    from sier_gui.core.explain.what_if_list import WhatIf

_HEADINGS = ("Name", "Sample", "Taken away", "Sees", "P before", "P after", "Change")
_NAME, _AWAY = 0, 2
_ROW_PX = 26
_EMPTY = (
    "Nothing is kept yet. Select a part of the picture or the sound, see what the bars say, press “Keep”."
)


class WhatIfTable(QTableWidget):
    """Names can be edited in place; Return shows an entry again, Delete removes it."""

    chosen = Signal(int)
    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.state() != QAbstractItemView.State.EditingState and event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
        ):
            self.chosen.emit(self.currentRow())
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class WhatIfDialog(QDialog):
    """Not modal: an entry that is shown again is shown in the window."""

    apply_wished = Signal(int)
    renamed = Signal(int, str)
    delete_wished = Signal(list)
    export_wished = Signal()
    import_wished = Signal()

    def __init__(self, undo: QUndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What-If List")
        self._names: list[str] = []
        self.hint = QLabel(_EMPTY)
        self.hint.setWordWrap(True)
        self.table = WhatIfTable(0, len(_HEADINGS))
        self._make_table()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.hint)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._make_buttons())
        for action, key in (
            (undo.createUndoAction(self, "Undo"), QKeySequence.StandardKey.Undo),
            (undo.createRedoAction(self, "Redo"), QKeySequence.StandardKey.Redo),
        ):
            action.setShortcut(key)
            self.addAction(action)
        self.resize(1040, 420)
        self.show_entries(())

    def _make_table(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(_HEADINGS))
        table.setAccessibleName("What was tried")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.SelectedClicked
        )
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setFrameShape(QFrame.Shape.NoFrame)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in (_NAME, _AWAY):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        table.itemChanged.connect(self._on_changed)
        table.itemSelectionChanged.connect(self._refresh_buttons)
        table.cellDoubleClicked.connect(self._on_double_clicked)
        table.chosen.connect(self._apply)
        table.delete_pressed.connect(self._delete)

    def _make_buttons(self) -> QHBoxLayout:
        self.apply = QPushButton("Show Again")
        self.apply.setToolTip("Go to the sample and take the same parts away (Return)")
        self.rename = QPushButton("Rename")
        self.rename.setToolTip("Give it a name (F2)")
        self.delete = QPushButton("Delete")
        self.delete.setToolTip("Remove it from the list (Delete); Ctrl+Z brings it back")
        self.add = QPushButton("Add…")
        self.add.setToolTip("Add the entries of a list that was exported as JSON")
        self.export = QPushButton("Export…")
        self.export.setToolTip("Write the list as a table or as JSON")
        row = QHBoxLayout()
        row.setSpacing(8)
        for button, slot in (
            (self.apply, self._apply_current),
            (self.rename, self._rename),
            (self.delete, self._delete),
        ):
            button.clicked.connect(slot)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.add)
        row.addWidget(self.export)
        self.add.clicked.connect(self.import_wished)
        self.export.clicked.connect(self.export_wished)
        for button in (self.apply, self.rename, self.delete, self.add, self.export):
            button.setAutoDefault(False)
        return row

    # ---------------------------------------------------------------- what is shown

    def show_entries(self, entries: Sequence[WhatIf]) -> None:
        table = self.table
        at = table.currentRow()
        table.blockSignals(True)
        table.setRowCount(len(entries))
        self._names = [entry.name for entry in entries]
        for row, entry in enumerate(entries):
            for column, text in enumerate(_cells(entry)):
                item = QTableWidgetItem(text)
                item.setToolTip("\n".join(r.text for r in entry.removals) if column == _AWAY else text)
                if column != _NAME:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                if column >= len(_HEADINGS) - 3:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                table.setItem(row, column, item)
        table.blockSignals(False)
        if entries:
            table.setCurrentCell(min(max(at, 0), len(entries) - 1), _NAME)
        self.hint.setVisible(not entries)
        self._refresh_buttons()

    @Slot()
    def _refresh_buttons(self) -> None:
        chosen = len(self._rows())
        self.apply.setEnabled(chosen == 1)
        self.rename.setEnabled(chosen == 1)
        self.delete.setEnabled(chosen > 0)
        self.export.setEnabled(self.table.rowCount() > 0)

    def _rows(self) -> list[int]:
        return sorted(index.row() for index in self.table.selectionModel().selectedRows())

    # ---------------------------------------------------------------- what the user does

    @Slot(QTableWidgetItem)
    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == _NAME and item.text() != self._names[item.row()]:
            self.renamed.emit(item.row(), item.text())

    @Slot(int, int)
    def _on_double_clicked(self, row: int, _column: int) -> None:
        self._apply(row)

    @Slot()
    def _apply_current(self) -> None:
        self._apply(self.table.currentRow())

    @Slot(int)
    def _apply(self, row: int) -> None:
        if 0 <= row < self.table.rowCount():
            self.apply_wished.emit(row)

    @Slot()
    def _rename(self) -> None:
        item = self.table.item(self.table.currentRow(), _NAME)
        if item is not None:
            self.table.setCurrentItem(item)
            self.table.editItem(item)

    @Slot()
    def _delete(self) -> None:
        if rows := self._rows():
            self.delete_wished.emit(rows)


def _cells(entry: WhatIf) -> tuple[str, ...]:
    """The class named is the one predicted before; → another where the answer flips."""
    at = entry.classes.index(entry.predicted_before)
    before, after = entry.before[at], entry.after[at]
    sees = f"{entry.predicted_before} → {entry.predicted}" if entry.flipped else entry.predicted
    numbers = (overlay.short(before), overlay.short(after), overlay.change(after - before))
    return (entry.name, entry.sample_id, changes_text(entry), sees, *numbers)
