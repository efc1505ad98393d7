"""The experimenter before a study that simulated raters answered, and what the command line says of it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fixture_data import LONG, Open
from fixture_rater import Rater
from pytestqt.qtbot import QtBot

from sier_gui.cli import main
from sier_gui.core.study import design
from sier_gui.core.study.project import open_project
from sier_gui.core.study.records import Kind, Response
from sier_gui.core.study.records import Rater as Person
from sier_gui.core.study.simulation import paper_shares, simulate, simulated_raters

CARELESS = "simulated-02"  # misses every trap
PERSON = "rater-1"


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def printed_report(answered: Path) -> dict[str, Any]:
    return dict(printed("report", str(answered)))


@pytest.fixture
def study_bench(qtbot: QtBot, workbench: Open) -> Iterator[Rater]:
    made = Rater(qtbot, workbench(mode="study"))
    yield made
    for runner in (made.bench.computer, made.bench.clerk):
        assert runner.shutdown(60)  # it may be drawing a figure, which cannot be interrupted


@pytest.fixture
def study_desk(study_bench: Rater, answered: Path, tmp_path: Path) -> Rater:
    shutil.copytree(answered, tmp_path / "study")
    study_bench.open(tmp_path / "study")
    return study_bench


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
