"""What a draw needs is foretold as the draw itself finds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.errors import SierError
from sier_gui.core.study import protocol as protocols
from sier_gui.core.study.design import Design
from sier_gui.core.study.drawing import Stock, stock_of, take_stock
from sier_gui.core.study.items import Candidate, eligible, select_items
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Item, Kind, Sex

CLASSES = ("happy", "sad")
CAST = {Sex.FEMALE: "f1", Sex.MALE: "m1"}
SMALL = protocols.parse(
    'name = "s"\nseed = 3\n'
    "[items]\nlists = 5\nper_class = 1\nreserve = 0\npractice = 1\ngold = 2\ntraps = 1\n"
)
SAID = st.sets(st.sampled_from(["f1", "m1", "x"]))
SAMPLE = st.tuples(st.sampled_from(CLASSES), st.booleans(), st.booleans(), SAID, st.booleans())


def stock(candidates: list[Candidate], gold: set[str]) -> Stock:
    return take_stock(Design(SMALL, "", CLASSES, {}, {}, ()), candidates, CAST, gold)


def drawn(candidates: list[Candidate], gold: set[str]) -> tuple[Item, ...] | None:
    try:
        return select_items(eligible(candidates, CAST.values()), CLASSES, SMALL, gold)
    except SierError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(SAMPLE, max_size=30), st.lists(SAMPLE, min_size=12, max_size=12))
def test_the_draw_succeeds_when_the_stock_says_so_and_needs_what_it_says(rough: list, full: list) -> None:
    # twelve whole samples beside the rough ones: else hardly any draw would succeed
    rows = [*rough, *((label, True, True, {"f1", "m1"}, gold) for label, *_, gold in full)]
    made = [Candidate(f"s{n}", r[0], r[1], r[2], frozenset(r[3])) for n, r in enumerate(rows)]
    gold = {f"s{n}" for n, r in enumerate(rows) if r[4]}
    found, items = stock(made, gold), drawn(made, gold)
    assert found.ready == (items is not None) == (not list(found.advice()))
    if items is not None:
        used = Counter(item.label for item in items)
        kinds = Counter((item.label, item.kind) for item in items)
        for supply in found.classes:
            assert used[supply.label] == supply.needed <= supply.eligible
            assert kinds[supply.label, Kind.GOLD] == supply.gold


@settings(max_examples=100, deadline=None)
@given(st.lists(SAMPLE, max_size=40))
def test_the_takes_that_are_asked_for_are_enough(rows: list) -> None:
    made = [Candidate(f"s{n}", r[0], r[1], r[2], frozenset(r[3])) for n, r in enumerate(rows)]
    before = stock(made, set())
    for supply in before.classes:
        asked = dict(supply.more)
        # whoever lacks one take says it, one after the other, until what was asked for is used up
        order = sorted(
            (c for c in made if c.label == supply.label and c.picture and c.synthetic),
            key=lambda c: (len({"f1", "m1"} - c.readers), c.sample_id),
        )
        for candidate in order:
            lacks = [sex for sex in Sex if CAST[sex] not in candidate.readers]
            if lacks and all(asked.get(sex, 0) for sex in lacks):
                for sex in lacks:
                    asked[sex] -= 1
                place = made.index(candidate)
                made[place] = replace(candidate, readers=candidate.readers | {CAST[sex] for sex in lacks})
        assert not any(asked.values())
    after = stock(made, set())
    for supply, again in zip(before.classes, after.classes, strict=True):
        assert again.missing == supply.lacking  # what no take can make up for
        # each reader lacks at least as many as samples are missing that this reader has not said
        assert sum(supply.more.values()) >= supply.missing - supply.lacking


def test_what_is_missing_is_said_with_what_to_do() -> None:
    both = frozenset(CAST.values())
    made = [Candidate(f"h{n}", "happy", True, True, both) for n in range(6)]
    made += [Candidate(f"s{n}", "sad", True, n < 9, both if n < 2 else frozenset({"m1"})) for n in range(12)]
    found = stock(made, set())
    happy, sad = found.classes
    assert (happy.eligible, happy.needed, happy.enough) == (6, 6, True)  # five main, one for practice
    assert (sad.samples, sad.complete, sad.eligible, sad.needed, sad.missing) == (12, 9, 2, 5, 3)
    assert sad.said == {Sex.FEMALE: 2, Sex.MALE: 9}
    assert list(found.advice()) == ["sad: 3 more takes of reader f1."]
    assert found.figures() == (
        "5 lists × 2 classes × 1 = 10 main items, 0 in reserve, 1 for practice, up to 2 gold. "
        "Traps need no samples: 1."
    )
    alone = take_stock(Design(SMALL, "", CLASSES, {}, {}, ()), made[6:], {Sex.MALE: "m1"})
    assert list(alone.advice()) == [
        "There is no female reader yet: add one in Record mode.",
        "happy: the dataset has 6 samples with picture and synthetic speech too few. Use a larger one, or a "
        "protocol with fewer items.",
        "sad: 5 more takes of a female reader.",
    ]


def test_a_projects_stock_is_what_was_drawn_from_it(made: Path) -> None:
    with open_project(made, read_only=True) as project:
        found = stock_of(project)
    assert found.ready
    assert [supply.eligible for supply in found.classes] == [12] * 4
    assert [supply.needed for supply in found.classes] == [
        11,
        11,
        10,
        10,
    ]  # two classes have one for practice
