"""Render each panel in each state into a folder, offscreen, from generated input only: to be looked at.

Usage: python tests/pictures/gallery.py FOLDER [STATE …]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fixtures"))

import datasets
import numpy as np
import views
from dialog_gallery import DIALOGS
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.main_window import MainWindow
from sier_gui.gui.messages import Messages
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.result import ExplanationPanel, ProbabilityPanel
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.state import AppState, Hover
from sier_gui.gui.theme import Theme
from sier_gui.gui.workflows.look import decode

LONG_TEXT = "what are those black bags standing there under the table and who put them near our door " * 114


class Board(QWidget):
    """All panels in a window, as the main window lays them out."""

    def __init__(self, state: AppState, actions: ActionTable) -> None:
        super().__init__()
        self.actions_shown = actions  # a table that is let go takes its actions along
        self.image = ImagePanel(state, actions, self)
        self.speech = SpeechPanel(state, actions, self)
        self.probabilities = ProbabilityPanel(state, self)
        self.explanation = ExplanationPanel(state, actions, self)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(self.image, 3)
        left.addWidget(self.speech, 2)
        right.addWidget(self.probabilities)
        right.addWidget(self.explanation, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addLayout(left, 2)
        row.addLayout(right, 1)


def explained(state: AppState, of: views.SampleView, **options: object) -> None:
    classes = options.get("classes", views.FOUR)
    best = options.pop("best", 2 % len(classes))
    state.set_sample(of)
    state.set_prediction(views.prediction(of, classes, best))
    state.set_attribution(views.attribution(of, best=best, **options))


def loading(state: AppState, board: Board) -> None:
    for panel in (board.image, board.speech, board.probabilities):
        panel._show_loading()


def sample_only(state: AppState, _board: Board) -> None:
    of = views.view()
    state.set_sample(of)
    state.set_prediction(views.prediction(of))


def coarse(state: AppState, _board: Board) -> None:
    explained(state, views.view(), complete=False)
    state.busy_changed.emit("explain", 0.35)


def importance(state: AppState, _board: Board) -> None:
    state.change_overlay(signed=False)
    explained(state, views.view())


def signed(state: AppState, _board: Board) -> None:
    explained(state, views.view())


def own_scale(state: AppState, _board: Board) -> None:
    state.change_overlay(shared_scale=False)
    explained(state, views.view(), estimated=True)


def hovered_patch(state: AppState, _board: Board) -> None:
    explained(state, views.view())
    state.set_hover(Hover(pixel=(250.0, 180.0)))


def hovered_speech(state: AppState, _board: Board) -> None:
    explained(state, views.view(), estimated=True)
    state.set_hover(Hover(seconds=0.6, hz=1240.0))
    state.set_playhead(1.2)


def hidden(state: AppState, _board: Board) -> None:
    state.change_overlay(visible=False)
    explained(state, views.view())


def broken_picture(state: AppState, _board: Board) -> None:
    state.set_sample(views.view(broken=Modality.IMAGE))


def broken_speech(state: AppState, _board: Board) -> None:
    state.set_sample(views.view(broken=Modality.SPEECH))


def no_picture(state: AppState, _board: Board) -> None:
    of = views.view(absent=Modality.IMAGE)
    state.set_sample(of)
    state.set_prediction(views.prediction(of))


def no_speech(state: AppState, _board: Board) -> None:
    of = views.view(absent=Modality.SPEECH)
    state.set_sample(of)
    state.set_prediction(views.prediction(of))


def wide(state: AppState, _board: Board) -> None:
    explained(state, views.view(width=3000, height=400), grid=16, segments=32)


def padded(state: AppState, _board: Board) -> None:
    explained(state, views.view(width=400, height=1200, front=FrontEnd(image_fit="pad")), grid=4, segments=8)


def short(state: AppState, _board: Board) -> None:
    explained(state, views.view(seconds=0.3, text="No!"))


def minute(state: AppState, _board: Board) -> None:
    explained(state, views.view(seconds=60.0, text=LONG_TEXT[:700]), segments=32)


def window_in_time(state: AppState, _board: Board) -> None:
    of = views.view(seconds=4.0, front=FrontEnd(time="window"))
    explained(state, of)


def eight(state: AppState, _board: Board) -> None:
    explained(state, views.view(label="surprised"), classes=views.EIGHT, best=7)


def three(state: AppState, _board: Board) -> None:
    explained(state, views.view(label=None), classes=views.THREE)


def long_text(state: AppState, _board: Board) -> None:
    explained(state, views.view("a_sample_with_a_very_long_name_" * 4, text=LONG_TEXT[:10_000]))


def zoomed(state: AppState, board: Board) -> None:
    explained(state, views.view(seconds=60.0, text=LONG_TEXT[:700]), segments=32)
    board.speech.plots.wave.setXRange(20.0, 21.3, padding=0)


def modality_only(state: AppState, _board: Board) -> None:
    state.change_explain_options(method="modality")
    explained(state, views.view(), grid=1, segments=1)


def sampled(state: AppState, _board: Board) -> None:
    explained(state, views.view(), estimated=True)
    state.set_hover(Hover(pixel=(250.0, 180.0)))


def stopped(state: AppState, _board: Board) -> None:
    explained(state, views.view(), complete=False)
    state.set_hover(Hover(pixel=(250.0, 180.0)))


def banded(state: AppState, _board: Board) -> None:
    explained(state, views.view(), bands=4)
    state.set_hover(Hover(seconds=0.6, hz=400.0))


def by_words(state: AppState, _board: Board) -> None:
    of = views.view()
    state.change_overlay(signed=False)
    edges = np.array([0.0, 0.22, 0.4, 0.75, 0.95, 1.02, 1.3, 1.35, 1.5, 1.8])
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    state.set_attribution(replace(views.attribution(of, segments=9, bands=2), segment_edges_s=edges))


def empty(_state: AppState, _board: Board) -> None:
    """Nothing chosen yet."""


STATES: tuple[Callable[[AppState, Board], None], ...] = (
    empty, loading, sample_only, coarse, hidden, signed, importance, own_scale, hovered_patch,
    hovered_speech, broken_picture, broken_speech, no_picture, no_speech, wide, padded, short, minute,
    window_in_time, eight, three,
    long_text, zoomed, modality_only, sampled, stopped, banded, by_words,
)  # fmt: skip
OPENERS = ("explain.options", "explain.truth")
SIZES = {"large": (980, 860), "small": (900, 640)}


def render(folder: Path, application: QApplication, only: list[str]) -> list[Path]:
    """One PNG per state (of those named, if any), theme and size; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    theme = Theme(application, "light")
    theme.use_font()
    for mode in ("light", "dark"):
        theme.set_mode(mode)
        for number, fill in enumerate(STATES):
            if only and fill.__name__ not in only:
                continue
            for size, extent in SIZES.items():
                state = AppState()
                board = Board(state, _actions(state, folder))
                board.resize(*extent)
                board.show()
                QApplication.sendPostedEvents()
                fill(state, board)
                written.append(_save(board, folder / f"{number:02d}-{fill.__name__}-{mode}-{size}.png"))
        for name, make in DIALOGS.items():
            if not only or name in only:
                written.append(_save(make(folder), folder / f"{name}-{mode}.png"))
    return written


def render_windows(folder: Path, application: QApplication) -> list[Path]:
    """The whole window over a generated dataset, at the two sizes of the drawing."""
    written = []
    theme = Theme(application, "light")
    theme.use_font()
    with TemporaryDirectory() as temporary:
        classes = views.FOUR
        source = datasets.make_dataset(Path(temporary) / "pairs", rows=40, classes=classes, seconds=1.6)
        catalogue = open_dataset(source)
        for mode in ("light", "dark"):
            theme.set_mode(mode)
            for width, height in ((1400, 900), (1280, 720)):
                for name in ("start", "sample", "explained", "error"):
                    window, state = _window(folder, width, height)
                    if name != "start":
                        _fill_window(state, catalogue, explained=name == "explained")
                    if name == "error":
                        error = SierError("Cannot read images/0007.png: it breaks off.", "Copy it again.")
                        window.messages.error(error)
                    target = folder / f"window-{name}-{mode}-{width}.png"
                    written.append(_save(window, target))
    return written


def _window(folder: Path, width: int, height: int) -> tuple[MainWindow, AppState]:
    state = AppState()
    settings = Settings(folder / "settings.json")
    actions, messages = _actions(state, folder), Messages()
    window = MainWindow(state, actions, settings, messages)
    window.messages, window.actions_shown = messages, actions
    window.resize(width, height)
    window.assemble()
    window.show()
    QApplication.sendPostedEvents()
    return window, state


def _fill_window(state: AppState, catalogue: Catalogue, *, explained: bool) -> None:
    state.set_dataset(catalogue)
    state.set_rows(np.arange(len(catalogue)))
    state.set_row(6)
    of = decode(catalogue.sample(6), FrontEnd())
    state.set_sample(of)
    state.set_prediction(views.prediction(of))
    if explained:
        state.set_attribution(views.attribution(of))


def _actions(state: AppState, folder: Path) -> ActionTable:
    actions = ActionTable(state, Settings(folder / "settings.json"))
    for action in ("play.toggle", "play.from_here", "play.important", "explain.cancel", *OPENERS):
        actions.bind(action, state.set_playhead)  # enabled as in the program; nobody presses them here
    return actions


def _save(widget: QWidget, target: Path) -> Path:
    QApplication.sendPostedEvents()
    widget.grab().save(str(target))
    widget.close()
    widget.deleteLater()
    return target


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Usage: python tests/pictures/gallery.py FOLDER [STATE …]")
    application = QApplication([])
    target, only = Path(sys.argv[1]), sys.argv[2:]
    written = render(target, application, only)
    for path in written if only else [*written, *render_windows(target, application)]:
        print(path)
