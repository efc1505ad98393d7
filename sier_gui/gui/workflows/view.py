"""How things are drawn, and where help is found."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from sier_gui import __version__
from sier_gui.gui.dialogs.palette import PaletteDialog
from sier_gui.gui.dialogs.shortcuts import ShortcutsDialog
from sier_gui.gui.state import OverlayOptions
from sier_gui.gui.theme import MODES, Theme
from sier_gui.gui.workflows.context import Context

_OVERLAY = ("visible", "signed", "shared_scale")
_SAVED = {"signed": bool, "shared_scale": bool, "opacity": float}


class ViewWorkflow(QObject):
    """Overlay switches, theme, palette and shortcut sheet."""

    def __init__(self, context: Context, theme: Theme) -> None:
        super().__init__(context.window)
        self._context = context
        self._theme = theme
        for action_id, handler in (
            ("view.overlay", self.set_visible),
            ("view.signed", self.set_signed),
            ("view.shared_scale", self.set_shared_scale),
            ("view.theme_system", self.use_system),
            ("view.theme_light", self.use_light),
            ("view.theme_dark", self.use_dark),
            ("help.palette", self.show_palette),
            ("help.shortcuts", self.show_shortcuts),
            ("help.about", self.about),
        ):
            context.actions.bind(action_id, handler)
        saved = context.settings.get("overlay", {})
        valid = {k: v for k, v in saved.items() if k in _SAVED and isinstance(v, _SAVED[k])}
        context.state.change_overlay(**valid)
        context.state.overlay_changed.connect(self._on_overlay)
        self._on_overlay(context.state.overlay)
        self._check_theme()

    # ---------------------------------------------------------------- overlay

    @Slot(bool)
    def set_visible(self, on: bool) -> None:
        self._context.state.change_overlay(visible=on)

    @Slot(bool)
    def set_signed(self, on: bool) -> None:
        self._context.state.change_overlay(signed=on)

    @Slot(bool)
    def set_shared_scale(self, on: bool) -> None:
        self._context.state.change_overlay(shared_scale=on)

    @Slot(object)
    def _on_overlay(self, options: OverlayOptions) -> None:
        for name in _OVERLAY:
            action_id = "view.overlay" if name == "visible" else f"view.{name}"
            self._context.actions.action(action_id).setChecked(getattr(options, name))

    @Slot()
    def save(self) -> None:
        """Keep what was chosen; called when the window closes."""
        overlay = self._context.state.overlay
        self._context.settings.set("overlay", {name: getattr(overlay, name) for name in _SAVED})

    # ---------------------------------------------------------------- theme

    @Slot()
    def use_system(self) -> None:
        self._set_theme("system")

    @Slot()
    def use_light(self) -> None:
        self._set_theme("light")

    @Slot()
    def use_dark(self) -> None:
        self._set_theme("dark")

    def _set_theme(self, mode: str) -> None:
        self._theme.set_mode(mode)
        self._context.settings.set("theme", mode)
        self._check_theme()

    def _check_theme(self) -> None:
        for mode in MODES:
            self._context.actions.action(f"view.theme_{mode}").setChecked(mode == self._theme.mode)

    # ---------------------------------------------------------------- help

    @Slot()
    def show_palette(self) -> None:
        dialog = PaletteDialog(self._context.actions, self._context.window)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def show_shortcuts(self) -> None:
        dialog = ShortcutsDialog(self._context.actions, self._context.window)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def about(self) -> None:
        self._context.messages.info(
            f"sier-gui {__version__}",
            "Emotion in speech and image: predict, explain with Shapley values, look, export. MIT licence.",
        )
