"""Render Record mode's pages into a folder, offscreen, with a microphone made of Python: to be looked at.

Usage: python tests/pictures/record_gallery.py FOLDER [WIDTHxHEIGHT light|dark]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit" / "gui"))

import numpy as np
from fixture_booth import Desk
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication
from voices import room, spoken

from sier_gui.app import WindowOptions, Workbench

LOOKS = (((1400, 900), "light"), ((1400, 900), "dark"), ((1280, 720), "light"), ((1280, 720), "dark"))


class Waiting:
    """`Desk` asks for no more of qtbot than this."""

    @staticmethod
    def waitUntil(what: Callable[[], bool], timeout: int) -> None:
        for _ in range(timeout // 20):
            if what():
                return
            pause(20)
        raise TimeoutError


def pause(milliseconds: int) -> None:
    """Let the window and its threads work: `QTest.qWait` keeps Python's lock, and they hardly get on."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def render(folder: Path, size: tuple[int, int], theme: str) -> None:
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    bench = Workbench(application, WindowOptions(demo=True, mode="record", theme=theme), remember=False)
    bench.window.setFixedSize(*size)
    bench.window.show()
    Waiting.waitUntil(lambda: hasattr(bench, "open") and bool(bench.state.project), timeout=10_000)
    desk = Desk(Waiting, bench)  # type: ignore[arg-type]

    def shot(name: str) -> None:
        pause(80)
        target = folder / f"record-{name}-{size[0]}-{theme}.png"
        assert bench.window.grab().save(str(target)), target

    shot("reader")
    desk.add_reader("reader-01")
    desk.until(lambda: desk.page.device.test.isEnabled())
    desk.microphone.deliver(room(0.5))
    shot("microphone")
    desk.page.device.test.click()
    desk.microphone.deliver(spoken(4.5))
    desk.until(lambda: desk.page.device.listen.isEnabled())
    desk.take_room()
    shot("ready")
    bench.actions.trigger("record.toggle")
    desk.microphone.deliver(spoken(1.6))
    shot("speak")
    bench.actions.trigger("record.toggle")
    shot("stop")
    desk.microphone.deliver(room(0.6))
    desk.until(lambda: desk.take is not None)
    shot("taken")
    bench.actions.trigger("record.accept")
    desk.until(lambda: len(desk.reading.accepted) == 1)
    desk.say(np.clip(6 * spoken(0.4, before=0.0), -1, 1))
    shot("failed")
    desk.microphone.unplug()
    desk.until(lambda: bench.record.microphone.phase == "closed")
    shot("unplugged")
    bench.record.show_readers()
    desk.until(lambda: desk.page.step is desk.page.people)
    shot("readers")
    bench.window.close()


def in_looks(render: Callable[[Path, tuple[int, int], str], None]) -> None:
    """``render(folder, size, theme)`` in each look, or the one asked for, each in a home of its own."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [look for look in LOOKS if sys.argv[2:] in ([], [f"{look[0][0]}x{look[0][1]}", look[1]])]
    for size, theme in chosen:
        with TemporaryDirectory() as home:
            os.environ["SIER_GUI_HOME"] = home
            render(folder, size, theme)


if __name__ == "__main__":
    in_looks(render)
