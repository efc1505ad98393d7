"""``sier-gui ablate`` and ``sier-gui metrics``: Table 2 on a dataset, and figures from kept predictions."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, open_catalogue, say, terminal_report

if TYPE_CHECKING:
    from sier_gui.core.nets.training.config import TrainingConfig

SPLITS = ("holdout", "folds", "loso")


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
    from sier_gui.core.errors import SierError
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
