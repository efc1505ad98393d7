"""``sier-gui export``: figures, spans and values of chosen samples, or a figure made again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, explain_request, find_release, open_catalogue, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.export.view import FigureOptions
    from sier_gui.core.nets.releases import Release

HELP = "words to find in id, text and label; label:NAME, predicted:NAME, wrong, disagree, confidence:0.5-0.9"


def add_export(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--sample", nargs="+", metavar="ID")
    which.add_argument("--all", action="store_true")
    which.add_argument("--query", metavar="TEXT", help=f"chosen samples: {HELP}")
    which.add_argument(
        "--from", dest="from_file", metavar="FILE", help="make a figure again from the provenance it carries"
    )
    parser.add_argument("--format", help="png,svg,pdf,html,npz,csv,textgrid,elan,audacity (default png)")
    parser.add_argument(
        "--template", default="figure7", metavar="T",
        help="figure7, one-column, two-columns, thesis-words, thesis-speech, thesis-picture,"
        " thesis-comparison, curves, shap-waterfall, shap-beeswarm and SHAP's others, or your own .toml",
    )  # fmt: skip
    parser.add_argument("--signed", action="store_true", help="blue–white–red around zero, not yellow–blue")
    parser.add_argument("--width", help="85mm, 140mm, 180mm or your own (default: the template's)")
    parser.add_argument("--own-scale", action="store_true", help="a colour scale for each figure")
    parser.add_argument("--caption", metavar="TEXT", help="instead of the one that says how it was made")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: as many as cores help)")


def export(arguments: argparse.Namespace) -> int:
    """Figures of the chosen samples; with ``--from`` one that was made before."""
    if arguments.from_file is not None:
        return again(arguments)
    from sier_gui.core.export.batch import BatchRequest, Means, batch, default_workers

    catalogue = open_catalogue(arguments)
    release = find_release(arguments, catalogue)
    rows = _rows(arguments, catalogue, release)
    formats = tuple((arguments.format or "png").split(","))
    # one colour bar over the whole batch: figures that stand side by side must be comparable
    request = BatchRequest(
        explain_request(arguments), _options(arguments), formats, shared=not arguments.own_scale
    )
    workers = default_workers(len(rows)) if arguments.workers is None else arguments.workers
    means = Means(workers, arguments.device, report=terminal_report())
    state = batch(catalogue, release, request, rows, Path(arguments.out), means)
    for reason in state.errors:
        say(reason)
    if state.errors and arguments.sample:
        raise SierError(f"{len(state.errors)} of {state.total} samples could not be exported.", "See above.")
    emit(arguments, list(state.entries), (entry["file"] for entry in state.entries))
    return 0 if state.entries else 1


def _rows(arguments: argparse.Namespace, catalogue: Catalogue, release: Release) -> Sequence[int]:
    if arguments.sample:
        return [catalogue.row_of(name) for name in arguments.sample]
    if arguments.query is not None:
        from sier_gui.core.export.choosing import choose

        found = choose(catalogue, release, arguments.query, device=arguments.device, report=terminal_report())
        return [int(row) for row in found]
    return range(len(catalogue))


def _options(arguments: argparse.Namespace) -> FigureOptions:
    """The template's, with what the command line says otherwise."""
    from sier_gui.core.export.templates import template
    from sier_gui.core.export.view import parse_width

    options = template(arguments.template).options
    if arguments.width:
        options = replace(options, width_mm=parse_width(arguments.width))
    if arguments.signed:
        options = replace(options, signed=True)
    return options if arguments.caption is None else replace(options, caption=arguments.caption)


def again(arguments: argparse.Namespace) -> int:
    """``--from FILE``: as its provenance says; width, formats and the dataset's place may be others."""
    from sier_gui.core.export.again import read_recipe, remake, remake_selection
    from sier_gui.core.export.bundle import export as export_files
    from sier_gui.core.export.view import parse_width

    recipe = read_recipe(Path(arguments.from_file))
    moved = None if arguments.dataset is None else Path(arguments.dataset)
    asked = tuple(arguments.format.split(",")) if arguments.format else ()
    if recipe.samples:
        entries = remake_selection(recipe, Path(arguments.out), asked, dataset=moved).entries
        emit(arguments, list(entries), (entry["file"] for entry in entries))
        return 0
    remade = remake(recipe, dataset=moved)
    options = recipe.options
    if arguments.width:
        options = replace(options, width_mm=parse_width(arguments.width))
    for note in remade.notes:
        say(note)
    manifest = export_files(
        remade.view, asked or recipe.formats, out_dir=Path(arguments.out), options=options
    )
    emit(arguments, manifest, (entry["file"] for entry in manifest))
    return 0
