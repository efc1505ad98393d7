"""What is known of each rater, planning asked as one types, answers of programs in one transaction."""

from __future__ import annotations

import json
import math
import shutil
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sier_gui.cli import main
from sier_gui.core.errors import SierError
from sier_gui.core.study import design, protocol
from sier_gui.core.study.assignment import ORDERS
from sier_gui.core.study.planning import Question, ask, design_effect, make_plan, per_column
from sier_gui.core.study.progress import Standing, course
from sier_gui.core.study.project import Project, open_project
from sier_gui.core.study.records import Kind, Modality, Rater, Response
from sier_gui.core.study.report import PENDING, make_report, reporting
from sier_gui.core.study.report_json import report_json
from sier_gui.core.study.sections import cells_in_full, main_table, sections, tsv
from sier_gui.core.study.simulation import paper_shares, simulate, simulated_raters

DEFAULT = protocol.load("default")


@pytest.fixture(scope="module")
def folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve simulated raters; the first was interrupted once."""
    target = tmp_path_factory.mktemp("progress") / "study"
    shutil.copytree(made, target)
    with open_project(target) as project:
        planned = design.load_design(project)
        raters = simulated_raters(planned.protocol)[:12]
        for rater in raters:
            project.add_rater(rater)
        said = simulate(planned.protocol, planned.items, planned.classes, paper_shares(planned.classes), 1)
        names = {rater.rater for rater in raters}
        lost = next(r for r in said if r.rater == raters[0].rater and r.kind is Kind.MAIN)
        project.add_simulated([r for r in said if r.rater in names and r is not lost])
        assert lost.trial is not None
        project.begin_trial(lost.rater, lost.trial)
        project.log_event(lost.rater, lost.trial, "focus lost")
    return target


@pytest.fixture
def project(folder: Path) -> Project:
    with open_project(folder, read_only=True) as opened:
        yield opened


def test_the_course_is_the_plan_with_what_became_of_it(project: Project) -> None:
    planned = design.load_design(project)
    rater, other = project.raters()[:2]
    steps = course(project, planned, rater)
    begun = project.interrupted(rater.rater)
    trials = planned.trials(rater, 0, begun)
    assert [step.trial for step in steps] == [trial.trial for trial in trials]
    assert [(s.sample_id, s.label, s.modality, s.kind) for s in steps] == [
        (t.sample_id, t.label, t.modality, t.kind) for t in trials
    ]
    standing = {step.trial: step.standing for step in steps}
    (lost,) = begun
    assert standing.pop(lost) is Standing.INTERRUPTED
    assert standing.pop(trials[-1].trial) is Standing.COMING  # from reserve, in its place
    assert set(standing.values()) == {Standing.ANSWERED}
    assert next(step for step in steps if step.trial == lost).events == ("focus lost",)
    assert {step.standing for step in course(project, planned, other)} == {Standing.ANSWERED}


def test_status_says_blocks_voices_checks_and_times(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "status", str(folder), "--json", "-"]) == 0
    found = {line["rater"]: line for line in json.loads(capsys.readouterr().out)["raters"]}
    with open_project(folder, read_only=True) as project:
        for rater in project.raters():
            own, line = project.responses(rater.rater), found[rater.rater]
            blocks = [block for block, _ in groupby(r.block for r in own if r.kind is not Kind.PRACTICE)]
            assert line["blocks"] == blocks == list(ORDERS[rater.order])
            traps = [r.answer != r.label for r in own if r.kind is Kind.TRAP]
            assert line["traps"] == {"missed": sum(traps), "of": len(traps)}
            times = sorted(r.rt_ms for r in own if r.counted and r.rt_ms is not None)
            middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
            assert line["median_rt_ms"] == pytest.approx(middle, abs=0.05)
            heard = sum(r.counted and r.modality in (Modality.HS, Modality.HS_I) for r in own)
            assert sum(line["voices"].values()) == heard
    assert [line["interrupted"] for line in found.values()] == [1, *[0] * 11]


# ---------------------------------------------------------------- reports


def test_a_report_grows_to_what_it_is_at_once(project: Project) -> None:
    responses, setting = project.responses(), design.setting_of(project, design.load_design(project))
    setting = replace(setting, models=False)
    first, *_, last = reporting(responses, setting)
    assert set(first.missing.values()) == {PENDING}
    assert first.table == last.table
    assert PENDING not in last.missing.values()
    assert report_json(last) == report_json(make_report(responses, setting))
    assert first.flags == last.flags


def test_without_statsmodels_a_line_says_how_to_get_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    report = make_report(project.responses(), design.setting_of(project, design.load_design(project)))
    found = {section.key: section for section in sections(report)}
    for key in ("gee", "bayesian"):
        assert "pip install 'sier-gui[study]'" in found[key].missing
        assert found[key].note  # what it would assume
    assert found["randomisation"].rows


def test_sections_say_the_reports_numbers(project: Project) -> None:
    setting = design.setting_of(project, design.load_design(project))
    report = make_report(project.responses(), replace(setting, models=False))
    found = {section.key: section for section in sections(report)}
    told = report_json(report)
    for section in found.values():
        assert section.note
        assert all(len(row) == len(section.head) for row in section.rows)
        assert bool(section.rows) != bool(section.missing)
    assert found["gee"].missing == "Not asked for."
    rows = found["cells"].rows[: len(told["cells"])]
    assert [float(row[2]) for row in rows] == [cell["percent"] for cell in told["cells"]]
    assert [int(row[4]) for row in rows] == [cell["n"] for cell in told["cells"]]
    deals = told["tests"]["randomisation"]["comparisons"]
    assert [float(row[2]) for row in found["randomisation"].rows[-len(deals) :]] == [
        deal["points"] for deal in deals
    ]
    lines = main_table(report.table)
    assert [line.name for line in lines[-3:]] == ["overall", "overall, pooled", "overall, weighted"]
    assert float(lines[-3].entries[0].share) == told["overall"][0]["percent"]
    full = cells_in_full(report.table)
    copied = tsv([full.head, *full.rows])
    assert [line.split("\t") for line in copied.splitlines()] == [list(r) for r in (full.head, *full.rows)]


def test_tabs_and_breaks_within_a_cell_do_not_move_the_columns() -> None:
    assert tsv([["a\tb", "c\nd"]]) == "a b\tc d\n"


# ---------------------------------------------------------------- planning


def test_the_default_question_has_the_specifications_answers() -> None:
    found = ask(Question(), DEFAULT)
    assert (found.responses, found.difference.independent, found.equivalence.independent) == (240, 247, 1285)
    assert round(100 * found.detects) == 11
    assert ask(Question(difference=0.05), DEFAULT).difference.independent == 1091
    assert ask(Question(base=0.745, difference=0.0197), DEFAULT).difference.independent == 7480
    plan = make_plan(DEFAULT, 0.05, 0.07)
    asked = ask(Question(icc_rater=0.05, icc_item=0.07), DEFAULT)
    assert (asked.effect, asked.detects_clustered) == (plan.effect, plan.detects_clustered)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from((0.05, 0.08, 0.1, 0.15, -0.2)),
    st.floats(0, 0.2),
    st.floats(0, 0.2),
)
def test_the_raters_named_are_the_fewest_that_suffice(difference: float, rater: float, item: float) -> None:
    need = ask(Question(difference=difference, icc_rater=rater, icc_item=item), DEFAULT).difference

    def enough(raters: int) -> bool:
        plan = replace(DEFAULT, design=replace(DEFAULT.design, raters=raters))
        return 8 * raters >= need.independent * design_effect(plan, rater, item) * (1 - 1e-9)

    if need.raters is None:
        assert not any(enough(n) for n in (10, 1000, 10**6))
    else:
        assert enough(need.raters)
        assert need.raters == 1 or not enough(need.raters - 1)


@pytest.mark.parametrize(
    "question",
    [Question(difference=0.3), Question(base=1.0), Question(power=0.0), Question(margin=0.0),
     Question(difference=0.0), Question(icc_item=1.5), Question(alpha=math.inf)],
)  # fmt: skip
def test_a_question_without_an_answer_says_so(question: Question) -> None:
    with pytest.raises(SierError):
        ask(question, DEFAULT)


def test_plan_on_the_command_line_answers_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--base", ".6", "--points", "8", "--power", ".9", "--raters", "60", "--icc-rater", ".02"]
    assert main(["study", "plan", *words, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)["asked"]
    assert told["difference"]["independent"] == per_column(0.6, 0.08, 0.9)
    assert told["responses_per_column"] == 480
    assert main(["study", "plan", "--points", "30"]) == 1
    assert main(["study", "plan", "--raters", "0"]) == 1
    capsys.readouterr()


# ---------------------------------------------------------------- answers of programs


def test_only_programs_answers_are_stored_together(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "p")
    with open_project(tmp_path / "p") as project:
        for name in ("simulated-01", "r1"):
            project.add_rater(Rater(name))
        rows = [response("simulated-01", trial) for trial in (1, 2)]
        with pytest.raises(SierError, match="people"):
            project.add_simulated([*rows, response("r1", 1)])
        with pytest.raises(SierError, match="has an answer already"):
            project.add_simulated([*rows, rows[0]])  # all of it or nothing
        assert project.responses() == []
        assert project.protocol_frozen_at() is None
        project.add_simulated(rows)
        assert [r.trial for r in project.responses()] == [1, 2]
        assert project.protocol_frozen_at()
        with pytest.raises(SierError, match="nobody of that name"):
            project.add_simulated([response("simulated-09", 1)])


def response(rater: str, trial: int) -> Response:
    return Response(
        rater,
        0,
        "image",
        trial,
        Kind.MAIN,
        0,
        "",
        f"item{trial}",
        "sad",
        Modality.I,
        "sad",
        1,
        500.0,
        0,
        True,
    )
