"""From a key to the commit of a label, and what annotations of a whole dataset cost the window.

Usage: python benchmarks/annotations.py [--changes 2000] [--rows 80893] [--folder DIR] [--json FILE]

Each change is one transaction (SQLite, WAL, synchronous FULL) as `AnnotationStore.apply` makes it; an undo
is another. The floor is what the disk takes to write and sync 4 KiB without a database (see store.py); in a
folder of memory the rest is what the program takes. Then keys are pressed in a window, each change going to a
thread of its own. Then three people's labels for every row: reading them, filtering, one more label.
Goals: a commit's median ≤ 1 ms and 99th percentile ≤ 5 ms; no filter above 20 ms; the window's thread never
kept longer than a frame (16 ms).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from store import GOAL_MS, floor, summary, timed

from sier_gui.core.annotations.columns import Columns
from sier_gui.core.annotations.records import Change, Entry, Kind, Step
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.annotations.writer import Writer
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.marks import Marked, having
from sier_gui.core.dataset.query import Query, select, warm

LABELS = ("anger", "happy", "hate", "sad")
PEOPLE = ("Anna", "Ben", "Chris")


def label(number: int, who: str = "Anna") -> Change:
    return Change(who, f"s{number % 997:06d}", Kind.LABEL, LABELS[(number + number // 997) % 4])


def commits(folder: Path, count: int) -> list[dict[str, object]]:
    rows = [floor(folder, count)]
    with AnnotationStore(folder / "store") as store:
        rows.append(summary("a label", timed(count, lambda number: store.apply(label(number)))))
        rows.append(
            summary("undo, redo", timed(count, lambda n: store.apply(Step("Anna", back=bool(n % 3)))))
        )
        sample = "s000005"
        rows.append(summary("one sample's entries", timed(count, lambda _: list(store.entries(sample)))))
    before = time.perf_counter()
    with AnnotationStore(folder / "store") as store:
        rows.append({"what": "open (check, backup)", "median_ms": _ms(before)})
        before = time.perf_counter()
        store.history("Anna")
        rows.append({"what": "what can be undone", "median_ms": _ms(before)})
    return rows


def _ms(since: float) -> float:
    return round(1000 * (time.perf_counter() - since), 2)


class Keys:
    """Keys pressed in a window whose handler hands each label to the scribe's thread, as the window does."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QApplication, QPushButton

        from sier_gui.gui.jobs import JobRunner

        sys.setswitchinterval(0.001)  # as the program does
        self.application = QApplication.instance() or QApplication([])
        self.writer = Writer(lambda: AnnotationStore(folder))
        self.scribe = JobRunner("scribe")
        self.window, self.key = QPushButton("label"), Qt.Key.Key_Space
        self.window.clicked.connect(self.press_label)
        self.window.show()
        self.number, self.told, self.committed_at, self.kept_ms = 0, False, 0.0, 0.0

    def press_label(self) -> None:
        before = time.perf_counter()
        self.number += 1
        self.writer.put(label(self.number))

        def work(_report: object, _token: object) -> None:
            for _ in self.writer.write():
                self.committed_at = time.perf_counter()

        self.scribe.start(f"annotate.{self.number}", work).succeeded.connect(self.on_told)
        self.kept_ms = 1000 * (time.perf_counter() - before)

    def on_told(self) -> None:
        self.told = True

    def press(self) -> tuple[float, float, float]:
        """Milliseconds from the key to the commit, to the window's knowing of it, and in the handler."""
        from PySide6.QtTest import QTest

        self.told = False
        before = time.perf_counter()
        QTest.keyClick(self.window, self.key)
        while not self.told and time.perf_counter() < before + 30:
            self.application.processEvents()
        assert self.told, "the label was never stored"
        return 1000 * (self.committed_at - before), 1000 * (time.perf_counter() - before), self.kept_ms

    def close(self) -> None:
        self.scribe.shutdown(5)
        self.window.close()
        self.writer.close()


def keys(folder: Path, count: int) -> list[dict[str, object]]:
    pressed = Keys(folder / "keys")
    for _ in range(count // 20):
        pressed.press()
    taken = list(zip(*(pressed.press() for _ in range(count)), strict=True))
    pressed.close()
    names = ("key press -> committed", "key press -> window told", "window's thread kept")
    return [summary(name, list(times)) for name, times in zip(names, taken, strict=True)]


def write_table(file: Path, rows: int) -> Catalogue:
    dice = random.Random(3)
    lines = [f"s{i:06d},{i}.png,{i}.wav,sentence {i % 977},{dice.choice(LABELS)}\n" for i in range(rows)]
    file.parent.mkdir()
    file.write_text("sample_id,image,speech,text,label\n" + "".join(lines), encoding="utf-8")
    return open_dataset(file)


def whole(folder: Path, rows: int) -> list[dict[str, object]]:
    """Everything labelled three times over."""
    catalogue = write_table(folder / "set" / "samples.csv", rows)
    warm(catalogue)
    dice = random.Random(4)
    entries = [
        Entry(f"s{i:06d}", who, Kind.LABEL, "", dice.choice(LABELS), "2026-01-01T00:00:00.000+00:00")
        for i in range(rows)
        for who in PEOPLE
    ]
    before = time.perf_counter()
    columns = Columns(catalogue, "Anna")
    columns.fill(entries)
    found: list[dict[str, object]] = [
        {"what": f"{len(entries):,} labels into columns", "median_ms": _ms(before)}
    ]
    found.append(
        summary("one more label", timed(400, lambda n: columns.set(entries[(7919 * n) % len(entries)])))
    )
    for marked in list(Marked)[1:]:
        query = Query(marked=marked)
        taken = timed(100, lambda _, q=query: select(catalogue, q, None, columns.bits))
        found.append(summary(f"filter: {marked}", taken))
    taken = timed(100, lambda _: select(catalogue, Query(sort="flags"), None, columns.bits))
    found.append(summary("order by notes", taken))
    shown = np.arange(rows)

    def left(_number: int) -> None:
        for marked in (Marked.UNLABELLED, Marked.NOT_MINE, Marked.DISPUTED):
            np.flatnonzero(having(catalogue, marked, columns.bits)[shown])

    found.append(summary("how many are left", timed(100, left)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=80_893)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: a temporary one)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = commits(Path(folder), arguments.changes)
        rows += keys(Path(folder), max(100, arguments.changes // 4))
        rows += whole(Path(folder), arguments.rows)
    median, p99 = GOAL_MS
    print(f"goal for a commit: median ≤ {median} ms, p99 ≤ {p99} ms; for a filter 20 ms")
    print(f"{'':32}{'median':>10}{'p99':>10}{'max':>10}  ms")
    for row in rows:
        figures = [f"{row.get(name, ''):>10}" for name in ("median_ms", "p99_ms", "max_ms")]
        print(f"{row['what']:32}{''.join(figures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
