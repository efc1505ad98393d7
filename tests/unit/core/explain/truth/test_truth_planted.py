"""Evidence beside a table, which players it covers, and what pointing at it is worth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from truth_games import FRONT, IMAGE, SPEECH, inputs_of

from sier_gui.core import paths
from sier_gui.core.dataset.evidence import Evidence, read_evidence
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.players import Players, players_for
from sier_gui.core.explain.truth.planted import evident_players, pointed
from sier_gui.core.explain.truth.rivals import random_map

HEADER = "sample_id,decides,left,top,right,bottom,start_s,end_s\n"


def players(grid: int = 4, segments: int = 8) -> Players:
    return players_for(inputs_of(), FRONT, ExplainRequest(grid=grid, segments=segments))


def written(folder: Path, text: str) -> Path:
    (folder / "evidence.csv").write_text(text, encoding="utf-8")
    return folder


def test_the_demo_set_says_where_its_evidence_lies() -> None:
    known = read_evidence(paths.resources() / "demo")
    assert len(known) == 144
    assert known["anger-train-01"] == Evidence(box=(104, 153, 197, 246), span=(0.05, 0.7745))
    decided_by_speech = known["anger-test-09"]
    assert decided_by_speech.box is None  # the picture shows a cloud
    assert decided_by_speech.span == (0.05, 0.8918)
    assert known["anger-test-11"].span is None


def test_a_dataset_without_evidence_has_none(tmp_path: Path) -> None:
    assert read_evidence(tmp_path) == {}


def test_cells_and_columns_may_lack(tmp_path: Path) -> None:
    assert read_evidence(written(tmp_path, HEADER + "x,,1,2,3,4,,\n"))["x"] == Evidence(box=(1, 2, 3, 4))
    folder = written(tmp_path, "sample_id,start_s,end_s\nx,0.5,1\n")
    assert read_evidence(folder)["x"] == Evidence(span=(0.5, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,left\nx,1\n", "sample_id"),
        (HEADER + "y,,,,,,,\nx,,a,2,3,4,,\n", "row 3"),
        (HEADER + "x,,3,2,1,4,,\n", "ends before"),
        (HEADER + "x,,,,,,2,1\n", "ends before"),
        (HEADER + "x,,,,,,nan,1\n", "not numbers"),
    ],
)
def test_a_broken_table_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SierError, match=said):
        read_evidence(written(tmp_path, text))


def test_boxes_meet_the_patches_over_them() -> None:
    inputs = inputs_of()  # 80 × 60 pixels, of which the middle 60 × 60 are seen: x from 10 to 70
    assert inputs.pixels.to_picture(0, 0) == (10, 0)
    seen = evident_players(Evidence(box=(40, 0, 70, 30)), inputs, players(grid=4))
    expected = np.zeros((4, 4), bool)
    expected[:2, 2:] = True
    np.testing.assert_array_equal(seen[IMAGE], expected)
    assert SPEECH not in seen
    partly = evident_players(Evidence(box=(0, 0, 25, 60)), inputs, players(grid=4))
    np.testing.assert_array_equal(partly[IMAGE], np.arange(4)[None] < np.ones((4, 1)))
    assert evident_players(Evidence(box=(0, 0, 9, 60)), inputs, players()) == {}  # outside the crop


def test_spans_meet_the_segments_around_them() -> None:
    inputs = inputs_of(1.0)
    seen = evident_players(Evidence(span=(0.25, 0.5)), inputs, players(segments=8))[SPEECH]
    assert np.flatnonzero(seen).tolist() == [2, 3]
    short = evident_players(Evidence(span=(0.30, 0.31)), inputs, players(segments=8))[SPEECH]
    assert np.flatnonzero(short).tolist() == [2]
    late = evident_players(Evidence(span=(0.9, 3.0)), inputs, players(segments=8))[SPEECH]
    assert np.flatnonzero(late).tolist() == [7]
    assert evident_players(Evidence(span=(1.5, 2.0)), inputs, players()) == {}


def test_segments_need_not_be_equal() -> None:
    uneven = replace(players(segments=3), segment_edges_s=np.array([0.0, 0.1, 0.2, 1.0]))
    seen = evident_players(Evidence(span=(0.15, 1.0)), inputs_of(1.0), uneven)[SPEECH]
    assert np.flatnonzero(seen).tolist() == [1, 2]


def test_pointing_sums_bands() -> None:
    there = {SPEECH: np.array([False, True])}
    banded = {SPEECH: np.array([[3.0, 1.0], [-3.0, 1.0]])}  # the strongest player lies elsewhere
    found = pointed(banded, there)[SPEECH]
    assert (found.hit, found.overlap) == (1.0, 1.0)


def test_random_maps_hit_by_the_share_of_players_that_are_evidence() -> None:
    inputs, who = inputs_of(), players(grid=8, segments=16)
    there = evident_players(Evidence(box=(25, 5, 55, 45), span=(0.3, 0.7)), inputs, who)
    rng = np.random.default_rng(0)
    n = 4000
    hits = {m: [pointed(random_map(who, rng), there)[m].hit for _ in range(n)] for m in there}
    for m, share in ((m, float(t.mean())) for m, t in there.items()):
        assert 0.1 < share < 0.6
        assert np.mean(hits[m]) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
