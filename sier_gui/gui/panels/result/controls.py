"""What the next explanation computes, and how the present one is drawn."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QSizePolicy, QSlider, QWidget

from sier_gui.gui.state import AppState, ExplainOptions, OverlayOptions

Choices = tuple[tuple[str, Any], ...]  # text, value
_SIGNED: Choices = (("signed: for and against", True), ("importance: magnitude", False))
_EXPLAIN_CHOICES: tuple[tuple[str, str, str, Choices], ...] = (
    ("method", "Method", "Which values are computed", (
        ("Owen", "owen"), ("Shapley", "shapley"), ("Modalities", "modality"), ("As printed", "paper"))),
    ("absence", "Absence", "What stands in for a removed part", (
        ("zeros", "zeros"), ("mean", "mean"), ("blur", "blur"), ("noise", "noise"))),
    ("grid", "Patches", "Patches of the picture", (("4 × 4", 4), ("8 × 8", 8), ("16 × 16", 16))),
    ("segments", "Segments", "Segments of the speech", (("8", 8), ("16", 16), ("32", 32))),
    ("value", "Value", "What is shared out among the parts", (
        ("probability", "probability"), ("logit", "logit"))),
)  # fmt: skip


class ChoiceBox(QComboBox):
    """A combo box that knows which option it sets."""

    chosen = Signal(str, object)  # option, value

    def __init__(self, option: str, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.option = option
        for text, value in choices:
            self.addItem(text, value)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.activated.connect(self._activated)

    @Slot(int)
    def _activated(self, index: int) -> None:
        self.chosen.emit(self.option, self.itemData(index))

    def show_value(self, value: object) -> None:
        """Show ``value``, adding it where the window offers no such choice (the command line may set any)."""
        index = self.findData(value)
        if index < 0:
            self.addItem(str(value), value)
            index = self.count() - 1
        self.setCurrentIndex(index)


class ExplainControls(QWidget):
    """One combo box per `ExplainOptions` field."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.boxes: dict[str, ChoiceBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for i, (option, text, tip, choices) in enumerate(_EXPLAIN_CHOICES):
            box = ChoiceBox(option, choices, self)
            box.setToolTip(tip)
            box.setAccessibleName(text)
            box.setAccessibleDescription(tip)
            box.chosen.connect(self._choose)
            label = QLabel(text, self)
            label.setBuddy(box)
            grid.addWidget(label, i // 2, 2 * (i % 2))
            grid.addWidget(box, i // 2, 2 * (i % 2) + 1)
            self.boxes[option] = box
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        state.explain_options_changed.connect(self._show)
        self._show(state.explain_options)

    @Slot(str, object)
    def _choose(self, option: str, value: object) -> None:
        self._state.change_explain_options(**{option: value})

    @Slot(object)
    def _show(self, options: ExplainOptions) -> None:
        for option, box in self.boxes.items():
            box.show_value(getattr(options, option))
        # two players need neither patches nor segments
        for option in ("grid", "segments"):
            self.boxes[option].setEnabled(options.method != "modality")


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
