"""Runs the real window and times what a user waits for; `window.py` starts it and prints the table.

Times end when the paint events of the widgets that show the result have been handled.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from window_latency import PROBES, Ticker, settle, summary, until


def since_start() -> float:
    """Seconds since the process was started, by the kernel (to 10 ms)."""
    started = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]) / os.sysconf(
        "SC_CLK_TCK"
    )
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


class Paints(QObject):
    """Waits until each watched widget has been painted after a trigger."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: set[int] = set()
        self._loop = QEventLoop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and id(watched) in self._waiting and self.armed():
            self._waiting.discard(id(watched))
            if not self._waiting:
                QTimer.singleShot(0, self._loop.quit)  # after this paint event has been handled
        return False

    def seconds(
        self, trigger: Any, widgets: list[QWidget], armed: Any = lambda: True, limit_s: float = 60
    ) -> float:
        """From ``trigger()`` until all of ``widgets`` were painted while ``armed()`` held."""
        self.armed = armed
        self._waiting = {id(w) for w in widgets}
        for widget in widgets:
            widget.installEventFilter(self)
        guard = QTimer()
        guard.setSingleShot(True)
        guard.timeout.connect(self._loop.quit)
        guard.start(int(limit_s * 1000))
        started = time.perf_counter()
        trigger()
        self._loop.exec()
        taken = time.perf_counter() - started
        for widget in widgets:
            widget.removeEventFilter(self)
        if not guard.isActive():
            raise RuntimeError(f"not painted within {limit_s} s")
        return taken


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_workbench(arguments: argparse.Namespace) -> Any:
    from sier_gui import app

    os.environ.setdefault("MIMALLOC_ARENA_EAGER_COMMIT", "0")  # as run_window does
    sys.setswitchinterval(0.001)
    application = QApplication(sys.argv[:1])
    options = app.WindowOptions(
        path=arguments.dataset, demo=arguments.dataset is None, release=arguments.release, theme="light"
    )
    workbench = app.Workbench(application, options)
    workbench.window.show()
    return workbench


def probe_demo(workbench: Any) -> dict[str, Any]:
    """The first sample's overlay: coarse, then complete."""
    state = workbench.state
    until(lambda: state.attribution is not None)
    first = since_start()
    until(lambda: state.attribution is not None and state.attribution.complete)
    return {
        "first_overlay_s": first,
        "complete_overlay_s": since_start(),
        "peak_mib": peak_mib(),
    }


def probe_rows(workbench: Any, quick: bool) -> dict[str, Any]:
    """A large table: open, filter, sort, next sample, peak memory."""
    paints = Paints()
    until(lambda: len(workbench.state.rows) > 0 and hasattr(workbench.window, "samples"))
    samples, state = workbench.window.samples, workbench.state
    viewport = samples.table.viewport()
    paints.seconds(viewport.update, [viewport])
    result: dict[str, Any] = {
        "process_start_to_rows_cpu_s": time.process_time(),
        "process_start_to_rows_s": since_start(),
        "rows": len(state.rows),
        "peak_mib_before_torch": peak_mib() if "torch" not in sys.modules else None,
    }
    until(lambda: state.sample is not None)
    settle(500)
    if "torch" not in sys.modules:
        result["peak_mib_with_sample_before_torch"] = peak_mib()
    shown = {"n": 0}
    state.rows_changed.connect(lambda _rows: shown.update(n=shown["n"] + 1))

    def query(**changes: Any) -> float:
        from dataclasses import replace

        before = shown["n"]
        wished = replace(workbench.browse.query, **changes)
        return paints.seconds(
            lambda: workbench.browse.set_query(wished), [viewport], lambda: shown["n"] > before
        )

    rounds = 3 if quick else 10
    result["filter_label"] = summary([query(label=c) for c in ("anger", "happy", "hate", "sad") * rounds])
    query(label=None)
    result["search"] = summary([query(search=w) for w in ("table", "door", "black bags", "near") * rounds])
    query(search="")
    result["sort"] = summary(
        [query(sort=c, descending=d) for c in ("text", "label", "sample_id") for d in (False, True)] * rounds
    )
    query(sort=None, descending=False)
    result["next_sample"] = summary(next_samples(workbench, paints, 30 if quick else 120))
    return result


def next_samples(workbench: Any, paints: Paints, count: int) -> list[float]:
    """Alt+Down until picture and spectrogram of the new sample are painted; a person's pace in between."""
    state = workbench.state
    centre = painted_widgets(workbench.window)
    times = []
    for _ in range(count):
        before = state.sample
        times.append(
            paints.seconds(
                lambda: workbench.actions.trigger("sample.next"),
                centre,
                lambda before=before: state.sample is not before,
            )
        )
        settle(60)
    return times


def painted_widgets(window: QWidget) -> list[QWidget]:
    """Where a sample is drawn: the picture's widget and the plots' viewports."""
    import pyqtgraph as pg

    from sier_gui.gui.panels.image import ImagePanel

    plots = [plot.viewport() for plot in window.findChildren(pg.GraphicsView) if plot.isVisible()]
    panel = window.findChildren(ImagePanel)[0]
    canvas = max(
        [panel, *panel.findChildren(QWidget)], key=lambda w: (w.width() * w.height(), w is not panel)
    )
    return [canvas, *plots]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("demo", "rows", *PROBES))
    parser.add_argument("--dataset")
    parser.add_argument("--release")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    workbench = make_workbench(arguments)
    if arguments.what == "demo":
        result = probe_demo(workbench)
    elif arguments.what == "rows":
        result = probe_rows(workbench, arguments.quick)
    else:
        result = PROBES[arguments.what](workbench, arguments.seconds, Ticker())
    started = time.perf_counter()
    workbench.window.close()
    result["close_s"] = time.perf_counter() - started
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
