"""What is asked about annotations: who annotates."""

from __future__ import annotations

import getpass

from PySide6.QtCore import QObject, Slot

from sier_gui.gui.dialogs.annotator import AnnotatorDialog
from sier_gui.gui.workflows.annotate import AnnotateWorkflow
from sier_gui.gui.workflows.context import Context


class AnnotationDesk(QObject):
    """Dialogs about annotations; none of them stops the window."""

    def __init__(self, context: Context, annotate: AnnotateWorkflow) -> None:
        super().__init__(context.window)
        self._context, self._annotate = context, annotate
        self._asking: AnnotatorDialog | None = None
        context.actions.bind("annotate.name", self.ask_name)
        annotate.name_wished.connect(self.ask_name)

    @Slot()
    def ask_name(self) -> None:
        """Whose annotations the next ones are; asked once by itself."""
        if self._asking is None:
            name = self._context.state.annotated.me or _login()
            self._asking = dialog = AnnotatorDialog(name, self._context.window)
            dialog.named.connect(self._annotate.sign)
            dialog.finished.connect(self._on_asked)
            dialog.open()

    @Slot(int)
    def _on_asked(self, result: int) -> None:
        dialog, self._asking = self._asking, None
        assert dialog is not None
        if not result:
            self._annotate.sign("")
        dialog.deleteLater()


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a system that knows no name for this process
        return ""
