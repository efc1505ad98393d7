"""A column of sections that become tabs where they do not fit below each other."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QScrollArea, QTabBar, QVBoxLayout, QWidget

SPACING = 8


class FoldingColumn(QScrollArea):
    """``head`` is always there; ``sections``, by title, stand below it or behind tabs.

    Nothing is ever cut: where even one section is too high, the column scrolls.
    """

    def __init__(self, head: QWidget, sections: Mapping[str, QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._head, self._sections = head, list(sections.values())
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName("Sections")
        for title in sections:
            self.tabs.addTab(title)
        self.tabs.hide()
        self._column = QWidget()
        layout = QVBoxLayout(self._column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(head)
        layout.addWidget(self.tabs)
        for section in self._sections:
            layout.addWidget(section)
        layout.addStretch(1)
        self.setWidget(self._column)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tabs.currentChanged.connect(self.fold)
        self._column.installEventFilter(self)

    @property
    def folded(self) -> bool:
        return not self.tabs.isHidden()

    def needed(self) -> int:
        """Height in pixels of everything below each other, at the present width."""
        width = self.viewport().width()
        return sum(_height(w, width) for w in (self._head, *self._sections)) + SPACING * len(self._sections)

    @Slot()
    def fold(self) -> None:
        """Choose between stack and tabs; called whenever what is shown or the room for it changes."""
        folded = self.needed() > self.viewport().height()
        self.tabs.setVisible(folded)
        for place, section in enumerate(self._sections):
            section.setVisible(not folded or place == self.tabs.currentIndex())

    def show_section(self, section: QWidget) -> None:
        """Bring ``section`` to the front where it lies behind a tab."""
        self.tabs.setCurrentIndex(self._sections.index(section))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fold()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._column and event.type() == QEvent.Type.LayoutRequest:
            self.fold()
        return super().eventFilter(watched, event)


def _height(widget: QWidget, width: int) -> int:
    """What ``widget`` needs, whether it is on show or not."""
    layout = widget.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.totalHeightForWidth(width)
    return widget.sizeHint().height()
