"""What explanations cost, beside shap on the same game: python benchmarks/explain.py [--quick] [--json FILE]

Seeded weights, generated inputs, one process. Times are CPU time where a peer is beside them, else wall
time; the machine, its threads and load are printed, since a loaded machine is slower. The peer gets the same
network, inputs, tree, batch size and threads; where its full tree would take minutes it is timed on a tenth
of its calls and scaled, which the table says.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality, SampleInputs
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import Attribution, ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.owen import halves, whole
from sier_gui.core.explain.players import players_for
from sier_gui.core.nets.networks import NetworkConfig, build

CLASSES = ("angry", "happy", "hate", "sad")
FRONT = FrontEnd()


def predictor(width: float) -> Any:
    """ParallelNet with seeded weights, and what explain() asks of a Predictor."""
    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", CLASSES, width))
    network.module.eval()
    release = SimpleNamespace(weights_hash=f"seed 0, width {width}", label="benchmark/1")
    return SimpleNamespace(network=network, front=FRONT, classes=CLASSES, release=release)


def sample() -> SampleInputs:
    """A smooth picture with a bright square, and two seconds of a swelling tone in noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:240, :320]
    picture = np.stack([x * 255 // 320, y * 255 // 240, (x + y) % 256], -1).astype(np.uint8)
    picture[60:140, 100:200] = 250
    t = np.arange(32_000) / 16_000
    speech = 0.3 * np.sin(2 * np.pi * 220 * t) * np.sin(np.pi * t / 2) + 0.02 * rng.normal(size=t.size)
    return inputs_from("benchmark", picture, speech.astype(np.float32), FRONT)


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, wall seconds, CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def final(model: Any, inputs: SampleInputs, request: ExplainRequest, **more: Any) -> Attribution:
    *_, last = explain(model, inputs, request, **more)
    return last


# ---------------------------------------------------------------- what Python costs


def outside_the_network(model: Any, inputs: SampleInputs, request: ExplainRequest) -> float:
    """Share of an explanation's wall time that is not spent in the network: masks, look-ups, estimates."""
    inside, depth = 0.0, 0
    network = model.network

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal inside, depth
            started, depth = time.perf_counter(), depth + 1
            result = method(*arguments)
            depth -= 1
            inside += 0 if depth else time.perf_counter() - started  # embed calls prefix and suffix
            return result

        return call

    kept = {name: getattr(network, name) for name in WATCHED if hasattr(network, name)}
    for name, method in kept.items():
        setattr(network, name, watched(method))
    _, wall, _ = timed(lambda: final(model, inputs, request))
    for name in kept:
        delattr(network, name)
    return 1 - inside / wall


WATCHED = ("embed", "prefix", "suffix", "fuse")


def lateness(run: Callable[[], Any], period: float = 0.005) -> dict[str, float]:
    """How late a 5 ms ticker of another Python thread is while ``run`` works: what a window would feel."""
    done, late = threading.Event(), []

    def tick() -> None:
        while True:
            started = time.perf_counter()
            if done.wait(period):
                return
            late.append(time.perf_counter() - started - period)

    ticker = threading.Thread(target=tick)
    ticker.start()
    run()
    done.set()
    ticker.join()
    return {"median_ms": 1e3 * float(np.median(late)), "max_ms": 1e3 * max(late)}


# ---------------------------------------------------------------- the peer


def linkage(shapes: dict[Modality, tuple[int, ...]]) -> np.ndarray:
    """The halving tree in scipy's format, which shap takes as a clustering."""
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    rows: list[list[float]] = []

    def join(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        size = left[1] + right[1]
        rows.append([left[0], right[0], len(rows) + 1, size])
        return total + len(rows) - 1, size

    def below(box: Any, numbers: np.ndarray) -> tuple[int, int]:
        pair = halves(box)
        if pair is None:
            return int(numbers[tuple(start for start, _ in box)]), 1
        return join(below(pair[0], numbers), below(pair[1], numbers))

    first, nodes = 0, []
    for shape in shapes.values():
        numbers = first + np.arange(np.prod(shape)).reshape(shape)
        nodes.append(below(whole(shape), numbers))
        first += numbers.size
    join(*nodes)
    table = np.array(rows, float)
    table[:, 2] /= len(table)
    return table


def partition_explainer(
    model: Any, inputs: SampleInputs, request: ExplainRequest, evaluations: int, batch: int
) -> tuple[np.ndarray, int, float]:
    """shap.PartitionExplainer on the same game: values (players, C), calls made, CPU seconds."""
    import shap

    players = players_for(inputs, FRONT, request)
    means = {m: v.numpy() for m, v in model.network.absence_mean.items()}
    black_box = SimpleNamespace(
        module=model.network.module, forward=model.network.forward, separable=False, classes=CLASSES
    )
    absent = stand_ins(request.absence, inputs.tensors, means, request.seed)
    game = NetworkGame(black_box, inputs.tensors, absent, players, batch=batch)
    n_image, n = players.counts[Modality.IMAGE], sum(players.counts.values())
    calls = 0

    def value(rows: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += len(rows)
        present = np.asarray(rows) > 0.5
        masks = {Modality.IMAGE: present[:, :n_image], Modality.SPEECH: present[:, n_image:]}
        return game.values(masks, dict.fromkeys(masks, np.arange(len(rows))))

    class Masker:
        def __init__(self) -> None:
            self.clustering, self.shape = linkage(players.shapes), (1, n)

        def __call__(self, mask: np.ndarray, x: np.ndarray) -> tuple[np.ndarray]:
            return (np.asarray(mask, float).reshape(1, -1) * x,)

    explainer = shap.PartitionExplainer(value, Masker())
    result, _, cpu = timed(
        lambda: explainer(np.ones((1, n)), max_evals=evaluations, batch_size=batch, silent=True)
    )
    return result.values[0], calls, cpu


# ---------------------------------------------------------------- the table


def small_network(rows: list[dict[str, Any]], inputs: SampleInputs, quick: bool) -> None:
    """1/8 width: exact Owen values, the peer on the same tree, the cache."""
    model, request = predictor(1 / 8), ExplainRequest(grid=4 if quick else 8, segments=16)
    name = f"exact Owen {request.grid}×{request.grid}+{request.segments}, 1/8 width"
    final(model, inputs, ExplainRequest("modality"))  # warm
    found, wall, cpu = timed(lambda: final(model, inputs, request))
    rows.append(
        {
            "what": name,
            "wall_s": wall,
            "cpu_s": cpu,
            "evaluations": found.evaluations,
            "passes": found.provenance["passes"],
            "residual": found.residual(),
        }
    )
    rows.append(
        {"what": "  share of it outside the network", "share": outside_the_network(model, inputs, request)}
    )
    rows.append(
        {"what": "  5 ms ticker beside it, late by", **lateness(lambda: final(model, inputs, request))}
    )
    peer_row(rows, model, inputs, request, found, cpu)
    with tempfile.TemporaryDirectory() as folder:
        cache = AttributionCache(Path(folder))
        final(model, inputs, request, cache=cache)
        times = [timed(lambda: final(model, inputs, request, cache=cache))[1] for _ in range(20)]
    rows.append(
        {"what": "reopened from the cache, median of 20 (goal ≤ .05)", "wall_s": float(np.median(times))}
    )


def peer_row(
    rows: list[dict[str, Any]],
    model: Any,
    inputs: SampleInputs,
    request: ExplainRequest,
    found: Attribution,
    cpu: float,
) -> None:
    """shap's full tree, timed on a tenth of its calls; and its default of 500 evaluations with its error."""
    batch = 8
    partition_explainer(model, inputs, request, 30, batch)  # warm: shap compiles
    _, calls, tenth = partition_explainer(model, inputs, request, found.evaluations // 10, batch)
    whole_tree = tenth * found.evaluations / calls
    rows.append(
        {
            "what": f"  shap.PartitionExplainer, full tree (timed on {calls} calls, scaled)",
            "cpu_s": whole_tree,
            "evaluations": found.evaluations,
            "times_ours": whole_tree / cpu,
        }
    )
    values, calls, default = partition_explainer(model, inputs, request, 500, batch)
    exact = np.concatenate([v.reshape(len(CLASSES), -1).T for v in found.values.values()])
    error = float(np.linalg.norm(values - exact) / np.linalg.norm(exact))
    rows.append(
        {
            "what": f"  shap.PartitionExplainer, its default of 500 evaluations; error {error:.0%}",
            "cpu_s": default,
            "evaluations": calls,
            "times_ours": default / cpu,
        }
    )


def full_width(rows: list[dict[str, Any]], inputs: SampleInputs, quick: bool) -> None:
    model = predictor(1.0)
    requests = {"modality split, full width (goal ≤ 1 s, two cores)": ExplainRequest("modality")}
    if not quick:
        requests["exact Owen 4×4+16, full width (goal ≤ 12 s, two cores)"] = ExplainRequest(
            grid=4, segments=16
        )
    final(model, inputs, ExplainRequest("modality"))  # warm
    for what, request in requests.items():
        found, wall, cpu = timed(lambda request=request: final(model, inputs, request))
        rows.append(
            {
                "what": what,
                "wall_s": wall,
                "cpu_s": cpu,
                "evaluations": found.evaluations,
                "passes": found.provenance["passes"],
            }
        )


def machine() -> dict[str, Any]:
    import shap

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "shap": shap.__version__,
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
    }


def show(facts: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    print("  ".join(f"{key} {value}" for key, value in facts.items()))
    for row in rows:
        numbers = "  ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in row.items()
            if key != "what"
        )
        print(f"{row['what']:<72} {numbers}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4×4+16 and the modality split only")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    facts, inputs, rows = machine(), sample(), []
    small_network(rows, inputs, arguments.quick)
    full_width(rows, inputs, arguments.quick)
    show(facts, rows)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
