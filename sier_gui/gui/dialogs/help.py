"""Help: a page for each panel, beside the window it explains."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QTextBrowser, QWidget

from sier_gui.gui import help_pages
from sier_gui.gui.actions import ActionTable


class HelpDialog(QDialog):
    """Not modal: it is read while one tries what it says."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self._actions = actions
        self.list = QListWidget()
        self.list.setAccessibleName("Pages of the help")
        self.list.setFixedWidth(160)
        self.text = QTextBrowser()
        self.text.setAccessibleName("The page")
        self.text.setOpenLinks(False)  # the pages have none that lead out of them
        self.text.document().setDocumentMargin(16)
        for name in help_pages.PAGES:
            self.list.addItem(help_pages.title(self._markdown(name)))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        layout.addWidget(self.list)
        layout.addWidget(self.text, 1)
        self.resize(720, 560)
        self.list.currentRowChanged.connect(self._on_row)

    def show_page(self, name: str) -> None:
        """``name`` is one of `help_pages.PAGES`."""
        self.list.setCurrentRow(help_pages.PAGES.index(name))
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(int)
    def _on_row(self, row: int) -> None:
        self.text.setMarkdown(self._markdown(help_pages.PAGES[row]))

    def _markdown(self, name: str) -> str:
        return help_pages.page(name, self._actions.keys)
