"""Numbers to colours: one scale, one sign, and never another sample's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import views

from sier_gui.core.domain import Modality
from sier_gui.gui import overlay
from sier_gui.gui.state import AppState, OverlayOptions


def test_signed_colours_are_white_at_zero_red_above_and_blue_below() -> None:
    blue, white, red = overlay.Layer(np.array([-2.0, 0.0, 2.0]), 2.0, signed=True).rgb().astype(int)
    assert white.min() > 245
    assert red[0] - red[2] > 100
    assert blue[2] - blue[0] > 100


def test_importance_is_magnitude_from_blue_to_yellow() -> None:
    rgb = overlay.Layer(np.array([-1.0, 0.0, 1.0]), 1.0, signed=False).rgb().astype(int)
    np.testing.assert_array_equal(rgb[0], rgb[2])
    assert rgb[1][2] > rgb[1][0]  # bluer than red
    assert rgb[2][0] > 240
    assert rgb[2][2] < 80


def test_a_shared_scale_is_the_larger_modality_and_own_scales_are_their_own() -> None:
    of = views.view()
    attribution = views.attribution(of)
    largest = {m: np.abs(attribution.values[m][2]).max() for m in Modality}
    for shared in (True, False):
        options = OverlayOptions(shared_scale=shared)
        for modality in Modality:
            layer = overlay.layer(attribution, modality, "hate", options)
            expected = max(largest.values()) if shared else largest[modality]
            assert layer.limit == pytest.approx(expected)


def test_all_zero_values_are_drawn_neutral_not_divided_by_zero() -> None:
    of = views.view()
    attribution = views.attribution(of)
    for values in attribution.values.values():
        values[:] = 0
    layer = overlay.layer(attribution, Modality.IMAGE, None, OverlayOptions())
    assert np.all(layer.strength == 0)


def test_an_attribution_of_another_sample_is_not_current(state: AppState) -> None:
    here, elsewhere = views.view("here"), views.view("elsewhere")
    state.set_sample(here)
    state.set_attribution(views.attribution(elsewhere))
    assert overlay.current_attribution(state) is None
    state.set_attribution(views.attribution(here))
    assert overlay.current_attribution(state) is state.attribution


def test_the_class_explained_is_the_chosen_one_else_the_attributions_else_the_predicted(
    state: AppState,
) -> None:
    of = views.view()
    assert overlay.explained_class(state) is None
    state.set_sample(of)
    state.set_prediction(views.prediction(of, best=3))
    assert overlay.explained_class(state) == "sad"
    state.set_attribution(views.attribution(of, best=1))
    assert overlay.explained_class(state) == "happy"
    state.set_target("anger")
    assert overlay.explained_class(state) == "anger"
    state.set_target("no such class")
    assert overlay.explained_class(state) == "happy"


def test_standard_errors_belong_to_the_class_asked_for() -> None:
    of = views.view()
    attribution = views.attribution(of, estimated=True)
    assert attribution.stderr is not None
    attribution.stderr[Modality.SPEECH][1] = 0.25
    errors = overlay.standard_error(attribution, Modality.SPEECH, "happy")
    assert errors is not None
    np.testing.assert_array_equal(errors, np.full(16, 0.25))
    assert overlay.standard_error(views.attribution(of), Modality.SPEECH, "happy") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.58, ".58"), (-0.07, "−.07"), (1.0, "1.00"), (0.999, "1.00"), (0.0, ".00"), (-1.5, "−1.50")],
)
def test_short_numbers(value: float, text: str) -> None:
    assert overlay.short(value) == text


def test_signed_numbers_carry_their_sign_and_error() -> None:
    assert overlay.signed_text(-0.0314) == "−0.031"
    assert overlay.signed_text(0.0314, 0.004) == "+0.031 ± 0.004"
