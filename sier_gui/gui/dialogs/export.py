"""What to write, of which samples, how it looks and where, beside a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui.dialogs.explain import Number
from sier_gui.gui.dialogs.export_preview import ExportPreview
from sier_gui.gui.widgets import ChoiceBox, Choices

if TYPE_CHECKING:
    from sier_gui.core.export.templates import Template

FORMATS = (
    ("png", "PNG figure"),
    ("svg", "SVG figure"),
    ("pdf", "PDF figure"),
    ("html", "HTML page with sound"),
    ("npz", "Values as NPZ and CSV"),
    ("textgrid", "Spans for Praat"),
    ("elan", "Spans for ELAN"),
    ("audacity", "Labels for Audacity"),
)
WIDTHS_MM = ((85.0, "one column"), (140.0, ""), (180.0, "two columns"))
NARROWEST_MM, WIDEST_MM = 60.0, 400.0
REST_MS = 200  # after the last change, until the preview is drawn
_SIGNS: Choices = (
    ("importance: yellow most, blue least", False),
    ("signed: red for, blue hatched against", True),
)
_SCALES: Choices = (("one for all samples", True), ("each its own", False))
_MADE, _NONE, _OWN = "made", "none", "own"
_CAPTIONS: Choices = (("how it was made", _MADE), ("none", _NONE), ("your own", _OWN))


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What the dialog asks; all but ``every`` and ``target`` is kept in the settings.

    ``every``: all samples shown, not only this one. ``target``: the class, None each sample's predicted one.
    ``caption`` as in `FigureOptions`.
    """

    formats: tuple[str, ...] = ("png", "npz")
    width_mm: float = 140.0
    folder: str = ""
    template: str = "figure7"
    signed: bool = False
    shared: bool = True
    caption: str | None = None
    every: bool = False
    target: str | None = None

    @classmethod
    def from_saved(cls, saved: Any) -> ExportChoice:
        """The saved choice; the default where the settings hold anything else."""
        known = {name for name, _text in FORMATS}
        try:
            formats = tuple(name for name in saved["formats"] if name in known)
            width = min(max(float(saved["width_mm"]), NARROWEST_MM), WIDEST_MM)
            choice = cls(formats, width, str(saved["folder"]))
            caption = saved.get("caption")
            return replace(
                choice,
                template=str(saved.get("template", choice.template)),
                signed=bool(saved.get("signed", False)),
                shared=bool(saved.get("shared", True)),
                caption=None if caption is None else str(caption),
            )
        except (TypeError, KeyError, ValueError, AttributeError):
            return cls()

    def to_saved(self) -> dict[str, Any]:
        kept = {**asdict(self), "formats": list(self.formats)}
        return {name: kept[name] for name in kept if name not in ("every", "target")}


@dataclass(frozen=True, slots=True)
class Offer:
    """What there is to choose from. ``shown``: samples in the table, 0 for a loose pair."""

    templates: Sequence[Template]
    classes: tuple[str, ...]
    sample: str = ""
    shown: int = 0


class ExportDialog(QDialog):
    """The answer is `choice`. Whoever opened it draws the preview when it is wished for."""

    preview_wished = Signal()

    def __init__(self, choice: ExportChoice, offer: Offer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._templates = {one.name: one for one in offer.templates}
        self.preview = ExportPreview()
        self._make_boxes(choice, offer)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.preview_wished)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(16)
        row.addLayout(self._make_left(), 0)
        row.addWidget(self.preview, 1)
        self.preview.zoomed.connect(self.preview_wished)
        for keys, by in ((QKeySequence.StandardKey.ZoomIn, 1), (QKeySequence.StandardKey.ZoomOut, -1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(self._zoom_in if by > 0 else self._zoom_out)
        self.resize(1080, 620)
        self._check()

    # ---------------------------------------------------------------- making

    def _make_boxes(self, choice: ExportChoice, offer: Offer) -> None:
        name = f"this one: {offer.sample}" if len(offer.sample) < 24 else "this one"
        shown: Choices = ((f"all {offer.shown:,} shown", True),) if offer.shown > 1 else ()
        self.samples = ChoiceBox("samples", ((name, False), *shown))
        self.template = ChoiceBox("template", tuple((t.title, t.name) for t in offer.templates))
        if choice.template in self._templates:
            self.template.show_value(choice.template)
        self.width_box = Number(NARROWEST_MM, WIDEST_MM, 5.0, " mm")
        self.width_box.setValue(choice.width_mm)
        self.signs = ChoiceBox("signed", _SIGNS)
        self.signs.show_value(choice.signed)
        self.scale = ChoiceBox("scale", _SCALES)
        self.scale.show_value(choice.shared)
        classes = (("the predicted one", None), *((name, name) for name in offer.classes))
        self.target = ChoiceBox("class", classes)
        self.target.show_value(choice.target)
        self.caption = ChoiceBox("caption", _CAPTIONS)
        self.caption.show_value({None: _MADE, "": _NONE}.get(choice.caption, _OWN))
        self.own_caption = QLineEdit(choice.caption or "")
        self.own_caption.setAccessibleName("Your own caption")
        self.own_caption.setPlaceholderText("the caption's text")
        self.folder = QLineEdit(choice.folder or str(Path.home()))
        self.folder.setAccessibleName("Folder")
        self.boxes = {}
        for key, text in FORMATS:
            self.boxes[key] = QCheckBox(text)
            self.boxes[key].setChecked(key in choice.formats)

    def _make_left(self) -> QVBoxLayout:
        form = QFormLayout()
        form.setSpacing(8)
        form.addRow("Samples", self.samples)
        form.addRow("Template", self.template)
        form.addRow("Width", self._make_widths())
        form.addRow("Colours", self.signs)
        form.addRow("Colour scale", self.scale)
        form.addRow("Class", self.target)
        form.addRow("Caption", self.caption)
        form.addRow("", self.own_caption)
        form.addRow("Folder", self._make_folder())
        grid = QGridLayout()
        grid.setSpacing(8)
        for i, box in enumerate(self.boxes.values()):
            grid.addWidget(box, i // 2, i % 2)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.write = buttons.addButton("Write", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        left = QVBoxLayout()
        left.setSpacing(16)
        left.addLayout(form)
        left.addLayout(grid)
        left.addStretch(1)
        left.addWidget(buttons)
        self._connect()
        return left

    def _make_widths(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.width_box, 1)
        for width, name in WIDTHS_MM:
            button = QToolButton()
            button.setText(f"{width:g}")
            button.setToolTip(f"{width:g} mm{', ' + name if name else ''}")
            button.setAccessibleName(button.toolTip())
            button.setProperty("width_mm", width)
            button.clicked.connect(self._on_usual_width)
            row.addWidget(button)
        return row

    def _make_folder(self) -> QHBoxLayout:
        browse = QPushButton("Choose…")
        browse.clicked.connect(self._browse)
        browse.setAutoDefault(False)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        return row

    def _connect(self) -> None:
        for box in (self.samples, self.template, self.signs, self.scale, self.target, self.caption):
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.chosen.connect(self._on_chosen)
        self.width_box.valueChanged.connect(self._changed)
        self.own_caption.textChanged.connect(self._changed)
        self.folder.textChanged.connect(self._check)
        for one in self.boxes.values():
            one.toggled.connect(self._check)

    # ---------------------------------------------------------------- reading

    def choice(self) -> ExportChoice:
        caption = {_MADE: None, _NONE: ""}.get(self.caption.currentData(), self.own_caption.text().strip())
        return ExportChoice(
            tuple(name for name, box in self.boxes.items() if box.isChecked()),
            self.width_box.value(),
            self.folder.text().strip(),
            str(self.template.currentData()),
            bool(self.signs.currentData()),
            bool(self.scale.currentData()),
            caption,
            bool(self.samples.currentData()),
            self.target.currentData(),
        )

    @Slot(str, object)
    def _on_chosen(self, option: str, value: object) -> None:
        if option == "template":
            template = self._templates[str(value)]
            self.width_box.setValue(template.options.width_mm)
            self.signs.show_value(template.options.signed)
        self._changed()

    @Slot()
    def _changed(self) -> None:
        self._check()
        self._rest.start()

    @Slot()
    def _on_usual_width(self) -> None:
        self.width_box.setValue(float(self.sender().property("width_mm")))

    @Slot()
    def _check(self) -> None:
        from sier_gui.core.export.designs import design  # numpy: not before the window is on the screen

        choice = self.choice()
        self.own_caption.setVisible(self.caption.currentData() == _OWN)
        made = design(self._templates[choice.template].options.design)
        paged = "html" in choice.formats
        several = made.draw_all is not None
        self.scale.setEnabled(choice.every and not several)
        self.signs.setEnabled(made.signs or paged)
        self.caption.setEnabled(made.captioned or paged)
        self.own_caption.setEnabled(self.caption.isEnabled())
        self.write.setEnabled(bool(choice.formats and choice.folder) and (choice.every or not several))
        self.write.setText("Write All" if choice.every else "Write")

    @Slot()
    def _zoom_in(self) -> None:
        self.preview.step(1)

    @Slot()
    def _zoom_out(self) -> None:
        self.preview.step(-1)

    @Slot()
    def _browse(self) -> None:
        dialog = QFileDialog(self, "Write into", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
