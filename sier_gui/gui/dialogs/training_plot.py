"""Curves over epochs."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette, QPen
from PySide6.QtWidgets import QWidget

from sier_gui.gui import theme

# each with a line of its own for other colour vision; the first is the accent's
_STYLES = (
    ("", Qt.PenStyle.SolidLine),
    (theme.SERIES[0], Qt.PenStyle.DashLine),
    (theme.SERIES[1], Qt.PenStyle.DashDotLine),
)


class EpochPlot(pg.PlotWidget):
    """Up to three curves; a point for each epoch, so that a single one is seen.

    ``corner``: where the legend lies, from the right and from the top or (negative) the bottom.
    """

    def __init__(self, name: str, corner: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self._name = name
        self._curves: dict[str, pg.PlotDataItem] = {}
        self.setAccessibleName(name)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(260, 200)
        self.setLabel("bottom", "epoch")
        self.plotItem.layout.setContentsMargins(0, 0, 12, 0)  # room for half of the last number
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.legend = self.addLegend(offset=corner, labelTextSize="8pt")
        self._colour()

    def show_curves(self, name: str, curves: dict[str, list[float]]) -> None:
        """``curves``: name in the legend → a value for each epoch, from the first; all of one length."""
        if name != self._name:
            self._name = name
            self.setAccessibleName(name)
            self._colour()
        if list(self._curves) != list(curves):
            self._make(list(curves))
        count = max((len(values) for values in curves.values()), default=0)
        for words, values in curves.items():
            self._curves[words].setData(list(range(1, len(values) + 1)), values)
        # whole epochs only, however few
        step = max(1, -(-count // 8))
        ticks = [(epoch, str(epoch)) for epoch in range(1, count + 1) if (epoch - 1) % step == 0]
        self.getAxis("bottom").setTicks([ticks])
        self.setXRange(0.7, max(count, 2) + 0.3, padding=0)

    def values(self) -> dict[str, list[float]]:
        """What is drawn, for those who look by program."""
        drawn = {words: curve.getData()[1] for words, curve in self._curves.items()}
        return {words: [] if y is None else [float(value) for value in y] for words, y in drawn.items()}

    def _make(self, names: list[str]) -> None:
        self.legend.clear()
        for curve in self._curves.values():
            self.removeItem(curve)
        self._curves = {}
        for number, words in enumerate(names):
            pen = self._pen(number)
            curve = self.plot([], [], pen=pen, name=words, symbol="o", symbolSize=5)
            curve.setZValue(-number)  # the first on top
            self._curves[words] = curve
        self._colour()

    def _pen(self, number: int) -> QPen:
        colour, style = _STYLES[number % len(_STYLES)]
        accent = self.palette().color(QPalette.ColorRole.Accent).name()
        return pg.mkPen(QColor(colour or accent), width=2, style=style)

    def _colour(self) -> None:
        palette = self.palette()
        self.setBackground(palette.color(palette.ColorRole.Window))
        text = palette.color(palette.ColorRole.WindowText)
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(palette.color(palette.ColorRole.Mid))
            axis.setTextPen(text)
        self.setTitle(self._name, size="10pt", color=text.name())
        veil = palette.color(palette.ColorRole.Window)
        veil.setAlpha(200)  # lines shine through, letters stay readable
        self.legend.setBrush(veil)
        self.legend.setLabelTextColor(text)
        for number, curve in enumerate(self._curves.values()):
            pen = self._pen(number)
            curve.setPen(pen)
            curve.setSymbolPen(pen.color())
            curve.setSymbolBrush(pen.color())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "legend"):
            self._colour()
