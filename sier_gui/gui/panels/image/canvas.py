"""The picture itself, painted with its overlay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from sier_gui.core.domain import PixelMap, Selection
from sier_gui.core.images.patches import patch_rectangles
from sier_gui.gui import selecting
from sier_gui.gui.widgets import hatch, paint_notice

_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class PictureCanvas(QWidget):
    """Paints picture, overlay and patch cursor; speaks in picture pixels and knows no state."""

    pointed = Signal(object)  # (x, y) in picture pixels, or None when the pointer left
    stepped = Signal(int, int)  # rows, columns the patch cursor should move
    selected = Signal(object)  # Selection | None, while it is dragged
    nudged = Signal(int, int, bool)  # steps to the right and down, by key; whether it grows instead of moving
    dismissed = Signal()  # Escape

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: NDArray[np.uint8] | None = None
        self._pixels: PixelMap | None = None
        self._scaled: QImage | None = None  # picture at screen size; repainting then only copies
        self._grey: QImage | None = None
        self._patches: NDArray[np.uint8] | None = None
        self._hatched: NDArray[np.bool_] | None = None
        self._opacity = 0.0
        self._grid: tuple[int, int] | None = None
        self._cursor: tuple[int, int] | None = None
        self._pressed: QPointF | None = None  # where a drag may have begun
        self._dragging = False
        self._selection: Selection | None = None
        self._removed: tuple[Selection, ...] = ()
        self._notice = ("", "")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)

    def sizeHint(self) -> QSize:
        return QSize(520, 420)

    def show_picture(self, picture: NDArray[np.uint8] | None, pixels: PixelMap | None) -> None:
        """``picture``: uint8 (height, width, 3); ``pixels`` says which part the network saw."""
        self._picture, self._pixels = picture, pixels
        self._scaled = self._grey = None
        self.update()

    def show_notice(self, title: str, hint: str) -> None:
        """Words instead of a picture."""
        self._notice = (title, hint)
        self.setAccessibleDescription(f"{title} {hint}".strip())
        self.show_picture(None, None)

    def show_patches(
        self, rgba: NDArray[np.uint8] | None, opacity: float, hatched: NDArray[np.bool_] | None = None
    ) -> None:
        """``rgba``: uint8 (rows, columns, 4), None for no overlay; ``opacity`` in [0, 1] scales its alpha.

        ``hatched`` (rows, columns): patches whose sign is not settled; the lines keep their strength.
        """
        self._patches, self._opacity, self._hatched = rgba, opacity, hatched
        self.update()

    def set_cursor(self, cursor: tuple[int, int] | None, grid: tuple[int, int] | None) -> None:
        """Outline one patch of a (rows, columns) grid."""
        if (cursor, grid) != (self._cursor, self._grid):
            self._cursor, self._grid = cursor, grid
            self.update()

    def show_marks(self, selection: Selection | None, removed: Sequence[Selection] = ()) -> None:
        """Mark what is selected, and veil what is taken away; all of them boxes."""
        if (selection, tuple(removed)) != (self._selection, self._removed):
            self._selection, self._removed = selection, tuple(removed)
            self.update()

    def scene_rectangle(self) -> QRectF:
        """What is shown, in picture pixels: the picture, and the padding the network saw beyond it."""
        if self._picture is None:
            return QRectF()
        height, width = self._picture.shape[:2]
        scene = QRectF(0, 0, width, height)
        return scene if self._pixels is None else scene.united(_seen(self._pixels))

    def scale(self) -> float:
        """Screen points per picture pixel."""
        scene = self.scene_rectangle()
        return min((self.width() - 8) / scene.width(), (self.height() - 8) / scene.height())

    def to_screen(self, area: QRectF) -> QRectF:
        """Picture pixels → widget coordinates."""
        scene, scale = self.scene_rectangle(), self.scale()
        left = (self.width() - scene.width() * scale) / 2 - scene.left() * scale
        top = (self.height() - scene.height() * scale) / 2 - scene.top() * scale
        return QRectF(
            left + area.left() * scale, top + area.top() * scale, area.width() * scale, area.height() * scale
        )

    def to_picture(self, point: QPointF) -> tuple[float, float]:
        """Widget coordinates → picture pixels."""
        origin, scale = self.to_screen(QRectF(0, 0, 1, 1)).topLeft(), self.scale()
        return (point.x() - origin.x()) / scale, (point.y() - origin.y()) / scale

    # events

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._scaled = self._grey = None
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._picture is not None:
            self._pressed, self._dragging = event.position(), False
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._picture is None:
            return
        self.pointed.emit(self.to_picture(event.position()))
        if self._pressed is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moved = (event.position() - self._pressed).manhattanLength()
        self._dragging = self._dragging or moved >= QApplication.startDragDistance()
        if self._dragging:
            height, width = self._picture.shape[:2]
            corners = self.to_picture(self._pressed), self.to_picture(event.position())
            self.selected.emit(selecting.box(*corners, width, height))

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step, nudge = _STEPS.get(Qt.Key(event.key())), selecting.key_step(event)
        if event.key() == Qt.Key.Key_Escape and (self._selection or self._cursor) is not None:
            self.dismissed.emit()
        elif nudge is not None:
            self.nudged.emit(*nudge)
        elif step is not None and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.stepped.emit(*step)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusOutEvent(event)

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._picture is None:
            paint_notice(painter, self.rect(), *self._notice, self.palette())
        else:
            self._paint_picture(painter)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_picture(self, painter: QPainter) -> None:
        assert self._picture is not None
        height, width = self._picture.shape[:2]
        frame = self.to_screen(QRectF(0, 0, width, height))
        seen = self.to_screen(_seen(self._pixels)) if self._pixels is not None else frame
        if not frame.contains(seen.adjusted(1, 1, -1, -1)):
            painter.fillRect(seen, QColor("black"))  # the padding, as the network saw it
        painter.drawImage(frame, self._screen_picture(frame))
        self._dim_unseen(painter, frame, seen)
        if self._patches is not None and self._pixels is not None:
            self._paint_patches(painter, self._patches, self._pixels)
        if self._cursor is not None and self._grid is not None and self._pixels is not None:
            self._paint_cursor(painter, self._pixels, self._grid, self._cursor)
        self._paint_marks(painter)

    def _screen_picture(self, frame: QRectF) -> QImage:
        if self._scaled is None:
            assert self._picture is not None
            self._scaled = _scaled(self._picture, frame.size().toSize() * self.devicePixelRatioF())
            self._scaled.setDevicePixelRatio(self.devicePixelRatioF())
        if self._patches is None:
            return self._scaled
        if self._grey is None:
            grey = self._scaled.convertToFormat(QImage.Format.Format_Grayscale8)
            self._grey = grey.convertToFormat(QImage.Format.Format_RGB32)  # the screen's own: fast to copy
        return self._grey

    def _dim_unseen(self, painter: QPainter, frame: QRectF, seen: QRectF) -> None:
        veil = self.palette().color(QPalette.ColorRole.Window)
        veil.setAlpha(185)
        painter.setClipRegion(QRegion(frame.toRect()).subtracted(QRegion(seen.toRect())))
        painter.fillRect(frame, veil)
        painter.setClipping(False)

    def _paint_patches(self, painter: QPainter, rgba: NDArray[np.uint8], pixels: PixelMap) -> None:
        """One rectangle each: scaling an image of patches would put borders a pixel or two off."""
        origin = self.to_screen(QRectF(0, 0, 1, 1)).topLeft()
        rows, columns = rgba.shape[:2]
        shift = np.tile([origin.x(), origin.y()], 2)
        corners = patch_rectangles(rows, columns, pixels) * self.scale() + shift
        whole = np.rint(corners).astype(int).reshape(-1, 4).tolist()
        for (left, top, right, bottom), colour in zip(whole, rgba.reshape(-1, 4).tolist(), strict=True):
            red, green, blue, alpha = colour
            fill = QColor(red, green, blue, round(alpha * self._opacity))
            painter.fillRect(left, top, right - left, bottom - top, fill)
        if self._hatched is not None:
            for i in np.flatnonzero(self._hatched):
                left, top, right, bottom = whole[i]
                hatch(painter, QRectF(left, top, right - left, bottom - top))

    def _paint_marks(self, painter: QPainter) -> None:
        accent = self.palette().color(QPalette.ColorRole.Accent)
        veil = self.palette().color(QPalette.ColorRole.Window)
        veil.setAlpha(225)
        for selection in self._removed:
            painter.setPen(QPen(accent, 1, Qt.PenStyle.DotLine))
            painter.setBrush(veil)
            painter.drawRect(self.to_screen(_area(selection)))
        if self._selection is not None:
            tint = QColor(accent)
            tint.setAlpha(44)
            area = self.to_screen(_area(self._selection))
            painter.setPen(QPen(QColor("white"), 3))  # seen on a dark picture too
            painter.setBrush(tint)
            painter.drawRect(area)
            painter.setPen(QPen(accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area)

    def _paint_cursor(
        self, painter: QPainter, pixels: PixelMap, grid: tuple[int, int], cursor: tuple[int, int]
    ) -> None:
        left, top, right, bottom = patch_rectangles(*grid, pixels)[cursor]
        patch = self.to_screen(QRectF(left, top, right - left, bottom - top))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # black around white: visible on any picture
        painter.setPen(QPen(QColor("black"), 3))
        painter.drawRect(patch)
        painter.setPen(QPen(QColor("white"), 1))
        painter.drawRect(patch)


def _area(selection: Selection) -> QRectF:
    left, top = selection.left, selection.top
    return QRectF(left, top, selection.right - left, selection.bottom - top)


def _seen(pixels: PixelMap) -> QRectF:
    """The network's square in picture pixels."""
    left, top = pixels.to_picture(0, 0)
    right, bottom = pixels.to_picture(pixels.size, pixels.size)
    return QRectF(left, top, right - left, bottom - top)


def _scaled(picture: NDArray[np.uint8], size: QSize) -> QImage:
    """Smoothly scaled to ``size`` device pixels; big pictures are thinned first, which costs a tenth."""
    height, width = picture.shape[:2]
    size = size.expandedTo(QSize(1, 1))
    thin = max(1, min(width // (2 * size.width()), height // (2 * size.height())))
    data = np.ascontiguousarray(picture[::thin, ::thin])
    height, width = data.shape[:2]
    image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    ignore, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    return image.convertToFormat(QImage.Format.Format_RGB32).scaled(size, ignore, smooth)
