"""The table of samples: search, filters, order; 80,893 rows behave like 80."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSignalBlocker,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.itemmodels.samples import (
    COLUMNS,
    CONFIDENCE,
    FLAGS,
    ID,
    LABEL,
    LOSS,
    SEES,
    SHARE,
    TEXT,
    SampleModel,
)
from sier_gui.gui.state import AppState

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import PredictionTable, Query

ROW_PX = 24
TYPING_MS = 120  # a filter starts when the fingers rest
_WIDTHS = {CONFIDENCE: 44, LOSS: 42, SHARE: 46, FLAGS: 44}
_CLASS_PX = 28  # dot and margins beside a class's name
_ID_PX = (56, 136)  # narrow and wide: ids like open_anger_001 stay whole
_TEXT_PX = 64  # at least: what is said is what one looks for
_LOOKED_AT = 100  # ids that decide their column's width


class _Unveiled(QStyledItemDelegate):
    """Fusion draws the focus frame's tint over the current cell's text; the selected row says enough."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus


class SamplesPanel(QWidget):
    """Shows the state's rows, sets the state's row, and says which query its controls ask for."""

    query_wished = Signal(object)  # Query

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from sier_gui.core.dataset.query import Query

        self._state = state
        self._query = Query()
        self.model = SampleModel(self)
        self.table = self._make_table()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search id, text, label")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search id, text, label")
        self.count = QLabel()
        self.count.setFont(theme.caption_font(self.font()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 0, 4)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addLayout(self._make_filters())
        layout.addLayout(self._make_range(actions))
        layout.addWidget(self.table, 1)
        layout.addWidget(self.count)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._wish)
        self._connect(actions)

    # ---------------------------------------------------------------- making

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName("Samples")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setFrameShape(QTableView.Shape.NoFrame)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        table.setItemDelegateForColumn(ID, _Unveiled(table))
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        for column, width in _WIDTHS.items():
            table.setColumnWidth(column, width)
        table.setSortingEnabled(True)
        table.setColumnHidden(FLAGS, True)
        return table

    @Slot()
    def _fit_columns(self) -> None:
        """Ids and classes, the dataset's and the network's, take what they need, the text what is left."""
        metrics, catalogue, release = self.table.fontMetrics(), self._state.dataset, self._state.release

        def widest(names: Iterable[str]) -> int:
            return max((metrics.horizontalAdvance(name) for name in names), default=0)

        rows = range(min(len(catalogue), _LOOKED_AT)) if catalogue is not None else range(0)
        ids = widest(catalogue.cell(row, "sample_id") for row in rows) if catalogue is not None else 0
        self.table.setColumnWidth(ID, min(max(ids + 10, _ID_PX[0]), _ID_PX[1]))
        known = [*(catalogue.classes if catalogue is not None else ())]
        known += release.classes if release is not None else ()
        classes = widest(("label", *known))
        for column in (LABEL, SEES):
            self.table.setColumnWidth(column, min(classes + _CLASS_PX, 96))
        self._fit_text()

    def _fit_text(self) -> None:
        others = sum(self.table.columnWidth(column) for column in range(TEXT))
        self.table.setColumnWidth(TEXT, max(self.table.viewport().width() - others, _TEXT_PX))

    def _make_filters(self) -> QHBoxLayout:
        self.label_box, self.predicted_box = QComboBox(), QComboBox()
        for box, name in ((self.label_box, "Label"), (self.predicted_box, "Prediction")):
            box.setAccessibleName(name)
            box.setMinimumWidth(72)
        self.wrong = QToolButton()
        self.wrong.setText("≠")
        self.wrong.setToolTip("Only where the prediction is not the label")
        self.disagree = QToolButton()
        self.disagree.setText("⇄")
        self.disagree.setToolTip("Only where image and speech speak for different classes")
        self.marked_box = self._make_marked_box()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.label_box, 1)
        row.addWidget(self.predicted_box, 1)
        row.addWidget(self.marked_box, 1)
        for button in (self.wrong, self.disagree):
            button.setCheckable(True)
            button.setAccessibleName(button.toolTip())
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row.addWidget(button)
        return row

    def _make_marked_box(self) -> QComboBox:
        from sier_gui.core.dataset.marks import Marked

        box = QComboBox()
        box.setAccessibleName("Annotations")
        box.setMinimumWidth(72)
        box.setToolTip("Only samples so annotated. The list changes when a filter does, not under your hands")
        box.addItem("notes: all", "")
        for marked in list(Marked)[1:]:
            box.addItem(str(marked), str(marked))
        return box

    def _make_range(self, actions: ActionTable) -> QHBoxLayout:
        self.low, self.high = QDoubleSpinBox(), QDoubleSpinBox()
        for box, value, name in (
            (self.low, 0.0, "Least confidence"),
            (self.high, 1.0, "Greatest confidence"),
        ):
            box.setRange(0.0, 1.0)
            box.setSingleStep(0.05)
            box.setValue(value)
            box.setAccessibleName(name)
        worst = QToolButton()
        worst.setDefaultAction(actions.action("table.most_wrong"))
        worst.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(QLabel("confidence"))
        row.addWidget(self.low)
        row.addWidget(QLabel("–"))
        row.addWidget(self.high)
        row.addStretch(1)
        row.addWidget(worst)
        return row

    def _connect(self, actions: ActionTable) -> None:
        state = self._state
        state.release_changed.connect(self._fit_columns)
        state.dataset_changed.connect(self._on_dataset)
        state.rows_changed.connect(self._on_rows)
        state.row_changed.connect(self._on_row)
        state.predictions_changed.connect(self._on_predictions)
        state.annotated.columns_changed.connect(self._on_annotated)
        state.annotated.row_changed.connect(self._on_annotated)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.table.viewport().installEventFilter(self)
        self.model.sort_wished.connect(self._on_sort)
        self.search.textChanged.connect(self._on_typed)
        self.low.valueChanged.connect(self._on_typed)
        self.high.valueChanged.connect(self._on_typed)
        self.label_box.activated.connect(self._wish)
        self.predicted_box.activated.connect(self._wish)
        self.marked_box.activated.connect(self._wish)
        self.wrong.clicked.connect(self._wish)
        self.disagree.clicked.connect(self._wish)
        actions.bind("table.search", self._focus_search)
        self._on_dataset(state.dataset)
        self._on_predictions(state.predictions)
        self._on_rows(state.rows)

    # ---------------------------------------------------------------- what the user wishes

    @Slot()
    def _on_typed(self) -> None:
        self._typing.start()

    @Slot()
    def _wish(self) -> None:
        self._typing.stop()
        wished = replace(
            self._query,
            search=self.search.text().strip(),
            label=self.label_box.currentData(),
            predicted=self.predicted_box.currentData(),
            wrong_only=self.wrong.isChecked(),
            disagree_only=self.disagree.isChecked(),
            confidence=(self.low.value(), self.high.value()),
            marked=self.marked_box.currentData(),
        )
        if wished != self._query:
            self._query = wished
            self.query_wished.emit(wished)

    @Slot(str, bool)
    def _on_sort(self, field: str, descending: bool) -> None:
        wished = replace(self._query, sort=field, descending=descending)
        if wished != self._query:
            self._query = wished
            self.query_wished.emit(wished)

    @Slot(QModelIndex)
    def _on_current(self, index: QModelIndex) -> None:
        if index.isValid():
            self._state.set_row(int(self.model.rows[index.row()]))

    @Slot()
    def _focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    # ---------------------------------------------------------------- what is so

    @Slot(object)
    def show_query(self, query: Query) -> None:
        """A query that came from elsewhere: an action, or what was remembered."""
        self._query = query
        controls = (self.search, self.label_box, self.predicted_box, self.marked_box, self.low, self.high)
        blockers = [QSignalBlocker(widget) for widget in (*controls, self.model)]
        self.search.setText(query.search)
        for box, value in (
            (self.label_box, query.label),
            (self.predicted_box, query.predicted),
            (self.marked_box, query.marked),
        ):
            box.setCurrentIndex(max(box.findData(value), 0))
        self.wrong.setChecked(query.wrong_only)
        self.disagree.setChecked(query.disagree_only)
        self.low.setValue(query.confidence[0])
        self.high.setValue(query.confidence[1])
        fields = [field for _title, field, _tip in COLUMNS]
        column = fields.index(query.sort) if query.sort in fields else -1
        order = Qt.SortOrder.DescendingOrder if query.descending else Qt.SortOrder.AscendingOrder
        self.table.horizontalHeader().setSortIndicator(column, order)
        for blocker in blockers:
            blocker.unblock()

    @Slot(object)
    def _on_dataset(self, catalogue: Catalogue | None) -> None:
        self.model.set_catalogue(catalogue)
        self._fit_columns()
        self.table.setFocus()
        self._fill(self.label_box, "label: all", catalogue.classes if catalogue is not None else ())

    @Slot(object)
    def _on_predictions(self, table: PredictionTable | None) -> None:
        self.model.set_predictions(table)
        classes = table.classes if table is not None else ()
        if [self.predicted_box.itemData(i) for i in range(1, self.predicted_box.count())] != list(classes):
            self._fill(self.predicted_box, "sees: all", classes)
        if not self.predicted_box.count():
            self._fill(self.predicted_box, "sees: all", ())
        for widget in (self.predicted_box, self.wrong, self.disagree, self.low, self.high):
            widget.setEnabled(table is not None)

    @Slot()
    def _on_annotated(self) -> None:
        """Its column is there as soon as there is something in it."""
        columns = self._state.annotated.columns
        self.model.set_columns(columns)
        empty = columns is None or not columns.bits.any()
        if self.table.isColumnHidden(FLAGS) != empty:
            self.table.setColumnHidden(FLAGS, empty)
            self._fit_text()

    def _fill(self, box: QComboBox, everything: str, classes: tuple[str, ...]) -> None:
        chosen = self._query.label if box is self.label_box else self._query.predicted
        blocker = QSignalBlocker(box)
        box.clear()
        box.addItem(everything, None)
        for name in classes:
            box.addItem(name, name)
        box.setCurrentIndex(max(box.findData(chosen), 0))
        blocker.unblock()

    @Slot(object)
    def _on_rows(self, rows: np.ndarray) -> None:
        blocker = QSignalBlocker(self.table.selectionModel())
        self.model.set_rows(rows)
        blocker.unblock()
        total = len(self._state.dataset) if self._state.dataset is not None else 0
        shown = f"{total:,} samples" if len(rows) == total else f"{total:,} · {len(rows):,} shown"
        self.count.setText(shown if len(rows) or not total else f"{shown} — loosen the filters")
        self._on_row(self._state.row)

    @Slot(int)
    def _on_row(self, row: int) -> None:
        """Follow the state without telling it what it said."""
        place = self.model.place_of(row) if row >= 0 else -1
        selection = self.table.selectionModel()
        if place == selection.currentIndex().row():
            return
        blocker = QSignalBlocker(selection)
        if place < 0:
            selection.clear()
        else:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(self.model.index(place, 0), flags)
        blocker.unblock()
        self.table.viewport().update()
        self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        index = self.table.selectionModel().currentIndex()
        if index.isValid():
            self.table.scrollTo(index.siblingAtColumn(0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The table's height is known once it was laid out: then the current row must be in sight."""
        if event.type() == QEvent.Type.Resize:
            self._fit_text()
            self._keep_in_sight()
        return super().eventFilter(watched, event)
