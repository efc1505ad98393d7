"""A reader before the real window with a microphone that hears what a test gives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from voices import room, spoken

from sier_gui.app import Workbench
from sier_gui.core.audio.capture import FakeInput
from sier_gui.core.audio.devices import FakePlayback
from sier_gui.core.audio.portaudio import Microphone
from sier_gui.core.study.project import Project
from sier_gui.core.study.reading import Reading
from sier_gui.core.study.records import Take
from sier_gui.gui.modes.record import RecordPage
from sier_gui.gui.workflows.microphone import Devices

NAMES = ("first (ALSA)", "second (ALSA)")


class Desk:
    """What a test of Record mode needs: the window, its page, the microphone."""

    def __init__(self, qtbot: QtBot, bench: Workbench) -> None:
        self.qtbot, self.bench = qtbot, bench
        self.microphone = FakeInput(NAMES[0])
        self.playback = FakePlayback()
        self.opened: list[str] = []
        bench.record.microphone.devices = Devices(self._find, self._make)
        bench.record.microphone.playback = self.playback

    def _find(self, _rescan: bool) -> list[Microphone]:
        return [Microphone(name, 48_000, name == NAMES[0]) for name in NAMES]

    def _make(self, name: str) -> FakeInput:
        self.opened.append(name)
        self.microphone.name = name
        return self.microphone

    # ---------------------------------------------------------------- looking

    @property
    def page(self) -> RecordPage:
        return self.bench.window.record_page()

    @property
    def project(self) -> Project:
        assert self.bench.record.opened is not None
        return self.bench.record.opened.project

    @property
    def reading(self) -> Reading:
        assert self.bench.record.booth.sitting is not None
        return self.bench.record.booth.sitting.reading

    @property
    def take(self) -> Take | None:
        return self.bench.record.booth._take()

    def told(self) -> list[str]:
        return [f"{message.text} {message.hint}" for message in self.bench.messages.history]

    # ---------------------------------------------------------------- doing, by keys

    def keys(self, *keys: Qt.Key | str) -> None:
        """Typed at whatever has the focus."""
        for key in keys:
            widget = self.bench.window.focusWidget() or self.bench.window
            if isinstance(key, str):
                QTest.keyClicks(widget, key)
            else:
                QTest.keyClick(widget, key)

    def until(self, what: object) -> None:
        self.qtbot.waitUntil(what, timeout=20_000)

    def make_project(self, folder: Path) -> None:
        self.bench.record.make_project(str(folder))
        self.until(lambda: self.bench.state.project == str(folder))
        self.until(lambda: self.page.step is self.page.people)

    def add_reader(self, name: str = "anna") -> None:
        """The form filled in with the keyboard alone."""
        people = self.page.people
        people.pseudonym.setFocus()
        self.keys(name, Qt.Key.Key_Tab, Qt.Key.Key_Down, Qt.Key.Key_Tab, Qt.Key.Key_Tab, Qt.Key.Key_Tab)
        self.keys(Qt.Key.Key_Tab, Qt.Key.Key_Space, Qt.Key.Key_Tab, Qt.Key.Key_Space)
        self.until(lambda: self.page.step is self.page.device)

    def take_room(self) -> None:
        self.until(lambda: self.page.device.room.isEnabled())
        self.page.device.room.setFocus()
        self.keys(Qt.Key.Key_Space)
        self.microphone.deliver(room(3.5))
        self.until(lambda: self.page.device.go_on.isEnabled())
        self.page.device.go_on.setFocus()
        self.keys(Qt.Key.Key_Space)
        self.until(lambda: self.bench.state.booth)

    def sit(self, folder: Path, name: str = "anna") -> None:
        """From nothing to the first prompt."""
        self.make_project(folder)
        self.add_reader(name)
        self.take_room()

    def say(self, sound: np.ndarray | None = None) -> None:
        """Space, speak, Space; until the take is shown."""
        before = self.take
        self.keys(Qt.Key.Key_Space)
        self.microphone.deliver(spoken(1.6) if sound is None else sound)
        self.keys(Qt.Key.Key_Space)
        self.microphone.deliver(room(0.6))
        self.until(lambda: self.take is not None and self.take != before)

    def accept(self) -> None:
        done = len(self.reading.accepted)
        self.keys(Qt.Key.Key_Return)
        self.until(lambda: len(self.reading.accepted) == done + 1)
