"""Where a built dataset comes from: the sample on show, what became nothing, and labels by another rule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.dialogs.provenance_parts import AnswerBars, ChangeTable
from sier_gui.gui.dialogs.provenance_words import (
    change_text,
    decision_text,
    left_out_text,
    made_text,
    sample_facts,
    then_text,
)

if TYPE_CHECKING:
    from sier_gui.core.construct.pipeline.labels import Labels
    from sier_gui.core.construct.pipeline.provenance import BuiltSet, Change

RULES = (("max: the surer network", "max"), ("agree: only where both agree", "agree"))
_WIDTH = 420


class ProvenanceDialog(QDialog):
    """Not modal; follows the sample on show."""

    rule_wished = Signal(str, float)
    save_wished = Signal()
    open_wished = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Where this dataset comes from")
        self._built: BuiltSet | None = None
        self._labels: Labels | None = None
        self._place: int | None = None
        self._saved: Path | None = None
        self._strong = QFont(self.font())
        self._strong.setWeight(QFont.Weight.DemiBold)
        self.title = self._label(strong=True)
        self.made = self._label(secondary=True)
        columns = QHBoxLayout()
        columns.setSpacing(24)
        columns.addWidget(self._make_sample(), 1)
        columns.addWidget(self._make_rule(), 1)
        self._body = QWidget()
        self._body.setLayout(columns)
        columns.setContentsMargins(0, 0, 0, 0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.made)
        layout.addWidget(self._body, 1)
        layout.addWidget(buttons)
        self.resize(1040, 600)
        self.show_nothing("")

    def _label(self, *, strong: bool = False, secondary: bool = False) -> QLabel:
        label = QLabel()
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        label.setTextFormat(Qt.TextFormat.PlainText)  # texts and names may look like markup
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        if strong:
            label.setFont(self._strong)
        if secondary:
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            label.setFont(theme.caption_font(self.font()))
        return label

    def _make_sample(self) -> QWidget:
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 8, 0)
        layout.setSpacing(8)
        self.sample_title = self._label(strong=True)
        self.facts = QFormLayout()
        self.facts.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.facts.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        self.facts.setHorizontalSpacing(16)
        self.facts.setVerticalSpacing(4)
        self.speech, self.image = AnswerBars(), AnswerBars()
        self.decision, self.then = self._label(), self._label()
        self.decision.setFont(self._strong)
        layout.addWidget(self.sample_title)
        layout.addLayout(self.facts)
        layout.addWidget(self.speech)
        layout.addWidget(self.image)
        layout.addWidget(self.decision)
        layout.addWidget(self.then)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(column)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName("Where the sample on show comes from")
        area.setMinimumWidth(_WIDTH)
        return area

    def _make_rule(self) -> QWidget:
        self.rule = QComboBox()
        for text, value in RULES:
            self.rule.addItem(text, value)
        self.rule.setAccessibleName("Rule for labels")
        self.rule.currentIndexChanged.connect(self._on_rule)
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0, 1)
        self.threshold.setSingleStep(0.01)
        self.threshold.setAccessibleName("Threshold of the larger probability")
        self.threshold.setToolTip("Samples whose larger probability is below it have no label")
        self.threshold.valueChanged.connect(self._on_rule)
        self.rule_title = self._label(strong=True)
        self.rule_title.setText("Labels by another rule")
        chosen = QHBoxLayout()
        chosen.setSpacing(8)
        chosen.addWidget(self.rule, 1)
        words = QLabel("&threshold")
        words.setBuddy(self.threshold)
        chosen.addWidget(words)
        chosen.addWidget(self.threshold)
        self.changed = self._label(strong=True)
        self.table = ChangeTable()
        self.save = QPushButton("Save as a New Table")
        self.save.setToolTip("Beside the original, which stays as it is")
        self.save.clicked.connect(self.save_wished)
        self.open_saved = QPushButton("Open It")
        self.open_saved.clicked.connect(self._on_open)
        self.saved = self._label()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.save)
        row.addWidget(self.open_saved)
        row.addWidget(self.saved, 1)
        self.left_title = self._label(strong=True)
        self.left_title.setText("What became no sample")
        self.left_out = self._label()
        column = QWidget()
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.rule_title)
        layout.addLayout(chosen)
        layout.addWidget(self.changed)
        layout.addWidget(self.table)
        layout.addLayout(row)
        layout.addSpacing(8)
        layout.addWidget(self.left_title)
        layout.addWidget(self.left_out)
        layout.addStretch(1)
        return column

    # ---------------------------------------------------------------- what is shown

    def show_nothing(self, why: str) -> None:
        """It is being read, or cannot be."""
        self._built = self._labels = None
        self.title.setText(why)
        self.made.hide()
        self._body.hide()

    def show_built(self, built: BuiltSet, sample_id: str) -> None:
        """A dataset, under the rule that it was made by."""
        self._built, self._labels = built, None
        kept = int((built.stored != "").sum())
        self.title.setText(made_text(built, kept))
        self.made.setText(
            "The labels say what two networks answered, not what a person feels; the labelling networks"
            " themselves would score near 100 % on them."
        )
        self.left_out.setText(left_out_text(built))
        with QSignalBlocker(self.rule), QSignalBlocker(self.threshold):
            self.rule.setCurrentIndex(max(0, self.rule.findData(built.rule)))
            self.threshold.setValue(built.threshold)
        self.show_unsaved()
        self.show_sample(sample_id)
        self.made.show()
        self._body.show()

    def show_sample(self, sample_id: str) -> None:
        """The sample on show; "" where there is none."""
        if self._built is None:
            return
        from sier_gui.core.construct.pipeline.provenance import heard
        from sier_gui.core.domain import Modality

        built, place = self._built, self._built.place(sample_id)
        self._place = place
        self.sample_title.setText(sample_id if place is not None else "No sample of this dataset is on show")
        while self.facts.rowCount():
            self.facts.removeRow(0)
        for part in (self.speech, self.image, self.decision, self.then):
            part.setVisible(place is not None)
        if place is None:
            return
        for name, value in sample_facts(built, place):
            words, caption = self._label(), QLabel(name)
            words.setText(value)
            caption.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            caption.setAlignment(Qt.AlignmentFlag.AlignTop)
            self.facts.addRow(caption, words)
        self.speech.show_answer("Heard in the speech", heard(built, place, Modality.SPEECH))
        self.image.show_answer("Seen in the picture", heard(built, place, Modality.IMAGE))
        self.decision.setText(decision_text(built, place))
        self._show_then()

    def show_change(self, labels: Labels, change: Change) -> None:
        """What the rule chosen would change."""
        if self._built is None:
            return
        self._labels = labels
        self.changed.setText(change_text(change, len(self._built)))
        self.table.show_change(change, len(self._built))
        self.save.setEnabled(bool(change.changed) and any(change.after.values()))
        self._show_then()

    def show_saved(self, table: Path) -> None:
        self._saved = table
        self.saved.setText(f"{table.name} is saved.")
        self.open_saved.show()

    def show_unsaved(self, why: str = "") -> None:
        """Nothing is saved by the rule chosen, or it could not be."""
        self._saved = None
        self.saved.setText(why)
        self.open_saved.hide()

    def _show_then(self) -> None:
        if self._built is None or self._labels is None or self._place is None:
            self.then.setText("")
            return
        self.then.setText(then_text(self._built, self._labels, self._place))

    # ---------------------------------------------------------------- what is chosen

    def chosen(self) -> tuple[str, float]:
        """Rule and threshold."""
        return str(self.rule.currentData()), round(self.threshold.value(), 2)

    @Slot()
    def _on_rule(self) -> None:
        self.show_unsaved()
        self.rule_wished.emit(*self.chosen())

    @Slot()
    def _on_open(self) -> None:
        if self._saved is not None:
            self.open_wished.emit(str(self._saved))
