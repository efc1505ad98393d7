"""Parts of the provenance dialog: one network's answer as bars, and classes before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.widgets import track_colour

if TYPE_CHECKING:
    from sier_gui.core.construct.pipeline.provenance import Change, Heard

_ROW_PX = 20
_COLUMNS = ("", "now", "then", "change", "share")
_TIPS = (
    "Classes, what has no label, and the modality that decided",
    "Samples, and their share, in the table that is open",
    "Samples, and their share, by the rule chosen",
    "How many more or fewer",
    "Share now (grey) above the share by the rule chosen",
)
_BAR = 4
_SHARES = Qt.ItemDataRole.UserRole  # (now, then) in [0, 1]


class AnswerBars(QWidget):
    """What one network answered: its classes with their probabilities, and what they count as."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""
        self._heard: Heard | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_answer(self, title: str, said: Heard) -> None:
        self._title = f"{title} by {said.release}" if said.release else title
        self._heard = said
        values = ", ".join(f"{name} {p:.2f}" for name, p in zip(self.names(), said.values, strict=True))
        self.setAccessibleName(self._title)
        self.setAccessibleDescription(values)
        self.setToolTip(values)
        self.updateGeometry()
        self.update()

    def names(self) -> list[str]:
        """Each class, with what it counts as where that is something else."""
        said = self._heard
        if said is None:
            return []
        return [
            name if counts == name else f"{name} → {counts or 'no class'}"
            for name, counts in zip(said.classes, said.counts_as, strict=True)
        ]

    def note(self) -> str:
        """The maximum after mapping, where that is not simply the largest bar."""
        said = self._heard
        if said is None or said.classes == tuple(said.mapped) or not said.mapped:
            return ""
        best = max(said.mapped, key=said.mapped.__getitem__)
        return f"counted together: {best} {said.mapped[best]:.2f}"

    def sizeHint(self) -> QSize:
        rows = len(self.names()) + 1 + bool(self.note())
        return QSize(320, rows * self._row())

    def minimumSizeHint(self) -> QSize:
        return QSize(240, self.sizeHint().height())

    def _row(self) -> int:
        return max(_ROW_PX, self.fontMetrics().height() + 4)

    def paintEvent(self, _event: QPaintEvent) -> None:
        said = self._heard
        if said is None:
            return
        painter = QPainter(self)
        palette, row, metrics = self.palette(), self._row(), self.fontMetrics()
        text, muted = (
            palette.color(role)
            for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.PlaceholderText)
        )
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(muted)
        title = metrics.elidedText(self._title, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(QRectF(0, 0, self.width(), row), middle, title)
        names = self.names()
        wide = min(max(metrics.horizontalAdvance(name) for name in names) + 12, self.width() // 2)
        number = metrics.horizontalAdvance("0.00") + 8
        for i, (name, counts, p) in enumerate(zip(names, said.counts_as, said.values, strict=True), start=1):
            painter.setPen(text if counts else muted)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, wide - 8)
            painter.drawText(QRectF(0, i * row, wide, row), middle, shown)
            track = QRectF(wide, i * row + 4, self.width() - wide - number, row - 8)
            painter.fillRect(track, track_colour(palette))
            colour = theme.class_colour(counts, tuple(said.mapped)) if counts else muted
            painter.fillRect(
                QRectF(track.left(), track.top(), track.width() * float(p), track.height()), colour
            )
            place = QRectF(track.right(), i * row, number, row)
            painter.drawText(place, middle | Qt.AlignmentFlag.AlignRight, f"{p:.2f}")
        if self.note():
            painter.setPen(muted)
            painter.drawText(QRectF(0, (len(names) + 1) * row, self.width(), row), middle, self.note())
        painter.end()


class SharesDelegate(QStyledItemDelegate):
    """The share now, and below it the share then."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        shares = index.data(_SHARES)
        if not shares:
            return
        palette, area = option.palette, QRectF(option.rect).adjusted(8, 5, -8, -5)
        half = area.height() / 2
        colours = (
            palette.color(QPalette.ColorRole.PlaceholderText),
            palette.color(QPalette.ColorRole.Accent),
        )
        painter.save()
        painter.fillRect(area, track_colour(palette))
        for i, (share, colour) in enumerate(zip(shares, colours, strict=True)):
            bar = QRectF(area.left(), area.top() + i * half, area.width() * share, half)
            painter.fillRect(bar, colour)
        painter.restore()


class ChangeTable(QTableWidget):
    """Samples by class, without a label, and by deciding modality: now, and by the rule chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        for i, (text, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(i, item)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(_ROW_PX)
        self.verticalHeader().setDefaultSectionSize(_ROW_PX + 4)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Samples by class, now and by the rule chosen")
        self.setItemDelegateForColumn(_BAR, SharesDelegate(self))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_BAR, QHeaderView.ResizeMode.Stretch)

    def show_change(self, change: Change, total: int) -> None:
        """``total``: of all candidates, which those without a label are shares of."""
        now, then = sum(change.before.values()), sum(change.after.values())
        rows = [(name, change.before[name], change.after[name], now, then) for name in change.before]
        rows.append(("no label", total - now, total - then, total, total))
        rows += [
            (f"decided by {m}", change.decided_before[m], change.decided_after[m], now, then)
            for m in change.decided_before
        ]
        self.setRowCount(len(rows))
        for i, (name, a, b, whole_a, whole_b) in enumerate(rows):
            shares = (a / whole_a if whole_a else 0.0, b / whole_b if whole_b else 0.0)
            texts = (name, _counted(a, shares[0]), _counted(b, shares[1]), _signed(b - a), "")
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if column == _BAR:
                    item.setData(_SHARES, shares)
                    item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{shares[0]:.1%}, then {shares[1]:.1%}")
                elif name == "no label":
                    item.setFont(_slanted(self.font()))
                self.setItem(i, column, item)
        height = self.horizontalHeader().sizeHint().height() + len(rows) * (_ROW_PX + 4) + 2
        self.setFixedHeight(height)


def _slanted(font: QFont) -> QFont:
    slanted = QFont(font)
    slanted.setItalic(True)
    return slanted


def _counted(count: int, share: float) -> str:
    return f"{count:,} ({share:.1%})"


def _signed(count: int) -> str:
    return f"{count:+,}".replace("-", "−") if count else "0"
