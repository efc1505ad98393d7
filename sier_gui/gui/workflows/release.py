"""Which release answers: the fitting one by itself, another one from the menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.nets.releases import Release


class ReleaseWorkflow(QObject):
    """Fills ``menu`` with the installed releases each time it is opened."""

    def __init__(self, context: Context, menu: QMenu) -> None:
        super().__init__(context.window)
        self._context = context
        self._menu = menu
        self._group = QActionGroup(self)
        self._releases: dict[str, Release] = {}
        menu.aboutToShow.connect(self.fill)
        self._group.triggered.connect(self._on_chosen)

    @Slot()
    def fill(self) -> None:
        from sier_gui.core.nets.releases import list_releases

        for action in self._group.actions():
            self._group.removeAction(action)
        self._menu.clear()
        self._releases = {release.label: release for release in list_releases()}
        current = self._context.state.release
        if not self._releases:
            self._menu.addAction("No release is installed").setEnabled(False)
        for label, release in self._releases.items():
            action = self._menu.addAction(f"{label} — {', '.join(release.classes)}")
            action.setCheckable(True)
            action.setChecked(current is not None and current.label == label)
            action.setData(label)
            self._group.addAction(action)

    @Slot(QAction)
    def _on_chosen(self, action: QAction) -> None:
        self._context.state.set_attribution(None)
        self._context.state.set_prediction(None)
        self._context.state.set_release(self._releases[str(action.data())])
