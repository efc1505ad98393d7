"""Annotating in the window: keys, undo, queue, trouble with the file; everything said is on the disk."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixture_data import Open, last_words
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFileDialog
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.annotations.places import beside, open_store, own
from sier_gui.core.annotations.records import Change, Entry, Kind
from sier_gui.core.annotations.schema import FILE
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.query import Query
from sier_gui.core.domain import Modality, Selection
from sier_gui.core.errors import SierError
from sier_gui.gui.dialogs.annotations import AgreementDialog, MergeDialog
from sier_gui.gui.dialogs.annotator import AnnotatorDialog
from sier_gui.gui.dialogs.labels import LabelsDialog
from sier_gui.gui.itemmodels.samples import FLAGS
from sier_gui.gui.panels.result import ProbabilityPanel
from sier_gui.gui.workflows.annotation_desk import MAJORITY
from sier_gui.gui.workflows.browse import _query_from

LABELS = ("amused", "bored", "calm", "tense")  # no release knows them: torch is never loaded
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Annotator:
    """Somebody before the window."""

    def __init__(self, qtbot: QtBot, bench: Workbench, catalogue: Catalogue) -> None:
        self.qtbot, self.bench, self.state, self.catalogue = qtbot, bench, bench.state, catalogue
        self.panel = bench.window.annotation

    def key(self, keys: str, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        window = self.bench.window
        window.activateWindow()  # a dialog that was closed does not give it back offscreen
        self.qtbot.waitUntil(window.isActiveWindow, timeout=5000)
        self.qtbot.keyClick(window.samples.table, keys, modifiers)

    def go(self, row: int) -> None:
        self.state.set_row(row)
        self.until_shown(row)

    def until_shown(self, row: int) -> None:
        annotated = self.state.annotated
        self.qtbot.waitUntil(
            lambda: annotated.notes is not None and annotated.notes.sample_id == f"s{row}", timeout=5000
        )

    def until_saved(self) -> None:
        file, scribe = self.bench.annotate._file, self.bench.scribe
        self.qtbot.waitUntil(lambda: not file.waiting and not scribe._current, timeout=5000)

    def stored(self) -> list[Entry]:
        """What is on the disk now, as another program sees it."""
        with AnnotationStore(beside(self.catalogue), read_only=True) as store:
            return list(store.entries())

    def labels(self) -> dict[str, object]:
        return {e.sample_id: e.value for e in self.stored() if e.kind is Kind.LABEL}

    def pressed(self) -> list[str]:
        return [button.text() for button in self.panel.labels if button.isChecked()]

    def flags(self, row: int) -> object:
        model = self.bench.window.samples.model
        return model.data(model.index(model.place_of(row), FLAGS))

    def dialog(self, kind: type[QDialog]) -> QDialog:
        found: list[QDialog] = []

        def there() -> bool:
            found[:] = [d for d in self.bench.window.findChildren(kind) if d.isVisible()]
            return bool(found)

        self.qtbot.waitUntil(there, timeout=5000)
        return found[0]

    def choose(self, action: str, path: Path, name: str = "") -> None:
        """Answer the file dialog that an action opens."""
        self.bench.actions.trigger(action)
        dialog = self.dialog(QFileDialog)
        assert isinstance(dialog, QFileDialog)
        if name:
            dialog.selectNameFilter(name)
        dialog.setDirectory(str(path.parent))
        dialog.selectFile(str(path))
        said = len(self.bench.messages.history)
        dialog.accepted.emit()
        dialog.close()
        self.until_saved()
        self.qtbot.waitUntil(
            lambda: (
                len(self.bench.messages.history) > said or bool(self.bench.window.findChildren(MergeDialog))
            ),
            timeout=5000,
        )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twelve samples whose files do not exist, four classes in turn; the last four without a label."""
    file = tmp_path / "set" / "samples.csv"
    file.parent.mkdir()
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("sample_id", "image", "speech", "text", "label"))
        writer.writerows(
            (f"s{i}", f"{i}.png", f"{i}.wav", "word", LABELS[i % 4] if i < 8 else "") for i in range(12)
        )
    return file


@pytest.fixture
def catalogue(table: Path) -> Catalogue:
    return open_dataset(table)


def sit(qtbot: QtBot, workbench: Open, catalogue: Catalogue) -> Annotator:
    bench = workbench(catalogue.source)
    qtbot.waitUntil(lambda: bench.state.annotated.columns is not None, timeout=20_000)
    qtbot.waitUntil(lambda: hasattr(bench.window, "annotation"), timeout=5000)
    found = Annotator(qtbot, bench, catalogue)
    found.until_shown(0)
    found.until_saved()  # or rather read
    assert bench.state.annotated.labels == LABELS
    return found


@pytest.fixture
def stranger(qtbot: QtBot, workbench: Open, catalogue: Catalogue) -> Iterator[Annotator]:
    """Nobody has said yet who sits here."""
    found = sit(qtbot, workbench, catalogue)
    yield found
    assert found.bench.computer.shutdown(60)


@pytest.fixture
def anna(stranger: Annotator) -> Annotator:
    stranger.bench.annotate.sign("Anna")
    return stranger


# ---------------------------------------------------------------- keys


def test_a_key_is_a_label_on_the_disk_with_name_and_time(anna: Annotator) -> None:
    anna.key("2")
    anna.until_saved()
    (entry,) = anna.stored()
    assert (entry.sample_id, entry.who, entry.kind, entry.value) == ("s0", "Anna", Kind.LABEL, "bored")
    assert anna.pressed() == ["2 bored"]
    assert re.fullmatch(r"you, \d+ \w+ \d\d:\d\d: bored", anna.panel.people[0].text())
    assert anna.flags(0) == "≠"
    verdicts = [p.verdict.text() for p in anna.bench.window.findChildren(ProbabilityPanel)]
    assert [text.split(" · ")[:2] for text in verdicts] == [["label amused", "you bored"]]
    anna.key("2")  # the same again changes nothing
    anna.key("0")
    anna.until_saved()
    assert anna.stored() == []
    assert anna.pressed() == []
    with AnnotationStore(beside(anna.catalogue), read_only=True) as store:
        assert [event.new for event in store.events()] == ["bored", None]


def test_flag_comment_and_mark(anna: Annotator) -> None:
    anna.key("f")
    anna.key("c")
    assert anna.panel.editor.hasFocus()
    anna.qtbot.keyClicks(anna.panel.editor, "1 fine cut")  # the keys of labels and flags are letters here
    anna.qtbot.keyClick(anna.panel.editor, Qt.Key.Key_Return)
    assert not anna.panel.editor.isVisible()
    where = Selection(Modality.SPEECH, start_s=0.2, end_s=0.5)
    anna.state.set_selection(where)
    anna.key("m")
    anna.until_saved()
    stored = {e.kind: e for e in anna.stored()}
    assert set(stored) == {Kind.FLAG, Kind.COMMENT, Kind.MARK}
    assert stored[Kind.COMMENT].value == "1 fine cut"
    assert stored[Kind.MARK].mark.where == where
    assert anna.flags(0) == "⚑✎▭"
    anna.key("f")
    line = anna.panel._marks.itemAt(0).widget()
    anna.state.set_selection(None)
    line.place.click()
    assert anna.state.selection == where
    anna.qtbot.keyClicks(anna.panel.editor, "creaky")  # a word about it
    anna.qtbot.keyClick(anna.panel.editor, Qt.Key.Key_Return)
    anna.until_saved()
    assert [e.mark.text for e in anna.stored() if e.kind is Kind.MARK] == ["creaky"]
    line = anna.panel._marks.itemAt(0).widget()
    assert line.place.text() == "0.20–0.50 s  creaky"
    line.remove.click()
    anna.until_saved()
    assert {e.kind: e.value for e in anna.stored()} == {Kind.COMMENT: "1 fine cut"}


def test_escape_leaves_a_comment_as_it_was(anna: Annotator) -> None:
    anna.bench.annotate.comment("s0", "before")
    anna.key("c")
    assert anna.panel.editor.text() == "before"
    anna.qtbot.keyClicks(anna.panel.editor, "after")
    anna.qtbot.keyClick(anna.panel.editor, Qt.Key.Key_Escape)
    assert not anna.panel.editor.isVisible()
    anna.until_saved()
    assert [e.value for e in anna.stored()] == ["before"]


def test_words_stay_with_the_sample_they_were_typed_for(anna: Annotator) -> None:
    anna.key("c")
    anna.qtbot.keyClicks(anna.panel.editor, "about the first")
    anna.go(3)
    assert not anna.panel.editor.isVisible()
    anna.key("c")
    assert anna.panel.editor.text() == ""
    anna.qtbot.keyClick(anna.panel.editor, Qt.Key.Key_Return)
    anna.until_saved()
    assert {e.sample_id: e.value for e in anna.stored()} == {"s0": "about the first"}


def test_a_key_before_the_sample_is_on_show_labels_nothing(anna: Annotator) -> None:
    anna.state.set_row(5)  # it is being read
    anna.bench.actions.trigger("annotate.label_2")
    assert "still being read" in last_words(anna.bench)
    anna.until_shown(5)
    anna.until_saved()
    assert anna.pressed() == []
    assert not beside(anna.catalogue).exists()


def test_no_key_labels_what_the_dataset_view_hides(anna: Annotator) -> None:
    anna.state.set_overview(True)
    anna.key("2")
    anna.key("f")
    anna.until_saved()
    assert not beside(anna.catalogue).exists()
    anna.state.set_overview(False)
    anna.key("2")
    anna.until_saved()
    assert anna.labels() == {"s0": "bored"}


def test_letters_typed_into_the_search_field_annotate_nothing(anna: Annotator) -> None:
    search = anna.bench.window.samples.search
    search.setFocus()
    anna.qtbot.keyClicks(search, "1fcumd 0")
    assert search.text() == "1fcumd 0"
    anna.until_saved()
    assert not beside(anna.catalogue).exists()
    search.clear()


def test_keys_are_on_the_buttons_and_can_be_changed(anna: Annotator) -> None:
    assert [button.text() for button in anna.panel.labels] == ["1 amused", "2 bored", "3 calm", "4 tense"]
    anna.bench.actions.set_shortcut("annotate.label_3", QKeySequence("G"))
    assert anna.panel.labels[2].text() == "G calm"
    anna.key("g")
    anna.until_saved()
    assert anna.labels() == {"s0": "calm"}
    assert not anna.bench.actions.action("annotate.label_5").isEnabled()  # there is no fifth label


def test_a_click_does_what_the_key_does(anna: Annotator) -> None:
    anna.qtbot.mouseClick(anna.panel.labels[3], Qt.MouseButton.LeftButton)
    anna.qtbot.mouseClick(anna.panel.head[0], Qt.MouseButton.LeftButton)
    anna.until_saved()
    assert {e.value for e in anna.stored()} == {"tense", True}


def test_a_dataset_can_have_labels_of_its_own(anna: Annotator) -> None:
    anna.bench.actions.trigger("annotate.labels")
    dialog = anna.dialog(LabelsDialog)
    assert isinstance(dialog, LabelsDialog)
    assert dialog.lines.toPlainText().splitlines() == list(LABELS)
    dialog.lines.setPlainText("\n".join(map(str, range(10))))
    dialog._take()
    assert dialog.isVisible()  # there are nine keys
    dialog.lines.setPlainText(" calm\n\nawed\ncalm")
    dialog._take()
    assert [button.text() for button in anna.panel.labels] == ["1 calm", "2 awed"]
    anna.key("2")
    anna.until_saved()
    assert anna.labels() == {"s0": "awed"}
    anna.bench.annotate.list_labels(())
    assert anna.state.annotated.labels == (*LABELS, "awed")  # it was given: so it can be again


def test_the_notes_column_comes_with_the_first_note(anna: Annotator) -> None:
    table = anna.bench.window.samples.table
    assert table.isColumnHidden(FLAGS)
    anna.key("f")
    assert not table.isColumnHidden(FLAGS)
    anna.key("f")
    assert table.isColumnHidden(FLAGS)


# ---------------------------------------------------------------- who


def test_the_name_is_asked_once_and_the_label_waits_for_it(stranger: Annotator) -> None:
    stranger.key("4")
    dialog = stranger.dialog(AnnotatorDialog)
    assert isinstance(dialog, AnnotatorDialog)
    dialog.name.setText(" ")
    dialog._take()
    assert dialog.isVisible()  # nobody is called so
    dialog.name.setText("Ben")
    dialog._take()
    stranger.until_saved()
    assert [(e.who, e.value) for e in stranger.stored()] == [("Ben", "tense")]
    assert stranger.bench.settings.get("annotator") == "Ben"
    stranger.key("1")
    stranger.until_saved()
    assert stranger.labels() == {"s0": "amused"}


def test_without_a_name_nothing_is_said(stranger: Annotator) -> None:
    stranger.key("4")
    stranger.dialog(AnnotatorDialog).reject()
    stranger.until_saved()
    assert stranger.pressed() == []
    assert not beside(stranger.catalogue).exists()


def test_what_others_said_is_shown_and_stays_theirs(
    qtbot: QtBot, workbench: Open, catalogue: Catalogue
) -> None:
    with open_store(catalogue) as store:
        store.apply(Change("Ben", "s0", Kind.LABEL, "calm"))
        store.apply(Change("Ben", "s0", Kind.COMMENT, "sighs"))
        store.apply(Change("Ben", "s3", Kind.FLAG, True))
    anna = sit(qtbot, workbench, catalogue)
    assert re.fullmatch(r"Ben, .* \d\d:\d\d: calm “sighs”", anna.panel.people[0].text())
    assert (anna.flags(0), anna.flags(3)) == ("✎≠", "⚑")
    anna.bench.annotate.sign("Anna")
    anna.key("4")
    anna.until_saved()
    assert anna.flags(0) == "!✎≠"
    shown = [line.text().split(",")[0] for line in anna.panel.people if line.isVisible()]
    assert shown == ["you", "Ben"]
    assert {(e.who, e.value) for e in anna.stored() if e.kind is Kind.LABEL} == {
        ("Anna", "tense"), ("Ben", "calm"),
    }  # fmt: skip
    assert anna.bench.computer.shutdown(60)


# ---------------------------------------------------------------- undo


def test_undo_and_redo_go_to_the_sample_they_are_about(anna: Annotator) -> None:
    anna.key("1")
    anna.go(5)
    anna.key("2")
    anna.key("f")
    anna.key("z", CTRL)
    anna.until_saved()
    assert anna.labels() == {"s0": "amused", "s5": "bored"}
    anna.key("z", CTRL)
    anna.key("z", CTRL)
    anna.until_shown(0)
    anna.until_saved()
    assert anna.labels() == {}
    assert anna.pressed() == []
    anna.key("z", CTRL)
    anna.until_saved()
    assert "nothing to undo" in last_words(anna.bench)
    anna.key("z", CTRL | SHIFT)
    anna.key("z", CTRL | SHIFT)
    anna.until_shown(5)
    anna.until_saved()
    assert anna.labels() == {"s0": "amused", "s5": "bored"}
    assert anna.pressed() == ["2 bored"]


def test_undo_reaches_back_over_a_restart(qtbot: QtBot, workbench: Open, catalogue: Catalogue) -> None:
    first = sit(qtbot, workbench, catalogue)
    first.bench.annotate.sign("Anna")
    first.key("3")
    first.bench.window.close()  # at once: what waits is written
    assert first.bench.computer.shutdown(60)
    again = sit(qtbot, workbench, catalogue)
    assert again.labels() == {"s0": "calm"}
    assert again.pressed() == ["3 calm"]
    again.key("z", CTRL)
    again.until_saved()
    assert again.labels() == {}
    assert again.bench.computer.shutdown(60)


# ---------------------------------------------------------------- the queue


def test_the_queue_goes_round_what_is_left(anna: Annotator) -> None:
    unlabelled, disputed = anna.panel.queue
    assert (unlabelled.text(), disputed.text()) == ("Unlabelled 4", "Disputed 0")
    for row in (8, 9, 10, 11, 8):
        anna.key("u")
        anna.until_shown(row)
    for row in (8, 9, 10, 11):
        anna.go(row)
        anna.key("1")
    anna.until_saved()
    assert unlabelled.text() == "Not by you 8"
    anna.key("u")
    anna.until_shown(0)
    anna.key("d")
    assert "agree" in last_words(anna.bench)


def test_labelling_goes_on_by_itself_where_that_is_wished(anna: Annotator) -> None:
    anna.bench.actions.trigger("annotate.advance")
    assert anna.bench.settings.get("annotate.advance") is True
    for row, key in enumerate("1234"):
        anna.until_shown(row)
        anna.key(key)
    anna.until_shown(4)
    anna.until_saved()
    assert anna.labels() == {"s0": "amused", "s1": "bored", "s2": "calm", "s3": "tense"}
    anna.key("z", CTRL)
    anna.until_shown(3)


def test_filters_read_annotations_and_rows_stay_under_ones_hands(anna: Annotator) -> None:
    box = anna.bench.window.samples.marked_box
    anna.go(2)
    anna.key("f")
    box.setCurrentIndex(box.findData("flagged"))
    box.activated.emit(box.currentIndex())
    assert anna.state.rows.tolist() == [2]
    anna.key("f")
    anna.until_saved()
    assert anna.state.rows.tolist() == [2]  # still there, until a filter is touched
    box.setCurrentIndex(box.findData("unlabelled"))
    box.activated.emit(box.currentIndex())
    assert anna.state.rows.tolist() == [8, 9, 10, 11]
    assert anna.panel.queue[0].text() == "Unlabelled 4"


def test_a_remembered_filter_that_there_is_not_is_no_filter() -> None:
    assert _query_from({"marked": "flagged", "confidence": [0, 1]}) == Query(marked="flagged")
    assert _query_from({"confidence": [0, 1]}) == Query()  # of an earlier version
    assert _query_from({"marked": "by hand", "confidence": [0, 1]}) is None


# ---------------------------------------------------------------- trouble


def test_a_failed_save_waits_says_so_and_is_made_good(
    anna: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna.key("1")
    anna.until_saved()
    real = AnnotationStore.apply

    def full(_store: AnnotationStore, _request: object) -> None:
        raise SierError("The annotation file cannot be used: the disk is full.", "Make room.")

    monkeypatch.setattr(AnnotationStore, "apply", full)
    anna.go(1)
    anna.key("2")
    anna.qtbot.waitUntil(lambda: anna.state.annotated.unsaved == 1, timeout=5000)
    assert anna.bench.messages.history[-1].action == "annotate.retry"
    assert anna.panel.unsaved.text() == "1 not saved yet"
    assert anna.pressed() == ["2 bored"]  # shown, and known not to be on the disk
    anna.go(2)
    anna.go(1)
    assert anna.pressed() == ["2 bored"]
    assert anna.labels() == {"s0": "amused"}
    monkeypatch.setattr(AnnotationStore, "apply", real)
    anna.bench.actions.trigger("annotate.retry")
    anna.qtbot.waitUntil(lambda: anna.state.annotated.unsaved == 0, timeout=5000)
    assert anna.labels() == {"s0": "amused", "s1": "bored"}
    assert not anna.panel.unsaved.isVisible()


def test_what_cannot_be_saved_until_the_end_is_rescued(
    anna: Annotator, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AnnotationStore.apply

    def full(store: AnnotationStore, wished: Change) -> object:
        if store.folder == beside(anna.catalogue):
            raise SierError("The annotation file cannot be used: the disk is full.", "Make room.")
        return real(store, wished)

    monkeypatch.setattr(AnnotationStore, "apply", full)
    anna.key("1")
    anna.qtbot.waitUntil(lambda: anna.state.annotated.unsaved == 1, timeout=5000)
    anna.bench.window.close()
    assert "kept in" in last_words(anna.bench)
    monkeypatch.setattr(AnnotationStore, "apply", real)
    with open_store(anna.catalogue) as store:
        assert [(e.sample_id, e.value) for e in store.entries()] == [("s0", "amused")]


def test_a_file_that_another_window_holds_is_no_loss(anna: Annotator) -> None:
    with AnnotationStore(beside(anna.catalogue)) as other:
        other.apply(Change("Ben", "s0", Kind.LABEL, "calm"))
        anna.key("1")
        anna.until_saved()
        assert "open in another copy" in last_words(anna.bench)
    with AnnotationStore(own(anna.catalogue), read_only=True) as store:
        assert {(e.who, e.value) for e in store.entries()} == {("Ben", "calm"), ("Anna", "amused")}


# ---------------------------------------------------------------- with others


def test_merge_agreement_and_export(anna: Annotator, tmp_path: Path) -> None:
    for row, key in enumerate("1134"):
        anna.go(row)
        anna.key(key)
    anna.until_saved()
    with AnnotationStore(tmp_path / "ben") as theirs:
        for row, name in enumerate(LABELS):
            theirs.apply(Change("Ben", f"s{row}", Kind.LABEL, name))
    anna.choose("annotate.merge", tmp_path / "ben" / FILE)
    merged = anna.dialog(MergeDialog)
    assert isinstance(merged, MergeDialog)
    assert "4 new annotation events" in merged.text.toPlainText()
    merged.close()
    anna.until_saved()
    assert anna.panel.queue[1].text() == "Disputed 1"
    anna.key("d")
    anna.until_shown(1)

    anna.bench.actions.trigger("annotate.agreement")
    agreement = anna.dialog(AgreementDialog)
    assert isinstance(agreement, AgreementDialog)
    cells = [agreement.table.item(0, column).text() for column in range(5)]
    assert cells == ["Anna", "Ben", "4", "3", "0.667"]
    agreement.close()

    original = (anna.catalogue.root / "samples.csv").read_bytes()
    target = anna.catalogue.root / "new.csv"
    anna.choose("annotate.table", target, MAJORITY)
    assert "disputed" in last_words(anna.bench)
    assert (anna.catalogue.root / "samples.csv").read_bytes() == original
    with target.open(newline="", encoding="utf-8") as stream:
        rows = {row["sample_id"]: row for row in csv.DictReader(stream)}
    assert rows["s1"]["label_state"] == "disputed"
    assert rows["s0"]["label_by"] == "Anna, Ben"


def test_opening_another_dataset_leaves_nothing_behind(anna: Annotator, tmp_path: Path, table: Path) -> None:
    second = tmp_path / "second" / "samples.csv"
    second.parent.mkdir()
    shutil.copy(table, second)
    anna.key("1")
    anna.bench.open.open_path(str(second))
    anna.qtbot.waitUntil(
        lambda: anna.state.dataset is not None and anna.state.dataset.root == second.parent, timeout=5000
    )
    anna.until_shown(0)
    anna.qtbot.waitUntil(lambda: anna.state.annotated.columns is not None, timeout=5000)
    assert anna.labels() == {"s0": "amused"}
    assert anna.pressed() == []
    AnnotationStore(beside(anna.catalogue)).close()  # the lock was let go
