"""How late the GUI thread is while the window works: a 5 ms timer, and what the window is made to do."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer

TICK_MS = 5
SHOWING_S = 0.3  # after a switch the window decodes, lays out and paints a new sample


class Ticker(QObject):
    """Notes how late each tick comes, in seconds, by what the window was doing (`phase`).

    Beside it, what of that is our own doing: less what this thread waited for a core, and as much CPU time as
    the process used meanwhile, at most. Where others have the machine, or stop us, little is left of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.late: dict[str, list[tuple[float, float]]] = {}
        self.phase = "idle"
        self._passing, self._until = "", 0.0
        self._due, self._used, self._waited = 0.0, 0.0, 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def for_a_while(self, phase: str, seconds: float = SHOWING_S) -> None:
        """Another phase for so long."""
        self._passing, self._until = phase, time.perf_counter() + seconds

    def start(self) -> None:
        self._due = time.perf_counter() + TICK_MS / 1000
        self._used, self._waited = time.process_time(), waited_for_a_core()
        self._timer.start(TICK_MS)

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now, used, waited = time.perf_counter(), time.process_time(), waited_for_a_core()
        late = max(0.0, now - self._due)
        own = max(0.0, min(late - (waited - self._waited), used - self._used))
        phase = self._passing if now < self._until else self.phase
        self.late.setdefault(phase, []).append((late, own))
        self._due, self._used, self._waited = now + TICK_MS / 1000, used, waited

    def result(self) -> dict[str, dict[str, float]]:
        return {phase: lateness(late) for phase, late in self.late.items()}


def waited_for_a_core() -> float:
    """Seconds that the calling thread was ready to run and did not, by the kernel (Linux)."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def settle(ms: int) -> None:
    """Let the window do what it has to do for ``ms`` milliseconds."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def until(condition: Any, limit_s: float = 120, every_ms: int = 1) -> float:
    """Spin the event loop until ``condition()``; seconds it took."""
    loop, tick = QEventLoop(), QTimer()
    started = time.perf_counter()

    def look() -> None:
        if condition() or time.perf_counter() - started > limit_s:
            loop.quit()

    tick.timeout.connect(look)
    tick.start(every_ms)
    loop.exec()
    tick.timeout.disconnect(look)  # a cycle would be let go by whichever thread comes to look for garbage
    if not condition():
        raise RuntimeError("the condition did not come true")
    return time.perf_counter() - started


def summary(seconds: list[float]) -> dict[str, float]:
    ms = np.array(seconds) * 1000
    return {
        "median_ms": float(np.median(ms)),
        "p95_ms": float(np.quantile(ms, 0.95)),
        "max_ms": float(ms.max()),
    }


def lateness(ticks: list[tuple[float, float]]) -> dict[str, float]:
    late, own = 1000 * np.array(ticks).T
    return {
        "ticks": len(late),
        "median_ms": float(np.median(late)),
        "p99_ms": float(np.quantile(late, 0.99)),
        "max_ms": float(late.max()),
        "over_50_ms": int((late > 50).sum()),
        "own_max_ms": float(own.max()),
        "own_over_50_ms": int((own > 50).sum()),
    }


# ---------------------------------------------------------------- what the window is made to do


def explaining(workbench: Any, seconds: float, ticker: Ticker) -> dict[str, Any]:
    """Explanations run one after the other without a cache."""
    state = workbench.state
    until(lambda: state.attribution is not None)
    finished = {"n": 0}

    def again(attribution: Any) -> None:
        if attribution is not None and attribution.complete:
            finished["n"] += 1
            QTimer.singleShot(0, lambda: workbench.actions.trigger("sample.next"))

    ticker.phase = "explaining"
    state.sample_changed.connect(lambda _view: ticker.for_a_while("while a sample appears"))
    state.attribution_changed.connect(again)
    again(state.attribution)
    ticker.start()
    settle(int(seconds * 1000))
    ticker.stop()
    busy = workbench.computer.busy("explain")
    return {
        **ticker.result(),
        "explanations_finished": finished["n"],
        "explaining_at_the_end": bool(busy),
        "switch_to_first_new_attribution": summary(switch_times(workbench)),
    }


def switch_times(workbench: Any, count: int = 10) -> list[float]:
    """Next sample while an explanation runs: until the new sample's first attribution arrives."""
    state, times = workbench.state, []
    for _ in range(count):
        settle(700)
        before = state.sample
        started = time.perf_counter()
        workbench.actions.trigger("sample.next")
        until(lambda before=before: state.sample is not before and state.attribution is not None)
        times.append(time.perf_counter() - started)
    return times


def ready(workbench: Any) -> None:
    """The first sample is explained, the dataset predicted: nothing is under way."""
    state, computer = workbench.state, workbench.computer
    until(lambda: state.attribution is not None and state.attribution.complete, every_ms=20)
    until(lambda: not computer.busy("dataset"), limit_s=400, every_ms=20)
    settle(2500)  # words are looked for after a rest


def surveying(workbench: Any, seconds: float, ticker: Ticker) -> dict[str, Any]:
    """A survey with equal segments, then one by words; the table is fed every two seconds, not ten."""
    ready(workbench)
    survey, computer = workbench.survey, workbench.computer
    survey._feeding.setInterval(2000)
    ticker.start()
    done: dict[str, Any] = {}
    for name, segments in (("survey", 16), ("survey by words", "words")):
        ticker.phase = name
        if workbench.state.predictions is not None:
            workbench.state.predictions.image_share[:] = np.nan  # so that there is something to feed
        survey.start(replace(workbench.state.explain_options, grid=4, segments=segments))
        settle(int(seconds * 1000))
        so_far = survey._state
        done[f"{name}: samples explained"] = 0 if so_far is None else so_far.computed
        ticker.phase = f"{name}, stopping"
        workbench.actions.trigger("survey.cancel")
        until(lambda: not computer.busy("survey"), every_ms=20)
        settle(500)
    ticker.stop()
    return {**ticker.result(), **done}


def checking(workbench: Any, seconds: float, ticker: Ticker) -> dict[str, Any]:
    """Is the map true? One sample after the other, the report shown for a second each."""
    ready(workbench)
    state, computer = workbench.state, workbench.computer
    until_s = time.perf_counter() + seconds
    checked = 0
    ticker.start()
    while time.perf_counter() < until_s:
        ticker.phase = "truth"
        ticker.for_a_while("truth, opening" if checked else "truth, opening first")
        workbench.actions.trigger("explain.truth")
        until(lambda: not computer.busy("truth"), limit_s=300, every_ms=20)
        ticker.phase = "truth, report appears"
        settle(1000)
        checked += 1
        ticker.phase = "while a sample appears"
        before = state.sample
        workbench.actions.trigger("sample.next")
        until(lambda before=before: state.sample is not before, every_ms=20)
        until(lambda: state.attribution is not None and state.attribution.complete, every_ms=20)
    ticker.stop()
    return {**ticker.result(), "maps_checked": checked}


PROBES = {"latency": explaining, "survey": surveying, "truth": checking}
