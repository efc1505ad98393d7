"""The 30 cells of the design: how full each is, and which the next rater gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from sier_gui.core.study.assignment import GROUPS, ORDERS
from sier_gui.gui.widgets import track_colour

if TYPE_CHECKING:
    from sier_gui.core.study.design import Status

_COUNT = Qt.ItemDataRole.UserRole  # raters, planned raters, whether it is next
_ROW_PX = 28


class CellDelegate(QStyledItemDelegate):
    """A bar as long as the cell is full; the next one is framed."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        raters, planned, following = index.data(_COUNT) or (0, 1, False)
        palette, area = option.palette, QRectF(option.rect).adjusted(3, 3, -3, -3)
        painter.save()
        painter.fillRect(area, palette.color(QPalette.ColorRole.Base))
        full = QRectF(area)
        full.setWidth(area.width() * min(1.0, raters / max(planned, 1)))
        painter.fillRect(full, track_colour(palette))
        if following:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Accent), 2))
            painter.drawRect(area)
            font = QFont(option.font)
            font.setWeight(QFont.Weight.DemiBold)
            painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, str(index.data()))
        painter.restore()


class CellGrid(QTableWidget):
    """Groups down, orders of blocks across."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(GROUPS, len(ORDERS), parent)
        self.setAccessibleName("Raters in each cell of the design")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(CellDelegate(self))
        for order, blocks in enumerate(ORDERS):
            item = QTableWidgetItem(f"order {order}\n" + "\n".join(blocks))
            item.setToolTip(f"Order {order}: {' → '.join(blocks)}")
            self.setHorizontalHeaderItem(order, item)
        for group in range(GROUPS):
            item = QTableWidgetItem(f"group {group}")
            item.setToolTip(f"Group {group} meets list l in column (l + {group}) mod 5")
            self.setVerticalHeaderItem(group, item)
        for header, mode in (
            (self.horizontalHeader(), QHeaderView.ResizeMode.Stretch),
            (self.verticalHeader(), QHeaderView.ResizeMode.Fixed),
        ):
            header.setSectionResizeMode(mode)
            header.setSectionsClickable(False)
            header.setHighlightSections(False)
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_status(self, status: Status, planned: int) -> None:
        """``planned``: raters that the protocol wants; each cell takes its share of them."""
        each = max(1, round(planned / len(status.cells)))
        for (group, order), count in status.cells.items():
            following = (group, order) == status.following
            text = f"{count} of {each}" + (" · next" if following else "")
            item = QTableWidgetItem(text)
            item.setData(_COUNT, (count, each, following))
            spoken = f"group {group}, order {order}, {' → '.join(ORDERS[order])}: {text}"
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setToolTip(spoken)
            self.setItem(group, order, item)
        if status.following is not None:
            self.setCurrentCell(*status.following)
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + GROUPS * _ROW_PX + 4)
