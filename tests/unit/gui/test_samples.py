"""The table of samples at full size: filters, order, selection."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixture_data import write_table
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from sier_gui.core.annotations.columns import Columns
from sier_gui.core.annotations.records import Entry, Kind
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.query import PredictionTable, Query, select
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.itemmodels.samples import COLUMNS, CONFIDENCE, LABEL, LOSS, SEES, SHARE, SampleModel
from sier_gui.gui.panels.samples import SamplesPanel
from sier_gui.gui.state import AppState

ROWS = 80_893


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return open_dataset(write_table(tmp_path_factory.mktemp("big") / "samples.csv", ROWS))


@pytest.fixture(scope="module")
def predictions(catalogue: Catalogue) -> PredictionTable:
    table = PredictionTable(catalogue, catalogue.classes)
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.ones(4), ROWS // 2)
    table.fill(np.arange(ROWS // 2), p)
    return table


@pytest.fixture
def panel(qtbot: QtBot, state: AppState, actions: ActionTable, catalogue: Catalogue) -> SamplesPanel:
    panel = SamplesPanel(state, actions)
    qtbot.addWidget(panel)
    panel.resize(420, 700)
    state.set_dataset(catalogue)
    state.set_rows(select(catalogue, Query()))
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def wishes(panel: SamplesPanel) -> list[Query]:
    heard: list[Query] = []
    panel.query_wished.connect(heard.append)
    return heard


def test_cells_say_what_the_columns_say(
    qtbot: QtBot, catalogue: Catalogue, predictions: PredictionTable
) -> None:
    model = SampleModel()
    model.set_catalogue(catalogue)
    rows = np.array([5, 80_000, 3])
    model.set_rows(rows)
    model.set_predictions(predictions)
    shown = [[model.data(model.index(i, j)) for j in range(len(COLUMNS))] for i in range(3)]
    assert [line[0] for line in shown] == ["s000005", "s080000", "s000003"]
    for line, row in zip(shown, rows, strict=True):
        assert line[LABEL] == catalogue.cell(int(row), "label")
        known = row < ROWS // 2
        assert line[SEES] == (predictions.predicted[row] if known else "")
        assert line[CONFIDENCE] == (f"{predictions.confidence[row]:.2f}" if known else "")
        assert line[LOSS] == (f"{predictions.loss[row]:.2f}" if known else "")
        assert line[SHARE] == ""  # nothing is explained


def test_a_class_keeps_its_dot(catalogue: Catalogue) -> None:
    model = SampleModel()
    model.set_catalogue(catalogue)
    model.set_rows(np.arange(50))
    role = Qt.ItemDataRole.DecorationRole
    dots = {model.data(model.index(i, LABEL)): model.data(model.index(i, LABEL), role) for i in range(50)}
    assert set(dots) == {"anger", "happy", "hate", "sad"}
    middle = {name: dot.pixmap(8, 8).toImage().pixelColor(4, 4).name() for name, dot in dots.items()}
    assert middle == {"anger": "#d55e00", "happy": "#009e73", "hate": "#cc79a7", "sad": "#0072b2"}


def test_all_rows_are_shown_and_counted(panel: SamplesPanel) -> None:
    assert panel.model.rowCount() == ROWS
    assert panel.count.text() == "80,893 samples"
    assert panel.table.rowHeight(80_892) == 24


def test_typing_asks_for_a_search_once(qtbot: QtBot, panel: SamplesPanel) -> None:
    heard = wishes(panel)
    qtbot.keyClicks(panel.search, "sentence 12")
    qtbot.waitUntil(lambda: bool(heard), timeout=3000)
    assert [query.search for query in heard] == ["sentence 12"]


def test_filters_add_up(qtbot: QtBot, panel: SamplesPanel, state: AppState, predictions: object) -> None:
    state.set_predictions(predictions)  # type: ignore[arg-type]
    heard = wishes(panel)
    panel.label_box.setCurrentIndex(panel.label_box.findData("hate"))
    panel.label_box.activated.emit(panel.label_box.currentIndex())
    panel.wrong.click()
    panel.low.setValue(0.8)
    qtbot.waitUntil(lambda: len(heard) == 3, timeout=3000)
    assert heard[-1] == Query(label="hate", wrong_only=True, confidence=(0.8, 1.0))
    state.set_rows(select(state.dataset, heard[-1], state.predictions))  # type: ignore[arg-type]
    count = panel.model.rowCount()
    assert 0 < count < ROWS
    assert panel.count.text() == f"80,893 · {count:,} shown"


def test_a_click_on_the_header_asks_for_that_order(
    qtbot: QtBot, panel: SamplesPanel, state: AppState, predictions: PredictionTable
) -> None:
    state.set_predictions(predictions)
    heard = wishes(panel)
    header = panel.table.horizontalHeader()
    x = header.sectionViewportPosition(LOSS) + 10
    for _ in range(2):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 8))
    assert [(query.sort, query.descending) for query in heard] == [("loss", False), ("loss", True)]
    state.set_rows(select(state.dataset, heard[-1], predictions))  # type: ignore[arg-type]
    first = float(str(panel.model.data(panel.model.index(0, LOSS))))
    assert first == pytest.approx(float(np.nanmax(predictions.loss)), abs=0.005)


def test_the_selection_follows_the_state_and_leads_it(
    qtbot: QtBot, panel: SamplesPanel, state: AppState, catalogue: Catalogue
) -> None:
    state.set_row(70_000)
    assert panel.table.currentIndex().row() == 70_000
    assert panel.table.visualRect(panel.table.currentIndex()).intersects(panel.table.viewport().rect())
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert state.row == 70_001
    # the row stays chosen where it is still shown, and its place follows
    state.set_rows(select(catalogue, Query(descending=True)))
    assert panel.table.currentIndex().row() == ROWS - 1 - 70_001
    assert state.row == 70_001


def test_a_row_filtered_away_stays_on_show(panel: SamplesPanel, state: AppState) -> None:
    state.set_row(5)
    state.set_rows(np.array([1, 2, 3]))
    assert state.row == 5
    assert not panel.table.currentIndex().isValid()


def test_no_rows_say_what_to_do(panel: SamplesPanel, state: AppState) -> None:
    state.set_rows(np.empty(0, np.int64))
    assert "loosen the filters" in panel.count.text()


def test_a_remembered_query_is_shown_without_being_asked_again(panel: SamplesPanel) -> None:
    heard = wishes(panel)
    panel.show_query(Query(search="abc", label="sad", sort="loss", descending=True, confidence=(0.2, 0.9)))
    assert panel.search.text() == "abc"
    assert panel.label_box.currentData() == "sad"
    assert panel.low.value() == 0.2
    header = panel.table.horizontalHeader()
    assert header.sortIndicatorSection() == LOSS
    assert header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
    panel._typing.stop()
    panel._wish()
    assert heard == []


def test_the_networks_classes_have_room_where_the_dataset_has_no_labels(
    qtbot: QtBot, state: AppState, actions: ActionTable, tmp_path: Path
) -> None:
    panel = SamplesPanel(state, actions)
    qtbot.addWidget(panel)
    table = tmp_path / "samples.csv"
    table.write_text("sample_id,image,speech,text,label\n1,1.png,1.wav,,\n", encoding="utf-8")
    state.set_dataset(open_dataset(table))
    before = panel.table.columnWidth(SEES)
    state.set_release(SimpleNamespace(classes=("anger", "disgusted")))  # type: ignore[arg-type]
    needed = panel.table.fontMetrics().horizontalAdvance("disgusted")
    assert before < needed + 16 <= panel.table.columnWidth(SEES)


def said(sample_id: str, who: str, label: str) -> Entry:
    return Entry(sample_id, who, Kind.LABEL, "", label)


def test_what_one_said_stands_in_italics_where_the_dataset_says_nothing(tmp_path: Path) -> None:
    table = tmp_path / "samples.csv"
    rows = "".join(f"{name},1.png,1.wav,,{label}\n" for name, label in (("a", "sad"), ("b", ""), ("c", "")))
    table.write_text(f"sample_id,image,speech,text,label\n{rows}", encoding="utf-8")
    catalogue = open_dataset(table)
    columns = Columns(catalogue, "anna")
    columns.fill([said("a", "anna", "hate"), said("b", "anna", "happy"), said("c", "berta", "happy")])
    model = SampleModel()
    model.set_catalogue(catalogue)
    model.set_rows(np.arange(3))
    before = [model.index(row, LABEL).data() for row in range(3)]
    model.set_columns(columns)
    cells = [model.index(row, LABEL) for row in range(3)]
    assert before == ["sad", "", ""]
    assert [cell.data() for cell in cells] == ["sad", "happy", ""]
    fonts = [cell.data(Qt.ItemDataRole.FontRole) for cell in cells]
    assert [font is not None and font.italic() for font in fonts] == [False, True, False]
    assert cells[1].data(Qt.ItemDataRole.ToolTipRole) == "happy, by you"
    columns.sign("berta")
    assert [cell.data() for cell in cells] == ["sad", "", "happy"]
