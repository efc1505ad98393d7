"""Modality degrees with their errors, against numpy, scipy and simulation."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from survey_samples import CLASSES, FACTS, IMAGE, SPEECH, attribution, broken_row, made_row

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey.degree import COLLAPSE, degree_table, shares
from sier_gui.core.explain.survey.grids import parse_grids, sensitivity, spread_rows
from sier_gui.core.explain.survey.results import SurveyStore
from sier_gui.core.explain.survey.rows import degree_errors


def stored(folder, rows):
    with SurveyStore(folder, FACTS) as store:
        for row in rows:
            store.add(row)
    return folder


def by_hand(attributions):
    """Image shares of Σ|φ| for the class explained, and of the two-player split."""
    degree, split = [], []
    for a in attributions:
        c = a.classes.index(a.target)
        image, speech = np.abs(a.values[IMAGE][c]).sum(), np.abs(a.values[SPEECH][c]).sum()
        degree.append(image / (image + speech))
        i, s = abs(a.split[IMAGE][c]), abs(a.split[SPEECH][c])
        split.append(i / (i + s))
    return np.array(degree), np.array(split)


def test_every_level_against_numpy(tmp_path):
    labels = ["happy", "anger", None, "sad", "anger", "joy", "anger", "happy"]
    rows = [made_row(i, label=label, target=i % 3) for i, label in enumerate(labels)]
    table = degree_table(stored(tmp_path, [*rows, broken_row(8)]))
    attributions = [row.attribution for row in rows]
    degree, split = by_hand(attributions)

    assert table.failed == 1
    assert table.samples.sample_id == [f"s{i}" for i in range(8)]
    np.testing.assert_allclose(table.samples.degree[IMAGE], degree, rtol=1e-12)
    np.testing.assert_allclose(table.samples.split[SPEECH], 1 - split, rtol=1e-12)

    right = np.array(
        [a.predicted_is(label) for a, label in zip(map(Guess, attributions), labels, strict=True)]
    )
    labelled = np.array([label is not None for label in labels])
    named = np.array([label or "" for label in labels])
    groups = {"dataset": (table.dataset, np.ones(8, bool))}
    groups |= {name: (table.labels[name], named == name) for name in ("anger", "happy", "sad", "joy")}
    assert list(table.labels) == ["anger", "happy", "sad", "joy"]
    for found, members in groups.values():
        for group, chosen in (
            (found.all, members),
            (found.correct, members & right),
            (found.wrong, members & labelled & ~right),
        ):
            n = chosen.sum()
            assert group.n == n
            for values, share in ((degree, group.degree[IMAGE]), (split, group.split[IMAGE])):
                if n == 0:
                    assert math.isnan(share.mean)
                    continue
                assert share.mean == pytest.approx(values[chosen].mean(), rel=1e-12)
                if n == 1:
                    assert math.isnan(share.stderr)
                else:
                    assert share.stderr == pytest.approx(values[chosen].std(ddof=1) / math.sqrt(n), rel=1e-9)
                    assert share.low <= share.mean <= share.high
            if n:
                assert group.degree[IMAGE].mean + group.degree[SPEECH].mean == pytest.approx(1)
    assert table.dataset.correct.n + table.dataset.wrong.n == 7  # the unlabelled one is in neither


class Guess:
    def __init__(self, a):
        self.predicted = CLASSES[int(np.argmax(a.f_all))]

    def predicted_is(self, label):
        return self.predicted == label


def test_the_interval_is_the_bootstraps():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(5)
    values = rng.beta(4, 2, size=(60, 2))
    for column, share in zip(values.T, shares(values, 0, "test"), strict=True):
        other = bootstrap(
            (column,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
        )
        width = other.confidence_interval.high - other.confidence_interval.low
        assert share.low == pytest.approx(other.confidence_interval.low, abs=0.08 * width)
        assert share.high == pytest.approx(other.confidence_interval.high, abs=0.08 * width)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(7)
    hits = 0
    for trial in range(400):
        (share,) = shares(rng.beta(3, 2, size=(80, 1)), trial, "coverage")
        hits += share.low <= 0.6 <= share.high
    assert 0.92 <= hits / 400 <= 0.975


def test_equal_seeds_equal_intervals_and_chunks_do_not_matter(monkeypatch):
    from sier_gui.core.explain.survey import degree

    values = np.random.default_rng(1).random((500, 2))
    one, same, other = (shares(values, seed, "x") for seed in (3, 3, 4))
    assert one == same
    assert one != other
    assert shares(values, 3, "y") != one
    monkeypatch.setattr(degree, "CHUNK", 1)
    for a, b in zip(shares(values, 3, "x"), one, strict=True):
        assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-12)


def test_the_delta_method_against_simulation():
    a = attribution(3, estimated=True)
    assert min(np.abs(v[0]).min() for v in a.values.values()) > 0.04  # two standard errors from a sign change
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(4000):
        noisy = {m: v + a.stderr[m] * rng.normal(size=v.shape) for m, v in a.values.items()}
        drawn.append(replace(a, values=noisy).degree()[IMAGE])
    found = degree_errors(a)
    assert found[IMAGE] == pytest.approx(np.std(drawn), rel=0.06)
    assert found[SPEECH] == pytest.approx(found[IMAGE])
    assert degree_errors(attribution(0)) == {IMAGE: 0, SPEECH: 0}


@pytest.mark.parametrize(
    ("scale", "collapsed"), [(1.0, None), (400.0, IMAGE), (1 / 400, SPEECH), (25.0, None)]
)
def test_collapse_is_told_where_one_modality_stays_above_the_limit(tmp_path, scale, collapsed):
    table = degree_table(stored(tmp_path, [made_row(i, image=scale) for i in range(12)]))
    assert table.collapse == collapsed
    if collapsed is None:
        assert table.warning is None
        assert table.dataset.all.degree[IMAGE].low < COLLAPSE
    else:
        assert table.dataset.all.degree[collapsed].low > COLLAPSE
        assert str(collapsed) in table.warning
        assert "12 samples" in table.warning


@settings(max_examples=20, deadline=None)
@given(seeds=st.lists(st.integers(0, 50), max_size=6, unique=True), broken=st.integers(0, 2))
def test_json_is_fractions_or_null(tmp_path_factory, seeds, broken):
    folder = tmp_path_factory.mktemp("survey")
    rows = [made_row(i, seed=seed) for i, seed in enumerate(seeds)]
    rows += [broken_row(100 + i) for i in range(broken)]
    value = json.loads(json.dumps(degree_table(stored(folder, rows)).to_json(), allow_nan=False))
    assert value["schema"] == 1
    assert value["dataset"]["n"] == len(value["samples"]) == len(seeds)
    assert value["dataset"]["failed"] == broken
    assert set(value["labels"]) == ({"anger"} if seeds else set())
    for sample in value["samples"]:
        assert sum(sample["degree"].values()) == pytest.approx(1)
        assert sum(sample["split"].values()) == pytest.approx(1)
        assert set(sample["stderr"]) == set(sample["degree"]) == {"image", "speech"}
    if seeds:
        assert 0 <= value["dataset"]["degree"]["speech"] <= 1
        low, high = value["dataset"]["interval"]["speech"]
        assert (low is None) == (high is None) == (len(seeds) < 2)


def test_all_zero_values_are_equal_shares(tmp_path):
    rows = [made_row(i, image=0.0) for i in range(2)]
    nothing = {m: np.zeros_like(v) for m, v in rows[0].attribution.values.items()}
    empty = replace(rows[0].attribution, values=nothing, split={m: np.zeros(3) for m in Modality})
    table = degree_table(stored(tmp_path, [replace(rows[0], attribution=empty), rows[1]]))
    assert table.samples.degree[IMAGE].tolist() == [0.5, 0.0]
    assert table.samples.split[IMAGE].tolist() == [0.5, 0.0]


def test_no_survey_is_said(tmp_path):
    with pytest.raises(SierError, match="no survey"):
        degree_table(tmp_path)


# ---------------------------------------------------------------- several grids


def test_sensitivity_gives_the_same_rows_for_each_grid(tmp_path):
    asked = []

    def surveyed(request, rows):
        asked.append((request.grid, request.segments, tuple(rows)))
        scale = request.grid**2 / request.segments
        return stored(tmp_path / str(request.grid), [made_row(i, image=scale) for i in range(9)])

    found = sensitivity(ExplainRequest(), ((2, 16), (8, 16)), [0, 4, 8], surveyed)
    assert asked == [(2, 16, (0, 4, 8)), (8, 16, (0, 4, 8))]
    assert [(one.grid, one.segments, one.group.n) for one in found] == [(2, 16, 3), (8, 16, 3)]
    expected = by_hand([made_row(i, image=4).attribution for i in (0, 4, 8)])[0].mean()
    assert found[1].group.degree[IMAGE].mean == pytest.approx(expected, rel=1e-12)
    assert found[0].to_json()["degree"]["image"] < found[1].to_json()["degree"]["image"]


def test_grids_are_read_and_refused():
    assert parse_grids("2+4, 4+16") == ((2, 4), (4, 16))
    for wrong in ("", "4", "4+", "4x16", "4+16,"):
        with pytest.raises(SierError, match="list of grids"):
            parse_grids(wrong)


@given(n=st.integers(1, 200), count=st.integers(1, 60))
def test_rows_are_spread_over_the_dataset(n, count):
    rows = spread_rows(range(n), count)
    assert len(rows) == len(set(rows)) == min(n, count)
    assert rows == sorted(rows)
    assert rows[0] == 0
    if count > 1:
        assert rows[-1] == n - 1
        assert np.ptp(np.diff(rows)) <= 1 if len(rows) > 1 else True
