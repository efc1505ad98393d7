"""The dialog of all options: each control reaches the state, and shows what others set."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.gui.dialogs.explain import ExplainDialog
from sier_gui.gui.explaining import METHODS, PRESETS, absence_text, parts_text
from sier_gui.gui.state import AppState, ExplainOptions
from sier_gui.gui.workflows.explain import possible, request_for


@pytest.fixture
def dialog(qtbot: QtBot, state: AppState) -> ExplainDialog:
    widget = ExplainDialog(state)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_presets_are_one_press_away_and_the_present_one_is_marked(
    dialog: ExplainDialog, state: AppState, qtbot: QtBot
) -> None:
    assert [b.isChecked() for b in dialog.presets] == [False, True, False, False]
    expected = [(4, 8), (8, 16), (16, 32), (8, "words")]
    for i, (grid, segments) in enumerate(expected):
        qtbot.keyClick(dialog.presets[i], Qt.Key.Key_Space)
        options = state.explain_options
        assert (options.grid, options.segments, options.bands) == (grid, segments, 1)
        assert [b.isChecked() for b in dialog.presets] == [j == i for j in range(4)]
    qtbot.keyClick(dialog.presets[3], Qt.Key.Key_Space)  # again: still the present one
    assert dialog.presets[3].isChecked()
    state.change_explain_options(bands=4)
    assert not any(b.isChecked() for b in dialog.presets)


def test_every_control_reaches_the_state(dialog: ExplainDialog, state: AppState, qtbot: QtBot) -> None:
    for box, option, expected in (
        (dialog.method, "method", "shapley"),
        (dialog.grid, "grid", 16),
        (dialog.count, "segments", 32),
        (dialog.bands, "bands", 2),
        (dialog.absence, "absence", "mean"),
        (dialog.value, "value", "logit"),
    ):
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert getattr(state.explain_options, option) == expected
    dialog.error.setValue(2.5)
    dialog.seconds.setValue(30)
    assert (state.explain_options.error, state.explain_options.seconds) == (0.025, 30.0)
    dialog.error.setValue(0)
    dialog.seconds.setValue(0)
    assert (state.explain_options.error, state.explain_options.seconds) == (None, None)
    assert dialog.error.text() == "no target"
    qtbot.keyClick(dialog.absence, Qt.Key.Key_Down)
    assert state.explain_options.absence == "blur"
    assert dialog.parameter.text() == "8 cells"
    dialog.parameter.setValue(3.5)
    assert state.explain_options.absence == "blur:3.5"
    assert "3.5" in dialog.stands_in.text()
    qtbot.keyClick(dialog.absence, Qt.Key.Key_Down)
    assert state.explain_options.absence == "noise"
    assert not dialog.parameter.isVisible()


def test_speech_is_cut_by_number_by_seconds_or_by_words(
    dialog: ExplainDialog, state: AppState, qtbot: QtBot
) -> None:
    assert dialog.count.isVisible()
    qtbot.keyClick(dialog.cut, Qt.Key.Key_Down)
    dialog.length.setValue(0.25)
    assert state.explain_options.segments == "0.25s"
    assert dialog.length.isVisible()
    assert not dialog.count.isVisible()
    qtbot.keyClick(dialog.cut, Qt.Key.Key_Down)
    assert state.explain_options.segments == "words"
    assert not dialog.length.isVisible()
    qtbot.keyClick(dialog.cut, Qt.Key.Key_Home)
    assert state.explain_options.segments == 16


def test_what_was_set_elsewhere_is_shown_and_not_changed_by_showing_it(
    dialog: ExplainDialog, state: AppState
) -> None:
    odd = {"grid": 5, "segments": "0.333s", "bands": 3, "absence": "blur:0.25", "error": 0.0123456}
    state.change_explain_options(method="shapley", **odd)
    assert all(getattr(state.explain_options, name) == value for name, value in odd.items())
    assert (dialog.grid.currentText(), dialog.bands.currentText()) == ("5", "3")
    assert dialog.cut.currentText() == "parts of so many seconds"
    state.change_explain_options(segments=24)
    assert dialog.count.currentText() == "24"


def test_what_makes_no_difference_cannot_be_changed(dialog: ExplainDialog, state: AppState) -> None:
    assert not dialog.error.isEnabled()
    state.change_explain_options(method="shapley")
    assert dialog.error.isEnabled()
    assert dialog.seconds.isEnabled()
    state.change_explain_options(method="modality")
    for widget in (dialog.grid, dialog.cut, dialog.count, dialog.bands, *dialog.presets, dialog.error):
        assert not widget.isEnabled()
    assert dialog.absence.isEnabled()


def test_the_printed_formula_is_labelled_as_for_comparison(dialog: ExplainDialog, state: AppState) -> None:
    state.change_explain_options(method="paper")
    assert "comparison" in dialog.method.currentText()
    assert "comparison" in dialog.meaning.text()
    assert len({method.meaning for method in METHODS.values()}) == 4


def test_restore_goes_back_to_the_standard(dialog: ExplainDialog, state: AppState) -> None:
    state.change_explain_options(method="shapley", grid=4, absence="noise", seconds=3.0)
    dialog._reset()
    assert state.explain_options == ExplainOptions()


def test_every_control_has_a_name_and_the_keyboard(dialog: ExplainDialog) -> None:
    named = 0
    for widget in dialog.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QComboBox | QDoubleSpinBox) and widget.window() is dialog:
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            assert widget.accessibleName() or text
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            named += 1
    assert named >= 17


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_can_be_asked_for(preset: object, state: AppState) -> None:
    state.change_explain_options(**preset.changes)  # type: ignore[attr-defined]
    request = request_for(state.explain_options)
    assert (request.grid, request.segments) == (state.explain_options.grid, state.explain_options.segments)


def test_only_estimates_are_asked_to_stop() -> None:
    options = ExplainOptions(error=0.1, seconds=3.0, bands=2)
    exact = request_for(options)
    assert (exact.error, exact.seconds, exact.bands) == (None, None, 2)
    sampled = request_for(ExplainOptions(method="shapley", error=0.1, seconds=3.0))
    assert sampled == ExplainRequest(method="shapley", error=0.1, seconds=3.0, budget=4096)
    assert request_for(ExplainOptions(method="shapley")).budget == 4096  # until 5 %, not until 1,024 passes
    assert request_for(ExplainOptions(method="shapley", error=None)).budget is None


def test_the_dialog_says_when_an_estimate_ends(dialog: ExplainDialog, state: AppState) -> None:
    assert dialog.ends.text() == "Only estimates have an end of their own."
    state.change_explain_options(method="shapley")
    wanted = "It ends once its estimated error is at most 5 %, after 4,096 passes"
    assert dialog.ends.text() == f"{wanted} of the network at the latest."
    dialog.seconds.setValue(30)
    assert "at most 5 % or after 30 s, after 4,096" in dialog.ends.text()
    dialog.error.setValue(0)
    assert dialog.ends.text().startswith("It ends after 30 s, after 4,096")
    dialog.seconds.setValue(0)
    assert dialog.ends.text().endswith("an estimate ends after 1,024 passes of the network.")


@pytest.mark.parametrize(
    "changes",
    [
        {"grid": 0}, {"grid": "8"}, {"grid": 8.0}, {"grid": True}, {"segments": "often"}, {"segments": None},
        {"bands": 99}, {"absence": "nothing"}, {"absence": 3}, {"error": "small"}, {"error": -1.0},
        {"seconds": 0.0}, {"method": "magic"}, {"value": None},
    ],
)  # fmt: skip
def test_options_that_no_explanation_can_have_are_known(changes: dict[str, object]) -> None:
    assert not possible(ExplainOptions(**changes))  # type: ignore[arg-type]
    assert possible(ExplainOptions())
    assert possible(ExplainOptions(segments="0.5s", error=None, absence="blur:6"))


def test_parts_and_absences_in_words() -> None:
    assert parts_text(8, 16) == "8×8 + 16"
    assert parts_text(4, "0.5s", 2) == "4×4 + 0.5 s×2"
    assert parts_text(8, "words") == "8×8 + words"
    assert absence_text("blur:6").endswith("(blur 6).")
    assert absence_text("median") == "A removed part is replaced by median."
