"""Means, intervals and paired differences over samples."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from truth_games import IMAGE, SPEECH

from sier_gui.core.errors import SierError
from sier_gui.core.explain.truth.curves import Curves
from sier_gui.core.explain.truth.planted import Found
from sier_gui.core.explain.truth.report import TruthReport
from sier_gui.core.explain.truth.summary import SHARES, Bootstrap, lines, sections, summarise

SCOPES = ("both", "image", "speech")


def report(rng: np.random.Generator, *, evidence: bool = True, players: int = 6) -> TruthReport:
    """Made-up figures: ours is .3 better, give or take .05, on samples that differ by much more."""
    level = rng.normal()

    def flat(area: float) -> dict[str, Curves]:
        return {s: Curves(np.full(players, -area), np.full(players, 0.0)) for s in SCOPES}

    found = {m: Found(1.0, 0.5) for m in (IMAGE, SPEECH)} if evidence else {}
    missed = {m: Found(float(rng.random() < 0.25), 0.1) for m in (IMAGE, SPEECH)} if evidence else {}
    return TruthReport(
        sample_id="x",
        target="a",
        ours="owen",
        maps={},
        curves={"owen": flat(level), "random": flat(level - 0.3 + 0.05 * rng.normal())},
        randomised_maps={},
        randomised={"whole": {s: rng.normal(0, 0.2) for s in SCOPES}},
        absences=("zeros", "mean"),
        absence_rho={s: np.array([[1, 0.6], [0.6, 1]]) for s in SCOPES},
        pointing={"owen": found, "random": missed} if evidence else {},
        randomised_pointing={"whole": missed} if evidence else {},
        area_share={IMAGE: 0.25, SPEECH: 0.25} if evidence else {},
    )


def reports(n: int = 40, **options: Any) -> list[TruthReport]:
    rng = np.random.default_rng(0)
    return [report(rng, **options) for _ in range(n)]


def test_intervals_are_those_of_the_normal_theory_where_samples_are_many() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=400)
    found = Bootstrap(400, 0)(values)
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05 * half)
    assert found.n == 400


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    n, repeats = 30, 400
    found = Bootstrap(n, 0, draws=2000)(rng.exponential(size=(n, repeats)))  # skewed, mean 1
    covered = np.mean((found.low <= 1) & (found.high >= 1))
    assert (
        0.88 <= covered <= 0.98
    )  # a percentile bootstrap of 30 skewed samples covers a little less than 95 %


def test_a_nan_leaves_its_sample_out() -> None:
    values = np.array([1.0, np.nan, 2.0, 3.0])
    found = Bootstrap(4, 0)(np.stack([values, np.full(4, np.nan), [5, np.nan, np.nan, np.nan]], axis=1))
    np.testing.assert_allclose(found.mean, [2, np.nan, 5])
    assert 1 <= found.low[0] < 2 < found.high[0] <= 3
    assert np.isnan(found.low[1:]).all()
    assert found.n == 3
    assert found.to_json()["mean"] == [2.0, None, 5.0]


def test_differences_are_taken_within_samples() -> None:
    table = summarise(reports())
    paired = table.differences["random"]["both"]["faithfulness"]
    assert paired.mean == pytest.approx(0.3, abs=0.03)
    assert 0.25 < paired.low < paired.high < 0.35
    alone = table.areas["owen"]["both"]["faithfulness"]
    assert alone.high - alone.low > 5 * (paired.high - paired.low)
    assert set(table.differences) == {"random"}


def test_pointing_counts_samples_with_evidence_only() -> None:
    given = [*reports(30), *reports(10, evidence=False)]
    table = summarise(given)
    ours, anew = table.pointing["owen"]["image"], table.pointing["whole"]["image"]
    assert ours["hit"].n == anew["hit"].n == 30
    assert (ours["hit"].mean, ours["above_chance"].mean, ours["iou"].mean) == (1, 0.75, 0.5)
    assert anew["above_chance"].low < 0 < anew["above_chance"].high
    assert anew["ahead"].mean == pytest.approx(1 - anew["hit"].mean)
    assert summarise(reports(3, evidence=False)).pointing["owen"] == {}


def test_randomised_maps_are_summed_up_with_and_without_sign() -> None:
    given = reports()
    table = summarise(given)
    rho = np.array([r.randomised["whole"]["image"] for r in given])
    assert table.randomised["whole"]["image"].mean == pytest.approx(rho.mean())
    assert table.randomised_size["whole"]["image"].mean == pytest.approx(np.abs(rho).mean())
    np.testing.assert_allclose(table.absence_rho["both"].mean, [[1, 0.6], [0.6, 1]])


def test_curves_of_unequal_length_are_drawn_over_shares() -> None:
    rng = np.random.default_rng(0)
    one, other = report(rng, players=5), report(rng, players=9)
    line = {
        n: {s: Curves(np.linspace(1, 0, k), np.linspace(0, 1, k)) for s in SCOPES} for n, k in (("owen", 5),)
    }
    longer = {"owen": {s: Curves(np.linspace(3, 0, 9), np.linspace(0, 3, 9)) for s in SCOPES}}
    table = summarise([replace(one, curves=line), replace(other, curves=longer)])
    np.testing.assert_allclose(table.curves["owen"]["both"]["deletion"].mean, 2 * (1 - SHARES))
    np.testing.assert_allclose(table.curves["owen"]["both"]["insertion"].mean, 2 * SHARES)


def test_a_method_without_a_map_for_some_samples() -> None:
    given = reports(6)
    given[0] = replace(given[0], curves={"owen": given[0].curves["owen"]})
    table = summarise(given)
    assert table.areas["random"]["both"]["deletion"].n == 5
    assert table.differences["random"]["both"]["deletion"].n == 5
    assert table.areas["owen"]["both"]["deletion"].n == 6


def test_equal_seeds_equal_tables_and_json_without_nan() -> None:
    one, same, other = (json.dumps(summarise(reports(5), s).to_json(), allow_nan=False) for s in (0, 0, 1))
    assert one == same != other
    alone = summarise(reports(1)).to_json()["areas"]["owen"]["both"]["deletion"]
    assert alone["low"] is alone["high"] is None


def test_unlike_reports_are_not_mixed() -> None:
    first, second = reports(2)
    with pytest.raises(SierError, match="different"):
        summarise([first, replace(second, ours="shapley", curves={"shapley": second.curves["owen"]})])
    with pytest.raises(SierError, match="nothing to sum up"):
        summarise([])


def test_the_table_says_every_figure() -> None:
    table = summarise(reports())
    areas, randomised, absences, pointing = sections(table)
    assert len(areas.rows) == 2 * 3
    assert all(len(row) == len(s.header) for s in (areas, randomised, absences, pointing) for row in s.rows)
    assert areas.rows[1][-1] == str(table.differences["random"]["both"]["faithfulness"])
    assert absences.rows[0][1:] == ("1", "0.600 [0.600, 0.600]")
    assert {row[2] for row in pointing.rows} == {"owen", "random", "owen, drawn anew: whole"}
    text = "\n".join(lines(table))
    assert "95 %" in text
    assert str(table.areas["owen"]["speech"]["insertion"]) in text
    assert len(sections(summarise(reports(2, evidence=False)))) == 3
