"""What explaining a whole dataset costs: python benchmarks/survey.py [--samples N] [--quick] [--json FILE]

First table, measured: the demo set by the demo release with 1 worker, 2 workers and 2 Dask workers on this
machine, one torch thread each; whether all gave the same numbers; speed-up in wall time from start to end,
and of the pace (samples a second after the first, so without starting processes). "Cores" is CPU time over
wall time: below the number of workers, something else used the machine, and the speed-ups are too low. "On
idle cores" is workers × CPU time a sample with one worker ÷ with these: what spreading itself leaves of them.

Second table, on paper: time and money for 80,893 samples at full width. A core's seconds a sample are
measured here, with seeded weights. GPUs are computed: multiply-adds a sample (counted where they are run)
over a rate that a GPU is assumed to sustain, plus the host's seconds, measured with a network of a sixteenth
of the width, whose own arithmetic they include. Rate and prices are options; the table says which were used.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas
import psutil
import torch
from torch.utils.flop_counter import FlopCounterMode

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.survey.grids import parse_grids, spread_rows
from sier_gui.core.explain.survey.run import spoken, surveying
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.releases import Release, choose_release
from sier_gui.core.paths import resources, write_json

SAMPLES = 80_893  # of the paper's dataset
NARROW = 1 / 16
SETUPS = (
    ("1 worker", {"workers": 1}),
    ("2 workers", {"workers": 2}),
    ("Dask, 2 workers", {"workers": 2, "engine": "dask"}),
)


# ---------------------------------------------------------------- measured: workers


def cpu_seconds() -> float:
    """Of this process and of all that it started, those that have ended among them."""
    used = 0.0
    for process in (me := psutil.Process(), *me.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def measured(
    catalogue: Catalogue, release: Release, rows: list[int], out: Path, more: dict[str, Any]
) -> dict[str, float]:
    """Wall and CPU seconds of the whole; pace and CPU seconds a sample once the first was there."""
    request = ExplainRequest(grid=4, segments=8)
    started = first = last = (time.perf_counter(), cpu_seconds())
    already = 0
    for state in surveying(
        catalogue, release, request, out, rows=rows, device="cpu", threads=1, use_cache=False, **more
    ):
        if state.computed and not already:
            first, already = (time.perf_counter(), cpu_seconds()), state.computed
        if state.computed == len(rows) and last == started:
            last = time.perf_counter(), cpu_seconds()
    wall, cpu = time.perf_counter() - started[0], cpu_seconds() - started[1]
    between = len(rows) - already
    return {
        "wall_s": wall,
        "cores": cpu / wall,
        "start_s": first[0] - started[0],
        "pace": between / (last[0] - first[0]),
        "cpu_per_sample_s": (last[1] - first[1]) / between,
    }


def workers_table(count: int) -> list[dict[str, Any]]:
    catalogue = open_dataset(resources() / "demo")
    release = choose_release(catalogue.classes, catalogue.dataset_hash, "demo")
    rows = spread_rows(catalogue, count)
    found: list[dict[str, Any]] = []
    tables: list[pandas.DataFrame] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, more) in enumerate(SETUPS):
            out = Path(folder) / str(number)
            row = {"setup": name, "samples": len(rows), **measured(catalogue, release, rows, out, more)}
            tables.append(pandas.read_parquet(out).drop(columns="seconds"))
            found.append(
                row
                | {
                    "speed_up": (found[0] if found else row)["wall_s"] / row["wall_s"],
                    "pace_up": row["pace"] / (found[0] if found else row)["pace"],
                    "pace_up_idle": more["workers"]
                    * (found[0] if found else row)["cpu_per_sample_s"]
                    / row["cpu_per_sample_s"],
                    "equal": same(tables[0], tables[-1]),
                }
            )
    return found


def same(one: pandas.DataFrame, other: pandas.DataFrame) -> bool:
    """Equal in every bit."""
    try:
        pandas.testing.assert_frame_equal(one, other, check_exact=True)
    except AssertionError:
        return False
    return True


# ---------------------------------------------------------------- on paper: the whole dataset


def model(width: float) -> Any:
    """ParallelNet with seeded weights, and what explain() asks of a Predictor."""
    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", ("anger", "happy", "hate", "sad"), width))
    network.module.eval()
    release = SimpleNamespace(weights_hash=f"seed 0, width {width}", label="benchmark/1")
    return SimpleNamespace(network=network, front=FrontEnd(), classes=network.classes, release=release)


def cpu_of(run: Callable[[], Any]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def cost(catalogue: Catalogue, request: ExplainRequest, repeats: int) -> dict[str, float]:
    """Per sample: a core's seconds at full width, multiply-adds, the host's seconds beside a GPU."""
    sample = catalogue.sample(0)
    inputs = load_inputs(sample, FrontEnd())
    prepare = float(np.median([cpu_of(lambda: load_inputs(sample, FrontEnd())) for _ in range(5)]))

    def explaining(width: float) -> Callable[[], None]:
        network = model(width)

        def run() -> None:
            for _ in explain(network, inputs, request):
                pass

        return run

    narrow, wide = explaining(NARROW), explaining(1.0)
    narrow()
    host = float(np.median([cpu_of(narrow) for _ in range(3)]))
    seconds = float(np.median([cpu_of(wide) for _ in range(repeats)]))
    with FlopCounterMode(display=False) as counter:
        wide()
    return {
        "prepare_s": prepare,
        "core_s": prepare + seconds,
        "gmac": counter.get_total_flops() / 2e9,
        "host_s": prepare + host,
    }


def paper_rows(costs: dict[str, float], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Hours and money for all samples: cores share them, a GPU's processes overlap host and network."""

    def row(name: str, seconds: float, price: float) -> dict[str, Any]:
        hours = seconds * SAMPLES / 3600
        return {"machine": name, "s_per_sample": seconds, "hours": hours, "price": hours * price}

    yield row(
        f"CPU, {options.cores} cores", costs["core_s"] / options.cores / options.efficiency, options.cpu_price
    )
    network = costs["gmac"] / options.gpu_rate / 1e3
    for gpus in (1, 8):
        for processes in (1, 4):
            alone = costs["host_s"] + network
            seconds = alone if processes == 1 else max(costs["host_s"] / processes, network)
            name = f"{gpus} × GPU, processes each: {processes}"
            spread = 1.0 if gpus == 1 else options.efficiency
            yield row(name, seconds / gpus / spread, gpus * options.gpu_price)


# ---------------------------------------------------------------- printing


def markdown(head: list[str], rows: list[list[str]]) -> None:
    print("\n| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def show_workers(rows: list[dict[str, Any]]) -> None:
    cells = {
        "setup": "{setup}",
        "samples": "{samples}",
        "wall": "{wall_s:.1f} s",
        "first after": "{start_s:.1f} s",
        "cores": "{cores:.2f}",
        "samples/s": "{pace:.2f}",
        "CPU a sample": "{cpu_per_sample_s:.3f} s",
        "speed-up": "{speed_up:.2f}×",
        "of the pace": "{pace_up:.2f}×",
        "on idle cores": "{pace_up_idle:.2f}×",
    }
    equal = {True: "bit for bit", False: "NO"}
    body = [[*(cell.format(**row) for cell in cells.values()), equal[row["equal"]]] for row in rows]
    markdown([*cells, "equal"], body)


def show_paper(request: str, costs: dict[str, float], rows: list[dict[str, Any]]) -> None:
    print(
        f"\n{SAMPLES:,} samples, exact Owen values, {request}, full width. Measured for one sample: "
        f"{costs['core_s']:.1f} s of one core, {1e3 * costs['prepare_s']:.0f} ms of it to decode; "
        f"{costs['gmac']:,.0f} GMAC; at most {costs['host_s']:.2f} s of the host beside a GPU."
    )
    markdown(
        ["machine", "s a sample", "time", "price"],
        [
            [r["machine"], f"{r['s_per_sample']:.3g}", spoken(3600 * r["hours"]), f"{r['price']:,.0f} USD"]
            for r in rows
        ],
    )


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "cpu": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--samples", type=int, default=144, help="of the demo set, for the first table")
    found.add_argument("--quick", action="store_true", help="32 samples; on paper only 4+16, run once")
    found.add_argument("--grids", default="4+16,8+16", help="patches a side + segments, for the second table")
    found.add_argument("--cores", type=int, default=16, help="of the CPU on paper, each as fast as one here")
    found.add_argument("--efficiency", type=float, default=0.95, help="of spreading over cores and over GPUs")
    found.add_argument("--cpu-price", type=float, default=0.8, help="USD an hour for those cores")
    found.add_argument(
        "--gpu-rate", type=float, default=10.0, help="TMAC/s that a GPU sustains (1 TMAC = 2 TFLOP)"
    )
    found.add_argument("--gpu-price", type=float, default=3.0, help="USD an hour for one GPU with its host")
    found.add_argument("--json", metavar="FILE", help="the same as JSON; '-': standard output")
    return found


def main() -> None:
    options = parser().parse_args()
    grids = parse_grids("4+16" if options.quick else options.grids)
    found: dict[str, Any] = {"schema": 1, "before": machine(), "options": vars(options)}
    found["workers"] = workers_table(min(options.samples, 32) if options.quick else options.samples)
    show_workers(found["workers"])
    torch.set_num_threads(1)
    catalogue = open_dataset(resources() / "demo")
    found["paper"] = []
    for grid, segments in grids:
        name = f"{grid}×{grid} + {segments}"
        costs = cost(catalogue, ExplainRequest(grid=grid, segments=segments), 1 if options.quick else 2)
        rows = list(paper_rows(costs, options))
        show_paper(name, costs, rows)
        found["paper"].append({"players": name, **costs, "rows": rows})
    print(
        f"\nAssumed, not measured: cores as fast as one here, {options.efficiency:.0%} kept when spreading; "
        f"a GPU that sustains {options.gpu_rate:g} TMAC/s ({2 * options.gpu_rate:g} TFLOP/s); "
        f"{options.cpu_price:g} USD an hour for {options.cores} cores, {options.gpu_price:g} for a GPU with "
        "its host. With 4 processes a GPU the host's part is divided by 4 and overlaps the network's."
    )
    found["after"] = machine()
    print(f"Machine: {found['after']}; load before {found['before']['load']}")
    if options.json == "-":
        print(json.dumps(found, indent=1))
    elif options.json:
        write_json(Path(options.json), found)


if __name__ == "__main__":
    main()
