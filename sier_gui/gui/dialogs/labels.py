"""Which labels can be given, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from sier_gui.gui.action_list import LABEL_KEYS

_LONGEST = 80


class LabelsDialog(QDialog):
    """One label a line."""

    chosen = Signal(tuple)  # of str; () for the dataset's and the network's own

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels")
        self.lines = QPlainTextEdit("\n".join(labels))
        self.lines.setAccessibleName("Labels, one a line")
        self.note = QLabel(
            f"One label a line, in the order of their keys; {LABEL_KEYS} at most. An empty list means the "
            "dataset's classes and the network's. Labels that were given stay as they are."
        )
        self.note.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._take)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.note)
        layout.addWidget(self.lines, 1)
        layout.addWidget(buttons)
        self.resize(360, 320)

    @Slot()
    def _take(self) -> None:
        said = (line.strip() for line in self.lines.toPlainText().splitlines())
        labels = tuple(dict.fromkeys(line for line in said if line))
        if len(labels) > LABEL_KEYS or any(len(label) > _LONGEST for label in labels):
            self.note.setText(f"{LABEL_KEYS} labels at most, of {_LONGEST} characters at most.")
            return
        self.chosen.emit(labels)
        self.accept()
