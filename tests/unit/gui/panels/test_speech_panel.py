"""The speech panel: seconds and Hz where they belong, a play-head that redraws nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import views
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sier_gui.core.audio.features import log_mel
from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.explain.attribution import Attribution
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.panels.speech.items import hz_ticks, round_ticks
from sier_gui.gui.panels.speech.panel import PLAYBACK_ACTIONS
from sier_gui.gui.state import AppState, Hover, SampleView


@pytest.fixture
def panel(qtbot: QtBot, state: AppState, actions: ActionTable) -> SpeechPanel:
    widget = SpeechPanel(state, actions)
    qtbot.addWidget(widget)
    widget.setPalette(theme.palette(dark=False))
    widget.resize(760, 420)
    widget.show()
    return widget


def sounding(samples: np.ndarray, **options: object) -> SampleView:
    """A view of given samples at 16 kHz."""
    of = views.view(**options)
    assert of.picture is not None
    inputs = inputs_from(of.sample.sample_id, of.picture, samples, FrontEnd())
    return replace(of, speech=samples, inputs=inputs)


def only(of: SampleView, segment: int, value: float = 1.0) -> Attribution:
    attribution = views.attribution(of)
    for values in attribution.values.values():
        values[:] = 0
    attribution.values[Modality.SPEECH][2][segment] = value
    return attribution


def pixels(panel: SpeechPanel) -> np.ndarray:
    image = panel.plots.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def middle_of(panel: SpeechPanel, box: object) -> QPointF:
    return QPointF(panel.plots.mapFromScene(box.sceneBoundingRect()).boundingRect().center())  # type: ignore[attr-defined]


def x_of(panel: SpeechPanel, seconds: float, duration: float) -> float:
    """Screen column of a moment, while everything is shown."""
    left, width = panel.plots.columns()
    return left + seconds / duration * width


def move_mouse(panel: SpeechPanel, at: QPointF) -> None:
    viewport = panel.plots.viewport()
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, viewport.mapToGlobal(at), none, none, Qt.KeyboardModifier(0)
    )
    QApplication.sendEvent(viewport, event)


def labels(axis: object) -> list[str]:
    """What an axis writes, in order of position."""
    return [text for _, text in sorted(axis._tickLevels[0])]  # type: ignore[attr-defined]


@pytest.mark.parametrize("duration", [0.3, 1.7, 60.0])
@pytest.mark.parametrize("segment", [0, 5, 15])
def test_a_positive_segment_is_red_over_its_seconds(
    panel: SpeechPanel, state: AppState, duration: float, segment: int
) -> None:
    rng = np.random.default_rng(0)
    of = sounding(rng.normal(0, 0.2, round(duration * 16_000)).astype(np.float32))
    state.set_sample(of)
    attribution = only(of, segment)
    state.set_attribution(attribution)
    shown = pixels(panel)
    start, stop = attribution.segment_edges_s[segment : segment + 2]
    for box in (panel.plots.wave, panel.plots.mel):
        row = round(middle_of(panel, box).y())
        hue = shown[row, :, 0] - shown[row, :, 2]
        red = np.flatnonzero(hue > 60)
        assert red[0] == pytest.approx(x_of(panel, start, duration), abs=2)
        assert red[-1] + 1 == pytest.approx(x_of(panel, stop, duration), abs=2)


def test_a_negative_segment_is_blue_and_importance_has_no_sign(panel: SpeechPanel, state: AppState) -> None:
    of = sounding(np.random.default_rng(0).normal(0, 0.2, 16_000).astype(np.float32))
    state.set_sample(of)
    state.set_attribution(only(of, 8, -1.0))
    x = round(x_of(panel, 8.5 / 16, 1.0))
    for signed, wanted in ((True, -1), (False, 1)):
        state.change_overlay(signed=signed)
        shown = pixels(panel)
        for box in (panel.plots.wave, panel.plots.mel):
            at = shown[round(middle_of(panel, box).y()), x]
            assert np.sign(at[0] - at[2]) == wanted, (signed, at)


def test_the_spectrogram_is_magma_until_an_overlay_lies_on_it(panel: SpeechPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    centre = middle_of(panel, panel.plots.mel).toPoint()
    patch = np.s_[centre.y() - 20 : centre.y() + 20, centre.x() - 100 : centre.x() + 100]
    assert np.ptp(pixels(panel)[patch], axis=-1).mean() > 30
    state.set_attribution(only(of, 0))
    assert np.ptp(pixels(panel)[patch], axis=-1).mean() < 5
    state.change_overlay(visible=False)
    assert np.ptp(pixels(panel)[patch], axis=-1).mean() > 30


def test_the_play_head_moves_without_redrawing_what_it_passes(panel: SpeechPanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_attribution(views.attribution(of))
    viewport = panel.plots.viewport()
    viewport.repaint()
    items = (panel.plots.envelope, panel.plots.cells)
    before = [item.paints for item in items]
    pictures = pixels(panel)
    for seconds in np.linspace(0.1, 1.6, 20):
        state.set_playhead(float(seconds))
        viewport.repaint()
        assert panel.plots.heads[0].value() == pytest.approx(seconds)
    assert [item.paints for item in items] == before
    assert (pixels(panel) != pictures).any()  # the head itself is seen
    state.set_playhead(-1.0)
    np.testing.assert_array_equal(pixels(panel), pictures)
    state.change_overlay(signed=False)
    viewport.repaint()
    assert all(item.paints > count for item, count in zip(items, before, strict=True))  # the counter counts


def test_hovering_says_seconds_hz_level_and_segment(panel: SpeechPanel, state: AppState) -> None:
    t = np.arange(32_000) / 16_000
    of = sounding((0.01 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32))
    state.set_sample(of)
    state.set_attribution(only(of, 4, 0.25))
    assert of.inputs is not None
    box = panel.plots.mel.sceneBoundingRect()
    mels = 128
    y = box.bottom() - of.inputs.times.row(1000.0) / mels * box.height()
    move_mouse(panel, QPointF(x_of(panel, 0.56, 2.0), y))
    assert state.hover.seconds == pytest.approx(0.56, abs=2.0 / box.width())
    assert state.hover.hz == pytest.approx(1000, rel=0.02)
    text = panel.readout.text()
    row = int(of.inputs.times.row(1000.0))
    cell = of.inputs.tensors[Modality.SPEECH][0, row, int(of.inputs.times.column(0.56))]
    decibel = -80 * (1 - float(cell)) + 25
    assert f"· {decibel:.0f} dB ·".replace("-", "−") in text
    assert "segment 5 φ +0.250 (0.5" in text
    assert panel.plots.cross[0].isVisible()
    move_mouse(panel, QPointF(x_of(panel, 1.5, 2.0), middle_of(panel, panel.plots.wave).y()))
    assert state.hover.hz is None
    assert "Hz" not in panel.readout.text()
    assert "segment 12 φ +0.000" in panel.readout.text() or "segment 13 φ +0.000" in panel.readout.text()
    QApplication.sendEvent(panel.plots, QEvent(QEvent.Type.Leave))
    assert state.hover == Hover()
    assert panel.readout.text() == "2.00 s · 16 kHz"
    assert not panel.plots.cross[0].isVisible()


def test_the_loudest_row_of_a_tone_lies_at_its_tick(panel: SpeechPanel, state: AppState) -> None:
    t = np.arange(16_000) / 16_000
    of = sounding((0.5 * np.sin(2 * np.pi * 2000 * t)).astype(np.float32))
    state.set_sample(of)
    column = pixels(panel)[:, round(x_of(panel, 0.5, 1.0))].sum(axis=-1)
    box = panel.plots.mel.sceneBoundingRect()
    top, bottom = round(box.top()), int(box.bottom())
    brightest = top + int(column[top:bottom].argmax())
    position = next(p for p, text in panel.plots.mel_axis._tickLevels[0] if text.startswith("2k"))
    assert brightest == pytest.approx(
        box.bottom() - position / 128 * box.height(), abs=box.height() / 128 + 1
    )


def test_axes_keep_their_place_after_an_empty_state(panel: SpeechPanel, state: AppState) -> None:
    state.set_sample(views.view())
    place = panel.plots.columns()
    assert place[0] >= 40  # room for the labels
    state.set_sample(views.view(broken=Modality.SPEECH))
    state.set_sample(views.view())
    assert panel.plots.columns() == place
    left = place[0] + panel.plots.x() - panel.words.x()
    assert panel.words._columns == pytest.approx((left, place[1]))


def test_a_click_sets_where_playback_starts(panel: SpeechPanel, state: AppState, qtbot: QtBot) -> None:
    state.set_sample(views.view(seconds=2.0))
    at = QPoint(round(x_of(panel, 1.25, 2.0)), round(middle_of(panel, panel.plots.wave).y()))
    qtbot.mouseClick(panel.plots.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert state.playhead == pytest.approx(1.25, abs=0.01)
    assert panel.plots.heads[0].isVisible()


def test_zooming_keeps_axes_words_and_plots_together_and_a_key_resets(
    panel: SpeechPanel, state: AppState, qtbot: QtBot
) -> None:
    state.set_sample(views.view(seconds=60.0))
    assert labels(panel.plots.time_axis)[:2] == ["0", "10"]
    panel.plots.wave.setXRange(20.0, 21.0, padding=0)
    assert panel.plots.span() == pytest.approx((20.0, 21.0))
    assert panel.plots.mel.viewRange()[0] == pytest.approx([20.0, 21.0])
    assert panel.words._span == pytest.approx((20.0, 21.0))
    assert labels(panel.plots.time_axis)[0] == "20"
    start, stop = panel.plots.span()
    qtbot.keyClick(panel.plots, Qt.Key.Key_PageDown)
    assert panel.plots.span()[0] > start
    qtbot.keyClick(panel.plots, Qt.Key.Key_PageUp)
    assert panel.plots.span() == pytest.approx((start, stop))
    qtbot.keyClick(panel.plots, Qt.Key.Key_Home)
    assert panel.plots.span() == pytest.approx((0.0, 60.0))
    qtbot.keyClick(panel.plots, Qt.Key.Key_Plus)
    start, stop = panel.plots.span()
    assert stop - start == pytest.approx(48.0)


def test_one_cannot_zoom_or_pan_beyond_the_speech(panel: SpeechPanel, state: AppState) -> None:
    state.set_sample(views.view(seconds=0.3))
    panel.plots.wave.setXRange(-5.0, 9.0, padding=0)
    assert panel.plots.span() == pytest.approx((0.0, 0.3))
    panel.plots.wave.setXRange(0.1, 0.1001, padding=0)
    start, stop = panel.plots.span()
    assert stop - start >= 0.0199


def test_arrow_keys_step_through_segments(panel: SpeechPanel, state: AppState, qtbot: QtBot) -> None:
    of = views.view(seconds=1.6)
    state.set_sample(of)
    state.set_attribution(only(of, 1, -0.5))
    edges = state.attribution.segment_edges_s  # type: ignore[union-attr]
    for expected in (0, 1):
        qtbot.keyClick(panel.plots, Qt.Key.Key_Right)
        assert state.hover.seconds == pytest.approx((edges[expected] + edges[expected + 1]) / 2)
    assert "segment 2 φ −0.500" in panel.readout.text()
    assert panel.plots.accessibleDescription() == panel.readout.text()
    for _ in range(5):
        qtbot.keyClick(panel.plots, Qt.Key.Key_Left)
    assert state.hover.seconds == pytest.approx((edges[0] + edges[1]) / 2)
    qtbot.keyClick(panel.plots, Qt.Key.Key_Escape)
    assert state.hover.seconds is None


def test_words_over_important_segments_are_emphasised(panel: SpeechPanel, state: AppState) -> None:
    of = views.view(text="aaa bbb ccc ddd", seconds=1.6)
    state.set_sample(of)
    assert panel.words.emphasised_words() == []
    attribution = only(of, 0)
    attribution.values[Modality.SPEECH][2][4:8] = 1.0  # the second quarter
    attribution.values[Modality.SPEECH][2][0] = -1.0
    state.set_attribution(attribution)
    assert panel.words.emphasised_words() == ["bbb"]
    state.set_target("anger")  # all zero there
    assert panel.words.emphasised_words() == []


def test_ten_thousand_characters_fit_on_one_line_and_spread_when_zoomed(
    panel: SpeechPanel, state: AppState
) -> None:
    panel.resize(1000, 420)  # room for any font
    text = ("word " * 2000).strip() + " last."
    width = panel.minimumSizeHint().width()
    state.set_sample(views.view(text=text, seconds=2.0))
    assert panel.minimumSizeHint().width() == width
    assert panel.words._crowded()
    assert len(panel.words.accessibleDescription()) < 2000
    panel.words.grab()
    panel.plots.wave.setXRange(0.5, 0.52, padding=0)
    assert not panel.words._crowded()


def test_broken_speech_says_which_file_and_why(panel: SpeechPanel, state: AppState) -> None:
    state.set_sample(views.view())
    state.set_sample(views.view(broken=Modality.SPEECH))
    said = panel.plots.accessibleDescription()
    assert "anger_0007" in said
    assert "it breaks off after 512 bytes" in said
    assert panel.readout.text() == ""
    assert np.ptp(pixels(panel)) > 100
    move_mouse(panel, QPointF(300, 100))
    assert state.hover == Hover()


def test_a_broken_picture_leaves_waveform_and_spectrogram(panel: SpeechPanel, state: AppState) -> None:
    of = views.view(broken=Modality.IMAGE)
    state.set_sample(of)
    assert of.speech is not None
    np.testing.assert_array_equal(panel.plots.picture.image, log_mel(of.speech, FrontEnd())[0][0])
    assert panel.readout.text() == "1.80 s · 16 kHz"


def test_what_the_network_does_not_hear_has_no_segment(panel: SpeechPanel, state: AppState) -> None:
    of = views.view(seconds=4.0, front=FrontEnd(time="window"))
    state.set_sample(of)
    state.set_attribution(views.attribution(of))
    state.set_hover(Hover(seconds=0.05))
    assert "outside what the network hears" in panel.readout.text()
    shown, row = pixels(panel), round(middle_of(panel, panel.plots.wave).y())
    grey = theme.colours(panel.palette()).muted
    assert shown[row, round(x_of(panel, 0.05, 4.0))].tolist() == list(grey.getRgb()[:3])


def test_another_samples_attribution_is_not_drawn(panel: SpeechPanel, state: AppState) -> None:
    state.set_sample(views.view())
    before = pixels(panel)
    state.set_attribution(views.attribution(views.view("another")))
    np.testing.assert_array_equal(pixels(panel), before)


def test_the_theme_may_change_at_any_time(panel: SpeechPanel, state: AppState) -> None:
    state.set_sample(views.view())
    light = pixels(panel)
    panel.setPalette(theme.palette(dark=True))
    dark = pixels(panel)
    row = round(middle_of(panel, panel.plots.wave).y())
    left, width = panel.plots.columns()
    assert light[3, round(left) + 3].mean() > 200
    assert dark[3, round(left) + 3].mean() < 60
    wave = np.s_[row, round(left + 0.02 * width)]  # within the first syllable
    assert light[wave].mean() < 100
    assert dark[wave].mean() > 150


def test_the_spectrogram_offers_no_menu_of_the_plotting_library(panel: SpeechPanel) -> None:
    for box in (panel.plots.wave, panel.plots.mel):
        assert not box.menuEnabled()
        assert box.menu is None


def test_playback_buttons_are_the_actions(panel: SpeechPanel, actions: ActionTable) -> None:
    assert [b.defaultAction() for b in panel.buttons] == [actions.action(name) for name in PLAYBACK_ACTIONS]
    assert all(b.focusPolicy() == Qt.FocusPolicy.StrongFocus for b in panel.buttons)


@pytest.mark.parametrize(
    ("start", "stop", "wanted", "expected"),
    [
        (0.0, 1.7, 4, [0.0, 0.5, 1.0, 1.5]),
        (0.0, 60.0, 6, [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]),
        (0.0, 0.3, 3, [0.0, 0.1, 0.2, 0.3]),
        (20.13, 20.22, 4, [20.15, 20.2]),
        (0.0, 0.0, 4, []),
    ],
)
def test_ticks_are_round(start: float, stop: float, wanted: int, expected: list[float]) -> None:
    assert round_ticks(start, stop, wanted) == pytest.approx(expected)


def test_hz_ticks_are_octaves_that_never_touch() -> None:
    _, times = log_mel(np.zeros(1600, np.float32), FrontEnd())
    roomy = hz_ticks(times, row_height=5.0, gap=14)
    assert [text for _, text in roomy] == ["4k Hz", "2k", "1k", "500", "250", "125"]
    for row, text in roomy[1:]:
        assert times.hz(row) == pytest.approx(float(text.replace("k", "000")), rel=1e-6)
    tight = hz_ticks(times, row_height=0.5, gap=14)
    rows = [row for row, _ in tight]
    assert len(rows) >= 2
    assert min(-np.diff(rows)) * 0.5 >= 14


def cell_colour(panel: SpeechPanel, seconds: float, duration: float, mel_fraction: float) -> np.ndarray:
    """What the spectrogram shows at a moment and a height, 0 the lowest mel row."""
    box = panel.plots.mapFromScene(panel.plots.mel.sceneBoundingRect()).boundingRect()
    y = box.bottom() - mel_fraction * box.height()
    return pixels(panel)[round(y), round(x_of(panel, seconds, duration))]


def test_bands_are_cells_of_time_and_frequency(panel: SpeechPanel, state: AppState) -> None:
    of = sounding(np.zeros(16_000, np.float32))
    state.set_sample(of)
    attribution = views.attribution(of, segments=4, bands=4)
    for values in attribution.values.values():
        values[:] = 0
    attribution.values[Modality.SPEECH][2, 3, 1] = 1.0  # the highest band of the second segment
    attribution.values[Modality.SPEECH][2, 0, 2] = -1.0  # the lowest of the third
    state.set_attribution(attribution)

    def hue(seconds: float, height: float) -> int:
        colour = cell_colour(panel, seconds, 1.0, height)
        return int(colour[0] - colour[2])

    assert hue(0.375, 0.875) > 60
    assert hue(0.625, 0.125) < -60
    assert all(abs(hue(0.375, height)) < 25 for height in (0.125, 0.375, 0.625))
    assert abs(hue(0.625, 0.875)) < 25
    assert of.inputs is not None
    state.set_hover(Hover(seconds=0.375, hz=of.inputs.times.hz(120)))
    assert "segment 2 band 4 φ +1.000" in panel.readout.text()
    assert panel.readout.text().endswith(f"–{of.inputs.times.mel_edges_hz[-1]:,.0f} Hz)")
    state.set_hover(Hover(seconds=0.375, hz=of.inputs.times.hz(10)))
    assert "segment 2 band 1 φ +0.000" in panel.readout.text()
    state.set_hover(Hover(seconds=0.375))  # on the waveform: the sum over bands
    assert "segment 2 φ +1.000" in panel.readout.text()


def test_segments_of_unequal_length_lie_where_their_edges_are(
    panel: SpeechPanel, state: AppState, qtbot: QtBot
) -> None:
    rng = np.random.default_rng(0)
    of = sounding(rng.normal(0, 0.2, 16_000).astype(np.float32))
    state.set_sample(of)
    edges = np.array([0.0, 0.12, 0.2, 0.71, 1.0])
    attribution = views.attribution(of, segments=4)
    for values in attribution.values.values():
        values[:] = 0
    attribution.values[Modality.SPEECH][2, 2] = 1.0
    state.set_attribution(replace(attribution, segment_edges_s=edges))
    shown = pixels(panel)
    for box in (panel.plots.wave, panel.plots.mel):
        row = round(middle_of(panel, box).y())
        red = np.flatnonzero(shown[row, :, 0] - shown[row, :, 2] > 60)
        assert red[0] == pytest.approx(x_of(panel, 0.2, 1.0), abs=2)
        assert red[-1] + 1 == pytest.approx(x_of(panel, 0.71, 1.0), abs=2)
    for _ in range(3):
        qtbot.keyClick(panel.plots, Qt.Key.Key_Right)
    assert state.hover.seconds == pytest.approx((0.2 + 0.71) / 2)


def test_unsettled_segments_are_hatched_in_waveform_and_spectrogram(
    panel: SpeechPanel, state: AppState
) -> None:
    t = np.arange(16_000) / 16_000
    of = sounding((0.5 * np.sin(2 * np.pi * 3000 * t)).astype(np.float32))
    state.set_sample(of)
    exact = only(of, 0)
    exact.values[Modality.SPEECH][:] = 0.1
    coarse = {m: np.zeros(v.shape[1:], bool) for m, v in exact.values.items()}
    coarse[Modality.SPEECH][8:] = True
    state.set_attribution(exact)
    plain = pixels(panel)
    state.set_attribution(replace(exact, complete=False, coarse=coarse))
    shown = pixels(panel)
    for box in (panel.plots.wave, panel.plots.mel):
        y = round(middle_of(panel, box).y())
        settled, unsettled = (
            np.s_[y - 6 : y + 6, round(x_of(panel, at, 1.0)) : round(x_of(panel, at + 0.2, 1.0))]
            for at in (0.2, 0.7)
        )
        np.testing.assert_array_equal(shown[settled], plain[settled])
        assert np.abs(shown[unsettled] - plain[unsettled]).max() > 40
    state.change_overlay(shared_scale=False)  # its own key then stands below it
    assert panel.key.hatching() == "unsettled"


def test_before_an_explanation_words_and_seconds_have_no_segments_to_step_through(
    panel: SpeechPanel, state: AppState, qtbot: QtBot
) -> None:
    state.set_sample(views.view(seconds=1.6))
    state.change_explain_options(segments="words")
    qtbot.keyClick(panel.plots, Qt.Key.Key_Right)
    assert state.hover.seconds is None
    state.change_explain_options(segments=4)
    qtbot.keyClick(panel.plots, Qt.Key.Key_Right)
    assert state.hover.seconds == pytest.approx(0.2)
