"""Who meets what: balanced as specified, and nobody meets an item twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.errors import SierError
from sier_gui.core.study import assignment, protocol
from sier_gui.core.study.items import Candidate, gold_samples, select_items
from sier_gui.core.study.records import (
    Block,
    DesignRules,
    Item,
    Kind,
    Modality,
    Protocol,
    Rater,
    Response,
    Trial,
)

CLASSES = ("happy", "sad", "hate", "anger")
DEFAULT, REPEAT = protocol.load("default"), protocol.load("repeat-with-wash-out")


def candidates(per_class: int = 24, classes: tuple[str, ...] = CLASSES) -> list[Candidate]:
    both = frozenset({"f", "m"})
    return [Candidate(f"{c}-{n:03d}", c, True, True, both) for c in classes for n in range(per_class)]


def items(plan: Protocol = DEFAULT) -> tuple[Item, ...]:
    gold = [c.sample_id for c in candidates() if c.sample_id.endswith(("-001", "-007"))]
    return select_items(candidates(), CLASSES, plan, gold)


def enrolled(count: int, seed: int = 3) -> list[Rater]:
    raters: list[Rater] = []
    for number in range(count):
        cell = assignment.next_cell([(r.group, r.order) for r in raters], seed)
        raters.append(Rater(f"r{number:02d}", number, *cell))
    return raters


def whole_study(plan: Protocol = DEFAULT) -> list[tuple[Rater, Trial]]:
    drawn = items(plan)
    return [
        (rater, trial)
        for rater in enrolled(plan.design.raters)
        for visit in range(plan.design.visits)
        for trial in assignment.plan(plan, drawn, rater, visit)
    ]


def test_items_are_as_many_as_the_protocol_says() -> None:
    drawn = items()
    assert Counter(item.kind for item in drawn) == {"main": 40, "reserve": 20, "practice": 5, "gold": 4}
    main = Counter((item.list, item.label) for item in drawn if item.kind is Kind.MAIN)
    assert set(main.values()) == {2}
    assert len(main) == 20
    assert len({item.sample_id for item in drawn}) == len(drawn)


def test_the_draw_depends_on_the_set_and_the_seed_only() -> None:
    shuffled = list(reversed(candidates()))
    assert select_items(shuffled, CLASSES, DEFAULT) == select_items(candidates(), CLASSES, DEFAULT)
    other = replace(DEFAULT, seed=DEFAULT.seed + 1)
    assert select_items(candidates(), CLASSES, other) != select_items(candidates(), CLASSES, DEFAULT)


def test_a_class_with_too_few_samples_is_told() -> None:
    with pytest.raises(SierError, match=r"Class happy has 10 samples .* needs 17"):
        select_items(candidates(10), CLASSES, DEFAULT)


def test_thirty_raters_fill_each_cell_once_and_the_next_thirty_again() -> None:
    raters = enrolled(60)
    cells = [(r.group, r.order) for r in raters]
    assert len(set(cells[:30])) == 30
    assert set(Counter(cells).values()) == {2}
    for count in range(1, 31):  # even on the way: nobody knows when a study stops
        groups = Counter(group for group, _ in cells[:count])
        assert max(groups.values()) - min(groups[g] for g in range(5)) <= 2


def test_every_item_is_met_in_every_modality_equally_often_in_both_voices() -> None:
    main = [(r, t) for r, t in whole_study() if t.kind is Kind.MAIN]
    met = Counter((t.sample_id, t.modality) for _, t in main)
    assert len(met) == 40 * 5
    assert set(met.values()) == {6}
    voices = Counter((t.sample_id, t.modality, t.sex) for _, t in main if t.modality.sound)
    assert set(voices.values()) == {3}
    per_rater = Counter((r.rater, t.modality, t.label) for r, t in main)
    assert set(per_rater.values()) == {2}


def test_synthetic_voices_match_the_sex_of_the_human_ones() -> None:
    """Of one item and block order, whatever the group: hs, ss and their pairs with the picture."""
    sexes: dict[tuple[str, int], set[str]] = {}
    for rater, trial in whole_study():
        if trial.kind is Kind.MAIN and trial.sex is not None:
            sexes.setdefault((trial.sample_id, rater.order), set()).add(trial.sex)
    assert all(len(found) == 1 for found in sexes.values())


def test_blocks_come_in_the_raters_order_and_mix_their_sources() -> None:
    drawn = items()
    orders = set()
    for rater in enrolled(30):
        trials = [t for t in assignment.plan(DEFAULT, drawn, rater) if t.kind is not Kind.PRACTICE]
        blocks = [t.block for t in trials]
        order = tuple(b for b, after in pairwise([*blocks, None]) if b is not after)
        assert order == assignment.ORDERS[rater.order]
        orders.add(order)
        speech = [t.modality for t in trials if t.block is Block.SPEECH and t.kind is Kind.MAIN]
        assert Counter(speech) == {Modality.SS: 8, Modality.HS: 8}
        assert sum(a is not b for a, b in pairwise(speech)) > 1
        assert all(t.modality.block is t.block for t in trials)
    assert len(orders) == 6


def test_one_trap_and_one_gold_item_in_ten_trials() -> None:
    drawn = items()
    for rater in enrolled(30):
        trials = assignment.plan(DEFAULT, drawn, rater)
        kinds = Counter(t.kind for t in trials)
        assert kinds == {"main": 40, "practice": 5, "gold": 4, "trap": 4}
        assert [t.trial for t in trials] == list(range(1, 54))
        for kind in (Kind.TRAP, Kind.GOLD):
            since, gaps = 0, []
            for trial in trials:
                since += trial.kind is Kind.MAIN
                if trial.kind is kind:
                    gaps.append(since)
                    since = 0
            assert len(gaps) == 4
            assert max(gaps) <= 20  # at worst the first of one ten and the last of the next
        written = [t for t in trials if t.kind is Kind.TRAP and t.block is Block.IMAGE]
        assert all(t.sex is None for t in written)
        assert all(t.modality.synthetic for t in trials if t.kind is Kind.TRAP and t not in written)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    per_class=st.integers(1, 2),
    reserve=st.integers(0, 2),
    classes=st.integers(2, 8),
    group=st.integers(0, 4),
    order=st.integers(0, 5),
    interrupted=st.sets(st.integers(1, 130), max_size=40),
)
def test_no_rater_meets_an_item_twice(
    seed: int, per_class: int, reserve: int, classes: int, group: int, order: int, interrupted: set[int]
) -> None:
    names = tuple(f"class{c}" for c in range(classes))
    rules = replace(DEFAULT.items, per_class=per_class, reserve=reserve)
    plan = replace(DEFAULT, seed=seed, items=rules)
    drawn = select_items(candidates(26, names), names, plan, [f"{names[0]}-003"])
    rater = Rater("r", 4, group, order)
    trials = assignment.plan(plan, drawn, rater)
    more = assignment.replacements(drawn, rater, trials, interrupted)
    met = [t.sample_id for t in (*trials, *more)]
    assert len(set(met)) == len(met)
    assert [t.trial for t in (*trials, *more)] == list(range(1, len(met) + 1))


def test_an_interrupted_trial_is_replaced_by_its_class_list_and_modality() -> None:
    drawn, (rater, *_) = items(), enrolled(1)
    trials = assignment.plan(DEFAULT, drawn, rater)
    lost = [t for t in trials if t.kind is Kind.MAIN][7]
    (instead,) = assignment.replacements(drawn, rater, trials, {lost.trial})
    assert (instead.label, instead.list, instead.modality) == (lost.label, lost.list, lost.modality)
    assert instead.kind is Kind.RESERVE
    # interrupted again: the default protocol has one reserve item for each class and list
    assert assignment.replacements(drawn, rater, trials, {lost.trial, instead.trial}) == (instead,)
    trap = next(t for t in trials if t.kind is Kind.TRAP)
    assert assignment.replacements(drawn, rater, trials, {trap.trial}) == ()


def test_with_wash_out_each_rater_meets_each_item_once_in_each_modality() -> None:
    main = [(r.rater, t) for r, t in whole_study(REPEAT) if t.kind is Kind.MAIN]
    met = Counter((rater, t.sample_id, t.modality) for rater, t in main)
    assert len(met) == 30 * 40 * 5
    assert set(met.values()) == {1}
    in_one_visit = Counter((rater, t.sample_id, t.visit) for rater, t in main)
    assert set(in_one_visit.values()) == {1}
    numbers = Counter((r.rater, t.trial) for r, t in whole_study(REPEAT))
    assert set(numbers.values()) == {1}
    with pytest.raises(SierError, match="has 1 visits, not 2"):
        assignment.plan(DEFAULT, items(), enrolled(1)[0], 1)


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 6, 7, 8])
def test_buttons_are_counterbalanced(classes: int) -> None:
    names = tuple("abcdefgh"[:classes])
    rows = classes if classes % 2 == 0 else 2 * classes
    orders = [assignment.button_order(names, number) for number in range(rows)]
    assert orders[0] == assignment.button_order(names, rows)
    keys = Counter((name, key) for order in orders for key, name in enumerate(order))
    assert set(keys.values()) == {rows // classes}
    follows = Counter(pair for order in orders for pair in pairwise(order))
    assert len(follows) == classes * (classes - 1)
    assert len(set(follows.values())) == 1


def test_a_plan_is_the_same_each_time_and_another_for_another_rater() -> None:
    drawn, (one, two, *_) = items(), enrolled(2)
    assert assignment.plan(DEFAULT, drawn, one) == assignment.plan(DEFAULT, drawn, one)
    same_cell = replace(two, group=one.group, order=one.order, number=one.number)
    ids = [t.sample_id for t in assignment.plan(DEFAULT, drawn, one)]
    assert ids != [t.sample_id for t in assignment.plan(DEFAULT, drawn, same_cell)]


def test_gold_are_samples_that_a_pilot_agrees_on() -> None:
    def said(sample: str, right: int, of: int) -> list[Response]:
        answers = ["sad"] * right + ["hate"] * (of - right)
        rest = (None, "", None, Kind.MAIN, None, "", sample, "sad", Modality.I)
        return [Response(f"p{n}", *rest, a, None, None, None, True) for n, a in enumerate(answers)]

    pilot = [*said("all", 6, 6), *said("most", 19, 20), *said("few", 4, 4), *said("split", 9, 10)]
    assert gold_samples(pilot) == {"all", "most"}


def test_shipped_protocols_round_trip_and_differ() -> None:
    assert set(protocol.shipped()) == {"default", "rationale", "repeat-with-wash-out"}
    for plan in (DEFAULT, REPEAT):
        again = protocol.parse(protocol.dumps(plan))
        assert again == plan
        assert protocol.fingerprint(again) == protocol.fingerprint(plan)
    assert protocol.fingerprint(DEFAULT) != protocol.fingerprint(REPEAT)
    assert not DEFAULT.repeats
    assert REPEAT.repeats


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 'x'\n[items]\nlists = 4", "lists is 4"),
        ("name = 'x'\n[design]\nvisits = 2", "wash_out_days"),
        ("name = 'x'\n[design]\nvisit = 2", "unknown key visit"),
        ("name = 'x'\nnam = 'y'", "unknown key nam"),
        ("name = 'x'\nseed = 'y'", "not of type int"),
        ("title = 'x'", "no name"),
        ("name = 'x'\n[tests]\nmargin = 0.6", "margin must lie"),
        ("name = 'x'\n[stimuli]\nlevel = 'loud'", "one of source, clip, none"),
        ("name = 'x'\n[items]\nper_class = 4", "session_minutes allows 30"),
        ("name = ", "not valid TOML"),
    ],
)
def test_a_protocol_that_cannot_be_followed_is_told(text: str, told: str) -> None:
    with pytest.raises(SierError, match=told):
        protocol.parse(text)


def test_rules_have_the_shipped_defaults() -> None:
    assert DEFAULT.design == DesignRules()
    assert DEFAULT.items == Protocol().items
    assert DEFAULT.exclusion == Protocol().exclusion
    assert DEFAULT.tests == Protocol().tests
    with pytest.raises(SierError, match="There is no protocol nowhere"):
        protocol.load("nowhere")
