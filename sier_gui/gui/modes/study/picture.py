"""The report's figure, drawn elsewhere: shown as wide as the page, light whatever the theme."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sier_gui.gui.widgets import paint_notice

_HEIGHT = 160  # while there is none
_WIDEST = 920  # its words as large as the page's


class FigureView(QWidget):
    """As high as its width asks; never larger than drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._notice = ("", "")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Figure of Table 1")
        self.show_notice("Drawing the figure …", "")

    def show_notice(self, title: str, hint: str) -> None:
        """In place of the figure: that it is being drawn, or why it cannot be."""
        self._image, self._notice = QImage(), (title, hint)
        self.setAccessibleDescription(f"{title} {hint}".strip())
        self.updateGeometry()
        self.update()

    def show_png(self, data: bytes, description: str) -> None:
        self._image = QImage.fromData(data)
        self.setAccessibleDescription(description)
        self.updateGeometry()
        self.update()

    @property
    def shown(self) -> bool:
        return not self._image.isNull()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if self._image.isNull():
            return _HEIGHT
        wide = min(width, _WIDEST)
        return round(wide * self._image.height() / self._image.width())

    def sizeHint(self) -> QSize:
        width = self._image.width() or 640
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 80)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image.isNull():
            paint_notice(painter, self.rect(), *self._notice, self.palette())
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            wide = min(self.width(), _WIDEST)
            size = QSize(wide, self.heightForWidth(wide))
            ratio = self.devicePixelRatioF()
            scaled = self._image.scaled(
                size * ratio,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            painter.drawImage(QRect(0, 0, size.width(), size.height()), scaled)
        painter.end()
