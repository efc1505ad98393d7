"""The last line of the window."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.status import StatusLine, time_left
from sier_gui.gui.state import AppState


def test_time_left_is_said_in_round_words() -> None:
    assert time_left(10, Progress(1, 100)) == ""  # too early to say
    assert time_left(10, Progress(50, 100)) == "10 s left"
    assert time_left(60, Progress(10, 100)) == "9 min left"
    assert time_left(3600, Progress(100, 500)) == "4 h left"


def test_what_takes_long_is_shown_and_what_does_not_never_flickers(
    qtbot: QtBot, state: AppState, actions: ActionTable
) -> None:
    line = StatusLine(state, actions)
    qtbot.addWidget(line)
    line.show()
    line.show_activity("predict", Progress(0, 0))
    line.show_end("predict")
    assert not line.bar.isVisible()
    line.show_activity("dataset", Progress(37, 512, "explained"))
    qtbot.waitUntil(line.bar.isVisible, timeout=3000)
    assert line.work.text() == "explained  37 of 512 in background"
    assert line.pause.isVisible()
    assert line.bar.value() == round(1000 * 37 / 512)
    line.show_activity("export", Progress(0, 0))  # more urgent to the user
    assert line.work.text() == "writing"
    assert line.pause.defaultAction() is actions.action("export.cancel")
    line.show_end("export")
    line.show_end("dataset")
    assert not line.bar.isVisible()


def test_kinds_shown_elsewhere_are_not_shown_here(
    qtbot: QtBot, state: AppState, actions: ActionTable
) -> None:
    line = StatusLine(state, actions)
    qtbot.addWidget(line)
    line.show_activity("explain", Progress(1, 2))
    assert line._running == {}
