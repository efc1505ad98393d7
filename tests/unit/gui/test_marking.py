"""What decided it: marked by keys alone or by mouse, taken back, left out; blind; stored in its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import rating
from blind import revealing, told, unnamed
from fixture_data import Open
from fixture_rater import Key, Rater
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sier_gui.core.study.records import Kind, Response
from sier_gui.gui.modes.study.marking import STEPS, PicturePad
from sier_gui.gui.modes.study.views import Stage

SHIFT = Qt.KeyboardModifier.ShiftModifier
SECRETS = (
    "item0", "spokentext", "picfile", "sndfile", "voxname", "shownset", "synthetic", "human", ".wav", ".png",
    *rating.CAST.values(), "gold", "label", "predict", "ss-i", "hs-i",
)  # fmt: skip
BUTTONS = {f"{k}   {name}" for k in range(1, 5) for name in rating.CLASSES} | set(rating.CLASSES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rating, "PROTOCOL", rating.PROTOCOL.replace("[trial]\n", "[trial]\nrationale = true\n"))
        return rating.write_study(tmp_path_factory.mktemp("made"))


@pytest.fixture
def rater(qtbot: QtBot, workbench: Open, made: Path, tmp_path: Path) -> Rater:
    shutil.copytree(made, tmp_path / "study")
    seated = Rater(qtbot, workbench(mode="study"))
    seated.open(tmp_path / "study")
    seated.sit("r1")
    return seated


def to_marking(rater: Rater) -> None:
    """The next trial's answer and how sure."""
    rater.pass_notices()
    rater.answer(1, 2)
    rater.until(lambda: rater.page.trial.stage is not Stage.SURE)


def stored(rater: Rater, count: int) -> list[Response]:
    rater.until(lambda: len(rater.project.responses("r1")) == count)
    return rater.project.responses("r1")


def test_marks_by_keys_alone_are_what_is_stored(rater: Rater) -> None:
    page, planned = rater.page.trial, rater.bench.study.rating.session.planned()  # type: ignore[union-attr]
    window = rater.bench.window
    met: set[str] = set()
    for number, trial in enumerate(planned[:12], 1):
        to_marking(rater)
        if trial.kind is Kind.TRAP:  # nothing to be marked
            assert stored(rater, number)[-1].rationale is None
            continue
        assert page.stage is Stage.MARK
        texts = told(window)
        assert revealing(texts, SECRETS, rating.CLASSES, BUTTONS) == {}
        assert unnamed(window) == []
        met |= texts
        if number % 3 == 0:
            rater.keys("s")
            assert stored(rater, number)[-1].rationale is None
            continue
        pad = page.board.pad()
        assert window.focusWidget() is pad
        assert not page.keep.isEnabled()
        shown = page.board._seconds  # of this trial: the next may be there as soon as this one is stored
        rater.keys(Key.Key_Left, Key.Key_Left)
        QTest.keyClick(pad, Key.Key_Right, SHIFT)
        rater.keys(Key.Key_Space, Key.Key_Right, Key.Key_Return)
        said = stored(rater, number)[-1].rationale
        assert said is not None
        edges = (5 / STEPS, 10 / STEPS), (6 / STEPS, 10 / STEPS)  # the first one moved by one and grew by one
        if trial.modality.picture:
            assert [(box[0], box[2]) for box in said.boxes] == list(edges)
            assert [(box[1], box[3]) for box in said.boxes] == [(6 / STEPS, 10 / STEPS)] * 2
        else:
            starts = rater.bench.study.opened.study.presenter._starts()  # type: ignore[union-attr]
            voice = rater.bench.study.opened.study.presenter.voice(trial)  # type: ignore[union-attr]
            begin = starts[voice, trial.sample_id]
            wanted = [(begin + a * shown, begin + b * shown) for a, b in edges]
            assert said.spans == pytest.approx([pytest.approx(span) for span in wanted])
            assert not said.boxes
    words = rater.page.words
    assert {words.mark_question, words.mark_help, words.mark_skip} <= met


def test_marks_can_be_taken_back_and_then_the_answer(rater: Rater) -> None:
    to_marking(rater)
    page = rater.page.trial
    while page.stage is not Stage.MARK:
        to_marking(rater)
    rater.keys(Key.Key_Left, Key.Key_Space, Key.Key_Right)
    assert len(page.board.pad().all()) == 2
    rater.keys(Key.Key_Backspace)
    assert len(page.board.pad().all()) == 1
    rater.keys(Key.Key_Backspace)
    assert page.board.rationale() is None
    assert page.stage is Stage.MARK
    assert page.keep.isVisible()
    assert not any(made.isVisible() for made in page.sure)
    rater.keys(Key.Key_Backspace)
    assert page.stage is Stage.SURE
    rater.keys(Key.Key_Backspace)
    assert page.stage is Stage.ANSWER
    rater.keys("3", "1", Key.Key_Return)
    said = stored(rater, 1)[0]
    assert (said.answer, said.confidence, said.rationale) == (
        str(page.answers[2].property("answer")),
        1,
        None,
    )


def test_the_marked_part_is_heard_and_then_the_answer_stays(rater: Rater) -> None:
    page = rater.page.trial
    to_marking(rater)
    count = 1
    while not page.board.sound.isVisible():
        rater.keys("s")
        stored(rater, count)
        count += 1
        to_marking(rater)
    shown = rater.bench.study.rating.trial.shown
    assert shown is not None
    assert shown.sound is not None
    page.board.sound.setFocus()
    rater.keys(Key.Key_Left, Key.Key_Left, "r")
    heard = rater.playback.played[-1][0]
    n = len(shown.sound)
    assert (heard == shown.sound[round(5 / 16 * n) : round(9 / 16 * n)]).all()
    rater.playback.advance(60)
    rater.keys(Key.Key_Backspace, Key.Key_Backspace)
    assert page.stage is Stage.MARK
    assert not page.undo.isEnabled()
    rater.keys("s")
    assert stored(rater, count)[-1].replays == 0
    rater.until(lambda: "heard while marking" in [event["what"] for event in rater.project.events("r1")])


def test_a_box_is_dragged_with_the_mouse(qtbot: QtBot) -> None:
    import numpy as np

    pad = PicturePad()
    qtbot.addWidget(pad)
    pad.resize(400, 300)
    pad.show_picture(np.zeros((100, 200, 3), np.uint8))
    pad.show()
    area = pad.area()

    def at(x: float, y: float) -> QPoint:
        return QPoint(round(area.left() + x * area.width()), round(area.top() + y * area.height()))

    left = Qt.MouseButton.LeftButton
    QTest.mousePress(pad, left, pos=at(0.75, 0.5))
    QTest.mouseMove(pad, at(0.25, 0.9))
    QTest.mouseRelease(pad, left, pos=at(0.25, 0.9))
    assert pad.marks == [pytest.approx((0.25, 0.5, 0.75, 0.9), abs=0.01)]
    QTest.mouseClick(pad, left, pos=at(0.5, 0.5))  # a click is no mark
    QTest.mousePress(pad, left, pos=at(0.9, 0.9))
    QTest.mouseMove(pad, at(1.4, 1.4))  # beyond the picture
    QTest.mouseRelease(pad, left, pos=at(1.4, 1.4))
    assert pad.all()[1:] == (pytest.approx((0.9, 0.9, 1.0, 1.0), abs=0.01),)
    assert pad.undo()
    assert pad.undo()
    assert not pad.undo()
    pad.close()
