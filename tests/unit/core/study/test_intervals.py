"""Intervals of many studies at once: they cover, and do not depend on names or order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from sier_gui.core.study import protocol
from sier_gui.core.study.intervals import Layout, proportion_interval, rater_weights, spread
from sier_gui.core.study.items import Candidate, select_items
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers, columns_of
from sier_gui.core.study.simulation import paper_shares, simulate

CLASSES = ("happy", "sad", "hate", "anger")
STUDIES = 600


@pytest.fixture(scope="module")
def answers() -> Answers:
    """Who meets what in one study as the program plans it."""
    plan, both = protocol.load("default"), frozenset({"f", "m"})
    candidates = [Candidate(f"{c}{n:02d}", c, True, True, both) for c in CLASSES for n in range(20)]
    items = select_items(candidates, CLASSES, plan)
    return columns_of(simulate(plan, items, CLASSES, paper_shares(CLASSES), 1))


def layout_of(column: Answers) -> Layout:
    share = np.full(len(column.classes), 1 / len(np.unique(column.label)))
    weights = rater_weights(column.rater, column.label, share)
    return Layout(weights, column.rater, column.item, column.label, column.label)


@pytest.mark.parametrize(("of_rater", "of_item"), [(0.3, 0.5), (0.8, 0.5), (0.5, 1.2)])
def test_intervals_cover_the_mean_over_raters_and_items(
    answers: Answers, of_rater: float, of_item: float
) -> None:
    """Truth by brute force: the mean of ten million raters' answers to as many items."""
    random = np.random.default_rng(7)
    base = {"i": 0.6, "hs": 1.4}
    seen = []
    for code, odds in base.items():
        reference = random.normal(odds, np.hypot(of_rater, of_item), 10_000_000)
        truth = float(expit(reference).mean())
        whole = answers.of(Modality(code))
        raters = of_rater * random.standard_normal((STUDIES, len(answers.raters)))
        items = of_item * random.standard_normal((STUDIES, len(answers.items)))
        for label in (None, 0, 1, 2, 3):
            column = whole if label is None else whole.where(whole.label == label)
            layout = layout_of(column)
            chance = expit(odds + raters[:, column.rater] + items[:, column.item])
            low, high = proportion_interval(
                spread(layout, random.random(chance.shape) < chance), layout.weights
            )
            seen.append(float(((low <= truth) & (truth <= high)).mean()))
    assert 0.93 <= np.mean(seen) <= 0.975
    assert min(seen) >= 0.91
    assert max(seen) <= 0.99


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), raters=st.integers(1, 8), items=st.integers(1, 9))
def test_neither_names_nor_order_matter_and_one_study_is_as_many(seed: int, raters: int, items: int) -> None:
    random = np.random.default_rng(seed)
    rater, item = (grid.ravel() for grid in np.indices((raters, items)))
    keep = random.random(len(rater)) < 0.8
    keep[0] = True
    rater, item = rater[keep], item[keep]
    label = item % 2
    correct = random.random((3, len(rater))) < 0.7

    def ends(order: NDArray[np.int64], names: NDArray[np.int64], y: NDArray[np.bool_]) -> NDArray[np.float64]:
        place = np.unique(label[order], return_inverse=True)[1]
        weights = rater_weights(names[rater[order]], place, np.full(place.max() + 1, 1 / (place.max() + 1)))
        layout = Layout(weights, names[rater[order]], item[order], place, place)
        return np.array(proportion_interval(spread(layout, y[..., order]), weights))

    plain = ends(np.arange(len(rater)), np.arange(raters), correct)
    mixed = ends(random.permutation(len(rater)), random.permutation(raters), correct)
    assert mixed == pytest.approx(plain, abs=1e-9)
    assert ends(np.arange(len(rater)), np.arange(raters), correct[1]) == pytest.approx(plain[:, 1], abs=1e-12)
    assert (plain[0] >= 0).all()
    assert (plain[1] <= 1 + 1e-12).all()
    assert (plain[0] <= plain[1]).all()
