"""``sier-gui ablate`` and ``sier-gui metrics``: Table 2 on a dataset, and figures from kept predictions."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.cli.verbs import emit, open_catalogue, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.nets.training.config import TrainingConfig
    from sier_gui.core.nets.training.predictions import Predictions

SPLITS = ("holdout", "folds", "loso", "column")


def add_ablate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rows", default="table2", metavar="A,B,…", help="names, or the sets table2 (default), trunks, all"
    )
    parser.add_argument(
        "--width", type=float, metavar="W", help="share of all channels (default: the preset's)"
    )
    parser.add_argument(
        "--preset", default="small", metavar="P", help="paper, small (default) or a TOML config"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="as many, without early stopping")
    parser.add_argument("--split", choices=SPLITS, help="(default: the preset's); loso leaves one group out")
    parser.add_argument("--groups", metavar="COLUMN", help="whose samples stay together (default speaker)")
    parser.add_argument("--seeds", metavar="0,1,…", help="each row once for each (default: the preset's)")
    parser.add_argument(
        "--out", default="ablation", metavar="DIR", help="tables and units (default ablation)"
    )
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="torch's, for each process")


def ablate(arguments: argparse.Namespace) -> int:
    from sier_gui.core.nets.ablation import AblationRequest, chosen_rows
    from sier_gui.core.nets.ablation import ablate as make_table

    request = AblationRequest(chosen_rows(arguments.rows), _config(arguments), arguments.width)
    ablation = make_table(
        open_catalogue(arguments),
        request,
        Path(arguments.out),
        resume=arguments.resume,
        workers=arguments.workers or 1,
        address=arguments.dask,
        threads=arguments.threads,
        device=arguments.device,
        report=terminal_report(),
    )
    for line in ablation.lines:
        for problem in line.problems:
            say(f"{line.title}: {problem}")
    emit(arguments, ablation.to_json(), [*ablation.to_markdown(), f"written to {ablation.folder}"])
    return 0


def _config(arguments: argparse.Namespace) -> TrainingConfig:
    """The preset with what the arguments say instead."""
    from sier_gui.core.nets.training import TrainingConfig, load_config

    config = load_config(arguments.preset)
    tables = config.to_tables()
    if arguments.epochs is not None:
        tables["optimiser"] |= {"epochs": arguments.epochs, "early_stopping": 0, "plateau": 0}
        tables["split"] |= {"validation": 0.0}
    if arguments.split is not None:
        tables["split"] |= {"kind": arguments.split}
    if arguments.groups is not None:
        tables["split"] |= {"groups": arguments.groups}
    if arguments.seeds is not None:
        try:
            tables["run"] |= {"seeds": [int(part) for part in arguments.seeds.split(",")]}
        except ValueError:
            raise SierError(f"--seeds {arguments.seeds}: not whole numbers.", "Write 0,1,2.") from None
    tables["run"] |= {"fit": "all", "alone": False}
    return replace(TrainingConfig.from_tables(tables | {"preset": ""}, "ablate"), preset=config.preset)


# ---------------------------------------------------------------- metrics


def add_metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions",
        nargs="*",
        metavar="PATH",
        help="predictions.csv, or a release or ablation that has one",
    )
    parser.add_argument("--dataset", metavar="D", help="take the groups of samples from this dataset")
    parser.add_argument("--allow-outside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--groups", metavar="COLUMN", default="speaker", help="of --dataset (default speaker)"
    )
    parser.add_argument("--raters", metavar="CSV", help="a study's responses: the network beside its raters")
    parser.add_argument("--history", nargs="+", metavar="JSONL", help="curves of F1 and κ over epochs")
    parser.add_argument("--out", metavar="DIR", help="write metrics.json and the figures here")
    parser.add_argument("--card", action="store_true", help="rewrite the figures in the release's CARD.md")


def metrics(arguments: argparse.Namespace) -> int:
    if not arguments.predictions and not arguments.history:
        raise SierError("Nothing to measure.", "Give predictions.csv, or --history.")
    value: dict[str, Any] = {"schema": 1}
    lines: list[str] = []
    if arguments.predictions:
        found, more = _card(arguments) if arguments.card else _measure(arguments)
        value |= found
        lines += more
    if arguments.history:
        found, more = _curves(arguments)
        value |= found
        lines += more
    if arguments.out:
        from sier_gui.core.paths import write_json

        write_json(Path(arguments.out) / "metrics.json", value)
    emit(arguments, value, lines)
    return 0


def _measure(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from sier_gui.core.nets.ablation import recompute
    from sier_gui.core.nets.ablation.raters import beside_raters, read_responses
    from sier_gui.core.nets.training.card import figures_section
    from sier_gui.core.nets.training.predictions import by_network

    tables = _tables(arguments)
    measured = recompute.measured(tables)
    value = measured.to_json()
    charts = recompute.write_charts(value, Path(arguments.out)) if arguments.out else []
    lines = figures_section(value)
    lines += [one.spoken() for one in measured.comparisons]
    if arguments.raters:
        found = beside_raters(read_responses(Path(arguments.raters)), by_network(tables))
        value["raters"] = [one.to_json() for one in found]
        lines += ["", *(one.spoken() for one in found)]
    return value, [*lines, *(f"written: {Path(arguments.out) / name}" for name in charts)]


def _tables(arguments: argparse.Namespace) -> list[Predictions]:
    """The predictions of all paths; several files without names of their own are told apart by theirs."""
    from sier_gui.core.nets.ablation import recompute
    from sier_gui.core.nets.training import predictions

    tables: list[Predictions] = []
    for path in map(Path, arguments.predictions):
        own = predictions.read(path)
        taken = {(table.network, table.seed) for table in tables}
        if any((table.network, table.seed) in taken for table in own):
            own = [replace(table, network=f"{path}: {table.network}") for table in own]
        tables += own
    if arguments.dataset:
        catalogue = open_catalogue(arguments)
        groups = recompute.groups_in(catalogue, arguments.groups)
        tables = predictions.grouped(tables, groups, catalogue.name)
    return tables


def _card(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from sier_gui.core.nets.ablation import recompute

    if len(arguments.predictions) != 1:
        raise SierError("--card takes one release.", "Give its folder.")
    groups = None
    if arguments.dataset:
        groups = recompute.groups_in(open_catalogue(arguments), arguments.groups)
    folder = Path(arguments.predictions[0])
    return recompute.rewrite_card(folder, groups), [f"written: {folder / 'CARD.md'}"]


def _curves(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """A panel for each network; its parts and seeds lie in folders beside each other."""
    from sier_gui.core.charts import save
    from sier_gui.core.nets.ablation.curves import curves, draw_curves
    from sier_gui.core.nets.training.history import read_history

    by_title: dict[str, list[Any]] = {}
    for file in map(Path, arguments.history):
        folder = file.resolve().parent
        # a training's fused-seed0-part1, an ablation's speech-only/seed0-part1
        title = re.sub(r"-?seed\d+.*", "", folder.name) or folder.parent.name
        by_title.setdefault(title, []).append(read_history(file))
    found = {title: curves(histories) for title, histories in by_title.items()}
    lines = [f"{title}: |accuracy − F1| {one['gap']:.3f}, κ {one['end']:.3f}" for title, one in found.items()]
    if arguments.out:
        target = Path(arguments.out) / "curves.svg"
        save(draw_curves(found), target, {"title": "F1 and κ over epochs"})
        lines.append(f"written: {target}")
    return {"curves": found}, lines
