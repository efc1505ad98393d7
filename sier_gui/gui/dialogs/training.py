"""Training a release: with which settings, into which folder; then its curves as they grow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.nets.training.standing import FINISHED, NOTHING, RUNNING, UNFINISHED
from sier_gui.gui.dialogs.training_plot import EpochPlot
from sier_gui.gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from sier_gui.core.nets.training.history import Entry
    from sier_gui.core.nets.training.standing import Standing

OWN = "file"
PRESETS = (
    ("Small datasets, on a processor", "small"),
    ("As the paper: 80,000 samples, on a GPU", "paper"),
    ("A file of my own…", OWN),
)
FIGURES = (
    ("Balanced accuracy", "balanced_accuracy"),
    ("Macro F1", "macro_f1"),
    ("Cohen's κ", "kappa"),
    ("Accuracy", "accuracy"),
)
VIEWS = (("validation", "both streams"), ("image", "picture alone"), ("speech", "speech alone"))
FOLLOW = ""  # in the list of networks: always the one at work


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """``config``: a preset's name or a TOML file."""

    config: str
    out: str
    workers: int


class TrainingDialog(QDialog):
    """Not modal. What is asked above, what comes of it below; `choice` is the answer."""

    start_wished = Signal()
    stop_wished = Signal()
    folder_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train a release")
        self._standing: Standing | None = None
        self._busy, self._has_data = False, False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        self.title = QLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        layout.addWidget(self.title)
        self.form = self._make_form()
        layout.addWidget(self.form)
        layout.addLayout(self._make_status())
        layout.addLayout(self._make_choice())
        plots = QHBoxLayout()
        plots.setSpacing(8)
        self.loss, self.figure = EpochPlot("Loss", (-8, 8)), EpochPlot(FIGURES[0][0], (-8, -8))
        self.figure.setYRange(-0.02, 1.02, padding=0)
        plots.addWidget(self.loss, 1)
        plots.addWidget(self.figure, 1)
        layout.addLayout(plots, 1)
        layout.addLayout(self._make_buttons())
        self.setMinimumSize(720, 520)
        self.show_standing(None)

    # ---------------------------------------------------------------- making

    def _make_form(self) -> QWidget:
        self.preset = QComboBox()
        for text, value in PRESETS:
            self.preset.addItem(text, value)
        self.preset.setAccessibleName("Settings")
        self.preset.activated.connect(self._on_preset)
        self.file = QLineEdit()
        self.file.setAccessibleName("File with settings")
        self.file.setPlaceholderText("a TOML file")
        self.file_row = self._with_button(self.file, self._browse_file)
        self.out = QLineEdit()
        self.out.setAccessibleName("Folder of the release")
        self.out.textChanged.connect(self.folder_changed)
        self.workers = QSpinBox()
        self.workers.setRange(1, 64)
        self.workers.setAccessibleName("Processes")
        self.workers.setToolTip(
            "Each takes a network of its own: more than one where there are folds or a grid"
        )
        form = QWidget()
        self._rows = QFormLayout(form)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(8)
        self._rows.addRow("&Settings", self.preset)
        self._rows.addRow("", self.file_row)
        self._rows.addRow("&Folder", self._with_button(self.out, self._browse_out))
        self._rows.addRow("&Processes", self.workers)
        self._rows.setRowVisible(self.file_row, False)
        for box in (self.file, self.out):
            box.textChanged.connect(self._refresh)
        return form

    @staticmethod
    def _with_button(line: QLineEdit, browse: object) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(line, 1)
        button = QPushButton("Choose…")
        button.clicked.connect(browse)
        layout.addWidget(button)
        return row

    def _make_status(self) -> QVBoxLayout:
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setAccessibleName("Networks trained")
        layout = QVBoxLayout()
        layout.setSpacing(4)
        layout.addWidget(self.status)
        layout.addWidget(self.bar)
        return layout

    def _make_choice(self) -> QHBoxLayout:
        self.unit = QComboBox()
        self.unit.addItem("the network at work", FOLLOW)
        self.unit.setAccessibleName("Network")
        self.unit.setMinimumWidth(200)
        self.unit.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.unit.activated.connect(self._draw)
        self.kind = QComboBox()
        for text, value in FIGURES:
            self.kind.addItem(text, value)
        self.kind.setAccessibleName("Figure")
        self.kind.activated.connect(self._draw)
        self.last = ElidedLabel(secondary=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.unit, 1)
        row.addWidget(self.kind)
        row.addWidget(self.last, 1)
        return row

    def _make_buttons(self) -> QHBoxLayout:
        self.start = QPushButton("Start")
        self.start.setDefault(True)
        self.start.clicked.connect(self.start_wished)
        self.stop = QPushButton("Stop and Keep the Best")
        self.stop.clicked.connect(self.stop_wished)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addWidget(self.stop)
        row.addStretch(1)
        row.addWidget(self.start)
        row.addWidget(close)
        return row

    # ---------------------------------------------------------------- asked

    def set_dataset(self, name: str, samples: int) -> None:
        self.title.setText(f"On {name}, {samples:,} samples" if name else "No dataset is open.")
        self._has_data = bool(name)
        self._refresh()

    def choice(self) -> TrainingChoice:
        preset = str(self.preset.currentData())
        config = self.file.text().strip() if preset == OWN else preset
        return TrainingChoice(config, self.out.text().strip(), self.workers.value())

    def set_choice(self, choice: TrainingChoice) -> None:
        index = self.preset.findData(choice.config)
        if index < 0:
            index = self.preset.findData(OWN)
            self.file.setText(choice.config)
        self.preset.setCurrentIndex(index)
        self._on_preset()
        self.out.setText(choice.out)
        self.workers.setValue(choice.workers)

    # ---------------------------------------------------------------- shown

    def show_starting(self) -> None:
        """The process was asked for; its folder does not show it yet."""
        self._busy = True
        self._refresh()
        self.status.setText("Starting: samples are decoded where they are not known yet …")
        self.bar.setRange(0, 0)

    def show_stopping(self) -> None:
        self.stop.setEnabled(False)
        self.status.setText("Stopping after this step; the best network so far is kept …")

    def show_problem(self, text: str) -> None:
        self._busy = False
        self._refresh()
        self.status.setText(text)
        self.bar.setRange(0, 1)

    def show_standing(self, standing: Standing | None) -> None:
        """What the folder holds; None where that is not known."""
        self._standing = standing
        self._busy = standing is not None and standing.phase == RUNNING
        self._refresh()
        self._list_units()
        if standing is not None:
            total = max(standing.total, 1)
            self.bar.setRange(0, total)
            self.bar.setValue(standing.finished)
            self.status.setText(_words(standing))
        else:
            self.bar.setRange(0, 1)
            self.status.setText("Choose a folder for the release.")
        self._draw()

    def _list_units(self) -> None:
        known = [self.unit.itemData(i) for i in range(1, self.unit.count())]
        names = sorted(self._standing.units) if self._standing is not None else []
        if names != known:
            chosen = self.unit.currentData()
            while self.unit.count() > 1:
                self.unit.removeItem(1)
            for name in names:
                self.unit.addItem(name, name)
            self.unit.setCurrentIndex(max(0, self.unit.findData(chosen)))

    @Slot()
    def _draw(self) -> None:
        entries = self._entries()
        losses = {"training": [float(e["train_loss"]) for e in entries]} if entries else {}
        if entries and "validation_loss" in entries[0]:
            losses["validation"] = [float(e["validation_loss"]) for e in entries]
        self.loss.show_curves("Loss", losses)
        key = str(self.kind.currentData())
        self.figure.show_curves(
            f"{self.kind.currentText()}, validation part",
            {
                words: [float(e[f"{view}_{key}"]) for e in entries]
                for view, words in VIEWS
                if entries and f"{view}_{key}" in entries[0]
            },
        )
        low = (
            -1.02
            if key == "kappa" and any(min(v, default=0) < 0 for v in self.figure.values().values())
            else -0.02
        )
        self.figure.setYRange(low, 1.02, padding=0)
        self.last.set_text(_last(entries))

    def _entries(self) -> list[Entry]:
        """Of the network on show, its last stage."""
        units = self._standing.units if self._standing is not None else {}
        if not units:
            return []
        name = str(self.unit.currentData())
        entries = units.get(name) or list(units.values())[-1]
        return [entry for entry in entries if entry["stage"] == entries[-1]["stage"]]

    @Slot()
    def _refresh(self) -> None:
        choice, phase = self.choice(), self._standing.phase if self._standing is not None else NOTHING
        self.form.setEnabled(not self._busy)
        ready = bool(choice.config and choice.out) and self._has_data
        self.start.setEnabled(ready and not self._busy and phase != FINISHED)
        self.start.setText("Go On" if phase == UNFINISHED else "Start")
        self.stop.setEnabled(self._busy and phase == RUNNING)

    @Slot()
    def _on_preset(self) -> None:
        self._rows.setRowVisible(self.file_row, self.preset.currentData() == OWN)
        self._refresh()

    @Slot()
    def _browse_file(self) -> None:
        dialog = QFileDialog(self, "Settings", self.file.text(), "TOML (*.toml)")
        dialog.fileSelected.connect(self.file.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def _browse_out(self) -> None:
        dialog = QFileDialog(self, "Folder of the release", self.out.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.out.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def suggested(folder: Path, name: str) -> str:
    """The next version of a release called like the dataset, in the user's folder of releases."""
    version = 1
    while (folder / name / str(version)).exists():
        version += 1
    return str(folder / name / str(version))


def _words(standing: Standing) -> str:
    of = f"{standing.finished} of {standing.total} networks" if standing.total else "its networks"
    return {
        NOTHING: "Curves appear with the first epoch.",
        RUNNING: f"Training goes on, {of} finished. It goes on too when this window is closed.",
        UNFINISHED: f"A training in this folder was not finished: {of}. It can go on where it stood.",
        FINISHED: "This folder holds a finished release; these are its curves. Choose another to train.",
    }[standing.phase]


def _last(entries: list[Entry]) -> str:
    if not entries:
        return ""
    last = entries[-1]
    rate, speed = last["learning_rate"], last["samples_per_second"]
    return f"epoch {len(entries)} · rate {rate:g} · {speed:.0f} samples/s"
