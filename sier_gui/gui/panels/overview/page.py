"""The dataset as a whole: who is taken for whom, how often, where, and what deserves a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.overview.degree import DegreePanel
from sier_gui.gui.panels.overview.map_panel import MapPanel
from sier_gui.gui.panels.overview.matrix import HEAD, Matrix, MatrixView
from sier_gui.gui.panels.overview.shares import CalibrationView, SharesView
from sier_gui.gui.panels.overview.sides import SidesPanel
from sier_gui.gui.state import AppState
from sier_gui.gui.widgets import ElidedLabel

if TYPE_CHECKING:
    from sier_gui.core.dataset.query import Query
    from sier_gui.core.overview.summary import Summary

MAP, DEGREE, SIDES = range(3)


class DatasetPage(QWidget):
    """Upper half: confusion matrix, shares and calibration, what deserves a look. Below: map, modalities,
    two releases."""

    query_wished = Signal(object)  # Query: exactly these samples
    tab_shown = Signal(int)

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state, self._actions = state, actions
        self._summary: Summary | None = None
        self.title = ElidedLabel()
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        self.title.setFont(strong)
        self.warning = QLabel()
        self.warning.setFont(strong)
        self.warning.setWordWrap(True)
        self.warning.setForegroundRole(QPalette.ColorRole.BrightText)  # the theme's error colour
        self.warning.hide()
        self.matrix, self.shares, self.calibration = MatrixView(), SharesView(), CalibrationView()
        self.wrong, self.disagree = _link(), _link()
        self.suspects = _link()
        self.suspects.setDefaultAction(actions.action("overview.suspects"))
        self.doubt = QLabel()
        self.doubt.setWordWrap(True)
        self.doubt.setFont(theme.caption_font(self.font()))
        self.doubt.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.map, self.degree, self.sides = MapPanel(state), DegreePanel(), SidesPanel()
        self._lay_out()
        self.matrix.chosen.connect(self._on_cell)
        self.wrong.clicked.connect(self._on_wrong)
        self.disagree.clicked.connect(self._on_disagree)
        self.tabs.currentChanged.connect(self.tab_shown)
        self.show_nothing("Nothing is predicted yet.", "")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        save = QToolButton()
        self._actions.action("overview.export").setIconText("Save Figure…")
        save.setDefaultAction(self._actions.action("overview.export"))
        save.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        head.addWidget(save)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for panel, title in (
            (self.map, "Map"),
            (self.degree, "Modality degree"),
            (self.sides, "Two releases"),
        ):
            self.tabs.addTab(panel, title)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.setHandleWidth(8)
        halves.addWidget(self._made_upper())
        halves.addWidget(self.tabs)
        halves.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 4)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.warning)
        layout.addWidget(halves, 1)

    def _made_upper(self) -> QWidget:
        """Confusion matrix; shares, what deserves a look, calibration."""
        side = QVBoxLayout()
        side.setSpacing(4)
        side.addWidget(self.shares)
        below = QHBoxLayout()
        below.setSpacing(16)
        links = QVBoxLayout()
        links.setSpacing(4)
        for link in (self.wrong, self.disagree, self.suspects):
            links.addWidget(link)
        links.addWidget(self.doubt)
        links.addStretch(1)
        below.addLayout(links, 1)
        below.addWidget(self.calibration, 0, Qt.AlignmentFlag.AlignTop)
        side.addLayout(below, 1)
        upper = QWidget()
        row = QHBoxLayout(upper)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.matrix, 5)
        row.addLayout(side, 4)
        return upper

    # ---------------------------------------------------------------- what is shown

    def show_summary(self, summary: Summary, name: str, in_sample: int = 0) -> None:
        """``name``: the dataset by the release; ``in_sample``: how many samples that had learnt from."""
        self._summary = summary
        parts = [name, _known(summary)]
        if in_sample:
            parts.append(f"trained on {in_sample:,} of these" if in_sample < summary.total else "in-sample")
        if summary.accuracy is not None and summary.balanced_accuracy is not None:
            parts += [f"accuracy {summary.accuracy:.1%}", f"balanced {summary.balanced_accuracy:.1%}"]
        self.title.set_text(" · ".join(parts))
        self.matrix.show_matrix(
            Matrix(
                summary.rows,
                summary.columns,
                summary.confusion,
                summary.labels.tolist(),
                summary.predicted.tolist(),
                ("label · n", "predicted"),
                ("label", "predicted"),
            )
        )
        self.shares.show_summary(summary)
        self.shares.show()
        self.calibration.show_summary(summary)
        wrong = summary.judged - summary.right
        _say(self.wrong, wrong, f"{wrong:,} wrong predictions")
        _say(self.disagree, summary.disagreeing, f"{summary.disagreeing:,} modalities disagree")
        self.disagree.setToolTip(
            f"Samples whose picture and speech speak for different classes, of {summary.compared:,} where"
            " that is known; show them in the table"
        )

    def show_warning(self, words: str) -> None:
        """What must not be overlooked, whichever part is looked at; "" for nothing."""
        self.warning.setText(words)
        self.warning.setVisible(bool(words))

    def show_nothing(self, title: str, hint: str) -> None:
        self._summary = None
        self.shares.hide()
        self.title.set_text(title)
        self.matrix.show_nothing(title, hint)
        for link in (self.wrong, self.disagree):
            link.setVisible(False)
        self.calibration.hide()
        self.show_warning("")

    def show_query(self, query: Query) -> None:
        """Outline the cell that the table shows."""
        summary = self._summary
        if summary is None:
            return
        row = summary.rows.index(query.label) if query.label in summary.rows else None
        column = summary.columns.index(query.predicted) if query.predicted in summary.columns else None
        self.matrix.mark(row, column)

    def show_doubt(self, words: str) -> None:
        """Where the probabilities behind the likely label errors come from."""
        self.doubt.setText(words)

    # ---------------------------------------------------------------- what the user wishes

    @Slot(int, int)
    def _on_cell(self, row: int, column: int) -> None:
        if self._summary is not None:
            self.query_wished.emit(
                self._summary.query(None if row == HEAD else row, None if column == HEAD else column)
            )

    @Slot()
    def _on_wrong(self) -> None:
        from sier_gui.core.dataset.query import Query

        self.query_wished.emit(Query(wrong_only=True))

    @Slot()
    def _on_disagree(self) -> None:
        from sier_gui.core.dataset.query import Query

        self.query_wished.emit(Query(disagree_only=True))


def _link() -> QToolButton:
    button = QToolButton()
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    return button


def _say(link: QToolButton, count: int, words: str) -> None:
    link.setText(words)
    link.setToolTip("Show them in the table")
    link.setVisible(True)
    link.setEnabled(count > 0)


def _known(summary: Summary) -> str:
    if summary.known == summary.total:
        return f"{summary.total:,} samples"
    return f"{summary.known:,} of {summary.total:,} samples predicted"
