"""Before a study project is made: under which protocol."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.study.items import quotas
from sier_gui.core.study.records import Protocol
from sier_gui.gui import theme

_WIDTH = 520


class NewProjectDialog(QDialog):
    """The answer is `protocol`, the name of one of ``protocols``; the folder is asked for afterwards."""

    def __init__(
        self, dataset: str, classes: int, protocols: Mapping[str, Protocol], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New study project")
        self._protocols, self._classes = dict(protocols), classes
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(_label(f"Readers will say the texts of {dataset}; raters will judge them under:"))
        for name, protocol in self._protocols.items():
            button = QRadioButton(name)
            about = _label(_about(protocol), quiet=True)
            about.setContentsMargins(24, 0, 0, 8)
            button.setAccessibleDescription(about.text())
            self._group.addButton(button)
            self.buttons[name] = button
            layout.addWidget(button)
            layout.addWidget(about)
        self.needs = _label()
        layout.addWidget(self.needs)
        layout.addWidget(
            _label("The project keeps a copy of the protocol, which the first answer freezes.", quiet=True)
        )
        boxes = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        boxes.addButton("Choose a Folder…", QDialogButtonBox.ButtonRole.AcceptRole)
        boxes.accepted.connect(self.accept)
        boxes.rejected.connect(self.reject)
        layout.addStretch(1)
        layout.addWidget(boxes)
        self._group.buttonToggled.connect(self._refresh)
        self.buttons["default"].setChecked(True)
        self.setMinimumWidth(_WIDTH)
        self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))

    def protocol(self) -> str:
        return next(name for name, button in self.buttons.items() if button.isChecked())

    @Slot()
    def _refresh(self) -> None:
        if not self._classes:
            self.needs.setText("The dataset has no labels: readers can record it, but no study is planned.")
            return
        asked = [q.wanted + q.gold for q in quotas(self._protocols[self.protocol()], self._classes)]
        self.needs.setText(
            f"It needs up to {max(asked)} samples of each of the {self._classes} classes with picture and "
            "synthetic speech, each said by a female and a male reader."
        )


def _about(protocol: Protocol) -> str:
    design, days = protocol.design, protocol.design.wash_out_days
    parts = [f"{design.raters} raters"]
    if design.visits > 1:
        parts.append(f"{design.visits} visits {days} days apart, each time every item in another modality")
    else:
        parts.append("each meets every item once, in one of five modalities")
    if protocol.trial.rationale:
        parts.append("and may mark what decided the answer")
    return ", ".join(parts) + "."


def _label(words: str = "", *, quiet: bool = False) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    if quiet:
        label.setFont(theme.caption_font(label.font()))
        label.setForegroundRole(label.palette().ColorRole.PlaceholderText)
    return label
