"""Help inside: the page of what one is at, and the tour of the first run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication, QWidget

from sier_gui.gui.help_pages import PAGES, PROPERTY, with_keys
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.gui.dialogs.help import HelpDialog
    from sier_gui.gui.tour import Tour

SEEN = "tour.seen"
# page of the help, title, what is said; {…} are keys of actions
STEPS = (
    (
        "samples",
        "Every sample of the dataset",
        "Click a row, or walk with {sample.next} and {sample.previous}. {sample.next_error} goes to the next "
        "one that the network gets wrong, {table.search} searches.",
    ),
    (
        "result",
        "What the network says, and of what",
        "The bars are its probabilities; a click on one explains that class. Below: how much of it comes "
        "from the picture and how much from the speech.",
    ),
    (
        "picture",
        "Which parts of the picture speak for it",
        "Red speaks for the class, blue against it; hatched is not settled yet. Hover for numbers, "
        "{view.overlay} switches the overlay.",
    ),
    (
        "speech",
        "Which parts of the speech",
        "Waveform, words and spectrogram share one time axis. {play.toggle} plays, {play.important} plays "
        "only what was important.",
    ),
    (
        "status",
        "What is going on, and everything else",
        "Long work shows here and never stops you. {help.palette} finds any action, {help.page} explains "
        "the part of the window that you are in.",
    ),
)


class HelpWorkflow(QObject):
    """``first_run``: the tour begins by itself once the first sample is explained, and only once ever."""

    def __init__(self, context: Context, *, first_run: bool) -> None:
        super().__init__(context.window)
        self._context = context
        self._dialog: HelpDialog | None = None
        self.tour: Tour | None = None
        context.actions.bind("help.page", self.show_page)
        context.actions.bind("help.tour", self.start_tour)
        context.state.rating_changed.connect(self._on_rating)
        if first_run and not context.settings.get(SEEN, False):
            context.state.attribution_changed.connect(self._on_first)

    # ---------------------------------------------------------------- pages

    @Slot()
    def show_page(self) -> None:
        """The page of the panel that has the keys; of the mode where none has."""
        from sier_gui.gui.dialogs.help import HelpDialog

        name = page_of(QApplication.focusWidget()) or self._page_of_mode()
        if self._dialog is None:
            self._dialog = HelpDialog(self._context.actions, self._context.window)
        self._dialog.show_page(name)
        self._dialog.show()
        self._dialog.activateWindow()

    def _page_of_mode(self) -> str:
        state = self._context.state
        if state.mode in PAGES:
            return state.mode
        return "samples" if state.dataset is not None else "start"

    @Slot(bool)
    def _on_rating(self, occupied: bool) -> None:
        """A rater sees the study's page and nothing else."""
        if occupied and self._dialog is not None:
            self._dialog.close()
        if occupied and self.tour is not None:
            self.tour.end()

    # ---------------------------------------------------------------- tour

    @Slot(object)
    def _on_first(self, attribution: object) -> None:
        if not getattr(attribution, "complete", False) or self._context.state.mode != "explore":
            return
        self._context.state.attribution_changed.disconnect(self._on_first)
        if QApplication.activeModalWidget() is None:  # somebody is at something already
            self.start_tour()

    @Slot()
    def start_tour(self) -> None:
        from sier_gui.gui.tour import Step, Tour

        if self.tour is not None:
            return
        keys, there = self._context.actions.keys, panels(self._context.window)
        steps = [
            Step(there[page], name, with_keys(text, keys)) for page, name, text in STEPS if page in there
        ]
        self.tour = Tour(self._context.window, steps)
        self.tour.ended.connect(self._on_tour_end)

    @Slot()
    def _on_tour_end(self) -> None:
        self.tour = None
        self._context.settings.set(SEEN, True)


def panels(window: QWidget) -> dict[str, QWidget]:
    """Those on show by the page of the help that they name."""
    named = {str(w.property(PROPERTY)): w for w in window.findChildren(QWidget) if w.property(PROPERTY)}
    return {name: widget for name, widget in named.items() if widget.isVisible()}


def page_of(widget: QWidget | None) -> str:
    """The page that ``widget`` or one around it names; "" where none does."""
    while widget is not None:
        name = widget.property(PROPERTY)
        if name:
            return str(name)
        widget = widget.parentWidget()
    return ""
