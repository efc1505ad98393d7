"""Read-only tables of exact numbers: right-aligned, walked by keys, copied as TSV."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QAction, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QPalette
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
from sier_gui.gui.modes.study.parts import strong

ROW_PX, LINE_PX = 24, 40
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_DETAIL = Qt.ItemDataRole.UserRole
_BESIDE = Qt.ItemDataRole.UserRole + 1  # the interval at the share
_PAD = 4


class CellPainter(QStyledItemDelegate):
    """The text with what stands beside it and, below and quieter, the rest; room at both sides."""

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
        detail, beside = str(index.data(_DETAIL) or ""), str(index.data(_BESIDE) or "")
        area = QRectF(style.rect).adjusted(_PAD, 3, -_PAD, -3)
        upper = QRectF(area)
        if detail:
            upper.setHeight(area.height() / 2)
        flags = style.displayAlignment
        painter.save()
        if beside:
            painter.setPen(muted)
            painter.setFont(option.font)
            painter.drawText(upper, flags, beside)
            upper.setRight(upper.right() - painter.fontMetrics().horizontalAdvance(f" {beside}"))
        painter.setPen(ink)
        painter.setFont(style.font)
        fits = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(upper.width()) + 1)
        painter.drawText(upper, flags, fits)
        if detail:
            painter.setPen(muted)
            painter.setFont(theme.caption_font(option.font))
            painter.drawText(area.adjusted(0, area.height() / 2, 0, 0), flags, detail)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        style = QStyleOptionViewItem(option)
        self.initStyleOption(style, index)
        detail = str(index.data(_DETAIL) or "")
        first = f"{style.text} {index.data(_BESIDE) or ''}".strip()
        wide = style.fontMetrics.horizontalAdvance(first)
        if detail:
            caption = QFontMetrics(theme.caption_font(option.font))
            wide = max(wide, caption.horizontalAdvance(detail))
        return QSize(wide + 2 * _PAD + 2, LINE_PX if detail else ROW_PX)


class FactTable(QTableWidget):
    """Rows of text. With ``whole`` it is as high as its rows: the page around it scrolls.

    Without ``wide`` it is no wider than its columns.
    """

    def __init__(
        self, name: str, *, whole: bool = False, wide: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(0, 0, parent)
        self._whole, self._wide = whole, wide
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setCornerButtonEnabled(False)
        self.setWordWrap(False)
        self.setItemDelegate(CellPainter(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        if whole:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        copy = QAction("Copy as a Table", self)
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
        wide: int = -1,
    ) -> None:
        """``left``: how many columns hold words, others are flush right; ``wide`` takes what room is left."""
        self._set_head(head, left, tips)
        self.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_LEFT if column < left else _RIGHT)
                self.setItem(row, column, item)
        self._fit([wide] if wide >= 0 else [])

    def show_section(self, section: Section) -> None:
        tips = [section.note] * len(section.head)
        self.fill(section.head, section.rows, left=section.left, tips=tips)
        self.setAccessibleDescription(section.note)

    def _set_head(self, head: Sequence[str], left: int, tips: Sequence[str]) -> None:
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.clear()
        self.setColumnCount(len(head))
        for column, text in enumerate(head):
            item = QTableWidgetItem(text)
            item.setTextAlignment(_LEFT if column < left else _RIGHT)
            if tips:
                item.setToolTip(tips[column])
            self.setHorizontalHeaderItem(column, item)

    def _fit(self, stretched: Sequence[int]) -> None:
        """Columns as wide as what they hold, measured once and not with each cell."""
        self.resizeColumnsToContents()
        header = self.horizontalHeader()
        for column in range(self.columnCount()):
            wide = column in stretched
            mode = QHeaderView.ResizeMode.Stretch if wide else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(column, mode)
        if self._whole:
            rows = sum(self.rowHeight(row) for row in range(self.rowCount()))
            self.setFixedHeight(self.horizontalHeader().sizeHint().height() + rows + 2)
            if not self._wide:
                self.setMaximumWidth(self.horizontalHeader().length() + 2)

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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's own copy would take one cell's text."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            event.accept()
            return
        super().keyPressEvent(event)

    @Slot()
    def copy(self) -> None:
        QApplication.clipboard().setText(self.tsv())


class MainTable(FactTable):
    """Table 1: two lines a cell; copied with a column for every number."""

    def __init__(self, name: str) -> None:
        super().__init__(name, whole=True)
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
        self._fit(range(1, self.columnCount()))

    def _put(self, row: int, column: int, text: str, beside: str, detail: str, line: Line) -> None:
        item = QTableWidgetItem(text)
        item.setTextAlignment(_RIGHT if column else _LEFT)
        item.setData(_BESIDE, beside)
        item.setData(_DETAIL, detail)
        if line.strong:
            item.setFont(strong(self.font()))
        item.setToolTip(line.about)
        spoken = ", ".join(part for part in (text, beside, detail) if part)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
        self.setItem(row, column, item)

    def tsv(self) -> str:
        return self._copied
