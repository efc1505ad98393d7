"""What the next explanation computes, and how the present one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from sier_gui.gui.explaining import ABSENCES, PRESETS, parts_text, preset_of
from sier_gui.gui.state import AppState, ExplainOptions, OverlayOptions
from sier_gui.gui.widgets import ChoiceBox, Choices

if TYPE_CHECKING:
    from sier_gui.gui.actions import ActionTable

_SIGNED: Choices = (("signed: for and against", True), ("importance: magnitude", False))


class ExplainControls(QWidget):
    """What is changed most, which parts and which absence; the rest is a dialog away."""

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.parts = ChoiceBox("preset", tuple((p.text, p.name) for p in PRESETS), self)
        self.absence = ChoiceBox("absence", tuple((name, name) for name in ABSENCES), self)
        buttons = QHBoxLayout()
        self.more, self.truth = (
            self._button(actions, "explain.options", "Details…"),
            self._button(actions, "explain.truth", "Is it true?…"),
        )
        for button in (self.more, self.truth):
            buttons.addWidget(button, 1)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for row, (box, text, tip) in enumerate(
            (
                (self.parts, "Parts", "Patches of the picture + segments of the speech"),
                (self.absence, "Absence", "What stands in for a removed part"),
            )
        ):
            box.setToolTip(tip)
            box.setAccessibleName(text)
            box.setAccessibleDescription(tip)
            label = QLabel(text, self)
            label.setBuddy(box)
            grid.addWidget(label, row, 0)
            grid.addWidget(box, row, 1)
        grid.addLayout(buttons, 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        self.parts.chosen.connect(self._choose_parts)
        self.absence.chosen.connect(self._choose)
        state.explain_options_changed.connect(self._show)
        self._show(state.explain_options)

    def _button(self, actions: ActionTable, action_id: str, text: str) -> QToolButton:
        actions.action(action_id).setIconText(text)  # menus keep the longer text
        button = QToolButton(self)
        button.setDefaultAction(actions.action(action_id))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    @Slot(str, object)
    def _choose(self, option: str, value: object) -> None:
        self._state.change_explain_options(**{option: value})

    @Slot(str, object)
    def _choose_parts(self, _option: str, name: object) -> None:
        preset = next((p for p in PRESETS if p.name == name), None)
        if preset is not None:
            self._state.change_explain_options(**preset.changes)

    @Slot(object)
    def _show(self, options: ExplainOptions) -> None:
        preset = preset_of(options)
        parts = parts_text(options.grid, options.segments, options.bands)
        self.parts.show_value(preset.name if preset else parts)
        self.absence.show_value(options.absence)
        self.parts.setEnabled(options.method != "modality")  # two players need no parts


class OverlayControls(QWidget):
    """Visible, opacity, signed or importance, one scale or two."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.visible = QCheckBox("Overlay", self)
        self.visible.setToolTip("Show the values on picture and speech")
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(0, 100)
        self.opacity.setPageStep(10)
        self.opacity.setAccessibleName("Overlay opacity in percent")
        self.opacity.setToolTip("Opacity of the overlay")
        self.scale = ChoiceBox("signed", _SIGNED, self)
        self.scale.setAccessibleName("Overlay values")
        self.shared = QCheckBox("One scale for both", self)
        self.shared.setToolTip("Off: picture and speech each use their full range of colours")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.visible, 0, 0)
        grid.addWidget(self.opacity, 0, 1)
        grid.addWidget(self.scale, 1, 0, 1, 2)
        grid.addWidget(self.shared, 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        self.visible.toggled.connect(self._set_visible)
        self.opacity.valueChanged.connect(self._set_opacity)
        self.scale.chosen.connect(self._choose)
        self.shared.toggled.connect(self._set_shared)
        state.overlay_changed.connect(self._show)
        self._show(state.overlay)

    @Slot(bool)
    def _set_visible(self, on: bool) -> None:
        self._state.change_overlay(visible=on)

    @Slot(int)
    def _set_opacity(self, percent: int) -> None:
        # the slider only knows whole percents: do not round a value that came from elsewhere
        if percent != round(100 * self._state.overlay.opacity):
            self._state.change_overlay(opacity=percent / 100)

    @Slot(bool)
    def _set_shared(self, on: bool) -> None:
        self._state.change_overlay(shared_scale=on)

    @Slot(str, object)
    def _choose(self, option: str, value: object) -> None:
        self._state.change_overlay(**{option: value})

    @Slot(object)
    def _show(self, options: OverlayOptions) -> None:
        self.visible.setChecked(options.visible)
        self.opacity.setValue(round(100 * options.opacity))
        self.opacity.setEnabled(options.visible)
        self.scale.show_value(options.signed)
        self.shared.setChecked(options.shared_scale)
