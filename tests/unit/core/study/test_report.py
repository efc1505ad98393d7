"""The figures of the specification, from the command line; and what a report says about itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sier_gui.cli import main
from sier_gui.core.errors import SierError
from sier_gui.core.study import protocol
from sier_gui.core.study.caveats import Setting
from sier_gui.core.study.differences import intraclass, paired_tests
from sier_gui.core.study.exclusion import excluded
from sier_gui.core.study.exports import export_answers, export_study, latex
from sier_gui.core.study.items import Candidate, select_items
from sier_gui.core.study.listing import report_lines
from sier_gui.core.study.models import bayesian, gee
from sier_gui.core.study.published import paper_table, read_table
from sier_gui.core.study.randomisation import OVERALL, randomisation_test
from sier_gui.core.study.records import ExclusionRules, Kind, Modality, Protocol, Response
from sier_gui.core.study.report import StudyReport, make_report
from sier_gui.core.study.report_json import report_json
from sier_gui.core.study.responses import columns_of, read_responses, write_responses
from sier_gui.core.study.simulation import Effects, paper_shares, simulate

CLASSES = ("happy", "sad", "hate", "anger")
DEFAULT, REPEAT = protocol.load("default"), protocol.load("repeat-with-wash-out")
COMMON = Effects()
# hits and n of the first three columns, as the specification gives them
ONE_RATER = {
    "i": dict(zip(CLASSES, ((23, 36), (36, 48), (38, 56), (45, 64)), strict=True)),
    "ss": dict(zip(CLASSES, ((24, 36), (37, 48), (40, 56), (53, 64)), strict=True)),
}
TWO_RATERS = {"hs": dict(zip(CLASSES, ((50, 72), (75, 96), (81, 112), (110, 128)), strict=True))}
PAPER = """class,i,ss,hs,ss-i,hs-i
Happy,63.89%,66.67%,69.44%,73.48%,75.87%
Sad,75.00%,77.08%,78.13%,82.43%,83.27%
Hate,67.86%,71.43%,72.32%,77.64%,81.32%
Anger,70.31%,82.81%,85.94%,82.17%,84.19%
Overall,69.26%,74.49%,76.46%,78.93%,80.46%
"""


def rows(rater: str, modality: str, label: str, hits: int, n: int) -> Iterable[Sequence[str]]:
    wrong = "sad" if label != "sad" else "hate"
    for k in range(n):
        yield rater, f"{label}-{k:02d}", label, modality, label if k < hits else wrong


@pytest.fixture
def fed(tmp_path: Path) -> Path:
    """The specification's hits as a CSV of five columns, its rows shuffled."""
    every: list[Sequence[str]] = []
    for modality, cells in ONE_RATER.items():
        for label, (hits, n) in cells.items():
            every += rows("r1", modality, label, hits, n)
    for modality, cells in TWO_RATERS.items():
        for label, (hits, n) in cells.items():
            every += rows("r1", modality, label, hits // 2, n // 2)
            every += rows("r2", modality, label, hits - hits // 2, n // 2)
    order = np.random.default_rng(0).permutation(len(every))
    target = tmp_path / "fed.csv"
    with target.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("rater", "sample_id", "label", "modality", "answer"))
        table.writerows(every[place] for place in order)
    return target


def simulated(plan: Protocol = DEFAULT, seed: int = 5, effects: Effects = COMMON) -> list[Response]:
    both = frozenset({"f", "m"})
    candidates = [Candidate(f"{c}{n:02d}", c, True, True, both) for c in CLASSES for n in range(24)]
    items = select_items(candidates, CLASSES, plan, [c.sample_id for c in candidates[::11]])
    return simulate(plan, items, CLASSES, paper_shares(CLASSES), seed, effects)


def other(response: Response) -> str:
    """A wrong answer to it."""
    return "sad" if response.label != "sad" else "hate"


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return make_report(simulated(), Setting(shares={"happy": 4, "sad": 3, "hate": 1, "anger": 2}))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["study", *words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


# ---------------------------------------------------------------- the specification's figures


def test_report_gives_the_specified_cells_and_overalls(fed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "report", str(fed))
    assert found["schema"] == 1
    cells = {(cell["class"], cell["modality"]): cell for cell in found["cells"]}
    expected = {
        "i": (63.89, 75.00, 67.86, 70.31),
        "ss": (66.67, 77.08, 71.43, 82.81),
        "hs": (69.44, 78.13, 72.32, 85.94),
    }
    for modality, column in expected.items():
        assert tuple(cells[label, modality]["percent"] for label in CLASSES) == column
    assert cells["sad", "hs"]["n"] == 96
    assert cells["sad", "hs"]["raters"] == 2
    assert all({"sd", "low", "high"} <= set(cell) for cell in cells.values())
    overall = {column["modality"]: column for column in found["overall"]}
    assert [overall[m]["percent"] for m in expected] == [69.26, 74.50, 76.46]
    assert [overall[m]["unrounded"] for m in expected] == [69.2646, 74.4978, 76.4571]
    assert [cell["class"] for cell in found["cells"]] == list(CLASSES) * 3  # in the paper's order


def test_report_as_text_shows_the_same(fed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "report", str(fed), "--shares", "happy=42958,sad=13621,hate=4401,anger=19913"]) == 0
    text = capsys.readouterr().out
    for figure in ("63.89", "78.13", "69.2646", "74.4978", "76.4571", "weighted"):
        assert figure in text
    assert "one rater" in text
    assert "2 raters" in text


def test_importing_the_published_table_raises_what_is_wrong_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paper.csv"
    file.write_text(PAPER + "claimed,,,78.91,,\n", encoding="utf-8")
    found = run(capsys, "import-table", str(file))
    flags = [(flag["check"], flag.get("modality"), flag["message"]) for flag in found["flags"]]
    assert [flag[:2] for flag in flags] == [
        ("overall", "hs-i"), ("falls", "ss-i"), ("falls", "hs-i"), ("grim", "ss-i"), ("grim", "hs-i"),
        ("claimed", "hs"), ("n", None),
    ]  # fmt: skip
    text = " ".join(message for *_, message in flags)
    for figure in ("80.46", "81.16", "82.81 → 82.17", "85.94 → 84.19", "78.91", "76.46"):
        assert figure in text
    for flag in flags[3:5]:
        assert "no cell fits a whole count over 36, 48, 56, 64, 72, 96, 112 or 128" in flag[2]
    assert {c["percent"] for c in found["cells"] if c["class"] == "Sad"} == {75.0, 77.08, 78.13, 82.43, 83.27}
    assert main(["study", "import-table", str(file)]) == 0
    assert "Self-checks:" in capsys.readouterr().out


def test_a_table_with_nothing_wrong_is_left_in_peace(tmp_path: Path) -> None:
    file = tmp_path / "ours.csv"
    file.write_text(
        "class,i,hs-i,n_i,n_hs-i\nsad,50.00,75.00,60,60\nhate,61.67,80.00,60,60\noverall,55.83,77.50,,\n",
        encoding="utf-8",
    )
    from sier_gui.core.study.published import import_table

    imported = import_table(file)
    assert imported.flags == ()
    value = imported.to_json()
    assert value["overall"][0]["class_mean"] == 55.84  # half up from 55.835
    assert value["cells"][0]["low"] < 50 < value["cells"][0]["high"]


def test_the_papers_table_is_kept_as_printed(tmp_path: Path) -> None:
    file = tmp_path / "paper.csv"
    file.write_text(PAPER.replace("Happy", "happy").replace("Sad", "sad"), encoding="utf-8")
    table = read_table(file)
    assert dict(table.overall) == dict(paper_table().overall)
    paper = paper_table()
    assert [str(table.cells["sad", m]) for m in Modality] == [str(paper.cells["sad", m]) for m in Modality]


def test_plan_says_what_the_default_study_detects(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "plan")
    assert found["responses_per_column"] == 240
    assert found["detects_points"] == 11.0
    assert [need["independent"] for need in found["needs"]] == [247, 1091, 7480]
    assert found["equivalence"]["independent"] == 1285
    more = run(capsys, "plan", "--icc-rater", "0.1", "--icc-item", "0.2")
    assert more["design_effect"] == 2.7
    assert main(["study", "plan", "--icc-rater", "2"]) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rater,sample_id,label,modality\nr,s,sad,i\n", "no column answer"),
        ("rater,sample_id,label,modality,answer\n", "holds no responses"),
        ("rater,sample_id,label,modality,answer\nr,s,sad,video,sad\n", "row 2: 'video' is not one of i, ss"),
        ("rater,sample_id,label,modality,answer\nr,,sad,i,sad\n", "row 2: sample_id is empty"),
        ("rater,sample_id,label,modality,answer,rt_ms\nr,s,sad,i,sad,soon\n", "row 2: 'soon'"),
        ("rater,sample_id,label,modality,answer,rt_ms\nr,s,sad,i,sad,nan\n", "row 2: 'nan'"),
        ("rater,sample_id,label,modality,answer,kind,counted\nr,s,sad,i,sad,gold,1\n", "a gold trial cannot"),
        ("rater,sample_id,label,modality,answer,counted\nr,s,sad,i,,yes\n", "without an answer cannot"),
        ("rater,sample_id,label,modality,answer\nr,s,sad,i,sad\nq,s,hate,i,sad\n", "labelled sad and hate"),
        ("rater,sample_id,label,modality,answer\nr,s,sad,i,\n", "No response counts"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "responses.csv"
    file.write_text(text, encoding="utf-8")
    assert main(["study", "report", str(file)]) == 1
    assert told in capsys.readouterr().err


def test_the_long_csv_comes_back_as_it_was(tmp_path: Path) -> None:
    said = simulated()
    said[7] = replace(said[7], answer="", counted=False, rt_ms=1234.5678901234567, confidence=None)
    write_responses(tmp_path / "long.csv", said)
    assert read_responses(tmp_path / "long.csv") == said
    head = (tmp_path / "long.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == (
        "rater,group,block,trial,kind,list,reader,sample_id,label,modality,answer,confidence,rt_ms,replays,counted"
    )


def test_whole_numbers_may_be_written_as_data_frames_do(tmp_path: Path) -> None:
    file = tmp_path / "pandas.csv"
    file.write_text(
        "rater,sample_id,label,modality,answer,group,counted\nr,s,sad,i,sad,3.0,True\n", encoding="utf-8"
    )
    (response,) = read_responses(file)
    assert response.group == 3
    assert response.counted


# ---------------------------------------------------------------- the report of a whole study


def test_a_simulated_study_is_marked_wherever_it_appears(report: StudyReport) -> None:
    assert report.simulated
    assert "SIMULATED" in next(iter(report_lines(report)))
    assert "SIMULATED" in latex(report)
    value = report_json(report)
    assert value["design"]["simulated"] is True
    assert any(flag["check"] == "simulated" for flag in value["flags"])
    assert all(response.rater.startswith("simulated-") for response in simulated())


def test_the_report_is_json_of_the_documented_shape(report: StudyReport) -> None:
    value = json.loads(json.dumps(report_json(report), allow_nan=False))
    assert next(iter(value)) == "schema"
    assert len(value["cells"]) == 20
    assert set(value["cells"][0]) >= {"class", "modality", "percent", "n", "sd", "low", "high"}
    assert [one["modality"] for one in value["overall"]] == ["i", "ss", "hs", "ss-i", "hs-i"]
    assert value["overall"][0]["weighted"] is not None
    for cell in (*value["cells"], *value["overall"]):
        assert cell["low"] <= cell["percent"] <= cell["high"]
        assert cell["low"] <= cell["wilson"][0] + 0.01  # never narrower
    assert value["design"]["seed"] == DEFAULT.seed
    assert value["design"]["protocol"]["items"]["lists"] == 5
    assert value["tests"]["randomisation"]["draws"] == 10_000
    assert "wash-out" in value["missing"]["paired"]


def test_equal_responses_give_equal_reports(report: StudyReport) -> None:
    again = make_report(simulated(), Setting(shares={"happy": 4, "sad": 3, "hate": 1, "anger": 2}))
    assert json.dumps(report_json(again)) == json.dumps(report_json(report))


def test_overall_figures_against_numpy(report: StudyReport) -> None:
    kept = [r for r in simulated() if r.counted and r.rater not in report.excluded]
    for modality in Modality:
        column = [r for r in kept if r.modality is modality]
        overall = report.table.overall[modality]
        assert float(overall.pooled.share) == pytest.approx(np.mean([r.correct for r in column]), abs=1e-12)
        by_rater = {r.rater: [s.correct for s in column if s.rater == r.rater] for r in column}
        means = [np.mean(hits) for hits in by_rater.values()]  # two of each class: class mean = mean
        assert float(overall.mean.share) == pytest.approx(np.mean(means), abs=1e-12)
        assert overall.sd == pytest.approx(np.std(means, ddof=1), abs=1e-12)
        by_class = [np.mean([r.correct for r in column if r.label == label]) for label in CLASSES]
        assert overall.weighted is not None
        weighted = np.average(by_class, weights=(4, 3, 1, 2))
        assert float(overall.weighted.share) == pytest.approx(weighted, abs=1e-12)


def test_whom_the_rules_exclude_is_left_out_and_told() -> None:
    said = simulated()
    careless = said[0].rater
    trapped = [r.rater == careless and r.kind is Kind.TRAP for r in said]
    said = [replace(r, answer=other(r)) if missed else r for r, missed in zip(said, trapped, strict=True)]
    out = excluded(said, DEFAULT.exclusion)
    assert out[careless] == "missed 4 of 4 trap trials"
    hasty = said[-1].rater
    fast = [replace(r, rt_ms=200.0) if r.rater == hasty else r for r in said]
    assert "below 300 ms" in excluded(fast, DEFAULT.exclusion)[hasty]
    assert excluded(fast, ExclusionRules(traps_missed=4, gold_missed=4, fast_ms=0)) == {}
    report = make_report(said, Setting(models=False))
    assert careless not in report.answers.raters
    assert report.everyone is not None
    assert report.everyone.overall[Modality.I].n == 240
    assert report.table.overall[Modality.I].n < 240
    assert any(flag.check == "excluded" and careless in flag.message for flag in report.flags)
    nobody = [replace(r, answer=other(r)) for r in said if r.kind is Kind.TRAP]
    with pytest.raises(SierError, match="All raters are excluded"):
        make_report([r for r in said if r.kind is not Kind.TRAP] + nobody)


def test_repeated_items_without_wash_out_are_flagged_and_not_paired() -> None:
    said = simulated(REPEAT)
    blamed = make_report(said, Setting(protocol=DEFAULT, models=False))
    assert any(flag.check == "repeated" for flag in blamed.flags)
    assert blamed.paired is None
    allowed = make_report(said, Setting(protocol=REPEAT, models=False))
    assert not any(flag.check == "repeated" for flag in allowed.flags)
    assert allowed.paired is not None
    assert allowed.paired.rows == len(allowed.answers.raters) * 40
    assert allowed.randomisation is None


def test_paired_tests_are_those_of_the_pairs_by_hand() -> None:
    answers = columns_of(simulated(REPEAT))
    found = paired_tests(answers)
    hits = {
        (r, i, m): c
        for r, i, m, c in zip(answers.rater, answers.item, answers.modality, answers.correct, strict=True)
    }
    first, second, n, p = found.mcnemar[0]
    assert (first, second, n) == (Modality.SS, Modality.HS, 30 * 40)
    pairs = [(hits[r, i, 1], hits[r, i, 2]) for r in range(30) for i in range(40)]
    from statsmodels.stats.contingency_tables import mcnemar

    table = [[sum(a == x and b == y for a, b in pairs) for y in (True, False)] for x in (True, False)]
    assert min(1.0, p) >= mcnemar(table, exact=True).pvalue - 1e-9  # corrected is never below


def test_the_networks_row_is_its_agreement_on_the_same_items(tmp_path: Path, capsys: Any) -> None:
    said = simulated()
    write_responses(tmp_path / "long.csv", said)
    lines = ["sample_id,modality,answer"]
    shown = sorted({(r.sample_id, r.label) for r in said if r.kind is Kind.MAIN})
    lines += [f"{sample},ss-i,{label if k % 4 else 'happy'}" for k, (sample, label) in enumerate(shown)]
    lines += ["elsewhere,ss-i,happy"]
    (tmp_path / "parallelnet.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = (str(tmp_path / "long.csv"), "--network", str(tmp_path / "parallelnet.csv"))
    found = run(capsys, "report", *files, "--no-models")
    by_class = {
        label: np.mean([k % 4 != 0 or label == "happy" for k, (_, own) in enumerate(shown) if own == label])
        for label in CLASSES
    }
    assert found["network"]["name"] == "parallelnet"
    (row,) = found["network"]["overall"]
    share = round(100 * float(np.mean(list(by_class.values()))), 2)
    assert row == {"modality": "ss-i", "percent": share, "items": 40, "of": 40}
    assert found["missing"]["gee"] == "Not asked for."


# ---------------------------------------------------------------- tests on simulated truth


def test_randomisation_finds_what_is_there_and_keeps_its_level() -> None:
    none = dict.fromkeys(paper_shares(CLASSES), 0.75)
    both = frozenset({"f", "m"})
    candidates = [Candidate(f"{c}{n:02d}", c, True, True, both) for c in CLASSES for n in range(24)]
    items = select_items(candidates, CLASSES, DEFAULT)
    p_values = []
    for seed in range(40):
        answers = columns_of(simulate(DEFAULT, items, CLASSES, none, seed))
        found = randomisation_test(answers, 199, seed)
        p_values += [one.p for one in found.comparisons if one.label == OVERALL]
        assert all(one.p_holm >= one.p for one in found.comparisons)
    level = float(np.mean(np.array(p_values) <= 0.05))
    assert 0.01 < level < 0.11  # 240 p values, six of a study alike
    real = randomisation_test(columns_of(simulated()), 2000, 1)
    overall = {(c.first, c.second): c.p_holm for c in real.comparisons if c.label == OVERALL}
    assert overall[Modality.I, Modality.HS_I] < 0.05
    assert real == randomisation_test(columns_of(simulated()), 2000, 1)


def test_randomisation_is_the_exact_test_where_all_deals_are_drawn() -> None:
    """Against a slow reference that deals the true groups anew, answer by answer."""
    answers = columns_of([r for r in simulated() if r.rater <= "simulated-06"])
    draws = 300
    ours = randomisation_test(answers, draws, 3)
    from sier_gui.core.seeds import stream

    groups = np.array([answers.group[answers.rater == r][0] for r in range(len(answers.raters))])
    dealt = stream(3, "randomisation").permuted(np.tile(groups, (draws, 1)), axis=1)

    def statistic(given: np.ndarray) -> float:
        shown = (answers.list + given[answers.rater]) % 5
        gaps = []
        for rater in range(len(groups)):
            cells = []
            for label in range(4):
                mine = (answers.rater == rater) & (answers.label == label)
                share = [answers.correct[mine & (shown == m)].mean() for m in (0, 4)]
                cells.append(share[1] - share[0])
            gaps.append(np.mean(cells))
        return abs(np.mean(gaps)) / (np.std(gaps, ddof=1) / np.sqrt(len(gaps)))

    true = statistic(groups)
    expected = (1 + sum(statistic(given) >= true - 1e-9 for given in dealt)) / (draws + 1)
    (found,) = [c.p for c in ours.comparisons if (c.label, c.first, c.second) == (OVERALL, "i", "hs-i")]
    assert found == pytest.approx(expected, abs=1e-12)


def test_randomisation_refuses_what_was_not_drawn_so() -> None:
    said = simulated()
    with pytest.raises(SierError, match="group and list"):
        randomisation_test(columns_of([replace(r, group=None) for r in said]), 100, 0)
    with pytest.raises(SierError, match="do not follow"):
        randomisation_test(columns_of([replace(r, group=0) for r in said]), 100, 0)


def test_models_recover_the_simulated_effects() -> None:
    """Odds ratios and spreads of a study whose truth is known; three times the people, to be sure."""
    larger = replace(DEFAULT, design=replace(DEFAULT.design, raters=90))
    answers = columns_of(simulated(larger, seed=2, effects=Effects(0.5, 0.8)))
    mixed, marginal = bayesian(answers), gee(answers)
    assert mixed.sd_rater == pytest.approx(0.5, abs=0.2)
    assert mixed.sd_item == pytest.approx(0.8, abs=0.3)
    for model in (mixed, marginal):
        ratios = {(c.first, c.second): c for c in model.contrasts}
        gain = ratios[Modality.I, Modality.HS_I]
        assert gain.low > 1.2
        assert gain.low < gain.ratio < gain.high
    assert mixed == bayesian(answers)


def test_gee_is_statsmodels_own_formula_interface() -> None:
    import pandas as pd
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    answers = columns_of(simulated())
    frame = pd.DataFrame(
        {
            "y": answers.correct.astype(float), "rater": answers.rater, "label": answers.label,
            "m": answers.modality,
        }
    )  # fmt: skip
    fit = smf.gee(
        "y ~ C(m, Treatment(1)) + C(label)", "rater", frame, family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Exchangeable(),
    ).fit(cov_type="bias_reduced")  # fmt: skip
    ours = {(c.first, c.second): c.ratio for c in gee(answers).contrasts}
    name = next(name for name in fit.params.index if name.startswith("C(m") and name.endswith("[T.2]"))
    assert ours[Modality.SS, Modality.HS] == pytest.approx(float(np.exp(fit.params[name])), abs=1e-6)


def test_intraclass_correlations_are_those_of_the_effects() -> None:
    """With effects of one kind only, only that correlation is there."""
    by_rater = intraclass(columns_of(simulated(effects=Effects(1.2, 0.01))))
    by_item = intraclass(columns_of(simulated(effects=Effects(0.01, 1.5))))
    assert by_rater[0] > 0.08 > by_rater[1]
    assert by_item[1] > 0.08 > by_item[0]


# ---------------------------------------------------------------- files


def test_exports_say_what_the_checks_say(report: StudyReport, tmp_path: Path) -> None:
    said = simulated()
    manifest = export_answers(said, tmp_path) + export_study(report, tmp_path)
    assert {Path(entry["file"]).name for entry in manifest} == {
        "responses.csv", "table1.tex", "report.json", "table1.png", "table1.svg", "table1.pdf",
    }  # fmt: skip
    tex = (tmp_path / "table1.tex").read_text(encoding="utf-8")
    svg = (tmp_path / "table1.svg").read_text(encoding="utf-8")
    value = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(report.flags) == len(value["flags"]) > 0
    for flag in report.flags:
        assert flag.message.split("→")[0].split(":")[0].split("“")[0][:30] in tex.replace(r"\_", "_")
        assert flag.message[:30] in svg
    assert tex.count("&") == 5 * tex.count(r" \\")
    assert r"\%" in tex
    assert "Simulated raters" in svg
    assert read_responses(tmp_path / "responses.csv") == said
    assert (tmp_path / "table1.png").read_bytes().startswith(b"\x89PNG")


def test_answers_can_be_taken_out_where_no_report_can_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sier_gui.cli import main

    hasty = [replace(r, rt_ms=20) for r in simulated()]
    write_responses(tmp_path / "all.csv", hasty)
    assert main(["study", "export", str(tmp_path / "all.csv"), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "All raters are excluded" in said
    assert "responses.csv" in said
    assert read_responses(tmp_path / "out" / "responses.csv") == hasty
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["responses.csv"]


def test_a_perfect_cell_has_an_interval_all_the_same() -> None:
    said = [replace(r, answer=r.label) if r.label == "sad" else r for r in simulated()]
    table = make_report(said, Setting(models=False)).table
    cell = table.cells["sad", Modality.HS]
    assert cell.share == 1
    assert 0.9 < cell.low < 1
    assert cell.high == pytest.approx(1)
