"""The question before something is deleted for good."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget


def ask_deletion(
    parent: QWidget, title: str, question: str, warning: str, delete: Callable[..., None]
) -> None:
    """Ask ``question``; ``delete``, a bound method, is called on Delete. Enter and Esc leave everything."""
    cancel = QMessageBox.StandardButton.Cancel
    box = QMessageBox(QMessageBox.Icon.Warning, title, question, cancel, parent)
    box.setInformativeText(warning)
    box.setDefaultButton(cancel)
    box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole).clicked.connect(delete)
    box.finished.connect(box.deleteLater)
    box.open()
