"""The dataset as a whole, in the window: what is counted is selected, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixture_data import CLASSES, LONG, Open, last_words, write_dataset
from PySide6.QtCore import QPoint, QPointF, Qt
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.dataset.query import Query
from sier_gui.core.overview.neighbours import layout_file, save_layout
from sier_gui.core.overview.projection import Layout
from sier_gui.core.overview.store import FusedStore
from sier_gui.gui.panels.overview.page import SIDES
from sier_gui.gui.state import Picked


def known(bench: Workbench) -> Any:
    def check() -> bool:
        table = bench.state.predictions
        return table is not None and table.known == len(table) and not bench.computer.busy("dataset")

    return check


@pytest.fixture
def bench(qtbot: QtBot, workbench: Open, tmp_path: Path) -> Workbench:
    """Twelve samples, all predicted, the page open with its map."""
    bench = workbench(write_dataset(tmp_path / "set", 12).parent)
    qtbot.waitUntil(known(bench), timeout=LONG)
    bench.actions.trigger("view.dataset")
    qtbot.waitUntil(lambda: shown(bench), timeout=LONG)
    return bench


def shown(bench: Workbench) -> bool:
    maps = bench.overview.maps
    return (
        bench.overview.counted is not None
        and maps is not None
        and maps.layout_shown is not None
        and len(maps.layout_shown.rows) == 12
    )


def test_everything_of_the_page(qtbot: QtBot, bench: Workbench) -> None:
    """One window for all that selects: a window takes seconds to open."""
    for check in (
        _the_page_takes_the_samples_place,
        _cells_select_what_they_count,
        _keys_choose_cells,
        _links_select,
        _a_lasso_selects_and_all_comes_back,
        _keys_select_what_is_in_sight,
        _the_legend_selects_a_class,
        _a_point_goes_to_its_sample,
        _hovering_shows_who_it_is,
        _doubt_is_honest,
    ):
        bench.actions.trigger("table.reset")
        bench.state.set_overview(True)
        check(qtbot, bench)


def _page(bench: Workbench) -> Any:
    page = bench.overview.page
    assert page is not None
    return page


def _rows(bench: Workbench) -> list[int]:
    return [int(row) for row in bench.state.rows]


def _the_page_takes_the_samples_place(qtbot: QtBot, bench: Workbench) -> None:
    window, page = bench.window, _page(bench)
    assert page.isVisible()
    assert window.samples.isVisible()
    assert not window._centre.isVisible()
    assert window.finder.dataset.isChecked()
    width = window.finder.width()
    window.finder.sample.click()
    assert window._centre.isVisible()
    assert not page.isVisible()
    assert abs(window.finder.width() - width) < 40
    assert not bench.actions.action("view.dataset").isChecked()
    window.finder.dataset.click()
    assert page.isVisible()


def _cells_select_what_they_count(qtbot: QtBot, bench: Workbench) -> None:
    page, counted = _page(bench), bench.overview.counted
    assert counted is not None
    summary, matrix = counted.summary, page.matrix
    bench.state.set_picked(Picked(np.array([1]), "one"))
    for i in range(4):
        for j in range(4):
            place = matrix.cell_rect(i, j).center().toPoint()
            qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=place)
            assert len(bench.state.rows) == summary.confusion[i, j]
            assert bench.window.samples.label_box.currentText() == CLASSES[i]
            assert bench.window.samples.predicted_box.currentText() == CLASSES[j]
    assert bench.state.picked is None
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=matrix.cell_rect(2, -1).center().toPoint())
    assert len(bench.state.rows) == summary.labels[2] == 3


def _keys_choose_cells(qtbot: QtBot, bench: Workbench) -> None:
    page, counted = _page(bench), bench.overview.counted
    assert counted is not None
    matrix = page.matrix
    matrix.setFocus()
    matrix._go_to((0, 0))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return):
        qtbot.keyClick(matrix, key)
    assert len(bench.state.rows) == counted.summary.confusion[1, 2]
    assert bench.browse.query == Query(label="happy", predicted="hate")
    assert matrix.accessibleDescription().startswith("label happy, predicted hate")
    assert matrix._marked == (1, 2)
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Space):  # the head, not beyond
        qtbot.keyClick(matrix, key)
    assert bench.browse.query == Query(predicted="hate")


def _links_select(qtbot: QtBot, bench: Workbench) -> None:
    page, counted = _page(bench), bench.overview.counted
    assert counted is not None
    wrong = counted.summary.judged - counted.summary.right
    assert page.wrong.text().startswith(f"{wrong} ")
    page.wrong.click()
    assert len(bench.state.rows) == wrong > 0
    assert bench.window.samples.wrong.isChecked()
    page.disagree.click()
    assert len(bench.state.rows) == counted.summary.disagreeing


def _drag(qtbot: QtBot, view: Any, corners: list[QPoint]) -> None:
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in corners[1:]:
        qtbot.mouseMove(view, corner)
        view.mouseMoveEvent(_moved(corner))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=corners[-1])


def _moved(at: QPoint) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    return QMouseEvent(
        QEvent.Type.MouseMove, QPointF(at), QPointF(at), left, left, Qt.KeyboardModifier.NoModifier
    )


def _a_lasso_selects_and_all_comes_back(qtbot: QtBot, bench: Workbench) -> None:
    panel = _page(bench).map
    view = panel.view
    middle = view.width() // 2
    edge = [QPoint(1, 1), QPoint(middle, 0), QPoint(middle, view.height() - 1), QPoint(0, view.height() - 1)]
    _drag(qtbot, view, edge)
    expected = [int(row) for place, row in enumerate(panel.rows) if 0 <= view.to_screen(place).x() < middle]
    assert sorted(_rows(bench)) == expected
    assert 0 < len(expected) < 12
    assert bench.window.finder.narrowed.isVisible()
    assert "drawn around" in bench.window.finder.words.text()
    assert np.count_nonzero(view._bright) == len(expected)
    bench.actions.trigger("table.reset")
    assert len(bench.state.rows) == 12
    assert not bench.window.finder.narrowed.isVisible()
    assert view._bright is None


def _keys_select_what_is_in_sight(qtbot: QtBot, bench: Workbench) -> None:
    view = _page(bench).map.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert len(bench.state.rows) == 12
    for _ in range(6):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    seen = len(view.in_sight())
    assert seen < 12
    qtbot.keyClick(view, Qt.Key.Key_Left)
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert len(view.in_sight()) == 12


def _the_legend_selects_a_class(qtbot: QtBot, bench: Workbench) -> None:
    panel = _page(bench).map
    button = panel.legend.itemAt(1).widget()
    assert button.text() == "happy 3"
    button.click()
    assert {bench.state.dataset.cell(row, "label") for row in _rows(bench)} == {"happy"}  # type: ignore[union-attr]
    assert len(bench.state.rows) == 3
    panel.colouring.setCurrentIndex(2)
    panel._on_colouring()
    names = [panel.legend.itemAt(i).widget().property("name") for i in range(panel.legend.count())]
    assert set(names) <= {"right", "wrong"}
    panel.colouring.setCurrentIndex(0)
    panel._on_colouring()


def _a_point_goes_to_its_sample(qtbot: QtBot, bench: Workbench) -> None:
    view = _page(bench).map.view
    point = view.to_screen(7).toPoint()
    expected = int(_page(bench).map.rows[view.place_at(QPointF(point))])
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=point)
    assert bench.state.row == expected
    assert bench.state.overview
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=point)
    assert not bench.state.overview
    assert bench.state.row == expected


def _hovering_shows_who_it_is(qtbot: QtBot, bench: Workbench) -> None:
    panel = _page(bench).map
    place = panel.view.place_at(panel.view.to_screen(3))
    panel.view._hover_over(place)
    row = int(panel.rows[place])
    assert panel.card.isVisible()
    assert panel.card.text.text().startswith(f"s{row}\nlabel {CLASSES[row % 4]}\nsees ")
    qtbot.waitUntil(panel.card.picture.isVisible, timeout=LONG)
    assert panel.card.picture.pixmap().width() <= 96
    panel.view._hover_over(-1)
    assert not panel.card.isVisible()


def _doubt_is_honest(qtbot: QtBot, bench: Workbench) -> None:
    bench.actions.trigger("overview.suspects")
    page = _page(bench)
    qtbot.waitUntil(lambda: page.doubt.text() != "", timeout=LONG)
    assert "does not say what it was trained on" in page.doubt.text()
    assert bench.state.picked is None


# ---------------------------------------------------------------- further windows


def test_picked_rows_keep_their_order_until_another_is_asked_for(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(known(bench), timeout=LONG)
    bench.browse.set_query(Query(search="word"))
    bench.state.set_picked(Picked(np.array([4, 1, 3]), "doubtful"))
    assert _rows(bench) == [4, 1, 3]
    assert bench.state.row == 4
    bench.actions.trigger("sample.next")
    assert bench.state.row == 1
    bench.browse.set_query(Query(search="word 3"))
    assert _rows(bench) == [3]
    bench.browse.set_query(Query(sort="sample_id"))
    assert _rows(bench) == [1, 3, 4]
    bench.actions.trigger("table.reset")
    assert _rows(bench) == list(range(6))


def test_a_map_of_neighbours_kept_from_before_comes_at_once(
    qtbot: QtBot, bench: Workbench, tmp_path: Path
) -> None:
    state, panel = bench.state, _page(bench).map
    assert state.dataset is not None
    assert state.release is not None
    assert bench.overview.maps is not None
    positions = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    file = layout_file(state.dataset.dataset_hash, state.release.weights_hash, "t-SNE")
    save_layout(file, Layout(np.arange(12), positions, "t-SNE"))
    panel._on_method("method", "t-SNE")
    qtbot.waitUntil(lambda: bench.overview.maps.layout_shown.method == "t-SNE", timeout=LONG)  # type: ignore[union-attr]
    np.testing.assert_array_equal(panel.view.points.positions, positions)
    assert not panel.bar.isVisible()
    panel._on_method("method", "PCA")
    qtbot.waitUntil(lambda: shown(bench), timeout=LONG)
    assert bench.overview.maps.layout_shown is not None
    assert bench.overview.maps.layout_shown.method == "PCA"


def test_what_was_predicted_before_the_layer_was_kept_is_gathered(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(known(bench), timeout=LONG)
    state = bench.state
    assert state.dataset is not None
    assert state.release is not None
    key = (state.dataset.dataset_hash, state.release.weights_hash, len(state.dataset))
    store = FusedStore.of(*key)
    assert store.known.sum() >= 5  # all but the one that was looked at first
    store._mask.write_bytes(bytes([1, 1, 1, 0, 0, 0]))
    bench.actions.trigger("view.dataset")
    qtbot.waitUntil(lambda: bool(FusedStore.of(*key).known.all()), timeout=LONG)
    qtbot.waitUntil(lambda: len(_page(bench).map.rows) == 6, timeout=LONG)


def test_two_releases_beside_each_other(
    qtbot: QtBot,
    workbench: Open,
    release_home: Path,
    dataset: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import torch

    from sier_gui.core.nets import releases
    from sier_gui.core.nets.networks import NetworkConfig, build

    torch.manual_seed(5)
    config = NetworkConfig("parallelnet", CLASSES, width=0.0625)
    tables = {
        "release": {"schema": 1, "name": "zother", "version": "1"},
        "network": config.to_table(),
        "front": {},
        "training": {},
    }
    releases.write_release(tmp_path / "models" / "zother" / "1", build(config), tables, "# other\n")
    bench = workbench(dataset, release="untrained")
    monkeypatch.setattr(releases, "roots", lambda: (release_home / "data" / "models", tmp_path / "models"))
    qtbot.waitUntil(known(bench), timeout=LONG)
    bench.actions.trigger("view.dataset")
    page = _page(bench)
    page.tabs.setCurrentIndex(SIDES)
    panel = page.sides
    assert [panel.release.itemData(i) for i in range(panel.release.count())] == ["", "zother/1"]
    panel._on_release("release", "zother/1")
    qtbot.waitUntil(
        lambda: panel._sides is not None and panel._sides.compared == 6 and not bench.computer.busy("sides"),
        timeout=LONG,
    )
    sides = panel._sides
    assert sides.names == ("untrained/1", "zother/1")
    for button, rows in zip(panel.outcomes, sides.outcomes, strict=True):
        bench.actions.trigger("table.reset")
        button.click()
        assert len(bench.state.rows) == (len(rows) or 6)
    assert len(sides.changed) > 0
    panel.changed.click()
    assert _rows(bench) == sides.changed.tolist()
    bench.overview.counted = None
    panel._on_release("release", "")
    assert not panel.content.isVisible()


def test_the_figure_is_written_in_the_background(qtbot: QtBot, bench: Workbench, tmp_path: Path) -> None:
    bench.overview.save(tmp_path / "page.svg")
    qtbot.waitUntil(lambda: (tmp_path / "page.svg").is_file(), timeout=LONG)
    text = (tmp_path / "page.svg").read_text(encoding="utf-8")
    assert ">predicted<" in text
    assert ">happy<" in text
    assert "Fused layer, PCA" in text
    qtbot.waitUntil(lambda: bool(bench.messages.history) and "page.svg" in last_words(bench), timeout=LONG)


def test_another_dataset_ends_the_old_ones_numbers(qtbot: QtBot, bench: Workbench, tmp_path: Path) -> None:
    other = write_dataset(tmp_path / "other", 5).parent
    page = _page(bench)
    assert "12 samples" in page.title.text()
    bench.open.open_path(str(other))
    qtbot.waitUntil(lambda: bench.state.dataset is not None and len(bench.state.dataset) == 5, timeout=LONG)
    assert bench.state.picked is None
    qtbot.waitUntil(known(bench), timeout=LONG)
    qtbot.waitUntil(lambda: "5 samples" in page.title.text(), timeout=LONG)
    qtbot.waitUntil(lambda: len(page.map.rows) == 5, timeout=LONG)


def test_what_cannot_be_gathered_is_not_tried_again_and_again(
    qtbot: QtBot, workbench: Open, dataset: Path
) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(known(bench), timeout=LONG)
    state = bench.state
    assert state.dataset is not None
    assert state.release is not None
    key = (state.dataset.dataset_hash, state.release.weights_hash, len(state.dataset))
    FusedStore.of(*key)._mask.write_bytes(bytes([1, 1, 1, 1, 1, 0]))
    (dataset / "5.png").write_bytes(b"gone since it was predicted")
    begun = []
    bench.computer.activity.connect(lambda kind, progress: begun.append(kind) if not progress.total else None)
    bench.actions.trigger("view.dataset")
    qtbot.waitUntil(lambda: "fused" in begun and not bench.computer.busy("fused"), timeout=LONG)
    bench.overview.refresh()
    qtbot.waitUntil(lambda: len(_page(bench).map.rows) == 5 and not bench.clerk.busy("map"), timeout=LONG)
    assert bench.overview.maps is not None
    bench.overview.maps._made_at = 0.0
    bench.overview.maps.refresh()
    qtbot.waitUntil(lambda: not bench.clerk.busy("map"), timeout=LONG)
    assert begun.count("fused") == 1
