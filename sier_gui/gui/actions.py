"""One table of actions; menus, toolbar, palette, shortcut sheet and help all read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from sier_gui.core.settings import Settings
from sier_gui.gui import theme
from sier_gui.gui.state import AppState

Condition = Callable[[AppState], bool]
EXPLORING = frozenset(["Sample", "Explain", "Playback"])  # menus of Explore alone

UNLOCK = "study.unlock"


def always(_state: AppState) -> bool:
    return True


def with_dataset(state: AppState) -> bool:
    return state.dataset is not None


def with_answers(state: AppState) -> bool:
    """A dataset that was built: it has the labelling networks' answers."""
    if state.dataset is None:
        return False
    from sier_gui.core.dataset.answered import is_built

    return is_built(state.dataset.columns)


def with_rows(state: AppState) -> bool:
    return state.dataset is not None and len(state.rows) > 0


def with_sample(state: AppState) -> bool:
    return state.sample is not None


def with_speech(state: AppState) -> bool:
    return state.sample is not None and state.sample.speech is not None


def with_picture(state: AppState) -> bool:
    return state.mode == "explore" and state.sample is not None and state.sample.picture is not None


def with_prediction(state: AppState) -> bool:
    return state.prediction is not None


def with_attribution(state: AppState) -> bool:
    return state.attribution is not None


def with_table(state: AppState) -> bool:
    return state.predictions is not None


def surveying(state: AppState) -> bool:
    return "survey" in state.busy


def with_readers(state: AppState) -> bool:
    return state.mode == "record" and bool(state.project)


def at_booth(state: AppState) -> bool:
    return state.mode == "record" and state.booth


def rating(state: AppState) -> bool:
    return state.rating


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One line of the table; a handler of a checkable action is given its new state."""

    id: str
    text: str
    menu: str
    shortcut: str = ""
    icon: str = ""
    enabled: Condition = always
    checkable: bool = False
    group: int = 0  # a menu draws a line where this changes


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("file.open", "Open Folder…", "File", "Ctrl+O", "open"),
    ActionSpec("file.open_table", "Open Table…", "File", "Ctrl+Shift+O"),
    ActionSpec("file.demo", "Try the Demo", "File"),
    ActionSpec("file.pair", "Open a Picture and a Sound…", "File", "Ctrl+Alt+O", group=1),
    ActionSpec(
        "file.record", "Record Speech for This Picture…", "File", "Ctrl+R", "record", with_picture, group=1
    ),
    ActionSpec("file.validate", "Check the Dataset", "File", "", "", with_dataset, group=2),
    ActionSpec("file.export", "Export…", "File", "Ctrl+E", "export", with_attribution, group=2),
    ActionSpec("file.quit", "Quit", "File", "Ctrl+Q", group=3),
    ActionSpec("sample.next", "Next Sample", "Sample", "Alt+Down", "next", with_rows),
    ActionSpec("sample.previous", "Previous Sample", "Sample", "Alt+Up", "previous", with_rows),
    ActionSpec("sample.next_error", "Next Error", "Sample", "Ctrl+Down", "", with_table),
    ActionSpec("table.search", "Search", "Sample", "Ctrl+F", "", with_dataset, group=1),
    ActionSpec("table.most_wrong", "Most Wrong First", "Sample", "Ctrl+M", "", with_table, group=1),
    ActionSpec("table.reset", "Show All Samples", "Sample", "Ctrl+Shift+A", "", with_dataset, group=1),
    ActionSpec("predict.pause", "Pause Predicting the Dataset", "Sample", "", "", with_table, True, 2),
    ActionSpec("survey.degree", "Modality Degree…", "Sample", "Ctrl+D", "", with_table, group=3),
    ActionSpec("survey.start", "Explain Whole Dataset…", "Sample", "Ctrl+Shift+D", "", with_table, group=3),
    ActionSpec("survey.pause", "Pause Explaining the Dataset", "Sample", "", "", surveying, True, 3),
    ActionSpec("survey.cancel", "Cancel Explaining the Dataset", "Sample", "", "", surveying, group=3),
    ActionSpec(
        "sample.provenance", "Where This Dataset Comes From…", "Sample", "Ctrl+B", "", with_answers, group=4
    ),
    ActionSpec("explain.run", "Explain Again", "Explain", "Ctrl+Return", "explain", with_prediction),
    ActionSpec("explain.cancel", "Cancel the Explanation", "Explain", "Ctrl+."),
    ActionSpec("explain.options", "How This Is Explained…", "Explain", "Ctrl+H"),
    ActionSpec("explain.truth", "Is the Map True?…", "Explain", "Ctrl+T", "", with_prediction),
    ActionSpec(
        "explain.next_class", "Explain the Next Class", "Explain", "Ctrl+]", "", with_prediction, group=1
    ),
    ActionSpec(
        "explain.previous_class",
        "Explain the Previous Class",
        "Explain",
        "Ctrl+[",
        "",
        with_prediction,
        group=1,
    ),
    ActionSpec("play.toggle", "Play or Stop", "Playback", "Ctrl+Space", "play", with_speech),
    ActionSpec("play.from_here", "Play from Here", "Playback", "Ctrl+Shift+Space", "", with_speech),
    ActionSpec(
        "play.important", "Play the Important Part", "Playback", "Ctrl+I", "important", with_attribution
    ),
    ActionSpec("play.stop", "Stop", "Playback", "", "stop", with_speech),
    ActionSpec("record.new", "New Study Project…", "Record"),
    ActionSpec("record.open", "Open a Study Project…", "Record"),
    ActionSpec("record.merge", "Merge a Copy of the Project…", "Record", "", "", with_readers),
    ActionSpec("record.readers", "Readers", "Record", "Ctrl+Alt+R", "", with_readers, group=1),
    ActionSpec("record.device", "Microphone and Room", "Record", "Ctrl+Alt+M", "", with_readers, group=1),
    ActionSpec("record.import", "Import Recordings…", "Record", "", "", at_booth, group=1),
    ActionSpec(
        "record.accept_all", "Accept All Imported Takes That Passed", "Record", "", "", at_booth, group=1
    ),
    ActionSpec("record.withdraw", "Withdraw This Reader…", "Record", "", "", at_booth, group=1),
    ActionSpec("record.toggle", "Record or Stop", "Record", "Space", "", at_booth, group=2),
    ActionSpec("record.retake", "Record This Prompt Again", "Record", "R", "", at_booth, group=2),
    ActionSpec("record.accept", "Accept the Take", "Record", "Return", "", at_booth, group=2),
    ActionSpec("record.back", "Back to the Prompt Before", "Record", "Left", "", at_booth, group=2),
    ActionSpec("record.skip", "Skip This Prompt", "Record", "S", "", at_booth, group=2),
    ActionSpec("record.listen", "Listen to the Take", "Record", "L", "", at_booth, group=2),
    ActionSpec("study.open", "Open a Study…", "Study"),
    ActionSpec("study.demo", "Try the Demo Study", "Study"),
    ActionSpec("study.unlock", "Back to the Experimenter", "Study", "Ctrl+Alt+U", "", rating, group=1),
    ActionSpec("mode.explore", "Explore", "View", "Ctrl+Alt+1", "", always, True),
    ActionSpec("mode.record", "Record", "View", "Ctrl+Alt+2", "", always, True),
    ActionSpec("mode.study", "Study", "View", "Ctrl+Alt+3", "", always, True),
    ActionSpec("view.overlay", "Overlay", "View", "Ctrl+1", "", with_attribution, True, 1),
    ActionSpec("view.signed", "Signed Values", "View", "Ctrl+2", "", with_attribution, True, 1),
    ActionSpec(
        "view.shared_scale",
        "One Scale for Picture and Speech",
        "View",
        "Ctrl+3",
        "",
        with_attribution,
        True,
        1,
    ),
    ActionSpec("view.theme_system", "Colours of the System", "View", "", "", always, True, 2),
    ActionSpec("view.theme_light", "Light", "View", "", "", always, True, 2),
    ActionSpec("view.theme_dark", "Dark", "View", "", "", always, True, 2),
    ActionSpec("tools.train", "Train a Release…", "Tools", "Ctrl+Shift+T", "", with_dataset),
    ActionSpec("help.palette", "Find an Action", "Help", "Ctrl+Shift+P", "search"),
    ActionSpec("help.shortcuts", "Keyboard Shortcuts", "Help", "?"),
    ActionSpec("help.about", "About sier-gui", "Help", group=1),
)


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
        ):
            signal.connect(self.refresh)
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
