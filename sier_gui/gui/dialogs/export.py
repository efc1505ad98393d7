"""What to write of the sample on show, how wide, and where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

FORMATS = (
    ("png", "PNG figure, 300 dpi"),
    ("svg", "SVG figure"),
    ("pdf", "PDF figure"),
    ("npz", "Values as NPZ and CSV"),
    ("textgrid", "Spans for Praat"),
    ("elan", "Spans for ELAN"),
    ("audacity", "Labels for Audacity"),
)
WIDTHS_MM = (85.0, 140.0, 180.0)


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What the dialog asks; kept in the settings."""

    formats: tuple[str, ...] = ("png", "npz")
    width_mm: float = 140.0
    folder: str = ""

    @classmethod
    def from_saved(cls, saved: Any) -> ExportChoice:
        """The saved choice; the default where the settings hold anything else."""
        known = {name for name, _text in FORMATS}
        try:
            formats = tuple(name for name in saved["formats"] if name in known)
            return cls(formats, float(saved["width_mm"]), str(saved["folder"]))
        except (TypeError, KeyError, ValueError):
            return cls()

    def to_saved(self) -> dict[str, Any]:
        return {**asdict(self), "formats": list(self.formats)}


class ExportDialog(QDialog):
    """The answer is `choice`."""

    def __init__(self, choice: ExportChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        grid.setSpacing(8)
        for i, (name, text) in enumerate(FORMATS):
            box = QCheckBox(text)
            box.setChecked(name in choice.formats)
            box.toggled.connect(self._check)
            grid.addWidget(box, i // 2, i % 2)
            self.boxes[name] = box
        self.width_box = QComboBox()
        for width in sorted({*WIDTHS_MM, choice.width_mm}):
            self.width_box.addItem(f"{width:g} mm", width)
        self.width_box.setCurrentIndex(self.width_box.findData(choice.width_mm))
        self.folder = QLineEdit(choice.folder or str(Path.home()))
        self.folder.setAccessibleName("Folder")
        self.folder.textChanged.connect(self._check)
        browse = QPushButton("Choose…")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        form = QFormLayout()
        form.setSpacing(8)
        form.addRow("Width", self.width_box)
        form.addRow("Folder", row)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._write = self._buttons.addButton("Write", QDialogButtonBox.ButtonRole.AcceptRole)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        layout.addLayout(grid)
        layout.addLayout(form)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(480)
        self._check()

    def choice(self) -> ExportChoice:
        formats = tuple(name for name, box in self.boxes.items() if box.isChecked())
        return ExportChoice(formats, float(self.width_box.currentData()), self.folder.text().strip())

    @Slot()
    def _check(self) -> None:
        choice = self.choice()
        self._write.setEnabled(bool(choice.formats and choice.folder))

    @Slot()
    def _browse(self) -> None:
        dialog = QFileDialog(self, "Write into", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
