"""A rater's window: from the key to the answer on the disk, and from the page to its sound.

Usage: python benchmarks/rater.py [--answers 400] [--folder DIR] [--json FILE] [--sound]

The real window with a small study; keys are pressed as Qt delivers them. Each answer is the key that says how
sure one is; it is stored when its transaction has been committed (SQLite, WAL, synchronous FULL) on the
keeper's thread. The loudspeaker is a fake that has played everything at once; with --sound it is the system's
own, and the time from the page's being painted to the first sample's being heard by the device's clock is
measured too. Goals: stored within 5 ms (median), the first sample within 100 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "fixtures"))

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from rating import PROTOCOL, write_study
from store import floor, summary

from sier_gui.app import WindowOptions, Workbench
from sier_gui.core.study.project import open_project
from sier_gui.core.study.session import Session
from sier_gui.gui.modes.study.views import Stage

Key = Qt.Key
GOAL_MS, SOUND_GOAL_MS = 5.0, 100.0
SHORT = PROTOCOL + "demographics = false\nheadphones = false\nvolume = false\n"


class Instant(QObject):
    """A loudspeaker that has played everything at once."""

    playing = False

    def play(self, _samples: Any, _rate: int, *, on_finished: Any = None, **_more: Any) -> None:
        QTimer.singleShot(0, self, on_finished)

    def stop(self) -> None:
        """Nothing plays."""


class Sitting:
    """A rater who answers as soon as the keys wake."""

    def __init__(self, folder: Path, *, sound: bool) -> None:
        sys.setswitchinterval(0.001)  # as the program does
        self.application = QApplication.instance() or QApplication([])
        self.bench = Workbench(self.application, WindowOptions(mode="study"), remember=False)
        self.bench.window.resize(1400, 900)
        self.bench.window.show()
        self.until(lambda: hasattr(self.bench, "open"))
        if not sound:
            self.bench.study.rating.checking.playback = Instant()  # type: ignore[assignment]
        self.committed_at = 0.0
        self._awake = QTimer(self.application)  # what is waited for may come without an event
        self._awake.start(50)
        self._spy()
        self.raters = 0
        self.bench.study.open_project(str(folder))
        self.until(lambda: self.bench.study.opened is not None)

    def _spy(self) -> None:
        answer, sitting = Session.answer, self

        def timed(self: Session, *values: Any, **named: Any) -> Any:
            said = answer(self, *values, **named)
            sitting.committed_at = time.perf_counter()
            return said

        Session.answer = timed  # type: ignore[method-assign]

    def until(self, what: Callable[[], object]) -> None:
        """As the program waits: without Python's lock, until something happens."""
        end = time.perf_counter() + 60
        while not what():
            self.application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            assert time.perf_counter() < end, "never happened"

    def ready(self) -> None:
        """A trial whose keys are awake; notices are passed, raters who are done get up."""
        study, page = self.bench.study, self.bench.window.study_page()
        rating = study.rating
        while not (page.step is page.trial and page.trial.stage is Stage.ANSWER):
            if rating.over and self.bench.state.rating:
                study.unlock()
            elif rating.over and page.step is page.desk:
                self.raters += 1
                study.seat(f"r{self.raters}")
                self.until(lambda: not rating.over)
            elif rating.notices.waiting and page.step is page.notice:
                QTest.keyClick(page.notice.go_on, Key.Key_Return)
            self.application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def answer(self) -> tuple[float, float, float]:
        """Milliseconds from the key to the commit, to what comes next, and for the key before it."""
        page, rating = self.bench.window.study_page(), self.bench.study.rating
        trial = page.trial
        before = time.perf_counter()
        QTest.keyClick(trial, Key.Key_1)
        chosen = time.perf_counter()
        assert trial.stage is Stage.SURE
        self.application.processEvents()
        pressed = time.perf_counter()
        QTest.keyClick(trial, Key.Key_2)
        shown = rating.trial.shown
        self.until(lambda: self.committed_at > pressed)
        self.until(lambda: rating.over or rating.notices.waiting or rating.trial.shown is not shown)
        told = time.perf_counter()
        return 1000 * (self.committed_at - pressed), 1000 * (told - pressed), 1000 * (chosen - before)

    def close(self) -> None:
        self._awake.stop()
        self.bench.window.close()


class Onset:
    """When the first sample of a trial's recording is heard, after its page was painted. To be made first."""

    def __init__(self) -> None:
        from sier_gui.gui.audio_device import _Sound
        from sier_gui.gui.workflows.trial import TrialWorkflow

        self.taken: list[float] = []
        onset, painted, fill = self, TrialWorkflow._on_painted, _Sound.fill
        self._painted = 0.0

        def when_painted(self: TrialWorkflow) -> None:
            onset._painted = time.perf_counter()
            painted(self)

        def when_filled(self: _Sound, out: Any, frames: int, when: Any, status: object) -> None:
            first = self.calls == 0
            fill(self, out, frames, when, status)
            if first:
                ahead = self.heard[1] - when.currentTime
                onset.taken.append(1000 * (time.perf_counter() + ahead - onset._painted))

        TrialWorkflow._on_painted = when_painted  # type: ignore[method-assign]
        _Sound.fill = when_filled  # type: ignore[method-assign]


def run(folder: Path, count: int, *, sound: bool) -> list[dict[str, object]]:
    rows = [floor(folder, count)]
    study = write_study(folder)
    with open_project(study) as project:
        project.store_protocol(SHORT)
    onset = Onset() if sound else None
    sitting = Sitting(study, sound=sound)
    sitting.bench.study.seat("r0")
    for _ in range(count // 20):
        sitting.ready()
        sitting.answer()
    taken = []
    for _ in range(count):
        sitting.ready()
        taken.append(sitting.answer())
    sitting.close()
    rows += [
        summary(name, [row[place] for row in taken])
        for place, name in (
            (0, "key -> stored"),
            (1, "key -> what comes next"),
            (2, "answer key -> asked how sure"),
        )
    ]
    if onset is not None:
        rows.append(summary("page painted -> first sample heard", onset.taken))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: a temporary one)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sound", action="store_true", help="through the system's loudspeaker")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        os.environ["SIER_GUI_HOME"] = folder
        rows = run(Path(folder), arguments.answers, sound=arguments.sound)
    print(f"goals: stored within {GOAL_MS:g} ms (median), heard within {SOUND_GOAL_MS:g} ms")
    print(f"{'':36}{'median':>10}{'p99':>10}{'max':>10}  ms")
    for row in rows:
        figures = [f"{row.get(name, ''):>10}" for name in ("median_ms", "p99_ms", "max_ms")]
        print(f"{row['what']:36}{''.join(figures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
