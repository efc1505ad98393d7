"""How much a modality's degree depends on the grid: Σ|φ| grows with finer players (explain.md §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.survey.degree import Group, degree_table

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

GRIDS = ((2, 4), (4, 8), (4, 16), (8, 16))
Surveyed = Callable[[ExplainRequest, Sequence[int]], Path]


@dataclass(frozen=True, slots=True)
class GridShares:
    """The shares over the same samples where the image has ``grid``² players and the speech ``segments``."""

    grid: int
    segments: int
    group: Group

    def to_json(self) -> dict[str, Any]:
        return {"grid": self.grid, "segments": self.segments} | self.group.to_json()


def parse_grids(text: str) -> tuple[tuple[int, int], ...]:
    """ "4+16,8+16" → ((4, 16), (8, 16)).

    Raises
    ------
    SierError : it is no such list.
    """
    parts = [re.fullmatch(r"\s*(\d+)\s*\+\s*(\d+)\s*", part, re.ASCII) for part in text.split(",")]
    if not all(parts):
        raise SierError(
            f"{text!r} is no list of grids.", "Write patches a side + speech segments, as 4+16,8+16."
        )
    return tuple((int(part[1]), int(part[2])) for part in parts if part)


def spread_rows(catalogue: Catalogue, count: int) -> list[int]:
    """``count`` rows at even distances, so that a dataset sorted by class gives some of each."""
    n = len(catalogue)
    return np.unique(np.linspace(0, n - 1, min(count, n)).round().astype(int)).tolist()


def sensitivity(
    request: ExplainRequest, grids: Sequence[tuple[int, int]], rows: Sequence[int], surveyed: Surveyed
) -> list[GridShares]:
    """The dataset's shares for each of ``grids`` (patches a side, segments), over the same ``rows``.

    Parameters
    ----------
    surveyed : makes sure that a request is surveyed for these rows, and says in which folder.
    """
    found = []
    for grid, segments in grids:
        folder = surveyed(replace(request, grid=grid, segments=segments), rows)
        found.append(GridShares(grid, segments, degree_table(folder, rows=rows).dataset.all))
    return found
