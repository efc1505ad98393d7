"""Before a whole dataset is explained: which parts, and what to expect."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.explaining import METHODS, Preset, parts_text
from sier_gui.gui.state import ExplainOptions

EQUAL = Preset("Equal", 4, 16)  # as many patches as segments


class SurveyDialog(QDialog):
    """The answer is `options`."""

    def __init__(self, name: str, samples: int, shown: ExplainOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Explain whole dataset")
        method = "owen" if shown.method == "modality" else shown.method
        self._choices = (
            replace(shown, method=method, grid=EQUAL.grid, segments=EQUAL.segments, bands=1),
            shown,
        )
        texts = (
            f"As many patches as segments: {_text(self._choices[0])}.\n"
            "Modalities can be compared: neither has more parts to gather values.",
            f"As the sample on show: {_text(shown)}.",
        )
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        title = QLabel(f"Explain the {samples:,} samples of {name}, one after the other.")
        title.setWordWrap(True)
        layout.addWidget(title)
        self.buttons: list[QRadioButton] = []
        for i, text in enumerate(texts):
            button = QRadioButton(text)
            button.setAccessibleName(text.replace("\n", " "))
            self._group.addButton(button, i)
            layout.addWidget(button)
            self.buttons.append(button)
        self.buttons[0].setChecked(True)
        hint = QLabel(
            "It runs when nothing else is computed, can be paused or cancelled in the status line, and goes"
            " on when this dataset is opened again. What is done is kept."
        )
        hint.setWordWrap(True)
        hint.setForegroundRole(hint.palette().ColorRole.PlaceholderText)
        layout.addWidget(hint)
        boxes = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        boxes.addButton("Explain", QDialogButtonBox.ButtonRole.AcceptRole)
        boxes.accepted.connect(self.accept)
        boxes.rejected.connect(self.reject)
        layout.addStretch(1)
        layout.addWidget(boxes)
        self.setMinimumWidth(456)

    def options(self) -> ExplainOptions:
        return self._choices[self._group.checkedId()]


def _text(options: ExplainOptions) -> str:
    if options.method == "modality":
        return METHODS[options.method].short
    parts = parts_text(options.grid, options.segments, options.bands)
    return f"{parts}\n{METHODS[options.method].short}, absence {options.absence}, {options.value}"
