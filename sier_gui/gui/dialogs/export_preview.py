"""What will be written, in its true size or larger."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QPalette, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from sier_gui.gui.widgets import ChoiceBox

ZOOMS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_USUAL_DPI = 96.0


class ExportPreview(QWidget):
    """A picture of the figure, ``dpi`` dots to the inch of the paper; the workflow draws it."""

    zoomed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName("Preview of the figure")
        self.picture.setWordWrap(True)
        self.picture.setMargin(8)
        self.area = QScrollArea()
        self.area.setWidget(self.picture)
        self.area.setWidgetResizable(True)
        self.area.setBackgroundRole(QPalette.ColorRole.Mid)
        self.area.setAccessibleName("Preview")
        self.zoom = ChoiceBox("zoom", tuple((_zoom_text(z), z) for z in ZOOMS))
        self.zoom.show_value(1.0)
        self.zoom.setAccessibleName("Zoom")
        self.zoom.chosen.connect(self._on_zoom)
        self.zoom.setSizePolicy(self.zoom.sizePolicy().Policy.Fixed, self.zoom.sizePolicy().Policy.Fixed)
        self.told = QLabel()
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.told, 1)
        foot.addWidget(QLabel("Zoom"))
        foot.addWidget(self.zoom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.area, 1)
        layout.addLayout(foot)

    def dpi(self) -> int:
        """Dots per inch that give the zoom on this screen."""
        screen = self.screen()
        true = screen.physicalDotsPerInch() if screen is not None else _USUAL_DPI
        if not 50 <= true <= 400:  # a screen that does not know its size
            true = _USUAL_DPI
        return round(true * float(self.zoom.currentData()) * self.devicePixelRatioF())

    def show_picture(self, png: bytes) -> None:
        pixmap = QPixmap()
        pixmap.loadFromData(png, "PNG")
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        self.picture.setPixmap(pixmap)

    def show_words(self, text: str) -> None:
        """Instead of a picture."""
        self.picture.setText(text)

    def tell(self, text: str) -> None:
        self.told.setText(text)

    @Slot(str, object)
    def _on_zoom(self, _option: str, _value: object) -> None:
        self.zoomed.emit()

    @Slot()
    def step(self, by: int) -> None:
        """The next larger or smaller zoom."""
        at = min(max(self.zoom.currentIndex() + by, 0), self.zoom.count() - 1)
        if at != self.zoom.currentIndex():
            self.zoom.setCurrentIndex(at)
            self.zoomed.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.zoomed.emit()


def _zoom_text(zoom: float) -> str:
    return "true size" if zoom == 1 else f"{zoom:.0%}"
