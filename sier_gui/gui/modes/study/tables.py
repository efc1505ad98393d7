"""Read-only tables of exact numbers: right-aligned, walked by keys, copied as TSV."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QAction, QFont, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from sier_gui.core.study.sections import Line, Section, tsv
from sier_gui.gui import theme

ROW_PX, LINE_PX = 24, 40
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_DETAIL = Qt.ItemDataRole.UserRole
_QUIET = Qt.ItemDataRole.UserRole + 1  # interval beside the share
_STRONG = Qt.ItemDataRole.UserRole + 2


class FactTable(QTableWidget):
    """Rows of text. With ``whole`` it is as high as its rows: the page around it scrolls."""

    def __init__(self, name: str, *, whole: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(0, 0, parent)
        self._whole = whole
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionsClickable(False)
        if whole:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        copy = QAction("Copy", self)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self.copy)
        self.addAction(copy)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    # ---------------------------------------------------------------- what is shown

    def fill(
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        left: int = 1,
        tips: Sequence[str] = (),
    ) -> None:
        """``left``: how many columns hold words; the others are flush right."""
        self._set_head(head, left, tips)
        self.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_LEFT if column < left else _RIGHT)
                self.setItem(row, column, item)
        self._fit()

    def show_section(self, section: Section) -> None:
        tips = [section.note] * len(section.head)
        self.fill(section.head, section.rows, left=section.left, tips=tips)
        self.setAccessibleDescription(section.note)

    def _set_head(self, head: Sequence[str], left: int, tips: Sequence[str]) -> None:
        self.clear()
        self.setColumnCount(len(head))
        for column, text in enumerate(head):
            item = QTableWidgetItem(text)
            item.setTextAlignment(_LEFT if column < left else _RIGHT)
            if tips:
                item.setToolTip(tips[column])
            self.setHorizontalHeaderItem(column, item)

    def _fit(self) -> None:
        if self._whole:
            rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
            self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 2)

    # ---------------------------------------------------------------- taken along

    def tsv(self) -> str:
        """What is selected, or everything; with its head."""
        chosen = sorted({index.row() for index in self.selectedIndexes()}) or range(self.rowCount())
        heads = [self.horizontalHeaderItem(column) for column in range(self.columnCount())]
        rows = [[item.text() if item is not None else "" for item in heads]]
        rows += [[self._text(row, column) for column in range(self.columnCount())] for row in chosen]
        return tsv(rows)

    def _text(self, row: int, column: int) -> str:
        item = self.item(row, column)
        return item.text() if item is not None else ""

    @Slot()
    def copy(self) -> None:
        QApplication.clipboard().setText(self.tsv())


class TwoLines(QStyledItemDelegate):
    """The number with what stands beside it, and below, quieter, the rest."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        style = QStyleOptionViewItem(option)
        self.initStyleOption(style, index)
        text, style.text = style.text, ""
        widget = style.widget
        (widget.style() if widget else QApplication.style()).drawControl(
            QStyle.ControlElement.CE_ItemViewItem, style, painter, widget
        )
        chosen = bool(style.state & QStyle.StateFlag.State_Selected)
        roles = QPalette.ColorRole
        ink = style.palette.color(roles.HighlightedText if chosen else roles.Text)
        muted = ink if chosen else style.palette.color(roles.PlaceholderText)
        font = QFont(style.font)
        if index.data(_STRONG):
            font.setWeight(QFont.Weight.DemiBold)
        area = QRectF(style.rect).adjusted(8, 3, -8, -3)
        detail = str(index.data(_DETAIL) or "")
        upper = QRectF(area)
        if detail:
            upper.setHeight(area.height() / 2)
        lower = upper.translated(0, upper.height())
        side = Qt.AlignmentFlag.AlignLeft if index.column() == 0 else Qt.AlignmentFlag.AlignRight
        flags = side | Qt.AlignmentFlag.AlignVCenter
        painter.save()
        painter.setPen(muted)
        painter.setFont(style.font)
        quiet = str(index.data(_QUIET) or "")
        painter.drawText(upper, flags, quiet)
        upper.setRight(upper.right() - (painter.fontMetrics().horizontalAdvance(f" {quiet}") if quiet else 0))
        painter.setPen(ink)
        painter.setFont(font)
        painter.drawText(upper, flags, text)
        painter.setPen(muted)
        painter.setFont(theme.caption_font(style.font))
        painter.drawText(lower, flags, detail)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        metrics = option.fontMetrics
        first = f"{index.data()} {index.data(_QUIET) or ''}"
        wide = max(metrics.horizontalAdvance(text) for text in (first, str(index.data(_DETAIL) or "")))
        return QSize(wide + 24, LINE_PX)


class MainTable(FactTable):
    """Table 1: two lines a cell; copied with a column for every number."""

    def __init__(self, name: str) -> None:
        super().__init__(name, whole=True)
        self.setItemDelegate(TwoLines(self))
        self.setAlternatingRowColors(True)
        self.verticalHeader().setDefaultSectionSize(LINE_PX)
        self._copied = ""

    def show_lines(
        self, heads: Sequence[str], tips: Sequence[str], lines: Sequence[Line], copied: str
    ) -> None:
        """``copied``: what Ctrl+C takes along."""
        self._copied = copied
        self._set_head(("", *heads), 1, ("", *tips))
        self.setRowCount(len(lines))
        for row, line in enumerate(lines):
            self._put(row, 0, line.name, "", line.detail, line)
            for column, entry in enumerate(line.entries, 1):
                self._put(row, column, entry.share, entry.interval, entry.detail, line)
        header = self.horizontalHeader()
        for column in range(1, self.columnCount()):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def _put(self, row: int, column: int, text: str, quiet: str, detail: str, line: Line) -> None:
        item = QTableWidgetItem(text)
        item.setData(_QUIET, quiet)
        item.setData(_DETAIL, detail)
        item.setData(_STRONG, line.strong)
        item.setToolTip(line.about)
        spoken = ", ".join(part for part in (text, quiet, detail) if part)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
        self.setItem(row, column, item)

    def tsv(self) -> str:
        return self._copied
