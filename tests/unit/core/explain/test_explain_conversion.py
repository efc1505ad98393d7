"""Attributions as shap sees them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from explain_games import IMAGE, SPEECH, TinyNet, generated_inputs, predictor_of

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.conversion import to_shap
from sier_gui.core.explain.engine import explain

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def explained(seconds=2.0, **request):
    *_, last = explain(predictor_of(TinyNet()), generated_inputs(seconds), ExplainRequest(**request))
    return last


def test_rows_are_samples_and_features_players():
    pytest.importorskip("shap")
    first, second = explained(grid=2, segments=3), explained(1.0, grid=2, segments=3)
    found = to_shap([first, second], "b")
    assert found.values.shape == (2, 7)
    np.testing.assert_array_equal(found.values[0, :4], first.values[IMAGE][1].ravel())
    np.testing.assert_array_equal(found.values[1, 4:], second.values[SPEECH][1])
    np.testing.assert_allclose(found.base_values + found.values.sum(1), [first.f_all[1], second.f_all[1]])
    assert found.feature_names[:2] == ["image row 1, column 1", "image row 1, column 2"]
    assert found.feature_names[4:] == ["speech 1", "speech 2", "speech 3"]  # their times differ
    assert found.error_std is None
    assert found[0].values.shape == (7,)


def test_one_sample_names_its_seconds_and_bands_and_keeps_errors():
    pytest.importorskip("shap")
    one = explained(method="shapley", grid=4, segments=4, budget=600)
    found = to_shap([one])
    assert found.error_std.shape == found.values.shape == (1, 20)
    np.testing.assert_array_equal(found.values[0, :16], one.image().ravel())
    assert found.feature_names[16:] == ["0.00–0.50 s", "0.50–1.00 s", "1.00–1.50 s", "1.50–2.00 s"]
    banded = to_shap([explained(grid=1, segments=2, bands=2)])
    assert banded.feature_names[1:] == [
        "0.00–1.00 s, band 1",
        "1.00–2.00 s, band 1",
        "0.00–1.00 s, band 2",
        "1.00–2.00 s, band 2",
    ]


def test_what_cannot_be_converted_is_told(monkeypatch):
    pytest.importorskip("shap")
    with pytest.raises(SierError, match="nothing"):
        to_shap([])
    with pytest.raises(SierError, match="different players"):
        to_shap([explained(grid=2, segments=3), explained(grid=2, segments=4)])
    with pytest.raises(SierError, match="no class 'z'"):
        to_shap([explained(grid=2, segments=3)], "z")
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(SierError, match="not installed"):
        to_shap([explained(grid=2, segments=3)])
