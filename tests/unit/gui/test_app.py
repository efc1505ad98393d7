"""The composition root: faults are told, displays are looked for, pictures are complete."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixture_data import write_untrained_release
from PySide6.QtCore import qWarning
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from sier_gui.app import WindowSettings, display_available
from sier_gui.core import paths
from sier_gui.gui.faults import Faults
from sier_gui.gui.messages import Messages

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("numpy", "pyqtgraph", "pyarrow", "torch", "pandas", "matplotlib", "librosa", "soundfile", "PIL")


@pytest.fixture
def faults(messages: Messages) -> Iterator[Faults]:
    faults = Faults(messages, messages)
    yield faults
    faults.release()


def test_an_exception_in_a_slot_is_told_and_logged(
    faults: Faults, messages: Messages, capsys: pytest.CaptureFixture[str]
) -> None:
    error = RuntimeError("the lamp went out")
    sys.excepthook(RuntimeError, error, None)
    assert "the lamp went out" in messages.history[-1].text
    assert messages.history[-1].error
    assert "the lamp went out" in faults.file.read_text(encoding="utf-8")
    assert "the lamp went out" in capsys.readouterr().err


def test_an_exception_in_a_thread_is_told_on_the_gui_thread(
    qtbot: QtBot, faults: Faults, messages: Messages
) -> None:
    def break_down() -> None:
        raise ValueError("far away")

    thread = threading.Thread(target=break_down)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(messages.history), timeout=5000)
    assert "far away" in messages.history[-1].text


@pytest.mark.qt_log_ignore("a warning of Qt")
def test_a_warning_of_qt_is_logged_and_not_told(faults: Faults, messages: Messages) -> None:
    qWarning("a warning of Qt")
    assert "a warning of Qt" in faults.file.read_text(encoding="utf-8")
    assert messages.history == []


def test_a_display_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not display_available()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert display_available()


def run(code: str, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, SIER_GUI_HOME=str(home), PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    return subprocess.run(
        [sys.executable, *(["-c", code] if code else ["-m", "sier_gui"]), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_nothing_heavy_is_imported_before_the_window_is_shown(own_home: Path) -> None:
    code = f"""
import sys
import sier_gui.cli
from sier_gui import app
application = app.make_application()
workbench = app.Workbench(application, app.WindowOptions())
workbench.window.show()
print([name for name in {HEAVY!r} if name in sys.modules])
workbench.window.close()
"""
    result = run(code, own_home)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


@pytest.mark.skipif(
    not (paths.resources() / "demo" / "samples.csv").is_file(), reason="the demo set is not built"
)
def test_the_screenshot_of_the_demo_shows_its_overlay(own_home: Path, tmp_path: Path) -> None:
    write_untrained_release(own_home)
    target = tmp_path / "demo.png"
    result = run(
        "", own_home, "--demo", "--release", "untrained", "--size", "1280x720", "--screenshot", target
    )
    assert result.returncode == 0, result.stderr
    image = QImage(str(target))
    assert (image.width(), image.height()) == (1280, 720)
    # the diverging overlay brings red and blue to picture and spectrogram
    reds = blues = 0
    for x in range(440, 940, 5):
        for y in range(30, 640, 5):
            colour = image.pixelColor(x, y)
            reds += colour.red() - colour.blue() > 40
            blues += colour.blue() - colour.red() > 25
    assert reds > 20
    assert blues > 20
    assert list(tmp_path.iterdir()) == [target]


def test_a_screenshot_of_nothing_is_refused_in_one_line(own_home: Path, tmp_path: Path) -> None:
    result = run("", own_home, tmp_path / "absent", "--screenshot", tmp_path / "a.png")
    assert result.returncode == 1
    assert "There is nothing at" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "a.png").exists()


def test_settings_that_cannot_be_written_are_told_once(messages: Messages, own_home: Path) -> None:
    own_home.joinpath("config").write_text("a file where the folder should be", encoding="utf-8")
    settings = WindowSettings(messages, remember=True)
    settings.set("theme", "dark")
    settings.set("theme", "light")
    assert settings.get("theme") == "light"
    assert len(messages.history) == 1
    assert "Cannot write" in messages.history[0].text


def test_a_picture_of_the_window_changes_no_settings(messages: Messages, own_home: Path) -> None:
    settings = WindowSettings(messages, remember=False)
    settings.set("theme", "dark")
    assert settings.get("theme") == "dark"
    assert not settings.file.exists()


def test_closing_the_window_ends_the_process_while_it_computes(own_home: Path) -> None:
    """No thread, and nothing at exit, keeps the process for more than a second."""
    write_untrained_release(own_home)
    code = """
import os, sys, time
from PySide6.QtCore import QObject, Slot
from sier_gui import app

class Closer(QObject):
    @Slot(object)
    def close(self, attribution):
        if attribution is not None and not attribution.complete:
            self.begun = time.monotonic()
            bench.window.close()

application = app.make_application()
bench = app.Workbench(application, app.WindowOptions(demo=True, release="untrained"))
bench.state.change_explain_options(grid=16, segments=32)
closer = Closer()
bench.state.attribution_changed.connect(closer.close)
bench.window.show()
application.exec()
print(time.monotonic() - closer.begun, flush=True)
"""
    result = run(code, own_home)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 1
    assert result.stderr == ""
