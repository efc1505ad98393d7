"""How near the Shapley estimator comes, what that costs, and whether its error bars cover.

    python benchmarks/estimators.py [--grid 3] [--segments 6] [--samples 20] [--seeds 10] [--black-box]
                                    [--json FILE]

Games of the demo release on its test samples. All coalitions of a sample are valued once and kept under
build/estimators (4×4 + 8: 45 s of CPU time and 268 MB a sample), so every run answers by look-up and is held
to exact values. Beside it antithetic permutation sampling at the same budget of passes: inputs through the
expensive part of the network, images and speech alike; with ``--black-box`` every coalition is one. Errors
are relative L2 errors for the class predicted, over samples × seeds; the ratio is mean error to mean error
(goal: at most 1.05). Coverage is of 95 % bars, pooled over samples, seeds and players (goal: 90–98 %); beside
it the samples that are covered least and most. Passes to an error: median over samples, fewest and most.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from explain_table import Bench, machine, name_of, say
from explain_truth import masks_in_order, network_game, shapley_of

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Z95, Bools, ExplainRequest, Floats
from sier_gui.core.explain.game import NetworkGame, corners_of
from sier_gui.core.explain.players import Ints
from sier_gui.core.explain.shapley.estimator import kriged_values
from sier_gui.core.explain.shapley.limits import GROWTH, Limits
from sier_gui.core.explain.shapley.sampling import sampled_values
from sier_gui.core.paths import atomic_file, write_json

FOLDER = Path(__file__).resolve().parents[1] / "build" / "estimators"
IMAGE_MASKS = 2048  # valued at a time
MOST_PASSES = 1650  # of a budget; several times what 5 % take
LEVELS = (0.10, 0.05)


class TableGame:
    """A game whose coalitions were all valued before: ``table`` (2^n_image, 2^n_speech, C).

    The first player's bit is the highest.
    """

    def __init__(self, shapes: Mapping[Modality, tuple[int, ...]], table: Floats) -> None:
        self.shapes, self.corners, self.table = shapes, corners_of(shapes), table

    def values(self, masks: Mapping[Modality, Bools], index: Mapping[Modality, Ints]) -> Floats:
        image, speech = (_rows(masks[m])[index[m]] for m in self.shapes)
        return self.table[image, speech].astype(np.float64)

    def grid(self, masks: Mapping[Modality, Bools]) -> Floats:
        image, speech = (_rows(masks[m]) for m in self.shapes)
        return self.table[image][:, speech].astype(np.float64)


def _rows(masks: Bools) -> Ints:
    return masks @ (1 << np.arange(masks.shape[1])[::-1])


@dataclass(frozen=True)
class Truth:
    """A sample's game by look-up, the class predicted and its exact values (n,)."""

    game: TableGame
    target: int
    shapley: Floats


def truths(grid: int, segments: int, samples: int) -> Iterator[Truth]:
    """Samples spread over the demo's test split, under the default absence."""
    bench, request = Bench(False, 1, samples), ExplainRequest("shapley", grid, segments)
    for inputs in bench.inputs(samples):
        game = network_game(bench.demo, inputs, request, black_box=False, batch=16)
        name = "-".join([bench.demo.release.weights_hash[:12], inputs.content_hash[:12], request.absence])
        table = kept_table(game, FOLDER / f"{name}-{name_of(request)}.npy")
        target = int(table[-1, -1].argmax())
        joint = table[..., target].reshape(-1, 1)
        yield Truth(TableGame(dict(game.shapes), table), target, shapley_of(joint, grid * grid)[:, 0])


def kept_table(game: NetworkGame, file: Path) -> Floats:
    """(2^n_image, 2^n_speech, C) float32: every coalition, valued where ``file`` does not have it."""
    if not file.is_file():
        say(f"valuing every coalition: {file.name}")
        image, speech = (masks_in_order(math.prod(shape)) for shape in game.shapes.values())
        parts = []
        for start in range(0, len(image), IMAGE_MASKS):
            masks = {Modality.IMAGE: image[start : start + IMAGE_MASKS], Modality.SPEECH: speech}
            parts.append(game.grid(masks).astype(np.float32))
        with atomic_file(file) as temporary:
            np.save(temporary, np.concatenate(parts))
    return np.asarray(np.load(file, mmap_mode="r"))


# ---------------------------------------------------------------- runs


@dataclass(frozen=True)
class Run:
    """An estimate's relative L2 ``error``; of each player whether its 95 % bar covers, None where exact."""

    error: float
    covered: Bools | None


Curve = dict[int, list[Run]]  # by budget, a run for each seed
ESTIMATORS = {"ours": kriged_values, "antithetic permutations": sampled_values}


def curve_of(name: str, truth: Truth, black_box: bool, budgets: Sequence[int], seeds: int) -> Curve:
    """Budgets too small for the estimator are left out."""
    found: Curve = {}
    for budget in budgets:
        try:
            found[budget] = [one_run(name, truth, black_box, budget, seed) for seed in range(seeds)]
        except SierError:  # says that the budget is too small
            continue
    return found


def one_run(name: str, truth: Truth, black_box: bool, budget: int, seed: int) -> Run:
    estimates = ESTIMATORS[name](truth.game, separable=not black_box, seed=seed, limits=Limits(budget))
    *_, last = estimates
    off = np.abs(of_class(last.values, truth.target) - truth.shapley)
    covered = None if last.stderr is None else off <= Z95 * of_class(last.stderr, truth.target)
    return Run(float(np.linalg.norm(off) / np.linalg.norm(truth.shapley)), covered)


def of_class(values: Mapping[Modality, Floats], c: int) -> Floats:
    """(C, *layout) by modality → (n,)."""
    return np.concatenate([v[c].ravel() for v in values.values()])


def budgets_of(counts: Sequence[int], black_box: bool) -> list[int]:
    """Each half as large again as the one before, up to `MOST_PASSES` or nearly all passes there are."""
    every = 2 ** sum(counts) if black_box else sum(2**n for n in counts)
    budgets = [64]
    while budgets[-1] * GROWTH < min(MOST_PASSES + 1, every):
        budgets.append(round(budgets[-1] * GROWTH))
    return budgets


# ---------------------------------------------------------------- figures


def row_of(budget: int, curves: Mapping[str, Sequence[Curve]]) -> dict[str, Any] | None:
    """What a budget comes to over all samples and seeds; None where ours does not start there."""
    runs = {name: [one for curve in found for one in curve.get(budget, [])] for name, found in curves.items()}
    ours, peer = ([one.error for one in found] for found in runs.values())
    if not ours:
        return None
    by_sample = [
        np.mean([one.covered for one in c[budget] if one.covered is not None]) for c in curves["ours"]
    ]
    return {
        "passes": budget,
        "error": quantiles(ours),
        "permutations": quantiles(peer) if peer else None,
        "ratio": float(np.mean(ours) / np.mean(peer)) if peer else None,
        "cover": float(np.mean(by_sample)),
        "cover_of_samples": [float(np.min(by_sample)), float(np.max(by_sample))],
    }


def quantiles(errors: Sequence[float]) -> list[float]:
    """Median and 90 %."""
    return [float(q) for q in np.quantile(errors, [0.5, 0.9])]


def passes_to(curve: Curve, level: float) -> float:
    """Passes at which the median error over seeds falls to ``level`` for good; between budgets by power law.

    Infinite where it does not; the smallest budget where it is there from the beginning.
    """
    budgets = sorted(curve)
    errors = [float(np.median([one.error for one in curve[b]])) for b in budgets]
    above = [i for i, error in enumerate(errors) if error > level]
    if not above:
        return budgets[0]
    i = above[-1]
    if i + 1 == len(budgets):
        return math.inf
    share = math.log(errors[i] / level) / math.log(errors[i] / errors[i + 1])
    return float(budgets[i] * (budgets[i + 1] / budgets[i]) ** share)


def as_text(row: Mapping[str, Any]) -> str:
    median, most = row["error"]
    peer = "– | –"
    if row["permutations"] is not None:
        peer = "{:.1%} ({:.1%}) | {:.3f}".format(*row["permutations"], row["ratio"])
    low, high = row["cover_of_samples"]
    cover = f"{row['cover']:.1%} ({low:.0%}–{high:.0%})"
    return f"| {row['passes']} | {median:.2%} ({most:.2%}) | {peer} | {cover} |"


def report(budgets: Sequence[int], curves: Mapping[str, Sequence[Curve]]) -> dict[str, Any]:
    """Print the table and what a wanted error costs; the same as JSON."""
    rows = [row for row in (row_of(budget, curves) for budget in budgets) if row]
    print("| passes | error, median (90 %) | permutations | ratio of means | bars cover (samples) |")
    print("|---|---|---|---|---|")
    print("\n".join(map(as_text, rows)))
    reached: dict[str, dict[str, list[float | None]]] = {}
    for name, found in curves.items():
        reached[name] = {}
        for level in LEVELS:
            passes = [passes_to(curve, level) for curve in found]
            reached[name][f"{level:.0%}"] = [p if math.isfinite(p) else None for p in passes]
            least, median, most = (
                as_passes(p, budgets) for p in np.quantile(passes, [0, 0.5, 1], method="nearest")
            )
            print(f"{name} to {level:.0%}: {median} passes ({least} to {most})")
    return {"rows": rows, "passes_to": reached}


def as_passes(passes: float, budgets: Sequence[int]) -> str:
    if passes <= budgets[0]:
        return f"≤ {budgets[0]}"
    return f"{passes:.0f}" if math.isfinite(passes) else f"> {budgets[-1]}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grid", type=int, default=3)
    parser.add_argument("--segments", type=int, default=6)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--black-box", action="store_true")
    parser.add_argument("--json", metavar="FILE", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    budgets = budgets_of([given.grid**2, given.segments], given.black_box)
    curves: dict[str, list[Curve]] = {name: [] for name in ESTIMATORS}
    for number, truth in enumerate(truths(given.grid, given.segments, given.samples)):
        say(f"sample {number + 1} of {given.samples}")
        for name, found in curves.items():
            found.append(curve_of(name, truth, given.black_box, budgets, given.seeds))
    options = {key: value for key, value in vars(given).items() if key != "json"}
    facts = {"machine": machine(), **options, **report(budgets, curves)}
    if given.json:
        write_json(given.json, facts)


if __name__ == "__main__":
    main()
