"""The actions of `action_list` as QActions; menus, toolbar, palette, shortcut sheet and help read them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from sier_gui.core.settings import Settings
from sier_gui.gui import theme
from sier_gui.gui.action_list import ACTIONS, EXPLORING, UNLOCK, ActionSpec
from sier_gui.gui.state import AppState


class ActionTable(QObject):
    """A QAction for each line of `ACTIONS`; handlers are bound methods registered by id.

    An action is enabled when it has a handler and its condition holds; conditions are asked after each
    change of the state that they read.
    """

    def __init__(self, state: AppState, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._settings = settings
        self._bound: set[str] = set()
        self._actions = {spec.id: self._make(spec) for spec in ACTIONS}
        for signal in (
            state.dataset_changed,
            state.rows_changed,
            state.sample_changed,
            state.predictions_changed,
            state.prediction_changed,
            state.attribution_changed,
            state.kinds_changed,
            state.mode_changed,
            state.project_changed,
            state.booth_changed,
            state.rating_changed,
            state.study_changed,
            state.overview_changed,
            state.annotated.labels_changed,
            state.annotated.unsaved_changed,
            state.removals_changed,
            state.held_changed,
        ):
            signal.connect(self.refresh)
        self._present: dict[str, object] = {}
        state.selection_changed.connect(self._on_selection)
        state.what_if_changed.connect(self._on_what_if)
        self.refresh()

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.id)
        action.setCheckable(spec.checkable)
        action.setData(spec.id)
        saved = self._settings.get("shortcuts", {})
        action.setShortcut(QKeySequence(saved.get(spec.id, spec.shortcut)))
        self._describe(action)
        return action

    def action(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def keys(self, action_id: str) -> str:
        """The action's shortcut as the desktop writes it; "no key" where it has none."""
        shortcut = self._actions[action_id].shortcut()
        return shortcut.toString(QKeySequence.SequenceFormat.NativeText) or "no key"

    def bind(self, action_id: str, handler: Callable[..., None]) -> None:
        """Call ``handler``, a bound method, when the user triggers the action, not when code checks it."""
        self._actions[action_id].triggered.connect(handler)
        self._bound.add(action_id)
        self.refresh()

    def unbound(self) -> set[str]:
        """Ids that nothing handles."""
        return set(self._actions) - self._bound

    def trigger(self, action_id: str) -> None:
        """As if the user had chosen it; nothing happens while it is disabled."""
        self._actions[action_id].trigger()

    @Slot()
    def refresh(self) -> None:
        """Ask every condition again."""
        for spec in ACTIONS:
            there = self._state.mode == "explore" or spec.menu not in EXPLORING
            if self._state.rating:  # everything else is locked while a rater sits there
                there = spec.id == UNLOCK
            self._actions[spec.id].setEnabled(there and spec.id in self._bound and spec.enabled(self._state))

    @Slot(object)
    def _on_selection(self, value: object) -> None:
        self._on_presence("selection", getattr(value, "modality", None))

    @Slot(object)
    def _on_what_if(self, value: object) -> None:
        self._on_presence("what_if", value is not None or None)

    def _on_presence(self, what: str, there: object) -> None:
        """These change with each step of a drag; conditions ask only whether there is one, and of what."""
        if self._present.get(what) != there:
            self._present[what] = there
            self.refresh()

    # ---------------------------------------------------------------- shortcuts

    def set_shortcut(self, action_id: str, keys: QKeySequence) -> str:
        """Change and remember a shortcut, unless another action has it: then its text comes back."""
        for spec in ACTIONS:
            taken = not keys.isEmpty() and self._actions[spec.id].shortcut() == keys
            if taken and spec.id != action_id:
                return spec.text
        saved = dict(self._settings.get("shortcuts", {}))
        saved[action_id] = keys.toString()
        self._settings.set("shortcuts", saved)
        self._actions[action_id].setShortcut(keys)
        self._describe(self._actions[action_id])
        return ""

    def reset_shortcuts(self) -> None:
        self._settings.set("shortcuts", {})
        for spec in ACTIONS:
            self._actions[spec.id].setShortcut(QKeySequence(spec.shortcut))
            self._describe(self._actions[spec.id])

    @staticmethod
    def _describe(action: QAction) -> None:
        """Shortcuts are shown on buttons."""
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        plain = action.text().rstrip("…")
        action.setToolTip(f"{plain} ({keys})" if keys else plain)

    # ---------------------------------------------------------------- where actions are shown

    def fill(self, bar: QMenuBar, window: QWidget) -> dict[str, QMenu]:
        """Build the menus by title; added to ``window`` too, the shortcuts work in all of it."""
        menus: dict[str, QMenu] = {}
        groups: dict[str, int] = {}
        for spec in ACTIONS:
            window.addAction(self._actions[spec.id])
            if spec.menu not in menus:
                menus[spec.menu] = bar.addMenu(f"&{spec.menu}")
            elif groups[spec.menu] != spec.group:
                menus[spec.menu].addSeparator()
            groups[spec.menu] = spec.group
            menus[spec.menu].addAction(self._actions[spec.id])
        return menus

    def tint(self, palette: QPalette) -> None:
        """Draw the icons anew, in the colours of ``palette``."""
        for spec in ACTIONS:
            if spec.icon:
                self._actions[spec.id].setIcon(theme.icon(spec.icon, palette))
