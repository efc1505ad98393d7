"""What goes wrong before a rater: each trouble is told in words, and nothing that was said is lost."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from fixture_data import Open
from fixture_rater import Key, Rater
from pytestqt.qtbot import QtBot
from rating import PROTOCOL

from sier_gui.core.errors import SierError
from sier_gui.core.study import session as sessions
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import Kind
from sier_gui.core.study.records import Rater as StudyRater
from sier_gui.gui.modes.study.views import Stage
from sier_gui.gui.workflows import rating as rating_module

SHORT = (
    PROTOCOL
    + """
demographics = false
headphones = false
volume = false
"""
)


def copied(made: Path, tmp_path: Path, protocol: str) -> Path:
    """A study under another protocol."""
    folder = tmp_path / "study"
    shutil.copytree(made, folder)
    with open_project(folder) as project:
        project.store_protocol(protocol)
    return folder


def seated(qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path, protocol: str) -> Rater:
    """At whose desk nobody sits yet."""
    folder = copied(made, tmp_path, protocol)
    rater = Rater(qtbot, workbench(mode="study"))
    rater.open(folder)
    return rater


@pytest.fixture
def rater(qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path) -> Rater:
    return seated(qtbot, workbench, made, tmp_path, SHORT)


def agree(rater: Rater, name: str = "r1") -> None:
    rater.keys(name, Key.Key_Return)
    rater.notice(rater.page.words.consent_title)
    rater.keys(Key.Key_Return)


def begin(rater: Rater) -> None:
    """Through the practice to the first trial that counts, which is shown."""
    agree(rater)
    session = None
    while session is None or session.current is None or session.current.kind is Kind.PRACTICE:
        if session is not None:
            rater.answer(0, 1)
        rater.pass_notices()
        session = rater.bench.study.rating.session


def to_a_recording(rater: Rater) -> int:
    """Answer what comes before the first main trial with sound, which plays then; returns its number."""
    while True:
        shown, session = rater.bench.study.rating.trial.shown, rater.bench.study.rating.session
        assert shown is not None
        assert session is not None
        assert session.current is not None
        if shown.sound is not None and session.current.kind is Kind.MAIN:
            rater.until(lambda: rater.playback.playing)
            return session.current.trial
        rater.answer(0, 1)
        rater.pass_notices()


def stop_and_unlock(rater: Rater) -> None:
    words = rater.page.words
    rater.keys(Key.Key_Escape)
    rater.notice(words.stop_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    rater.notice(words.stopped_title)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)


# ---------------------------------------------------------------- the loudspeaker


def test_unplugged_in_a_recording_is_told_and_the_trial_is_replaced_never_played_again(rater: Rater) -> None:
    begin(rater)
    lost = to_a_recording(rater)
    words, page = rater.page.words, rater.page.trial
    rater.playback.advance(0.2)
    before, played = len(rater.project.responses("r1")), len(rater.playback.played)
    rater.playback.unplug()
    rater.notice(words.silent_title)
    assert rater.page.notice.text.text() == words.silent
    assert page.stage is Stage.STIMULUS  # the answer keys sleep
    rater.keys("1", "2")
    assert page.stage is Stage.STIMULUS
    rater.keys(Key.Key_Return)  # still unplugged: the next recording cannot be played
    rater.until(lambda: rater.page.notice.text.text() == words.mute or page.stage is Stage.ANSWER)
    while page.stage is Stage.ANSWER:  # a picture may come first
        rater.keys("1", "1")
        before += 1
        rater.until(lambda: rater.page.notice.text.text() == words.mute or page.stage is Stage.ANSWER)
    waiting = rater.bench.study.rating.session.current.trial  # type: ignore[union-attr]
    rater.playback.missing = False
    rater.keys(Key.Key_Return)
    rater.at(page)
    rater.answer(1, 3)
    rater.until(lambda: len(rater.project.responses("r1")) == before + 1)
    assert rater.project.responses("r1")[-1].trial == waiting  # what was not heard at all is not lost
    heard_of = rater.playback.played[played - 1][0]
    assert not any(np.array_equal(sound, heard_of) for sound, _, _ in rater.playback.played[played:])
    session = rater.bench.study.rating.session
    assert session is not None
    (gone,) = [trial for trial in session.planned() if trial.trial == lost]
    extra = session.planned()[-1]
    assert extra.kind is Kind.RESERVE
    assert (extra.list, extra.label, extra.modality) == (gone.list, gone.label, gone.modality)
    assert [e["trial"] for e in rater.project.events("r1") if e["what"] == "loudspeaker lost"] == [lost]
    rater.pass_notices()
    stop_and_unlock(rater)
    assert any("loudspeaker was lost" in text for text in rater.told())


def test_unplugged_while_marking_costs_no_answer(
    qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path
) -> None:
    marking = SHORT.replace("[trial]", "[trial]\nrationale = true")
    rater = seated(qtbot, workbench, made, tmp_path, marking)
    agree(rater)
    rater.pass_notices()
    chosen = rater.answer(2, 3)  # a recording is the first trial's stimulus
    page = rater.page.trial
    assert page.stage is Stage.MARK
    rater.keys("r")
    assert rater.playback.playing
    rater.playback.unplug()
    assert rater.page.step is page
    assert page.stage is Stage.MARK
    rater.keys("s")
    rater.until(lambda: len(rater.project.responses("r1")) == 1)
    said = rater.project.responses("r1")[0]
    assert (said.answer, said.confidence) == (chosen, 3)
    assert "loudspeaker lost" in [e["what"] for e in rater.project.events("r1")]


def test_unplugged_before_the_trials_is_told_where_it_plays(
    qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path
) -> None:
    rater = seated(qtbot, workbench, made, tmp_path, PROTOCOL + "demographics = false\n")
    agree(rater)
    rater.at(rater.page.headphones)
    rater.keys(Key.Key_Space)
    rater.playback.advance(0.3)
    rater.playback.unplug()
    assert "was lost" in rater.page.headphones.state.text()
    assert not any(tone.isEnabled() for tone in rater.page.headphones.tones)
    rater.playback.missing = False
    rater.keys(Key.Key_Space)
    assert rater.playback.playing
    rater.keys(Key.Key_Escape)
    rater.notice(rater.page.words.stop_title)


# ---------------------------------------------------------------- the disk


def test_a_full_disk_is_told_and_the_answer_is_stored_once_there_is_room(rater: Rater) -> None:
    agree(rater)
    for _ in range(3):
        rater.pass_notices()
        rater.answer(1, 1)
    rater.until(lambda: len(rater.project.responses("r1")) == 3)
    rater.pass_notices()
    rater.hear()
    rater.project.add_rater(StudyRater("r2"))
    connection = rater.project._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages:d}")
    chosen = [str(button.property("answer")) for button in rater.page.trial.answers][2]
    with pytest.raises(SierError, match="the disk is full"):
        fill(rater.project)
    rater.keys("3", "2")
    rater.notice(rater.page.words.failed_title)
    assert len(rater.project.responses("r1")) == 3
    rater.keys(Key.Key_Return)  # still full
    rater.until(lambda: len(rater.bench.study.rating.problems) == 2)
    assert all("the disk is full" in str(problem) for problem in rater.bench.study.rating.problems)
    connection.execute("PRAGMA max_page_count = 1000000")
    rater.notice(rater.page.words.failed_title)
    rater.keys(Key.Key_Return)
    rater.until(lambda: len(rater.project.responses("r1")) == 4)
    last = rater.project.responses("r1")[-1]
    assert (last.answer, last.confidence) == (chosen, 2)


def fill(project: Project) -> None:
    """Use up the room that is left in the answers' own pages; ends as the disk does."""
    stored = project.responses("r1")[0]
    for trial in itertools.count(500):
        project.add_answer(replace(stored, rater="r2", trial=trial))


# ---------------------------------------------------------------- the clock


def test_a_clock_set_back_changes_no_order_and_no_response_time(
    rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sier_gui.core.study.project import answers

    agree(rater)
    rater.pass_notices()
    rater.answer(0, 1)
    rater.pass_notices()
    rater.hear()
    stamp, day = answers.now(), time.time
    back = (datetime.fromisoformat(stamp) - timedelta(hours=2)).isoformat(timespec="milliseconds")
    monkeypatch.setattr(answers, "now", lambda: back)
    monkeypatch.setattr(sessions.time, "time", lambda: day() - 7200)
    rater.keys("2", "2")
    rater.until(lambda: len(rater.project.responses("r1")) == 2)
    first, second = rater.project.ask("SELECT trial, at, rt_ms FROM answers ORDER BY id")
    assert first["trial"] < second["trial"]
    assert second["at"] == back < first["at"]  # as the clock said, and noted:
    (noted,) = [e for e in rater.project.events("r1") if e["what"] == sessions.CLOCK]
    assert noted["seconds"] == pytest.approx(7200, abs=2)
    assert noted["trial"] == second["trial"]
    assert 0 < second["rt_ms"] < 20_000
    rater.pass_notices()
    rater.answer(0, 1)
    rater.until(lambda: len(rater.project.responses("r1")) == 3)
    assert len([e for e in rater.project.events("r1") if e["what"] == sessions.CLOCK]) == 1
    rater.pass_notices()
    stop_and_unlock(rater)
    assert any("clock was set back by 7200 s" in text for text in rater.told())


def test_opening_a_project_whose_last_answer_lies_in_the_future_is_told_at_the_desk(
    rater: Rater, tmp_path: Path
) -> None:
    agree(rater)
    rater.pass_notices()
    rater.answer(0, 1)
    rater.pass_notices()
    stop_and_unlock(rater)
    with rater.project.transaction() as connection:
        connection.execute("UPDATE answers SET at = '2100-01-01T00:00:00.000+00:00'")
    rater.open(tmp_path / "study")
    assert "clock is" in rater.page.desk.notices.text()
    assert len(rater.project.responses("r1")) == 1


# ---------------------------------------------------------------- another copy of the program

_OTHER = """
import sys
from pathlib import Path
from sier_gui.core.study.project import open_project
with open_project(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_a_second_copy_of_the_program_is_told_and_disturbs_nobody(
    qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path
) -> None:
    folder = copied(made, tmp_path, SHORT)
    command = [sys.executable, "-c", _OTHER, str(folder)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        rater = Rater(qtbot, workbench(mode="study"))
        rater.bench.study.open_project(str(folder))
        rater.until(lambda: any("another copy of the program" in text for text in rater.told()))
        assert f"process {other.pid}" in rater.told()[-1]
        assert rater.page.step is rater.page.start
        other.stdin.write("\n")
    rater.open(folder)
    agree(rater)
    code = "import sys; from sier_gui.cli import main; sys.exit(main(sys.argv[1:]))"
    drawing = subprocess.run(
        [sys.executable, "-c", code, "study", "draw", str(folder)], capture_output=True, text=True
    )
    assert drawing.returncode == 1
    assert "open in another copy" in drawing.stderr
    assert drawing.stderr.count("\n") == 1
    rater.until(lambda: rater.project.rater("r1") is not None)


# ---------------------------------------------------------------- the window closes


def test_closing_the_window_stores_the_answer_that_was_given(rater: Rater, tmp_path: Path) -> None:
    begin(rater)
    before = len(rater.project.responses("r1"))
    rater.hear()
    held = threading.Event()
    rater.bench.keeper.start("slow", lambda _report, _token: held.wait(0.2))
    chosen = str(rater.page.trial.answers[3].property("answer"))
    rater.keys("4", "3")  # waits behind the slow one
    rater.bench.window.close()
    held.set()
    with open_project(tmp_path / "study") as again:
        stored = again.responses("r1")
        assert len(stored) == before + 1
        assert (stored[-1].answer, stored[-1].confidence) == (chosen, 3)
        assert again.interrupted("r1") == set()


def test_closing_the_window_in_a_trial_leaves_it_interrupted(rater: Rater, tmp_path: Path) -> None:
    begin(rater)
    assert rater.bench.study.rating.session is not None
    current = rater.bench.study.rating.session.current
    assert current is not None
    rater.hear()
    rater.keys("2")  # not yet how sure
    rater.bench.window.close()
    with open_project(tmp_path / "study") as again:
        assert again.interrupted("r1") == {current.trial}


# ---------------------------------------------------------------- other work


def test_nothing_else_is_computed_while_a_rater_sits_there(rater: Rater) -> None:
    begin(rater)
    runners, ran = (rater.bench.computer, rater.bench.clerk), []
    for runner in runners:
        runner.start("whatever it is called", lambda _report, _token: ran.append(1))
    rater.answer(0, 1)
    rater.pass_notices()
    assert ran == []
    stop_and_unlock(rater)
    rater.until(lambda: len(ran) == len(runners))


# ---------------------------------------------------------------- time


def test_a_session_that_grows_long_offers_to_go_home_and_the_experimenter_is_told(
    rater: Rater, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(rater)
    now = time.monotonic
    monkeypatch.setattr(rating_module, "monotonic", lambda: now() + 29.8 * 60)  # of 30
    rater.answer(0, 1)
    words = rater.page.words
    rater.notice(words.late_title)
    assert "30 minutes" in rater.page.notice.text.text()
    rater.keys(Key.Key_Return)  # rested, and goes on
    rater.at(rater.page.trial)
    rater.answer(0, 1)
    rater.pass_notices()  # it is not asked after every answer
    assert rater.page.step is rater.page.trial
    monkeypatch.setattr(rating_module, "monotonic", lambda: now() + 34 * 60)
    while rater.page.step is rater.page.trial:
        rater.answer(0, 1)
        rater.until(
            lambda: rater.page.step is rater.page.notice or rater.page.trial.stage is not Stage.STORING
        )
    assert rater.page.notice.title.text() == words.late_title  # in place of the next break
    rater.keys(Key.Key_Tab, Key.Key_Space)
    rater.notice(words.stopped_title)
    assert [e["minutes"] for e in rater.project.events("r1") if e["what"] == "session too long"] == [30]
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    assert any("r1 sat here for 34 minutes; the protocol allows 30" in text for text in rater.told())


def test_the_second_visit_waits_for_the_wash_out_and_shows_the_same_items_otherwise(
    qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits = SHORT.replace("[trial]", "[design]\nvisits = 2\nwash_out_days = 14\n[trial]")
    rater = seated(qtbot, workbench, made, tmp_path, visits)
    agree(rater)
    first = rater.bench.study.rating
    while not first.over:
        rater.pass_notices()
        if not first.over:
            rater.answer(0, 1)
    assert rater.page.notice.title.text() == rater.page.words.thanks_title
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    rater.page.desk.resume.setFocus()
    rater.keys(Key.Key_Space)
    rater.until(lambda: any("The next visit of r1 can begin on" in text for text in rater.told()))
    allowed = datetime.now() + timedelta(days=14)
    assert f"{allowed:%B %Y}" in rater.told()[-1]
    assert "14 days between visits" in rater.told()[-1]
    assert rater.page.step is rater.page.desk
    assert not rater.bench.state.rating

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=14, minutes=1)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "datetime", Later)
    rater.page.desk.resume.setFocus()
    rater.keys(Key.Key_Space)
    rater.until(lambda: not rater.bench.study.rating.over)
    rater.pass_notices()
    again = rater.bench.study.rating.session
    assert again is not None
    assert again.visit == 1
    before = {r.sample_id: r.modality for r in rater.project.responses("r1") if r.kind is Kind.MAIN}
    after = {t.sample_id: t.modality for t in again.planned() if t.kind is Kind.MAIN}
    assert set(before) == set(after)
    assert all(before[sample] is not after[sample] for sample in before)
    rater.answer(2, 2)
    rater.until(lambda: any((r.trial or 0) > 1000 for r in rater.project.responses("r1")))
