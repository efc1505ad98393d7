"""From an answer to its commit: how long a rater, or a person who labels, waits for the disk.

Usage: python benchmarks/store.py [--answers 2000] [--folder DIR] [--json FILE]

Each answer is one transaction of the project file (SQLite, WAL, synchronous FULL) as `Project.add_answer`
makes it, the trial's beginning another. The floor is what the disk takes to write and sync 4 KiB without a
database; where its 99th percentile is high, so is every other. Then keys are pressed in a window, each
answer going to the keeper's thread as it does from the pages.
Goals: a commit's median ≤ 1 ms and 99th percentile ≤ 5 ms; from key to commit < 5 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Kind, Modality, Rater, Response

GOAL_MS = (1.0, 5.0)


def answer(trial: int) -> Response:
    return Response(
        "r01", 2, "speech", trial, Kind.MAIN, 1, "anna", f"sample-{trial:05d}", "sad", Modality.HS, "happy",
        2, 812.5 + trial, 1, True,
    )  # fmt: skip


def timed(count: int, do: Callable[[int], object]) -> list[float]:
    """Milliseconds of each call, after a twentieth that is not counted."""
    warm = count // 20
    taken = []
    for number in range(1, warm + count + 1):
        before = time.perf_counter()
        do(number)
        if number > warm:
            taken.append(1000 * (time.perf_counter() - before))
    return taken


def summary(name: str, taken: list[float]) -> dict[str, object]:
    ordered = sorted(taken)
    return {
        "what": name,
        "n": len(taken),
        "median_ms": round(statistics.median(ordered), 3),
        "p99_ms": round(ordered[int(0.99 * (len(ordered) - 1))], 3),
        "max_ms": round(ordered[-1], 3),
    }


def floor(folder: Path, count: int) -> dict[str, object]:
    """Write and sync 4 KiB at the end of a file."""
    page = bytes(4096)
    with (folder / "floor").open("wb", buffering=0) as file:

        def write(_number: int) -> None:
            file.write(page)
            os.fdatasync(file.fileno())

        return summary("write and sync 4 KiB", timed(count, write))


def run(folder: Path, count: int) -> list[dict[str, object]]:
    rows = [floor(folder, count)]
    with open_project(folder / "study", create=True) as project:
        project.add_rater(Rater("r01"))
        rows.append(summary("add_answer", timed(count, lambda trial: project.add_answer(answer(trial)))))
        rows.append(summary("begin_trial", timed(count, lambda trial: project.begin_trial("r01", trial))))
        before = time.perf_counter()
    closing = 1000 * (time.perf_counter() - before)
    before = time.perf_counter()
    with open_project(folder / "study") as project:
        opening = 1000 * (time.perf_counter() - before)
        assert len(project.responses()) == count + count // 20
    rows.append({"what": "close (checkpoint)", "median_ms": round(closing, 1)})
    rows.append({"what": "open (check, backup)", "median_ms": round(opening, 1)})
    return rows


class Keys:
    """Keys pressed in a window whose handler hands each answer to the keeper's thread, as the pages do."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QApplication, QPushButton

        from sier_gui.gui.jobs import JobRunner

        sys.setswitchinterval(0.001)  # as the program does
        self.application = QApplication.instance() or QApplication([])
        self.project = open_project(folder, create=True)
        self.project.add_rater(Rater("r01"))
        self.keeper = JobRunner("keeper")
        self.window, self.key = QPushButton("answer"), Qt.Key.Key_Space
        self.window.clicked.connect(self.answer)
        self.window.show()
        self.trial = 0
        self.committed_at = 0.0
        self.told = False

    def answer(self) -> None:
        self.trial += 1
        response = answer(self.trial)

        def work(_report: object, _token: object) -> None:
            self.project.add_answer(response)
            self.committed_at = time.perf_counter()

        self.keeper.start(f"answer.{self.trial}", work).succeeded.connect(self.on_stored)

    def on_stored(self) -> None:
        self.told = True

    def press(self) -> tuple[float, float]:
        """Milliseconds from the key to the commit, and to the window's knowing of it."""
        from PySide6.QtTest import QTest

        self.told = False
        before = time.perf_counter()
        QTest.keyClick(self.window, self.key)
        while not self.told and time.perf_counter() < before + 30:
            self.application.processEvents()
        assert self.told, "the answer was never stored"
        return 1000 * (self.committed_at - before), 1000 * (time.perf_counter() - before)

    def close(self) -> None:
        self.keeper.shutdown(5)
        self.window.close()
        self.project.close()


def run_keys(folder: Path, count: int) -> list[dict[str, object]]:
    keys = Keys(folder / "keys")
    for _ in range(count // 20):
        keys.press()
    pairs = [keys.press() for _ in range(count)]
    keys.close()
    return [
        summary("key press -> committed", [pair[0] for pair in pairs]),
        summary("key press -> window told", [pair[1] for pair in pairs]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: a temporary one)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = run(Path(folder), arguments.answers)
        rows += run_keys(Path(folder), max(100, arguments.answers // 4))
    median, p99 = GOAL_MS
    print(f"SQLite {sqlite3.sqlite_version}; goal for a commit: median ≤ {median} ms, p99 ≤ {p99} ms")
    print(f"{'':26}{'median':>10}{'p99':>10}{'max':>10}  ms")
    for row in rows:
        figures = [f"{row.get(name, ''):>10}" for name in ("median_ms", "p99_ms", "max_ms")]
        print(f"{row['what']:26}{''.join(figures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
