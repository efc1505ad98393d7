"""Colours, fonts and icons: palette roles only, so that dark mode is free; colour itself means data."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from sier_gui.core import paths

if TYPE_CHECKING:  # the window is on the screen before numpy is imported
    import numpy as np
    from numpy.typing import NDArray

MODES = ("system", "light", "dark")
UNIT = 8  # pixels: the grid that margins and gaps lie on
BODY_PT, CAPTION_PT = 10, 9

# ---------------------------------------------------------------- classes and colour maps

# Okabe and Ito's colour-blind-safe set (https://jfly.uni-koeln.de/color/), the four classes first
_CLASS_COLOURS = {"anger": "#D55E00", "happy": "#009E73", "hate": "#CC79A7", "sad": "#0072B2"}
_FURTHER_COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#999999")

# Lines of a plot, which are no classes, from the same set; the accent is for ours
SERIES = ("#E69F00", "#56B4E9", "#999999")

# Sampled at 33 equal steps and interpolated; within 5/255 of matplotlib's tables.
_CIVIDIS = (
    "00224e00285b002e6a0533711a386f273e6e32436d3b496c434c6c4b546c535a6d5a5f6e61656f686a716f7073"
    "7676767d7c788482798c8878938e789b9476a39a74aba072b4a76fbcae6cc4b468cdbb63d5c25edec958e7d150"
    "f0d846f9e03afee838"
)
_MAGMA = (
    "0000040303120a0822130d341d114729115a36106b440f7651127c5d177f6a1c81762181832681902a819c2e7f"
    "aa337db73779c43c75d0416fdc4869e75263ef5d5ef56b5cf9795dfc8961fd9869fea772feb67cfec488fed395"
    "fde2a3fcf0b2fcfdbf"
)
_BLUE_WHITE_RED = "2166ac67a9cfd1e5f0fffffffddbc7ef8a62b2182b"  # ColorBrewer RdBu, reversed
_NODES = {"cividis": _CIVIDIS, "magma": _MAGMA, "diverging": _BLUE_WHITE_RED, "grey": "000000ffffff"}


@cache
def lut(name: str) -> NDArray[np.uint8]:
    """A colour map as a read-only table, uint8 (256, 3) RGB.

    Parameters
    ----------
    name : "diverging" (blue–white–red: most negative, zero, most positive), "cividis" (importance from
        zero up), "magma" or "grey" (spectrogram).
    """
    import numpy as np

    nodes = np.frombuffer(bytes.fromhex(_NODES[name]), np.uint8).reshape(-1, 3).astype(float)
    at, known = np.linspace(0, 1, 256), np.linspace(0, 1, len(nodes))
    table = np.stack([np.interp(at, known, channel) for channel in nodes.T], axis=1)
    table = np.rint(table).astype(np.uint8)
    table.flags.writeable = False
    return table


def class_colour(name: str, classes: Sequence[str] = ()) -> QColor:
    """The class's colour, the same everywhere; others take further colours by their place in ``classes``."""
    if name in _CLASS_COLOURS:
        return QColor(_CLASS_COLOURS[name])
    others = [c for c in classes if c not in _CLASS_COLOURS]
    place = others.index(name) if name in others else zlib.crc32(name.encode())
    return QColor(_FURTHER_COLOURS[place % len(_FURTHER_COLOURS)])


# ---------------------------------------------------------------- palettes


@dataclass(frozen=True, slots=True)
class ThemeColours:
    """The roles that panels may use; everything else is data."""

    window: QColor
    panel: QColor
    text: QColor
    muted: QColor
    accent: QColor
    grid: QColor  # hairlines and tick marks
    error: QColor


_LIGHT = {
    "window": "#f3f3f1", "panel": "#ffffff", "alternate": "#f8f8f7", "text": "#1d1d1f", "muted": "#66666b",
    "accent": "#4b4bc8", "on_accent": "#ffffff", "button": "#f9f9f8", "grid": "#d3d3d0",
    "disabled": "#a5a5a8", "error": "#b3261e",
}  # fmt: skip
_DARK = {
    "window": "#1e1e20", "panel": "#161618", "alternate": "#1a1a1d", "text": "#e8e8ea", "muted": "#9b9ba1",
    "accent": "#8f8ff5", "on_accent": "#111114", "button": "#2b2b2e", "grid": "#3d3d42",
    "disabled": "#68686d", "error": "#ff8a80",
}  # fmt: skip


def palette(dark: bool) -> QPalette:
    """All roles that Fusion paints with, from eleven colours."""
    named = {name: QColor(value) for name, value in (_DARK if dark else _LIGHT).items()}
    role, every = QPalette.ColorRole, QPalette.ColorGroup.All
    result = QPalette()
    roles = {
        role.Window: "window", role.WindowText: "text", role.Base: "panel", role.AlternateBase: "alternate",
        role.Text: "text", role.PlaceholderText: "muted", role.Button: "button", role.ButtonText: "text",
        role.BrightText: "error", role.Highlight: "accent", role.HighlightedText: "on_accent",
        role.Link: "accent", role.LinkVisited: "accent", role.Accent: "accent", role.ToolTipBase: "panel",
        role.ToolTipText: "text", role.Mid: "grid", role.Midlight: "grid", role.Light: "button",
    }  # fmt: skip
    for key, name in roles.items():
        result.setColor(every, key, named[name])
    result.setColor(every, role.Dark, named["grid"].darker(110))
    result.setColor(every, role.Shadow, QColor("black"))
    for key in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, key, named["disabled"])
    result.setColor(QPalette.ColorGroup.Disabled, role.Highlight, named["grid"])
    return result


def ticked_palette(dark: bool) -> QPalette:
    """Of what can be ticked: Fusion outlines it darker than the window, which a dark one hides."""
    result = palette(dark)
    if dark:
        result.setColor(QPalette.ColorGroup.All, QPalette.ColorRole.Base, QColor(_DARK["disabled"]))
    return result


def is_dark(of: QPalette) -> bool:
    return of.color(QPalette.ColorRole.Window).lightness() < 128


def colours(of: QPalette) -> ThemeColours:
    """The roles in the palette of a widget."""
    role = QPalette.ColorRole
    return ThemeColours(
        window=of.color(role.Window),
        panel=of.color(role.Base),
        text=of.color(role.WindowText),
        muted=of.color(role.PlaceholderText),
        accent=of.color(role.Accent),
        grid=of.color(role.Mid),
        error=of.color(role.BrightText),
    )


class Theme(QObject):
    """Keeps the application's palette at the chosen mode; "system" follows the desktop while it runs."""

    def __init__(self, application: QApplication, mode: str = "system") -> None:
        super().__init__(application)
        self._application = application
        self.mode = mode
        application.setStyle("Fusion")
        application.styleHints().colorSchemeChanged.connect(self._follow)
        self.set_mode(mode)

    def use_font(self) -> None:
        """Read the bundled fonts; after the window is mapped, before it is painted."""
        _use_font(self._application)

    def set_mode(self, mode: str) -> None:
        """``mode``: system | light | dark; unknown ones (an edited settings file) mean system."""
        self.mode = mode if mode in MODES else "system"
        scheme = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        # asks the desktop for matching title bars; the palette is ours either way
        self._application.styleHints().setColorScheme(scheme.get(self.mode, Qt.ColorScheme.Unknown))
        self._follow()

    @Slot()
    def _follow(self) -> None:
        dark = self.mode == "dark"
        if self.mode == "system":
            dark = self._application.styleHints().colorScheme() == Qt.ColorScheme.Dark
        wanted = palette(dark)
        if is_dark(self._application.palette()) != dark or self._application.palette() != wanted:
            self._application.setPalette(wanted)
            kinds: tuple[Any, ...] = ("QCheckBox", "QRadioButton")  # bytes by the stubs, text in truth
            for kind in kinds:
                self._application.setPalette(ticked_palette(dark), kind)


# ---------------------------------------------------------------- fonts and icons


def _use_font(application: QApplication) -> None:
    """The bundled font where there is one, else the desktop's; numbers of equal width."""
    font = QFont(application.font())
    for file in sorted((paths.resources() / "fonts").glob("*.[ot]tf")):
        families = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(file)))
        if families:
            font.setFamily(families[0])
    font.setPointSizeF(BODY_PT)
    font.setFeature(QFont.Tag("tnum"), 1)
    application.setFont(font)


def caption_font(base: QFont) -> QFont:
    """The smaller size for captions and axes."""
    font = QFont(base)
    font.setPointSizeF(CAPTION_PT)
    return font


def icon(name: str, of: QPalette) -> QIcon:
    """``resources/icons/<name>.svg`` in the palette's text colour; empty where there is no such file."""
    file = paths.resources() / "icons" / f"{name}.svg"
    result = QIcon()
    if name and file.is_file():
        groups = (
            (QIcon.Mode.Normal, QPalette.ColorGroup.Normal),
            (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled),
        )
        for mode, group in groups:
            colour = of.color(group, QPalette.ColorRole.ButtonText)
            for size in (16, 32):
                result.addPixmap(_drawn(file, colour.name(), size), mode)
    return result


@cache
def _drawn(file: Path, colour: str, size: int) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer

    text = file.read_text(encoding="utf-8").replace("currentColor", colour)
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
