"""Raters whose true accuracy is known: to fill the demo study, and to see whether intervals cover.

A simulated rater's pseudonym begins with `records.SIMULATED`, so that nobody takes one for a person.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.seeds import stream
from sier_gui.core.study.assignment import next_cell, plan
from sier_gui.core.study.published import paper_table
from sier_gui.core.study.records import (
    SIMULATED,
    Item,
    Kind,
    Modality,
    Protocol,
    Rater,
    Response,
    Sex,
    Trial,
)
from sier_gui.core.study.responses import TABLE_KINDS

Floats = NDArray[np.float64]
_NODES = 64


@dataclass(frozen=True, slots=True)
class Effects:
    """How much raters and items differ: standard deviations of normal effects on the log odds."""

    rater: float = 0.5
    item: float = 0.8


def log_odds(share: Floats, effects: Effects) -> Floats:
    """The fixed part whose mean over raters and items is ``share``: E[logistic(x + effects)] = share.

    Solved by Newton's method; the mean is a Gauss–Hermite sum over the normal effects.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    shifts = math.hypot(effects.rater, effects.item) * nodes
    target = np.asarray(share, np.float64)
    x: Floats = np.log(target / (1 - target))
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x[..., None] + shifts)))
        step = (p @ weights - target) / ((p * (1 - p)) @ weights)
        x = x - step
        if np.abs(step).max() < 1e-13:
            break
    return x


def paper_shares(classes: Sequence[str]) -> dict[tuple[str, Modality], float]:
    """The paper's Table 1 for its own classes, its mean of classes for others."""
    table = paper_table()
    return {
        (label, modality): float(table.cells.get((label, modality), table.overall[modality])) / 100
        for label in classes
        for modality in Modality
    }


def simulated_raters(protocol: Protocol) -> list[Rater]:
    """As many as the protocol asks for, enrolled one after the other."""
    raters: list[Rater] = []
    for number in range(protocol.design.raters):
        cell = next_cell([(rater.group, rater.order) for rater in raters], protocol.seed)
        raters.append(Rater(f"{SIMULATED}{number + 1:02d}", number, *cell, finished=True))
    return raters


def simulate(
    protocol: Protocol,
    items: Sequence[Item],
    classes: Sequence[str],
    shares: Mapping[tuple[str, Modality], float],
    seed: int,
    effects: Effects = Effects(),
    voices: Mapping[tuple[bool, Sex], str] | None = None,
) -> list[Response]:
    """A whole study answered by simulated raters, whose mean accuracy in each cell is ``shares``.

    Traps and gold items are answered rightly in 97 of 100 cases; wrong answers take the other classes alike.

    Parameters
    ----------
    voices : (human, sex) → the reader or synthetic voice, for the column ``reader``.
    """
    random = stream(seed, "simulated raters")
    fixed = {
        place: float(x)
        for place, x in zip(shares, log_odds(np.array(list(shares.values())), effects), strict=True)
    }
    difficulty = {item.sample_id: effects.item * random.standard_normal() for item in items}
    return [
        response
        for rater in simulated_raters(protocol)
        for response in _answered(
            protocol, items, classes, rater, fixed, difficulty, effects, random, voices or {}
        )
    ]


def _answered(
    protocol: Protocol,
    items: Sequence[Item],
    classes: Sequence[str],
    rater: Rater,
    fixed: Mapping[tuple[str, Modality], float],
    difficulty: Mapping[str, float],
    effects: Effects,
    random: np.random.Generator,
    voices: Mapping[tuple[bool, Sex], str],
) -> Iterator[Response]:
    skill = effects.rater * random.standard_normal()
    for visit in range(protocol.design.visits):
        for trial in plan(protocol, items, rater, visit):
            odds = fixed[trial.label, trial.modality] + skill + difficulty.get(trial.sample_id, 0.0)
            right = random.random() < (
                0.97 if trial.kind in (Kind.TRAP, Kind.GOLD) else 1 / (1 + math.exp(-odds))
            )
            others = [label for label in classes if label != trial.label]
            answer = trial.label if right else others[random.integers(len(others))]
            yield _response(rater, trial, answer, protocol, random, voices)


def _response(
    rater: Rater,
    trial: Trial,
    answer: str,
    protocol: Protocol,
    random: np.random.Generator,
    voices: Mapping[tuple[bool, Sex], str],
) -> Response:
    voice = "" if trial.sex is None else voices.get((trial.modality.human, trial.sex), "")
    return Response(
        rater.rater,
        rater.group,
        trial.block,
        trial.trial,
        trial.kind,
        None if trial.list < 0 else trial.list,
        voice,
        trial.sample_id,
        trial.label,
        trial.modality,
        answer,
        int(random.integers(1, protocol.trial.confidence + 1)),
        round(float(random.lognormal(7.0, 0.5)), 1),
        int(random.random() < 0.1),
        trial.kind in TABLE_KINDS,
    )
