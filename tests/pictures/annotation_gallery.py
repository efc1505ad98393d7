"""What people say about a sample, in each state, from made-up input only; `dialog_gallery` lists them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QWidget

from sier_gui.core.annotations.agreeing import agree
from sier_gui.core.annotations.merging import Conflict
from sier_gui.core.annotations.notes import Notes
from sier_gui.core.annotations.records import Entry, Kind, Mark, Value
from sier_gui.core.domain import Modality, Selection
from sier_gui.core.settings import Settings
from sier_gui.gui.actions import ActionTable
from sier_gui.gui.dialogs.annotations import AgreementDialog, MergeDialog
from sier_gui.gui.dialogs.annotator import AnnotatorDialog
from sier_gui.gui.dialogs.labels import LabelsDialog
from sier_gui.gui.panels.annotation import AnnotationPanel
from sier_gui.gui.state import AppState

FOUR = ("anger", "happy", "hate", "sad")
EIGHT = (*FOUR, "surprise", "disgust", "contempt", "a label of many words")
SPAN = Selection(Modality.SPEECH, start_s=0.31, end_s=0.62, low_hz=300, high_hz=2000)
BOX = Selection(Modality.IMAGE, left=120, top=150, right=240, bottom=250)


def _entry(who: str, kind: Kind, value: Value, item: str = "") -> Entry:
    return Entry("s1", who, kind, item, value, "2026-11-12T18:40:05.000+00:00")


def _panel(folder: Path, labels: tuple[str, ...], *entries: Entry) -> AnnotationPanel:
    state = AppState()
    actions = ActionTable(state, Settings(folder / "settings.json"))
    state.annotated.me = "Anna"
    panel = AnnotationPanel(state, actions)
    panel.setProperty("kept", [state, actions])  # a table that is let go takes its actions along
    state.annotated.set_labels(labels)
    state.annotated.set_notes(Notes("s1", entries))
    actions.action("annotate.unlabelled").setIconText("Unlabelled 1,204")
    actions.action("annotate.disputed").setIconText("Disputed 17")
    for button in (*panel.labels, *panel.queue):
        button.defaultAction().setEnabled(True)
    for button in panel.head:  # they belong beside the sample's name
        button.hide()
    panel.resize(312, panel.sizeHint().height())
    return panel


def annotation(folder: Path) -> QWidget:
    return _panel(folder, FOUR)


def annotation_by_many(folder: Path) -> QWidget:
    panel = _panel(
        folder,
        FOUR,
        _entry("Anna", Kind.LABEL, "hate"),
        _entry("Anna", Kind.FLAG, True),
        _entry(
            "Anna", Kind.COMMENT, "smiles, but the voice is angry, at least towards the end of the sentence"
        ),
        _entry("Anna", Kind.MARK, Mark(SPAN, "creaky").value(), "m1"),
        _entry("Ben", Kind.LABEL, "anger"),
        _entry("Ben", Kind.MARK, Mark(BOX).value(), "m2"),
        _entry("Çağla", Kind.COMMENT, "too quiet"),
        _entry("Dora", Kind.LABEL, "anger"),
    )
    panel._on_unsaved(2)
    return panel


def annotation_written(folder: Path) -> QWidget:
    panel = _panel(folder, EIGHT, _entry("Anna", Kind.LABEL, "surprise"))
    panel._edit("", "Comment: Enter saves, Esc leaves")
    panel.resize(312, panel.sizeHint().height())
    return panel


def agreement(_folder: Path) -> QWidget:
    said = {
        "Anna": {f"s{i}": FOUR[i % 4] for i in range(40)},
        "Ben": {f"s{i}": FOUR[i % 4 if i % 5 else 0] for i in range(30)},
        "Çağla": {f"s{i}": "anger" for i in range(4)},
    }
    return AgreementDialog(agree(said, {f"s{i}": FOUR[i % 4] for i in range(20)}))


def merged(_folder: Path) -> QWidget:
    conflict = Conflict("Anna", "s1", "label", "happy", "anger", ours_holds=False).text()
    return MergeDialog(["ben.sqlite: 812 new annotation events, 40 known already; 1 conflict", conflict])


def annotator(_folder: Path) -> QWidget:
    return AnnotatorDialog("anna")


def labels(_folder: Path) -> QWidget:
    return LabelsDialog(EIGHT)


ANNOTATIONS = {
    "annotation": annotation,
    "annotation-by-many": annotation_by_many,
    "annotation-written": annotation_written,
    "annotation-agreement": agreement,
    "annotation-merged": merged,
    "annotator": annotator,
    "labels": labels,
}
