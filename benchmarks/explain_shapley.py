"""Rows 5, 6, 7 and 10 of explain.py: what Shapley values cost until they are near the exact ones."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from explain_peers import PEERS, Peer, own_seconds
from explain_table import Bench, Row, final, name_of, percent, say, seconds_per_call, timed
from explain_truth import Plan, Study, flat, reached, share

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import ExplainRequest

# row, error, how many times faster than: Captum's two, the best of shapiq (shap has no goal)
TARGETS = (
    ("5", 0.10, {"ShapleyValueSampling": 20, "KernelShap": 30}, 8),
    ("6", 0.05, {"ShapleyValueSampling": 25, "KernelShap": 25}, 12),
)


def game_of(bench: Bench) -> ExplainRequest:
    """4×4 + 8 players; few enough for a second's enumeration where it must be quick."""
    return ExplainRequest("shapley", 3 if bench.quick else 4, 6 if bench.quick else 8)


def peers_of(bench: Bench, number: int) -> list[Peer]:
    """The slow ones on the first sample only, and not where time is short."""
    return [peer for peer in PEERS if not peer.slow or (number == 0 and not bench.quick)]


def studies_of(bench: Bench, *, peers: bool) -> list[Study]:
    """Exact values of each sample and, with ``peers``, their errors: measured now or kept from before.

    Measured in processes of their own: tables and tree models leave a process slower for good, and the
    clocks of this one are to be trusted.
    """
    numbers = range(len(bench.inputs(bench.samples)))
    given = {n: peers_of(bench, n) if peers else [] for n in numbers}
    wanted = [n for n in numbers if not study_of(bench, n).knows(given[n])]
    # a big table is made in a fresh process; small ones need not wait for shap to compile each time
    each = None if bench.quick else 1
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=each) as pool:
        for n in wanted:
            pool.submit(complete, bench.quick, bench.threads, bench.samples, n, peers).result()
    return [study_of(bench, n) for n in numbers]


def study_of(bench: Bench, number: int) -> Study:
    plan = Plan(seeds=2, most=4096) if bench.quick else Plan()
    return Study.of(bench.demo, bench.inputs(bench.samples)[number], game_of(bench), plan)


def complete(quick: bool, threads: int, samples: int, number: int, peers: bool) -> None:
    """In the other process: fill the file of study ``number``."""
    torch.set_num_threads(threads)
    bench = Bench(quick, threads, samples)
    study_of(bench, number).complete(peers_of(bench, number) if peers else [], say)


def rows_5_6(bench: Bench) -> Iterator[Row]:
    studies = studies_of(bench, peers=True)
    batch, _ = bench.price(bench.demo)
    say("rows 5 and 6: ours and the network's price, timed in turn")
    timings = {number: [our_cost(s, error, batch) for s in studies] for number, error, *_ in TARGETS}
    for number, error, captum, shapiq in TARGETS:
        ours = timings[number]
        costs = {p.label: Cost(p, studies, error, ours) for p in PEERS if not p.slow}
        goals = {f"captum {name}": goal for name, goal in captum.items()}
        best = min((label for label in costs if label.startswith("shapiq")), key=lambda x: costs[x].median)
        goals |= {best: shapiq}
        for label in [*goals, *(label for label in costs if label.startswith("shap "))]:
            yield compare(bench, number, error, ours, costs[label], goals.get(label))
        lines = [*exact_line(ours), *(cost.line for cost in costs.values()), *slow_lines(studies[0], error)]
        yield Row(
            number,
            f"  where {error:.0%} is reached: inputs through the network",
            float(np.median([one["passes"] for one in ours])),
            "passes",
            notes=lines,
            facts={"batch": batch, "ours": ours, "peers": {label: c.points for label, c in costs.items()}},
        )


def our_cost(study: Study, error: float, batch: int) -> dict[str, Any]:
    """Seconds of explain() with the smallest budget that reaches ``error``; with the largest, if none does.

    Median over the seeds; beside it, measured in between, what one evaluation costs a peer (``price``).
    """
    curve = study.our_curve(say)
    found = reached(curve, error)
    request = replace(study.request, budget=found or max(curve), batch=batch)
    times, prices = [], []
    for seed in range(study.plan.seeds):
        result, _, cpu = timed(final, study.model, study.inputs, replace(request, seed=seed))
        times.append(cpu)
        prices.append(seconds_per_call(study.model, study.inputs, request, batch, 64))
    return {
        "sample": study.inputs.sample_id,
        "seconds": float(np.median(times)),
        "price": float(np.median(prices)),
        "budget": request.budget,
        "reached": found is not None,
        "passes": result.provenance["passes"],
        "exact": result.stderr is None,
    }


class Cost:
    """What a peer needs to reach an error: its own time there, and its evaluations at the network's price."""

    def __init__(
        self, peer: Peer, studies: Sequence[Study], error: float, ours: Sequence[dict[str, Any]]
    ) -> None:
        self.peer = peer
        pairs = zip(studies, ours, strict=True)
        self.points = [self._point(study, error, one["price"]) for study, one in pairs]
        self.seconds = [point["seconds"] for point in self.points]
        self.median = float(np.median(self.seconds))
        # where half the samples were given up on, the median is a lower bound
        missed = sum(not point["reached"] for point in self.points)
        self.beyond = 2 * missed >= len(self.points)
        calls, own = (np.median([point[key] for point in self.points]) for key in ("evaluations", "own"))
        more = "> " if self.beyond else ""
        time = f"{more}{self.median:.3g} s, {own:.2g} s of it its own"
        self.line = f"{peer.label:<46}{more + format(calls, '.0f'):>9} evaluations: {time}"
        if missed:
            self.line += f"; not reached on {missed} of {len(self.points)} samples"

    def _point(self, study: Study, error: float, price: float) -> dict[str, Any]:
        curve = study.peer_curve(self.peer)
        found = reached(curve, error)
        budget = found or max(curve)
        own, calls = own_time(self.peer, len(study.shapley), budget), curve[budget]["evaluations"]
        return {
            "seconds": own + calls * price,
            "own": own,
            "evaluations": calls,
            "budget": budget,
            "reached": found is not None,
        }


own_time = cache(own_seconds)


def exact_line(ours: Sequence[dict[str, Any]]) -> list[str]:
    """Said where our engine had no need to estimate."""
    count = sum(one["exact"] for one in ours)
    return [f"ours enumerated every coalition on {count} of {len(ours)} samples: exact"] if count else []


def compare(
    bench: Bench,
    number: str,
    error: float,
    ours: Sequence[dict[str, Any]],
    peer: Cost,
    goal: float | None,
) -> Row:
    game = game_of(bench)
    missed = sum(not one["reached"] for one in ours)
    # where ours never came that near, it was no times faster
    ratios = [p / o["seconds"] if o["reached"] else 0.0 for p, o in zip(peer.seconds, ours, strict=True)]
    return Row(
        number,
        f"Shapley {name_of(game)} to {error:.0%}: {peer.peer.label}",
        float(np.median([one["seconds"] for one in ours])),
        "s CPU",
        peer.median,
        ratios,
        None if bench.quick else goal,
        beyond=peer.beyond,
        notes=[f"ours did not reach it on {missed} of {len(ours)} samples"] if missed else [],
    )


def slow_lines(study: Study, error: float) -> Iterator[str]:
    """What the slow peers came to on the first sample."""
    for peer in PEERS:
        if peer.slow and peer.label in study.known["peers"]:
            curve = study.peer_curve(peer)
            point = curve[reached(curve, error) or max(curve)]
            calls, off = point["evaluations"], percent(float(np.median(point["errors"])))
            yield f"{peer.label:<46}{calls:>9} evaluations: error {off}, {point['own']:.2g} s of its own"


def row_7(bench: Bench) -> Iterator[Row]:
    """Every coalition of 24 players, by explain() itself; held to the sums of `explain_truth` where known."""
    study = study_of(bench, 0)
    request = replace(study.request, budget=10**5)
    say("row 7: exact Shapley values")
    found, wall, cpu = timed(final, study.model, study.inputs, request)
    passes = found.provenance["passes"]
    notes = [f"{found.evaluations} coalitions in {passes} passes, {cpu:.3g} s CPU"]
    if "shapley" in study.known:
        apart = float(np.abs(flat(found) - study.shapley).max())
        notes.append(f"differs from the sums over the table of rows 5 and 6 by {apart:.0e} at most")
    yield Row(
        "7",
        f"exact Shapley {name_of(request)}, 1/8 width, threads: {bench.threads}",
        wall,
        "s wall",
        goal=None if bench.quick else 120,
        failed="" if found.stderr is None else "sampled, not exact",
        notes=notes,
        facts={"wall": wall, "cpu": cpu, "evaluations": found.evaluations, "passes": passes},
    )


def row_10(bench: Bench) -> Iterator[Row]:
    """Points by which the image's share of Σ|φ| is off; Owen values are held to Owen values."""
    game, off, between = game_of(bench), {"shapley": [], "owen": []}, []
    for study in studies_of(bench, peers=False):
        n_image, c = study.players.counts[Modality.IMAGE], study.target
        exact = {"shapley": study.shapley[:, c], "owen": study.owen[:, c]}
        for method, found in off.items():
            values = flat(final(study.model, study.inputs, replace(game, method=method)))[:, c]
            found.append(100 * abs(share(values, n_image) - share(exact[method], n_image)))
        between.append(100 * abs(share(exact["owen"], n_image) - share(exact["shapley"], n_image)))
    what = {"shapley": "Shapley, default budget", "owen": "Owen"}
    for method, points in off.items():
        notes = [f"worst {max(points):.2g} over {len(points)} samples"]
        if method == "owen":
            notes.append(
                f"exact Owen and exact Shapley shares are {np.median(between):.2g} points apart (median)"
            )
        yield Row(
            "10",
            f"modality share {name_of(game)}, {what[method]}, median error",
            float(np.median(points)),
            "points",
            goal=1,
            notes=notes,
            facts={"points": points, "between_owen_and_shapley": between},
        )
