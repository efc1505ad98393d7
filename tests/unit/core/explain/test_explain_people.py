"""Measures between maps and people's marks, against counting, scipy and brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sier_gui.core.domain import PixelMap
from sier_gui.core.explain import agreement
from sier_gui.core.explain.people import measures
from sier_gui.core.explain.people.coverage import box_coverage, outline, people_grid, span_coverage

SQUARE = PixelMap(size=128, width=256, height=256, left=0, top=0, scale_x=2, scale_y=2)
CROPPED = PixelMap(size=128, width=300, height=200, left=50, top=0, scale_x=200 / 128, scale_y=200 / 128)
PADDED = PixelMap(size=128, width=256, height=128, left=0, top=-64, scale_x=2, scale_y=2)

shares01 = st.floats(0, 1, width=32)
box = st.tuples(shares01, shares01, shares01, shares01).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


def rastered(boxes, rows: int, columns: int, pixels: PixelMap, fine: int = 64) -> np.ndarray:
    """By counting points, as an oracle: (rows, columns) share of points on the picture that lie in a box."""
    at = (np.arange(columns * fine) + 0.5) / (columns * fine) * pixels.size
    x = (pixels.left + at * pixels.scale_x) / pixels.width
    at = (np.arange(rows * fine) + 0.5) / (rows * fine) * pixels.size
    y = (pixels.top + at * pixels.scale_y) / pixels.height
    inside = np.zeros((len(y), len(x)), bool)
    for left, top, right, bottom in boxes:
        inside |= ((y >= top) & (y < bottom))[:, None] & ((x >= left) & (x < right))
    on = ((y >= 0) & (y < 1))[:, None] & ((x >= 0) & (x < 1))
    blocks = (rows, fine, columns, fine)
    points = on.reshape(blocks).sum(axis=(1, 3))
    with np.errstate(invalid="ignore"):
        return (inside & on).reshape(blocks).sum(axis=(1, 3)) / points


@settings(max_examples=40, deadline=None)
@given(st.lists(box, max_size=4), st.integers(1, 5), st.sampled_from([SQUARE, CROPPED, PADDED]))
def test_coverage_is_the_share_of_each_patch_in_any_box(boxes, grid: int, pixels: PixelMap) -> None:
    found, wanted = box_coverage(boxes, grid, grid, pixels), rastered(boxes, grid, grid, pixels)
    assert (np.isnan(found) == np.isnan(wanted)).all()
    assert np.nanmax(np.abs(found - wanted), initial=0) < 0.07  # a 64th at each of a patch's borders


def test_coverage_of_a_few_boxes_by_hand() -> None:
    half = box_coverage([(0.0, 0.0, 0.5, 1.0), (0.25, 0.0, 0.5, 0.5)], 2, 2, SQUARE)
    assert half.tolist() == [[1, 0], [1, 0]]  # what lies in two boxes counts once
    assert box_coverage([(0.25, 0.0, 0.75, 0.5)], 2, 2, SQUARE).tolist() == [[0.5, 0.5], [0, 0]]
    # of 300 pixels the network saw the middle 200: a mark beside it touches nothing
    assert box_coverage([(0, 0, 1 / 6, 1)], 2, 2, CROPPED).tolist() == [[0, 0], [0, 0]]
    padded = box_coverage([(0, 0, 1, 0.5)], 4, 2, PADDED)
    assert np.isnan(padded[[0, 3]]).all()
    assert padded[1:3].tolist() == [[1, 1], [0, 0]]
    assert box_coverage([], 2, 2, SQUARE).tolist() == [[0, 0], [0, 0]]


def test_spans_are_weighted_by_time() -> None:
    edges = np.array([0.0, 1.0, 1.5, 3.0])
    assert span_coverage([(0.5, 1.25), (1.0, 1.25), (2.5, 9.0)], edges).tolist() == pytest.approx(
        [0.5, 0.5, 1 / 3]
    )
    assert span_coverage([(3.5, 4.0)], edges).tolist() == [0, 0, 0]


# ---------------------------------------------------------------- measures

values = st.integers(0, 4).map(lambda v: v / 4)


@st.composite
def pair(draw, least: int = 2, most: int = 9):
    n = draw(st.integers(least, most))
    rows = [draw(st.lists(values, min_size=n, max_size=n)) for _ in range(2)]
    return np.array([rows[0]]), np.array([rows[1]])


@settings(max_examples=150, deadline=None)
@given(pair())
def test_rank_correlation_is_scipys(both) -> None:
    first, second = both
    found = measures.rho(first, second)[0]
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(first[0], second[0]).statistic, abs=1e-12)
        assert found == pytest.approx(agreement.rank_correlation(first[0], second[0]), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(pair())
def test_pointing_is_the_share_marked_at_the_strongest(both) -> None:
    first, second = both
    strongest = [j for j, v in enumerate(first[0]) if v == max(first[0])]
    assert measures.pointing(first, second)[0] == pytest.approx(np.mean([second[0][j] for j in strongest]))
    whole = second[0] >= 0.5  # one person's whole players: the pointing game as it is known
    assert measures.pointing(first, whole[None].astype(float))[0] == pytest.approx(
        agreement.pointing_hit(first[0], whole)
    )


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(8)), st.integers(1, 7))
def test_without_ties_iou_is_that_of_sets(order, k: int) -> None:
    marked = np.zeros(8)
    marked[:k] = 1.0
    strength = np.array(order, float)
    wanted = agreement.overlap(strength, marked > 0)
    assert measures.iou(strength[None], marked[None])[0] == pytest.approx(wanted)


@settings(max_examples=60, deadline=None)
@given(pair(3, 8))
def test_ties_share_the_last_places_and_the_order_of_players_does_not_matter(both) -> None:
    first, second = both
    found = measures.scores(first, second)[0]
    turned = measures.scores(first[:, ::-1], second[:, ::-1])[0]
    assert found == pytest.approx(turned, nan_ok=True)
    k = max(1, round(second.sum() + 1e-12)) if second.sum() % 1 != 0.5 else int(measures.area(second)[0])
    assert measures._strongest(first, np.array([float(k)])).sum() == pytest.approx(k)
    assert 0 <= found[1] <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(values, min_size=2, max_size=8))
def test_chance_is_the_mean_over_all_maps(row) -> None:
    shares = np.array([row])
    n, k = len(row), int(measures.area(shares)[0])
    maps = np.zeros((0, n))
    for chosen in combinations(range(n), k):
        one = np.zeros((1, n))
        one[0, list(chosen)] = 1.0
        maps = np.concatenate([maps, one])
    every = measures.iou(maps, np.repeat(shares, len(maps), axis=0))
    assert measures.chances(shares)[0, 1] == pytest.approx(every.mean())
    singles = measures.pointing(np.eye(n), np.repeat(shares, n, axis=0))
    assert measures.chances(shares)[0, 0] == pytest.approx(singles.mean())


# ---------------------------------------------------------------- outlines


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(box, max_size=2), min_size=1, max_size=4))
def test_the_grid_of_people_says_how_many_marked_each_point(people) -> None:
    xs, ys, found = people_grid(people)
    for col, x in enumerate((xs[1:] + xs[:-1]) / 2):
        for row, y in enumerate((ys[1:] + ys[:-1]) / 2):
            marked = [any(l <= x < r and t <= y < b for l, t, r, b in boxes) for boxes in people]  # noqa: E741
            assert found[row, col] == pytest.approx(np.mean(marked))


def test_an_outline_goes_once_around() -> None:
    xs, ys, found = people_grid([[(0.25, 0.25, 0.75, 0.75)], [(0.5, 0.25, 1.0, 0.75)]])
    length = {
        level: sum(abs(b[0] - a[0]) + abs(b[1] - a[1]) for a, b in outline(xs, ys, found, level))
        for level in (0.5, 1.0)
    }
    assert length == {0.5: pytest.approx(2 * (0.75 + 0.5)), 1.0: pytest.approx(2 * (0.25 + 0.5))}
    assert len(outline(xs, ys, found, 0.5)) == 4  # straight lines are one
    assert outline(xs, ys, np.zeros_like(found), 0.5) == []
