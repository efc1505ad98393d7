"""Verbs over a whole dataset: ``explain --all --out`` and ``degree``."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, explain_request, find_release, open_catalogue, say, terminal_report

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.explain.attribution import ExplainRequest
    from sier_gui.core.explain.survey.degree import DegreeTable, Group, Share
    from sier_gui.core.explain.survey.grids import GridShares
    from sier_gui.core.explain.survey.run import SurveyResult
    from sier_gui.core.nets.releases import Release

MOST_WORKERS = 8  # each holds torch and the network: about half a gigabyte
SAMPLES_A_WORKER = 8  # fewer are done before a second process has started


def run_survey(
    arguments: argparse.Namespace,
    catalogue: Catalogue,
    release: Release,
    request: ExplainRequest,
    out: Path,
    rows: Sequence[int] | None = None,
) -> SurveyResult:
    """As the arguments say; what had to be worked around and broken samples are told."""
    from sier_gui.core.explain.survey.run import survey

    workers = arguments.workers
    if workers is None:
        workers = default_workers(len(catalogue) if rows is None else len(rows), arguments.device)
    result = survey(
        catalogue,
        release,
        request,
        out,
        rows=rows,
        device=arguments.device,
        workers=workers,
        engine="processes" if arguments.dask is None else "dask",
        address=arguments.dask,
        use_cache=not getattr(arguments, "no_cache", False),
        report=terminal_report(),
    )
    for note in result.notes:
        say(note)
    if result.failed:
        say(f"{result.failed} of {result.total} samples could not be explained; the table says why.")
    return result


def default_workers(samples: int, device: str) -> int:
    """As many as the cores, where the samples are worth it; one where a GPU does the work."""
    from sier_gui.core.nets.prediction import resolve_device

    if resolve_device(device) != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, MOST_WORKERS, samples // SAMPLES_A_WORKER))


def explain_all(arguments: argparse.Namespace) -> int:
    catalogue = open_catalogue(arguments)
    release, request = find_release(arguments, catalogue), explain_request(arguments)
    result = run_survey(arguments, catalogue, release, request, Path(arguments.out))
    found = {
        "schema": 1,
        "out": str(result.folder),
        "samples": result.total,
        "explained": result.done - result.failed,
        "failed": result.failed,
        "computed": result.computed,
        "seconds": result.seconds,
    }
    line = (
        f"{result.folder}\t{found['explained']} of {result.total} samples explained"
        f"\t{result.computed} of them now, in {result.seconds:.1f} s"
    )
    emit(arguments, found, [line])
    return 0 if found["explained"] else 1


def degree(arguments: argparse.Namespace) -> int:
    from sier_gui.core.explain.survey.degree import degree_table
    from sier_gui.core.explain.survey.facts import survey_folder
    from sier_gui.core.explain.survey.grids import parse_grids, sensitivity, spread_rows

    grids = parse_grids(arguments.grids) if arguments.grids else ()
    catalogue = open_catalogue(arguments)
    release, request = find_release(arguments, catalogue), explain_request(arguments)

    def surveyed(wanted: ExplainRequest, rows: Sequence[int] | None = None) -> Path:
        own = arguments.out is not None and wanted == request
        out = Path(arguments.out) if own else survey_folder(catalogue, release, wanted)
        return run_survey(arguments, catalogue, release, wanted, out, rows).folder

    table = degree_table(surveyed(request), seed=request.seed)
    subset = spread_rows(catalogue, arguments.subset)
    found = sensitivity(request, grids, subset, surveyed) if grids else []
    if table.warning:
        say(table.warning)
    value = table.to_json() | ({"grids": [one.to_json() for one in found]} if found else {})
    emit(arguments, value, degree_lines(table, found))
    return 0 if len(table.samples) else 1


def degree_lines(table: DegreeTable, grids: Sequence[GridShares]) -> Iterator[str]:
    from sier_gui.core.explain.survey.degree import NAMES

    def spoken(share: Share) -> str:
        if math.isnan(share.stderr):
            return f"{share.mean:.1%}"
        return f"{share.mean:.1%} ± {share.stderr:.1%} ({share.low:.1%}–{share.high:.1%})"

    def line(name: str, group: Group) -> str:
        parts = [
            f"{NAMES.get(m, m)} {spoken(share)}, of the split {spoken(group.split[m])}"
            for m, share in group.degree.items()
        ]
        return "\t".join([name, f"n {group.n}", *(parts if group.n else [])])

    for name, split in {"dataset": table.dataset, **table.labels}.items():
        yield line(name, split.all)
        yield line(f"{name}, correct", split.correct)
        yield line(f"{name}, wrong", split.wrong)
    for one in grids:
        yield line(f"{one.grid}×{one.grid}+{one.segments}", one.group)
