"""Probabilities, class switch, shares, additivity and the controls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import views
from datasets import make_dataset
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.query import PredictionTable
from sier_gui.core.domain import Modality, Prediction
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.itemmodels.samples import SHARE, SampleModel
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.result import ExplanationPanel, ProbabilityPanel, WhatIfStrip
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.state import AppState


@pytest.fixture
def probabilities(qtbot: QtBot, state: AppState, actions: ActionTable) -> ProbabilityPanel:
    return _shown(qtbot, ProbabilityPanel(state), 320, 300)


@pytest.fixture
def explanation(qtbot: QtBot, state: AppState, actions: ActionTable) -> ExplanationPanel:
    return _shown(qtbot, ExplanationPanel(state, actions), 330, 480)


def _shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> QWidget:
    qtbot.addWidget(widget)
    widget.setPalette(theme.palette(dark=False))
    widget.resize(width, height)
    widget.show()
    return widget


def pixels(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def is_colour(shown: np.ndarray, colour: QColor) -> np.ndarray:
    return (shown == np.array(colour.getRgb()[:3])).all(axis=-1)


@pytest.mark.parametrize("classes", [views.THREE, views.FOUR, views.EIGHT])
def test_one_bar_per_class_as_long_as_its_probability(
    probabilities: ProbabilityPanel, state: AppState, classes: tuple[str, ...]
) -> None:
    of = views.view()
    state.set_sample(of)
    answer = views.prediction(of, classes, best=1)
    state.set_prediction(answer)
    assert [bar.class_name for bar in probabilities.bars] == list(classes)
    probabilities.resize(320, 60 + 40 * len(classes))
    for bar, p in zip(probabilities.bars, answer.probabilities, strict=True):
        row = pixels(bar)[bar.height() // 2]
        length = is_colour(row, theme.class_colour(bar.class_name, classes)).sum()
        # pixels that the bar covers in part, at either end, have another colour
        assert length == pytest.approx(p * bar.bar_area().width(), abs=1.99)
        assert f"{p:.2f}" in bar.accessibleName()
        assert bar.class_name in bar.accessibleName()


def test_classes_of_another_network_replace_the_bars(
    probabilities: ProbabilityPanel, state: AppState
) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of, views.EIGHT))
    state.set_prediction(views.prediction(of, views.THREE))
    assert [bar.class_name for bar in probabilities.bars] == list(views.THREE)
    assert len(probabilities._group.buttons()) == 3


def test_bars_stay_the_same_widgets_while_samples_change(
    probabilities: ProbabilityPanel, state: AppState
) -> None:
    for name in ("one", "two"):
        of = views.view(name)
        state.set_prediction(None)
        state.set_sample(of)
        state.set_prediction(views.prediction(of))
        if name == "one":
            bars = list(probabilities.bars)
    assert probabilities.bars == bars
    state.set_prediction(None)
    state.set_release(SimpleNamespace(classes=views.THREE))  # type: ignore[arg-type]
    assert [bar.class_name for bar in probabilities.bars] == list(views.THREE)
    state.set_release(None)
    assert probabilities.bars == []


def test_the_header_says_who_what_label_and_what_the_network_sees(
    probabilities: ProbabilityPanel, state: AppState
) -> None:
    assert probabilities.title.text() == "No sample"
    of = views.view("anger_0041")
    state.set_sample(of)
    assert probabilities.title.text() == "anger_0041"
    assert probabilities.verdict.text().startswith("label anger · no network")
    state.set_prediction(views.prediction(of))
    assert probabilities.verdict.text() == "label anger · sees hate"
    state.set_sample(views.view("broken", broken=Modality.SPEECH, label=None))
    assert probabilities.verdict.text() == "no label · cannot be predicted: a file is broken"


def test_a_prediction_of_another_sample_is_not_shown(
    probabilities: ProbabilityPanel, state: AppState
) -> None:
    state.set_sample(views.view("here"))
    state.set_prediction(views.prediction(views.view("elsewhere")))
    assert all(bar.probability is None for bar in probabilities.bars)
    assert "sees" not in probabilities.verdict.text()


def test_a_click_explains_that_class(probabilities: ProbabilityPanel, state: AppState, qtbot: QtBot) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    assert [bar.isChecked() for bar in probabilities.bars] == [False, False, True, False]  # the predicted one
    qtbot.mouseClick(probabilities.bars[0], Qt.MouseButton.LeftButton)
    assert state.target == "anger"
    assert [bar.isChecked() for bar in probabilities.bars] == [True, False, False, False]


def test_arrow_keys_explain_the_next_class(
    probabilities: ProbabilityPanel, state: AppState, qtbot: QtBot
) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    with qtbot.waitActive(probabilities):
        probabilities.activateWindow()
    probabilities.bars[2].setFocus()
    qtbot.keyClick(probabilities.bars[2], Qt.Key.Key_Down)
    assert state.target == "sad"
    qtbot.keyClick(probabilities.bars[3], Qt.Key.Key_Up)
    qtbot.keyClick(probabilities.bars[2], Qt.Key.Key_Up)
    assert state.target == "happy"
    qtbot.keyClick(probabilities.bars[0], Qt.Key.Key_Space)
    assert state.target == "anger"


def test_a_class_chosen_elsewhere_is_marked_here(probabilities: ProbabilityPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    state.set_target("sad")
    assert probabilities.bars[3].isChecked()
    mark = np.s_[:, -17:-8]
    dark = theme.palette(dark=False).windowText().color()
    assert is_colour(pixels(probabilities.bars[3])[mark], dark).any()
    assert not is_colour(pixels(probabilities.bars[2])[mark], dark).any()


def test_switching_the_class_needs_no_new_attribution(explanation: ExplanationPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    attribution = views.attribution(of)
    state.set_attribution(attribution)
    for name in views.FOUR:
        state.set_target(name)
        c = views.FOUR.index(name)
        gain = attribution.f_all[c] - attribution.f_none[c]
        text = explanation.additivity.text()
        assert f"f(all) {attribution.f_all[c]:.2f}".replace("0.", ".") in text
        assert f"Σφ {gain:.2f}".replace("-", "−").replace("0.", ".") in text
        assert "residual 0" in text
        assert explanation.shares.shares == attribution.split_degree(name)
        assert name in explanation.status.text()


def test_the_additivity_line_reads_as_in_the_sketch(explanation: ExplanationPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    attribution = views.attribution(of)
    image = np.zeros((4, 8, 8))
    speech = np.zeros((4, 16))
    image[2, 0, 0], speech[2, 3] = 0.2, 0.13
    f_none, f_all = np.full(4, 0.25), np.array([0.1, 0.1, 0.58, 0.22])
    known = replace(
        attribution,
        values={Modality.IMAGE: image, Modality.SPEECH: speech},
        split={Modality.IMAGE: np.full(4, 0.21), Modality.SPEECH: np.full(4, 0.12)},
        f_none=f_none,
        f_all=f_all,
    )
    state.set_attribution(known)
    assert explanation.additivity.text() == "f(all) .58 − f(none) .25\n= Σφ .33 + residual 0"
    assert explanation.sums.text() == "64 + 16 parts: image +.20, speech +.13"
    assert explanation.degree.text() == "their Σ|φ|: image 61 %, speech 39 %"
    assert explanation.split.text() == "two players: image +.21, speech +.12"
    assert explanation.shares.accessibleName() == "Modality shares: image 64 %, speech 36 %"
    assert explanation.how.text() == "Owen · exact · 1,040 evaluations · 1.2 s · cpu\N{NO-BREAK SPACE}✓"
    f_all[2] += 0.002
    state.set_attribution(replace(known, f_all=f_all))
    assert "residual 2.0e−03" in explanation.additivity.text()


def test_the_share_bar_is_divided_where_the_shares_are(
    explanation: ExplanationPanel, state: AppState
) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_attribution(views.attribution(of))
    share = views.attribution(of).split_degree("hate")[Modality.IMAGE]
    shown = pixels(explanation.shares)
    accent = theme.palette(dark=False).accent().color()
    row = is_colour(shown, accent).sum(axis=1).max()
    assert row == pytest.approx(share * explanation.shares.width(), abs=1.01)


def test_how_it_was_made_is_true_of_each_method(explanation: ExplanationPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    exact = views.attribution(of)
    made = {
        "modality": "Modality split · exact · ",
        "paper": "Printed formula · for comparison, not additive · ",
        "shapley": "Shapley · exact · ",  # few parts: all coalitions were asked for
    }
    for method, said in made.items():
        state.set_attribution(replace(exact, method=method))
        assert explanation.how.text().startswith(said)
        assert explanation.how.text().endswith("\N{NO-BREAK SPACE}✓")
    estimated = views.attribution(of, estimated=True)
    state.set_attribution(estimated)
    values = np.concatenate([v[2].ravel() for v in estimated.values.values()])
    error = 0.004 * np.sqrt(len(values)) / np.linalg.norm(values)
    assert f"Shapley · estimated ± {100 * error:.2g} % · 1,040 evaluations" in explanation.how.text()
    assert error > 0.05
    stopped = {
        "stopped at its budget": {"error": 0.05, "seconds": None},
        "stopped at the target error of 90 %": {"error": 0.9, "seconds": None},
        "stopped at the time limit of 1 s": {"error": None, "seconds": 1.0},
    }
    for why, asked in stopped.items():
        state.change_explain_options(**asked)
        assert why in explanation.how.text()
    state.set_attribution(replace(estimated, provenance={"stopped": "5 s are over"}))  # the engine knows best
    state.change_explain_options(error=0.9, seconds=5.0)
    assert "stopped: 5 s are over" in explanation.how.text()
    state.set_attribution(estimated)
    unsettled = int((np.abs(values) < 1.96 * 0.004).sum())
    assert explanation.status.text() == f"Explains hate · {unsettled} of 80 signs unsettled"
    state.set_attribution(views.attribution(of, complete=False))
    assert "Owen · coarse so far" in explanation.how.text()
    assert "✓" not in explanation.how.text()
    assert explanation.status.text() == "Stopped early · 80 of 80 not divided"


def test_progress_and_cancel_appear_where_the_result_will(
    explanation: ExplanationPanel, state: AppState, actions: ActionTable, qtbot: QtBot
) -> None:
    cancelled: list[str] = []

    def cancel() -> None:
        cancelled.append("cancelled")

    actions.bind("explain.cancel", cancel)
    state.set_sample(views.view())
    assert not explanation.cancel.isVisible()
    height = explanation.absence.y()
    state.busy_changed.emit("predict", 0.5)
    assert not explanation.cancel.isVisible()
    state.busy_changed.emit("explain", 0.25)
    assert explanation.cancel.isVisible()
    assert explanation.progress.value() == 250
    qtbot.mouseClick(explanation.cancel, Qt.MouseButton.LeftButton)
    assert cancelled == ["cancelled"]
    state.busy_changed.emit("explain", -1.0)
    assert not explanation.cancel.isVisible()
    assert explanation.absence.y() == height  # nothing jumped


def test_every_choice_reaches_the_state(explanation: ExplanationPanel, state: AppState, qtbot: QtBot) -> None:
    controls = explanation.controls
    qtbot.keyClick(controls.parts, Qt.Key.Key_Down)
    assert (state.explain_options.grid, state.explain_options.segments) == (16, 32)
    assert controls.parts.currentText() == "Fine 16×16 + 32"
    qtbot.keyClick(controls.parts, Qt.Key.Key_Down)
    assert (state.explain_options.grid, state.explain_options.segments) == (8, "words")
    qtbot.keyClick(controls.absence, Qt.Key.Key_Down)
    assert state.explain_options.absence == "mean"


def test_choices_made_elsewhere_are_shown_even_unusual_ones(
    explanation: ExplanationPanel, state: AppState
) -> None:
    controls = explanation.controls
    state.change_explain_options(grid=4, segments="0.25s", bands=2, absence="blur:6")
    assert controls.parts.currentText() == "4×4 + 0.25 s×2"
    assert controls.absence.currentText() == "blur:6"
    state.change_explain_options(grid=4, segments=8, bands=1)
    assert controls.parts.currentText() == "Quick 4×4 + 8"
    state.change_explain_options(method="modality")
    assert not controls.parts.isEnabled()
    assert controls.absence.isEnabled()


def test_the_rest_of_the_options_is_one_action_away(
    explanation: ExplanationPanel, actions: ActionTable, qtbot: QtBot
) -> None:
    opened: list[str] = []

    def opens() -> None:
        opened.append("opened")

    actions.bind("explain.options", opens)
    qtbot.keyClick(explanation.controls.more, Qt.Key.Key_Space)
    assert opened == ["opened"]
    assert "Ctrl+H" in explanation.controls.more.toolTip()


def test_what_absence_means_is_said_in_words(explanation: ExplanationPanel, state: AppState) -> None:
    said = set()
    for absence in ("zeros", "mean", "blur", "noise"):
        state.change_explain_options(absence=absence)
        said.add(explanation.absence.text())
    assert len(said) == 4
    of = views.view()
    state.set_sample(of)
    state.set_attribution(views.attribution(of))  # computed with zeros: its own policy is described
    assert "zeros" in explanation.absence.text()


def test_overlay_controls_and_state_agree_both_ways(
    explanation: ExplanationPanel, state: AppState, qtbot: QtBot
) -> None:
    controls = explanation.overlay_controls
    qtbot.keyClick(controls.visible, Qt.Key.Key_Space)
    assert state.overlay.visible is False
    assert not controls.opacity.isEnabled()
    qtbot.keyClick(controls.visible, Qt.Key.Key_Space)
    qtbot.keyClick(controls.opacity, Qt.Key.Key_PageUp)
    assert state.overlay.opacity == pytest.approx(0.7)
    qtbot.keyClick(controls.scale, Qt.Key.Key_Down)
    assert state.overlay.signed is False
    qtbot.keyClick(controls.shared, Qt.Key.Key_Space)
    assert state.overlay.shared_scale is False
    state.change_overlay(visible=True, opacity=0.333, signed=True, shared_scale=True)
    assert (controls.opacity.value(), controls.scale.currentData(), controls.shared.isChecked()) == (
        33,
        True,
        True,
    )
    assert state.overlay.opacity == 0.333  # showing a value does not round it


def test_empty_and_broken_say_why_nothing_is_explained(
    explanation: ExplanationPanel, state: AppState
) -> None:
    assert "Choose a sample" in explanation.additivity.text()
    state.set_sample(views.view(broken=Modality.IMAGE))
    assert "broken" in explanation.additivity.text()
    state.set_sample(views.view())
    assert "Not explained yet" in explanation.additivity.text()


def test_everything_that_takes_the_focus_has_a_name(
    qtbot: QtBot, state: AppState, actions: ActionTable
) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    panels: list[QWidget] = [ProbabilityPanel(state)]
    panels += [kind(state, actions) for kind in (ImagePanel, SpeechPanel, WhatIfStrip, ExplanationPanel)]
    named = 0
    for panel in panels:
        qtbot.addWidget(panel)
        for widget in panel.findChildren(QWidget):
            interactive = isinstance(widget, QAbstractButton | QAbstractSlider | QComboBox)
            if interactive and widget.objectName().startswith("qt_"):
                continue  # scroll bars inside a combo box
            if widget.parent() is not None and widget.window() is not panel:
                continue  # a combo box's pop-up list
            if widget.focusProxy() is not None:
                continue  # the plots' viewport stands for the plots
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not isinstance(widget.parent(), QComboBox):
                text = widget.text() if isinstance(widget, QAbstractButton) else ""
                assert widget.accessibleName() or text, widget
                named += 1
    assert named >= 17


def test_numbers_near_one_and_minus_signs_are_shown_whole(
    probabilities: ProbabilityPanel, state: AppState
) -> None:
    of = views.view()
    state.set_sample(of)
    p = np.array([1.0, 0.0, 0.0, 0.0])
    state.set_prediction(Prediction(of.sample.sample_id, views.FOUR, p, p))
    bar = probabilities.bars[0]
    probabilities.layout().activate()
    number = bar.width() - bar.bar_area().right() - 24
    assert bar.fontMetrics().horizontalAdvance("1.00") <= number


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ((Modality.SPEECH,), "small/1 only listens: the picture counts nothing."),
        ((Modality.IMAGE,), "small/1 only looks: the speech counts nothing."),
        ((Modality.IMAGE, Modality.SPEECH), None),
    ],
)
def test_a_release_of_one_stream_says_what_it_leaves_out(
    explanation: ExplanationPanel, state: AppState, streams: tuple[Modality, ...], said: str | None
) -> None:
    state.set_release(SimpleNamespace(label="small/1", streams=streams))
    text = explanation.absence.text()
    assert text.endswith("A removed part is replaced by zeros: black patches, silent segments.")
    assert text.startswith(said or "A removed part")


def test_the_bar_and_the_samples_column_are_one_number(
    explanation: ExplanationPanel, state: AppState, tmp_path: Path
) -> None:
    """Σ|φ| over the parts is another one: it stands below, with the number of parts."""
    of = views.view()
    attribution = views.attribution(of)
    state.set_sample(of)
    state.set_attribution(attribution)
    catalogue = open_dataset(make_dataset(tmp_path / "one", rows=1, classes=views.FOUR, seconds=0.3))
    table = PredictionTable(catalogue, views.FOUR)
    split = attribution.split
    table.fill_explained(0, split[Modality.IMAGE], split[Modality.SPEECH], attribution.index())
    model = SampleModel()
    model.set_catalogue(catalogue)
    model.set_rows(np.array([0]))
    model.set_predictions(table)
    column = model.index(0, SHARE).data()
    assert explanation.shares.accessibleName().startswith(f"Modality shares: image {column[:-1]} %,")
    assert attribution.split_degree()[Modality.IMAGE] != pytest.approx(
        attribution.degree()[Modality.IMAGE], abs=0.01
    )
    header = model.headerData(SHARE, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "two players" in str(header)
    assert "two players" in explanation.shares.toolTip()
