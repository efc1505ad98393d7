"""Shapley values of the flat game: exact where that was asked for and fits, else estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from sier_gui.core.domain import Modality
from sier_gui.core.explain.estimate import Estimate
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.shapley.estimator import kriged_values
from sier_gui.core.explain.shapley.exact import enumerated_values
from sier_gui.core.explain.shapley.limits import Limits
from sier_gui.core.explain.shapley.sampling import sampled_values

ENUMERATED = 8192  # passes that are spent on exact values where no budget is given
ESTIMATED = 1024  # and on estimates
MOST_PLAYERS = {True: 24, False: 20}  # of an enumeration, by separable: 2^24 pairs of heads take a minute
MOST_KRIGED = 320  # players; beyond, the estimator's own work outgrows the network's

Shapes = Mapping[Modality, Sequence[int]]


def enumerable(shapes: Shapes, separable: bool, budget: int | None) -> bool:
    """Whether all coalitions fit: passes of a separable network are 2^n_image + 2^n_speech, else 2^n."""
    counts = [prod(shape) for shape in shapes.values()]
    if sum(counts) > MOST_PLAYERS[separable]:
        return False
    return _all_passes(counts, separable) <= (budget or ENUMERATED)


def planned_passes(
    shapes: Shapes,
    separable: bool,
    budget: int | None,
    error: float | None = None,
    seconds: float | None = None,
) -> int:
    """Inputs through the network's expensive part, at most; about as many, where nothing stops it before."""
    if error is None and seconds is None and enumerable(shapes, separable, budget):
        return _all_passes([prod(shape) for shape in shapes.values()], separable)
    return budget or ESTIMATED


def shapley_values(
    game: Game,
    *,
    separable: bool,
    budget: int | None,
    seed: int,
    error: float | None = None,
    seconds: float | None = None,
) -> Iterator[Estimate]:
    """Ever better Shapley values; the last is complete and notes why it is the last.

    Exact where neither ``error`` nor ``seconds`` is given and every coalition fits the budget.

    Parameters
    ----------
    separable : whether K masks of one modality and L of the other cost K + L passes; else they cost K·L.
    budget : most inputs through the network's expensive part.
    error : stop once the estimated relative L2 error for the class predicted is as small.
    seconds : stop after so much wall time.

    Raises
    ------
    SierError : a budget too small for any estimate.
    """
    if error is None and seconds is None and enumerable(game.shapes, separable, budget):
        return enumerated_values(game, separable=separable)
    limits = Limits(budget or ESTIMATED, error, seconds)
    few = sum(prod(shape) for shape in game.shapes.values()) <= MOST_KRIGED
    estimate = kriged_values if few else sampled_values
    return estimate(game, separable=separable, seed=seed, limits=limits)


def _all_passes(counts: Sequence[int], separable: bool) -> int:
    return sum(2**n for n in counts) if separable else 2 ** sum(counts)
