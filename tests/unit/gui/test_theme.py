"""Colours against their sources, light and dark, and the message bar."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QRadioButton, QWidget
from pytestqt.qtbot import QtBot

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.gui import theme
from sier_gui.gui.action_list import ACTIONS
from sier_gui.gui.messages import MessageBar, Messages
from sier_gui.gui.theme import Theme


@pytest.mark.parametrize("name", ["cividis", "magma"])
def test_colour_maps_are_matplotlibs(name: str) -> None:
    exact = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3] * 255
    assert np.abs(theme.lut(name).astype(float) - exact).max() <= 5.5


def test_the_diverging_map_is_white_in_the_middle_and_symmetric_in_lightness() -> None:
    table = theme.lut("diverging").astype(float)
    assert table[127:129].min() >= 253
    assert table[0, 2] > table[0, 0]  # negative: blue
    assert table[-1, 0] > table[-1, 2]  # positive: red
    lightness = table @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness[:128]) >= 0).all()
    assert (np.diff(lightness[128:]) <= 0).all()


def test_unknown_classes_get_distinct_colours_by_place() -> None:
    classes = ("calm", "fear", "anger", "surprise")
    colours = {theme.class_colour(name, classes).name() for name in classes}
    assert len(colours) == len(classes)


def test_modes_switch_the_palette_and_system_comes_back(qapp: QApplication) -> None:
    before = QPalette(qapp.palette())
    style = qapp.style().objectName()
    chosen = Theme(qapp, "dark")
    assert theme.is_dark(qapp.palette())
    chosen.set_mode("light")
    assert not theme.is_dark(qapp.palette())
    chosen.set_mode("nonsense")
    assert chosen.mode == "system"
    qapp.styleHints().colorSchemeChanged.disconnect(chosen._follow)
    qapp.setPalette(before)
    qapp.setStyle(style)


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable(dark: bool) -> None:
    """WCAG 2 contrast: 4.5 for text, muted text and the accent on both backgrounds."""

    def luminance(colour: object) -> float:
        channels = np.array(colour.getRgbF()[:3])  # type: ignore[attr-defined]
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    roles = theme.colours(theme.palette(dark))
    for front in (roles.text, roles.muted, roles.accent, roles.error):
        for back in (roles.window, roles.panel):
            bright, dim = sorted((luminance(front), luminance(back)), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5


def test_every_icon_named_exists_and_is_tinted(qapp: QApplication) -> None:
    for spec in ACTIONS:
        if spec.icon:
            assert not theme.icon(spec.icon, theme.palette(False)).isNull(), spec.icon
    light = theme.icon("open", theme.palette(False)).pixmap(16, 16).toImage()
    dark = theme.icon("open", theme.palette(True)).pixmap(16, 16).toImage()
    assert light != dark
    for file in (paths.resources() / "icons").glob("*.svg"):
        assert "currentColor" in file.read_text(encoding="utf-8")


def test_no_colour_is_written_outside_the_theme() -> None:
    """Palette roles only: a hex colour in a panel would not follow the theme."""
    folder = Path(theme.__file__).parent
    for file in folder.rglob("*.py"):
        if file.name != "theme.py":
            assert not re.search(r"\"#[0-9a-fA-F]{6}\"", file.read_text(encoding="utf-8")), file


# ---------------------------------------------------------------- messages


def test_messages_say_what_and_what_to_do(qtbot: QtBot, holder: QWidget, messages: Messages) -> None:
    bar = MessageBar(messages, holder)
    holder.show()
    messages.error(SierError("samples.csv has no column image.", "Rename it."), "file.open", "Open…")
    assert bar.isVisible()
    assert bar.accessibleDescription() == "samples.csv has no column image.\nRename it."
    with qtbot.waitSignal(bar.action_requested) as asked:
        bar._button.click()
    assert asked.args == ["file.open"]
    assert not bar.isVisible()


def test_a_fault_of_the_program_says_so(messages: Messages) -> None:
    messages.error(ValueError("boom"))
    assert "ValueError: boom" in messages.history[-1].text
    assert messages.history[-1].error


def test_the_history_is_bounded(messages: Messages) -> None:
    for number in range(1000):
        messages.info(f"message {number}")
    assert len(messages.history) == 200
    assert messages.history[-1].text == "message 999"


@pytest.mark.parametrize("dark", [False, True])
def test_what_can_be_ticked_stands_out_from_the_window(qapp: QApplication, dark: bool) -> None:
    before = QPalette(qapp.palette())
    style = qapp.style().objectName()
    chosen = Theme(qapp, "dark" if dark else "light")
    box = QRadioButton()
    image = box.grab().toImage()
    shades = [image.pixelColor(x, image.height() // 2).lightness() for x in range(image.width())]
    window = box.palette().color(QPalette.ColorRole.Window).lightness()
    assert max(abs(shade - window) for shade in shades) > 50
    qapp.styleHints().colorSchemeChanged.disconnect(chosen._follow)
    qapp.setPalette(before)
    qapp.setStyle(style)
