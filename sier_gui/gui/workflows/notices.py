"""A notice before a rater, and what its one or two buttons do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

if TYPE_CHECKING:
    from sier_gui.gui.modes.study import StudyPage

Do = Callable[[], None]


class Notices(QObject):
    """`tell` shows one; each button counts once."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._page: StudyPage | None = None
        self._go_on: Do | None = None
        self._other: Do | None = None

    def furnish(self, page: StudyPage) -> None:
        """Connect the page, once."""
        self._page = page
        page.notice.gone_on.connect(self._on_go_on)
        page.notice.other_chosen.connect(self._on_other)

    @property
    def waiting(self) -> bool:
        """Whether the notice that is shown, or was last, is still to be answered."""
        return self._go_on is not None

    def tell(
        self,
        heading: str,
        text: str,
        go_on: str = "",
        on_go: Do | None = None,
        other: str = "",
        on_other: Do | None = None,
    ) -> None:
        """Without ``go_on`` there is nothing more to do for the rater."""
        assert self._page is not None
        self._go_on, self._other = on_go, on_other
        self._page.show_notice(heading, text, go_on, other)

    @Slot()
    def _on_go_on(self) -> None:
        self._answered(self._go_on)

    @Slot()
    def _on_other(self) -> None:
        self._answered(self._other)

    def _answered(self, todo: Do | None) -> None:
        self._go_on = self._other = None
        if todo is not None:
            todo()
