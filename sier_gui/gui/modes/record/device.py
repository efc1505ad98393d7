"""The microphone: which one, whether it hears well, and the sound of the room without anybody speaking."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sier_gui.core.audio.capture import Levels
from sier_gui.gui.modes.record.layout import WIDTH, text, title
from sier_gui.gui.modes.record.meter import LevelBar
from sier_gui.gui.modes.record.views import DeviceView
from sier_gui.gui.widgets import centred

NOISY_DBFS, LOUD_DBFS = -55.0, -45.0


class DevicePage(QWidget):
    """Three steps, each shown with its outcome; the prompts come after the room."""

    device_chosen = Signal(str)  # name of a microphone
    rescan_wished = Signal()
    test_wished = Signal()
    listen_wished = Signal()
    room_wished = Signal()
    done = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.devices, self.rescan = QComboBox(), QPushButton("Look &again")
        self.devices.setAccessibleName("Microphone")
        self.meter = LevelBar()
        self.device_state, self.test_state, self.room_state = text(), text(), text()
        self.test, self.listen = QPushButton("&Test: speak for 4 s"), QPushButton("&Hear the test")
        self.room, self.go_on = (
            QPushButton("Take the r&oom's tone: 3 s of silence"),
            QPushButton("&Go on to the prompts"),
        )
        for button in (self.rescan, self.test, self.listen, self.room, self.go_on):
            button.setMinimumHeight(32)
        self._lay_out()
        self.devices.activated.connect(self._on_chosen)
        self.rescan.clicked.connect(self.rescan_wished)
        self.test.clicked.connect(self.test_wished)
        self.listen.clicked.connect(self.listen_wished)
        self.room.clicked.connect(self.room_wished)
        self.go_on.clicked.connect(self.done)
        self.show_view(DeviceView())

    def _lay_out(self) -> None:
        choice, test = QHBoxLayout(), QHBoxLayout()
        for row, widgets in ((choice, (self.devices, self.rescan)), (test, (self.test, self.listen))):
            row.setSpacing(8)
            row.addWidget(widgets[0], 1)
            row.addWidget(widgets[1])
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(title("1  Microphone"))
        column.addLayout(choice)
        column.addWidget(self.meter)
        column.addWidget(self.device_state)
        column.addSpacing(16)
        column.addWidget(title("2  Does it hear you well?"))
        column.addLayout(test)
        column.addWidget(self.test_state)
        column.addSpacing(16)
        column.addWidget(title("3  The room"))
        column.addWidget(self.room)
        column.addWidget(self.room_state)
        column.addSpacing(16)
        column.addWidget(self.go_on)
        centred(self, column, WIDTH)

    # ---------------------------------------------------------------- what is shown

    def show_levels(self, levels: Levels) -> None:
        self.meter.show_levels(levels)

    def show_view(self, view: DeviceView) -> None:
        names = [microphone.name for microphone in view.found]
        if names != [self.devices.itemData(i) for i in range(self.devices.count())]:
            self.devices.clear()
            for microphone in view.found:
                self.devices.addItem(
                    f"{microphone.name}{', the system’s default' if microphone.default else ''}",
                    microphone.name,
                )
        self.devices.setCurrentIndex(self.devices.findData(view.chosen))
        self.device_state.setText(_device_text(view))
        self.test_state.setText(
            "Speak now, as loud as you will read…"
            if view.busy == "test"
            else view.test or "Say a sentence as you will read it. Peaks should lie between −18 and −3 dBFS."
        )
        self._colour(self.test_state, view.test_status == "fail")
        self.room_state.setText(room_text(view))
        self._colour(self.room_state, view.room_dbfs is not None and view.room_dbfs > LOUD_DBFS)
        idle = view.open and not view.busy
        self.test.setEnabled(idle)
        self.room.setEnabled(idle)
        self.listen.setEnabled(idle and view.can_listen)
        self.devices.setEnabled(not view.busy)
        self.rescan.setEnabled(not view.busy)
        self.go_on.setEnabled(idle and view.room_dbfs is not None)

    @staticmethod
    def _colour(label: QWidget, bad: bool) -> None:
        """The theme keeps its error colour in BrightText."""
        label.setForegroundRole(QPalette.ColorRole.BrightText if bad else QPalette.ColorRole.WindowText)

    @Slot(int)
    def _on_chosen(self, index: int) -> None:
        self.device_chosen.emit(str(self.devices.itemData(index)))


def _device_text(view: DeviceView) -> str:
    if view.open:
        return f"Open at {view.rate / 1000:g} kHz; it stays open for the session."
    return "Choose a microphone." if view.found else "No microphone was found. Connect one, then look again."


def room_text(view: DeviceView) -> str:
    """What the room tone says, and what to do about it."""
    if view.busy == "room":
        return "Nobody speaks or moves now…"
    if view.room_dbfs is None:
        return "Needed before the first prompt: takes are held against the room's own sound."
    level = f"The room has {view.room_dbfs:.0f} dBFS".replace("-", "−")
    if view.room_dbfs > LOUD_DBFS:
        return f"{level}: too loud. Shut windows, switch off fans, turn the gain down; then take it again."
    if view.room_dbfs > NOISY_DBFS:
        return f"{level}: rather loud, but usable with a strong voice."
    return f"{level}: quiet enough."
