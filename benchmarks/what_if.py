"""What if: from a step of a drag to painted probabilities, beside `Predictor.predict` in the same run.

    python benchmarks/what_if.py [--steps N] [--release DIR] [--device cpu|cuda] [--json FILE]

The real window, offscreen, on the demo: each step moves the corner of a box on the picture, or the end of a
band on the spectrogram, and is over when the bars that show its answer have been painted. Then the same while
an explanation is computed; then a drag at 60 steps a second, where only the newest step is answered.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from window_latency import Ticker, settle, summary, until
from window_probe import Paints

REACH = (0.15, 0.95)  # of the picture's and the spectrogram's sides, between which the corner goes
FRAME_S = 1 / 60


class Drag(QObject):
    """A mouse button held on a widget, from one place to others."""

    def __init__(self, widget: QWidget, first: QPointF, place: Callable[[float], QPointF]) -> None:
        super().__init__()
        self.widget, self._place = widget, place
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), first.toPoint())

    def to(self, part: float) -> None:
        low, high = REACH
        QTest.mouseMove(self.widget, self._place(low + (high - low) * part).toPoint())

    def end(self) -> None:
        QTest.mouseRelease(self.widget, Qt.MouseButton.LeftButton)


def on_picture(bench: Any) -> Drag:
    from sier_gui.gui.panels.image import ImagePanel

    canvas = bench.window.findChild(ImagePanel).canvas
    area = canvas.to_screen(QRectF(canvas.scene_rectangle()))

    def place(part: float) -> QPointF:
        return area.topLeft() + QPointF(part * area.width(), part * area.height())

    return Drag(canvas, place(0.05), place)


def on_spectrogram(bench: Any) -> Drag:
    from sier_gui.gui.panels.speech import SpeechPanel

    plots = bench.window.findChild(SpeechPanel).plots
    area = plots.mel.sceneBoundingRect()

    def place(part: float) -> QPointF:
        return area.topLeft() + QPointF(part * area.width(), part * area.height())

    return Drag(plots.viewport(), place(0.05), place)


def bars_of(bench: Any) -> list[QWidget]:
    from sier_gui.gui.panels.result.probability import ProbabilityPanel

    return list(bench.window.findChild(ProbabilityPanel).bars)


def answered(bench: Any) -> bool:
    """Whether the answer that is known belongs to the selection on show."""
    state = bench.state
    return state.what_if is not None and state.what_if.removals == (state.selection,)


def steps(bench: Any, drag: Drag, count: int) -> list[float]:
    """Seconds from each step to its painted bars; no place is visited twice, so no answer is known before."""
    paints, bars = Paints(), bars_of(bench)
    seconds = []
    for i in range(count + 3):  # the first load what is used for the first time
        part = ((i + 1) * 0.6180339887) % 1  # forth and back, as far as the golden ratio takes it
        taken = paints.seconds(lambda part=part: drag.to(part), bars, lambda: answered(bench))
        seconds.append(taken)
        settle(5)
    drag.end()
    bench.state.set_selection(None)
    settle(50)
    return seconds[3:]


def stream(bench: Any, drag: Drag, seconds: float) -> dict[str, Any]:
    """A drag at 60 steps a second: how often the bars change, and how old the step is that they show."""
    moved: dict[Any, float] = {}
    ages: list[float] = []

    def on_answer(found: Any) -> None:
        if found is not None and found.removals:
            ages.append(time.perf_counter() - moved.get(found.removals[-1], float("nan")))

    bench.state.what_if_changed.connect(on_answer)
    begun, i = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        due = begun + (i + 1) * FRAME_S
        drag.to(0.5 - 0.5 * abs(1 - (i % 240) / 120) + 0.0007 * (i // 240))
        moved[bench.state.selection] = time.perf_counter()
        settle(max(1, round(1000 * (due - time.perf_counter()))))
        i += 1
    bench.state.what_if_changed.disconnect(on_answer)
    drag.end()
    bench.state.set_selection(None)
    settle(50)
    return {"steps": i, "answers_per_s": len(ages) / seconds, **summary(ages)}


def plain(bench: Any, count: int) -> dict[str, float]:
    """`Predictor.predict` on the sample on show, on the thread on which it runs in the window."""
    state, predictors = bench.state, bench.context.predictors
    release, inputs = state.release, state.sample.inputs

    def work(_report: Any, _token: Any) -> list[float]:
        predictor = predictors.get(release)
        seconds = []
        for _ in range(count + 3):
            begun = time.perf_counter()
            list(predictor.predict([inputs]))
            seconds.append(time.perf_counter() - begun)
        return seconds[3:]

    found: list[list[float]] = []
    job = bench.computer.start("plain", work)
    job.succeeded.connect(found.append)
    until(lambda: bool(found))
    return summary(found[0])


class Explaining:
    """Explanations one after the other, none of them from a cache, while this is open."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench

    def _again(self, attribution: Any) -> None:
        if attribution is not None and attribution.complete:
            self._bench.explain._kept.clear()
            segments = 16 if self._bench.state.explain_options.segments != 16 else 17
            self._bench.state.change_explain_options(segments=segments)

    def __enter__(self) -> None:
        os.environ["SIER_GUI_HOME"] = tempfile.mkdtemp(dir=os.environ["SIER_GUI_HOME"])
        self._bench.state.attribution_changed.connect(self._again)
        self._again(self._bench.state.attribution)
        settle(200)

    def __exit__(self, *_: object) -> None:
        self._bench.state.attribution_changed.disconnect(self._again)
        self._bench.actions.trigger("explain.cancel")
        settle(200)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    from sier_gui.app import WindowOptions, Workbench, make_application

    sys.setswitchinterval(0.001)
    application = make_application()
    options = WindowOptions(
        demo=arguments.release is None,
        path=None if arguments.release is None else str(Path(__file__).parents[1] / "resources" / "demo"),
        release=arguments.release,
        theme="light",
        device=arguments.device,
    )
    bench = Workbench(application, options, remember=False)
    bench.window.resize(1400, 900)
    bench.window.show()
    until(lambda: bench.state.attribution is not None and bench.state.attribution.complete, 600)
    bench.actions.action("predict.pause").trigger()  # the dataset's turn comes later
    settle(300)
    result: dict[str, Any] = {"plain predict": plain(bench, arguments.steps)}
    result["box on the picture"] = summary(steps(bench, on_picture(bench), arguments.steps))
    result["band on the spectrogram"] = summary(steps(bench, on_spectrogram(bench), arguments.steps))
    with Explaining(bench):
        while_busy = steps(bench, on_picture(bench), arguments.steps)
        result["box, while explaining"] = summary(while_busy)
    ticker = Ticker()
    ticker.start()
    result["60 steps a second, box"] = stream(bench, on_picture(bench), arguments.steps / 20)
    ticker.stop()
    result["window late meanwhile"] = ticker.result()["idle"]
    result["release"] = (
        f"{bench.state.release.label} on {bench.context.predictors.get(bench.state.release).device}"
    )
    bench.window.close()
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--release", metavar="DIR")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["SIER_GUI_HOME"] = home
        result = measure(arguments)
    import torch

    result["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    result["load_average"] = os.getloadavg()[0]
    for name, value in result.items():
        figures = "  ".join(f"{k} {v:.1f}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:<28} {figures}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
