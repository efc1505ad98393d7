"""Shapley values that refine until they are good enough, with standard errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sier_gui.core.errors import SierError
from sier_gui.core.explain.estimate import Estimate, by_modality, first_estimate, value_corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.shapley.grid import Grid
from sier_gui.core.explain.shapley.limits import Limits, relative_error

MOST_MASKS = 2048  # of one axis; solving for more takes longer than it is worth


def kriged_values(game: Game, *, separable: bool, seed: int, limits: Limits) -> Iterator[Estimate]:
    """Estimates from ever larger grids; the last is complete and says why it is the last.

    Raises
    ------
    SierError : the budget does not reach the masks that are valued in any case.
    """
    corners = value_corners(game)
    grid = Grid(game, corners, separable, seed)
    if grid.passes > limits.budget:
        players = sum(axis.players for axis in grid.axes)
        raise SierError(
            f"{limits.budget} evaluations are too few for {players} players.", f"Use at least {grid.passes}."
        )
    yield first_estimate(game, corners)
    grid.fill()
    explained = int(corners.f_all.argmax())
    while True:
        values, stderr, due = grid.estimated()
        error = relative_error(values[:, explained], stderr[:, explained])
        note = limits.reached(grid.passes, error)
        if grid.complete:
            note = "every coalition is valued"
        number = neediest(grid, [float(one[explained]) for one in due])
        if number is None:
            note = note or f"the estimate takes no more than {MOST_MASKS} masks"
        yield Estimate(
            by_modality(game, values),
            corners,
            grid.values[..., 0].size,
            complete=bool(note),
            stderr=None if grid.complete else by_modality(game, stderr),
            note=note,
        )
        if note or number is None:
            return
        grid.grow(number, limits.wanted(grid.passes, error), limits.affordable(grid.passes))


def neediest(grid: Grid, due: Sequence[float]) -> int | None:
    """The axis to grow: a pass takes most off where most variance is due to the fewest masks."""
    open_ = [
        number for number, axis in enumerate(grid.axes) if not axis.complete and len(axis.masks) < MOST_MASKS
    ]
    return max(open_, key=lambda number: due[number] / len(grid.axes[number].masks), default=None)
