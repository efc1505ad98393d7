"""What a rater's window contains, on every page: no label, prediction, source, text, file or sample."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from blind import revealing, told, unnamed
from fixture_data import Open
from fixture_rater import Key, Rater
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from rating import CAST, CLASSES

from sier_gui.core.errors import SierError
from sier_gui.core.study.records import Kind, Modality
from sier_gui.gui.modes.study.views import Stage
from sier_gui.gui.workflows import rating as rating_module

# sources, samples, texts, files, modalities, kinds of trials, predictions, the project
SECRETS = (
    "item0", "spokentext", "picfile", "sndfile", "voxname", "shownset", "synthetic", "human", *CAST.values(),
    ".wav", ".png", ".csv", "sqlite", "trap", "gold", "reserve", "label", "predict", "ss-i", "hs-i", "female",
    "simulated", "shapley", "group", "readeress", "study/", "/tmp",
)  # fmt: skip
BUTTONS = {f"{k}   {name}" for k in range(1, 5) for name in CLASSES} | set(CLASSES)
PAGES = {
    "consent", "declined", "about", "headphones", "tones", "volume", "practice", "begin", "break", "late",
    "stop", "stopped", "failed", "mute", "silent", "thanks", "sure", "storing",
    *(f"trial {m}" for m in Modality),
}  # fmt: skip


def found_in(window: QWidget, *, trap: bool = False) -> dict[str, str]:
    return revealing(told(window), SECRETS, () if trap else CLASSES, BUTTONS)


class Walk:
    """Looks at a page when it is shown."""

    def __init__(self, rater: Rater) -> None:
        self.rater, self.pages, self.texts = rater, set[str](), set[str]()

    def at(self, page: str, *, trap: bool = False) -> None:
        window = self.rater.bench.window
        assert window.windowTitle() == "sier-gui"
        assert found_in(window, trap=trap) == {}
        assert unnamed(window) == []
        self.pages.add(page)
        self.texts |= told(window)

    def notice(self, page: str, heading: str) -> None:
        self.rater.notice(heading)
        self.at(page)


@pytest.fixture
def rater(qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path) -> Rater:
    shutil.copytree(made, tmp_path / "study")
    seated = Rater(qtbot, workbench(mode="study"))
    seated.open(tmp_path / "study")
    seated.bench.window.setWindowTitle("shownset — sier-gui")  # as another mode leaves it
    # errors of other work stay the experimenter's
    seated.bench.messages.error(SierError("Cannot read shownset/picfile3.png.", "Look at item003."))
    return seated


def walk_to_the_trials(walk: Walk) -> None:
    rater, words = walk.rater, walk.rater.page.words
    rater.keys("r0", Key.Key_Return)
    walk.notice("consent", words.consent_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    walk.notice("declined", words.thanks_title)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    rater.keys("r1", Key.Key_Return)
    rater.notice(words.consent_title)
    rater.keys(Key.Key_Return)
    rater.at(rater.page.about)
    walk.at("about")
    rater.keys(*[Key.Key_Tab] * 4, Key.Key_Space)
    rater.at(rater.page.headphones)
    walk.at("headphones")
    rater.keys(Key.Key_Space)
    for _ in range(6):
        rater.until(lambda: rater.playback.playing)
        rater.playback.advance(60)
        walk.at("tones")
        rater.keys("1")
    rater.at(rater.page.volume)
    walk.at("volume")
    rater.volume()
    walk.notice("practice", words.practice_title)


def walk_a_trial(walk: Walk) -> bool:
    """Look at all states of the next trial, and answer it; False at the end."""
    rater, words = walk.rater, walk.rater.page.words
    page, rating = rater.page.trial, rater.bench.study.rating
    while True:
        rater.until(
            lambda: (
                rating.over
                or (rater.page.step is page and page.stage is not Stage.STORING)
                or rating.notices.waiting
            )
        )
        if rating.over:
            return False
        if not rating.notices.waiting:
            break
        heading = rater.page.notice.title.text()
        walk.at({words.begin_title: "begin", words.break_title: "break", words.late_title: "late"}[heading])
        rater.keys(Key.Key_Return)
    session = rating.session
    assert session is not None
    assert session.current is not None
    trap = session.current.kind is Kind.TRAP
    walk.at(f"trial {session.current.modality}", trap=trap)
    rater.hear()
    walk.at(f"trial {session.current.modality}", trap=trap)
    rater.keys("1")
    walk.at("sure", trap=trap)
    rater.keys("2")
    walk.at("storing", trap=trap)
    return True


def test_no_page_of_a_rater_tells_what_is_judged(rater: Rater, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, words = Walk(rater), rater.page.words
    walk_to_the_trials(walk)
    rater.keys(Key.Key_Return)
    trouble: list[Callable[[Walk], None]] = [walk_a_stop, walk_a_full_disk, walk_a_lost_loudspeaker]
    late = rating_module.monotonic
    count = 0
    while walk_a_trial(walk):
        count += 1
        if count > 4 and trouble:
            rater.pass_notices()
            trouble.pop()(walk)
        if count == 16:
            monkeypatch.setattr(rating_module, "monotonic", lambda: late() + 3600)
    walk.notice("thanks", words.thanks_title)
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    rater.keys("r2", Key.Key_Return)
    rater.notice(words.consent_title)
    rater.keys(Key.Key_Return)
    rater.at(rater.page.about)
    rater.keys(Key.Key_Escape)
    rater.notice(words.stop_title)
    rater.keys(Key.Key_Tab, Key.Key_Space)
    walk.notice("stopped", words.stopped_title)
    assert walk.pages == PAGES
    assert {words.question, words.sure_question, words.listen, words.look, words.playing} <= walk.texts
    rater.bench.actions.trigger("study.unlock")
    rater.at(rater.page.desk)
    assert found_in(rater.bench.window) != {}  # the experimenter's desk names the project: it is seen


def walk_a_stop(walk: Walk) -> None:
    rater, words = walk.rater, walk.rater.page.words
    rater.keys(Key.Key_Escape)
    walk.notice("stop", words.stop_title)
    rater.keys(Key.Key_Return)
    rater.at(rater.page.trial)


def walk_a_full_disk(walk: Walk) -> None:
    """The project's error names its file; the rater's page does not."""
    rater, words = walk.rater, walk.rater.page.words
    connection = rater.project._connection
    rater.hear()
    with pytest.MonkeyPatch.context() as patch:

        def full(*_what: object) -> int:
            raise SierError("The project file study.sqlite cannot be used: the disk is full.", "Make room.")

        patch.setattr(type(rater.project), "add_answer", full)
        rater.keys("1", "1")
        walk.notice("failed", words.failed_title)
    assert connection is rater.project._connection
    rater.keys(Key.Key_Return)
    rater.pass_notices()


def walk_a_lost_loudspeaker(walk: Walk) -> None:
    rater, words = walk.rater, walk.rater.page.words
    while rater.bench.study.rating.trial.shown.sound is None:  # type: ignore[union-attr]
        rater.answer(0, 1)
        rater.pass_notices()
    rater.until(lambda: rater.playback.playing)
    rater.playback.unplug()
    walk.notice("silent", words.silent_title)
    while rater.page.notice.text.text() != words.mute:
        rater.keys(Key.Key_Return)
        rater.until(
            lambda: (
                rater.page.notice.text.text() == words.mute
                or (rater.page.step is rater.page.trial and rater.page.trial.stage is Stage.ANSWER)
            )
        )
        if rater.page.trial.stage is Stage.ANSWER:
            rater.keys("1", "1")
            rater.until(
                lambda: rater.bench.study.rating.notices.waiting or rater.page.trial.stage is Stage.ANSWER
            )
    walk.at("mute")
    rater.playback.missing = False
    rater.keys(Key.Key_Return)
    rater.at(rater.page.trial)


# ---------------------------------------------------------------- the walk sees what it should


def test_a_label_planted_on_the_trial_s_page_is_found(rater: Rater) -> None:
    rater.sit("r1")
    rater.pass_notices()
    window, page = rater.bench.window, rater.page.trial
    session = rater.bench.study.rating.session
    assert session is not None
    assert session.current is not None
    label, sample = session.current.label, session.current.sample_id
    assert found_in(window) == {}
    page.stimulus.setToolTip(f"it is {label}")
    assert list(found_in(window)) == [f"it is {label}"]
    page.stimulus.setToolTip("")
    page.stimulus.show_state(sample, 0.5)  # painted by hand, and no widget's text
    assert sample in found_in(window)
    page.stimulus.show_state("playing", 0.5)
    page.bar.setFormat(f"%v of %m, {CAST[next(iter(CAST))]}")
    assert found_in(window) != {}
    page.bar.setFormat("%p%")
    assert found_in(window) == {}


class Painted(QWidget):
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawText(5, 20, "item007")
        painter.end()


def _combo() -> QComboBox:
    box = QComboBox()
    box.addItems(["one", "item007"])
    return box


def _field() -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText("item007")
    return field


def _bar() -> QProgressBar:
    bar = QProgressBar()
    bar.setFormat("item007 %p")
    return bar


def _named(**texts: str) -> Callable[[], QWidget]:
    def make() -> QWidget:
        widget = QPushButton("fine")
        for name, text in texts.items():
            getattr(widget, name)(text)
        return widget

    return make


@pytest.mark.parametrize(
    "plant",
    [
        lambda: QLabel("<b>item007</b>"),
        _named(setToolTip="item007"),
        _named(setStatusTip="item007"),
        _named(setWhatsThis="item007"),
        _named(setAccessibleName="item007"),
        _named(setAccessibleDescription="item007"),
        _named(setWindowTitle="item007"),
        Painted,
        _combo,
        _field,
        _bar,
    ],
)
def test_the_walk_finds_what_is_planted(qtbot: QtBot, plant: Callable[[], QWidget]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(400, 200)
    layout = QVBoxLayout(window)
    layout.addWidget(QLabel("harmless"))
    window.show()
    assert revealing(told(window), ("item0",), (), ()) == {}
    planted = plant()
    planted.setMinimumHeight(30)
    layout.addWidget(planted)
    qtbot.waitUntil(planted.isVisible)
    assert revealing(told(window), ("item0",), (), ()) != {}
    planted.hide()
    assert revealing(told(window), ("item0",), (), ()) == {}


def test_a_control_without_a_name_is_found(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    field = QLineEdit()
    layout.addWidget(field)
    window.show()
    assert len(unnamed(window)) == 1
    field.setAccessibleName("Language")
    assert unnamed(window) == []
