"""The demo release's maps are true; benchmarks/truth.py has the full table."""

from __future__ import annotations

import numpy as np
import pytest

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.truth.report import TruthReport, check_dataset
from sier_gui.core.explain.truth.rivals import RIVALS
from sier_gui.core.explain.truth.summary import TruthTable, summarise
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # about two minutes on an idle core


@pytest.fixture(scope="module")
def table() -> TruthTable:
    """Every other sample of the test split."""
    catalogue = open_dataset(paths.resources() / "demo")
    predictor = Predictor(choose_release(catalogue.classes, catalogue.dataset_hash, "demo"), "cpu")
    rows = np.flatnonzero(catalogue.column("split") == "test")[::2]
    answers = [answer for _, answer in check_dataset(predictor, catalogue, rows, ExplainRequest(grid=4))]
    return summarise([answer for answer in answers if isinstance(answer, TruthReport)])


def test_owen_maps_beat_every_rival_at_deletion_and_insertion(table: TruthTable) -> None:
    assert table.samples == 24
    assert set(table.differences) == set(RIVALS)
    for rival in RIVALS:
        assert table.differences[rival]["both"]["faithfulness"].low > 0, rival


def test_maps_of_the_randomised_release_decorrelate_and_fail_the_pointing_game(table: TruthTable) -> None:
    assert abs(table.randomised["whole"]["both"].mean) < 0.15
    ours, anew = table.pointing["owen"]["image"], table.pointing["whole"]["image"]
    assert ours["above_chance"].low > 0
    assert anew["above_chance"].low <= 0
    assert anew["ahead"].low > 0
