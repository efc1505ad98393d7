"""The last line of the window: where the network runs, which one it is, what goes on in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.state import AppState

if TYPE_CHECKING:
    from sier_gui.core.nets.releases import Release

_NAMES = {
    "open": "opening",
    "dataset": "",
    "check": "checking",
    "export": "writing",
    "predict": "loading the network",
    "survey": "explained",
    "record.import": "importing",
}
PATIENCE_MS = 300
_IN_ORDER = ("record.import", "export", "open", "check", "predict", "dataset", "survey")
_CANCELS = {"export": "export.cancel"}
_PAUSES = {"dataset": "predict.pause", "survey": "survey.pause"}


class StatusLine(QWidget):
    """Listens to the runners; the job that interests most is shown."""

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._running: dict[str, tuple[float, int, Progress]] = {}  # begun when, with how much done
        self._patience = QTimer(self)  # what is done at once is not worth a flicker
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._refresh)
        self.device = QLabel("")
        self.release = QToolButton()
        self.release.setAutoRaise(True)
        self.release.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.release.setAccessibleName("Release")
        self.release.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.work = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(128, 8)
        self.bar.setAccessibleName("Background work")
        self.pause = QToolButton()
        for action_id in _PAUSES.values():
            actions.action(action_id).setIconText("pause")
            actions.action(action_id).toggled.connect(self._on_paused)
        for action_id in _CANCELS.values():
            actions.action(action_id).setIconText("cancel")
        self.pause.setDefaultAction(actions.action("predict.pause"))
        self.pause.setAutoRaise(True)
        self.pause.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 0)
        layout.setSpacing(8)
        layout.addWidget(self.device)
        layout.addWidget(self.release)
        layout.addStretch(1)
        for widget in (self.work, self.bar, self.pause):
            layout.addWidget(widget)
        state.release_changed.connect(self._on_release)
        self._on_release(state.release)
        self._refresh()

    @Slot(str)
    def show_device(self, device: str) -> None:
        self.device.setText(f"● {device}")
        self.device.setAccessibleName(f"Device {device}")

    @Slot(object)
    def _on_release(self, release: Release | None) -> None:
        self.release.setText(release.label if release is not None else "no release")

    @Slot(str, object)
    def show_activity(self, kind: str, progress: Progress) -> None:
        if kind in _NAMES:
            known = self._running.get(kind)
            if known is None or not known[2].total:  # the first that says how much there is to do
                known = (time.monotonic(), progress.done, progress)
            self._running[kind] = (*known[:2], progress)
            if self.bar.isVisible():
                self._refresh()
            elif not self._patience.isActive():
                self._patience.start()

    @Slot(str)
    def show_end(self, kind: str) -> None:
        if self._running.pop(kind, None) is not None:
            self._refresh()

    @Slot(bool)
    def _on_paused(self, paused: bool) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        action.setIconText("resume" if paused else "pause")
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        kind = next((k for k in _IN_ORDER if k in self._running), "")
        for widget in (self.work, self.bar):
            widget.setVisible(bool(kind))
        self.pause.setVisible(kind in _PAUSES or kind in _CANCELS)
        if not kind:
            return
        begun, before, progress = self._running[kind]
        words = [(progress.text if kind in _CANCELS else "") or _NAMES[kind] or progress.text]
        if progress.total:
            words.append(f"{progress.done:,} of {progress.total:,} in background")
            words.append(time_left(time.monotonic() - begun, progress, before))
        if kind in _PAUSES or kind in _CANCELS:
            action = self._actions.action(_PAUSES.get(kind) or _CANCELS[kind])
            if self.pause.defaultAction() is not action:
                self.pause.removeAction(self.pause.defaultAction())  # two would make it a menu
                self.pause.setDefaultAction(action)
        if kind in _PAUSES:
            if action.isChecked():
                words[2:] = ["paused"]
            elif kind == "survey":
                words[2:] = [progress.text]
        self.bar.setRange(0, 1000 if progress.total else 0)
        self.bar.setValue(round(1000 * progress.fraction))
        self.work.setText("  ".join(word for word in words if word))


def time_left(elapsed_s: float, progress: Progress, before: int = 0) -> str:
    """ "2 min left" from what was done since ``before``; "" while that is too little."""
    done = progress.done - before
    if done < 2 or elapsed_s < 2:
        return ""
    left = elapsed_s / done * (progress.total - progress.done)
    if left < 60:
        return f"{left:.0f} s left"
    return f"{left / 60:.0f} min left" if left < 5400 else f"{left / 3600:.0f} h left"
