"""The picture panel, by its pixels: patches lie exactly where the network looked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import views
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.explain.attribution import Attribution
from sier_gui.gui import theme
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.state import AppState, SampleView


@pytest.fixture
def panel(qtbot: QtBot, state: AppState, actions: ActionTable) -> ImagePanel:
    widget = ImagePanel(state, actions)
    qtbot.addWidget(widget)
    widget.setPalette(theme.palette(dark=False))
    widget.resize(916, 640)
    widget.show()
    return widget


def grey_view(width: int, height: int, fit: str = "crop") -> SampleView:
    """A picture of one grey: every colour in the result comes from the overlay."""
    of = views.view(width=width, height=height)
    picture = np.full((height, width, 3), 128, np.uint8)
    inputs = inputs_from(of.sample.sample_id, picture, of.speech, FrontEnd(image_fit=fit))
    return replace(of, picture=picture, inputs=inputs)


def only(of: SampleView, patch: tuple[int, int], grid: int, value: float = 1.0) -> Attribution:
    """An attribution with one patch that is not zero, for the class "hate"."""
    attribution = views.attribution(of, grid=grid)
    for values in attribution.values.values():
        values[:] = 0
    attribution.values[Modality.IMAGE][2][patch] = value
    return attribution


def pixels(panel: ImagePanel) -> np.ndarray:
    """The canvas as int (height, width, 3), its focus frame painted over."""
    image = panel.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    shown = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
    shown[[0, -1]] = shown[1, 1]  # without the frame that says where the focus is
    shown[:, [0, -1]] = shown[1, 1]
    return shown


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def move_mouse(panel: ImagePanel, x: float, y: float) -> None:
    at = QPointF(x, y)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, at, panel.canvas.mapToGlobal(at), none, none, Qt.KeyboardModifier(0)
    )
    QApplication.sendEvent(panel.canvas, event)


@pytest.mark.parametrize(
    ("width", "height", "fit", "patch", "expected"),
    [
        # by hand: the crop is the middle 400 × 400, its patches 50 × 50 pixels of the picture
        (3000, 400, "crop", (2, 5), (1550, 100, 1600, 150)),
        (400, 1200, "crop", (0, 0), (0, 400, 50, 450)),
        (800, 400, "stretch", (7, 7), (700, 350, 800, 400)),
        # padded to 1200 × 1200: picture columns start at network column 3 · 50 - 0
        (400, 1200, "pad", (4, 3), (50, 600, 200, 750)),
        (640, 640, "crop", (3, 3), (240, 240, 320, 320)),
    ],
)
def test_a_positive_patch_is_red_exactly_where_the_network_looked(
    panel: ImagePanel,
    state: AppState,
    width: int,
    height: int,
    fit: str,
    patch: tuple[int, int],
    expected: tuple[int, int, int, int],
) -> None:
    of = grey_view(width, height, fit)
    state.set_sample(of)
    state.set_attribution(only(of, patch, grid=8))
    shown = pixels(panel)
    box = box_of(shown[..., 0] - shown[..., 2] > 40)
    span = max(width, height) if fit == "pad" else 0  # what is shown: the picture, or the padded square
    scene_width, scene_height = max(width, span), max(height, span)
    scale = min((panel.canvas.width() - 8) / scene_width, (panel.canvas.height() - 8) / scene_height)
    middle = panel.canvas.width() / 2, panel.canvas.height() / 2
    wanted = [
        (value - (width, height)[axis % 2] / 2) * scale + middle[axis % 2]
        for axis, value in enumerate(expected)
    ]
    # to the next screen pixel, and the rounding of 400/1200 of 128 network columns to 43
    tolerance = 0.6 + (0.5 * 1200 / 128 * scale if fit == "pad" else 0)
    np.testing.assert_allclose(box, wanted, atol=tolerance)


def test_a_negative_patch_is_blue_and_neutral_ones_have_no_hue(panel: ImagePanel, state: AppState) -> None:
    of = grey_view(640, 640)
    state.set_sample(of)
    state.set_attribution(only(of, (0, 0), 8, -1.0))
    shown = pixels(panel)
    hue = shown[..., 0] - shown[..., 2]
    inside = np.abs(hue) > 40
    assert (hue[inside] < 0).all()
    left, top, right, bottom = box_of(inside)
    side = min(panel.canvas.width(), panel.canvas.height()) - 8
    np.testing.assert_allclose([right - left, bottom - top], side / 8, atol=1.0)


def test_what_the_network_does_not_see_is_dimmed(panel: ImagePanel, state: AppState) -> None:
    state.set_sample(grey_view(3000, 400))
    shown, middle = pixels(panel), panel.canvas.height() // 2
    ground = theme.palette(dark=False).window().color().red()
    seen, unseen = shown[middle, panel.canvas.width() // 2, 0], shown[middle, 60, 0]
    assert seen == 128
    assert abs(unseen - ground) < abs(seen - ground) / 2


def test_the_picture_is_coloured_until_an_overlay_lies_on_it(panel: ImagePanel, state: AppState) -> None:
    of = views.view()
    state.set_sample(of)
    hue = np.ptp(pixels(panel), axis=-1)
    state.set_attribution(only(of, (0, 0), 8, 1e-12))
    state.change_overlay(opacity=0.0)
    assert hue[300, 450] > 50
    assert np.ptp(pixels(panel), axis=-1)[300, 450] <= 2
    state.change_overlay(visible=False)
    np.testing.assert_array_equal(np.ptp(pixels(panel), axis=-1)[300, 450], hue[300, 450])


def test_opacity_decides_how_much_of_the_picture_is_left(panel: ImagePanel, state: AppState) -> None:
    of = grey_view(640, 640)
    state.set_sample(of)
    state.set_attribution(only(of, (4, 4), 8))
    at = panel.canvas.to_screen(panel.canvas.scene_rectangle()).center().toPoint()
    x, y = at.x() + 10, at.y() + 10
    red = theme.lut("diverging")[-1].astype(float)
    for opacity in (0.0, 0.5, 1.0):
        state.change_overlay(opacity=opacity)
        np.testing.assert_allclose(pixels(panel)[y, x], 128 + (red - 128) * opacity, atol=2)


def test_hovering_says_value_place_and_pixels(panel: ImagePanel, state: AppState) -> None:
    of = grey_view(3000, 400)
    state.set_sample(of)
    state.set_attribution(only(of, (2, 5), 8, 0.125))
    scale = (panel.canvas.width() - 8) / 3000
    x, y = 4 + 1575 * scale, panel.canvas.height() / 2 + (125 - 200) * scale
    move_mouse(panel, x, y)
    assert state.hover.pixel == pytest.approx((1575, 125), abs=2 / scale)
    assert panel.caption.text() == "φ +0.125 · row 3, column 6 · x 1550–1600, y 100–150 px"
    move_mouse(panel, 20, y)
    assert panel.caption.text() == "3000 × 400 px"  # outside what the network sees
    QApplication.sendEvent(panel.canvas, QEvent(QEvent.Type.Leave))
    assert state.hover.pixel is None


def test_the_patch_under_the_pointer_is_outlined(panel: ImagePanel, state: AppState) -> None:
    of = grey_view(640, 640)
    state.set_sample(of)
    before = pixels(panel)
    move_mouse(panel, panel.canvas.width() / 2 + 5, panel.canvas.height() / 2 + 5)
    left, top, right, bottom = box_of(np.abs(pixels(panel) - before).max(axis=-1) > 30)
    patch = panel.canvas.scale() * 80
    assert right - left == pytest.approx(patch, abs=5)
    assert bottom - top == pytest.approx(patch, abs=5)


def test_arrow_keys_move_the_patch_cursor_and_stop_at_the_border(
    panel: ImagePanel, state: AppState, qtbot: QtBot
) -> None:
    of = views.view(width=3000, height=400)
    state.set_sample(of)
    state.set_attribution(views.attribution(of, grid=4))
    panel.canvas.setFocus()
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Right)
    assert "row 1, column 1 " in panel.caption.text()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(panel.canvas, key)
    assert "row 2, column 3 · x 1500–1600, y 100–200 px" in panel.caption.text()
    assert panel.canvas.accessibleDescription() == panel.caption.text()
    for _ in range(9):
        qtbot.keyClick(panel.canvas, Qt.Key.Key_Left)
    assert "row 2, column 1 " in panel.caption.text()
    qtbot.keyClick(panel.canvas, Qt.Key.Key_Escape)
    assert state.hover.pixel is None


def test_a_cross_hair_elsewhere_takes_the_patch_cursor_away(panel: ImagePanel, state: AppState) -> None:
    from sier_gui.gui.state import Hover

    state.set_sample(views.view())
    state.set_hover(Hover(pixel=(320.0, 240.0)))
    assert "row" in panel.caption.text()
    state.set_hover(Hover(seconds=0.5))
    assert panel.caption.text() == "640 × 480 px"


def test_a_broken_picture_says_which_file_and_why(panel: ImagePanel, state: AppState) -> None:
    state.set_sample(views.view(broken=Modality.IMAGE))
    said = panel.canvas.accessibleDescription()
    assert "anger_0007" in said
    assert "it breaks off after 512 bytes" in said
    shown = pixels(panel)
    assert np.ptp(shown) > 100  # words were painted
    move_mouse(panel, 300, 200)
    assert state.hover.pixel is None


def test_broken_speech_leaves_the_picture(panel: ImagePanel, state: AppState) -> None:
    state.set_sample(views.view(broken=Modality.SPEECH))
    assert np.ptp(pixels(panel), axis=-1)[300, 450] > 50
    assert panel.caption.text() == "640 × 480 px"


def test_another_samples_attribution_is_not_painted(panel: ImagePanel, state: AppState) -> None:
    of = grey_view(640, 640)
    state.set_sample(of)
    other = replace(only(of, (0, 0), 8), sample_id="another")
    state.set_attribution(other)
    assert np.ptp(pixels(panel), axis=-1).max() < 8


def test_waiting_for_a_sample_is_said_and_a_quick_one_is_not_waited_for(
    panel: ImagePanel, state: AppState, qtbot: QtBot
) -> None:
    quick = views.view(row=1)
    state.set_row(1)
    state.set_sample(quick)
    state.set_row(2)
    qtbot.waitUntil(lambda: panel.canvas.accessibleDescription() == "Loading…", timeout=3000)
    state.set_sample(views.view("late", row=2))
    assert panel.canvas.accessibleDescription() == "640 × 480 px"


def test_a_sample_shown_before_the_panel_heard_of_its_row_stays(
    panel: ImagePanel, state: AppState, qtbot: QtBot
) -> None:
    """A cached sample arrives inside row_changed, before panels connected later hear the row."""
    state.set_sample(views.view(row=5))
    timer = next(t for t in panel.children() if hasattr(t, "_due"))
    state.set_row(5)
    with qtbot.waitSignal(timer.timeout, timeout=3000):
        assert timer.isActive()
    assert panel.canvas.accessibleDescription() == "640 × 480 px"


def test_the_theme_may_change_at_any_time(panel: ImagePanel, state: AppState) -> None:
    state.set_sample(None)
    light = pixels(panel)
    panel.setPalette(theme.palette(dark=True))
    dark = pixels(panel)
    assert light[5, 5].mean() > 200
    assert dark[5, 5].mean() < 60
    assert dark.max() > 180  # light words on dark


def roughness(shown: np.ndarray, row: int, column: int, panel: ImagePanel) -> float:
    """How much one patch of an 8 × 8 grid over a square grey picture varies in itself."""
    side = min(panel.canvas.width(), panel.canvas.height()) - 8
    left, top = (panel.canvas.width() - side) / 2, (panel.canvas.height() - side) / 2
    y, x = round(top + (row + 0.5) * side / 8), round(left + (column + 0.5) * side / 8)
    return float(np.ptp(shown[y - 12 : y + 12, x - 12 : x + 12], axis=(0, 1)).max())


def test_patches_whose_sign_is_not_settled_are_hatched_and_only_those(
    panel: ImagePanel, state: AppState
) -> None:
    of = grey_view(640, 640)
    state.set_sample(of)
    exact = views.attribution(of)
    for values in exact.values.values():
        values[:] = 0.1
    state.set_attribution(exact)
    assert roughness(pixels(panel), 2, 3, panel) < 3
    assert panel.key.hatching() == ""
    narrow = panel.key.sizeHint().width()
    coarse = {m: np.zeros(v.shape[1:], bool) for m, v in exact.values.items()}
    coarse[Modality.IMAGE][2, 3] = True
    state.set_attribution(replace(exact, complete=False, coarse=coarse))
    shown = pixels(panel)
    assert roughness(shown, 2, 3, panel) > 40
    assert roughness(shown, 2, 4, panel) < 3
    assert panel.key.hatching() == "unsettled"
    assert "larger part" in panel.key.accessibleDescription()
    assert panel.key.sizeHint().width() > narrow
    errors = {m: np.full_like(v, 0.01) for m, v in exact.values.items()}
    errors[Modality.IMAGE][:, 5, 5] = 0.06  # 1.96 of them reach zero
    state.set_attribution(replace(exact, stderr=errors))
    shown = pixels(panel)
    assert roughness(shown, 5, 5, panel) > 40
    assert roughness(shown, 2, 3, panel) < 3
    state.change_overlay(visible=False)
    assert roughness(pixels(panel), 5, 5, panel) < 3


def test_a_hovered_coarse_patch_says_whether_more_is_under_way(panel: ImagePanel, state: AppState) -> None:
    from sier_gui.gui.state import Hover

    of = grey_view(640, 640)
    state.set_sample(of)
    state.set_busy("explain", 0.3)
    state.set_attribution(views.attribution(of, complete=False))
    state.set_hover(Hover(pixel=(100.0, 100.0)))
    assert panel.caption.text().startswith("still refining: φ +")
    assert "for this part of 16 patches · row 2, column 2" in panel.caption.text()
    state.set_busy("explain", -1.0)  # cancelled
    assert panel.caption.text().startswith("not divided further: φ +")


def test_where_there_is_little_room_the_value_goes_before_the_legend(
    panel: ImagePanel, state: AppState
) -> None:
    state.set_sample(grey_view(640, 640))
    state.set_attribution(views.attribution(state.sample, complete=False))  # type: ignore[arg-type]
    roomy = panel.key.sizeHint().width()
    panel.resize(400, 400)
    assert panel.key.sizeHint().width() < roomy - 40
    assert panel.key.hatching() == "unsettled"
    assert "larger part" in panel.key.toolTip()
