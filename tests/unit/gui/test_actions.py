"""The action table: complete, unique, reachable, editable."""

from __future__ import annotations

import pytest
from fixture_data import CLASSES
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from sier_gui.core.settings import Settings
from sier_gui.gui.action_list import ACTIONS
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.dialogs.palette import PaletteDialog
from sier_gui.gui.dialogs.shortcuts import ShortcutsDialog
from sier_gui.gui.state import AppState, SampleView


class Handler(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    @Slot()
    def call(self) -> None:
        self.calls += 1


def test_ids_and_shortcuts_are_unique() -> None:
    ids = [spec.id for spec in ACTIONS]
    shortcuts = [spec.shortcut for spec in ACTIONS if spec.shortcut]
    assert len(ids) == len(set(ids))
    assert len(shortcuts) == len(set(shortcuts))
    assert all(QKeySequence(keys).toString() for keys in shortcuts)


def test_an_action_needs_a_handler_and_its_condition(actions: ActionTable, state: AppState) -> None:
    from sier_gui.core.domain import Sample

    handler = Handler()
    assert not actions.action("play.toggle").isEnabled()
    actions.bind("play.toggle", handler.call)
    assert not actions.action("play.toggle").isEnabled()  # nothing to play yet
    import numpy as np

    speech = np.zeros(10, np.float32)
    state.set_sample(SampleView(Sample("a", -1, {}), None, speech, 16_000, None))
    assert actions.action("play.toggle").isEnabled()
    actions.trigger("play.toggle")
    assert handler.calls == 1
    state.set_sample(None)
    actions.trigger("play.toggle")
    assert handler.calls == 1


def test_every_action_is_in_a_menu(qtbot: QtBot, actions: ActionTable) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    menus = actions.fill(window.menuBar(), window)
    listed = [a.data() for menu in menus.values() for a in menu.actions() if a.data()]
    assert sorted(listed) == sorted(spec.id for spec in ACTIONS)


def test_the_palette_runs_what_was_typed(qtbot: QtBot, actions: ActionTable) -> None:
    handler = Handler()
    actions.bind("help.about", handler.call)
    palette = PaletteDialog(actions)
    qtbot.addWidget(palette)
    palette.show()
    qtbot.keyClicks(palette.search, "about")
    assert palette.list.topLevelItemCount() == 1
    qtbot.keyClick(palette.search, "\r")
    assert handler.calls == 1
    assert not palette.isVisible()


def test_the_palette_does_not_run_what_cannot_run(qtbot: QtBot, actions: ActionTable) -> None:
    handler = Handler()
    actions.bind("file.export", handler.call)  # nothing is explained
    palette = PaletteDialog(actions)
    qtbot.addWidget(palette)
    palette.show()
    qtbot.keyClicks(palette.search, "export")
    palette.run()
    assert handler.calls == 0
    assert palette.isVisible()


def test_changed_shortcuts_are_remembered(actions: ActionTable, state: AppState, settings: Settings) -> None:
    assert actions.set_shortcut("sample.next", QKeySequence("J")) == ""
    again = ActionTable(state, Settings(settings.file))
    assert again.action("sample.next").shortcut() == QKeySequence("J")
    assert "(J)" in again.action("sample.next").toolTip()
    again.reset_shortcuts()
    assert again.action("sample.next").shortcut() == QKeySequence("Alt+Down")


def test_a_taken_shortcut_is_refused(actions: ActionTable) -> None:
    taken = actions.action("file.open").shortcut()
    assert actions.set_shortcut("sample.next", taken) == "Open Folder…"
    assert actions.action("sample.next").shortcut() == QKeySequence("Alt+Down")


def test_the_sheet_edits_and_resets(qtbot: QtBot, actions: ActionTable) -> None:
    sheet = ShortcutsDialog(actions)
    qtbot.addWidget(sheet)
    sheet.choose("sample.next")
    sheet.keys.setKeySequence(QKeySequence("Ctrl+O"))
    sheet.keys.editingFinished.emit()
    assert "Open Folder" in sheet.note.text()
    sheet.keys.setKeySequence(QKeySequence("N"))
    sheet.keys.editingFinished.emit()
    assert actions.action("sample.next").shortcut() == QKeySequence("N")
    sheet.reset()
    assert sheet.keys.keySequence() == QKeySequence("Alt+Down")


@pytest.mark.parametrize("name", CLASSES)
def test_class_colours_are_the_published_ones(name: str) -> None:
    from sier_gui.gui.theme import class_colour

    expected = {"anger": "#d55e00", "happy": "#009e73", "hate": "#cc79a7", "sad": "#0072b2"}
    assert class_colour(name).name() == expected[name]
