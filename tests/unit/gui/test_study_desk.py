"""The experimenter's pages: what they say is what the project holds and `study report` prints."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fixture_data import LONG, Open
from fixture_rater import Key, Rater
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from sier_gui.cli import main
from sier_gui.core.errors import SierError
from sier_gui.core.study import design
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Kind, Response
from sier_gui.core.study.records import Rater as Person
from sier_gui.core.study.report_json import report_json
from sier_gui.core.study.responses import write_responses
from sier_gui.core.study.simulation import paper_shares, simulate, simulated_raters
from sier_gui.core.tasks import Progress

CARELESS = "simulated-02"  # misses every trap
PERSON = "rater-1"


@pytest.fixture(scope="module")
def answered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """29 simulated raters, one of them careless, and a person who was interrupted twice."""
    folder = tmp_path_factory.mktemp("answered") / "study"
    shutil.copytree(made, folder)
    with open_project(folder) as project:
        planned = design.load_design(project)
        shares = paper_shares(planned.classes)
        *raters, last = simulated_raters(planned.protocol)
        for rater in raters:
            project.add_rater(rater)
        said = simulate(planned.protocol, planned.items, planned.classes, shares, 3)
        project.add_simulated([careless(r) for r in said if r.rater != last.rater])
        person = design.enrol(project, planned, Person(PERSON))
        for place, trial in enumerate(planned.trials(person)[:9]):
            project.begin_trial(PERSON, trial.trial)
            if place not in (4, 7):
                response = Response(
                    PERSON, person.group, trial.block, trial.trial, trial.kind, trial.list, "readeress",
                    trial.sample_id, trial.label, trial.modality, trial.label, 2, 800.0 + place, 0,
                    trial.kind is Kind.MAIN,
                )  # fmt: skip
                project.add_answer(response)
        project.log_event(PERSON, 3, "replay")
    return folder


def careless(response: Response) -> Response:
    if response.rater != CARELESS or response.kind is not Kind.TRAP:
        return response
    return replace(response, answer="sad" if response.label != "sad" else "hate")


def printed(*words: str) -> Any:
    """What the command line says."""
    told = io.StringIO()
    with redirect_stdout(told):
        assert main(["study", *words, "--json", "-"]) == 0
    return json.loads(told.getvalue())


@pytest.fixture(scope="module")
def report(answered: Path) -> dict[str, Any]:
    return dict(printed("report", str(answered)))


@pytest.fixture
def bench(qtbot: QtBot, workbench: Open) -> Iterator[Rater]:
    made = Rater(qtbot, workbench(mode="study"))
    yield made
    for runner in (made.bench.computer, made.bench.clerk):
        assert runner.shutdown(60)  # it may be drawing a figure, which cannot be interrupted


@pytest.fixture
def desk(bench: Rater, answered: Path, tmp_path: Path) -> Rater:
    shutil.copytree(answered, tmp_path / "study")
    bench.open(tmp_path / "study")
    return bench


def table_of(desk: Rater) -> Any:
    """Table 1's page, wholly computed."""
    desk.bench.actions.trigger("study.table")
    desk.qtbot.waitUntil(lambda: desk.bench.study.report.whole, timeout=LONG)
    return desk.page.desk.table


def texts(table: Any) -> list[list[str]]:
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


# ---------------------------------------------------------------- progress


def test_every_rater_is_listed_with_what_the_project_holds(desk: Rater) -> None:
    rows = {row[0]: row for row in texts(desk.page.desk.progress.raters)}
    raters, responses = desk.project.raters(), desk.project.responses()
    assert list(rows) == [rater.rater for rater in raters]
    given = Counter(response.rater for response in responses)
    for rater in raters:
        own = [r for r in responses if r.rater == rater.rater]
        wrong = sum(r.kind is Kind.TRAP and r.answer != r.label for r in own)
        asked = sum(r.kind is Kind.TRAP for r in own)
        row = rows[rater.rater]
        assert row[1] == f"{rater.group} · {rater.order}"
        assert row[4] == str(given[rater.rater])
        assert row[7] == f"{wrong} of {asked}"
    assert rows[CARELESS][3] == "simulated, left out: missed 3 of 3 trap trials"
    assert rows[PERSON][3] == "unfinished, 2 interrupted"
    assert rows["simulated-01"][3] == "simulated, finished"


def test_the_cells_say_how_full_they_are_and_who_is_next(desk: Rater, answered: Path) -> None:
    found = printed("status", str(answered))
    cells, following = desk.page.desk.progress.cells, found["next"]
    for cell in found["cells"]:
        here = (cell["group"], cell["order"])
        text = cells.item(*here).text()
        assert text.startswith(f"{cell['raters']} of 1")
        assert ("next" in text) == (here == (following["group"], following["order"]))
    # the careless rater gave the cell back: two of thirty are free, the person took one
    assert [cell["raters"] for cell in found["cells"]].count(0) == 1
    assert cells.item(following["group"], following["order"]).text() == "0 of 1 · next"
    assert f"group {following['group']}, order {following['order']}" in (
        desk.page.desk.progress.following.text()
    )


def test_a_raters_course_is_shown_trial_by_trial(desk: Rater) -> None:
    progress = desk.page.desk.progress
    assert progress.selected() == PERSON  # who may go on is chosen first
    desk.until(lambda: progress.course.accessibleName().endswith(PERSON))
    rows = texts(progress.course)
    person = desk.project.rater(PERSON)
    assert person is not None
    planned = desk.bench.study.opened.study.design.trials(  # type: ignore[union-attr]
        person, 0, desk.project.interrupted(PERSON)
    )
    assert [int(row[0]) for row in rows] == [trial.trial for trial in planned]
    assert [row[3] for row in rows] == [trial.sample_id for trial in planned]
    said = [row[7] for row in rows]
    assert said[4] == said[7] == "interrupted"
    assert said[0] == f"{rows[0][4]} ✓"
    assert set(said[9:]) == {"to come"}
    assert rows[2][8] == "replay"
    assert desk.bench.actions.action("study.resume").isEnabled()
    progress.raters.selectRow(0)
    desk.until(lambda: progress.course.accessibleName().endswith("simulated-01"))
    assert not desk.bench.actions.action("study.resume").isEnabled()
    assert desk.bench.actions.action("study.withdraw").isEnabled()


def test_withdrawal_asks_says_what_was_deleted_and_frees_the_cell(desk: Rater) -> None:
    progress, before = desk.page.desk.progress, len(desk.project.raters())
    answers = len(desk.project.responses(PERSON))
    desk.bench.actions.trigger("study.withdraw")
    box = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible())
    assert PERSON in box.text()
    assert len(desk.project.raters()) == before
    next(b for b in box.findChildren(QPushButton) if b.text() == "Delete").click()
    desk.until(lambda: progress.raters.rowCount() == before - 1)
    assert desk.project.rater(PERSON) is None
    assert any(f"rater {PERSON}. Deleted: {answers} answers" in told for told in desk.told())
    assert PERSON not in [row[0] for row in texts(progress.raters)]


def test_a_rater_goes_on_from_the_list_and_nothing_is_computed_meanwhile(desk: Rater) -> None:
    desk.bench.actions.trigger("study.table")
    desk.bench.actions.trigger("study.progress")
    desk.bench.actions.trigger("study.resume")
    desk.notice(desk.page.words.consent_title)
    assert desk.page.desk.progress.sat == PERSON
    assert not desk.bench.clerk.busy("study.report")
    assert not desk.bench.computer.busy("study.figure")
    enabled = [a.objectName() for a in desk.bench.window.actions() if a.isEnabled()]
    assert enabled == ["study.unlock"]


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
    ((label, answers),) = flow._asked.items()
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


# ---------------------------------------------------------------- planning


def needed(page: Any) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in texts(page.table)}


def test_planning_gives_the_specifications_figures_as_one_types(bench: Rater) -> None:
    bench.bench.actions.trigger("study.planning")
    page = bench.page.desk.planning
    found = needed(page)
    assert found["10 points from 75 %"][0] == "247"
    assert found["5 points from 75 %"][0] == "1,091"
    assert found["1.97 points from 74.5 %"][0] == "7,480"
    assert found["equal within ±5 points, from 75 %"][0] == "1,285"
    assert "= 240 responses" in page.design.text()
    assert page.verdict.text() == "detects about 11 points"
    assert "1 + 7 · ICC of raters + 5 · ICC of items" in page.after.text()
    assert page.plot is not None
    raters, points = page.plot.independent.getData()
    drawn = dict(zip(raters.tolist(), points.tolist(), strict=True))
    assert drawn[30] == pytest.approx(printed("plan")["detects_points"], abs=0.05)
    field = page.fields["icc_rater"]
    field.setFocus()
    field.selectAll()
    bench.keys("0.05")
    page.fields["icc_item"].setValue(0.07)
    assert page.after.text().endswith("= 1.70.")
    told = printed("plan", "--icc-rater", "0.05", "--icc-item", "0.07")
    assert needed(page)["10 points from 75 %"][1] == f"{told['asked']['difference']['clustered']:,}"
    assert page.after.text().startswith(f"{told['detects_points_with_effect']:.1f} points")
    page.fields["difference"].setValue(30.0)
    assert page.problem.isVisible()  # 75 + 30 is no share
    assert not page.table.isVisible()
    page.reset.click()
    assert needed(page)["10 points from 75 %"][1] == "247"


def test_planning_takes_the_reports_correlations(desk: Rater, report: dict[str, Any]) -> None:
    table_of(desk)
    desk.bench.actions.trigger("study.planning")
    desk.page.desk.planning.pilot.setFocus()
    desk.keys(Key.Key_Space)
    fields = desk.page.desk.planning.fields
    assert fields["icc_rater"].value() == pytest.approx(report["icc"]["rater"], abs=0.0005)
    assert fields["icc_item"].value() == pytest.approx(report["icc"]["item"], abs=0.0005)


# ---------------------------------------------------------------- by keys, and read out


def test_every_control_has_a_name_and_is_reached_by_keys(desk: Rater) -> None:
    table_of(desk)
    for tab in ("progress", "table", "planning", "published"):
        desk.bench.actions.trigger(f"study.{tab}")
        assert desk.page.desk.tab == tab
        page = desk.page.desk.tabs.currentWidget()
        assert page is not None
        wanted = {w for w in page.findChildren(QWidget) if interactive(w)}
        assert len(wanted) >= 2
        assert all(w.accessibleName() or getattr(w, "text", str)() for w in wanted), tab
        assert all(w.focusPolicy() & Qt.FocusPolicy.TabFocus for w in wanted), tab


def interactive(widget: QWidget) -> bool:
    kinds = (QAbstractButton, QComboBox, QLineEdit, QAbstractSpinBox, QAbstractItemView)
    inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QAbstractItemView)
    return isinstance(widget, kinds) and widget.isVisible() and widget.isEnabled() and not inner
