"""Agreement of maps with evidence and with each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.core.errors import SierError
from sier_gui.core.explain.agreement import (
    cells_in_box,
    hit_rate,
    overlap,
    pointing_hit,
    rank_correlation,
)


def test_a_box_takes_the_cells_whose_centre_it_covers():
    inside = cells_in_box(((0.25, 0.75), (0.0, 0.5)), (4, 4))
    assert inside.tolist() == [
        [False] * 4,
        [True, True, False, False],
        [True, True, False, False],
        [False] * 4,
    ]
    tiny = cells_in_box(((0.51, 0.52), (0.99, 1.0)), (4, 4))
    assert np.argwhere(tiny).tolist() == [[2, 3]]
    assert cells_in_box(((0.5, 1.0),), (8,)).tolist() == [False] * 4 + [True] * 4
    with pytest.raises(SierError):
        cells_in_box(((0.5, 0.4),), (8,))
    with pytest.raises(SierError):
        cells_in_box(((0.5, 0.6),), (8, 8))


def test_pointing():
    evidence = np.array([[True, False], [False, False]])
    assert pointing_hit(np.array([[0.9, 0.1], [0.2, -3.0]]), evidence) == 1
    assert pointing_hit(np.array([[0.1, 0.9], [0.2, -3.0]]), evidence) == 0
    assert pointing_hit(np.zeros((2, 2)), evidence) == 0.25  # a map that says nothing hits by chance
    with pytest.raises(SierError):
        pointing_hit(np.zeros((2, 3)), evidence)


def test_random_maps_hit_by_their_area():
    rng = np.random.default_rng(0)
    evidence = cells_in_box(((0.0, 0.5), (0.0, 0.5)), (8, 8))
    rate = hit_rate((rng.normal(size=(8, 8)), evidence) for _ in range(4000))
    assert rate.area_share == 0.25
    assert rate.samples == 4000
    assert abs(rate.rate - 0.25) < 4 * rate.stderr
    assert rate.ratio == pytest.approx(rate.rate / 0.25)
    perfect = hit_rate([(evidence.astype(float), evidence)] * 5)
    assert (perfect.rate, perfect.stderr, perfect.ratio) == (1, 0, 4)
    with pytest.raises(SierError):
        hit_rate([])


def test_overlap():
    evidence = np.array([True, True, False, False])
    assert overlap(np.array([0.9, 0.8, 0.1, 0.0]), evidence) == 1
    assert overlap(np.array([0.9, 0.1, 0.8, 0.0]), evidence) == pytest.approx(1 / 3)
    assert overlap(np.array([0.0, 0.1, 0.8, 0.9]), evidence) == 0
    assert overlap(np.zeros(4), np.zeros(4, bool)) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30))
def test_rank_correlation_is_spearmans(pairs):
    from scipy.stats import rankdata

    a, b = np.array(pairs, float).T
    found = rank_correlation(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(rankdata(a), rankdata(b))[0, 1], abs=1e-9)


def test_rank_correlation_sees_order_only():
    a = np.random.default_rng(1).normal(size=(4, 4))
    assert rank_correlation(a, np.exp(a)) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
