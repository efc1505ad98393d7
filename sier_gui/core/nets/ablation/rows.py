"""The rows of an ablation: ParallelNet's family, and what the papers compare in passing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sier_gui.core.errors import SierError
from sier_gui.core.nets.family import FAMILY, TABLE_2, Member
from sier_gui.core.nets.networks import NetworkConfig
from sier_gui.core.nets.parallelnet import OPTIONS
from sier_gui.core.nets.training.config import TrainingConfig

PROPOSED = "parallelnet"
ROWS: Mapping[str, Member] = {
    **FAMILY,
    "addition": Member("ParallelNet, F_mul by addition (§3.2.1)", {"fusion_op": "sum"}),
}
SETS: Mapping[str, tuple[str, ...]] = {
    "table2": tuple(TABLE_2),
    "trunks": (*(name for name in FAMILY if name not in TABLE_2), "baseline-3", PROPOSED),
    "all": tuple(ROWS),
}


def chosen_rows(text: str) -> tuple[str, ...]:
    """Names and sets (`SETS`), separated by commas; in the order of `ROWS`, each once.

    Raises
    ------
    SierError : an unknown name.
    """
    wanted: set[str] = set()
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name not in ROWS and name not in SETS:
            raise SierError(f"There is no row {name!r}.", f"Known: {', '.join((*SETS, *ROWS))}.")
        wanted |= set(SETS.get(name, (name,)))
    if not wanted:
        raise SierError("No row was named.", f"Known: {', '.join((*SETS, *ROWS))}.")
    return tuple(name for name in ROWS if name in wanted)


def row_config(
    base: TrainingConfig, name: str, classes: tuple[str, ...], width: float | None
) -> TrainingConfig:
    """``base`` with the row's network, at ``width`` where given; its own width and dropout stay otherwise.

    Published weights stay where they are the row's trunk's, at full width; all else starts at random.
    """
    own = base.network
    width = float(own.get("width", 1.0)) if width is None else width
    network = {**OPTIONS, "dropout": float(own.get("dropout", 0.0)), **ROWS[name].options}
    table = NetworkConfig("parallelnet", classes, width, network).to_table()
    trunks = {f"{stream}_trunk": network[f"{stream}_trunk"] for stream in network["streams"]}
    init = {
        part: weights for part, weights in base.init.items() if width == 1 and trunks.get(part) == weights
    }
    run = replace(base.run, streams=tuple(network["streams"]), alone=False)
    return replace(base, network=table, init=init, run=run)
