"""The left of Explore: which page is beside the table, what the table is narrowed to, the table."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from sier_gui.gui.actions import ActionTable
from sier_gui.gui.state import AppState, Picked
from sier_gui.gui.widgets import ElidedLabel


class FinderPanel(QWidget):
    """``table`` with a switch above it: a sample, or the dataset as a whole."""

    def __init__(
        self, state: AppState, actions: ActionTable, table: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._actions = actions
        self.sample, self.dataset = QToolButton(), QToolButton()
        self.sample.setText("Sample")
        self.dataset.setText("Dataset")
        self._group = QButtonGroup(self)
        switch = QHBoxLayout()
        switch.setContentsMargins(8, 8, 0, 0)
        switch.setSpacing(4)
        keys = actions.action("view.dataset").toolTip()
        for button, tip in ((self.sample, f"The sample alone; {keys} switches"), (self.dataset, keys)):
            button.setCheckable(True)
            button.setAutoRaise(True)
            button.setToolTip(tip)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._group.addButton(button)
            switch.addWidget(button)
        switch.addStretch(1)
        self.sample.setChecked(True)
        self.narrowed = QFrame()
        self.words = ElidedLabel()
        everything = QToolButton()
        everything.setDefaultAction(actions.action("table.reset"))
        everything.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout(self.narrowed)
        row.setContentsMargins(8, 8, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        row.addWidget(everything)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(switch)
        layout.addWidget(self.narrowed)
        layout.addWidget(table, 1)
        self.sample.clicked.connect(self._on_sample)
        self.dataset.clicked.connect(self._on_dataset)
        state.overview_changed.connect(self._on_overview)
        state.picked_changed.connect(self._on_picked)
        self._on_picked(state.picked)

    @Slot()
    def _on_sample(self) -> None:
        if self._actions.action("view.dataset").isChecked():
            self._actions.trigger("view.dataset")

    @Slot()
    def _on_dataset(self) -> None:
        if not self._actions.action("view.dataset").isChecked():
            self._actions.trigger("view.dataset")

    @Slot(bool)
    def _on_overview(self, on: bool) -> None:
        (self.dataset if on else self.sample).setChecked(True)

    @Slot(object)
    def _on_picked(self, picked: Picked | None) -> None:
        self.narrowed.setVisible(picked is not None)
        if picked is not None:
            self.words.set_text(f"{len(picked.rows):,} samples, {picked.title}")
