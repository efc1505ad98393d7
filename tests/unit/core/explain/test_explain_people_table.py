"""From marks to the table: groups, people left out, intervals and shuffled marks, against brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sier_gui.core.domain import Modality, PersonMarks
from sier_gui.core.explain.people import measures
from sier_gui.core.explain.people.balance import balance
from sier_gui.core.explain.people.items import (
    GAP,
    NETWORK,
    NETWORK_OUT,
    PERSON,
    Looked,
    Reading,
    figures,
    items,
)
from sier_gui.core.explain.people.table import estimate, line, shuffle, table

CLASSES = ("a", "b")


def looked(
    name: str, values: np.ndarray, coverage: np.ndarray, people: list[str] | None = None, **marks: str
) -> Looked:
    facts = {"column": "i", "voice": "", "answer": "a", "label": "a"} | marks
    people = people or [f"p{n}" for n in range(len(coverage))]
    said = tuple(PersonMarks(person, name, simulated=False, **facts) for person in people)
    return Looked(name, Modality.IMAGE, "", "a", "a", CLASSES, values, said, coverage)


def drawn(seed: int, samples: int = 6, raters: int = 5, per: int = 3, players: int = 9) -> list[Looked]:
    rng = np.random.default_rng(seed)
    found = []
    for s in range(samples):
        who = sorted(rng.choice(raters, per, replace=False).tolist())
        coverage = np.round(rng.random((per, players)) * (rng.random((per, players)) < 0.5), 3)
        coverage[:, s % players] = 1.0
        found.append(
            looked(f"s{s}", rng.normal(size=(2, players)), coverage, [f"p{person}" for person in who])
        )
    return found


def test_the_class_and_the_values_that_count_can_be_chosen() -> None:
    values = np.array([[0.5, -2.0, 0.1, 0.0], [-1.0, 3.0, 0.0, 0.2]])
    one = looked("s", values, np.eye(4)[:2])
    one = replace(one, label="b", marks=(one.marks[0], replace(one.marks[1], answer="b")))
    (item,) = items([one], Reading())
    assert (item.target, item.strength.tolist()) == ("a", [0.5, 0, 0.1, 0])
    (item,) = items([one], Reading("label", "magnitude"))
    assert (item.target, item.strength.tolist()) == ("b", [1, 3, 0, 0.2])
    answers = {item.target: item for item in items([one], Reading("answer"))}
    assert answers["a"].people == ("p0",)
    assert answers["b"].coverage.tolist() == [[0, 1, 0, 0]]
    unknown = replace(one, marks=(replace(one.marks[0], answer="never heard of"), one.marks[1]))
    assert [item.target for item in items([unknown], Reading("answer"))] == ["b"]
    # who saw the sample twice is one person
    twice = replace(one, marks=(one.marks[0], replace(one.marks[1], person="p0")))
    (item,) = items([twice], Reading())
    assert item.coverage.tolist() == [[0.5, 0.5, 0, 0]]


def by_hand(strength: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """Figures as their definition reads, one pair at a time: network, network_out, person, gap by measure."""

    def score(one: np.ndarray, others: np.ndarray) -> np.ndarray:
        return measures.scores(one[None], np.round(others.mean(axis=0), 12)[None])[0]

    out = []
    for left in range(len(coverage) if len(coverage) > 1 else 0):
        rest = np.delete(coverage, left, axis=0)
        out.append((score(strength, rest), score(coverage[left], rest)))
    network = score(strength, coverage)
    if not out:
        return np.array([network, *[np.full(3, np.nan)] * 3])
    with np.errstate(invalid="ignore"):
        pairs = np.array(out)
        means = [np.nanmean(pairs[:, k], axis=0) for k in (0, 1)]
        return np.array([network, *means, np.nanmean(pairs[:, 0] - pairs[:, 1], axis=0)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_leaving_people_out_is_what_it_says(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    coverage = np.round(rng.random((people, 7)), 2)
    coverage[:, 0] = 0.0  # nothing is constant
    (item,) = items([looked("s", rng.normal(size=(2, 7)) + np.arange(7), coverage)], Reading())
    said, rows = figures(item), [NETWORK, NETWORK_OUT, PERSON, GAP]
    assert said.all[rows] == pytest.approx(by_hand(item.strength, coverage), nan_ok=True)
    for left in range(people if people > 1 else 0):
        rest = np.delete(coverage, left, axis=0)
        assert said.without[left][rows] == pytest.approx(by_hand(item.strength, rest), nan_ok=True)


def test_people_who_mark_alike_predict_each_other_fully() -> None:
    mark = np.array([0, 1.0, 1.0, 0, 0, 0, 0, 0, 0])
    (item,) = items([looked("s", np.tile(-mark, (2, 1)), np.tile(mark, (3, 1)))], Reading("predicted"))
    said = figures(item)
    assert said.of(PERSON) == {"pointing": 1.0, "iou": 1.0, "rho": pytest.approx(1.0)}
    assert said.of(NETWORK)["pointing"] == pytest.approx(2 / 9)  # no value speaks for it: all tie
    (item,) = items([looked("s", np.tile(mark, (2, 1)), np.tile(mark, (3, 1)))], Reading())
    assert figures(item).of(GAP) == {"pointing": 0.0, "iou": 0.0, "rho": pytest.approx(0.0)}


# ---------------------------------------------------------------- intervals


def test_where_nobody_marks_two_samples_the_interval_is_students() -> None:
    rng = np.random.default_rng(3)
    all_ = [looked(f"s{s}", rng.normal(size=(2, 8)), rng.random((1, 8)), [f"p{s}"]) for s in range(12)]
    found = list(items(all_, Reading()))
    said = [figures(item) for item in found]
    got = estimate(found, said, NETWORK, 0)
    values = [one.all[NETWORK, 0] for one in said]
    low, high = stats.t.interval(0.95, 11, np.mean(values), stats.sem(values))
    assert (got.value, got.low, got.high) == pytest.approx((np.mean(values), max(low, 0), min(high, 1)))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_the_interval_knows_of_people_as_leaving_them_out_everywhere_does(seed: int) -> None:
    """Brute force: the whole comparison again without each person, and without each in each sample."""
    found = list(items(drawn(seed), Reading()))
    said = [figures(item) for item in found]

    def theta(some: list[Looked], m: int) -> float:
        return float(np.mean([figures(item).all[NETWORK, m] for item in items(some, Reading())]))

    def without(one: Looked, person: str) -> Looked | None:
        rows = [row for row, mark in enumerate(one.marks) if mark.person != person]
        kept = replace(one, marks=tuple(one.marks[row] for row in rows), coverage=one.coverage[rows])
        return kept if rows else None

    all_ = drawn(seed)
    people = sorted({mark.person for one in all_ for mark in one.marks})
    for m in range(3):
        values = np.array([one.all[NETWORK, m] for one in said])
        n, mean = len(values), values.mean()
        by_sample = n / (n - 1) * ((values - mean) ** 2).sum() / n**2
        left = [theta([k for one in all_ if (k := without(one, p))], m) for p in people]
        by_person = (len(people) - 1) / len(people) * ((left - np.mean(left)) ** 2).sum()
        both = 0.0
        for one in all_:
            each = [theta([k], m) for mark in one.marks if (k := without(one, mark.person))]
            both += (len(each) - 1) / len(each) * ((each - np.mean(each)) ** 2).sum() / n**2
        variance = max(by_sample + by_person - both, by_sample)
        half = stats.t.ppf(0.975, min(n, len(people)) - 1) * math.sqrt(variance)
        got = estimate(found, said, NETWORK, m)
        low, high = measures.RANGES[measures.MEASURES[m]]
        assert got.low == pytest.approx(max(mean - half, low))
        assert got.high == pytest.approx(min(mean + half, high))


def test_one_sample_has_no_interval() -> None:
    found = list(items(drawn(1)[:1], Reading()))
    got = estimate(found, [figures(found[0])], NETWORK, 0)
    assert math.isnan(got.low)
    assert got.to_json()["low"] is None
    p = line(Modality.IMAGE, "all", found, 0).p
    assert all(map(math.isnan, p.values()))


# ---------------------------------------------------------------- shuffled marks


def test_maps_of_their_own_marks_are_told_from_shuffled_ones() -> None:
    rng = np.random.default_rng(5)
    good, bad = [], []
    for s in range(10):
        coverage = (rng.random((3, 16)) < 0.2).astype(float)
        coverage[:, s] = 1.0
        shares = coverage.mean(axis=0)
        good.append(looked(f"s{s}", np.tile(shares, (2, 1)), coverage))
        bad.append(looked(f"s{s}", rng.normal(size=(2, 16)), coverage))
    _, p = shuffle(list(items(good, Reading())), 0, "good")
    assert max(p.values()) < 0.01
    means, p = shuffle(list(items(bad, Reading())), 0, "bad")
    assert min(p.values()) > 0.02
    assert 0 < means["pointing"] < 1
    assert shuffle(list(items(bad, Reading())), 0, "bad") == (means, p)


def test_a_usual_place_alone_is_no_agreement() -> None:
    """Everybody marks the middle and every map points there: chance is beaten, shuffled marks are not."""
    middle = np.zeros(9)
    middle[4] = 1.0
    all_ = [looked(f"s{s}", np.tile(middle, (2, 1)), np.tile(middle, (2, 1))) for s in range(8)]
    made = line(Modality.IMAGE, "all", list(items(all_, Reading())), 0)
    assert made.network["pointing"].value == 1.0
    assert made.chance["pointing"] == pytest.approx(1 / 9)
    assert made.shuffled["pointing"] == 1.0
    assert made.p["pointing"] == 1.0


def test_the_table_has_a_line_for_each_group_with_marks() -> None:
    all_ = drawn(2)
    all_[0] = replace(all_[0], marks=tuple(replace(mark, column="ss-i") for mark in all_[0].marks))
    all_[1] = replace(all_[1], marks=tuple(replace(mark, answer="b") for mark in all_[1].marks))
    all_[2] = replace(all_[2], predicted="b")
    lines = {made.group: made for made in table(all_, Reading())}
    counts = {name: (made.maps, made.marks) for name, made in lines.items()}
    assert counts == {
        "all": (6, 18), "i": (5, 15), "ss-i": (1, 3), "people right": (5, 15), "people wrong": (1, 3),
        "network right": (5, 15), "network wrong": (1, 3),
    }  # fmt: skip
    assert table(all_, Reading()) == list(lines.values())
    assert lines["all"].to_json()["network_minus_person"]["rho"]["value"] is not None


def test_which_modality_people_marked_is_held_to_the_network_s_shares() -> None:
    box, span = ((0.0, 0.0, 1.0, 1.0),), ((0.0, 1.0),)
    facts = {"voice": "", "answer": "a", "label": "a", "simulated": False}
    marks = [
        PersonMarks("p1", "s1", "ss-i", boxes=box, **facts),
        PersonMarks("p2", "s1", "hs-i", boxes=box, spans=span, **facts),
        PersonMarks("p1", "s2", "ss-i", spans=span, **facts),
        PersonMarks("p2", "s3", "ss-i", boxes=box, spans=span, **facts),
        PersonMarks("p3", "s3", "i", boxes=box, **facts),  # had no choice
        PersonMarks("p3", "s9", "ss-i", boxes=box, **facts),  # the network was not asked
    ]
    found = balance(marks, {"s1": 0.9, "s2": 0.2, "s3": 0.7})
    assert (found.picture, found.speech, found.both, found.samples) == (1, 1, 2, 3)
    assert found.people == 0.5
    assert found.network == pytest.approx(0.6)
    assert found.rho == pytest.approx(1.0)
    none = balance([], {})
    assert none.to_json()["people_image_share"] is None
    assert none.answers == 0
