"""How near the Shapley estimator comes, and whether its error bars cover: python benchmarks/estimators.py

Games of the demo release on its test samples, 3×3 patches + 6 segments (15 players), all 32,768 coalitions
enumerated once, so that every run answers by look-up. Beside it antithetic permutation sampling with the same
number of passes. Relative L2 errors for the class predicted, over 20 samples × 10 seeds; the ratio is mean
error to mean error (explain.md §1: at most 1.05); coverage is of 95 % bars, pooled over samples, seeds,
players.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from explain_table import Bench
from explain_truth import exact_table, network_game, shapley_of

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Z95, ExplainRequest, Floats
from sier_gui.core.explain.estimate import Estimate
from sier_gui.core.explain.game import corners_of
from sier_gui.core.explain.shapley.estimator import kriged_values
from sier_gui.core.explain.shapley.limits import Limits
from sier_gui.core.explain.shapley.sampling import sampled_values


class TableGame:
    """A game whose coalitions were all valued before; image players first, the first one's bit highest."""

    def __init__(self, shapes: dict[Modality, tuple[int, ...]], table: Floats) -> None:
        self.shapes, self.corners, self._table = shapes, corners_of(shapes), table

    def values(self, masks: dict, index: dict) -> Floats:
        joint = np.concatenate([masks[m][index[m]] for m in self.shapes], axis=1)
        return self._table[joint @ (1 << np.arange(joint.shape[1])[::-1])].astype(np.float64)


def flat(values: dict[Modality, Floats], c: int) -> Floats:
    return np.concatenate([v[c].ravel() for v in values.values()])


def last(estimates) -> Estimate:
    *_, final = estimates
    return final


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budgets", type=int, nargs="*", default=[108, 162, 243, 364])
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench(True, 1, arguments.samples)
    request = ExplainRequest("shapley", 3, 6)
    games = []
    for inputs in bench.inputs(arguments.samples):
        game = network_game(bench.demo, inputs, request, black_box=False, batch=16)
        table = exact_table(game)
        c = int(table[-1].argmax())
        games.append((TableGame(dict(game.shapes), table), c, shapley_of(table, 9)[:, c]))
    print(f"{len(games)} samples × {arguments.seeds} seeds, 15 players")
    print(
        "| passes | error, median (90 %) | permutations, median (90 %) | ratio of means | coverage | CPU ms |"
    )
    print("|---|---|---|---|---|---|")
    rows = []
    for budget in arguments.budgets:
        found: dict[str, list[float]] = {"ours": [], "permutations": [], "cover": [], "cpu": []}
        for game, c, truth in games:
            size = np.linalg.norm(truth)
            for seed in range(arguments.seeds):
                started = time.process_time()
                ours = last(kriged_values(game, separable=True, seed=seed, limits=Limits(budget)))
                found["cpu"].append(1e3 * (time.process_time() - started))
                miss = flat(ours.values, c) - truth
                found["ours"].append(float(np.linalg.norm(miss) / size))
                if ours.stderr is not None:
                    found["cover"].append(float((np.abs(miss) <= Z95 * flat(ours.stderr, c)).mean()))
                floor = last(sampled_values(game, separable=True, seed=seed, limits=Limits(budget)))
                found["permutations"].append(float(np.linalg.norm(flat(floor.values, c) - truth) / size))
        row = {
            "passes": budget,
            "median": float(np.median(found["ours"])),
            "p90": float(np.percentile(found["ours"], 90)),
            "permutations_median": float(np.median(found["permutations"])),
            "permutations_p90": float(np.percentile(found["permutations"], 90)),
            "ratio": float(np.mean(found["ours"]) / np.mean(found["permutations"])),
            "coverage": float(np.mean(found["cover"])) if found["cover"] else None,
            "cpu_ms": float(np.median(found["cpu"])),
        }
        rows.append(row)
        cover = "exact" if row["coverage"] is None else f"{row['coverage']:.1%}"
        print(
            f"| {budget} | {row['median']:.1%} ({row['p90']:.1%}) | {row['permutations_median']:.1%} "
            f"({row['permutations_p90']:.1%}) | {row['ratio']:.2f} | {cover} | {row['cpu_ms']:.0f} |",
            flush=True,
        )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
