"""``sier-gui truth``: are the maps true?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import (
    emit,
    explain_request,
    make_predictor,
    open_catalogue,
    say,
    terminal_report,
)
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.explain.truth.report import TruthReport


def truth(arguments: argparse.Namespace) -> int:
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.explain.truth.report import check_dataset
    from sier_gui.core.explain.truth.summary import lines, summarise

    request = explain_request(arguments)
    catalogue = open_catalogue(arguments)
    rows = range(len(catalogue)) if arguments.all else [catalogue.row_of(name) for name in arguments.sample]
    predictor = make_predictor(arguments, catalogue)
    reports: list[TruthReport] = []
    told: set[str] = set()
    for _row, answer in check_dataset(
        predictor,
        catalogue,
        rows[: arguments.limit],
        request,
        cache=AttributionCache(),
        report=terminal_report(),
    ):
        if isinstance(answer, SierError):
            if not arguments.all:
                raise answer
            say(str(answer))
            continue
        reports.append(answer)
        for reason in set(answer.left_out.values()) - told:
            told.add(reason)
            say(reason)
    if not reports:
        return 1
    table = summarise(reports, request.seed)
    value = {"schema": 1, "samples": [report.to_json() for report in reports], "summary": table.to_json()}
    emit(arguments, value, lines(table))
    return 0
