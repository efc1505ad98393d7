"""Do the study's intervals cover? 2,000 studies of the default protocol, generated from known shares.

Each study has its own seed: its items, its 30 raters' cells and plans are made by the program and checked
for balance, and its raters and items differ by normal effects on the log odds of its own size. Answers are
then drawn for all studies at once. Beside the program's interval: Wilson's, which ignores clustering, and the
percentile bootstrap that resamples raters and items at once.

    python benchmarks/study_coverage.py [--studies 2000] [--bootstrap 200] [--json FILE]

Exit status 1 where coverage misses 93–97 % pooled or 91–99 % in a cell, or a design is not balanced.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.seeds import stream
from sier_gui.core.study import protocol
from sier_gui.core.study.assignment import MODALITIES, modality_of, plan
from sier_gui.core.study.differences import difference_spread
from sier_gui.core.study.intervals import (
    Layout,
    Spread,
    difference_interval,
    proportion_interval,
    spread,
)
from sier_gui.core.study.items import Candidate, select_items
from sier_gui.core.study.randomisation import CONTRASTS
from sier_gui.core.study.records import Kind, Protocol
from sier_gui.core.study.responses import Answers
from sier_gui.core.study.simulation import Effects, log_odds, paper_shares, simulated_raters

CLASSES = ("happy", "sad", "hate", "anger")
PER_CLASS = 24  # candidates
POOLED, EACH = (0.93, 0.97), (0.91, 0.99)
Floats = NDArray[np.float64]


def check_design(own: Protocol) -> list[str]:
    """What is not balanced in a study of this protocol's seed; nothing where all is as specified."""
    both = frozenset({"f", "m"})
    candidates = [Candidate(f"{c}{n:02d}", c, True, True, both) for c in CLASSES for n in range(PER_CLASS)]
    gold = {f"{c}{n:02d}" for c in CLASSES for n in (0, 9)}
    items = select_items(candidates, CLASSES, own, gold)
    raters = simulated_raters(own)
    trials = [(rater, trial) for rater in raters for trial in plan(own, items, rater)]
    main = [(rater, trial) for rater, trial in trials if trial.kind is Kind.MAIN]
    met = Counter((rater.rater, trial.sample_id) for rater, trial in trials)
    shown = Counter((trial.sample_id, trial.modality) for _, trial in main)
    voices = Counter((t.sample_id, t.modality, t.sex) for _, t in main if t.sex is not None)
    columns = Counter((rater.rater, trial.modality, trial.label) for rater, trial in main)
    facts = {
        "a rater meets an item twice": max(met.values()) == 1,
        "cells are not filled once": len({(r.group, r.order) for r in raters}) == 30 == len(raters),
        "an item is not met by six raters in each modality": len(shown) == 200 and set(shown.values()) == {6},
        "an item has not both sexes alike": len(voices) == 320 and set(voices.values()) == {3},
        "a rater does not meet each class twice in each column": len(columns) == 600
        and set(columns.values()) == {2},
    }
    return [fault for fault, holds in facts.items() if not holds]


def canonical_answers() -> Answers:
    """The default design with its names left out: 30 raters (group, order) × 40 items (class, list, k)."""
    label, on = (grid.ravel() for grid in np.meshgrid(range(4), range(5), range(2), indexing="ij")[:2])
    rater, item = (grid.ravel() for grid in np.indices((30, 40)))
    group = rater // 6
    modality = [MODALITIES.index(modality_of(int(on[i]), int(g))) for i, g in zip(item, group, strict=True)]
    zeros = np.zeros(len(rater), np.int64)
    return Answers(
        tuple(map(str, range(30))),
        tuple(map(str, range(40))),
        CLASSES,
        MODALITIES,
        rater=rater,
        item=item,
        label=label[item],
        modality=np.array(modality),
        answer=zeros,
        list=on[item],
        group=group,
        rt_ms=np.full(len(rater), np.nan),
    )


def draw(answers: Answers, shares: Floats, studies: int, seed: int) -> tuple[NDArray[np.bool_], Floats]:
    """Answers (studies, n) that agree with the label, and each study's effects (studies, 2)."""
    random = stream(seed, "coverage")
    sizes = np.column_stack([random.uniform(0.2, 1.0, studies), random.uniform(0.2, 1.2, studies)])
    correct = np.empty((studies, len(answers)), bool)
    for study, (of_rater, of_item) in enumerate(sizes):
        fixed = log_odds(shares, Effects(of_rater, of_item))
        odds = fixed[answers.label, answers.modality]
        odds = odds + of_rater * random.standard_normal(30)[answers.rater]
        odds = odds + of_item * random.standard_normal(40)[answers.item]
        correct[study] = random.random(len(odds)) < 1 / (1 + np.exp(-odds))
    return correct, sizes


def column_layout(answers: Answers, modality: int, label: int | None) -> tuple[NDArray[np.bool_], Layout]:
    mask = (answers.modality == modality) & ((answers.label == label) if label is not None else True)
    part = answers.where(mask)
    weights = np.full(len(part), 1 / len(part))  # equal numbers: all overalls and means coincide
    return mask, Layout(weights, part.rater, part.item, part.label, part.label)


def bootstrap(
    correct: NDArray[np.bool_], layout: Layout, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """The 2.5 and 97.5 % points of means over raters and items drawn anew, both at once (Owen 2007)."""
    raters = np.unique(layout.rater, return_inverse=True)[1]
    items = np.unique(layout.item, return_inverse=True)[1]
    draws = 400
    of_rater = random.multinomial(raters.max() + 1, np.full(raters.max() + 1, 1 / (raters.max() + 1)), draws)
    of_item = random.multinomial(items.max() + 1, np.full(items.max() + 1, 1 / (items.max() + 1)), draws)
    weights = (of_rater[:, raters] * of_item[:, items]).astype(float)  # (draws, n)
    weights = weights[weights.sum(1) > 0]
    means = correct @ weights.T / weights.sum(1)
    low, high = np.percentile(means, (2.5, 97.5), axis=1)
    return low, high


def covers(truth: float, ends: tuple[Floats, Floats]) -> float:
    return float(((ends[0] <= truth + 1e-12) & (truth - 1e-12 <= ends[1])).mean())


def wilson_ends(of: Spread, weights: Floats) -> tuple[Floats, Floats]:
    return proportion_interval(replace(of, variance=np.zeros_like(of.variance)), weights)


def column_coverage(
    answers: Answers, correct: NDArray[np.bool_], shares: Floats, few: int, seed: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """(ours, Wilson's, the bootstrap's) coverage of each cell, and of each modality overall."""
    random = stream(seed, "bootstrap")
    cells: dict[str, list[float]] = {}
    overall: dict[str, list[float]] = {}
    for m, modality in enumerate(MODALITIES):
        for label in (*range(len(CLASSES)), None):
            mask, layout = column_layout(answers, m, label)
            found = spread(layout, correct[:, mask])
            truth = float(shares[:, m].mean() if label is None else shares[label, m])
            row = [
                covers(truth, proportion_interval(found, layout.weights)),
                covers(truth, wilson_ends(found, layout.weights)),
                covers(truth, bootstrap(correct[:few][:, mask], layout, random)),
            ]
            name = f"{'overall' if label is None else CLASSES[label]} {modality}"
            (overall if label is None else cells)[name] = row
    return cells, overall


def difference_coverage(answers: Answers, correct: NDArray[np.bool_], shares: Floats) -> dict[str, float]:
    found = {}
    for first, second in CONTRASTS:
        before, after = MODALITIES.index(first), MODALITIES.index(second)
        mask = np.isin(answers.modality, (before, after))
        of = difference_spread(answers.where(mask), after, correct[:, mask])
        truth = float((shares[:, after] - shares[:, before]).mean())
        found[f"{second} − {first}"] = covers(truth, difference_interval(of))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--bootstrap", type=int, default=200, help="studies for the bootstrap beside it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    started = time.perf_counter()
    plain = protocol.load("default")
    faults = Counter(
        fault
        for study in range(arguments.studies)
        for fault in check_design(replace(plain, seed=arguments.seed * 1_000_000 + study))
    )
    seconds = time.perf_counter() - started
    print(f"{arguments.studies} designs, faults: {dict(faults) or 'none'} ({seconds:.0f} s)", flush=True)
    answers, table = canonical_answers(), paper_shares(CLASSES)
    shares = np.array([[table[label, modality] for modality in MODALITIES] for label in CLASSES])
    correct, sizes = draw(answers, shares, arguments.studies, arguments.seed)
    cells, overall = column_coverage(answers, correct, shares, arguments.bootstrap, arguments.seed)
    gaps = difference_coverage(answers, correct, shares)
    return report(arguments, cells, overall, gaps, faults, sizes, time.perf_counter() - started)


def report(
    arguments: argparse.Namespace,
    cells: dict[str, list[float]],
    overall: dict[str, list[float]],
    gaps: dict[str, float],
    faults: Counter[str],
    sizes: Floats,
    seconds: float,
) -> int:
    print(f"effects: raters {sizes[:, 0].min():.2f}–{sizes[:, 0].max():.2f}, "
          f"items {sizes[:, 1].min():.2f}–{sizes[:, 1].max():.2f} log odds")  # fmt: skip
    print("coverage of 95 % intervals, %      ours   Wilson  bootstrap")
    for name, row in {**cells, **overall}.items():
        print(f"{name:<30}" + "".join(f"{100 * value:9.2f}" for value in row))
    every = np.array(list(cells.values()))
    totals = np.array(list(overall.values()))
    print(f"{'cells, pooled':<30}" + "".join(f"{100 * value:9.2f}" for value in every.mean(0)))
    print(f"{'overall, pooled':<30}" + "".join(f"{100 * value:9.2f}" for value in totals.mean(0)))
    for name, value in gaps.items():
        print(f"difference {name:<19}{100 * value:9.2f}")
    ours = np.concatenate([every[:, 0], totals[:, 0]])
    good = (
        not faults
        and POOLED[0] <= ours.mean() <= POOLED[1]
        and EACH[0] <= ours.min()
        and ours.max() <= EACH[1]
    )
    print(f"pooled {100 * ours.mean():.2f}, from {100 * ours.min():.2f} to {100 * ours.max():.2f}: "
          f"{'within' if good else 'OUTSIDE'} the goal; {seconds:.0f} s")  # fmt: skip
    if arguments.json:
        names = ("ours", "wilson", "bootstrap")
        value = {
            "studies": arguments.studies,
            "seed": arguments.seed,
            "faults": dict(faults),
            "coverage": {k: dict(zip(names, v, strict=True)) for k, v in {**cells, **overall}.items()},
            "differences": gaps,
            "pooled": float(ours.mean()),
        }
        Path(arguments.json).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
