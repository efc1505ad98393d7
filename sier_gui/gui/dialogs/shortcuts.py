"""All shortcuts on one sheet; choose an action and press the keys it should have."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QKeySequenceEdit,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.action_list import ACTIONS
from sier_gui.gui.actions import ActionTable


class ShortcutsDialog(QDialog):
    """Changes hold at once and are remembered."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self._actions = actions
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setAccessibleName("Actions and their shortcuts")
        self._items: dict[str, QTreeWidgetItem] = {}
        menus: dict[str, QTreeWidgetItem] = {}
        for spec in ACTIONS:
            if spec.menu not in menus:
                menus[spec.menu] = QTreeWidgetItem(self.list, [spec.menu])
            item = QTreeWidgetItem(menus[spec.menu], [spec.text.rstrip("…")])
            item.setData(0, Qt.ItemDataRole.UserRole, spec.id)
            self._items[spec.id] = item
        self.list.expandAll()
        self.keys = QKeySequenceEdit()
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.keys.setAccessibleName("New shortcut")
        self.note = QLabel()
        row = QHBoxLayout()
        row.addWidget(QLabel("New shortcut"))
        row.addWidget(self.keys, 1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.RestoreDefaults | QDialogButtonBox.StandardButton.Close
        )
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).clicked.connect(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.list, 1)
        layout.addLayout(row)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.resize(480, 640)
        self.list.currentItemChanged.connect(self._on_current)
        self.keys.editingFinished.connect(self._on_keys)
        self._show()
        self.list.setCurrentItem(self._items[ACTIONS[0].id])

    def choose(self, action_id: str) -> None:
        self.list.setCurrentItem(self._items[action_id])

    def _show(self) -> None:
        for action_id, item in self._items.items():
            keys = self._actions.action(action_id).shortcut()
            item.setText(1, keys.toString(QKeySequence.SequenceFormat.NativeText))
        self.list.resizeColumnToContents(0)

    def _current(self) -> str:
        item = self.list.currentItem()
        return str(item.data(0, Qt.ItemDataRole.UserRole) or "") if item is not None else ""

    @Slot()
    def _on_current(self) -> None:
        action_id = self._current()
        self.keys.setEnabled(bool(action_id))
        self.note.clear()
        if action_id:
            self.keys.setKeySequence(self._actions.action(action_id).shortcut())

    @Slot()
    def _on_keys(self) -> None:
        action_id = self._current()
        if not action_id or self.keys.keySequence() == self._actions.action(action_id).shortcut():
            return
        taken = self._actions.set_shortcut(action_id, self.keys.keySequence())
        self.note.setText(f"“{taken}” has these keys already." if taken else "")
        self._show()

    @Slot()
    def reset(self) -> None:
        self._actions.reset_shortcuts()
        self._show()
        self._on_current()
