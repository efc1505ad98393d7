"""The sample table's rows: an index array over the catalogue; only cells that were shown become Python's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPen, QPixmap

from sier_gui.gui import theme

if TYPE_CHECKING:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import PredictionTable

Index = QModelIndex | QPersistentModelIndex

# title, what `Query.sort` calls it, what the header's tool tip says
COLUMNS = (
    ("id", "sample_id", "Name of the sample"),
    ("label", "label", "What the dataset says; in italics what you say where it says nothing"),
    ("sees", "predicted", "What the network says"),
    ("conf.", "confidence", "Largest probability"),
    ("loss", "loss", "Cross entropy of the label, in nats"),
    (
        "image",
        "image_share",
        "Image's share of the game of two players, picture and speech, as in the bar beside the map;\n"
        "the rest is the speech's. Class predicted, absence zeros, probability",
    ),
    ("notes", "flags", "⚑ flagged, ✎ comment, ▭ marked part, ≠ label corrected, ! people disagree"),
    ("text", "text", "What is said"),
)
ID, LABEL, SEES, CONFIDENCE, LOSS, SHARE, FLAGS, TEXT = range(len(COLUMNS))
_TEXTS = {ID: "sample_id", LABEL: "label", TEXT: "text"}
_NUMBERS = {CONFIDENCE: ("confidence", "{:.2f}"), LOSS: ("loss", "{:.2f}"), SHARE: ("image_share", "{:.0%}")}
_SIGNS = (("!", 8), ("⚑", 16), ("✎", 32), ("▭", 64), ("≠", 4))  # as `marks.Bit`, in order of urgency
_FLAGS = tuple("".join(sign for sign, bit in _SIGNS if bits & bit) for bits in range(128))
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_DOT = 10  # pixels, ring included
_KEPT = 4096  # cells: a few screens


class SampleModel(QAbstractTableModel):
    """Rows ``rows[i]`` of a catalogue, with what is predicted so far; sorting is a wish."""

    sort_wished = Signal(str, bool)  # Query.sort, descending

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._catalogue: Catalogue | None = None
        self._cells: dict[tuple[int, int], str] = {}  # row, column → text, of what was shown lately
        self._table: PredictionTable | None = None
        self._columns: Columns | None = None
        self._dots: dict[tuple[str, int], QIcon] = {}

    # ---------------------------------------------------------------- what is shown

    def set_catalogue(self, catalogue: Catalogue | None) -> None:
        self.beginResetModel()
        self._catalogue, self._table, self._columns = catalogue, None, None
        self.rows = np.empty(0, dtype=np.int64)
        self._cells.clear()
        self.endResetModel()

    def set_rows(self, rows: NDArray[np.int64]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def set_predictions(self, table: PredictionTable | None) -> None:
        """New values in the same rows; views ask only for the cells they show."""
        self._table = table
        if len(self.rows):
            last = self.index(len(self.rows) - 1, SHARE)
            self.dataChanged.emit(self.index(0, SEES), last, [Qt.ItemDataRole.DisplayRole])

    def set_columns(self, columns: Columns | None) -> None:
        """What is annotated; call it again after it changed."""
        self._columns = columns
        if len(self.rows):
            last = self.index(len(self.rows) - 1, FLAGS)
            self.dataChanged.emit(self.index(0, LABEL), last, [Qt.ItemDataRole.DisplayRole])

    def place_of(self, row: int) -> int:
        """Where the dataset's ``row`` is shown; −1 when it is not."""
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else -1

    # ---------------------------------------------------------------- Qt's questions

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(index)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in _NUMBERS else None
        if role == Qt.ItemDataRole.DecorationRole and index.column() in (LABEL, SEES):
            name = self._text(index)
            return self._dot(name) if name else None
        if role == Qt.ItemDataRole.FontRole and index.column() == LABEL and self._by_user(index):
            return _italics()
        if role == Qt.ItemDataRole.ToolTipRole:
            said = self._text(index)
            return f"{said}, by you" if index.column() == LABEL and self._by_user(index) else said
        return None

    def _by_user(self, index: Index) -> bool:
        """Whether the label on show is the user's, because the dataset has none."""
        row = int(self.rows[index.row()])
        return self._columns is not None and bool(self._columns.mine(row)) and not self._said(row, LABEL)

    def _text(self, index: Index) -> str:
        row, column = int(self.rows[index.row()]), index.column()
        if column in _TEXTS:
            said = self._said(row, column)
            return self._columns.mine(row) if column == LABEL and not said and self._columns else said
        if column == FLAGS:
            return _FLAGS[self._columns.bits[row] & 127] if self._columns is not None else ""
        if self._table is None:
            return ""
        if column == SEES:
            return str(self._table.predicted[row])
        name, form = _NUMBERS[column]
        value = float(getattr(self._table, name)[row])
        return "" if value != value else form.format(value)

    def _said(self, row: int, column: int) -> str:
        """What the dataset says."""
        return self._cells.get((row, column)) or self._read(row, column)

    def _read(self, row: int, column: int) -> str:
        """A cell from the catalogue: whole columns as Python's strings would take 20 MiB for 80,893 rows."""
        if self._catalogue is None:
            return ""
        if len(self._cells) > _KEPT:
            self._cells.clear()
        text = self._cells[row, column] = self._catalogue.cell(row, _TEXTS[column]).strip()
        return text

    def _dot(self, name: str) -> QIcon:
        """The class's colour, always beside its name."""
        ring = QGuiApplication.palette().color(QPalette.ColorRole.HighlightedText)
        key = (name, ring.rgb())
        if key not in self._dots:
            classes = self._table.classes if self._table is not None else ()
            self._dots[key] = _dot_icon(theme.class_colour(name, classes), ring)
        return self._dots[key]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section][0]
        if role == Qt.ItemDataRole.ToolTipRole:
            return COLUMNS[section][2]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            left = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            return _RIGHT if section in _NUMBERS else left
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if column < 0:
            self.sort_wished.emit("", False)
        else:
            self.sort_wished.emit(COLUMNS[column][1], order == Qt.SortOrder.DescendingOrder)


def _italics() -> QFont:
    font = QFont()
    font.setItalic(True)
    return font


def _dot_icon(colour: QColor, ring: QColor) -> QIcon:
    """On a selected row the dot keeps its colour, which is data, inside a ring that sets it off."""
    icon = QIcon(_drawn_dot(colour, colour))
    icon.addPixmap(_drawn_dot(colour, ring), QIcon.Mode.Selected)
    return icon


def _drawn_dot(colour: QColor, ring: QColor) -> QPixmap:
    pixmap = QPixmap(_DOT, _DOT)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ring, 1.5))
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(1, 1, _DOT - 2, _DOT - 2))
    painter.end()
    return pixmap
