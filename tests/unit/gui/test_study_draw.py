"""Items are drawn from the window as the command line draws them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from fixture_booth import Desk
from fixture_desk import printed, texts
from fixture_rater import Rater
from PySide6.QtWidgets import QMessageBox

from sier_gui.core.study.design import load_design
from sier_gui.core.study.project import open_project
from sier_gui.gui.modes.study.drawing import DrawDialog

SAMPLE = "item007"  # sad
DROP = (
    "DELETE FROM decisions WHERE take IN (SELECT id FROM takes WHERE sample_id = ? AND reader = 'readerman')"
)


@pytest.fixture
def undrawn(made: Path, tmp_path: Path) -> Path:
    """The study of `made` before its draw; one take of it does not count."""
    folder = tmp_path / "study"
    shutil.copytree(made, folder)
    with open_project(folder) as project:
        project.set_fact("items", "[]")
        project.set_fact("cast", "{}")
        project._connection.execute(DROP, (SAMPLE,))
    return folder


@pytest.fixture
def study(study_bench: Rater, undrawn: Path) -> Rater:
    study_bench.open(undrawn)
    return study_bench


def pilot(folder: Path) -> Path:
    file = folder / "pilot.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("rater", "sample_id", "label", "modality", "answer"))
        table.writerows((f"p{n}", "item000", "anger", "i", "anger") for n in range(5))
    return file


def asked(study: Rater) -> DrawDialog:
    study.bench.actions.trigger("study.draw")
    drawing = study.bench.study.drawing
    study.until(lambda: drawing.dialog is not None and drawing.dialog.isVisible())
    assert drawing.dialog is not None
    return drawing.dialog


def test_an_undrawn_study_says_what_comes_first(study: Rater) -> None:
    progress = study.page.desk.progress
    assert study.bench.actions.action("study.draw").isEnabled()
    assert "Draw the Items" in progress.following.text()
    assert progress.draw.isVisibleTo(study.page)
    assert not progress.pseudonym.isVisibleTo(study.page)
    assert study.bench.window.focusWidget() is progress.draw


def test_the_dialogs_figures_and_the_draw_are_the_command_lines(
    study: Rater, undrawn: Path, tmp_path: Path
) -> None:
    shutil.copytree(undrawn, tmp_path / "copy")
    file = pilot(tmp_path)
    dialog = asked(study)
    assert [row[4] for row in texts(dialog.table)] == ["0 of 1", "–", "–", "–"]
    dialog.pilot_wished.emit(str(tmp_path / "none.csv"))
    study.until(lambda: "none.csv" in dialog.problem.text())
    assert dialog.draw.isEnabled()
    dialog.pilot_wished.emit(str(file))
    study.until(lambda: dialog.gold.text() == "pilot.csv: 1 of 1.")
    rows = texts(dialog.table)
    dialog.draw.click()
    progress = study.page.desk.progress
    study.until(lambda: study.page.step is study.page.desk and progress.pseudonym.isVisibleTo(study.page))
    found = printed("draw", str(tmp_path / "copy"), "--pilot", str(file))
    with open_project(tmp_path / "copy", read_only=True) as project:
        other = load_design(project)
    assert load_design(study.project) == other  # the same items, one by one
    assert found["items"] == len(other.items) == sum(int(row[5]) for row in rows)
    for row in rows:
        kinds = [item.kind.value for item in other.items if item.label == row[0]]
        assert [kinds.count(kind) for kind in ("main", "reserve", "practice")] == [int(n) for n in row[1:4]]
        assert row[4] == ("1 of 1" if kinds.count("gold") else "–")
    assert [row[10] for row in rows] == ["12", "12", "12", "11"]  # one take of sad does not count
    assert not study.bench.study.drawing.dialog


def test_what_is_missing_keeps_the_draw_from_being_made(study: Rater) -> None:
    with study.project.transaction() as connection:
        connection.execute("DELETE FROM takes WHERE reader = 'readerman' AND sample_id < 'item012'")
    dialog = asked(study)
    assert not dialog.draw.isEnabled()
    # 9 of each class are left, anger and happy need 11 (with one for practice), hate and sad 10
    assert dialog.missing.text().splitlines() == [
        "anger: 2 more takes of reader readerman.",
        "happy: 2 more takes of reader readerman.",
        "hate: 1 more take of reader readerman.",
        "sad: 1 more take of reader readerman.",
    ]
    dialog.reject()
    study.until(lambda: study.bench.study.drawing.dialog is None)
    assert json.loads(study.project.fact("items")) == []


def test_answers_fix_the_items(study_desk: Rater) -> None:
    assert study_desk.project.protocol_frozen_at()
    assert not study_desk.bench.actions.action("study.draw").isEnabled()
    assert not study_desk.page.desk.progress.draw.isVisibleTo(study_desk.page)


def test_a_new_project_takes_the_protocol_that_was_chosen(desk: Desk, tmp_path: Path) -> None:
    desk.bench.actions.trigger("record.new")
    dialog = desk.bench.record.dialog
    assert dialog is not None
    assert list(dialog.buttons) == ["default", "rationale", "repeat-with-wash-out"]
    assert "up to 18 samples of each of the 4 classes" in dialog.needs.text()
    dialog.buttons["repeat-with-wash-out"].setChecked(True)
    dialog.accepted.disconnect()  # the next question would be the folder's, a dialog of the desktop's
    dialog.accept()
    desk.bench.record._protocol = dialog.protocol()
    desk.make_project(tmp_path / "study")
    planned = load_design(desk.project)
    assert (planned.protocol.name, planned.protocol.design.visits) == ("repeat-with-wash-out", 5)
    assert planned.items == ()


def test_withdrawing_a_reader_asks_with_cancel_under_the_enter_key(desk: Desk, tmp_path: Path) -> None:
    desk.sit(tmp_path / "study")
    desk.bench.actions.trigger("record.withdraw")
    (box,) = desk.bench.window.findChildren(QMessageBox)
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Cancel)
    box.defaultButton().click()
    assert [reader.reader for reader in desk.project.readers()] == ["anna"]
