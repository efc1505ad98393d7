"""The window as a PNG, rendered offscreen."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Signal, Slot

from sier_gui.app import WindowOptions, Workbench, make_application
from sier_gui.core import paths
from sier_gui.core.errors import SierError

SCREENSHOT_TIMEOUT_S = 240


class Photographer(QObject):
    """Waits until there is nothing left to wait for: the overlay is complete, or cannot come."""

    ready = Signal()

    def __init__(self, workbench: Workbench) -> None:
        super().__init__(workbench)
        self._workbench = workbench
        self.problem: SierError | None = None
        state = workbench.state
        workbench.messages.said.connect(self._on_said)
        for change in (
            state.attribution_changed,
            state.sample_changed,
            state.project_changed,
            state.dataset_changed,
            workbench.computer.ended,
        ):
            change.connect(self._look)

    @Slot(object)
    def _on_said(self, message: object) -> None:
        if getattr(message, "error", False):
            self.problem = SierError(getattr(message, "text", ""), getattr(message, "hint", ""))
            self.ready.emit()

    @Slot()
    def _look(self) -> None:
        state, computer = self._workbench.state, self._workbench.computer
        if self._workbench.options.mode in ("record", "study"):
            if state.project or state.dataset is not None:
                self.ready.emit()
            return
        if state.sample is None:
            return
        broken = state.sample.inputs is None
        explained = state.attribution is not None and state.attribution.complete
        # a small table is shown as it is when all of it is known
        filling = computer.busy("dataset") and state.dataset is not None and len(state.dataset) <= 500
        if broken or (explained and not filling):
            self.ready.emit()


def render_screenshot(options: WindowOptions, target: Path, size: tuple[int, int]) -> None:
    """Render the window offscreen and write it as PNG once the sample's overlay is complete.

    Parameters
    ----------
    target : PNG file to write.
    size : width and height in pixels.

    Raises
    ------
    SierError : the dataset, sample or release cannot be shown, or the file cannot be written.
    """
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application = make_application()
    workbench = Workbench(application, options, remember=False)
    photographer = Photographer(workbench)
    loop, limit = QEventLoop(), QTimer()
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    # queued: what else listens to the last signal draws first
    photographer.ready.connect(loop.quit, Qt.ConnectionType.QueuedConnection)
    workbench.window.setFixedSize(*size)
    workbench.window.show()
    limit.start(SCREENSHOT_TIMEOUT_S * 1000)
    if options.path is None and not options.demo:
        QTimer.singleShot(0, loop.quit)
    try:
        loop.exec()
        if photographer.problem is not None:
            raise photographer.problem
        if not limit.isActive():
            raise SierError(
                f"The window was not complete after {SCREENSHOT_TIMEOUT_S} s.", "Try a smaller explanation."
            )
        application.sendPostedEvents()
        with paths.atomic_file(target) as temporary:
            if not workbench.window.grab().save(str(temporary), "PNG"):
                raise OSError(0, "Qt could not write a PNG there")
    finally:
        limit.stop()
        workbench.window.close()
