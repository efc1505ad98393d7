"""Time a batch of figures from the demo set, killed once and gone on, and single figures of each kind.

    python benchmarks/export.py [--count 100] [--workers 2]

Explanations are made first and not timed: the goal is about drawing, 100 PNGs in at most 40 s on two cores
in the background. Prints a Markdown table of wall seconds and CPU seconds (all processes), with the machine's
load: on a machine that is busy otherwise the CPU seconds over the workers are what an idle one would need.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.export.batch import BatchRequest, BatchState, Means, batch, batching
from sier_gui.core.export.bundle import export
from sier_gui.core.export.gather import Source, view_of
from sier_gui.core.export.view import FigureOptions
from sier_gui.core.nets.releases import Release, choose_release
from sier_gui.core.tasks import Cancelled, CancelToken

ASKED = ExplainRequest(grid=4, segments=8)


def opened() -> tuple[Catalogue, Release]:
    catalogue = open_dataset(paths.resources() / "demo")
    return catalogue, choose_release(catalogue.classes, catalogue.dataset_hash, "demo")


def run(out: Path, count: int, workers: int, formats: tuple[str, ...] = ("png",)) -> BatchState:
    catalogue, release = opened()
    request = BatchRequest(ASKED, FigureOptions(), formats)
    return batch(catalogue, release, request, range(count), out, Means(workers, "cpu"))


def cpu_s() -> float:
    """User and system time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and CPU seconds, and the result."""
    began, used = time.perf_counter(), cpu_s()
    found = work()
    return time.perf_counter() - began, cpu_s() - used, found


def killed(out: Path, count: int, workers: int) -> int:
    """Start a batch in a process of its own and kill it half way; the figures that are there."""
    command = [
        sys.executable,
        __file__,
        "--child",
        str(out),
        "--count",
        str(count),
        "--workers",
        str(workers),
    ]
    child = subprocess.Popen(command)
    while len(list(out.glob("*.png"))) < count // 2 and child.poll() is None:
        time.sleep(0.05)
    child.kill()
    child.wait()
    time.sleep(1.0)  # its workers end when they notice
    return len(list(out.glob("*.png")))


def cancelled(out: Path, count: int, workers: int) -> float:
    """Seconds from a cancel after ten figures to the end of all workers."""
    catalogue, release = opened()
    request, token = BatchRequest(ASKED, FigureOptions(), ("png",)), CancelToken()
    began = 0.0
    try:
        for state in batching(
            catalogue, release, request, range(count), out, Means(workers, "cpu", token=token)
        ):
            if state.made >= 10 and not began:
                began = time.perf_counter()
                token.cancel()
    except Cancelled:
        pass
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    count, workers = arguments.count, arguments.workers
    if arguments.child:
        run(Path(arguments.child), count, workers)
        return
    rows: list[tuple[str, float, float | None]] = []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        run(base / "warm", count, workers, ("audacity",))
        load = os.getloadavg()[0]
        wall, cpu, state = timed(lambda: run(base / "a", count, workers))
        rows.append((f"{state.made} PNGs, 300 dpi, 140 mm, {workers} processes", wall, cpu))
        wall, cpu, _ = timed(lambda: run(base / "a", count, workers))
        rows.append(("the same again: nothing to do", wall, cpu))
        there = killed(base / "b", count, workers)
        wall, cpu, state = timed(lambda: run(base / "b", count, workers))
        rows.append((f"gone on after kill -9 at {there}: {state.made} drawn", wall, cpu))
        same = all(one.read_bytes() == (base / "b" / one.name).read_bytes() for one in (base / "a").iterdir())
        rows.append(("cancel, until all workers have ended", cancelled(base / "c", count, workers), None))
        catalogue, release = opened()
        view = view_of(Source.of(catalogue, release, ASKED, "cpu"), catalogue.sample(0), CancelToken())
        for kind in ("png", "svg", "pdf", "html", "npz", "textgrid"):
            spent = sorted(
                timed(lambda kind=kind: export(view, [kind], None, base / "d"))[:2]
                for _ in range(5)  # type: ignore[misc]
            )
            rows.append((f"one {kind}, median of 5", *spent[2]))
    print(
        f"load before: {load:.1f} on {os.cpu_count()} cores; after the kill all files are the same: {same}\n"
    )
    print("| what | wall s | CPU s |\n|---|---|---|")
    for what, wall, spent_cpu in rows:
        print(f"| {what} | {wall:.2f} | {'' if spent_cpu is None else f'{spent_cpu:.2f}'} |")


if __name__ == "__main__":
    main()
