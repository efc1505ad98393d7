"""How far people agree, and what a merge found: small tables beside the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from sier_gui.core.annotations.agreeing import Agreed

_COLUMNS = ("One", "The other", "Both labelled", "Alike", "Cohen's κ")

_ROW_PX = 24


class AgreementDialog(QDialog):
    """Krippendorff's α over everybody, Cohen's κ for each two."""

    def __init__(self, found: Agreed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Agreement between annotators")
        from sier_gui.core.annotations.agreeing import TABLE, number

        self.words = QLabel("\n".join(found.lines()[:3]))
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.table = QTableWidget(len(found.pairs), len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setAccessibleName("Agreement of each two")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for row, pair in enumerate(found.pairs):
            kappa = "–" if pair.kappa is None else number(pair.kappa)
            for column, text in enumerate((pair.first, pair.second, f"{pair.n:,}", f"{pair.same:,}", kappa)):
                item = QTableWidgetItem(text)
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        about = QLabel(
            f"“{TABLE}” is the dataset's own labels; α counts people only. κ and α are 1 for full agreement "
            "and 0 for what chance gives; – where they are not defined, as when everything has one label."
        )
        about.setWordWrap(True)
        _lay_out(self, self.words, self.table, about)
        self.resize(600, 400)


class MergeDialog(QDialog):
    """What came over, and each conflict in a line of its own."""

    def __init__(self, lines: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Merged annotations")
        self.text = QPlainTextEdit("\n".join(lines))
        self.text.setReadOnly(True)
        self.text.setAccessibleName("What came over, and conflicts")
        about = QLabel("Nothing was overwritten: every label stays on record, the later one holds.")
        about.setWordWrap(True)
        _lay_out(self, about, self.text)
        self.resize(640, 360)


def _lay_out(dialog: QDialog, *widgets: QWidget) -> None:
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.setSpacing(8)
    for widget in widgets:
        layout.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout.addWidget(buttons)
