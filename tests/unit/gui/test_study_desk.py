"""The experimenter's pages beside Table 1: they say what the project holds and the command line prints."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fixture_desk import CARELESS, PERSON, printed, table_of, texts
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

from sier_gui.core.errors import SierError
from sier_gui.core.study.records import Kind
from sier_gui.gui.workflows.studies import new_rater


@pytest.fixture
def bench(study_bench: Rater) -> Rater:
    return study_bench


@pytest.fixture
def desk(study_desk: Rater) -> Rater:
    return study_desk


@pytest.fixture
def report(printed_report: dict[str, Any]) -> dict[str, Any]:
    return printed_report


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


def test_nobody_takes_a_programs_name_or_anothers(desk: Rater) -> None:
    with pytest.raises(SierError, match="programs"):
        new_rater(desk.project, "Simulated-07")
    with pytest.raises(SierError, match="is enrolled"):
        new_rater(desk.project, f" {PERSON}")
    assert new_rater(desk.project, "somebody new").rater == "somebody new"


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
