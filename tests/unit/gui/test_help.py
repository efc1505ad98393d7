"""Help inside: pages that keep up with the actions, F1, and the tour."""

from __future__ import annotations

import re

import pytest
from fixture_data import LONG, Open, explained
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.gui.action_list import ACTIONS
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.dialogs.help import HelpDialog
from sier_gui.gui.help_pages import PAGES, page
from sier_gui.gui.tour import CARD_WIDTH, Step, Tour
from sier_gui.gui.workflows.help import SEEN, STEPS, page_of

IDS = {spec.id for spec in ACTIONS}


def test_every_file_is_a_page_and_every_page_a_file() -> None:
    assert {file.stem for file in (paths.resources() / "help").glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_pages_name_actions_that_there_are_and_lead_nowhere(name: str) -> None:
    asked: list[str] = []
    text = page(name, lambda action_id: asked.append(action_id) or action_id)  # type: ignore[func-returns-value]
    assert set(asked) <= IDS
    assert text.startswith("# ")
    assert "{" not in text
    assert not re.search(r"\]\(|https?:", text)


def test_the_tour_speaks_of_actions_that_there_are() -> None:
    named = {found for _page, _title, text in STEPS for found in re.findall(r"\{([^}]*)\}", text)}
    assert named <= IDS
    assert {name for name, *_ in STEPS} <= set(PAGES)
    assert len(STEPS) == 5


def test_a_page_says_the_keys_as_they_are_now(qtbot: QtBot, actions: ActionTable) -> None:
    actions.set_shortcut("play.toggle", actions.action("help.about").shortcut().fromString("Ctrl+Y"))
    dialog = HelpDialog(actions)
    qtbot.addWidget(dialog)
    dialog.show_page("speech")
    assert "Ctrl+Y plays or stops" in dialog.text.toPlainText()


def test_a_page_that_is_missing_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, own_home: object) -> None:
    monkeypatch.setattr(paths, "resources", lambda: paths.Path(str(own_home)))
    with pytest.raises(SierError, match=r"speech\.md cannot be read"):
        page("speech", str)


def test_f1_is_about_the_panel_that_has_the_keys(qtbot: QtBot, workbench: Open, dataset: object) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(explained(bench.state, "s0"), timeout=LONG)
    for name, widget in (("samples", bench.window.samples.table), ("status", bench.window.status)):
        assert page_of(widget) == name
    assert page_of(bench.window) == ""
    bench.window.samples.table.setFocus()
    bench.actions.trigger("help.page")
    dialog = bench.window.findChild(HelpDialog)
    assert dialog is not None
    assert dialog.isVisible()
    assert dialog.text.toPlainText().startswith("Samples")
    bench.state.set_rating(True)  # somebody is rating: nothing else is on the screen
    assert not dialog.isVisible()
    bench.state.set_rating(False)


def test_the_tour_comes_once_and_by_itself_only_on_a_first_run(
    qtbot: QtBot, workbench: Open, dataset: object
) -> None:
    bench = workbench(dataset, tour=True)
    qtbot.waitUntil(lambda: bench.help.tour is not None, timeout=LONG)
    tour = bench.help.tour
    titles = []
    while bench.help.tour is not None:
        titles.append(tour.title.text())
        qtbot.keyClick(tour.next, Qt.Key.Key_Return)
    assert titles == [title for _page, title, _text in STEPS]
    assert bench.settings.get(SEEN) is True
    again = workbench(dataset, tour=True)
    qtbot.waitUntil(explained(again.state, "s0"), timeout=LONG)
    assert again.help.tour is None
    again.actions.trigger("help.tour")  # whoever wants it has it again
    assert again.help.tour is not None
    qtbot.keyClick(again.help.tour, Qt.Key.Key_Escape)
    assert again.help.tour is None


# ---------------------------------------------------------------- the veil


@pytest.fixture
def stage(qtbot: QtBot) -> tuple[QWidget, list[QWidget]]:
    """A window with a widget in each corner and one that fills it."""
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(800, 500)
    places = ((0, 0, 300, 200), (700, 0, 100, 200), (700, 300, 100, 200), (0, 450, 800, 50), (0, 0, 800, 500))
    widgets = []
    for place in places:
        widget = QLineEdit(window)
        widget.setGeometry(*place)
        widgets.append(widget)
    window.show()
    return window, widgets


def test_the_card_is_always_whole(stage: tuple[QWidget, list[QWidget]], qtbot: QtBot) -> None:
    window, widgets = stage
    tour = Tour(window, [Step(w, "A title", "Words that wrap over some lines. " * 6) for w in widgets])
    for widget in widgets:
        assert tour.lit() == widget.geometry()
        card = tour.title.parentWidget()
        assert window.rect().contains(card.geometry())
        assert card.width() == CARD_WIDTH
        qtbot.wait(1)  # laid out
        assert tour.text.height() >= tour.text.heightForWidth(tour.text.width())
        assert tour.text.geometry().bottom() < tour.next.geometry().top()
        if widget is widgets[0]:
            assert not card.geometry().intersects(widget.geometry())
        qtbot.keyClick(tour, Qt.Key.Key_Right)
    assert not tour.isVisible()


def test_the_tour_keeps_keys_and_size(stage: tuple[QWidget, list[QWidget]], qtbot: QtBot) -> None:
    window, widgets = stage
    tour = Tour(window, [Step(w, "A title", "Words.") for w in widgets])
    qtbot.keyClick(tour, "x")
    assert all(not widget.text() for widget in widgets if isinstance(widget, QLineEdit))
    window.resize(700, 400)
    assert tour.size() == window.size()
    qtbot.keyClick(tour, Qt.Key.Key_Right)
    qtbot.keyClick(tour, Qt.Key.Key_Left)
    assert tour.count.text() == "1 of 5"
    assert all(label.text() for label in tour.findChildren(QLabel))
    qtbot.mouseClick(tour.skip, Qt.MouseButton.LeftButton)
    assert not tour.isVisible()
