"""People's marks in Explore: loaded, laid over picture and sound, compared, and gone through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixture_data import LONG, Open, explained
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from sier_gui.app import Workbench
from sier_gui.core.study.rationales import MARK_COLUMNS
from sier_gui.gui.dialogs.people import PeopleDialog
from sier_gui.gui.panels.image import ImagePanel
from sier_gui.gui.panels.speech import SpeechPanel


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    rows = [",".join(MARK_COLUMNS)]
    for n in range(4):
        rows.append(f"p1,s{n},ss-i,box,,,0,0,0.5,0.5,anger,anger,synthetic,1,1")
        rows.append(f"p2,s{n},i,box,,,0.25,0,0.5,0.5,anger,anger,,1,1")
        rows.append(f"p1,s{n},ss-i,span,0.1,0.3,,,,,anger,anger,synthetic,1,1")
        rows.append(f"p2,s{n},hs,span,0.0,0.4,,,,,anger,anger,anna,1,1")
    file = tmp_path / "rationales.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def bench(qtbot: QtBot, workbench: Open, dataset: Path) -> Workbench:
    made = workbench(dataset)
    qtbot.waitUntil(explained(made.state, "s0"), timeout=LONG)
    return made


def opened(bench: Workbench) -> PeopleDialog:
    bench.actions.trigger("people.compare")
    dialog = bench.people._dialog
    assert dialog is not None
    return dialog


def test_marks_are_laid_over_compared_and_gone_through(qtbot: QtBot, bench: Workbench, marks: Path) -> None:
    dialog = opened(bench)
    assert "Choose a study" in dialog.status.text()
    assert not dialog.compare.isVisible()
    bench.people.load(str(marks))
    qtbot.waitUntil(lambda: bench.people.marks is not None, timeout=LONG)
    assert dialog.title.text().startswith("2 people marked 12")
    (image,), (speech,) = (bench.window.findChildren(kind) for kind in (ImagePanel, SpeechPanel))
    quarter, half, most = image.people.outlines()
    assert {x for line in quarter for x, _ in line} == {0.0, 0.5}  # one of two is more than a quarter
    assert half == quarter
    assert {x for line in most for x, _ in line} == {0.25, 0.5}
    edges, shares = speech.people.shares()
    assert speech.people.isVisible()
    assert edges[np.flatnonzero(shares)[0]] == pytest.approx(0.1)  # only who heard the sample's own speech
    assert shares.max() == 1.0
    assert "1 person" in speech.people.accessibleDescription()
    assert dialog.here.rowCount() == 2
    bench.actions.trigger("view.people")
    assert not image.people.isVisible()
    assert not speech.people.isVisible()
    bench.actions.trigger("view.people")
    assert image.people.isVisible()

    QTest.mouseClick(dialog.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bench.people.comparison is not None, timeout=LONG)
    assert "4 marks are left out" in dialog.status.text()
    groups = [dialog.lines.item(row, 0).text().strip() for row in range(dialog.lines.rowCount())]  # type: ignore[union-attr]
    assert groups[0] == "Picture, all marks"
    assert "Speech, all marks" in groups
    dialog.tabs.setCurrentWidget(dialog.samples)
    assert dialog.samples.rowCount() == 8
    dialog.samples.selectRow(5)
    dialog.samples.setCurrentCell(5, 0)
    wanted = dialog.samples.item(5, 0).text()  # type: ignore[union-attr]
    QTest.keyClick(dialog.samples, Qt.Key.Key_Return)
    qtbot.waitUntil(explained(bench.state, wanted), timeout=LONG)

    bench.state.set_rating(True)  # somebody sits down in Study mode
    assert not dialog.isVisible()
    bench.state.set_rating(False)
    bench.actions.trigger("people.compare")
    assert dialog.samples.isVisible()

    first = bench.people.comparison
    dialog.of.setCurrentIndex(dialog.of.findData("label"))
    dialog.of.activated.emit(dialog.of.currentIndex())
    qtbot.waitUntil(lambda: bench.people.comparison is not first, timeout=LONG)
    assert bench.people.comparison.reading.of == "label"  # type: ignore[union-attr]
    bench.state.change_explain_options(grid=2)  # other players: the figures are no longer theirs
    assert bench.people.comparison is None
    assert dialog.compare.isVisible()
    dialog.close()


def test_numbers_sort_as_numbers_and_unknown_ones_come_last(qtbot: QtBot) -> None:
    from sier_gui.gui.dialogs.people import NumberItem

    items = [NumberItem("–", float("nan")), NumberItem("10", 10), NumberItem("−2", -2), NumberItem("9", 9)]
    assert [item.text() for item in sorted(items)] == ["−2", "9", "10", "–"]


def test_a_study_of_another_dataset_is_refused_and_a_known_one_comes_back(
    qtbot: QtBot, bench: Workbench, marks: Path, tmp_path: Path
) -> None:
    dialog = opened(bench)
    bench.people.load(str(tmp_path))
    qtbot.waitUntil(lambda: "no study project" in dialog.status.text(), timeout=LONG)
    bench.people.load(str(marks))
    qtbot.waitUntil(lambda: bench.people.marks is not None, timeout=LONG)
    dialog.close()
    bench.people._on_dataset(bench.state.dataset)  # opened again
    assert bench.people.marks is None
    qtbot.waitUntil(lambda: bench.people.marks is not None, timeout=LONG)
    assert bench.state.people is not None
    marks.unlink()
    bench.people._on_dataset(bench.state.dataset)
    qtbot.waitUntil(lambda: not bench.clerk.busy("people.load"), timeout=LONG)
    assert bench.state.people is None  # gone, and not worth a word before somebody asks


def test_a_demo_that_was_left_half_made_is_made_again(tmp_path: Path) -> None:
    from sier_gui.core.study.project import open_project
    from sier_gui.core.tasks import CancelToken, silent
    from sier_gui.gui.workflows.people import _make_demo

    folder = tmp_path / "demo-marks"
    with open_project(folder, create=True) as project:
        project.set_fact("items", "[]")
    _make_demo(folder, silent, CancelToken())
    with open_project(folder, read_only=True) as project:
        made, said = project.fact("created_at"), project.responses()
    assert sum(1 for response in said if response.rationale) > 900
    assert all(response.simulated for response in said)
    _make_demo(folder, silent, CancelToken())
    with open_project(folder, read_only=True) as project:
        assert project.fact("created_at") == made
