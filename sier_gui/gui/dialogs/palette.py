"""Find an action by typing part of its name."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from sier_gui.gui.action_list import ACTIONS
from sier_gui.gui.actions import ActionTable


class PaletteDialog(QDialog):
    """Enter runs the chosen action; those that cannot run now are greyed and stay last."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find an action")
        self._actions = actions
        self.search = QLineEdit()
        self.search.setPlaceholderText("Type part of an action's name")
        self.search.setAccessibleName("Find an action")
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setAccessibleName("Actions")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self.resize(480, 400)
        self.search.textChanged.connect(self.filter)
        self.search.returnPressed.connect(self.run)
        self.search.installEventFilter(self)
        self.list.itemActivated.connect(self.run)
        self.filter("")

    @Slot(str)
    def filter(self, text: str) -> None:
        """Show the actions that contain every word of ``text``."""
        words = text.lower().split()
        self.list.clear()
        found = [s for s in ACTIONS if all(w in f"{s.menu} {s.text}".lower() for w in words)]
        for spec in sorted(found, key=lambda s: not self._actions.action(s.id).isEnabled()):
            action = self._actions.action(spec.id)
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            item = QTreeWidgetItem([f"{spec.menu}: {spec.text}", keys])
            item.setData(0, Qt.ItemDataRole.UserRole, spec.id)
            item.setDisabled(not action.isEnabled())
            self.list.addTopLevelItem(item)
        self._select(0)
        self.list.resizeColumnToContents(0)

    def _select(self, place: int) -> None:
        item = self.list.topLevelItem(place)
        if item is not None:
            self.list.setCurrentItem(item)

    @Slot()
    def run(self) -> None:
        item = self.list.currentItem()
        if item is None or item.isDisabled():
            return
        self.accept()
        self._actions.trigger(str(item.data(0, Qt.ItemDataRole.UserRole)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrow keys walk the list while the words are typed."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                self._select(self.list.currentIndex().row() + step)
                return True
        return super().eventFilter(watched, event)
