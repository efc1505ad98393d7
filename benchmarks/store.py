"""From an answer to its commit: how long a rater, or a person who labels, waits for the disk.

Usage: python benchmarks/store.py [--answers 2000] [--folder DIR] [--json FILE]

Each answer is one transaction of the project file (SQLite, WAL, synchronous FULL) as `Project.add_answer`
makes it, the trial's beginning another. The floor is what the disk takes to write and sync 4 KiB without a
database; where its 99th percentile is high, so is every other. `rater.py` measures from the key on.
Goals: a commit's median ≤ 1 ms and 99th percentile ≤ 5 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: a temporary one)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        rows = run(Path(folder), arguments.answers)
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
