"""Each dialog in each state, from generated input only; `gallery` renders them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import built
import reports
import views
from annotation_gallery import ANNOTATIONS
from PySide6.QtWidgets import QWidget

from sier_gui.core.audio.devices import FakePlayback, FakeRecorder
from sier_gui.core.audio.files import Audio
from sier_gui.core.construct.pipeline.provenance import compare
from sier_gui.core.explain.survey.degree import DegreeTable
from sier_gui.core.nets.training.standing import Standing
from sier_gui.core.settings import Settings
from sier_gui.core.tasks import Progress
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.dialogs.explain import ExplainDialog
from sier_gui.gui.dialogs.microphone import MicrophoneDialog
from sier_gui.gui.dialogs.palette import PaletteDialog
from sier_gui.gui.dialogs.provenance import ProvenanceDialog
from sier_gui.gui.dialogs.shortcuts import ShortcutsDialog
from sier_gui.gui.dialogs.survey import SurveyDialog
from sier_gui.gui.dialogs.training import TrainingChoice, TrainingDialog
from sier_gui.gui.dialogs.truth import TruthDialog
from sier_gui.gui.panels.overview.degree import DegreePanel
from sier_gui.gui.state import AppState, ExplainOptions


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
    return degree_panel(reports.degree_table())


def degree_collapsed(_folder: Path) -> QWidget:
    return degree_panel(reports.degree_table(0.985, labels=("negative", "positive")))


def degree_none(_folder: Path) -> QWidget:
    return degree_panel(None)


def degree_panel(found: DegreeTable | None) -> QWidget:
    panel = DegreePanel()
    panel.resize(860, 440)
    panel.show()
    if found is not None:
        panel.show_degrees(found)
    return panel


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


def shortcuts(folder: Path) -> QWidget:
    state = AppState()
    dialog = ShortcutsDialog(ActionTable(state, Settings(folder / "settings.json")))
    dialog.state_shown = state
    dialog.show()
    return dialog


def action_palette(folder: Path) -> QWidget:
    """Those that can run first; here three."""
    state = AppState()
    actions = ActionTable(state, Settings(folder / "settings.json"))
    for action in ("file.open", "explain.options", "survey.degree"):
        actions.bind(action, state.set_playhead)
        actions.action(action).setEnabled(True)
    dialog = PaletteDialog(actions)
    dialog.state_shown = state
    dialog.show()
    return dialog


DIALOGS: dict[str, Callable[[Path], QWidget]] = {
    **ANNOTATIONS,
    "microphone": microphone,
    "explain-options": explain_options,
    "explain-odd-options": explain_odd_options,
    "shortcuts": shortcuts,
    "survey": survey,
    "degree": degree,
    "degree-collapsed": degree_collapsed,
    "degree-none": degree_none,
    "palette": action_palette,
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
