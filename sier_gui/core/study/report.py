"""A study's whole report: Table 1, what it rests on and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sier_gui.core.study.checks import Flag, Printed, check_printed
from sier_gui.core.study.records import Modality, Response
from sier_gui.core.study.responses import columns_of
from sier_gui.core.study.rounding import as_number, percent
from sier_gui.core.study.table import Cell, Figure, Overall, Table, make_table

HEADS = dict(zip(Modality, ("A_i", "A_ss", "A_hs", "A_ss-i", "A_hs-i"), strict=True))  # the paper's


@dataclass(frozen=True, slots=True)
class StudyReport:
    """Everything `study report` says."""

    table: Table
    flags: tuple[Flag, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui study report`` prints it; percentages rounded half up to two decimals."""
        return {"schema": 1, **table_json(self.table), "flags": [flag.as_json() for flag in self.flags]}


def make_report(responses: Iterable[Response], shares: Mapping[str, float] | None = None) -> StudyReport:
    """Report of all counted responses."""
    table = make_table(columns_of(responses), shares)
    return StudyReport(table, tuple(check_printed(printed(table))))


def printed(table: Table) -> Printed:
    """The table as it will be read, so that it passes the checks which published ones pass."""
    return Printed(
        table.classes,
        table.modalities,
        {place: percent(cell.share) for place, cell in table.cells.items()},
        {modality: percent(overall.mean.share) for modality, overall in table.overall.items()},
        {},
        {place: cell.n for place, cell in table.cells.items()},
    )


def table_json(table: Table) -> dict[str, Any]:
    return {
        "cells": [_cell(cell) for cell in table.cells.values()],
        "overall": [_overall(overall) for overall in table.overall.values()],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "class": cell.label,
        "modality": str(cell.modality),
        "percent": as_number(cell.share),
        "n": cell.n,
        "sd": as_number(cell.sd),
        "low": as_number(cell.low),
        "high": as_number(cell.high),
        "hits": cell.hits,
        "raters": cell.raters,
        "items": cell.items,
        "wilson": _pair(cell.wilson),
    }


def _overall(overall: Overall) -> dict[str, Any]:
    mean = overall.mean
    return {
        "modality": str(overall.modality),
        "percent": as_number(mean.share),
        "n": overall.n,
        "sd": as_number(overall.sd),
        "low": as_number(mean.low),
        "high": as_number(mean.high),
        "unrounded": as_number(mean.share, 4),
        "hits": overall.hits,
        "raters": overall.raters,
        "wilson": _pair(overall.wilson),
        "pooled": _figure(overall.pooled),
        "weighted": None if overall.weighted is None else _figure(overall.weighted),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "percent": as_number(figure.share),
        "low": as_number(figure.low),
        "high": as_number(figure.high),
    }


def _pair(ends: tuple[float, float]) -> list[float | None]:
    return [as_number(end) for end in ends]
