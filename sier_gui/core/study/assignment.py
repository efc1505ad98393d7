"""Who meets what, when and in which voice: 30 cells of 5 groups × 6 block orders.

Group g meets list l in modality (l + g) mod 5, so that each rater meets each item once and every modality
equally often (a Latin square; raters of a memory effect are spared as in CREMA-D, Cao et al. 2014).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, permutations

import numpy as np

from sier_gui.core.errors import SierError
from sier_gui.core.seeds import stream
from sier_gui.core.study.records import Block, Item, Kind, Modality, Protocol, Rater, Sex, Trial

MODALITIES = tuple(Modality)
GROUPS = len(MODALITIES)
ORDERS: tuple[tuple[Block, ...], ...] = tuple(permutations(Block))
CELLS = tuple((group, order) for group in range(GROUPS) for order in range(len(ORDERS)))
VISIT = 1000  # trial numbers of visit v lie above v · VISIT
_RUN = 3  # at most so many of one label, or of one source, in a row
_ATTEMPTS = 100


def next_cell(taken: Sequence[tuple[int, int]], seed: int) -> tuple[int, int]:
    """The cell (group, order) of the next rater: a least-full one, ties even out margins, then by the seed.

    ``taken``: the cells of raters who count, finished or not.
    """
    cells, groups = Counter(taken), Counter(group for group, _ in taken)
    orders = Counter(order for _, order in taken)
    drawn = stream(seed, "cells").permutation(len(CELLS))

    def fullness(place: int) -> tuple[int, int, int, int]:
        cell = CELLS[place]
        return cells[cell], groups[cell[0]], orders[cell[1]], int(drawn[place])

    return CELLS[min(range(len(CELLS)), key=fullness)]


def modality_of(on: int, group: int, visit: int = 0) -> Modality:
    """In which modality ``group`` meets list ``on``; each visit of a repeat design goes one further."""
    return MODALITIES[(on + group + visit) % GROUPS]


def parity(order: int) -> int:
    """0 for an even permutation of the blocks, 1 for an odd one: three orders each."""
    places = [list(Block).index(block) for block in ORDERS[order]]
    return sum(a > b for i, a in enumerate(places) for b in places[i + 1 :]) % 2


def voice_sex(k: int, order: int) -> Sex:
    """Of item ``k`` of its list and class: over the six orders each item has both sexes equally often."""
    return (Sex.FEMALE, Sex.MALE)[(k + parity(order)) % 2]


def button_order(classes: Sequence[str], number: int) -> tuple[str, ...]:
    """The answers' order for the ``number``-th rater: rows of Williams' square (1949).

    Each class is equally often on each key and follows each other class equally often.
    """
    n = len(classes)
    first = [0, *(place for step in range(1, n) for place in (step, n - step))][:n]
    row = number % (n if n % 2 == 0 else 2 * n)
    places = [(place + row) % n for place in first]
    if row >= n:  # an odd number of classes needs the mirrored rows too
        places.reverse()
    return tuple(classes[place] for place in places)


def plan(protocol: Protocol, items: Sequence[Item], rater: Rater, visit: int = 0) -> tuple[Trial, ...]:
    """All trials of one visit in their order; the same for the same protocol, items and rater.

    Raises
    ------
    SierError : the protocol has no such visit.
    """
    if not 0 <= visit < protocol.design.visits:
        raise SierError(
            f"The protocol {protocol.name} has {protocol.design.visits} visits, not {visit + 1}.", ""
        )
    random = stream(protocol.seed, f"plan/{rater.rater}/{visit}")
    main = [_trial(item, rater, visit) for item in items if item.kind is Kind.MAIN]
    trials = [] if visit else list(_practice(items, rater))
    blocks = {block: [t for t in main if t.block is block] for block in Block}
    ordered = [t for block in ORDERS[rater.order] for t in _mixed(blocks[block], random)]
    trials += _with_checks(ordered, protocol, items, rater, visit, random)
    return tuple(_numbered(trials, visit * VISIT + 1))


def replacements(
    items: Sequence[Item], rater: Rater, planned: Sequence[Trial], interrupted: Collection[int]
) -> tuple[Trial, ...]:
    """Reserve trials for main trials that were interrupted after their stimulus began, to follow the plan.

    Each takes the next reserve item of its class and list, in the same modality; where none is left the trial
    is lost. Numbers go on after the plan's, in the order of the interruptions, so that they never change.

    Parameters
    ----------
    interrupted : numbers of trials that were begun and have no answer, in any order.
    """
    visit, first = planned[0].visit, planned[-1].trial + 1
    reserve = {(item.list, item.label, item.k): item for item in items if item.kind is Kind.RESERVE}
    waiting = [t for t in planned if t.trial in interrupted and t.kind is Kind.MAIN]
    used: Counter[tuple[int, str]] = Counter()
    found: list[Trial] = []
    while waiting:
        trial = waiting.pop(0)
        place = (trial.list, trial.label)
        item = reserve.get((*place, used[place]))
        used[place] += 1
        if item is None:
            continue
        found.append(replace(_trial(item, rater, visit), trial=first + len(found)))
        if found[-1].trial in interrupted:
            waiting.append(found[-1])
    return tuple(found)


# ---------------------------------------------------------------- the parts of a plan


def _trial(item: Item, rater: Rater, visit: int) -> Trial:
    modality = modality_of(item.list, rater.group, visit)
    sex = voice_sex(item.k, rater.order) if modality.sound else None
    return Trial(0, visit, modality.block, item.kind, item.list, item.sample_id, item.label, modality, sex)


def _practice(items: Sequence[Item], rater: Rater) -> Iterator[Trial]:
    """One of each modality, as far as there are items, in the order of this rater's blocks."""
    practice = [item for item in items if item.kind is Kind.PRACTICE]
    shown = [MODALITIES[place % GROUPS] for place in range(len(practice))]
    for block in ORDERS[rater.order]:
        for place, (item, modality) in enumerate(zip(practice, shown, strict=True)):
            if modality.block is block:
                sex = voice_sex(place, rater.order) if modality.sound else None
                yield Trial(0, 0, block, Kind.PRACTICE, -1, item.sample_id, item.label, modality, sex)


def _mixed(trials: list[Trial], random: np.random.Generator) -> list[Trial]:
    """Shuffled, with no more than `_RUN` of a label or of a source in a row wherever that can be had."""
    several = len({trial.modality for trial in trials}) > 1
    best, least = trials, len(trials) + 1
    for _ in range(_ATTEMPTS):
        order = [trials[place] for place in random.permutation(len(trials))]
        run = _longest([trial.label for trial in order])
        if several:
            run = max(run, _longest([trial.modality for trial in order]))
        if run < least:
            best, least = order, run
        if least <= _RUN:
            break
    return best


def _longest(values: Sequence[object]) -> int:
    return max((len(list(run)) for _, run in groupby(values)), default=0)


def _with_checks(
    ordered: list[Trial],
    protocol: Protocol,
    items: Sequence[Item],
    rater: Rater,
    visit: int,
    random: np.random.Generator,
) -> Iterator[Trial]:
    """One trap and one gold item somewhere in each equal part of the main trials."""
    gold = [item for item in items if item.kind is Kind.GOLD]
    labels = sorted({item.label for item in items})
    traps = protocol.items.traps
    before: dict[int, list[tuple[Kind, int]]] = {}
    for kind, count in ((Kind.TRAP, traps), (Kind.GOLD, len(gold))):
        for place in range(count):
            start, stop = place * len(ordered) // count, (place + 1) * len(ordered) // count
            before.setdefault(int(random.integers(start, stop)), []).append((kind, place))
    for position, trial in enumerate(ordered):
        for kind, place in before.get(position, ()):
            modality = _check_modality(kind, trial.block, place + rater.number)
            sex = (Sex.FEMALE, Sex.MALE)[(place + rater.number) % 2] if modality.sound else None
            if kind is Kind.TRAP:
                label = labels[(place + rater.number + visit) % len(labels)]
                sample = f"trap-{place + 1}-{label}"
            else:
                label, sample = gold[place].label, gold[place].sample_id
            yield Trial(0, visit, trial.block, kind, -1, sample, label, modality, sex)
        yield trial


def _check_modality(kind: Kind, block: Block, turn: int) -> Modality:
    """Traps are written in the image block and spoken by a synthesizer elsewhere; gold takes both sources."""
    of_block = [modality for modality in Modality if modality.block is block]
    return of_block[0 if kind is Kind.TRAP else turn % len(of_block)]


def _numbered(trials: Sequence[Trial], first: int) -> Iterator[Trial]:
    return (replace(trial, trial=number) for number, trial in enumerate(trials, first))
