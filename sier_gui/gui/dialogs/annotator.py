"""Who annotates."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from sier_gui.core.annotations.records import check_name
from sier_gui.core.errors import SierError


class AnnotatorDialog(QDialog):
    """A name, kept with each label, flag, comment and mark."""

    named = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Who annotates?")
        self.name = QLineEdit(name)
        self.name.setMaxLength(80)
        self.name.setAccessibleName("Your name")
        self.name.selectAll()
        self.note = QLabel("Your name or initials are kept with each annotation, with the time.")
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
        layout.addWidget(self.name)
        layout.addWidget(buttons)
        self.setMinimumWidth(360)

    @Slot()
    def _take(self) -> None:
        try:
            name = check_name(self.name.text().strip())
        except SierError as error:
            self.note.setText(str(error))
            return
        self.named.emit(name)
        self.accept()
