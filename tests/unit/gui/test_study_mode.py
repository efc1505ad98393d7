"""Study mode through the real window, by keys alone: from the desk to thanks."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from fixture_data import Open
from fixture_rater import Key, Rater
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.errors import SierError
from sier_gui.core.study.records import Kind
from sier_gui.core.study.responses import write_responses
from sier_gui.gui.modes.study.views import Stage


@pytest.fixture
def rater(qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path) -> Rater:
    shutil.copytree(made, tmp_path / "study")
    seated = Rater(qtbot, workbench(mode="study"))
    seated.open(tmp_path / "study")
    return seated


def test_a_whole_session_by_keys_alone_and_its_csv_is_what_was_typed(rater: Rater, tmp_path: Path) -> None:
    rater.sit("r1", right=5)
    assert not rater.bench.window.menuBar().isVisible()
    planned = rater.bench.study.rating.session.planned()  # type: ignore[union-attr]
    typed, headings = [], set()
    for number, trial in enumerate(planned):
        headings.add(rater.pass_notices())
        typed.append((trial.trial, trial.sample_id, rater.answer(number % 4, 1 + number % 3), 1 + number % 3))
    rater.until(lambda: rater.bench.study.rating.over)
    words = rater.page.words
    assert rater.page.notice.title.text() == words.thanks_title
    assert headings == {words.practice_title, words.begin_title, words.break_title}
    rater.keys("1", Key.Key_Return)  # nothing happens any more
    write_responses(tmp_path / "r1.csv", rater.project.responses("r1"))
    with (tmp_path / "r1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    got = [(int(r["trial"]), r["sample_id"], r["answer"], int(r["confidence"])) for r in rows]
    assert got == typed
    assert all(0 < float(r["rt_ms"]) < 20_000 for r in rows)
    assert all(r["replays"] == "0" for r in rows)
    stored = rater.project.rater("r1")
    assert stored is not None
    assert (stored.age_band, stored.language, stored.gender) == ("18–29", "Welsh", "")
    assert (stored.headphones, stored.consent_version, stored.finished) == ("passed", "3", True)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    assert rater.bench.window.menuBar().isVisible()


def test_only_the_way_back_is_not_locked_while_a_rater_sits_there(rater: Rater) -> None:
    rater.sit("r1")
    actions = [a for a in rater.bench.window.actions() if isinstance(a, QAction)]
    assert [a.objectName() for a in actions if a.isEnabled()] == ["study.unlock"]
    rater.bench.actions.trigger("study.unlock")  # not before the session has ended
    assert rater.bench.state.rating
    rater.pass_notices()
    rater.keys(Key.Key_Escape)
    rater.notice(rater.page.words.stop_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    rater.notice(rater.page.words.stopped_title)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    assert not rater.bench.state.rating
    assert rater.page.desk.progress.selected() == "r1"


def test_keys_wake_at_the_audio_s_end_and_replays_are_counted(rater: Rater) -> None:
    rater.sit("r1")
    session = rater.bench.study.rating.session
    assert session is not None
    while True:
        rater.pass_notices()
        shown = rater.bench.study.rating.trial.shown
        assert shown is not None
        if shown.sound is not None:
            break
        rater.answer(0, 1)
    page, played = rater.page.trial, rater.playback.played
    rater.until(lambda: rater.playback.playing)
    count = len(played)
    assert played[-1][0] is shown.sound
    rater.keys("1", "r")  # neither before the end
    assert page.stage is Stage.STIMULUS
    rater.playback.advance(0.3)
    rater.keys("1")
    assert page.stage is Stage.STIMULUS
    rater.playback.advance(60)
    assert page.stage is Stage.ANSWER
    rater.keys("1")
    assert page.stage is Stage.SURE
    rater.keys(Key.Key_Backspace)
    assert page.stage is Stage.ANSWER
    for _ in range(2):
        rater.keys("r")
        assert page.stage is Stage.STIMULUS
        rater.playback.advance(60)
    rater.keys("r")  # a third time is not granted
    assert len(played) == count + 2
    assert not page.again.isEnabled()
    QTest.qWait(50)
    rater.keys("2", "3")
    rater.until(
        lambda: bool(rater.project.responses("r1")) and rater.project.responses("r1")[-1].replays == 2
    )
    said = rater.project.responses("r1")[-1]
    assert said.answer == shown.answers[1]
    assert said.confidence == 3
    assert said.rt_ms is not None
    assert 50 <= said.rt_ms < 5000
    assert [e["what"] for e in rater.project.events("r1")].count("replay") == 2


def test_a_technical_problem_and_a_look_elsewhere_are_kept(rater: Rater) -> None:
    rater.sit("r1")
    rater.pass_notices()
    rater.page.inactive.emit()
    rater.keys("p")
    rater.until(lambda: len(rater.project.responses("r1")) == 1)
    said = rater.project.responses("r1")[0]
    assert (said.answer, said.confidence, said.rt_ms, said.counted) == ("", None, None, False)
    assert "focus lost" in [e["what"] for e in rater.project.events("r1")]
    assert [e["right"] for e in rater.project.events("r1") if e["what"] == "headphones"] == [6]
    assert [e["name"] for e in rater.project.events("r1") if e["what"] == "device"] == [
        "headphones of a test"
    ]


def test_a_key_held_down_counts_once(rater: Rater) -> None:
    rater.sit("r1")
    rater.pass_notices()
    rater.hear()
    page = rater.page.trial
    rater.keys("1")
    held = QKeyEvent(QEvent.Type.KeyPress, Key.Key_1, Qt.KeyboardModifier.NoModifier, "1", True)
    QApplication.sendEvent(page, held)
    assert page.stage is Stage.SURE
    assert page.answers[0].isChecked()
    colours = {made.palette().color(QPalette.ColorRole.Button).name() for made in page.answers}
    assert len(colours) == 2  # what was chosen is seen
    rater.keys("1")
    assert page.stage is Stage.STORING


def test_escape_before_the_trials_asks_and_going_on_returns(rater: Rater) -> None:
    rater.keys("r1", Key.Key_Return)
    rater.notice(rater.page.words.consent_title)
    rater.keys(Key.Key_Return)
    rater.at(rater.page.about)
    rater.page.about.go_on.setFocus()
    rater.keys(Key.Key_Space)
    rater.at(rater.page.headphones)
    rater.keys(Key.Key_Escape)
    rater.notice(rater.page.words.stop_title)
    rater.keys(Key.Key_Return)
    rater.at(rater.page.headphones)
    rater.playback.missing = True  # unplugged: said, and may be tried again
    rater.keys(Key.Key_Space)
    assert "No loudspeaker was found" in rater.page.headphones.state.text()
    rater.playback.missing = False
    rater.page.headphones.play.setFocus()
    rater.keys(Key.Key_Space)
    assert rater.playback.playing


def test_a_loudspeaker_that_goes_away_is_told_and_the_trial_waits(rater: Rater) -> None:
    rater.sit("r1")
    while True:
        rater.pass_notices()
        shown = rater.bench.study.rating.trial.shown
        assert shown is not None
        if shown.sound is not None:
            break
        rater.answer(0, 1)
    rater.hear()
    rater.playback.missing = True
    rater.keys("r")
    rater.notice(rater.page.words.failed_title)
    rater.playback.missing = False
    rater.keys(Key.Key_Return)
    rater.at(rater.page.trial)
    before = len(rater.project.responses("r1"))
    rater.answer(3, 1)
    rater.until(lambda: len(rater.project.responses("r1")) == before + 1)
    assert rater.project.responses("r1")[-1].answer == shown.answers[3]


def test_a_session_goes_on_behind_the_interrupted_trial(rater: Rater, tmp_path: Path) -> None:
    rater.sit("r1")
    for _ in range(4):
        rater.pass_notices()
        rater.answer(0, 1)
    rater.pass_notices()
    begun = rater.project.interrupted("r1")
    assert len(begun) == 1
    rater.keys(Key.Key_Escape)
    rater.notice(rater.page.words.stop_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    rater.notice(rater.page.words.stopped_title)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    rater.page.desk.resume.setFocus()
    rater.keys(Key.Key_Space)
    rater.volume()
    rater.pass_notices()
    session = rater.bench.study.rating.session
    assert session is not None
    assert session.current is not None
    assert session.current.trial == max(begun) + 1
    assert session.current.kind is not Kind.PRACTICE
    assert session.planned()[-1].kind is Kind.RESERVE


def test_who_declines_leaves_no_trace(rater: Rater) -> None:
    rater.keys("r1", Key.Key_Return)
    rater.notice(rater.page.words.consent_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    rater.notice(rater.page.words.thanks_title)
    assert rater.project.raters() == []
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)


def test_a_failure_is_told_without_names_and_can_be_tried_again(
    rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater.sit("r1")
    rater.pass_notices()

    def full(*_what: object) -> int:
        raise SierError("The project file study.sqlite cannot be used: the disk is full.", "Make room.")

    with monkeypatch.context() as patch:
        patch.setattr(type(rater.project), "add_answer", full)
        chosen = rater.answer(2, 2)
        rater.notice(rater.page.words.failed_title)
        told = rater.page.notice.title.text() + rater.page.notice.text.text()
        assert "disk" not in told
        assert "sqlite" not in told
        assert rater.project.responses("r1") == []
    rater.keys(Key.Key_Return)
    rater.until(lambda: len(rater.project.responses("r1")) == 1)
    assert rater.project.responses("r1")[0].answer == chosen


def test_record_and_study_share_a_project(rater: Rater, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    rater.bench.record.open_project(str(folder))
    rater.until(lambda: rater.bench.record.opened is not None)
    assert rater.bench.study.opened is None
    rater.bench.study.enter()
    rater.until(lambda: rater.bench.study.opened is not None)
    assert rater.project is rater.bench.record.opened.project  # type: ignore[union-attr]
    rater.bench.actions.trigger("mode.record")
    assert rater.bench.record.opened.project.raters() == []  # type: ignore[union-attr]


def test_looking_at_another_window_is_an_event_of_the_page(rater: Rater, qtbot: QtBot) -> None:
    rater.bench.window.activateWindow()
    qtbot.waitUntil(rater.bench.window.isActiveWindow)
    other = QWidget()
    qtbot.addWidget(other)
    with qtbot.waitSignal(rater.page.inactive, timeout=5000):
        other.show()
        other.activateWindow()
    other.close()


def test_the_words_are_all_filled_in(rater: Rater) -> None:
    assert "{" not in rater.page.notice.text.text()
    rater.sit("r1")
    assert "{" not in rater.page.notice.text.text()
