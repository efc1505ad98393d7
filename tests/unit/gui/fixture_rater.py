"""A rater before the real window, with a loudspeaker whose time a test lets pass."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.audio.devices import FakePlayback
from sier_gui.core.study.headphones import ROUNDS, round_of
from sier_gui.core.study.project import Project
from sier_gui.gui.modes.study import StudyPage
from sier_gui.gui.modes.study.views import Stage

Key = Qt.Key


class Rater:
    """Everything is typed; nothing is clicked."""

    def __init__(self, qtbot: QtBot, bench: Workbench) -> None:
        self.qtbot, self.bench = qtbot, bench
        self.playback = FakePlayback()
        bench.study.rating.checking.playback = self.playback
        bench.study.rating.checking._next.setInterval(1)
        bench.study.rating.checking.device = self._device

    @staticmethod
    def _device() -> str:
        return "headphones of a test"

    @property
    def page(self) -> StudyPage:
        return self.bench.window.study_page()

    @property
    def project(self) -> Project:
        assert self.bench.study.opened is not None
        return self.bench.study.opened.study.project

    def until(self, what: object) -> None:
        self.qtbot.waitUntil(what, timeout=20_000)

    def at(self, page: QWidget) -> None:
        self.until(lambda: self.page.step is page)

    def keys(self, *keys: Qt.Key | str) -> None:
        """Typed at whatever has the focus."""
        for key in keys:
            widget = self.bench.window.focusWidget() or self.bench.window
            if isinstance(key, str):
                QTest.keyClicks(widget, key)
            else:
                QTest.keyClick(widget, key)

    def keys_with(self, modifier: Qt.KeyboardModifier, key: Qt.Key) -> None:
        QTest.keyClick(self.bench.window.focusWidget(), key, modifier)

    def told(self) -> list[str]:
        return [f"{message.text} {message.hint}" for message in self.bench.messages.history]

    # ---------------------------------------------------------------- from the desk to the trials

    def open(self, folder: Path) -> None:
        self.bench.study.open_project(str(folder))
        self.until(lambda: self.bench.study.opened is not None)
        self.at(self.page.desk)
        # what a window shows does not depend on the disk's speed; test_crash.py is about what it keeps
        self.project._connection.execute("PRAGMA synchronous = OFF")

    def notice(self, heading: str) -> None:
        self.until(lambda: self.page.step is self.page.notice and self.page.notice.title.text() == heading)

    def sit(self, name: str, *, right: int = ROUNDS) -> None:
        """Up to the practice's notice; ``right`` rounds of the headphone check are answered rightly."""
        words = self.page.words
        self.keys(name, Key.Key_Return)
        self.notice(words.consent_title)
        self.keys(Key.Key_Return)
        self.at(self.page.about)
        self.keys(Key.Key_Down, Key.Key_Tab, Key.Key_Tab, "Welsh", Key.Key_Tab, Key.Key_Tab, Key.Key_Space)
        self.at(self.page.headphones)
        self.keys(Key.Key_Space)
        seed = self.bench.study.opened.study.design.protocol.seed  # type: ignore[union-attr]
        for number in range(ROUNDS):
            self.until(lambda: self.playback.playing)
            self.keys("1")  # too early: not taken
            self.playback.advance(60)
            quiet = round_of(seed, name, number)[1]
            self.keys(str(1 + (quiet if number < right else (quiet + 1) % 3)))
        self.volume()
        self.notice(words.practice_title)

    def volume(self) -> None:
        self.at(self.page.volume)
        self.keys(Key.Key_Space)
        self.playback.advance(60)
        self.keys(Key.Key_Space)

    # ---------------------------------------------------------------- trials

    def pass_notices(self) -> str:
        """Go on until a trial is shown or the session is over; returns the last notice's heading."""
        trial, notice, rating = self.page.trial, self.page.notice, self.bench.study.rating
        while True:
            self.until(
                lambda: (
                    rating.over
                    or (self.page.step is trial and trial.stage is not Stage.STORING)
                    or (self.page.step is notice and rating.notices.waiting)
                )
            )
            if rating.over or self.page.step is trial:
                return notice.title.text()
            self.keys(Key.Key_Return)

    def hear(self) -> None:
        """Until the answer keys are awake."""
        trial = self.page.trial
        shown = self.bench.study.rating.trial.shown
        assert shown is not None
        if shown.sound is not None:
            self.until(lambda: self.playback.playing)
            self.playback.advance(60)
        self.until(lambda: trial.stage is Stage.ANSWER)

    def answer(self, place: int, sure: int) -> str:
        """The keys of an answer and how sure; returns the class on that button."""
        self.hear()
        chosen = str(self.page.trial.answers[place].property("answer"))
        self.keys(str(place + 1), str(sure))
        return chosen
