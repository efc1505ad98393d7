"""Drawing a study's items from the window, as ``sier-gui study draw`` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import JobRunner
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.studies import Opened

if TYPE_CHECKING:
    from sier_gui.core.study.drawing import Stock
    from sier_gui.gui.modes.study.drawing import DrawDialog


class DrawWorkflow(QObject):
    """Counts and draws on the keeper's thread."""

    drawn = Signal(str)  # the project's folder: its study is another one now

    def __init__(
        self, context: Context, keeper: JobRunner, opened: Callable[[], Opened | None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._keeper, self._opened = context, keeper, opened
        self.dialog: DrawDialog | None = None
        context.actions.bind("study.draw", self.ask)

    @Slot()
    def ask(self) -> None:
        """Count, and show what a draw would find."""
        if self._opened() is None or self.dialog is not None:
            return
        from sier_gui.gui.modes.study.drawing import DrawDialog

        self.dialog = dialog = DrawDialog(self._context.window)
        dialog.pilot_wished.connect(self.count)
        dialog.draw_wished.connect(self.draw)
        dialog.finished.connect(self._on_finished)
        self.count("")

    @Slot(str)
    def count(self, pilot: str) -> None:
        """With a pilot's CSV, or "" for none."""
        opened = self._opened()
        if opened is None or self.dialog is None:
            return

        def work(_report: Report, _token: CancelToken) -> tuple[Stock, str]:
            from sier_gui.core.study.drawing import stock_of

            return stock_of(opened.study.project, Path(pilot) if pilot else None), pilot

        self.dialog.show_busy("Counting what there is …")
        job = self._keeper.start("study.stock", work)
        job.succeeded.connect(self._on_counted)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_counted(self, outcome: tuple[Stock, str]) -> None:
        opened = self._opened()
        if self.dialog is not None and opened is not None:
            self.dialog.show_stock(*outcome, len(opened.study.design.items))
            self.dialog.open()

    @Slot(str)
    def draw(self, pilot: str) -> None:
        """For good once somebody has answered."""
        opened = self._opened()
        if opened is None or self.dialog is None:
            return

        def work(_report: Report, _token: CancelToken) -> str:
            from sier_gui.core.study.drawing import draw

            draw(opened.study.project, Path(pilot) if pilot else None)
            return str(opened.study.project.folder)

        self.dialog.show_busy("Drawing …")
        job = self._keeper.start("study.draw", work)
        job.succeeded.connect(self._on_drawn)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_drawn(self, folder: str) -> None:
        self.close()
        self.drawn.emit(folder)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        if self.dialog is None or not self.dialog.isVisible():
            self.close()
            self._context.messages.error(error)
        else:
            self.dialog.show_error(error)

    @Slot()
    def close(self) -> None:
        """Another project, or none: what is counted is no longer true."""
        if self.dialog is not None:
            self.dialog.reject()
            self._on_finished()

    @Slot()
    def _on_finished(self) -> None:
        dialog, self.dialog = self.dialog, None
        self._keeper.drop("study.stock")
        if dialog is not None:
            dialog.deleteLater()
