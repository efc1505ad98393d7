"""GUI tests: a state, messages that can be read, and a check that nothing is left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixture_booth import Desk
from fixture_data import Open, write_dataset, write_untrained_release
from fixture_desk import answered, printed_report, study_bench, study_desk  # noqa: F401 - fixtures
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.app import WindowOptions, Workbench
from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.jobs import JobRunner
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


@pytest.fixture
def runner(qapp: object) -> Iterator[JobRunner]:
    runner = JobRunner("test")
    yield runner
    assert runner.shutdown(5)


# ---------------------------------------------------------------- the whole window


@pytest.fixture(scope="session")
def release_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("releases")
    write_untrained_release(home)
    return home


@pytest.fixture
def workbench(
    qtbot: QtBot, qapp: QApplication, own_home: Path, release_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Makes workbenches that know the untrained release only; closes them at the end."""
    from sier_gui.core.nets import releases

    monkeypatch.setattr(releases, "roots", lambda: (release_home / "data" / "models",))
    before, style = QPalette(qapp.palette()), qapp.style().objectName()
    made: list[Workbench] = []

    def make(path: Path | None = None, **options: Any) -> Workbench:
        bench = Workbench(qapp, WindowOptions(path=str(path) if path else None, **options))
        made.append(bench)
        bench.state.change_explain_options(grid=4, segments=4)
        bench.window.show()
        qtbot.waitUntil(lambda: hasattr(bench, "open"), timeout=5000)
        return bench

    yield make
    for bench in made:
        bench.window.close()
        assert bench.computer.shutdown(60)  # it may be importing torch, which cannot be interrupted
        qapp.styleHints().colorSchemeChanged.disconnect(bench.theme._follow)
        bench.window.deleteLater()
        bench.deleteLater()
    qapp.setPalette(before)
    qapp.setStyle(style)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "set").parent


@pytest.fixture
def desk(qtbot: QtBot, workbench: Open, dataset: Path) -> Desk:
    bench = workbench(dataset, mode="record")
    qtbot.waitUntil(lambda: bench.state.dataset is not None, timeout=20_000)
    return Desk(qtbot, bench)
