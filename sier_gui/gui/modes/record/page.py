"""Record mode's page: without a project what to do; then reader, microphone and prompts in turn."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sier_gui.gui.actions import ActionTable
from sier_gui.gui.modes.record.booth import Booth
from sier_gui.gui.modes.record.device import DevicePage
from sier_gui.gui.modes.record.layout import WIDTH, text, title
from sier_gui.gui.modes.record.people import PeoplePage
from sier_gui.gui.modes.record.views import ProjectView
from sier_gui.gui.widgets import centred

STEPS = ("Project", "Reader", "Microphone and room", "Prompts")


class RecordPage(QWidget):
    """Shows one step at a time; the line on top says which, and of which project."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = _Start(actions)
        self.people, self.device, self.booth = PeoplePage(), DevicePage(), Booth(actions)
        self.steps = QStackedWidget()
        for page in (self.start, self.people, self.device, self.booth):
            self.steps.addWidget(page)
        self._marks = [QLabel(name) for name in STEPS]
        self._where = QLabel()
        self._where.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._line())
        layout.addWidget(self.steps, 1)
        self.show_step(self.start)

    def _line(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setContentsMargins(24, 8, 24, 8)
        line.setSpacing(8)
        for number, mark in enumerate(self._marks):
            if number:
                arrow = QLabel("›")
                arrow.setForegroundRole(QPalette.ColorRole.PlaceholderText)
                line.addWidget(arrow)
            line.addWidget(mark)
        line.addStretch(1)
        line.addWidget(self._where)
        return line

    def show_step(self, page: QWidget) -> None:
        """``page``: `start`, `people`, `device` or `booth`; the focus goes to where one begins."""
        self.steps.setCurrentWidget(page)
        for number, mark in enumerate(self._marks):
            now = number == self.steps.currentIndex()
            font = QFont(self.font())
            font.setWeight(QFont.Weight.DemiBold if now else QFont.Weight.Normal)
            mark.setFont(font)
            mark.setForegroundRole(
                QPalette.ColorRole.WindowText if now else QPalette.ColorRole.PlaceholderText
            )
        first = {
            self.start: self.start.new,
            self.people: self.people.known if self.people.known.isVisible() else self.people.pseudonym,
            self.device: self.device.devices,
            self.booth: self.booth.buttons["record.toggle"],
        }[page]
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def step(self) -> QWidget | None:
        return self.steps.currentWidget()

    def show_project(self, view: ProjectView) -> None:
        self._where.setText(f"{Path(view.folder).name} · {view.dataset}, {view.prompts} prompts")
        self._where.setToolTip(view.folder)
        self.people.show_project(view)


class _Start(QWidget):
    """No project yet: make one for the dataset that is open, or open one."""

    def __init__(self, actions: ActionTable) -> None:
        super().__init__()
        self.new, self.open = QPushButton("New study project…"), QPushButton("Open a study project…")
        for button, action_id in ((self.new, "record.new"), (self.open, "record.open")):
            button.setMinimumHeight(32)
            button.clicked.connect(actions.action(action_id).trigger)
        self.about = text()
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(title("Record people reading a dataset's texts"))
        column.addWidget(self.about)
        column.addSpacing(8)
        column.addWidget(self.new)
        column.addWidget(self.open)
        centred(self, column, WIDTH)
        self.show_dataset("")

    def show_dataset(self, name: str) -> None:
        """``name`` of the dataset that is open; "" for none."""
        kept = "A project keeps readers, takes and answers in one folder, safe from crashes."
        self.about.setText(
            f"{kept} A new one reads the texts of {name}, which is open."
            if name
            else f"{kept} A new one needs a dataset: open one first (Ctrl+O), or try the demo."
        )
        self.new.setEnabled(bool(name))
