"""Figures again from kept predictions: nothing is trained, nothing is taken from the card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.nets.ablation.rows import PROPOSED
from sier_gui.core.nets.ablation.significance import Comparison, compare
from sier_gui.core.nets.release_files import CARD, write_sums
from sier_gui.core.nets.training.card import figures_section, with_figures
from sier_gui.core.nets.training.card_charts import card_charts
from sier_gui.core.nets.training.metrics import figures_of
from sier_gui.core.nets.training.predictions import Predictions, by_network, grouped, read

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

METRICS = "metrics.json"


def groups_in(catalogue: Catalogue, column: str) -> dict[str, str]:
    """Sample id → what ``column`` says of it.

    Raises
    ------
    SierError : the dataset has no such column.
    """
    if column not in catalogue.columns:
        raise SierError(
            f"{catalogue.name} has no column {column!r}.", f"It has {', '.join(catalogue.columns)}."
        )
    return dict(zip(catalogue.column("sample_id").tolist(), map(str, catalogue.column(column)), strict=True))


@dataclass(frozen=True)
class Measured:
    """``networks`` as metrics.json has them; ``comparisons``: one of them against those on its samples."""

    classes: tuple[str, ...]
    samples: int
    networks: dict[str, Any]
    comparisons: tuple[Comparison, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "classes": list(self.classes),
            "samples": self.samples,
            "networks": self.networks,
            "comparisons": [one.to_json() for one in self.comparisons],
        }


def measured(tables: Sequence[Predictions]) -> Measured:
    """Figures of every network in ``tables``; the proposed one, else the first, against all others that were
    tested on the same samples.
    """
    networks = by_network(tables)
    first = PROPOSED if PROPOSED in networks else next(iter(networks))
    runs = networks[first]
    own = set(runs[0].sample_ids)
    fit = [(name, one) for name, one in networks.items() if name != first and set(one[0].sample_ids) == own]
    return Measured(
        runs[0].classes,
        len(runs[0]),
        {name: figures_of(found) for name, found in networks.items()},
        tuple(compare((first, runs), fit)) if fit else (),
    )


def write_charts(metrics: Mapping[str, Any], out: Path) -> list[str]:
    """Confusion, reliability and F1 by class as SVG into ``out``; their names."""
    charts = card_charts(metrics, {"samples": metrics["samples"]})
    for name, content in charts.items():
        paths.write_bytes(out / name, content)
    return list(charts)


def rewrite_card(folder: Path, groups: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The figures of the release in ``folder`` from its predictions: card, metrics.json and charts.

    ``groups``: sample id → speaker, for the intervals; else each part of the split is one.

    Raises
    ------
    SierError : it holds no release with predictions.
    """
    file, card = folder / METRICS, folder / CARD
    if not file.is_file() or not card.is_file():
        raise SierError(f"{folder} is no release with {METRICS} and {CARD}.", "Give a release's folder.")
    tables = read(folder)
    if groups is not None:
        tables = grouped(tables, groups, "The dataset")
    before = json.loads(file.read_text(encoding="utf-8"))
    found = measured(tables).to_json()
    metrics = {**before, **{key: found[key] for key in ("networks", "comparisons")}}
    charts = write_charts(metrics, folder)
    text = with_figures(card.read_text(encoding="utf-8"), figures_section(metrics, charts))
    paths.write_bytes(card, text.encode())
    paths.write_json(file, metrics)
    write_sums(folder)
    return metrics
