"""What the rows of explain.py are made of: networks, samples, clocks, goals, the machine."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import explain_peers
import numpy as np
import torch
from explain_truth import network_box

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, SampleInputs
from sier_gui.core.explain.attribution import Attribution, ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release
from sier_gui.core.paths import resources, write_json

CLASSES = ("anger", "happy", "hate", "sad")
BATCHES = (8, 16, 32)


# ---------------------------------------------------------------- networks, samples, clocks


def full_width(device: str = "cpu") -> Any:
    """ParallelNet at full width with seeded weights, and what explain() asks of a Predictor."""
    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", CLASSES, 1.0))
    network.module.eval().to(device)
    release = SimpleNamespace(weights_hash="seed 0, width 1", label="benchmark/1")
    return SimpleNamespace(network=network, front=FrontEnd(), classes=CLASSES, release=release)


@dataclass
class Bench:
    """The options of a run, and what several rows need: made when first asked for."""

    quick: bool
    threads: int
    samples: int = 1
    memory_seconds: float = 0.0
    profile: bool = False
    _prices: dict[int, tuple[int, float]] = field(default_factory=dict)

    @cached_property
    def demo(self) -> Predictor:
        """The trained release: 1/8 width."""
        return Predictor(choose_release((), name="demo/1"), "cpu")

    @cached_property
    def full(self) -> Any:
        return full_width()

    def inputs(self, count: int) -> list[SampleInputs]:
        """Samples of the demo's test split, spread over it (it is ordered by class)."""
        catalogue = open_dataset(resources() / "demo")
        rows = np.flatnonzero(catalogue.column("split") == "test")
        chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]
        return [load_inputs(catalogue.sample(int(row)), self.demo.front) for row in chosen]

    def price(self, model: Any) -> tuple[int, float]:
        """The batch, of 8, 16 and 32, in which the network as a black box is fastest; CPU seconds per input.

        For our engine too: both sides run in this batch.
        """
        if id(model) not in self._prices:
            count = 32 if model is self.full else 192
            inputs, request = self.inputs(1)[0], ExplainRequest("shapley", 4, 8)
            found = {b: seconds_per_call(model, inputs, request, b, count) for b in BATCHES}
            batch = min(found, key=lambda b: found[b])
            say("CPU ms per input by batch: " + ", ".join(f"{b}: {1e3 * s:.1f}" for b, s in found.items()))
            self._prices[id(model)] = batch, found[batch]
        return self._prices[id(model)]


def seconds_per_call(
    model: Any, inputs: SampleInputs, request: ExplainRequest, batch: int, count: int
) -> float:
    """CPU seconds that the network takes for a random coalition, over ``count`` of them in ``batch``es."""
    box = network_box(model, inputs, request, batch)
    coalitions = np.random.default_rng(0).random((count + batch, box.players)) < 0.5
    box(coalitions[:batch])  # warm
    _, _, cpu = timed(box, coalitions[batch:])
    return cpu / count


def timed(run: Callable[..., Any], *given: Any, **more: Any) -> tuple[Any, float, float]:
    """``run(*given, **more)``: result, wall seconds, CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run(*given, **more)
    return result, time.perf_counter() - wall, time.process_time() - cpu


def final(model: Any, inputs: SampleInputs, request: ExplainRequest, **more: Any) -> Attribution:
    """The last, complete attribution."""
    *_, last = explain(model, inputs, request, **more)
    return last


def say(text: str) -> None:
    """What is being done, and how much CPU time went by, on stderr: the table goes to stdout."""
    print(f"{time.process_time():6.0f} s  {text}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- rows


@dataclass
class Row:
    """A figure with its goal: ``ratios`` (how many times our figure the peer's is) at least ``goal``, or
    ``ours`` at most ``goal`` where there are none. ``beyond``: the peer did not get there, so more than that.
    ``failed``: why the figure does not count, whatever it is.
    """

    number: str
    figure: str
    ours: float
    unit: str
    peer: float | None = None
    ratios: Sequence[float] = ()
    goal: float | None = None
    beyond: bool = False
    failed: str = ""
    notes: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return float(np.median(self.ratios)) if len(self.ratios) else None

    @property
    def reached(self) -> bool | None:
        """None where no goal is set."""
        if self.goal is None:
            return None
        good = self.ours <= self.goal if self.ratio is None else self.ratio >= self.goal
        return good and not self.failed

    @property
    def verdict(self) -> str:
        if self.goal is None or self.reached is None:
            return ""
        if self.reached or self.failed:
            return f"missed: {self.failed}" if self.failed else "reached"
        if self.ratio is not None:
            return f"missed: {self.ratio / self.goal:.0%} of it"
        return f"missed: {self.ours / self.goal:.2g} times it"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}

    def as_text(self) -> str:
        more = "> " if self.beyond else ""
        ratio = ""
        if self.ratio is not None:
            low, high = np.percentile(self.ratios, (25, 75))
            spread = f" ({low:.3g}–{high:.3g})" if len(self.ratios) > 1 else ""
            ratio = f"{more}{self.ratio:.3g}×{spread}"
        goal = "" if self.goal is None else f"{'≤' if self.ratio is None else '≥'} {self.goal:g}"
        peer = "" if self.peer is None else f"{more}{self.peer:.3g}"
        cells = f"{self.number:<4}{self.figure:<68}{self.ours:>9.3g} {self.unit:<7}{peer:>9}  {ratio:<22}"
        return "\n".join([f"{cells}{goal:<8}{self.verdict}", *(f"      {note}" for note in self.notes)])


HEAD = f"{'':<4}{'figure':<68}{'ours':>9} {'':<7}{'peer':>9}  {'ratio (quartiles)':<22}{'goal':<8}"


@dataclass
class Table:
    """Rows as they come, printed at once and kept as JSON, so that a run cut short leaves what it found."""

    bench: Bench
    target: Path | None
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = machine()
        print("  ".join(f"{key} {value}" for key, value in self.machine.items()))
        if self.bench.quick:
            print("--quick: smaller games and fewer samples than the goals are set for")
        print(HEAD)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        print(row.as_text(), flush=True)
        if self.target is not None:
            options = {"quick": self.bench.quick, "samples": self.bench.samples}
            rows = [one.as_json() for one in self.rows]
            write_json(self.target, {"schema": 1, "machine": self.machine, **options, "rows": rows})


def machine() -> dict[str, Any]:
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        **explain_peers.versions(),
    }


def cpu_name() -> str:
    """As Linux names it; elsewhere what Python knows."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def name_of(request: ExplainRequest) -> str:
    """The players, as 8×8+16."""
    return f"{request.grid}×{request.grid}+{request.segments}"


def percent(value: float) -> str:
    """A share as a person reads it."""
    if value < 1e-3:
        return f"{value:.0e}"
    return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}"
