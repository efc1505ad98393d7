"""How an explanation is made: presets first, then every detail; each change holds at once."""

from __future__ import annotations

from dataclasses import asdict

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.explain.absence import names
from sier_gui.gui.explaining import (
    BLUR_CELLS,
    METHODS,
    PRESETS,
    WORDS,
    absence_text,
    limits_text,
    parts_text,
)
from sier_gui.gui.state import AppState, ExplainOptions
from sier_gui.gui.widgets import ChoiceBox, Choices

_PARTS, _SECONDS = "parts", "seconds"
_CUTS: Choices = (("equal parts", _PARTS), ("parts of so many seconds", _SECONDS), ("words", WORDS))
_GRIDS: Choices = (("4 × 4", 4), ("8 × 8", 8), ("16 × 16", 16))
_COUNTS: Choices = (("8", 8), ("16", 16), ("32", 32))
_BANDS: Choices = (("whole spectrum", 1), ("2 bands", 2), ("4 bands", 4), ("8 bands", 8))
_VALUES: Choices = (("probability", "probability"), ("logit", "logit"))
_NO_PARAMETER = ("zeros", "mean", "noise")


class Number(QDoubleSpinBox):
    """A number that counts once it is typed in full; ``nothing`` is said in place of ``low``."""

    def __init__(self, low: float, high: float, step: float, suffix: str, nothing: str = "") -> None:
        super().__init__()
        self.setKeyboardTracking(False)
        self.setDecimals(2)
        self.setRange(low, high)
        self.setSingleStep(step)
        self.setSuffix(suffix)
        self.setSpecialValueText(nothing)

    def textFromValue(self, value: float) -> str:
        return f"{value:g}"


class ExplainDialog(QDialog):
    """Not modal: the map is made anew beside it. Reads and writes `AppState.explain_options`."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("How this is explained")
        self._state = state
        self.method = ChoiceBox("method", tuple((m.name, key) for key, m in METHODS.items()))
        self.grid = ChoiceBox("grid", _GRIDS)
        self.cut = ChoiceBox("cut", _CUTS)
        self.count = ChoiceBox("segments", _COUNTS)
        self.length = Number(0.05, 10.0, 0.05, " s")
        self.bands = ChoiceBox("bands", _BANDS)
        self.absence = ChoiceBox("absence", tuple((name, name) for name in names()))
        self.parameter = Number(0.0, 64.0, 1.0, "")
        self.value = ChoiceBox("value", _VALUES)
        self.error = Number(0.0, 50.0, 1.0, " %", "no target")
        self.seconds = Number(0.0, 3600.0, 5.0, " s", "no limit")
        self.meaning, self.stands_in, self.ends = _hint(), _hint(), _hint()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(self._make_presets())
        layout.addLayout(self._make_form())
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.RestoreDefaults | QDialogButtonBox.StandardButton.Close
        )
        buttons.rejected.connect(self.reject)
        buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).clicked.connect(self._reset)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.setMinimumWidth(456)
        self._connect()
        self._show(state.explain_options)

    # ---------------------------------------------------------------- making

    def _make_presets(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.presets: list[QToolButton] = []
        for number, preset in enumerate(PRESETS):
            button = QToolButton()
            button.setText(f"{preset.name}\n{parts_text(preset.grid, preset.segments, preset.bands)}")
            button.setAccessibleName(preset.text)
            button.setCheckable(True)
            button.setProperty("preset", number)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            button.clicked.connect(self._on_preset)
            row.addWidget(button, 1)
            self.presets.append(button)
        return row

    def _make_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, *widgets in (
            ("&Method", self.method),
            ("", self.meaning),
            ("&Picture", self.grid),
            ("&Speech", self.cut, self.count, self.length),
            ("&Frequencies", self.bands),
            ("&Absence", self.absence, self.parameter),
            ("", self.stands_in),
            ("&Value", self.value),
            ("Estimate up &to", self.error, self.seconds),
            ("", self.ends),
        ):
            row = QHBoxLayout()
            row.setSpacing(8)
            for widget in widgets:
                row.addWidget(widget, 1)
            label = QLabel(text)
            if text:
                label.setBuddy(widgets[0])
            form.addRow(label, row)
        for widget, name, tip in (
            (self.method, "Method", "Which values are computed"),
            (self.grid, "Patches", "Patches of the picture"),
            (self.cut, "Speech is cut into", "How the speech is cut along time"),
            (self.count, "Segments", "How many segments of equal length"),
            (self.length, "Seconds", "Length of a segment; what remains is spread over them"),
            (self.bands, "Frequency bands", "Parts of each segment along the frequency axis"),
            (self.absence, "Absence", "What stands in for a removed part"),
            (self.parameter, "Parameter of the absence", "For blur its width in cells"),
            (self.value, "Value", "What is shared out among the parts"),
            (self.error, "Target error", "An estimate stops once its own relative error is this small"),
            (self.seconds, "Time limit", "An estimate stops after so many seconds"),
        ):
            widget.setAccessibleName(name)
            widget.setAccessibleDescription(tip)
            widget.setToolTip(tip)
        return form

    def _connect(self) -> None:
        for box in (self.method, self.grid, self.count, self.bands, self.value):
            box.chosen.connect(self._choose)
        self.cut.chosen.connect(self._on_cut)
        self.length.valueChanged.connect(self._on_cut)
        self.absence.chosen.connect(self._on_absence)
        self.parameter.valueChanged.connect(self._on_parameter)
        self.error.valueChanged.connect(self._on_error)
        self.seconds.valueChanged.connect(self._on_seconds)
        self._state.explain_options_changed.connect(self._show)

    # ---------------------------------------------------------------- what the user wishes

    @Slot()
    def _on_preset(self) -> None:
        button = self.sender()
        assert isinstance(button, QToolButton)
        changes = PRESETS[int(button.property("preset"))].changes
        self._state.change_explain_options(**changes)
        self._show(self._state.explain_options)  # a second press unchecks the button

    @Slot(str, object)
    def _choose(self, option: str, value: object) -> None:
        self._state.change_explain_options(**{option: value})

    @Slot()
    def _on_cut(self) -> None:
        kind = self.cut.currentData()
        length = f"{self.length.value():g}s"
        segments = {_PARTS: self.count.currentData(), _SECONDS: length, WORDS: WORDS}[kind]
        self._state.change_explain_options(segments=segments)

    @Slot(str, object)
    def _on_absence(self, _option: str, name: object) -> None:
        self._state.change_explain_options(absence=str(name))

    @Slot(float)
    def _on_parameter(self, value: float) -> None:
        name = self.absence.currentData()
        self._state.change_explain_options(absence=f"{name}:{value:g}" if value else name)

    @Slot(float)
    def _on_error(self, percent: float) -> None:
        self._state.change_explain_options(error=percent / 100 or None)

    @Slot(float)
    def _on_seconds(self, seconds: float) -> None:
        self._state.change_explain_options(seconds=seconds or None)

    @Slot()
    def _reset(self) -> None:
        self._state.change_explain_options(**asdict(ExplainOptions()))

    # ---------------------------------------------------------------- what is so

    @Slot(object)
    def _show(self, options: ExplainOptions) -> None:
        for button, preset in zip(self.presets, PRESETS, strict=True):
            parts = (options.grid, options.segments, options.bands)
            button.setChecked(parts == (preset.grid, preset.segments, preset.bands))
            font = button.font()
            font.setBold(button.isChecked())  # a dark theme hardly shows which one is pressed
            button.setFont(font)
        for box in (self.method, self.grid, self.bands, self.value):
            box.show_value(getattr(options, box.option))
        self._show_speech(options.segments)
        self._show_absence(options.absence)
        _set(self.error, 100 * (options.error or 0.0))
        _set(self.seconds, options.seconds or 0.0)
        self.meaning.setText(METHODS[options.method].meaning)
        self.ends.setText(limits_text(options))
        # two players need no parts, and only estimates can be stopped
        for widget in (*self.presets, self.grid, self.cut, self.count, self.length, self.bands):
            widget.setEnabled(options.method != "modality")
        for widget in (self.error, self.seconds):
            widget.setEnabled(options.method == "shapley")

    def _show_speech(self, segments: int | str) -> None:
        timed = isinstance(segments, str) and segments != WORDS
        self.cut.show_value(_SECONDS if timed else WORDS if segments == WORDS else _PARTS)
        if isinstance(segments, int):
            self.count.show_value(segments)
        elif timed:
            _set(self.length, float(segments[:-1]))
        self.count.setVisible(isinstance(segments, int))
        self.length.setVisible(timed)

    def _show_absence(self, absence: str) -> None:
        name, _, parameter = absence.partition(":")
        self.absence.show_value(name)
        self.stands_in.setText(absence_text(absence))
        self.parameter.setVisible(name not in _NO_PARAMETER)
        blurs = name == "blur"
        blocker = QSignalBlocker(self.parameter)
        self.parameter.setSuffix(" cells" if blurs else "")
        self.parameter.setMinimum(0.5 if blurs else 0.0)
        self.parameter.setSpecialValueText("" if blurs else "its default")
        self.parameter.setValue(float(parameter) if parameter else BLUR_CELLS if blurs else 0.0)
        blocker.unblock()


def _set(box: Number, value: float) -> None:
    """Show a value that came from elsewhere, without saying that it changed."""
    blocker = QSignalBlocker(box)
    box.setValue(value)
    blocker.unblock()


def _hint() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setForegroundRole(label.palette().ColorRole.PlaceholderText)
    return label
