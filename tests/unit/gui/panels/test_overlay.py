"""Numbers to colours: one scale, one sign, and never another sample's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import views

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Attribution
from sier_gui.gui import overlay
from sier_gui.gui.state import AppState, OverlayOptions, SampleView


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


# ---------------------------------------------------------------- what is not settled


def halved_twice(of: SampleView, bands: int = 1) -> Attribution:
    """A map still at four parts of the picture and two of the speech, with one patch known."""
    attribution = views.attribution(of, bands=bands, complete=False)
    assert attribution.coarse is not None
    attribution.values[Modality.IMAGE][:, 0, 0] += 0.01
    attribution.coarse[Modality.IMAGE][0, 0] = False
    return attribution


def test_only_what_is_coarse_or_close_to_zero_is_unsettled() -> None:
    of, options = views.view(), OverlayOptions()
    exact = views.attribution(of)
    for modality in Modality:
        assert not overlay.layer(exact, modality, None, options).hatched.any()
    assert overlay.hatch_meaning(exact, None) == ("", "")
    coarse = overlay.layer(halved_twice(of), Modality.IMAGE, None, options)
    assert coarse.hatched.sum() == 63
    assert not coarse.hatched[0, 0]
    assert "larger part" in overlay.hatch_meaning(halved_twice(of), None)[1]
    sampled = views.attribution(of, estimated=True)
    layer = overlay.layer(sampled, Modality.IMAGE, "hate", options)
    np.testing.assert_array_equal(layer.hatched, np.abs(layer.values) < 1.96 * 0.004)
    assert 0 < layer.hatched.sum() < 64
    assert "chance" in overlay.hatch_meaning(sampled, None)[1]


def test_the_part_that_a_patch_belongs_to_has_the_sum_of_its_patches() -> None:
    attribution = halved_twice(views.view())
    values = attribution.values[Modality.IMAGE][2]
    quarter = overlay.part_of(attribution, Modality.IMAGE, "hate", (6, 1))
    assert quarter == overlay.Part(pytest.approx(values[4:, :4].sum()), 16)
    cut = overlay.part_of(attribution, Modality.IMAGE, "hate", (3, 3))
    assert cut == overlay.Part(pytest.approx(values[:4, :4].sum() - values[0, 0]), 15)
    assert overlay.part_of(attribution, Modality.IMAGE, "hate", (0, 0)) is None
    assert overlay.part_of(views.attribution(views.view()), Modality.IMAGE, "hate", (6, 1)) is None


@pytest.mark.parametrize(("refining", "said"), [(True, "still refining"), (False, "not divided further")])
def test_hovering_says_the_part_while_it_is_coarse_and_the_error_once_it_is_estimated(
    refining: bool, said: str
) -> None:
    of = views.view()
    attribution = halved_twice(of)
    total = overlay.signed_text(float(attribution.values[Modality.IMAGE][2][4:, :4].sum()))
    text = overlay.value_text(attribution, Modality.IMAGE, "hate", (6, 1), refining)
    assert text == f"{said}: φ {total} for this part of 16 patches"
    assert overlay.segment_text(attribution, "hate", 3, refining).endswith("for this part of 8 segments")
    sampled = views.attribution(of, estimated=True)
    assert overlay.value_text(sampled, Modality.IMAGE, "hate", (6, 1), refining).endswith(" ± 0.004")


def test_a_sum_of_bands_is_known_where_no_part_reaches_over_the_segment() -> None:
    of, options = views.view(), OverlayOptions()
    attribution = halved_twice(of, bands=4)
    assert attribution.coarse is not None
    assert overlay.layer(attribution, Modality.SPEECH, None, options).hatched.all()
    speech, coarse = attribution.values[Modality.SPEECH], attribution.coarse[Modality.SPEECH]
    speech[..., 0] += 0.5  # the first segment is a part of its own, not divided into bands yet
    first = overlay.layer(attribution, Modality.SPEECH, None, options)
    assert first.hatched.tolist() == [False, *[True] * 15]
    assert overlay.speech_cells(attribution, None, options).hatched.all()
    assert overlay.segment_text(attribution, "hate", 0, True) == f"φ {overlay.signed_text(first.values[0])}"
    assert overlay.segment_text(attribution, "hate", 1, True).endswith("for this part of 28 cells")
    coarse[:] = False
    assert not overlay.layer(attribution, Modality.SPEECH, None, options).hatched.any()


def test_the_error_of_a_sum_of_bands_is_at_most_the_sum_of_errors() -> None:
    of = views.view()
    attribution = views.attribution(of, bands=4, estimated=True)
    errors = overlay.standard_error(attribution, Modality.SPEECH, "hate")
    assert errors == pytest.approx(np.full(16, 4 * 0.004))
    assert overlay.segment_text(attribution, "hate", 2, False).endswith(" ± at most 0.016")
    layer = overlay.layer(attribution, Modality.SPEECH, "hate", OverlayOptions())
    np.testing.assert_array_equal(layer.hatched, np.abs(attribution.speech("hate")) < 1.96 * 0.016)


def test_one_scale_holds_whatever_is_drawn() -> None:
    of = views.view()
    attribution = views.attribution(of, bands=2)
    attribution.values[Modality.SPEECH][2, :, 5] = (3.0, -2.5)  # larger cells than their sum
    for options in (OverlayOptions(), OverlayOptions(shared_scale=False)):
        assert overlay.layer(attribution, Modality.SPEECH, "hate", options).limit == 3.0
        cells = overlay.speech_cells(attribution, "hate", options)
        assert cells.limit == 3.0
        assert cells.values[:, 5].tolist() == [3.0, -2.5]
    plain = overlay.speech_cells(views.attribution(of), "hate", OverlayOptions())
    assert plain.values.shape == (1, 16)
