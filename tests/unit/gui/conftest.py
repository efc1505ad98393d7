"""GUI tests: a state, messages that can be read, and a check that nothing is left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.messages import Messages
from sier_gui.gui.state import AppState


def _threads() -> set[threading.Thread]:
    """Ours: pools of torch and of Arrow live as long as the process."""
    return {t for t in threading.enumerate() if t.name.startswith("sier-gui")}


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a thread, a running timer or a window behind fails."""
    before = _threads()
    windows = set(QApplication.topLevelWidgets())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    threads = [t.name for t in _threads() - before]
    assert not threads, f"threads left running: {threads}"
    left = [w for w in set(QApplication.topLevelWidgets()) - windows if w.isVisible()]
    assert not left, f"windows left open: {left}"
    timers = [t for w in left for t in w.findChildren(QTimer) if t.isActive()]
    timers += [t for t in qapp.findChildren(QTimer) if t.isActive()]
    assert not timers, f"timers left running: {[t.parent() for t in timers]}"


@pytest.fixture
def state(qapp: QApplication) -> AppState:
    return AppState()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def messages(qapp: QApplication) -> Messages:
    return Messages()


@pytest.fixture
def actions(state: AppState, settings: Settings) -> ActionTable:
    return ActionTable(state, settings)


@pytest.fixture
def holder(qtbot: QtBot) -> QWidget:
    """A window to put widgets in, closed at the end."""
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget
