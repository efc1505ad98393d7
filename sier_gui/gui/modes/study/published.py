"""Somebody's published table with the checks it has to stand; the paper's own until another is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.study.parts import caption, heading, quiet, trigger
from sier_gui.gui.modes.study.tables import FactTable

if TYPE_CHECKING:
    from sier_gui.core.study.published import ImportedTable

_WIDTH = 1100


class PublishedPage(QScrollArea):
    """Numbers as printed, what follows from them, and what does not fit."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.title, self.checks = heading(), quiet()
        self.checks.setAccessibleName("Self-checks of the published table")
        self.table = FactTable("Published table", whole=True, wide=False)
        self.read = trigger(actions, "study.import_table")
        line = QHBoxLayout()
        line.addWidget(self.title, 1)
        line.addWidget(self.read)
        box = QWidget()
        box.setMaximumWidth(_WIDTH)
        column = QVBoxLayout(box)
        column.setContentsMargins(24, 16, 24, 24)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self.table)
        column.addSpacing(8)
        column.addWidget(heading("Self-checks"))
        column.addWidget(self.checks)
        column.addSpacing(8)
        column.addWidget(
            caption(
                "Read a CSV: class,i,ss,hs,ss-i,hs-i in percent, a row overall, optionally a row claimed and "
                "columns n_i … A whole count over n must give each cell (GRIM; Brown and Heathers 2017)."
            )
        )
        column.addStretch(1)
        outer = QWidget()
        row = QHBoxLayout(outer)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(box, 10_000)  # margins only beyond its widest
        row.addStretch(1)
        self.setWidget(outer)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def show_table(self, imported: ImportedTable, source: str) -> None:
        from sier_gui.core.study.listing import import_rows

        self.title.setText(source)
        head, *rows = import_rows(imported)
        self.table.fill(head, rows)
        flags = [f"!  {flag.message}" for flag in imported.flags]
        self.checks.setText("\n".join(flags) or "Nothing to report.")
