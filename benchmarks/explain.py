"""What explanations cost, with shap, Captum and shapiq beside them on the same games (docs/explain.md).

    python benchmarks/explain.py                    every row, 20 samples: hours (the exact games; kept)
    python benchmarks/explain.py --quick            under two minutes, smaller games (15 players, not 24)
    python benchmarks/explain.py --rows 1,4,9 --threads 2 --json FILE

One process, one run: both sides use the same network, layout (channels_last), threads, inference mode and
batch, whichever of 8, 16 and 32 suits the peers' black box best. Times are CPU seconds where a peer stands
beside them, since they suffer least from what else the machine does; elsewhere wall. Preparation, such as
tables of local patterns, is inside our times. Ratios are medians over samples, with quartiles. The 1/8 width
network is the trained demo release; full width has seeded weights. Inputs are the demo's test samples.

Rows 1–4, exact Owen values. shap.PartitionExplainer's full tree at 1/8 width is run in full; ours, which is
shorter, three times, the median counting. At full width the peer is priced: its evaluations times the CPU
seconds that one takes in the best batch, measured on a tenth of them (or on as many as the note says), and
its own time, measured on a game that costs nothing.

Rows 5, 6 and 10, Shapley values of 4×4 + 8 players. Errors are relative L2 errors for the predicted class,
from exact values: all 2^24 coalitions are enumerated once per sample, and black boxes answer the peers from
that table. A budget reaches an error where the median over seeds does; budgets grow by √2. A peer's time is
its own (measured on a game that costs nothing) plus its evaluations times the seconds of one on the real
network in the best batch, even where it asks for one at a time. Ours is explain() on the real network with
the budget that reaches the error, timed in turn with that price. Exact values and errors are kept under
build/explain, times never.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from explain_peers import BlackBox, partition_explainer
from explain_shapley import row_7, row_10, rows_5_6
from explain_table import Bench, Row, Table, final, full_width, name_of, percent, say, seconds_per_call, timed
from explain_truth import flat, network_box
from torch.profiler import ProfilerActivity, profile

from sier_gui.core.domain import Modality, SampleInputs
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.tasks import Cancelled, CancelToken, Progress

MODALITY = ExplainRequest("modality")


# ---------------------------------------------------------------- rows 1 to 4: exact Owen values


def row_1(bench: Bench) -> Iterator[Row]:
    """PartitionExplainer's full tree: the same numbers."""
    yield from beside_partition(bench, "1", "full tree", 10**6, 20)


def row_4(bench: Bench) -> Iterator[Row]:
    """PartitionExplainer as it comes, and how far off that is."""
    yield from beside_partition(bench, "4", "default 500", 500, 3)


def beside_partition(bench: Bench, number: str, name: str, evaluations: int, goal: float) -> Iterator[Row]:
    batch, _ = bench.price(bench.demo)
    request = ExplainRequest(grid=4 if bench.quick else 8, segments=16, batch=batch)
    ours, peers, errors, calls = [], [], [], 0
    for inputs in bench.inputs(1 if bench.quick else 3):
        say(f"row {number}: {inputs.sample_id}")
        final(bench.demo, inputs, MODALITY)  # warm
        runs = [timed(final, bench.demo, inputs, request) for _ in range(3)]
        found, cpu = runs[0][0], float(np.median([cpu for *_, cpu in runs]))
        exact, shapes = flat(found), shapes_of(found)
        partition_explainer(network_box(bench.demo, inputs, request, batch), shapes, 30, batch)  # compiles
        box = network_box(bench.demo, inputs, request, batch)
        values, _, peer = timed(partition_explainer, box, shapes, evaluations, batch)
        ours.append(cpu)
        peers.append(peer)
        errors.append(float(np.linalg.norm(values - exact) / np.linalg.norm(exact)))
        calls = box.evaluations
    error = percent(float(np.median(errors)))
    yield Row(
        number,
        f"exact Owen {name_of(request)}, 1/8 width: PartitionExplainer, {name}",
        float(np.median(ours)),
        "s CPU",
        float(np.median(peers)),
        np.divide(peers, ours).tolist(),
        None if bench.quick else goal,
        notes=[f"peer: {calls} evaluations, {error} from ours (relative L2); batch {batch}"],
        facts={"ours": ours, "peer": peers, "errors": errors, "evaluations": calls, "batch": batch},
    )


def shapes_of(found: Any) -> Mapping[Modality, tuple[int, ...]]:
    return {m: v.shape[1:] for m, v in found.values.items()}


def row_2(bench: Bench) -> Iterator[Row]:
    yield from at_full_width(bench, "2", ExplainRequest(grid=4, segments=16), 12)


def row_3(bench: Bench) -> Iterator[Row]:
    yield from at_full_width(bench, "3", ExplainRequest(grid=8, segments=16), 9)


def at_full_width(bench: Bench, number: str, request: ExplainRequest, goal: float) -> Iterator[Row]:
    """The peer's price: its evaluations, and its own time on a game that costs nothing."""
    batch, _ = bench.price(bench.full)
    request = replace(request, batch=batch)
    ours, peers, calls, evaluations = [], [], 0, 0
    for inputs in bench.inputs(1 if bench.quick else 3):
        say(f"full width, exact Owen {name_of(request)}: {inputs.sample_id}")
        found, _, cpu = timed(final, bench.full, inputs, request)
        evaluations = found.evaluations
        calls = 32 if bench.quick else min(evaluations // 10, 128)
        each = seconds_per_call(bench.full, inputs, request, batch, calls)
        ours.append(cpu)
        peers.append(each * evaluations + partition_overhead(found, batch))
    yield Row(
        number,
        f"exact Owen {name_of(request)}, full width: PartitionExplainer, full tree",
        float(np.median(ours)),
        "s CPU",
        float(np.median(peers)),
        np.divide(peers, ours).tolist(),
        goal,
        notes=[f"peer timed on {calls} of its {evaluations} evaluations and scaled; batch {batch}"],
        facts={"ours": ours, "peer": peers, "calls": calls, "evaluations": evaluations, "batch": batch},
    )


def partition_overhead(found: Any, batch: int) -> float:
    """CPU seconds of PartitionExplainer's own on the full tree."""
    shapes = shapes_of(found)
    players, classes = sum(int(np.prod(s)) for s in shapes.values()), len(found.classes)
    weights = np.random.default_rng(0).normal(size=(players, classes))
    box = BlackBox(lambda present: np.tanh(present @ weights), players)
    partition_explainer(box, shapes, 30, batch)  # warm: shap compiles
    box.seconds = 0.0
    return timed(partition_explainer, box, shapes, 10**6, batch)[2] - box.seconds


# ---------------------------------------------------------------- rows 8 and 9: wall clock


def row_8(bench: Bench) -> Iterator[Row]:
    """Anytime: what a person waits for at full width."""
    inputs = bench.inputs(1)[0]
    final(bench.full, inputs, MODALITY)  # warm
    walls = [timed(final, bench.full, inputs, MODALITY)[1] for _ in range(3)]
    where = f"full width, threads: {bench.threads}"
    yield Row("8", f"modality split, {where}", float(np.median(walls)), "s wall", goal=1)
    if not bench.quick:
        request = ExplainRequest(grid=4, segments=16)
        _, wall, _ = timed(final, bench.full, inputs, request)
        yield Row("8", f"exact Owen {name_of(request)}, {where}", wall, "s wall", goal=12)
    if torch.cuda.is_available():
        yield from row_8_gpu(inputs)


def row_8_gpu(inputs: SampleInputs) -> Iterator[Row]:
    model, found = full_width("cuda"), {}
    final(model, inputs, ExplainRequest(grid=4, segments=16))  # warm
    settings = [(8, 16, "float32", 1.0), (16, 32, "float32", 15.0), (16, 32, "tf32", 5.0)]
    for grid, segments, precision, goal in settings:
        request = ExplainRequest(grid=grid, segments=segments, precision=precision)
        result, wall, _ = timed(final, model, inputs, request)
        values, known = flat(result), found.get((grid, segments))
        apart = 0.0 if known is None else float(np.abs(values - known).max())
        found[grid, segments] = values
        yield Row(
            "8",
            f"exact Owen {name_of(request)}, full width, GPU, {precision}",
            wall,
            "s wall",
            goal=goal,
            failed="" if apart <= 1e-3 else "not equal",
            notes=[] if known is None else [f"differs from float32 by {apart:.1e} at most (goal 1e-3)"],
        )


class NoNetwork:
    """Stands where the network would: any use of it is an error."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the network was asked for {name}")


def row_9(bench: Bench) -> Iterator[Row]:
    """From the cache, by a predictor without a network."""
    model, inputs = bench.demo, bench.inputs(1)[0]
    request = ExplainRequest(grid=4 if bench.quick else 8, segments=16)
    empty = SimpleNamespace(
        network=NoNetwork(), front=model.front, classes=model.classes, release=model.release
    )
    with tempfile.TemporaryDirectory() as folder:
        cache = AttributionCache(Path(folder))
        first = final(model, inputs, request, cache=cache)
        again = [timed(final, empty, inputs, request, cache=cache) for _ in range(20)]
    assert all(np.array_equal(flat(found), flat(first)) for found, *_ in again)
    times = [1e3 * wall for _, wall, _ in again]
    yield Row(
        "9",
        f"exact Owen {name_of(request)} reopened from the cache, no network",
        float(np.median(times)),
        "ms",
        goal=50,
        notes=[f"median of {len(times)}, slowest {max(times):.1f} ms"],
    )


# ---------------------------------------------------------------- memory, and where the time goes


def row_memory(bench: Bench) -> Iterator[Row]:
    """In a process of its own, since a process's peak never falls."""
    seconds = 10 if bench.quick else bench.memory_seconds
    say(f"peak memory over {seconds:g} s" if seconds else "peak memory of the whole explanation")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        gib, share = pool.submit(peak_memory, seconds, bench.threads).result()
    whole = share == 1
    part = (
        "all of it" if whole else f"its first {seconds:g} s only, {percent(share)} of the passes: no verdict"
    )
    what = "peak memory, exact Owen 16×16+32, full width"
    yield Row("mem", what, gib, "GiB", goal=6 if whole or gib > 6 else None, notes=[part])


def peak_memory(seconds: float, threads: int) -> tuple[float, float]:
    """GiB at most so far, and the share of the explanation that was done in ``seconds`` (0: all the time)."""
    torch.set_num_threads(threads)
    inputs = Bench(True, threads).inputs(1)[0]
    model, token, share = full_width(), CancelToken(), 0.0
    end = time.perf_counter() + (seconds or float("inf"))

    def report(progress: Progress) -> None:
        nonlocal share
        share = progress.fraction
        if time.perf_counter() > end:
            token.cancel()

    try:
        final(model, inputs, ExplainRequest(grid=16, segments=32), report=report, token=token)
        share = 1.0
    except Cancelled:
        pass
    # not getrusage: ru_maxrss starts from the peak of the process that started this one
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kib = int(status.partition("VmHWM:")[2].split()[0])
    return kib / 2**20, share


# operators that are the network's own work; what is left of an explanation's time is masks, look-ups, Python
LAYERS = ("conv", "addmm", "aten::mm", "linear", "pool", "relu", "clamp_min", "batch_norm")


def row_share(bench: Bench) -> Iterator[Row]:
    """How much of an explanation's time is not spent in the network's layers, by torch's profiler."""
    models = {"1/8 width": (bench.demo, 4 if bench.quick else 8), "full width": (bench.full, 4)}
    for width, (model, grid) in list(models.items())[: 1 if bench.quick else 2]:
        request = ExplainRequest(grid=grid, segments=16, batch=bench.price(model)[0])
        inputs = bench.inputs(1)[0]
        final(model, inputs, MODALITY)  # warm
        with profile(activities=[ProfilerActivity.CPU], record_shapes=bench.profile) as watched:
            _, wall, _ = timed(final, model, inputs, request)
        events = watched.key_averages()
        inside = sum(e.self_cpu_time_total for e in events if any(part in e.key for part in LAYERS)) / 1e6
        name = f"share of time outside the network's layers, {name_of(request)}, {width}"
        yield Row("out", name, 100 * (1 - inside / wall), "%")
        if bench.profile:
            by_shape = watched.key_averages(group_by_input_shape=True)
            print(by_shape.table(sort_by="self_cpu_time_total", row_limit=25, max_shapes_column_width=70))


# ---------------------------------------------------------------- the table

ROWS = {
    "1": row_1,
    "2": row_2,
    "3": row_3,
    "4": row_4,
    "5": rows_5_6,
    "6": rows_5_6,
    "7": row_7,
    "8": row_8,
    "9": row_9,
    "10": row_10,
    "mem": row_memory,
    "out": row_share,
}
QUICK = ("1", "4", "5", "6", "7", "8", "9", "10", "mem", "out")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer players and samples, under two minutes")
    parser.add_argument("--rows", metavar="1,5,mem", help=f"some of {', '.join(ROWS)}")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--samples", type=int, help="for rows 5, 6 and 10: 20, or 3 with --quick")
    parser.add_argument("--memory-seconds", type=float, default=120.0, help="of row mem; 0: all of it")
    parser.add_argument("--profile", action="store_true", help="row out also prints time by layer")
    parser.add_argument("--json", metavar="FILE", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    wanted = given.rows.split(",") if given.rows else list(QUICK if given.quick else ROWS)
    unknown = [number for number in wanted if number not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    samples = given.samples or (3 if given.quick else 20)
    bench = Bench(given.quick, given.threads, samples, given.memory_seconds, given.profile)
    table = Table(bench, given.json)
    for make in dict.fromkeys(ROWS[number] for number in wanted):
        for row in make(bench):
            if row.number in wanted:
                table.add(row)


if __name__ == "__main__":
    main()
