"""``sier-gui export``: figures, spans and values of chosen samples, or a figure made again."""

from __future__ import annotations

import argparse
from pathlib import Path

from sier_gui.cli.verbs import (
    emit,
    explain_request,
    explained,
    make_predictor,
    open_catalogue,
    say,
    terminal_report,
)


def add_export(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--sample", nargs="+", metavar="ID")
    which.add_argument("--all", action="store_true")
    which.add_argument(
        "--from", dest="from_file", metavar="FILE", help="make a figure again from the provenance it carries"
    )
    parser.add_argument("--format", help="png,svg,pdf,npz,csv,textgrid,elan,audacity (default png)")
    parser.add_argument("--signed", action="store_true", help="blue–white–red around zero, not yellow–blue")
    parser.add_argument("--width", help="85mm, 140mm, 180mm or your own (default 140mm)")
    parser.add_argument("--out", required=True, metavar="DIR")


def export(arguments: argparse.Namespace) -> int:
    """Figures of the chosen samples; with ``--from`` one that was made before."""
    if arguments.from_file is not None:
        return again(arguments)
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.export.bundle import export as export_files
    from sier_gui.core.export.origin import Origin
    from sier_gui.core.export.view import FigureInput, FigureOptions, answer, parse_width, shared_scale

    width = parse_width(arguments.width or "140mm")
    catalogue = open_catalogue(arguments)
    predictor = make_predictor(arguments, catalogue)
    release, request, views = predictor.release, explain_request(arguments), []
    for sample, seen, final in explained(arguments, catalogue, predictor, AttributionCache(), words=True):
        decoded = (seen.picture, seen.speech, seen.rate, seen.inputs)
        origin = Origin.of(sample, request, release, catalogue)
        said = answer(final, sample.label)
        views.append(FigureInput(sample, *decoded, said, final, release.label, origin))
    # one colour bar over the whole batch: figures that stand side by side must be comparable
    scale = shared_scale(view.attribution for view in views) if views else None
    options = FigureOptions(width, signed=arguments.signed, scale=scale)
    formats, out = (arguments.format or "png").split(","), Path(arguments.out)
    manifest = [
        entry for view in views for entry in export_files(view, formats, out_dir=out, options=options)
    ]
    emit(arguments, manifest, (entry["file"] for entry in manifest))
    return 0 if manifest else 1


def again(arguments: argparse.Namespace) -> int:
    """``--from FILE``: as its provenance says; width, formats and the dataset's place may be others."""
    from dataclasses import replace

    from sier_gui.core.export.again import read_recipe, remake
    from sier_gui.core.export.bundle import export as export_files
    from sier_gui.core.export.view import parse_width

    recipe = read_recipe(Path(arguments.from_file))
    moved = None if arguments.dataset is None else Path(arguments.dataset)
    remade = remake(recipe, dataset=moved, report=terminal_report())
    options = recipe.options
    if arguments.width:
        options = replace(options, width_mm=parse_width(arguments.width))
    formats = arguments.format.split(",") if arguments.format else recipe.formats
    for note in remade.notes:
        say(note)
    manifest = export_files(remade.view, formats, out_dir=Path(arguments.out), options=options)
    emit(arguments, manifest, (entry["file"] for entry in manifest))
    return 0
