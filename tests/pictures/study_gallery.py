"""Render Study mode's pages into a folder, offscreen, with a loudspeaker made of Python: to be looked at.

Usage: python tests/pictures/study_gallery.py FOLDER [WIDTHxHEIGHT light|dark]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit" / "gui"))

from fixture_rater import Key, Rater
from PySide6.QtWidgets import QApplication
from record_gallery import LOOKS, Waiting, pause

from sier_gui.app import WindowOptions, Workbench


class Patient(Waiting):
    """Preparing the demo's stimuli takes longer than anything a test waits for."""

    @staticmethod
    def waitUntil(what: object, timeout: int) -> None:
        Waiting.waitUntil(what, 20 * timeout)  # type: ignore[arg-type]


def render(folder: Path, size: tuple[int, int], theme: str) -> None:
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    bench = Workbench(application, WindowOptions(mode="study", theme=theme), remember=False)
    bench.window.setFixedSize(*size)
    bench.window.show()
    Patient.waitUntil(lambda: hasattr(bench, "open"), timeout=10_000)
    rater = Rater(Patient, bench)  # type: ignore[arg-type]
    page, name = rater.page, f"rater-{size[0]}-{theme}"

    def shot(what: str) -> None:
        pause(80)
        target = folder / f"study-{what}-{size[0]}-{theme}.png"
        assert bench.window.grab().save(str(target)), target

    shot("start")
    bench.study.open_demo()
    pause(1500)
    shot("wait")
    rater.until(lambda: bench.study.opened is not None)
    shot("desk")
    experimenter(rater, shot)
    page.desk.pseudonym.setFocus()
    rater.keys(name, Key.Key_Return)
    rater.notice(page.words.consent_title)
    shot("consent")
    rater.keys(Key.Key_Return)
    rater.at(page.about)
    shot("about")
    page.about.go_on.click()
    rater.at(page.headphones)
    shot("headphones")
    page.headphones.play.click()
    shot("tones")
    for _ in range(6):
        rater.until(lambda: rater.playback.playing)
        rater.playback.advance(60)
        rater.keys("1")
    rater.at(page.volume)
    shot("volume")
    rater.volume()
    rater.notice(page.words.practice_title)
    shot("practice")
    trials(rater, shot)
    bench.window.close()


def experimenter(rater: Rater, shot: object) -> None:
    """Table 1 as it grows and from top to bottom, planning, a published table; then progress again."""
    assert callable(shot)
    bench, desk = rater.bench, rater.page.desk
    bench.actions.trigger("study.table")
    rater.until(lambda: bench.study.report.report is not None)
    shot("table-growing")
    figure, bar = desk.table.report.figure, desk.table.report.verticalScrollBar()
    rater.until(lambda: bench.study.report.whole and figure.shown)
    if desk.table.network.count() > 1:
        desk.table.network.setCurrentIndex(1)
        desk.table.network.activated.emit(1)
        shot("table-asking")
        rater.until(lambda: bench.study.report.report is not None and not desk.table.bar.isVisible())
    for number in range(8):
        shot(f"table-{number}")
        if bar.value() == bar.maximum():
            break
        bar.setValue(bar.value() + desk.table.report.viewport().height() - 40)
    bench.actions.trigger("study.planning")
    desk.planning.show_icc(*bench.study.report.report.icc)  # type: ignore[union-attr]
    shot("planning")
    bench.actions.trigger("study.published")
    shot("published")
    bench.actions.trigger("study.progress")


def trials(rater: Rater, shot: object) -> None:
    """One picture of each kind of trial, and the notices between them."""
    assert callable(shot)
    page, seen = rater.page, set()
    words = page.words
    for _ in range(30):
        rater.until(
            lambda: (
                rater.bench.study.rating.notices.waiting or rater.bench.study.rating.trial.shown is not None
            )
        )
        heading = page.notice.title.text() if page.step is page.notice else ""
        if heading in (words.begin_title, words.break_title) and heading not in seen:
            seen.add(heading)
            shot("begin" if heading == words.begin_title else "break")
        rater.pass_notices()
        trial = rater.bench.study.rating.trial.shown
        assert trial is not None
        kind = "trap" if trial.instruction else str(trial.block).replace("+", "-")
        if kind not in seen:
            seen.add(kind)
            if trial.sound is not None:
                rater.until(lambda: rater.playback.playing)
                rater.playback.advance(0.6)
                shot(f"{kind}-playing")
            rater.hear()
            shot(f"{kind}-answer")
            rater.keys("2")
            shot(f"{kind}-sure")
            rater.keys("2")
        else:
            rater.answer(0, 2)
    rater.pass_notices()
    unplugged(rater, shot)
    rater.keys(Key.Key_Escape)
    rater.notice(words.stop_title)
    shot("stop")
    rater.keys(Key.Key_Tab, Key.Key_Space)
    shot("stopped")
    rater.bench.actions.trigger("study.unlock")
    rater.at(page.desk)
    shot("desk-again")


def unplugged(rater: Rater, shot: object) -> None:
    """The loudspeaker goes away in a recording, and comes back."""
    assert callable(shot)
    shown, words = rater.bench.study.rating.trial, rater.page.words
    while shown.shown is not None and shown.shown.sound is None:
        rater.answer(0, 2)
        rater.pass_notices()
    rater.until(lambda: rater.playback.playing)
    rater.playback.unplug()
    rater.notice(words.silent_title)
    shot("silent")
    rater.playback.missing = False
    rater.keys(Key.Key_Return)
    rater.pass_notices()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [look for look in LOOKS if sys.argv[2:] in ([], [f"{look[0][0]}x{look[0][1]}", look[1]])]
    with TemporaryDirectory() as home:  # one for all: the demo study is made once
        os.environ["SIER_GUI_HOME"] = home
        for size, theme in chosen:
            render(folder, size, theme)


if __name__ == "__main__":
    main()
