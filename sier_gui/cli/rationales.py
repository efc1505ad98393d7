"""``sier-gui study rationales``: raters' marks against a network's maps."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, explain_request, make_predictor, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.study.rationales import StudyMarks


def add_rationales(action: argparse.ArgumentParser) -> None:
    action.add_argument("study", metavar="PROJECT|CSV", help="a project, or its rationales.csv")
    action.add_argument("--dataset", metavar="DATASET", help="of a CSV: folder or table")
    action.add_argument(
        "--of", choices=("predicted", "label", "answer"), default="predicted", help="class whose values count"
    )
    action.add_argument(
        "--values", choices=("positive", "magnitude"), default="positive", help="which of its values"
    )
    action.add_argument("--release", metavar="R", help="default: the one that fits the data")
    action.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    action.add_argument("--method", choices=("owen", "shapley"), default="owen")
    action.add_argument("--grid", type=int, default=8, help="patches per side (4, 8, 16)")
    action.add_argument("--segments", default="16", help="of speech: a number of equal parts, or 0.5s")
    action.add_argument("--absence", default="zeros", help="zeros, mean, blur or noise")
    action.add_argument("--value", choices=("probability", "logit"), default="probability")
    action.add_argument("--seed", type=int, default=0)
    action.set_defaults(bands=1, target=None, budget=None, precision="float32", allow_outside=False)


def rationales(arguments: argparse.Namespace) -> int:
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.explain.people.items import Reading
    from sier_gui.core.explain.people.listing import lines
    from sier_gui.core.explain.people.run import compare

    catalogue, found = _marks(arguments)
    if not found.marks:
        raise SierError(
            f"Nobody marked anything in {arguments.study}.",
            "Plan the study with the protocol rationale, which asks for marks.",
        )
    if found.left_out:
        say(f"Left out by the protocol's rules: {', '.join(found.left_out)}.")
    compared = compare(
        make_predictor(arguments, catalogue),
        catalogue,
        found.marks,
        found.recordings,
        explain_request(arguments),
        Reading(arguments.of, arguments.values),
        cache=AttributionCache(),
        report=terminal_report(),
    )
    value = {**compared.to_json(), "asked": found.asked or None, "marked": len(found.marks)}
    emit(arguments, value, lines(compared))
    return 0


def _marks(arguments: argparse.Namespace) -> tuple[Catalogue, StudyMarks]:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.paths import is_project
    from sier_gui.core.study import rationales as study
    from sier_gui.core.study.design import load_design
    from sier_gui.core.study.project import open_project

    where = Path(arguments.study)
    if not where.is_dir() and not is_project(where):
        if arguments.dataset is None:
            raise SierError("A CSV does not say which samples it is about.", "Name them with --dataset.")
        return open_dataset(Path(arguments.dataset)), study.read_marks(where)
    if arguments.dataset is not None:
        raise SierError("A project knows its own dataset.", "Leave --dataset out.")
    with open_project(where, read_only=True) as project:
        planned = load_design(project)
        catalogue = open_dataset(Path(planned.dataset))
        return catalogue, study.study_marks(project, planned, catalogue)
