"""What nobody expected: into the log file, and to the user."""

from __future__ import annotations

import sys
import threading
import traceback
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from sier_gui import __version__
from sier_gui.core import paths
from sier_gui.gui.messages import Messages


class Faults(QObject):
    """Unexpected errors of any thread: into the log file, and to the user."""

    raised = Signal(object)

    def __init__(self, messages: Messages, parent: QObject) -> None:
        super().__init__(parent)
        self.file = paths.user_folder("cache") / "faults.log"
        self.raised.connect(messages.error)
        sys.excepthook = self.on_exception
        threading.excepthook = self.on_thread_exception
        qInstallMessageHandler(self.on_qt_message)

    def on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self._write("".join(traceback.format_exception(kind, error, trace)))
        self.raised.emit(error)

    def on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self.on_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def on_qt_message(self, kind: QtMsgType, _where: QMessageLogContext, text: str) -> None:
        """Qt's debug chatter is dropped; warnings are for us, not for the user."""
        if kind in (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
            self._write(f"Qt: {text}\n")

    def _write(self, text: str) -> None:
        from datetime import datetime

        sys.stderr.write(text)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(f"{datetime.now().isoformat(timespec='seconds')} {__version__}\n{text}")
        except OSError as error:
            sys.stderr.write(f"The log file {self.file} cannot be written: {error}\n")

    def release(self) -> None:
        """Give the hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
