"""Which column is what: asked when the names do not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

_NONE = "(none)"
_FIELDS = (
    ("image", "Picture file", True),
    ("speech", "Sound file", True),
    ("sample_id", "Name of the sample", False),
    ("text", "Spoken text", False),
    ("label", "Label", False),
)


class MappingDialog(QDialog):
    """One choice per field above the table's first rows; the answer is `mapping`."""

    def __init__(
        self,
        columns: Sequence[str],
        preview: Sequence[Sequence[str]],
        guessed: Mapping[str, str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QComboBox] = {}
        form = QFormLayout()
        form.setSpacing(8)
        for field, text, needed in _FIELDS:
            box = QComboBox()
            box.addItems([_NONE, *columns])
            box.setCurrentText(guessed.get(field, _NONE))
            box.currentIndexChanged.connect(self._check)
            form.addRow(f"{text}{' *' if needed else ''}", box)
            self.boxes[field] = box
        table = QTableWidget(len(preview), len(columns))
        table.setHorizontalHeaderLabels(list(columns))
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setAccessibleName("First rows of the table")
        for i, row in enumerate(preview):
            for j, cell in enumerate(row):
                table.setItem(i, j, QTableWidgetItem(cell))
        table.resizeColumnsToContents()
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addWidget(QLabel("Which column holds what? The choice is remembered for this dataset."))
        layout.addLayout(form)
        layout.addWidget(table, 1)
        layout.addWidget(self._buttons)
        self.resize(640, 480)
        self._check()

    def mapping(self) -> dict[str, str]:
        """Column per field, "" for none: the keyword arguments of ``ColumnMapping``."""
        return {
            field: "" if box.currentIndex() == 0 else box.currentText() for field, box in self.boxes.items()
        }

    @Slot()
    def _check(self) -> None:
        """Picture and sound are needed, and no column serves twice."""
        chosen = [name for name in self.mapping().values() if name]
        needed = all(self.boxes[field].currentIndex() > 0 for field, _text, must in _FIELDS if must)
        button = self._buttons.button(QDialogButtonBox.StandardButton.Open)
        button.setEnabled(needed and len(chosen) == len(set(chosen)))
