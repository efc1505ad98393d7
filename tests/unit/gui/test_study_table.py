"""Table 1 in the window is what `study report` prints, of a project and of a bare CSV."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from fixture_data import LONG, Open
from fixture_desk import CARELESS, printed, table_of, texts
from fixture_rater import Key, Rater
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
)
from pytestqt.qtbot import QtBot

from sier_gui.core.errors import SierError
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Kind
from sier_gui.core.study.report_json import report_json
from sier_gui.core.study.responses import write_responses
from sier_gui.core.tasks import Progress


@pytest.fixture
def bench(study_bench: Rater) -> Rater:
    return study_bench


@pytest.fixture
def desk(study_desk: Rater) -> Rater:
    return study_desk


@pytest.fixture
def report(printed_report: dict[str, Any]) -> dict[str, Any]:
    return printed_report


# ---------------------------------------------------------------- Table 1


def test_table_1_equals_study_report(desk: Rater, report: dict[str, Any]) -> None:
    page = table_of(desk)
    mine = json.loads(json.dumps(report_json(desk.bench.study.report.report)))
    assert mine == report
    cells = {(cell["class"], cell["modality"]): cell for cell in report["cells"]}
    shown = {row[0]: row[1:] for row in texts(page.report.table)}
    modalities = [column["modality"] for column in report["overall"]]
    for label in {label for label, _ in cells}:
        assert shown[label] == [f"{cells[label, m]['percent']:.2f}" for m in modalities]
    for name, key in (("overall", None), ("overall, pooled", "pooled"), ("overall, weighted", "weighted")):
        figures = [column[key]["percent"] if key else column["percent"] for column in report["overall"]]
        assert shown[name] == [f"{figure:.2f}" for figure in figures]
    checks = page.report.checks.text().splitlines()
    assert checks == [f"!  {flag['message']}" for flag in report["flags"]]
    assert page.simulated.isVisible()
    assert "no people" in page.report.checks.text()
    gee = texts(page.report.parts["gee"].table)
    assert [row[1] for row in gee] == [f"{c['ratio']:.2f}" for c in report["tests"]["gee"]["contrasts"]]
    deals = texts(page.report.parts["randomisation"].table)[5:]
    points = [f"{c['points']:+.2f}" for c in report["tests"]["randomisation"]["comparisons"]]
    assert [row[2] for row in deals] == points
    for key, part in page.report.parts.items():
        assert part.note.text(), key  # what it assumes


def test_with_those_left_out_is_the_other_table(desk: Rater, report: dict[str, Any]) -> None:
    page = table_of(desk)
    everyone = {
        (cell["class"], cell["modality"]): f"{cell['percent']:.2f}" for cell in report["everyone"]["cells"]
    }
    assert page.everyone.isVisible()
    without = texts(page.report.table)
    page.everyone.setFocus()
    desk.keys(Key.Key_Space)
    rows = texts(page.report.table)
    assert rows != without
    modalities = [column["modality"] for column in report["overall"]]
    for row in rows[:4]:
        assert row[1:] == [everyone[row[0], m] for m in modalities]
    assert "With the raters left out (simulated-02 missed 3 of 3 trap trials)" in page.report.about.text()


def test_the_table_is_copied_with_a_column_for_every_number(desk: Rater, report: dict[str, Any]) -> None:
    page = table_of(desk)
    desk.bench.actions.trigger("study.copy")
    rows = list(csv.DictReader(io.StringIO(QApplication.clipboard().text()), delimiter="\t"))
    first, cell = rows[0], report["cells"][0]
    assert (first["class"], float(first["percent"]), int(first["n"])) == (
        cell["class"], cell["percent"], cell["n"],
    )  # fmt: skip
    assert abs(float(first["95 % from"]) - cell["low"]) <= 0.05
    assert abs(float(first["Wilson to"]) - cell["wilson"][1]) <= 0.05
    matrix = page.report.parts["confusion-i"].table
    matrix.setFocus()
    desk.keys_with(Qt.KeyboardModifier.ControlModifier, Key.Key_C)
    lines = QApplication.clipboard().text().splitlines()
    counts = [[int(n) for n in line.split("\t")[1:-1]] for line in lines[1:]]
    assert counts == report["modalities"][0]["confusion"]


def test_everything_is_exported(desk: Rater, report: dict[str, Any], tmp_path: Path) -> None:
    table_of(desk)
    desk.bench.study.report.export(str(tmp_path / "out"))
    desk.qtbot.waitUntil(lambda: any("Written to" in told for told in desk.told()), timeout=LONG)
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert names == {"responses.csv", "table1.tex", "report.json", "table1.png", "table1.svg", "table1.pdf"}
    assert json.loads((tmp_path / "out/report.json").read_text()) == report
    assert "SIMULATED" in (tmp_path / "out/table1.tex").read_text()
    figure = desk.page.desk.table.report.figure
    desk.qtbot.waitUntil(lambda: figure.shown, timeout=LONG)


def test_a_networks_row_stands_beside_the_peoples(desk: Rater) -> None:
    page = table_of(desk)
    assert page.network.count() == 2
    page.network.setFocus()
    desk.keys(Key.Key_Down)
    page.network.activated.emit(1)
    flow = desk.bench.study.report
    desk.qtbot.waitUntil(lambda: bool(flow._asked), timeout=LONG)
    ((label, (answers, learnt)),) = flow._asked.items()
    row = texts(page.report.table)[-1]
    assert row[0] == label
    items = {i.sample_id: i.label for i in flow.source.design.items if i.kind is Kind.MAIN}  # type: ignore[union-attr]
    assert {sample for sample, _ in answers} >= set(items)
    classes = set(items.values())
    for modality, shown in zip(flow.report.table.modalities, row[1:], strict=True):  # type: ignore[union-attr]
        shares = []
        for name in classes:
            own = [answers[sample, modality] for sample, true in items.items() if true == name]
            shares.append(sum(a.count(name) / len(a) for a in own) / len(own))
        assert float(shown) == pytest.approx(100 * sum(shares) / len(classes), abs=0.0051)
    assert (
        f"Whether {label} was trained on these items is unknown: {learnt.why}." in page.report.checks.text()
    )


def test_cancelled_tests_say_so_and_go_on_when_asked(desk: Rater, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = threading.Event(), threading.Event()

    def slow(_answers: object) -> None:
        begun.set()
        gate.wait(30)
        raise SierError("GEE was given up.")

    with monkeypatch.context() as patch:
        patch.setattr("sier_gui.core.study.report.gee", slow)
        desk.bench.actions.trigger("study.table")
        page = desk.page.desk.table
        desk.qtbot.waitUntil(begun.is_set, timeout=LONG)
        desk.until(lambda: page.state.text() == "GEE")
        assert texts(page.report.table)[0][1:] != ["–"] * 5  # cells are there, the test is not
        assert page.report.parts["randomisation"].table.isVisibleTo(page)
        page.cancel.setFocus()
        desk.keys(Key.Key_Space)
        gate.set()
        desk.until(lambda: page.state.text().startswith("Cancelled"))
        assert page.report.parts["bayesian"].missing.text() == "Cancelled."
    table_of(desk)
    assert page.report.parts["bayesian"].table.isVisibleTo(page)


def test_from_another_mode_a_tab_is_one_key_away(bench: Rater, answered: Path, tmp_path: Path) -> None:
    trigger = bench.bench.actions.trigger
    trigger("mode.explore")
    trigger("study.planning")
    assert (bench.bench.state.mode, bench.page.desk.tab) == ("study", "planning")
    trigger("mode.explore")
    trigger("study.progress")
    assert bench.page.step is bench.page.start  # there is no project
    trigger("study.table")
    assert bench.page.desk.table.empty_title.text() == "No responses yet"
    shutil.copytree(answered, tmp_path / "study")
    bench.open(tmp_path / "study")
    assert bench.page.desk.tab == "progress"
    trigger("study.planning")
    trigger("mode.explore")
    trigger("mode.study")
    bench.until(lambda: bench.bench.study.opened is not None)
    bench.at(bench.page.desk)
    assert bench.page.desk.tab == "planning"  # as it was left
    trigger("mode.explore")
    trigger("study.published")
    bench.until(lambda: bench.bench.study.opened is not None)
    assert bench.page.desk.tab == "published"
    assert "80.46" in bench.page.desk.published.checks.text()


def test_a_network_that_is_cancelled_leaves_no_row(desk: Rater, monkeypatch: pytest.MonkeyPatch) -> None:
    page, begun = table_of(desk), threading.Event()
    rows = texts(page.report.table)

    def slow(*_what: object, report: Any, token: Any, **_more: object) -> None:
        report(Progress(3, 40))
        while True:
            begun.set()
            token.check()

    monkeypatch.setattr("sier_gui.core.study.predicting.predict_study", slow)
    page.network.setCurrentIndex(1)
    page.network.activated.emit(1)
    desk.qtbot.waitUntil(begun.is_set, timeout=LONG)
    desk.until(lambda: page.bar.value() == 3)
    assert page.bar.isVisible()
    page.cancel.click()
    desk.until(lambda: page.network.currentIndex() == 0)
    assert not page.bar.isVisible()
    assert texts(page.report.table) == rows


# ---------------------------------------------------------------- without a project


@pytest.fixture
def fed(tmp_path: Path) -> Path:
    """Responses of three raters, five columns."""
    file = tmp_path / "bare.csv"
    file.write_text(
        "rater,sample_id,label,modality,answer\n"
        + "".join(f"r{r},s{s},sad,{m},{'sad' if (r + s) % 3 else 'hate'}\n"
                  for r in range(3) for s in range(6) for m in ("i", "ss"))
    )  # fmt: skip
    return file


def test_a_bare_csv_of_five_columns_is_a_table_with_its_reasons(bench: Rater, fed: Path) -> None:
    bench.bench.study.open_responses(str(fed))
    bench.qtbot.waitUntil(lambda: bench.bench.study.report.whole, timeout=LONG)
    page = bench.page.desk.table
    assert not bench.page.desk.tabs.isTabEnabled(0)
    assert not page.network.isVisible()
    assert not page.simulated.isVisible()
    assert texts(page.report.table)[0] == ["sad", "66.67", "66.67"]
    assert "needs each response's group and list" in page.report.parts["randomisation"].missing.text()
    assert "10 raters or more" in page.report.parts["gee"].missing.text()
    bench.bench.actions.trigger("mode.record")
    bench.bench.actions.trigger("mode.study")  # it is remembered
    bench.qtbot.waitUntil(lambda: bench.bench.study.report.whole, timeout=LONG)


def test_a_csv_on_the_command_line_is_opened_once(qtbot: QtBot, workbench: Open, fed: Path) -> None:
    opened = workbench(fed, mode="study")
    page = opened.window.study_page().desk
    qtbot.waitUntil(lambda: opened.study.report.whole, timeout=LONG)
    assert page.name.text() == fed.name
    opened.actions.trigger("mode.study")
    assert opened.study.report.whole  # not read again
    assert texts(page.table.report.table)[0][0] == "sad"
    assert opened.computer.shutdown(60)


def test_a_csv_that_is_none_says_why_in_its_place(bench: Rater, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    bench.bench.study.open_responses(str(file))
    page = bench.page.desk.table
    bench.until(lambda: "has no column rater" in page.empty_title.text())
    assert "rater, sample_id" in page.why.text()
    assert page.empty.isVisible()


def test_responses_with_nobody_left_say_so(bench: Rater, answered: Path, tmp_path: Path) -> None:
    with open_project(answered, read_only=True) as project:
        own = [r for r in project.responses() if r.rater == CARELESS]
    write_responses(tmp_path / "one.csv", own)
    bench.bench.study.open_responses(str(tmp_path / "one.csv"))
    bench.until(lambda: "All raters are excluded" in bench.page.desk.table.empty_title.text())


def test_the_papers_table_and_another_are_checked(bench: Rater, tmp_path: Path) -> None:
    bench.bench.actions.trigger("study.published")
    page = bench.page.desk.published
    assert bench.page.desk.tab == "published"
    for figure in ("80.46", "81.16", "82.81 → 82.17", "85.94 → 84.19", "78.91"):
        assert figure in page.checks.text()
    file = tmp_path / "mine.csv"
    file.write_text("class,i,ss\nsad,50.00,66.67\nhappy,75.00,33.33\noverall,62.60,50.00\n")
    bench.bench.study.published.read_file(str(file))
    bench.until(lambda: page.title.text() == "mine.csv")
    told = printed("import-table", str(file))
    assert page.checks.text().splitlines() == [f"!  {flag['message']}" for flag in told["flags"]]
    assert texts(page.table)[-1] == ["class mean", "62.50", "50.00"]
