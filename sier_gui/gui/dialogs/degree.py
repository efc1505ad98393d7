"""How much a network's decisions rest on each modality, over a dataset: the modality degree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from sier_gui.core.domain import Modality
from sier_gui.gui import theme
from sier_gui.gui.explaining import METHODS, parts_text
from sier_gui.gui.widgets import track_colour

if TYPE_CHECKING:
    from sier_gui.core.explain.survey.degree import DegreeTable, Group, Share

_COLUMNS = ("Samples", "n", "Image, of Σ|φ|", "Speech, of Σ|φ|", "Image … speech", "Image, two players")
_TIPS = (
    "Which samples; right and wrong predictions apart where there are labels",
    "How many samples",
    "V-SHAP: the image's share of the parts' magnitudes, mean and 95 % interval",
    "A-SHAP: the speech's share of the parts' magnitudes, mean and 95 % interval",
    "The image's share as a bar, its 95 % interval as a line",
    "The image's share in the game of two players, which does not depend on the number of parts",
)
_BAR, _ROW_PX = 4, 26
_SHARE = Qt.ItemDataRole.UserRole  # (mean, low, high) of the image


class ShareDelegate(QStyledItemDelegate):
    """The image's share from the left, the speech's to the right, the interval across."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        shares = index.data(_SHARE)
        if not shares:
            return
        mean, low, high = shares
        palette, area = option.palette, QRectF(option.rect).adjusted(8, 8, -8, -8)
        painter.save()
        painter.fillRect(area, track_colour(palette))
        if not math.isnan(mean):
            painter.fillRect(
                QRectF(area.left(), area.top(), area.width() * mean, area.height()),
                palette.color(QPalette.ColorRole.Accent),
            )
        if not math.isnan(low):
            line = QRectF(
                area.left() + area.width() * low, area.center().y() - 1, area.width() * (high - low), 2
            )
            painter.fillRect(line, palette.color(QPalette.ColorRole.Text))
            for x in (line.left(), line.right()):
                painter.fillRect(
                    QRectF(x - 1, area.top(), 2, area.height()), palette.color(QPalette.ColorRole.Text)
                )
        painter.restore()

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(160, _ROW_PX)


class DegreeDialog(QDialog):
    """Not modal; filled anew while a survey goes on."""

    survey_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Modality degree")
        self.title, self.warning, self.about = QLabel(), QLabel(), QLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        self.warning.setFont(strong)
        self.warning.setForegroundRole(QPalette.ColorRole.BrightText)  # the theme's error colour
        self.about.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.about.setFont(theme.caption_font(self.font()))
        for label in (self.title, self.warning, self.about):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = self._make_table()
        self.survey = QPushButton("Explain Whole Dataset…")
        self.survey.clicked.connect(self._on_survey)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.survey, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.warning)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.about)
        layout.addWidget(buttons)
        self.resize(840, 560)
        self.show_nothing("")

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_COLUMNS))
        for i, (text, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            table.setHorizontalHeaderItem(i, item)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_PX)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setAccessibleName("Modality degree by samples")
        table.setItemDelegateForColumn(_BAR, ShareDelegate(table))
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_BAR, QHeaderView.ResizeMode.Stretch)
        return table

    # ---------------------------------------------------------------- what is shown

    def show_nothing(self, why: str) -> None:
        """There is no survey yet, or it cannot be read."""
        self.title.setText(why)
        self.warning.hide()
        self.table.hide()
        self.about.hide()

    @Slot(object)
    def show_table(self, found: DegreeTable) -> None:
        if not len(found.samples):
            self.show_nothing("No sample is explained yet.")
            return
        self.title.setText(_headline(found))
        self.warning.setText(found.warning or "")
        self.warning.setVisible(found.warning is not None)
        self.about.setText(_about(found))
        lines = list(_lines(found))
        self.table.setRowCount(len(lines))
        for i, (name, depth, group) in enumerate(lines):
            self._fill(i, name, depth, group)
        for part in (self.table, self.about):
            part.show()

    def _fill(self, row: int, name: str, depth: int, group: Group) -> None:
        image, speech = group.degree.get(Modality.IMAGE), group.degree.get(Modality.SPEECH)
        players = group.split.get(Modality.IMAGE)
        texts = (
            f"{'    ' * depth}{name}",
            f"{group.n:,}",
            share_text(image),
            share_text(speech),
            "",
            share_text(players),
        )
        strong = QFont(self.table.font())
        strong.setWeight(QFont.Weight.DemiBold)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if depth == 0:
                item.setFont(strong)
            self.table.setItem(row, column, item)
        if image is not None:
            bar = self.table.item(row, _BAR)
            assert bar is not None
            bar.setData(_SHARE, (image.mean, image.low, image.high))
            bar.setData(Qt.ItemDataRole.AccessibleTextRole, f"image {share_text(image)}")

    @Slot()
    def _on_survey(self) -> None:
        self.survey_wished.emit()


def share_text(share: Share | None) -> str:
    """ "62 % [60–64]", without an interval where one sample gives none, "–" without samples."""
    if share is None or math.isnan(share.mean):
        return "–"
    mean = f"{100 * share.mean:.1f} %"
    return mean if math.isnan(share.low) else f"{mean} [{100 * share.low:.1f}–{100 * share.high:.1f}]"


def _lines(found: DegreeTable) -> Iterator[tuple[str, int, Group]]:
    """Name, depth and group of each line: the dataset, then each label, right and wrong apart."""
    for name, split in {"all samples": found.dataset, **found.labels}.items():
        yield name or "no label", 0, split.all
        if split.correct.n + split.wrong.n:
            yield "predicted rightly", 1, split.correct
            yield "predicted wrongly", 1, split.wrong


def _headline(found: DegreeTable) -> str:
    parts = [f"{m} {share_text(share)}" for m, share in found.dataset.all.degree.items()]
    return f"{' · '.join(parts)} over {len(found.samples):,} samples"


def _about(found: DegreeTable) -> str:
    facts = found.facts
    request = facts["request"]
    method = METHODS[request["method"]].short
    parts = parts_text(request["grid"], request["segments"], request["bands"])
    explained = f"{len(found.samples):,} of {facts['samples']:,} samples"
    failed = f", {found.failed} could not be explained" if found.failed else ""
    return (
        f"{facts['dataset']} by {facts['release']}: {explained}{failed}. {method} {parts}, absence"
        f" {request['absence']}. Shares of Σ|φ| for the predicted class, means over samples with 95 %"
        " bootstrap intervals. They grow with a modality's number of parts: compare equal numbers only; the"
        " game of two players does not depend on it."
    )
