"""The map with what belongs to it: which map, what the colours mean, what the pointer is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.panels.overview.map import MapView
from sier_gui.gui.panels.overview.spots import rgb
from sier_gui.gui.state import AppState, Picked
from sier_gui.gui.widgets import ChoiceBox, ElidedLabel

if TYPE_CHECKING:
    from sier_gui.core.overview.picking import Points
    from sier_gui.core.overview.projection import Layout
    from sier_gui.core.tasks import Progress

METHODS = (("PCA", "PCA"), ("UMAP", "UMAP"), ("t-SNE", "t-SNE"))
COLOURINGS = (
    ("label", "label"),
    ("prediction", "predicted"),
    ("right or wrong", "right"),
)
THUMBNAIL_PX = 96
LEGEND_PX = 148
_NONE = "other or none"


class Card(QFrame):
    """What the pointer is on: its picture, id, label and prediction."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.ToolTipBase)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.picture, self.text = QLabel(), QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(self.picture)
        row.addWidget(self.text)
        self.hide()

    def show_facts(self, text: str, at: QPoint) -> None:
        self.picture.clear()
        self.picture.hide()
        self.text.setText(text)
        self._place(at)

    def show_picture(self, picture: NDArray[np.uint8]) -> None:
        """uint8 (h, w, 3)."""
        data = np.ascontiguousarray(picture)
        height, width = data.shape[:2]
        image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.picture.setPixmap(QPixmap.fromImage(image))
        self.picture.show()
        self._place(self._at)

    def _place(self, at: QPoint) -> None:
        self._at = at
        self.adjustSize()
        holder = self.parentWidget()
        assert holder is not None
        room = holder.size()
        x = at.x() + 16 if at.x() + 16 + self.width() < room.width() else at.x() - 16 - self.width()
        y = min(max(at.y() - self.height() // 2, 4), max(room.height() - self.height() - 4, 4))
        self.move(max(x, 4), y)
        self.show()


class MapPanel(QWidget):
    """Listens to rows, row and predictions; tells which row is meant and which rows were picked."""

    method_wished = Signal(str)
    cancel_wished = Signal()
    row_hovered = Signal(int)  # −1: none
    row_opened = Signal(int)
    picked = Signal(object)  # Picked

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._layout: Layout | None = None
        self._codes: NDArray[np.uint8] = np.empty(0, np.uint8)
        self.view = MapView()
        self.card = Card(self.view)
        self.method = ChoiceBox("method", METHODS)
        self.method.setAccessibleName("Map")
        self.colouring = ChoiceBox("colouring", COLOURINGS)
        self.colouring.setAccessibleName("Colours by")
        self.words = ElidedLabel("", secondary=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(96, 8)
        self.bar.setAccessibleName("Progress of the map")
        self.cancel = QToolButton()
        self.cancel.setText("Cancel")
        self.cancel.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.legend = QVBoxLayout()
        self.legend.setContentsMargins(0, 0, 0, 0)
        self.legend.setSpacing(0)
        self._lay_out()
        self._connect()
        self.show_progress(None)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for box in (self.method, self.colouring):
            box.setSizeAdjustPolicy(box.SizeAdjustPolicy.AdjustToContents)
            box.setFixedWidth(124)
        top.addWidget(self.method)
        top.addWidget(QLabel("coloured by"))
        top.addWidget(self.colouring)
        top.addWidget(self.words, 1)
        top.addWidget(self.bar)
        top.addWidget(self.cancel)
        entries = QWidget()
        column = QVBoxLayout(entries)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.legend)
        column.addStretch(1)
        self.key = QScrollArea()  # however many classes there are
        self.key.setWidget(entries)
        self.key.setWidgetResizable(True)
        self.key.setFrameShape(QFrame.Shape.NoFrame)
        self.key.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.key.setFixedWidth(LEGEND_PX)
        self.key.setAccessibleName("What the colours mean")
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.view, 1)
        below.addWidget(self.key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addLayout(below, 1)

    def _connect(self) -> None:
        state, view = self._state, self.view
        self.method.chosen.connect(self._on_method)
        self.colouring.chosen.connect(self._on_colouring)
        self.cancel.clicked.connect(self.cancel_wished)
        view.hovered.connect(self._on_hovered)
        view.clicked.connect(self._on_clicked)
        view.opened.connect(self._on_opened)
        view.lassoed.connect(self._on_lassoed)
        state.rows_changed.connect(self._on_rows)
        state.row_changed.connect(self._on_row)
        state.predictions_changed.connect(self._on_predictions)

    # ---------------------------------------------------------------- what is shown

    def show_layout(self, layout: Layout, points: Points) -> None:
        """``points`` are those of ``layout``."""
        self._layout = layout
        self.method.show_value(layout.method)
        about = f"{len(layout.rows):,} samples"
        if layout.explained:
            shares = " + ".join(f"{100 * share:.0f}" for share in layout.explained)
            about += f" · {shares} % of the variance"
        self.words.set_text(about)
        self.view.show_points(points)
        self._colour()
        self._on_rows()
        self._on_row(self._state.row)

    def show_nothing(self, title: str, hint: str = "") -> None:
        self._layout = None
        self._clear_legend()
        self.words.set_text("")
        self.card.hide()
        self.view.show_nothing(title, hint)

    def show_progress(self, progress: Progress | None, words: str = "") -> None:
        """Of a map, or of what it is made from; None: nothing is under way."""
        for widget in (self.bar, self.cancel):
            widget.setVisible(progress is not None)
        if progress is not None:
            self.bar.setRange(0, 1000 if progress.total else 0)
            self.bar.setValue(round(1000 * progress.fraction))
            self.words.set_text(words or progress.text)

    @property
    def rows(self) -> NDArray[np.int64]:
        """(k,) the dataset's rows of the map's places."""
        return self._layout.rows if self._layout is not None else np.empty(0, np.int64)

    def _place_of(self, row: int) -> int:
        found = int(np.searchsorted(self.rows, row))
        return found if found < len(self.rows) and self.rows[found] == row else -1

    # ---------------------------------------------------------------- colours

    def _colour(self) -> None:
        table = self._state.predictions
        if self._layout is None or table is None or self.view.points is None:
            return
        kind, rows = self.colouring.currentData(), self.rows
        known = [(name, theme.class_colour(name, table.classes)) for name in table.classes]
        ground = theme.colours(self.palette()).muted
        labels, said = table.labels[rows], table.codes[rows]
        if kind == "right":
            wrong, right = (QColor(name) for name in theme.SERIES[:2])
            names = [("right", right), ("wrong", wrong), ("no label", ground)]
            codes = np.where((labels == -1) | (said < 0), 2, np.where(labels == said, 0, 1))
        else:
            names = [*known, (_NONE if kind == "label" else "not predicted", ground)]
            chosen = labels if kind == "label" else said
            codes = np.where(chosen >= 0, chosen, len(known))
        self._codes = codes.astype(np.uint8)
        self.view.colour(self._codes, np.array([rgb(c) for _, c in names], np.uint8))
        self._fill_legend(names)

    def _fill_legend(self, names: list[tuple[str, QColor]]) -> None:
        counts = np.bincount(self._codes, minlength=len(names)).tolist()
        wanted = [
            (i, name, colour, n) for i, ((name, colour), n) in enumerate(zip(names, counts, strict=True)) if n
        ]
        self._clear_legend()
        for i, name, colour, n in wanted:
            button = QToolButton()
            button.setText(f"{name} {n:,}")
            button.setIcon(_dot(colour))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAutoRaise(True)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setToolTip(f"Show these {n:,} samples in the table")
            button.setProperty("code", i)
            button.setProperty("name", name)
            button.clicked.connect(self._on_legend)
            self.legend.addWidget(button)

    def _clear_legend(self) -> None:
        while (item := self.legend.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    # ---------------------------------------------------------------- what the state says

    @Slot()
    def _on_rows(self) -> None:
        """What the table shows keeps its colour."""
        state = self._state
        if self._layout is None or state.dataset is None:
            return
        among = np.zeros(len(state.dataset), bool)
        among[state.rows] = True
        bright = among[self._layout.rows]
        self.view.brighten(None if bright.all() or not bright.any() else bright)

    @Slot(int)
    def _on_row(self, row: int) -> None:
        self.view.mark(self._place_of(row))

    @Slot()
    def _on_predictions(self) -> None:
        if self.isVisible():
            self._colour()

    # ---------------------------------------------------------------- what the user wishes

    @Slot(str, object)
    def _on_method(self, _option: str, method: str) -> None:
        self.method_wished.emit(method)

    @Slot()
    def _on_colouring(self) -> None:
        self._colour()

    @Slot(int)
    def _on_hovered(self, place: int) -> None:
        if place < 0 or self._layout is None:
            self.card.hide()
            self.row_hovered.emit(-1)
            return
        row = int(self._layout.rows[place])
        self.card.show_facts(self._facts(row), self.view.to_screen(place).toPoint())
        self.row_hovered.emit(row)

    def _facts(self, row: int) -> str:
        catalogue, table = self._state.dataset, self._state.predictions
        if catalogue is None:
            return ""
        lines = [catalogue.cell(row, "sample_id"), f"label {catalogue.cell(row, 'label').strip() or '–'}"]
        if table is not None and table.codes[row] >= 0:
            lines.append(f"sees {table.predicted[row]} {table.confidence[row]:.2f}")
        return "\n".join(lines)

    @Slot(int)
    def _on_clicked(self, place: int) -> None:
        if self._layout is not None:
            self._state.set_row(int(self._layout.rows[place]))

    @Slot(int)
    def _on_opened(self, place: int) -> None:
        if self._layout is not None:
            self.row_opened.emit(int(self._layout.rows[place]))

    @Slot(object)
    def _on_lassoed(self, places: NDArray[np.int64]) -> None:
        """The map answers within a frame, the table in the next one."""
        bright = np.zeros(len(self.rows), bool)
        bright[places] = True
        self.view.brighten(bright)
        self.view.repaint()
        self.picked.emit(Picked(self.rows[places], "drawn around on the map"))

    @Slot()
    def _on_legend(self) -> None:
        button = self.sender()
        assert isinstance(button, QToolButton)
        places = np.flatnonzero(self._codes == button.property("code"))
        kind = self.colouring.currentText()
        self.picked.emit(Picked(self.rows[places], f"{kind}: {button.property('name')}"))


def _dot(colour: QColor) -> QIcon:
    pixmap = QPixmap(10, 10)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(0, 0, 10, 10))
    painter.end()
    return QIcon(pixmap)
