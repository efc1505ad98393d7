"""Points that a design detects, over its number of raters."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette, QPen
from PySide6.QtWidgets import QWidget

from sier_gui.gui import theme

_HIGHEST = 30.0  # points; what detects less is no plan


class DetectionPlot(pg.PlotWidget):
    """Two curves, and where the design stands on them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        self.setAccessibleName("Points detected over the number of raters")
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumSize(320, 200)
        self.setLabel("bottom", "raters")
        self.setLabel("left", "points detected")
        self.plotItem.layout.setContentsMargins(0, 8, 12, 0)  # room for half of the last numbers
        for side in ("left", "bottom"):
            self.getAxis(side).enableAutoSIPrefix(False)
        self.legend = self.addLegend(offset=(-8, 8), labelTextSize="9pt")
        self.clustered = self.plot([], [], name="with the design effect")
        self.independent = self.plot([], [], name="were responses independent")
        self._here = pg.InfiniteLine(angle=90)
        self.addItem(self._here)
        self._colour()

    def show_curves(
        self, raters: Sequence[int], before: Sequence[float], after: Sequence[float], here: int
    ) -> None:
        """``before``, ``after`` the design effect, in points; ``here``: raters of this design."""
        self.independent.setData(list(raters), list(before))
        self.clustered.setData(list(raters), list(after))
        self._here.setPos(here)
        self.setXRange(0, raters[-1], padding=0.02)
        self.setYRange(0, _HIGHEST, padding=0)
        self.setAccessibleDescription(f"The upright line: {here} raters, as asked about.")

    def _colour(self) -> None:
        palette = self.palette()
        roles = QPalette.ColorRole
        text = palette.color(roles.WindowText)
        self.setBackground(palette.color(roles.Window))
        for side in ("left", "bottom"):
            axis = self.getAxis(side)
            axis.setPen(palette.color(roles.Mid))
            axis.setTextPen(text)
            axis.setStyle(tickFont=theme.caption_font(self.font()))
        self.clustered.setPen(_pen(palette.color(roles.Accent), Qt.PenStyle.SolidLine, 2))
        self.independent.setPen(_pen(QColor(theme.SERIES[0]), Qt.PenStyle.DashLine, 2))
        self._here.setPen(_pen(palette.color(roles.PlaceholderText), Qt.PenStyle.DotLine, 1))
        self.legend.setLabelTextColor(text)
        for _sample, label in self.legend.items:
            label.setText(label.text, color=text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "legend"):
            self._colour()


def _pen(colour: QColor, style: Qt.PenStyle, width: int) -> QPen:
    return pg.mkPen(colour, width=width, style=style)
