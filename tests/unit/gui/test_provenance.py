"""The provenance dialog: what it says of a built dataset, labels by another rule, and what is saved."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import built
import pytest
from fixture_data import LONG, Open, last_words, write_dataset
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QTableWidget
from pytestqt.qtbot import QtBot

from sier_gui.core.construct.pipeline.provenance import compare
from sier_gui.gui.dialogs.provenance import ProvenanceDialog


@pytest.fixture
def dialog(qtbot: QtBot) -> ProvenanceDialog:
    dialog = ProvenanceDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def facts(dialog: ProvenanceDialog) -> list[str]:
    labels = [dialog.facts.itemAt(i).widget() for i in range(dialog.facts.count())]
    return [label.text() for label in labels if isinstance(label, QLabel)]


def cells(table: QTableWidget) -> list[list[str]]:
    return [[table.item(i, j).text() for j in range(table.columnCount())] for i in range(table.rowCount())]


def chosen(dialog: ProvenanceDialog, of: built.BuiltSet, rule: str, threshold: float) -> None:
    dialog.rule.setCurrentIndex(dialog.rule.findData(rule))
    dialog.threshold.setValue(threshold)
    labels = of.labels(*dialog.chosen())
    dialog.show_change(labels, compare(of, labels))


# ---------------------------------------------------------------- the dialog alone


def test_a_sample_is_shown_with_all_it_was_made_of(dialog: ProvenanceDialog) -> None:
    of = built.built_set(40)
    dialog.show_built(of, "000004")
    assert facts(dialog) == [
        "text", "<b>No</b>, I would not.  (line 5)", "speech", "flite 2.2, voice slt, pitch 1.2",
        "picture", "faces/happy/00003.jpg",
    ]  # fmt: skip
    label = dialog.facts.itemAt(1).widget()
    assert isinstance(label, QLabel)
    assert label.textFormat() == Qt.TextFormat.PlainText
    for bars, prefix in ((dialog.speech, "p_ser_"), (dialog.image, "p_ier_")):
        said = ", ".join(f"{c} {float(of.cell(3, prefix + c)):.2f}" for c in built.FOUR)
        assert bars.accessibleDescription() == said
    assert dialog.speech.accessibleName() == "Heard in the speech by ser_emodb/1"
    speech, image = (max(float(of.cell(3, p + c)) for c in built.FOUR) for p in ("p_ser_", "p_ier_"))
    by = "speech" if speech >= image else "image"
    assert dialog.decision.text() == (
        f"Label {of.stored[3]}: {by} decides, {max(speech, image):.2f} (rule max, threshold 0.5)"
    )
    assert f"{int((of.stored != '').sum())} of 40 candidates have a label" in dialog.title.text()
    assert "would score near 100 %" in dialog.made.text()
    left = dialog.left_out.text().splitlines()
    assert left[0] == "Of 158 rows of text and 184 pictures:"
    assert "texts repeated: 115" in left
    assert f"candidates without a label: {int((of.stored == '').sum())}" in left


def test_a_sample_that_was_dropped_says_why_and_a_stranger_that_it_is_none(dialog: ProvenanceDialog) -> None:
    of = built.built_set(200)
    place = next(i for i in range(200) if of.stored[i] == "")
    dialog.show_built(of, of.ids[place])
    assert dialog.decision.text().startswith("No label: no probability reaches the threshold (larger one 0.4")
    dialog.show_sample("somebody else's")
    assert dialog.sample_title.text() == "No sample of this dataset is on show"
    assert facts(dialog) == []
    assert not dialog.speech.isVisible()
    dialog.show_sample(of.ids[place])
    assert dialog.speech.isVisible()


def test_other_classes_are_shown_as_what_they_count(dialog: ProvenanceDialog) -> None:
    dialog.show_built(built.built_set(4, ser=built.EIGHT), "000001")
    assert dialog.speech.names() == [
        "amusement → no class", "anger", "awe → no class", "contentment → no class", "disgust → hate",
        "excitement → happy", "fear → no class", "sadness → sad",
    ]  # fmt: skip
    assert dialog.speech.note().startswith("counted together: ")
    assert dialog.image.names() == list(built.FOUR)
    assert dialog.image.note() == ""


def test_the_rule_chosen_is_told_with_what_it_changes(dialog: ProvenanceDialog) -> None:
    of = built.built_set(300)
    dialog.show_built(of, "000001")
    spy = QSignalSpy(dialog.rule_wished)
    chosen(dialog, of, "agree", 0.45)
    assert [spy.at(i) for i in range(spy.count())] == [["agree", 0.5], ["agree", 0.45]]
    after = of.labels("agree", 0.45).names()
    differ = [(a, b) for a, b in zip(of.stored, after, strict=True) if a != b]
    lost, gained = sum(b == "" for _, b in differ), sum(a == "" for a, _ in differ)
    assert lost
    assert gained
    assert dialog.changed.text() == f"{len(differ)} of 300 change: {lost} lose theirs, {gained} get one."
    rows = {row[0]: row for row in cells(dialog.table)}
    kept = sum(map(bool, after))
    assert rows["happy"][2] == f"{after.count('happy')} ({after.count('happy') / kept:.1%})"
    assert rows["no label"][2] == f"{300 - kept} ({1 - kept / 300:.1%})"
    assert list(rows) == [*built.FOUR, "no label", "decided by speech", "decided by image"]
    assert dialog.save.isEnabled()
    if of.stored[0] != after[0]:
        assert dialog.then.text().startswith("By the rule chosen: ")
    chosen(dialog, of, "max", 0.5)
    assert dialog.changed.text() == "No label changes."
    assert not dialog.save.isEnabled()
    assert dialog.then.text() == ""
    chosen(dialog, of, "max", 1.0)
    assert not dialog.save.isEnabled()  # nothing would be left


def test_a_label_changed_by_hand_is_told_apart(dialog: ProvenanceDialog) -> None:
    of = built.built_set(30)
    stored = of.stored.copy()
    place = int((stored != "").argmax())
    stored[place] = ""
    dialog.show_built(replace(of, stored=stored), of.ids[place])
    assert "removed by hand" in dialog.decision.text()


def test_what_cannot_be_read_is_said_in_the_dialog(dialog: ProvenanceDialog) -> None:
    dialog.show_built(built.built_set(4), "000001")
    dialog.show_nothing("Reading …")
    assert dialog.title.text() == "Reading …"
    assert not dialog.table.isVisible()
    dialog.show_sample("000001")  # arrives late: nothing happens
    assert not dialog.speech.isVisible()


def test_controls_have_names_and_the_keyboard(qtbot: QtBot, dialog: ProvenanceDialog) -> None:
    of = built.built_set(30)
    dialog.show_built(of, "000001")
    chosen(dialog, of, "max", 0.7)
    dialog.show_saved(Path("samples-max-0.7.csv"))
    for widget in (dialog.rule, dialog.threshold, dialog.table, dialog.save, dialog.open_saved):
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        assert widget.accessibleName() or text
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert isinstance(dialog.rule, QComboBox)
    qtbot.keyClick(dialog.rule, Qt.Key.Key_Down)
    assert dialog.chosen() == ("agree", 0.7)
    assert not dialog.open_saved.isVisible()  # that table was of another rule
    qtbot.keyClick(dialog.threshold, Qt.Key.Key_Up)
    assert dialog.chosen() == ("agree", 0.71)
    assert QAccessible.queryAccessibleInterface(dialog.table).text(QAccessible.Text.Name)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


# ---------------------------------------------------------------- in the window


def with_answers(folder: Path) -> Path:
    """A dataset of six samples whose labels two networks made; the fifth and sixth were dropped."""
    table = write_dataset(folder)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    sure = (0.9, 0.8, 0.7, 0.6, 0.45, 0.4)
    for i, row in enumerate(rows):
        for k, name in enumerate(built.FOUR):
            rest = (1 - sure[i]) / 3
            row[f"p_ser_{name}"] = str(sure[i] if k == i % 4 else rest)
            row[f"p_ier_{name}"] = "0.25"
        row["label"] = built.FOUR[i % 4]
        row |= {"decided_by": "speech", "confidence": str(sure[i]), "synthesizer": "flite", "voice": "slt"}
    for file, part in ((table, rows[:4]), (folder / "dropped.csv", rows[4:])):
        with file.open("w", newline="", encoding="utf-8") as stream:
            extra = {"reason": "below-threshold"} if file != table else {}
            writer = csv.DictWriter(stream, [*rows[0], *extra])
            writer.writeheader()
            writer.writerows([row | extra for row in part])
    return folder


def test_a_built_dataset_is_looked_at_relabelled_saved_and_opened(
    qtbot: QtBot, workbench: Open, tmp_path: Path
) -> None:
    folder = with_answers(tmp_path / "made")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    bench = workbench(folder)
    qtbot.waitUntil(lambda: bench.state.dataset is not None, timeout=LONG)
    assert "came from two networks" in last_words(bench)
    assert bench.messages.history[-1].action == "sample.provenance"
    bench.actions.trigger("sample.provenance")
    (dialog,) = bench.window.findChildren(ProvenanceDialog)
    qtbot.waitUntil(lambda: dialog.changed.text() == "No label changes.", timeout=LONG)
    assert "4 of 6 candidates have a label" in dialog.title.text()
    bench.state.set_row(1)
    qtbot.waitUntil(lambda: dialog.sample_title.text() == "s1", timeout=LONG)
    assert dialog.decision.text().startswith("Label happy: speech decides, 0.80")
    dialog.threshold.setValue(0.65)
    qtbot.waitUntil(lambda: dialog.changed.text() == "1 of 6 change: 1 lose theirs.", timeout=LONG)
    dialog.threshold.setValue(0.42)
    qtbot.waitUntil(lambda: dialog.changed.text() == "1 of 6 change: 1 get one.", timeout=LONG)
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(dialog.open_saved.isVisible, timeout=LONG)
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"samples-max-0.42.csv", "samples-max-0.42.json"}
    qtbot.mouseClick(dialog.open_saved, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.state.dataset.name == "samples-max-0.42", timeout=LONG)
    assert len(bench.state.dataset) == 5
    qtbot.waitUntil(lambda: "5 of 6 candidates" in dialog.title.text(), timeout=LONG)
    dialog.close()


def test_other_datasets_have_no_such_thing(qtbot: QtBot, workbench: Open, dataset: Path) -> None:
    bench = workbench(dataset)
    qtbot.waitUntil(lambda: bench.state.dataset is not None, timeout=LONG)
    assert not bench.actions.action("sample.provenance").isEnabled()
    assert not [m for m in bench.messages.history if "networks" in m.text]


def test_what_goes_wrong_is_said(qtbot: QtBot, workbench: Open, tmp_path: Path) -> None:
    folder = with_answers(tmp_path / "made")
    (folder / "summary.json").write_text("{")
    bench = workbench(folder)
    qtbot.waitUntil(lambda: bench.state.dataset is not None, timeout=LONG)
    bench.actions.trigger("sample.provenance")
    (dialog,) = bench.window.findChildren(ProvenanceDialog)
    qtbot.waitUntil(lambda: "summary.json is damaged" in dialog.title.text(), timeout=LONG)
    (folder / "summary.json").unlink()
    bench.actions.trigger("sample.provenance")
    qtbot.waitUntil(lambda: dialog.changed.text() == "No label changes.", timeout=LONG)
    dialog.threshold.setValue(0.42)
    qtbot.waitUntil(dialog.save.isEnabled, timeout=LONG)
    (folder / "samples.csv").unlink()  # what the new table would say it was made of
    qtbot.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Cannot read" in dialog.saved.text(), timeout=LONG)
    assert not dialog.open_saved.isVisible()
    dialog.close()
