"""A report as JSON, as ``sier-gui study report`` prints it; percentages rounded half up to two decimals."""

from __future__ import annotations

from typing import Any

from sier_gui.core.study.agreement import Agreement
from sier_gui.core.study.report import ASSUMPTIONS, StudyReport, design_of
from sier_gui.core.study.rounding import as_number
from sier_gui.core.study.table import Cell, Figure, Overall, Table


def report_json(report: StudyReport) -> dict[str, Any]:
    """``{schema, cells, overall, flags, …}``; what was not computed is null, its reason in ``missing``."""
    return {
        "schema": 1,
        "measure": ASSUMPTIONS["percent"],
        **table_json(report.table),
        "flags": [flag.as_json() for flag in report.flags],
        "network": None if report.network is None else report.network.to_json(),
        "excluded": dict(report.excluded),
        "everyone": None if report.everyone is None else table_json(report.everyone),
        "modalities": [_modality(report, modality) for modality in report.table.modalities],
        "tests": _tests(report),
        "icc": {"rater": round(report.icc[0], 4), "item": round(report.icc[1], 4)},
        "planning": report.plan.to_json(),
        "missing": dict(report.missing),
        "assumptions": ASSUMPTIONS,
        "design": design_of(report),
    }


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


def _modality(report: StudyReport, modality: Any) -> dict[str, Any]:
    """Agreement, confusion matrix, unbiased hit rates and response times of one column."""
    classes = list(report.answers.classes)
    rates = report.hit_rates(modality)
    times = report.times_ms.get(modality)
    return {
        "modality": str(modality),
        "agreement": _agreement(report.agreement[modality]),
        "classes": classes,
        "confusion": report.confusion[modality].tolist(),
        "unbiased_hit_rate": dict(zip(classes, map(_rounded, rates), strict=True)),
        "rt_ms": None if times is None else dict(zip(("q1", "median", "q3"), times, strict=True)),
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "alpha": _rounded(found.alpha),
        "ac1": _rounded(found.ac1),
        "kappa": _rounded(found.kappa),
        "items": found.items,
        "raters": found.raters,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _tests(report: StudyReport) -> dict[str, Any]:
    tests = {name: getattr(report, name) for name in ("randomisation", "gee", "bayesian", "paired")}
    return {
        "differences": [difference.to_json() for difference in report.differences],
        **{name: None if test is None else test.to_json() for name, test in tests.items()},
    }
