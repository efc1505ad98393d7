"""``sier-gui study``: a study from its protocol to Table 1, and the checks of a published table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.rationales import add_rationales, rationales
from sier_gui.cli.verbs import emit, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.study.caveats import Setting
    from sier_gui.core.study.design import Design
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import Response

PROTOCOL = "a shipped protocol (default, rationale, repeat-with-wash-out) or a TOML file"


def add_study(parser: argparse.ArgumentParser) -> None:
    """The verb's own verbs."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, description=text)
        action.set_defaults(action=run)
        # SUPPRESS: `study --json FILE report …` is not overridden by a default
        action.add_argument(
            "--json", metavar="FILE", default=argparse.SUPPRESS, help="machine-readable results ('-': stdout)"
        )
        return action

    action = add("new", new, "Plan a study: a project with its protocol and dataset.")
    action.add_argument("project", metavar="PROJECT", help="folder")
    action.add_argument("dataset", nargs="?", metavar="DATASET", help="folder or table")
    action.add_argument("--protocol", metavar="NAME|TOML", default="default", help=PROTOCOL)
    action.add_argument(
        "--demo", action="store_true", help="the demo set, its stand-in readers and 29 simulated raters"
    )

    action = add("draw", draw, "Draw the items, once both readers have recorded.")
    action.add_argument("project", metavar="PROJECT")
    action.add_argument("--pilot", metavar="CSV", help="responses whose agreement names the gold items")

    action = add("status", status, "Progress per cell and rater, exclusions, who is next.")
    action.add_argument("project", metavar="PROJECT")

    action = add("report", report, "Table 1 with intervals, agreement, tests and self-checks.")
    _add_report(action)

    action = add("export", export, "Responses, Table 1 as LaTeX, JSON and figure.")
    _add_report(action)
    action.add_argument("--out", required=True, metavar="DIR")
    action.add_argument("--format", default="png,svg,pdf", metavar="KIND,…", help="of the figure")

    action = add("rationales", rationales, "Where raters marked what decided them, against a network's maps.")
    add_rationales(action)

    action = add("import-table", import_table, "Run the self-checks on a published table.")
    action.add_argument("table", metavar="CSV", help="class,i,ss,hs,ss-i,hs-i in percent; see docs/study.md")

    action = add("plan", plan, "What a design can detect, before anybody is asked.")
    action.add_argument("--protocol", metavar="NAME|TOML", default="default", help=PROTOCOL)
    action.add_argument("--icc-rater", type=float, default=0.0, help="correlation of one rater's answers")
    action.add_argument("--icc-item", type=float, default=0.0, help="correlation of answers on one item")
    action.add_argument("--raters", type=int, metavar="N", help="instead of the protocol's")
    for name, of_what in (
        ("base", "share right in one column (.75)"),
        ("points", "difference to be found, in points (10)"),
        ("margin", "of equivalence, in points (5)"),
        ("power", "(.8)"),
        ("alpha", "(.05)"),
    ):
        action.add_argument(f"--{name}", type=float, metavar="X", help=of_what)


def _add_report(action: argparse.ArgumentParser) -> None:
    action.add_argument("study", metavar="PROJECT|CSV", help="a project, or responses as a long CSV")
    action.add_argument("--shares", metavar="CLASS=N,…", help="class counts, for the weighted overall")
    action.add_argument(
        "--protocol", metavar="NAME|TOML", help=f"of a CSV: its rules, margin and design; {PROTOCOL}"
    )
    network = action.add_mutually_exclusive_group()
    network.add_argument("--network", metavar="CSV", help="a network's answers: sample_id,modality,answer")
    network.add_argument("--release", metavar="R", help="of a project: ask this release about its items")
    action.add_argument("--no-models", action="store_true", help="leave out GEE and the Bayesian model")


def study(arguments: argparse.Namespace) -> int:
    return int(arguments.action(arguments))


def new(arguments: argparse.Namespace) -> int:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.study import design, protocol
    from sier_gui.core.study.demo import make_demo
    from sier_gui.core.study.project import open_project

    if (arguments.dataset is None) == (not arguments.demo):
        raise SierError("study new needs a dataset or --demo.", "Give one of them.")
    with open_project(Path(arguments.project), create=True) as project:
        if arguments.demo:
            made = make_demo(project, arguments.protocol, report=terminal_report())
        else:
            catalogue = open_dataset(Path(arguments.dataset))
            made = design.new_study(project, catalogue, protocol.text_of(arguments.protocol))
        found = design.status(project, made)
    emit(arguments, found.to_json(), found.lines())
    return 0


def draw(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study import design, drawing
    from sier_gui.core.study.project import open_project
    from sier_gui.core.study.records import Kind

    pilot = Path(arguments.pilot) if arguments.pilot else None
    with open_project(Path(arguments.project)) as project:
        drawn = drawing.draw(project, pilot)
        found = design.status(project, drawn)
    if not any(item.kind is Kind.GOLD for item in drawn.items):
        say("No gold items: no pilot names samples that everybody agrees on (--pilot).")
    emit(arguments, found.to_json(), found.lines())
    return 0


def status(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study import design
    from sier_gui.core.study.project import open_project

    with open_project(Path(arguments.project), read_only=True) as project:
        found = design.status(project, design.load_design(project))
    emit(arguments, found.to_json(), found.lines())
    return 0


def report(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study.listing import report_lines
    from sier_gui.core.study.report import make_report
    from sier_gui.core.study.report_json import report_json

    responses, setting = _study(arguments)
    found = make_report(responses, setting)
    emit(arguments, report_json(found), report_lines(found))
    return 0


def export(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study.exports import export_answers, export_study
    from sier_gui.core.study.report import make_report

    responses, setting = _study(arguments)
    kinds = [kind.strip() for kind in arguments.format.split(",") if kind.strip()]
    manifest = export_answers(responses, Path(arguments.out))
    try:
        manifest += export_study(make_report(responses, setting), Path(arguments.out), kinds)
    except SierError as error:
        written = ", ".join(entry["file"] for entry in manifest)
        raise SierError(error.message, f"{error.hint} The answers are in {written}.") from error
    emit(arguments, manifest, (entry["file"] for entry in manifest))
    return 0


def _study(arguments: argparse.Namespace) -> tuple[list[Response], Setting]:
    """Responses of a project or a CSV, and what else the report is told."""
    from sier_gui.core.paths import is_project
    from sier_gui.core.study import design, protocol
    from sier_gui.core.study.caveats import Setting
    from sier_gui.core.study.network import read_network
    from sier_gui.core.study.project import open_project
    from sier_gui.core.study.responses import read_responses

    where = Path(arguments.study)
    if where.is_dir() or is_project(where):
        if arguments.protocol:
            raise SierError("A project has its own protocol.", "Leave --protocol out.")
        with open_project(where, read_only=True) as project:
            responses = project.responses()
            planned = design.load_design(project)
            setting = design.setting_of(project, planned)
            if arguments.release:
                setting = _ask_release(arguments.release, project, planned, setting)
    else:
        if arguments.release:
            raise SierError("--release needs a project, which knows the recordings.", "Use --network.")
        responses = read_responses(where)
        setting = Setting(protocol=protocol.load(arguments.protocol) if arguments.protocol else None)
    if arguments.shares:
        setting = replace(setting, shares=parse_shares(arguments.shares))
    if arguments.network:
        file = Path(arguments.network)
        setting = replace(setting, network=read_network(file), network_name=file.stem)
    return responses, replace(setting, models=not arguments.no_models)


def _ask_release(name: str, project: Project, planned: Design, setting: Setting) -> Setting:
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import choose_release
    from sier_gui.core.study.predicting import learnt_of, predict_study

    predictor = Predictor(choose_release(planned.classes, project.fact("dataset_hash"), name))
    answers = predict_study(
        predictor, planned, project.accepted_takes(), project.folder, report=terminal_report()
    )
    release = predictor.release
    learnt = learnt_of(release, planned)
    return replace(setting, network=answers, network_name=release.label, network_learnt=learnt)


def plan(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study import protocol
    from sier_gui.core.study.listing import outlook_lines, plan_lines
    from sier_gui.core.study.planning import Question, ask, make_plan

    asked = {name: getattr(arguments, name) for name in ("base", "power", "alpha")}
    asked |= {
        "difference": None if arguments.points is None else arguments.points / 100,
        "margin": None if arguments.margin is None else arguments.margin / 100,
    }
    icc = (arguments.icc_rater, arguments.icc_item)
    given = {name: value for name, value in asked.items() if value is not None}
    question = Question(icc_rater=icc[0], icc_item=icc[1], **given)
    question.check()
    planned = protocol.load(arguments.protocol)
    if arguments.raters is not None:
        if arguments.raters < 1:
            raise SierError("A study has at least one rater.", "Use for example --raters 60.")
        planned = replace(planned, design=replace(planned.design, raters=arguments.raters))
    found, outlook = make_plan(planned, *icc), ask(question, planned)
    lines = [*plan_lines(found, icc), *outlook_lines(question, outlook)]
    emit(arguments, {"schema": 1, **found.to_json(), "asked": outlook.to_json()}, lines)
    return 0


def import_table(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study.listing import import_lines
    from sier_gui.core.study.published import import_table as read

    imported = read(Path(arguments.table))
    emit(arguments, imported.to_json(), import_lines(imported))
    return 0


def parse_shares(text: str) -> dict[str, float]:
    """ "happy=42958,sad=13621" → counts by class.

    Raises
    ------
    SierError : not of that form.
    """
    shares = {}
    for part in text.split(","):
        name, equals, number = part.partition("=")
        try:
            shares[name.strip()] = float(number)
        except ValueError:
            equals = ""
        if not equals or not 0 < shares[name.strip()] < float("inf"):
            raise SierError(f"--shares: {part!r} is no count.", "Write it as happy=42958,sad=13621.")
    return shares
