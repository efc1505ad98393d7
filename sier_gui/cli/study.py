"""``sier-gui study``: Table 1 of a study, and the checks of a published one."""

from __future__ import annotations

import argparse
from pathlib import Path

from sier_gui.cli.verbs import emit
from sier_gui.core.errors import SierError


def add_study(parser: argparse.ArgumentParser) -> None:
    """The verb's own verbs."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    action = actions.add_parser("report", help="Table 1 with intervals, agreement, tests and self-checks")
    action.add_argument("study", metavar="PROJECT|CSV", help="a project, or responses as a long CSV")
    action.add_argument(
        "--shares", metavar="CLASS=N,…", help="the dataset's class counts, for the weighted overall"
    )
    action.add_argument(
        "--protocol", metavar="NAME|TOML", help="exclusion rules, margin, design (default: default)"
    )
    action.add_argument("--network", metavar="CSV", help="a network's answers: sample_id,modality,answer")
    action.add_argument("--no-models", action="store_true", help="leave out GEE and the Bayesian model")
    action.set_defaults(action=report)

    action = actions.add_parser("plan", help="what a design can detect, before anybody is asked")
    action.add_argument("--protocol", metavar="NAME|TOML", default="default")
    action.add_argument("--icc-rater", type=float, default=0.0, help="correlation of one rater's answers")
    action.add_argument("--icc-item", type=float, default=0.0, help="correlation of answers on one item")
    action.set_defaults(action=plan)

    action = actions.add_parser("import-table", help="run the self-checks on a published table")
    action.add_argument("table", metavar="CSV", help="class,i,ss,hs,ss-i,hs-i in percent; see docs/study.md")
    action.set_defaults(action=import_table)
    for action in actions.choices.values():
        # SUPPRESS: `study --json FILE report …` is not overridden by a default
        action.add_argument(
            "--json", metavar="FILE", default=argparse.SUPPRESS, help="machine-readable results ('-': stdout)"
        )


def study(arguments: argparse.Namespace) -> int:
    return int(arguments.action(arguments))


def report(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study import protocol
    from sier_gui.core.study.listing import report_lines
    from sier_gui.core.study.network import read_network
    from sier_gui.core.study.report import Setting, make_report
    from sier_gui.core.study.report_json import report_json
    from sier_gui.core.study.responses import read_responses

    responses = read_responses(Path(arguments.study))
    setting = Setting(
        protocol=protocol.load(arguments.protocol) if arguments.protocol else None,
        shares=parse_shares(arguments.shares),
        network=read_network(Path(arguments.network)) if arguments.network else None,
        network_name=Path(arguments.network).stem if arguments.network else "",
        models=not arguments.no_models,
    )
    found = make_report(responses, setting)
    emit(arguments, report_json(found), report_lines(found))
    return 0


def plan(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study import protocol
    from sier_gui.core.study.listing import plan_lines
    from sier_gui.core.study.planning import make_plan

    icc = (arguments.icc_rater, arguments.icc_item)
    if not all(0 <= value <= 1 for value in icc):
        raise SierError("An intraclass correlation lies between 0 and 1.", "Use for example 0.05.")
    found = make_plan(protocol.load(arguments.protocol), *icc)
    emit(arguments, {"schema": 1, **found.to_json()}, plan_lines(found, icc))
    return 0


def import_table(arguments: argparse.Namespace) -> int:
    from sier_gui.core.study.listing import import_lines
    from sier_gui.core.study.published import import_table as read

    imported = read(Path(arguments.table))
    emit(arguments, imported.to_json(), import_lines(imported))
    return 0


def parse_shares(text: str | None) -> dict[str, float] | None:
    """ "happy=42958,sad=13621" → counts by class.

    Raises
    ------
    SierError : not of that form.
    """
    if text is None:
        return None
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
