"""The network's own row of Table 1: its answers to the same items, per modality (000 §5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from sier_gui.core.errors import SierError
from sier_gui.core.study.checks import Flag
from sier_gui.core.study.records import Modality
from sier_gui.core.study.responses import Answers, read_csv
from sier_gui.core.study.rounding import as_number

# (sample id, modality) → its classes: one, or one for each reader's take
NetworkAnswers = Mapping[tuple[str, Modality], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Learnt:
    """Which samples a network has learnt from; ``samples`` None where that is not known, and ``why``."""

    samples: frozenset[str] | None = None
    why: str = "its answers are a file's"

    def flags(self, answers: Answers, name: str) -> Iterator[Flag]:
        """Beside the network's row: how many of the table's items it knew, or that nobody knows."""
        if self.samples is None:
            yield Flag("network", f"Whether {name} was trained on these items is unknown: {self.why}.")
        elif known := len(self.samples & set(answers.items)):
            yield Flag(
                "network",
                f"{name} was trained on {known} of the {len(answers.items)} items: "
                "on them its row is in-sample.",
            )


UNKNOWN = Learnt()


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """``share``: mean of classes over ``items``, those of the table's ``of`` items that the network answered.

    An item said by several readers counts by the share of its takes.
    """

    name: str
    share: Mapping[Modality, Fraction]
    cells: Mapping[tuple[str, Modality], Fraction]
    items: Mapping[Modality, int]
    of: Mapping[Modality, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "overall": [
                {
                    "modality": str(modality),
                    "percent": as_number(share),
                    "items": self.items[modality],
                    "of": self.of[modality],
                }
                for modality, share in self.share.items()
            ],
            "cells": [
                {"class": label, "modality": str(modality), "percent": as_number(share)}
                for (label, modality), share in self.cells.items()
            ],
        }


def network_row(answers: Answers, network: NetworkAnswers, name: str) -> NetworkRow:
    """The network's agreement with the labels of the items that ``answers`` are about."""
    share: dict[Modality, Fraction] = {}
    cells: dict[tuple[str, Modality], Fraction] = {}
    items: dict[Modality, int] = {}
    of: dict[Modality, int] = {}
    for modality in answers.modalities:
        column = answers.of(modality)
        first = np.unique(column.item, return_index=True)[1]
        of[modality] = len(first)
        hits: dict[str, list[Fraction]] = {}
        for item, label in zip(column.item[first], column.label[first], strict=True):
            own, true = network.get((answers.items[item], modality), ()), answers.classes[label]
            if own:
                hits.setdefault(true, []).append(Fraction(own.count(true), len(own)))
        items[modality] = sum(map(len, hits.values()))
        here = {label: sum(found, Fraction(0)) / len(found) for label, found in hits.items()}
        cells |= {(label, modality): value for label, value in here.items()}
        if here:
            share[modality] = sum(here.values(), Fraction(0)) / len(here)
    return NetworkRow(name, share, cells, items, of)


def read_network(file: Path) -> NetworkAnswers:
    """A network's answers: CSV with ``sample_id,modality,answer``; several rows where it heard several takes.

    Raises
    ------
    SierError : unreadable, a column missing, or an unknown modality (row named).
    """
    found: dict[tuple[str, Modality], tuple[str, ...]] = {}
    for number, row in enumerate(read_csv(file, ("sample_id", "modality", "answer")), 2):
        try:
            modality = Modality(row["modality"])
        except ValueError as error:
            raise SierError(
                f"{file}, row {number}: {row['modality']!r} is no modality.", f"Use {', '.join(Modality)}."
            ) from error
        key = row["sample_id"], modality
        found[key] = (*found.get(key, ()), row["answer"])
    return found
