"""The part of the shared state that annotations are: values and typed signals, no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.annotations.notes import Notes


class Annotated(QObject):
    """`AppState.annotated`. Each setter emits its signal; workflows write, panels listen."""

    columns_changed = Signal(object)  # Columns | None: another dataset's, or another person's view of them
    row_changed = Signal(int)  # one row of the columns
    notes_changed = Signal(object)  # Notes | None: the current sample's
    labels_changed = Signal(object)  # tuple of str: what can be given, in the order of the keys
    unsaved_changed = Signal(int)  # how many changes are not on the disk although they should be

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns: Columns | None = None
        self.notes: Notes | None = None
        self.labels: tuple[str, ...] = ()
        self.me = ""  # who sits here; "" until somebody said so
        self.unsaved = 0

    def set_columns(self, value: Columns | None) -> None:
        self.columns = value
        self.columns_changed.emit(value)

    def set_notes(self, value: Notes | None) -> None:
        self.notes = value
        self.notes_changed.emit(value)

    def set_labels(self, value: tuple[str, ...]) -> None:
        if value != self.labels:
            self.labels = value
            self.labels_changed.emit(value)

    def set_unsaved(self, value: int) -> None:
        if value != self.unsaved:
            self.unsaved = value
            self.unsaved_changed.emit(value)
