"""Before the items are drawn: what the protocol asks, what there is, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.modes.study.parts import caption, heading, quiet, warning
from sier_gui.gui.modes.study.tables import ROW_PX, FactTable

if TYPE_CHECKING:
    from sier_gui.core.study.drawing import Stock, Supply

HEAD = (
    "class", "main", "reserve", "practice", "gold", "needed", "samples", "picture + speech", "female take",
    "male take", "eligible", "missing",
)  # fmt: skip
_TIPS = (
    "The dataset's label",
    "Items that enter Table 1",
    "For trials interrupted after their stimulus began",
    "Trials to begin with, which do not count",
    "Samples on which a pilot agrees, of what the protocol asks; none without a pilot",
    "Main, reserve, practice and gold",
    "In the dataset",
    "Of them, with picture and synthetic speech",
    "Of those, with an accepted take of the female reader",
    "Of those, with an accepted take of the male reader",
    "With picture, synthetic speech and a take of both",
    "Eligible samples still to come",
)
_WIDTH, _ROWS = 880, 10  # px; classes that are seen without scrolling
_TABLES = ("Tables (*.csv *.tsv *.txt)", "All files (*)")


class DrawDialog(QDialog):
    """Says whether the draw can be; the workflow counts and draws."""

    pilot_wished = Signal(str)  # a CSV, "" for none
    draw_wished = Signal(str)  # with that pilot

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Draw the items")
        self.pilot = ""
        self._ready, self._told = False, ""
        self.protocol, self.figures, self.voices = heading(), quiet(), quiet()
        self.table = FactTable("Items needed and samples there are")
        self.missing, self.enough, self.gold = warning(), quiet(), quiet()
        self.problem = warning()
        self.problem.hide()
        self.choose, self.leave_out = QPushButton("Choose a Pilot (CSV)…"), QPushButton("Without a Pilot")
        self.boxes = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.draw = QPushButton("Draw")
        self.boxes.addButton(self.draw, QDialogButtonBox.ButtonRole.ActionRole)
        for button in (self.choose, self.leave_out):
            button.setAutoDefault(False)
        self.draw.setDefault(True)
        self._lay_out()
        self.choose.clicked.connect(self._choose)
        self.leave_out.clicked.connect(self._leave_out)
        self.draw.clicked.connect(self._draw)
        self.boxes.rejected.connect(self.reject)

    def _lay_out(self) -> None:
        pilot = QHBoxLayout()
        pilot.setSpacing(8)
        pilot.addWidget(self.gold, 1)
        pilot.addWidget(self.choose)
        pilot.addWidget(self.leave_out)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        for widget in (self.protocol, self.figures, self.voices, self.table, self.missing, self.enough):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(heading("Gold items"))
        layout.addLayout(pilot)
        layout.addWidget(self.problem)
        layout.addWidget(
            caption(
                "A pilot is a CSV of responses. A sample on which at least 95 % of five or more of its "
                "answers agree with the label can be a gold item, which tells whether a rater attends."
            )
        )
        layout.addStretch(1)
        layout.addWidget(self.boxes)

    # ---------------------------------------------------------------- what is shown

    def show_stock(self, stock: Stock, pilot: str, drawn: int) -> None:
        """``pilot``: the file that was read, "" for none; ``drawn``: items that the draw would replace."""
        self.pilot = pilot
        self.protocol.setText(f"Protocol {stock.protocol.name}, seed {stock.protocol.seed}")
        self.figures.setText(stock.figures())
        voices = [f"{reader} ({sex})" for sex, reader in sorted(stock.cast.items())]
        self.voices.setText(f"Readers: {', '.join(voices)}." if voices else "No reader has recorded yet.")
        self.table.fill(HEAD, [_row(supply) for supply in stock.classes], tips=_TIPS, wide=0)
        self.missing.setText("\n".join(stock.advice()))
        self.missing.setVisible(not stock.ready)
        self.enough.setText(
            f"{drawn} items are drawn already; nobody has answered, and drawing again replaces them."
            if drawn
            else "Everything is there. Once somebody has answered, the items are fixed."
        )
        self.enough.setVisible(stock.ready)
        found, asked = sum(s.gold for s in stock.classes), sum(s.quota.gold for s in stock.classes)
        self._told = f"{Path(pilot).name}: {found} of {asked}." if pilot else "No pilot, no gold items."
        self._ready = stock.ready
        self.leave_out.setVisible(bool(pilot))
        self.problem.hide()
        self._show_idle()
        self._fit()
        self.draw.setFocus() if self._ready else self.choose.setFocus()

    def _fit(self) -> None:
        """As high as what is said; labels that wrap make a dialog guess wrong."""
        header, rows = self.table.horizontalHeader().sizeHint().height(), self.table.rowCount()
        self.table.setFixedHeight(header + min(rows, _ROWS) * ROW_PX + 2)
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

    def show_busy(self, words: str) -> None:
        """Something is read or drawn."""
        self.gold.setText(words)
        for widget in (self.choose, self.leave_out, self.draw):
            widget.setEnabled(False)

    def show_error(self, error: Exception) -> None:
        """What was wished for cannot be; what was there before still holds."""
        self.problem.setText(str(error))
        self.problem.show()
        self._show_idle()
        self._fit()

    def _show_idle(self) -> None:
        self.gold.setText(self._told)
        self.choose.setEnabled(True)
        self.leave_out.setEnabled(True)
        self.draw.setEnabled(self._ready)

    # ---------------------------------------------------------------- what is done

    @Slot()
    def _choose(self) -> None:
        dialog = QFileDialog(self, "Responses of a pilot")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(list(_TABLES))
        dialog.fileSelected.connect(self.pilot_wished)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _leave_out(self) -> None:
        self.pilot_wished.emit("")

    @Slot()
    def _draw(self) -> None:
        self.draw_wished.emit(self.pilot)


def _row(supply: Supply) -> Sequence[str]:
    quota = supply.quota
    counts = (quota.main, quota.reserve, quota.practice)
    have = (supply.needed, supply.samples, supply.complete, *supply.said.values(), supply.eligible)
    return (
        supply.label,
        *(f"{count:,}" for count in counts),
        f"{supply.gold} of {quota.gold}" if quota.gold else "–",
        *(f"{count:,}" for count in have),
        f"{supply.missing:,}" if supply.missing else "–",
    )
