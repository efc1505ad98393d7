"""Render marking on the rater's page, raters' marks in Explore, and the comparison, into a folder.

Usage: python tests/pictures/people_gallery.py FOLDER [WIDTHxHEIGHT light|dark]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from record_gallery import pause

from sier_gui.app import WindowOptions, Workbench
from sier_gui.core.audio.files import read_audio
from sier_gui.core.images.files import read_image
from sier_gui.core.paths import resources
from sier_gui.core.study.records import BlindTrial, Block
from sier_gui.core.study.words import words
from sier_gui.gui.modes.study.trial import TrialPage
from sier_gui.gui.workflows.help import SEEN

LOOKS = (((1400, 900), "light"), ((1400, 900), "dark"), ((1280, 720), "light"), ((1280, 720), "dark"))
SAMPLE = "happy-train-22"
ANSWERS = ("anger", "happy", "hate", "sad")


def until(what: Callable[[], bool]) -> None:
    for _ in range(20_000):
        if what():
            return
        pause(20)
    raise TimeoutError


def marking(folder: Path, size: tuple[int, int], theme: str) -> None:
    """A picture with a box set, and a span that keys have moved."""
    demo = resources() / "demo"
    sound = read_audio(demo / "speech" / f"{SAMPLE}.flac")
    picture = read_image(demo / "images" / f"{SAMPLE}.webp")
    for kind in ("both", "speech", "image"):
        shown = (None if kind == "speech" else picture, None if kind == "image" else sound.samples)
        page = TrialPage(words("en"), 3)
        page.resize(*size)
        page.show()
        page.show_trial(BlindTrial(7, 53, False, Block.BOTH, ANSWERS, *shown, sound.rate, mark=True))
        page.show_replays(2)
        page.wake()
        QTest.keyClicks(page, "23")
        if kind != "speech":
            for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Space):
                QTest.keyClick(page.board.picture, key)
        if kind != "image":
            for _ in range(3):
                QTest.keyClick(page.board.sound, Qt.Key.Key_Left)
        pause(50)
        assert page.grab().save(str(folder / f"marking-{kind}-{size[1]}-{theme}.png"))
        page.close()


def render(folder: Path, size: tuple[int, int], theme: str) -> None:
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    bench = Workbench(application, WindowOptions(demo=True, theme=theme, sample=SAMPLE), remember=False)
    bench.settings.set(SEEN, True)  # no tour
    state = bench.state
    bench.window.setFixedSize(*size)
    bench.window.show()
    until(lambda: hasattr(bench, "open"))
    state.change_explain_options(grid=4)
    marking(folder, size, theme)
    until(lambda: state.attribution is not None and state.attribution.complete)
    bench.actions.trigger("people.compare")
    dialog = bench.people._dialog
    assert dialog is not None

    def shot(name: str) -> None:
        pause(200)
        assert dialog.grab().save(str(folder / f"people-{name}-{size[1]}-{theme}.png"))

    shot("nothing")
    bench.people.try_demo()
    until(lambda: bench.people.marks is not None)
    shot("marks")
    pause(300)
    assert bench.window.grab().save(str(folder / f"people-explore-{size[1]}-{theme}.png"))
    bench.people.compare()
    shot("progress")
    until(lambda: bench.people.comparison is not None)
    shot("dataset")
    dialog.tabs.setCurrentIndex(1)
    shot("samples")
    dialog.close()
    bench.window.close()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        os.environ.setdefault("SIER_GUI_HOME", home)  # one for all looks: what was explained once is kept
        for size, theme in LOOKS:
            if sys.argv[2:] in ([], [f"{size[0]}x{size[1]}", theme]):
                render(folder, size, theme)


if __name__ == "__main__":
    main()
