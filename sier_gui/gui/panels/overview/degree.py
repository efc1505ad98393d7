"""How much a network's decisions rest on each modality, over a dataset: shares and the modality degree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFont, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
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
from sier_gui.gui.explaining import METHODS, parts_text
from sier_gui.gui.widgets import track_colour

if TYPE_CHECKING:
    from sier_gui.core.explain.survey.degree import DegreeTable, Group, Share
    from sier_gui.core.overview.modalities import ShareLine

_COLUMNS = ("Samples", "n", "Image, two players", "speech … image", "Image, of Σ|φ|", "speech … image")
_TIPS = (
    "Which samples; right and wrong predictions apart where there are labels",
    "How many samples, of those whose share is known",
    "The image's share in the game of two players, which does not depend on the number of parts:\n"
    "mean and 95 % interval",
    "How that share is distributed: only speech at the left, only image at the right",
    "V-SHAP: the image's share of the parts' magnitudes, mean and 95 % interval;\n"
    "A-SHAP, the speech's, is the rest",
    "That share as a bar, its 95 % interval as a line",
)
PLAYERS, SPREAD, DEGREE, BAR = 2, 3, 4, 5
ROW_PX = 24
_SHARE = Qt.ItemDataRole.UserRole  # (mean, low, high) of the image
_COUNTS = Qt.ItemDataRole.UserRole + 1  # of the histogram
NO_SHARES = "No sample's modalities are known yet."
NO_SURVEY = "For the degree over parts of picture and speech: Explain Whole Dataset."


class ShareDelegate(QStyledItemDelegate):
    """The image's share from the left, the interval across; or a histogram of shares."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        shares, counts = index.data(_SHARE), index.data(_COUNTS)
        painter.save()
        if counts:
            self._paint_counts(painter, QRectF(option.rect).adjusted(8, 3, -8, -3), option.palette, counts)
        elif shares:
            self._paint_bar(painter, QRectF(option.rect).adjusted(8, 8, -8, -8), option.palette, *shares)
        painter.restore()

    @staticmethod
    def _paint_counts(painter: QPainter, area: QRectF, palette: QPalette, counts: list[int]) -> None:
        width, most = area.width() / len(counts), max(counts)
        for i, count in enumerate(counts):
            height = area.height() * count / most
            if count:
                height = max(height, 1.0)
            column = QRectF(area.left() + i * width, area.bottom() - height, max(width - 1, 1), height)
            painter.fillRect(column, palette.color(QPalette.ColorRole.Accent))
        painter.fillRect(QRectF(area.left(), area.bottom(), area.width(), 1), track_colour(palette))
        painter.fillRect(QRectF(area.center().x(), area.top(), 1, area.height()), track_colour(palette))

    @staticmethod
    def _paint_bar(
        painter: QPainter, area: QRectF, palette: QPalette, mean: float, low: float, high: float
    ) -> None:
        painter.fillRect(area, track_colour(palette))
        if not math.isnan(mean):
            bar = QRectF(area.left(), area.top(), area.width() * mean, area.height())
            painter.fillRect(bar, palette.color(QPalette.ColorRole.Accent))
        if not math.isnan(low):
            ink = palette.color(QPalette.ColorRole.Text)
            left, width = area.left() + area.width() * low, area.width() * (high - low)
            painter.fillRect(QRectF(left, area.center().y() - 1, width, 2), ink)
            for x in (left, left + width):
                painter.fillRect(QRectF(x - 1, area.top(), 2, area.height()), ink)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(96, ROW_PX)


class DegreePanel(QWidget):
    """Filled anew while a dataset is predicted, and while a survey goes on."""

    survey_wished = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.warning, self.about = QLabel(), QLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.warning.setFont(strong)
        self.warning.setForegroundRole(QPalette.ColorRole.BrightText)  # the theme's error colour
        self.about.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.warning, self.about):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = self._make_table()
        self.survey = QPushButton("Explain Whole Dataset…")
        self.survey.clicked.connect(self._on_survey)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self.about, 1)
        bottom.addWidget(self.survey, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.warning)
        layout.addWidget(self.table, 1)
        layout.addLayout(bottom)
        self._lines: list[ShareLine] = []
        self._degrees: DegreeTable | None = None
        self._warned, self._why = False, NO_SURVEY
        self._fill()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_COLUMNS))
        for i, (text, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            table.setHorizontalHeaderItem(i, item)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setAccessibleName("Modality degree by samples")
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for column in (SPREAD, BAR):
            table.setItemDelegateForColumn(column, ShareDelegate(table))
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        return table

    # ---------------------------------------------------------------- what is shown

    def show_shares(self, lines: list[ShareLine], warned: bool = False) -> None:
        """The game of two players, as far as it is known; ``warned``: a collapse is said elsewhere."""
        self._lines, self._warned = lines, warned
        self._fill()

    def show_degrees(self, found: DegreeTable) -> None:
        """What a survey of the dataset says."""
        self._degrees = found if len(found.samples) else None
        self._fill()

    def show_no_degrees(self, why: str = NO_SURVEY) -> None:
        """There is no survey, or it cannot be read."""
        self._degrees, self._why = None, why
        self._fill()

    def _fill(self) -> None:
        degrees, known = self._degrees, bool(self._lines) and self._lines[0].n > 0
        shown = known or degrees is not None
        self.table.setVisible(shown)
        self.survey.setVisible(degrees is None)
        warning = degrees.warning if degrees is not None and not self._warned else None
        self.warning.setText(warning or "")
        self.warning.setVisible(bool(warning))
        if degrees is not None:
            self.about.setText(_about(degrees))
        else:
            self.about.setText(self._why if shown else f"{NO_SHARES} {self._why}")
        for column in (DEGREE, BAR):
            self.table.setColumnHidden(column, degrees is None)
        groups = _groups(degrees) if degrees is not None else {}
        lines = self._lines if known else []
        self.table.setRowCount(len(lines) or len(groups))
        if lines:
            label = ""
            for i, line in enumerate(lines):
                label = line.name if line.depth == 0 else label
                group = groups.get((label, "" if line.depth == 0 else line.name))
                self._fill_row(i, line.name, line.depth, line, group)
        else:
            for i, ((label, part), group) in enumerate(groups.items()):
                self._fill_row(i, part or label, 1 if part else 0, None, group)

    def _fill_row(self, row: int, name: str, depth: int, line: ShareLine | None, group: Group | None) -> None:
        degree = group.degree.get(Modality.IMAGE) if group is not None else None
        split = group.split.get(Modality.IMAGE) if group is not None else None
        players = line.image if line is not None else split
        n = line.n if line is not None else group.n if group is not None else 0
        texts = (
            f"{'    ' * depth}{name}",
            f"{n:,}",
            share_text(players),
            "",
            share_text(degree),
            "",
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
        if line is not None:
            self._item(row, PLAYERS).setToolTip(_error_text(line.image))
            if line.n:
                self._item(row, SPREAD).setData(_COUNTS, line.counts.tolist())
        if degree is not None and group is not None:
            self._item(row, DEGREE).setToolTip(f"{group.n:,} explained samples, {_error_text(degree)}")
            self._item(row, BAR).setData(_SHARE, (degree.mean, degree.low, degree.high))
            self._item(row, BAR).setData(Qt.ItemDataRole.AccessibleTextRole, f"image {share_text(degree)}")

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.table.item(row, column)
        assert item is not None
        return item

    @Slot()
    def _on_survey(self) -> None:
        self.survey_wished.emit()


def share_text(share: Share | None) -> str:
    """ "62 % [60–64]", without an interval where one sample gives none, "–" without samples."""
    if share is None or math.isnan(share.mean):
        return "–"
    mean = f"{100 * share.mean:.1f} %"
    return mean if math.isnan(share.low) else f"{mean} [{100 * share.low:.1f}–{100 * share.high:.1f}]"


def _error_text(share: Share) -> str:
    return "" if math.isnan(share.stderr) else f"standard error {100 * share.stderr:.2f} points"


def _groups(found: DegreeTable) -> dict[tuple[str, str], Group]:
    """By label ("all samples" for the dataset) and by what was predicted, "" for both."""
    groups: dict[tuple[str, str], Group] = {}
    for name, split in {"all samples": found.dataset, **found.labels}.items():
        label = name or "no label"
        groups[label, ""] = split.all
        if split.correct.n + split.wrong.n:
            groups[label, "predicted rightly"] = split.correct
            groups[label, "predicted wrongly"] = split.wrong
    return groups


def _about(found: DegreeTable) -> str:
    facts = found.facts
    request = facts["request"]
    method = METHODS[request["method"]].short
    parts = parts_text(request["grid"], request["segments"], request["bands"])
    explained = f"{len(found.samples):,} of {facts['samples']:,} samples"
    failed = f", {found.failed} could not be explained" if found.failed else ""
    return (
        f"Σ|φ|: {explained} explained{failed}, {method} {parts}, absence {request['absence']}."
        " It grows with a modality's number of parts; the game of two players does not depend on it."
    )
