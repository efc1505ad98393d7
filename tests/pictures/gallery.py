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

import built
import datasets
import numpy as np
import reports
import views
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from sier_gui.core.audio.devices import FakePlayback, FakeRecorder
from sier_gui.core.audio.files import Audio
from sier_gui.core.construct.pipeline.provenance import compare
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.standing import Standing
from sier_gui.core.settings import Settings
from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.dialogs.degree import DegreeDialog
from sier_gui.gui.dialogs.explain import ExplainDialog
from sier_gui.gui.dialogs.microphone import MicrophoneDialog
from sier_gui.gui.dialogs.provenance import ProvenanceDialog
from sier_gui.gui.dialogs.survey import SurveyDialog
from sier_gui.gui.dialogs.training import TrainingChoice, TrainingDialog
from sier_gui.gui.dialogs.truth import TruthDialog
from sier_gui.gui.main_window import MainWindow
from sier_gui.gui.messages import Messages
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.result import ExplanationPanel, ProbabilityPanel
from sier_gui.gui.panels.speech import SpeechPanel
from sier_gui.gui.state import AppState, ExplainOptions, Hover
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
        self.probabilities = ProbabilityPanel(state, actions, self)
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


def microphone(_folder: Path) -> QWidget:
    take = Audio(views.voice(1.4)[:, None], 16_000)
    dialog = MicrophoneDialog(FakeRecorder(take), FakePlayback())
    dialog.show()
    dialog.record.click()
    dialog.record.click()
    dialog.meter.show_level(-12.0)
    return dialog


def explain_options(_folder: Path) -> QWidget:
    state = AppState()
    dialog = ExplainDialog(state)
    dialog.state_shown = state
    dialog.show()
    return dialog


def explain_odd_options(folder: Path) -> QWidget:
    dialog = explain_options(folder)
    dialog.state_shown.change_explain_options(method="shapley", segments="0.25s", bands=4, absence="blur:6")
    return dialog


def truth(_folder: Path) -> QWidget:
    dialog = TruthDialog()
    dialog.show()
    dialog.show_progress("anger_0007 · hate · Owen 8×8 + 16 · zeros")
    dialog.show_report(reports.truth_report())
    return dialog


def truth_without_extra(_folder: Path) -> QWidget:
    dialog = TruthDialog()
    dialog.show()
    dialog.show_progress("anger_0007 · hate · Owen 8×8 + 16 · zeros")
    dialog.show_report(reports.truth_report(without=("gradcam", "gradients"), evidence=False))
    return dialog


def truth_under_way(_folder: Path) -> QWidget:
    dialog = TruthDialog()
    dialog.show()
    dialog.show_progress("anger_0007 · hate · Owen 8×8 + 16 · zeros")
    dialog.on_progress(Progress(300, 1000, "weights drawn anew: upper half"))
    return dialog


def survey(_folder: Path) -> QWidget:
    dialog = SurveyDialog("demo", 144, ExplainOptions())
    dialog.show()
    return dialog


def degree(_folder: Path) -> QWidget:
    dialog = DegreeDialog()
    dialog.show()
    dialog.show_table(reports.degree_table())
    return dialog


def degree_collapsed(_folder: Path) -> QWidget:
    dialog = DegreeDialog()
    dialog.show()
    dialog.show_table(reports.degree_table(0.985, labels=("negative", "positive")))
    return dialog


def degree_none(_folder: Path) -> QWidget:
    dialog = DegreeDialog()
    dialog.show()
    dialog.show_nothing("This dataset was not explained as a whole yet.")
    return dialog


def training(_folder: Path) -> QWidget:
    dialog = TrainingDialog()
    dialog.set_dataset("tones", 144)
    dialog.set_choice(TrainingChoice("small", "/home/someone/models/tones/1", 1))
    dialog.show_standing(Standing())
    dialog.show()
    return dialog


def training_under_way(folder: Path) -> QWidget:
    dialog = training(folder)
    assert isinstance(dialog, TrainingDialog)
    curves = {f"fused-seed0-part{part}": _epochs(20 - part) for part in range(3)}
    dialog.show_standing(Standing("running", curves, 2, 6))
    return dialog


def _epochs(count: int) -> list[dict[str, object]]:
    found = []
    for epoch in range(count):
        share = 1 - 0.75 * 0.85**epoch
        entry: dict[str, object] = {
            "stage": 0,
            "epoch": epoch,
            "learning_rate": 1e-3,
            "samples_per_second": 41.0,
        }
        entry |= {"train_loss": 2 * 0.9**epoch, "validation_loss": 1.9 * 0.92**epoch}
        for view, part in (("validation", 1.0), ("image", 0.55), ("speech", 0.8)):
            for name in ("accuracy", "balanced_accuracy", "macro_f1", "kappa"):
                entry[f"{view}_{name}"] = share * part
        found.append(entry)
    return found


def provenance(_folder: Path) -> QWidget:
    return _provenance(built.built_set(), "000001", "agree", 0.4)


def provenance_other_classes(_folder: Path) -> QWidget:
    dialog = _provenance(built.built_set(ser=built.EIGHT, ier=built.EIGHT), "000003", "max", 0.5)
    dialog.resize(900, 560)
    return dialog


def provenance_saved(_folder: Path) -> QWidget:
    dialog = _provenance(built.built_set(), "000004", "max", 0.8)
    dialog.show_saved(Path("samples-max-0.8.csv"))
    return dialog


def provenance_none(_folder: Path) -> QWidget:
    dialog = ProvenanceDialog()
    dialog.show()
    dialog.show_nothing("built/summary.json is damaged. Delete it; the defaults are taken then.")
    return dialog


def _provenance(of: built.BuiltSet, sample_id: str, rule: str, threshold: float) -> ProvenanceDialog:
    dialog = ProvenanceDialog()
    dialog.show()
    dialog.show_built(of, sample_id)
    dialog.rule.setCurrentIndex(dialog.rule.findData(rule))
    dialog.threshold.setValue(threshold)
    labels = of.labels(rule, threshold)
    dialog.show_change(labels, compare(of, labels))
    return dialog


DIALOGS: dict[str, Callable[[Path], QWidget]] = {
    "microphone": microphone,
    "explain-options": explain_options,
    "explain-odd-options": explain_odd_options,
    "survey": survey,
    "degree": degree,
    "degree-collapsed": degree_collapsed,
    "degree-none": degree_none,
    "provenance": provenance,
    "provenance-other-classes": provenance_other_classes,
    "provenance-saved": provenance_saved,
    "provenance-none": provenance_none,
    "training": training,
    "training-under-way": training_under_way,
    "truth": truth,
    "truth-without-extra": truth_without_extra,
    "truth-under-way": truth_under_way,
}


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
