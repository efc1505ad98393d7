"""Selections by drag and by key: what is enclosed, in seconds, Hz and pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import views
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.domain import Modality, Selection
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.state import AppState, Held

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def shown(widget: QWidget, qtbot: QtBot) -> None:
    qtbot.addWidget(widget)
    widget.setPalette(theme.palette(dark=False))
    widget.resize(900, 600)
    widget.show()


def drag(widget: QWidget, first: QPointF, last: QPointF) -> None:
    """Slowly enough that no plot takes it for a click."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), first.toPoint())
    for part in (0.3, 0.6, 1.0):
        QTest.mouseMove(widget, (first + part * (last - first)).toPoint())
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), last.toPoint())


@pytest.fixture
def image(qtbot: QtBot, state: AppState, actions: ActionTable) -> ImagePanel:
    panel = ImagePanel(state, actions)
    shown(panel, qtbot)
    state.set_sample(views.view(width=400, height=300))
    return panel


@pytest.fixture
def speech(qtbot: QtBot, state: AppState, actions: ActionTable) -> SpeechPanel:
    panel = SpeechPanel(state, actions)
    shown(panel, qtbot)
    state.set_sample(views.view())
    qtbot.wait(20)
    return panel


def test_a_box_dragged_on_the_picture_is_in_its_pixels(state: AppState, image: ImagePanel) -> None:
    canvas = image.canvas
    area = canvas.to_screen(QRectF(40, 30, 200, 100))
    drag(canvas, area.bottomRight(), area.topLeft())  # any two corners
    found = state.selection
    assert found is not None
    assert found.modality is Modality.IMAGE
    near = 1 / canvas.scale()  # a mouse points at whole points of the screen
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx((40, 30, 240, 130), abs=near)
    assert f"selected {found.text}" in image.caption.text()


def test_a_box_ends_at_the_picture(state: AppState, image: ImagePanel) -> None:
    canvas = image.canvas
    whole = canvas.to_screen(QRectF(0, 0, 400, 300))
    drag(canvas, whole.topLeft() + QPointF(60, 60), QPointF(canvas.width() - 1, canvas.height() - 1))
    assert state.selection is not None
    assert (state.selection.right, state.selection.bottom) == (400, 300)


def test_a_click_selects_nothing(state: AppState, image: ImagePanel) -> None:
    QTest.mouseClick(image.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), QPoint(300, 200))
    assert state.selection is None


def test_a_drag_on_the_waveform_selects_a_span(state: AppState, speech: SpeechPanel) -> None:
    plots = speech.plots
    left, width = plots.columns()
    start, stop = plots.span()
    wave = plots.wave.sceneBoundingRect()
    y = wave.center().y()
    drag(plots.viewport(), QPointF(left + 0.25 * width, y), QPointF(left + 0.5 * width, y))
    found = state.selection
    assert found is not None
    near = (stop - start) / width
    assert (found.start_s, found.end_s) == pytest.approx((0.25 * stop, 0.5 * stop), abs=1.5 * near)
    assert not found.banded
    assert plots.span() == (start, stop)  # it does not move the view
    marked, _ = plots.marks[1].areas()
    assert marked is not None
    assert marked.height() == 128  # all bands


def test_a_drag_on_the_spectrogram_selects_a_band_too(state: AppState, speech: SpeechPanel) -> None:
    plots, view = speech.plots, state.sample
    assert view is not None
    assert view.inputs is not None
    left, width = plots.columns()
    mel = plots.mel.sceneBoundingRect()

    def at(part: float, row: float) -> QPointF:
        return QPointF(left + part * width, mel.bottom() - row / 128 * mel.height())

    drag(plots.viewport(), at(0.2, 96), at(0.6, 32))
    found, times = state.selection, view.inputs.times
    assert found is not None
    assert times.row(found.low_hz) == pytest.approx(32, abs=128 / mel.height() * 1.5)
    assert times.row(found.high_hz) == pytest.approx(96, abs=128 / mel.height() * 1.5)
    assert "Hz" in speech.readout.text()


def test_a_click_on_a_word_selects_when_it_is_said(state: AppState, speech: SpeechPanel) -> None:
    row = speech.words
    word, start, end = row._words[2]
    assert word == "bags"
    at = QPoint(round(row._x((start + end) / 2)), row.height() // 2)
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), at)
    assert state.selection == Selection(Modality.SPEECH, start, end)
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0), QPoint(2, 5))  # beside the words
    assert state.selection == Selection(Modality.SPEECH, start, end)


def test_keys_alone_select_move_and_grow(state: AppState, speech: SpeechPanel) -> None:
    plots = speech.plots
    QTest.keyClick(plots, Qt.Key.Key_Right, SHIFT)
    first = state.selection
    edges = speech._edges()
    assert first is not None
    assert edges is not None
    assert (first.start_s, first.end_s) == pytest.approx((edges[0], edges[1]))
    QTest.keyClick(plots, Qt.Key.Key_Right, SHIFT)
    grown = state.selection
    assert grown is not None
    assert grown.start_s == first.start_s
    assert grown.end_s > first.end_s
    QTest.keyClick(plots, Qt.Key.Key_Right, CONTROL | SHIFT)
    moved = state.selection
    assert moved is not None
    assert moved.end_s - moved.start_s == pytest.approx(grown.end_s - grown.start_s)
    assert moved.start_s > grown.start_s
    QTest.keyClick(plots, Qt.Key.Key_Down, SHIFT)
    assert state.selection is not None
    assert state.selection.banded
    QTest.keyClick(plots, Qt.Key.Key_Up, SHIFT)
    assert state.selection == moved  # all frequencies again
    QTest.keyClick(plots, Qt.Key.Key_Escape)
    assert state.selection is None


def test_a_box_walks_to_the_edge_and_stays_as_large(state: AppState, image: ImagePanel) -> None:
    QTest.keyClick(image.canvas, Qt.Key.Key_Right, SHIFT)
    first = state.selection
    assert first is not None
    for _ in range(40):
        QTest.keyClick(image.canvas, Qt.Key.Key_Right, CONTROL | SHIFT)
    moved = state.selection
    assert moved is not None
    assert moved.right == 400
    assert moved.right - moved.left == pytest.approx(first.right - first.left)
    assert (moved.top, moved.bottom) == (first.top, first.bottom)
    for _ in range(40):
        QTest.keyClick(image.canvas, Qt.Key.Key_Left, SHIFT)
    assert state.selection is not None
    assert not state.selection.empty  # shrinks to one step


def test_what_is_taken_away_is_veiled_and_what_is_held_bears_no_overlay(
    state: AppState, image: ImagePanel
) -> None:
    """By the pixels: black and white pictures tell what lies above them."""

    def middle(selection: Selection) -> int:
        at = image.canvas.to_screen(QRectF(selection.left + 20, selection.top + 20, 0, 0)).topLeft().toPoint()
        return image.canvas.grab().toImage().pixelColor(at).lightness()

    of = views.view(width=400, height=300)
    state.set_sample(replace(of, picture=np.zeros((300, 400, 3), np.uint8)))
    away = Selection(Modality.IMAGE, left=60, top=60, right=160, bottom=160)
    assert middle(away) == 0
    state.set_removals((away, Selection(Modality.SPEECH, 0, 1)))
    assert middle(away) > 180  # a light window's colour
    state.set_removals(())
    state.set_attribution(views.attribution(of))
    assert middle(away) > 0  # the overlay
    other = views.view("other", width=400, height=300)
    state.set_held(Held(Modality.IMAGE, replace(other, picture=np.zeros((300, 400, 3), np.uint8))))
    assert middle(away) == 0
    assert image.caption.text().startswith("held: picture of other")
    state.set_held(None)
    assert middle(away) > 0


def test_another_sample_has_no_selection(state: AppState, image: ImagePanel) -> None:
    state.set_selection(Selection(Modality.IMAGE, right=10, bottom=10))
    state.set_sample(views.view(sample_id="other"))
    assert state.selection is None


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(Modality.SPEECH, 0.3124, 0.874), "0.312–0.874 s"),
        (Selection(Modality.SPEECH, 0, 1, 500, 2000.4), "0.000–1.000 s · 500–2,000 Hz"),
        (Selection(Modality.IMAGE, left=1.4, top=2, right=30, bottom=40), "x 1–30, y 2–40 px"),
    ],
)
def test_it_is_said_with_its_units(selection: Selection, text: str) -> None:
    assert selection.text == text
