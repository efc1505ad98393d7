"""The kept layer, its principal components against scikit-learn's, and picking against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from sier_gui.core.errors import SierError
from sier_gui.core.overview import store as store_module
from sier_gui.core.overview.picking import Points
from sier_gui.core.overview.projection import fitted, pca, principal, projected
from sier_gui.core.overview.store import FusedStore


def vectors(n: int, size: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 5)) @ rng.normal(size=(5, size)) + 0.1 * rng.normal(size=(n, size))).astype(
        np.float32
    )


# ---------------------------------------------------------------- kept on disk


def test_what_was_put_is_read_by_whoever_opens_it_later(tmp_path):
    file, given_ = tmp_path / "one.npy", vectors(6, 8)
    first = FusedStore(file, 10)
    assert not first.known.any()
    assert first.read(np.array([0])).shape == (1, 0)
    first.put([7, 2], given_[:2])
    first.put([0], given_[2:3])
    again = FusedStore(file, 10)
    assert np.flatnonzero(again.known).tolist() == [0, 2, 7]
    np.testing.assert_allclose(again.read(np.array([7, 2, 0])), given_[:3], rtol=1e-3, atol=1e-3)
    again.put([1], given_[3:4])  # two writers of one file see each other
    assert first.known[1]


def test_values_beyond_half_precision_are_kept_finite(tmp_path):
    one = FusedStore(tmp_path / "one.npy", 2)
    one.put([0], np.array([[1e9, -1e9, np.nan, 1.0]], np.float32))
    found = one.read(np.array([0]))[0]
    assert np.isfinite(found).all()
    assert found[0] == -found[1] > 50_000


@pytest.mark.parametrize("damage", ["short", "nonsense", "no mask", "other count"])
def test_a_damaged_store_is_an_empty_one(tmp_path, damage):
    file = tmp_path / "one.npy"
    FusedStore(file, 5).put([0], vectors(1, 4))
    if damage == "short":
        file.write_bytes(file.read_bytes()[:-3])
    elif damage == "nonsense":
        file.write_bytes(b"not an array")
    elif damage == "no mask":
        file.with_suffix(".known").unlink()
    again = FusedStore(file, 6 if damage == "other count" else 5)
    assert not again.known.any()
    again.put([3], vectors(1, 4))
    assert np.flatnonzero(FusedStore(file, len(again.known)).known).tolist() == [3]


def test_a_layer_of_another_size_begins_anew_and_old_readers_go_on(tmp_path):
    file, old = tmp_path / "one.npy", vectors(1, 4)
    reader = FusedStore(file, 3)
    reader.put([0], old)
    FusedStore(file, 3).put([1], vectors(1, 9))
    np.testing.assert_allclose(reader.read(np.array([0])), old, rtol=1e-3, atol=1e-3)
    assert np.flatnonzero(FusedStore(file, 3).known).tolist() == [1]


def test_the_oldest_stores_make_room(tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(store_module, "KEPT_BYTES", 2400)
    for place, name in enumerate("abc"):
        FusedStore(tmp_path / f"{name}.npy", 100).put([0], vectors(1, 4))
        os.utime(tmp_path / f"{name}.npy", (place, place))
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["b.known", "b.npy", "c.known", "c.npy"]


# ---------------------------------------------------------------- principal components


@pytest.mark.parametrize(("n", "size"), [(60, 12), (9, 30)])
def test_components_are_scikit_learns_of_standardised_numbers(n, size):
    x = vectors(n, size)
    found = principal(x, 2)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    expected = PCA(2, svd_solver="full").fit(z.astype(np.float64))
    for axis, theirs in zip(found.axes.T, expected.components_, strict=True):
        assert abs(axis @ theirs) == pytest.approx(1, abs=1e-4)
        assert axis[np.abs(axis).argmax()] > 0  # the sign is fixed
    np.testing.assert_allclose(found.explained, expected.explained_variance_ratio_, atol=1e-4)
    turned = np.abs(found.apply(x))
    np.testing.assert_allclose(turned, np.abs(expected.transform(z)), atol=1e-3)


def test_numbers_that_never_change_and_too_few_directions_do_no_harm():
    x = np.ones((10, 6), np.float32)
    x[:, 2] = np.arange(10)
    found = principal(x, 3)
    assert np.isfinite(found.apply(x)).all()
    assert found.explained[0] == pytest.approx(1, abs=1e-5)
    assert found.explained[1:].sum() == pytest.approx(0, abs=1e-5)


def test_a_map_is_of_the_rows_that_are_known(tmp_path):
    one = FusedStore(tmp_path / "one.npy", 40)
    rows = [3, 5, 8, 13, 21, 34]
    one.put(rows, vectors(6, 10))
    found = pca(one)
    assert found.rows.tolist() == rows
    assert found.positions.shape == (6, 2)
    assert found.method == "PCA"
    again = pca(FusedStore(tmp_path / "one.npy", 40))
    np.testing.assert_array_equal(found.positions, again.positions)


def test_axes_come_from_a_part_of_many_samples_and_hold_for_all(tmp_path, monkeypatch):
    from sier_gui.core.overview import projection

    monkeypatch.setattr(projection, "FIT_ROWS", 64)
    monkeypatch.setattr(projection, "CHUNK", 50)
    one, x = FusedStore(tmp_path / "one.npy", 500), vectors(500, 8)
    one.put(list(range(500)), x)
    rows = np.arange(500)
    by = fitted(one, rows)
    np.testing.assert_array_equal(by.axes, principal(one.read(rows[::8]), 2).axes)
    np.testing.assert_allclose(projected(one, rows, by), by.apply(one.read(rows)), atol=1e-4)


def test_two_samples_are_no_map(tmp_path):
    one = FusedStore(tmp_path / "one.npy", 5)
    one.put([0, 1], vectors(2, 4))
    with pytest.raises(SierError, match="at least 3"):
        pca(one)


# ---------------------------------------------------------------- picking


def inside_by_rays(x: float, y: float, line: list[list[float]]) -> bool:
    """The even-odd rule, as textbooks have it."""
    odd = False
    for (x0, y0), (x1, y1) in zip(line, line[1:] + line[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


coordinates = st.integers(-40, 40)


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 60), st.just(2)), elements=coordinates),
    arrays(np.int64, st.tuples(st.integers(3, 12), st.just(2)), elements=coordinates),
)
def test_a_lasso_holds_what_the_even_odd_rule_says(places, corners):
    positions, line = (places / 4).astype(np.float32), corners / 4 + 0.03
    found = Points(positions).inside(line)
    expected = [i for i, (x, y) in enumerate(positions.tolist()) if inside_by_rays(x, y, line.tolist())]
    assert found.tolist() == expected


def test_a_line_of_two_corners_holds_nothing():
    assert len(Points(np.zeros((3, 2), np.float32)).inside(np.zeros((2, 2)))) == 0


def test_the_nearest_point_is_the_nearest():
    rng = np.random.default_rng(4)
    points = Points(rng.normal(size=(200, 2)).astype(np.float32))
    for x, y in rng.normal(size=(50, 2)):
        distance = np.hypot(*(points.positions - np.array([x, y], np.float32)).T)
        best = int(distance.argmin())
        assert points.nearest(x, y, 10.0) == best
        assert points.nearest(x, y, float(distance[best]) * 0.99) == -1
