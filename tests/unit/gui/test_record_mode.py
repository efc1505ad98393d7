"""Record mode through the real window, by keys alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fixture_booth import NAMES, Desk
from fixture_data import Open
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot
from voices import RATE, room, spoken

from sier_gui.core.audio.capture import FakeInput
from sier_gui.core.study.project import open_project
from sier_gui.core.study.project.database import Database
from sier_gui.core.study.project.sidecars import file_hash
from sier_gui.core.study.records import Reader, Sex

Key = Qt.Key


def test_a_session_by_keys_alone_and_it_resumes_where_it_stopped(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    prompts = [prompt.sample_id for prompt in desk.reading.prompts]
    desk.say()
    assert desk.take is not None
    assert desk.take.verdict == "pass", desk.take.reasons
    desk.accept()
    desk.keys("s")  # the second is passed over
    assert desk.reading.index == 2
    desk.say()
    desk.keys("r")  # again, at once
    desk.microphone.deliver(spoken(1.8))
    desk.keys(Key.Key_Space)
    desk.microphone.deliver(room(0.6))
    desk.until(lambda: desk.take is not None and desk.take.number == 2)
    desk.accept()
    desk.keys(Key.Key_Left)
    assert desk.reading.index == 2
    assert desk.take is not None
    assert desk.take.accepted
    stored = {(t.sample_id, t.number): t.accepted for t in desk.project.takes()}
    assert stored == {(prompts[0], 1): True, (prompts[2], 1): False, (prompts[2], 2): True}
    assert desk.project.skipped("anna") == {prompts[1]}
    desk.bench.record.show_readers()
    desk.until(lambda: desk.page.step is desk.page.people)
    assert desk.page.people.known.itemText(0).startswith("anna   2 of ")
    desk.page.people.known.setFocus()
    desk.keys(Key.Key_Tab, Key.Key_Space)
    desk.until(lambda: desk.page.step is desk.page.device)
    desk.until(lambda: desk.page.device.go_on.isEnabled())  # the room is known still
    desk.page.device.go_on.click()
    desk.until(lambda: desk.bench.state.booth)
    assert desk.reading.index == 3
    assert desk.opened == [NAMES[0]]  # one device, held open


def test_a_take_that_failed_is_refused_with_its_reason_and_listening_works(
    desk: Desk, tmp_path: Path
) -> None:
    desk.sit(tmp_path / "study")
    desk.keys(Key.Key_Return)
    assert "no take to accept" in desk.told()[-1]
    desk.say(np.clip(6 * spoken(1.6, dbfs=-8), -1, 1))
    desk.keys(Key.Key_Return)
    assert "did not pass: Clipped" in desk.told()[-1]
    assert "Press R" in desk.told()[-1]
    assert not desk.page.booth.buttons["record.accept"].isEnabled()
    assert desk.project.accepted_takes() == {}
    desk.keys("l")
    desk.until(lambda: bool(desk.playback.played))
    samples, rate, _ = desk.playback.played[0]
    assert rate == RATE
    assert desk.take is not None
    assert len(samples) / rate == pytest.approx(desk.take.duration_s)
    assert desk.page.booth.buttons["record.listen"].accessibleName() == "Stop listening"
    desk.keys("l")
    assert not desk.playback.playing


def test_a_loudspeaker_that_goes_while_listening_costs_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.say()
    desk.keys("l")
    desk.until(lambda: desk.playback.playing)
    desk.playback.unplug()
    assert "loudspeaker was lost" in desk.told()[-1]
    assert desk.page.booth.buttons["record.listen"].accessibleName() != "Stop listening"
    desk.accept()


def test_keys_mean_letters_in_the_form_and_nothing_outside_the_booth(desk: Desk, tmp_path: Path) -> None:
    desk.make_project(tmp_path / "study")
    desk.page.people.pseudonym.setFocus()
    desk.keys("r s l", Key.Key_Left)
    assert desk.page.people.pseudonym.text() == "r s l"
    for name in ("toggle", "retake", "accept", "back", "skip", "listen"):
        assert not desk.bench.actions.action(f"record.{name}").isEnabled()
    desk.bench.actions.trigger("mode.explore")
    assert desk.bench.window.pages.currentWidget() is not desk.page
    desk.bench.actions.trigger("mode.record")
    assert desk.bench.window.pages.currentWidget() is desk.page
    desk.bench.actions.trigger("mode.record")
    assert desk.bench.actions.action("mode.record").isChecked()


def test_a_reader_must_agree_and_a_name_is_taken_once(desk: Desk, tmp_path: Path) -> None:
    desk.make_project(tmp_path / "study")
    people = desk.page.people
    assert not people.add.isEnabled()
    assert "consent" in people.add.toolTip()
    desk.add_reader("anna")
    (anna,) = desk.project.readers()
    assert (anna.consent_version, anna.language) == ("1", "en")
    assert anna.consented_at.startswith("20")
    desk.bench.record.show_readers()
    desk.until(lambda: desk.page.step is people)
    people.pseudonym.setText("anna")
    people.sex.setCurrentIndex(2)
    people.consent.setChecked(True)
    people.add.click()
    desk.until(lambda: any("already" in text for text in desk.told()))
    assert desk.page.step is people


def test_unplugged_in_a_take_is_told_nothing_else_is_lost_and_it_opens_again(
    desk: Desk, tmp_path: Path
) -> None:
    desk.sit(tmp_path / "study")
    desk.say()
    desk.accept()
    desk.keys(Key.Key_Space)
    desk.microphone.deliver(spoken(1.0))
    desk.microphone.unplug()
    desk.until(lambda: any("was not kept" in text for text in desk.told()))
    desk.until(lambda: desk.page.booth.banner.word.text() == "Microphone closed")
    desk.keys("r")
    assert "microphone is closed" in desk.told()[-1]
    desk.bench.actions.trigger("record.device")
    desk.take_room()
    desk.say()
    desk.accept()
    assert len(desk.project.accepted_takes()) == 2
    assert not list((tmp_path / "study").glob("takes/*/*/*.part"))


def test_another_microphone_takes_the_place_of_the_first(desk: Desk, tmp_path: Path) -> None:
    desk.make_project(tmp_path / "study")
    desk.add_reader()
    desk.until(lambda: desk.page.device.test.isEnabled())
    first = desk.microphone
    desk.microphone = FakeInput()
    desk.page.device.devices.setFocus()
    desk.keys(Key.Key_Down)
    desk.bench.record.microphone.open_device(NAMES[0])  # chosen and unchosen at once
    desk.bench.record.microphone.open_device(NAMES[1])
    desk.take_room()
    assert not first.is_open
    assert desk.microphone.is_open
    assert desk.microphone.name == NAMES[1]
    desk.say()
    desk.accept()
    assert [row["device"] for row in desk.project.ask("SELECT device FROM sessions")] == [NAMES[1]]
    captures = [t for t in threading.enumerate() if t.name == "sier-gui capture"]
    assert len(captures) == 1  # none is left behind


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """The system refuses every byte behind ``size``, as a quota or a full disk does."""
    resource = pytest.importorskip("resource", reason="this system has no such limits")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_the_next_take_goes_on(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.say()
    desk.accept()
    with no_file_beyond(100_000):  # 0.7 s of a take
        desk.keys(Key.Key_Space)
        desk.microphone.deliver(spoken(3.0))
        desk.until(lambda: any("the disk is full" in text for text in desk.told()))
    assert "what was kept before is safe" in desk.told()[-1]
    desk.until(lambda: desk.page.booth.banner.word.text() == "Ready")
    assert not list((tmp_path / "study").glob("takes/*/*/*.part"))
    desk.say()
    desk.accept()
    takes = desk.project.takes()
    assert [take.accepted for take in takes] == [True, True]
    assert all(file_hash(desk.project.folder / take.path) == take.sha256 for take in takes)


def test_another_copy_of_the_program_has_the_project(desk: Desk, tmp_path: Path) -> None:
    with open_project(tmp_path / "study", create=True):
        desk.bench.record.make_project(str(tmp_path / "study"))
        desk.until(lambda: any("another copy of the program" in text for text in desk.told()))
        assert desk.page.step is desk.page.start
    desk.make_project(tmp_path / "study")


def test_leaving_while_recording_keeps_the_take(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.keys(Key.Key_Space)
    desk.microphone.deliver(spoken(1.6))
    desk.bench.actions.trigger("mode.explore")
    desk.microphone.deliver(room(0.6))
    desk.until(lambda: len(desk.project.takes()) == 1)


def test_closing_the_window_stores_what_was_decided(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.say()
    held = threading.Event()
    desk.bench.keeper.start("slow", lambda _report, token: held.wait(0.2))
    desk.keys(Key.Key_Return)  # waits behind the slow one
    desk.bench.window.close()
    held.set()
    with open_project(tmp_path / "study") as again:
        assert len(again.accepted_takes()) == 1


def test_heavy_work_waits_while_somebody_reads(desk: Desk, tmp_path: Path) -> None:
    computer = desk.bench.computer
    desk.sit(tmp_path / "study")
    assert all(computer.paused(kind) for kind in ("dataset", "survey", "explain", "anything"))
    assert desk.bench.clerk.paused("anything")
    desk.bench.predict._give_way()  # painting holds the dataset too, for a moment, and lets go only its own
    desk.bench.predict._on_painted()
    assert computer.paused("dataset")
    desk.bench.record.show_readers()
    desk.until(lambda: not any(computer.paused(kind) for kind in ("dataset", "survey", "explain")))


def test_the_disk_is_never_touched_on_the_guis_thread(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    ask, transaction = Database.ask, Database.transaction

    def spy_ask(self: Database, *values: object) -> object:
        threads.add(threading.current_thread().name)
        return ask(self, *values)  # type: ignore[arg-type]

    def spy_transaction(self: Database) -> object:
        threads.add(threading.current_thread().name)
        return transaction(self)

    monkeypatch.setattr(Database, "ask", spy_ask)
    monkeypatch.setattr(Database, "transaction", spy_transaction)
    desk.sit(tmp_path / "study")
    desk.say()
    desk.accept()
    desk.keys("s")
    desk.bench.record.show_readers()
    desk.until(lambda: desk.page.step is desk.page.people)
    assert threads == {"sier-gui keeper", "sier-gui capture"}


def visible_texts(widget: QWidget) -> list[str]:
    found = []
    for child in [widget, *widget.findChildren(QWidget)]:
        if child.isVisible():
            found += [child.accessibleName(), child.accessibleDescription(), child.toolTip()]
            if isinstance(child, QLabel | QAbstractButton | QLineEdit):
                found.append(child.text())
            elif isinstance(child, QComboBox):
                found.append(child.currentText())
    return [text for text in found if text]


def test_the_reader_sees_no_label_and_no_sample_id(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    dataset = desk.bench.state.dataset
    assert dataset is not None
    for _ in range(3):
        desk.say()
        prompt = desk.reading.current
        assert prompt is not None
        texts = visible_texts(desk.page)
        assert prompt.text in texts
        others = " ".join(text for text in texts if prompt.text not in text).lower()
        for hidden in (*dataset.classes, prompt.sample_id):
            assert hidden.lower() not in others
        desk.accept()


def test_everything_that_takes_the_focus_has_a_name(desk: Desk, tmp_path: Path) -> None:
    def nameless() -> list[str]:
        page = desk.page.step
        assert page is not None
        tabbed = Qt.FocusPolicy.TabFocus
        within = [w for w in page.findChildren(QWidget) if w.isVisible() and w.focusPolicy() & tabbed]
        assert within
        named = [w for w in within if w.accessibleName() or (isinstance(w, QAbstractButton) and w.text())]
        return [repr(w) for w in within if w not in named]

    assert nameless() == []
    desk.make_project(tmp_path / "study")
    assert nameless() == []
    desk.add_reader()
    assert nameless() == []
    desk.take_room()
    assert nameless() == []


def test_prompts_are_as_large_as_fits(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    prompt = desk.page.booth.prompt
    sizes = []
    for words in (3, 60, 140, 600):
        prompt.show_text("seven letters " * words)
        size = prompt.label.font().pointSize()
        sizes.append(size)
        assert 28 <= size <= 48
        fits = prompt.label.heightForWidth(prompt.viewport().width()) <= prompt.viewport().height()
        assert fits or size == 28
    assert sizes[0] == 48
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 28
    desk.until(lambda: prompt.verticalScrollBar().maximum() > 0)  # what cannot fit can be scrolled to


def test_a_projects_folder_opens_in_record_mode_with_what_there_is_to_tell(
    qtbot: QtBot, workbench: Open, dataset: Path, tmp_path: Path
) -> None:
    with open_project(tmp_path / "study", create=True) as project:
        project.set_fact("dataset", str(dataset))
        project.add_reader(Reader("anna", Sex.FEMALE))
    part = tmp_path / "study" / "takes" / "anna" / "s1" / "001.wav.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"RIFF")
    desk = Desk(qtbot, workbench(tmp_path / "study"))
    desk.until(lambda: bool(desk.bench.state.project))
    assert desk.bench.state.mode == "record"
    assert desk.page.people.known.itemText(0) == "anna   0 of 6"
    assert "was being recorded when the program ended" in desk.page.people.notices.text()
    assert desk.bench.window.pages.currentWidget() is desk.page
    desk.page.people.go_on.click()  # whose consent is not in the project, but on paper
    desk.until(lambda: desk.page.step is desk.page.device)
    assert desk.told() == []


def test_opening_twice_at_once_leaves_one_project_open(desk: Desk, tmp_path: Path) -> None:
    for name in ("one", "one", "two", "one"):
        desk.bench.record.make_project(str(tmp_path / name))
    desk.until(lambda: desk.bench.state.project == str(tmp_path / "one"))
    with open_project(tmp_path / "two", create=True):
        pass  # nobody holds it
    assert not any(message.error for message in desk.bench.messages.history)


def test_a_project_whose_dataset_is_gone_is_told(desk: Desk, tmp_path: Path) -> None:
    with open_project(tmp_path / "study", create=True) as project:
        project.set_fact("dataset", str(tmp_path / "nowhere"))
    desk.bench.record.open_project(str(tmp_path / "study"))
    desk.until(lambda: any("nowhere" in text for text in desk.told()))
    assert desk.page.step is desk.page.start
    with open_project(tmp_path / "study"):
        pass  # it was let go


def test_a_screenshot_of_record_mode(own_home: Path, tmp_path: Path) -> None:
    target = tmp_path / "record.png"
    arguments = ["--demo", "--mode", "record", "--size", "1280x720", "--screenshot", str(target)]
    subprocess.run([sys.executable, "-m", "sier_gui", *arguments], check=True, timeout=120)
    picture = QImage(str(target))
    assert (picture.width(), picture.height()) == (1280, 720)
    title = {picture.pixel(x, y) for x in range(20, 400) for y in range(30, 50)}
    assert len(title) > 10  # the steps are written there
