"""Deletion and insertion: how fast does the prediction go, or come, when players leave in a map's order?

Petsiuk, Das and Saenko 2018 (RISE, arXiv:1806.07421, §4.2), with players in the place of pixels and the
request's absence in the place of a grey or blurred canvas. A true map lets the value drop at once when its
first players go (small area under deletion), and rise at once when they come (large area under insertion).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.players import Ints
from sier_gui.core.explain.truth.case import BOTH, PlayerMap, flat


@dataclass(frozen=True, slots=True)
class Curves:
    """The class's value after 0, 1, … players left (``deletion``) or came (``insertion``): (steps + 1,)."""

    deletion: Floats
    insertion: Floats

    @property
    def deletion_area(self) -> float:
        """Area under the curve over the share of players gone, 0 to 1; small is good."""
        return _area(self.deletion)

    @property
    def insertion_area(self) -> float:
        """Area under the curve over the share of players there, 0 to 1; large is good."""
        return _area(self.insertion)

    @property
    def faithfulness(self) -> float:
        """Insertion area − deletion area: 0 is expected of a map that says nothing about an additive game."""
        return self.insertion_area - self.deletion_area


def _area(curve: Floats) -> float:
    """Trapezoids over [0, 1], in the value's own unit."""
    return float(((curve[1:] + curve[:-1]) / 2).mean())


def curves(
    game: Game, target: int, maps: Mapping[str, PlayerMap], rng: np.random.Generator
) -> dict[str, dict[str, Curves]]:
    """Curves of many maps of one sample: by name, then by scope ("both", "image", "speech").

    Players go in signed order, the largest value first; equal ones in an order that ``rng`` draws. In the
    scope of one modality the others stay present. All maps are asked about in one question to the game. A
    coalition that several of them meet occurs in it once, and so does a modality's mask: the two scopes
    that a modality takes part in need the same ones.

    Parameters
    ----------
    target : number of the class whose value is followed.
    maps : in the layout of the game's players.
    """
    sweeps: list[Bools] = []
    for values in maps.values():
        order = _order(flat(values), rng)
        for members in _scopes(game).values():
            sweeps += _sweeps(order, members)
    found = np.split(_valued(game, np.concatenate(sweeps), target), np.cumsum([len(s) for s in sweeps])[:-1])
    pairs = iter(zip(found[::2], found[1::2], strict=True))
    return {name: {scope: Curves(*next(pairs)) for scope in _scopes(game)} for name in maps}


def _scopes(game: Game) -> dict[str, Bools]:
    """Which of all players leave and come: (players,) by scope."""
    counts = {m: masks.shape[1] for m, masks in game.corners.items()}
    of = np.repeat(np.arange(len(counts)), list(counts.values()))
    return {BOTH: np.ones(len(of), bool), **{str(m): of == i for i, m in enumerate(counts)}}


def _order(values: Floats, rng: np.random.Generator) -> Ints:
    """Player numbers, most important first."""
    return np.lexsort((rng.random(len(values)), -values))


def _sweeps(order: Ints, members: Bools) -> Sequence[Bools]:
    """Deletion and insertion of ``members`` in ``order``: two (steps + 1, players), others always present."""
    leaving = order[members[order]]
    rank = np.full(len(order), len(order))
    rank[leaving] = np.arange(len(leaving))
    steps = np.arange(len(leaving) + 1)[:, None]
    return (rank >= steps) | ~members, (rank < steps) | ~members


def _valued(game: Game, present: Bools, target: int) -> Floats:
    """Joint coalitions (n, players) → (n,), each distinct one asked for once."""
    ends = np.cumsum([masks.shape[1] for masks in game.corners.values()])[:-1]
    masks: dict[Modality, Bools] = {}
    rows: list[Ints] = []
    for m, part in zip(game.corners, np.split(present, ends, axis=1), strict=True):
        masks[m], row = _distinct(part)
        rows.append(row)
    pairs, place = _distinct(np.stack(rows, axis=1))
    index = {m: np.ascontiguousarray(pairs[:, axis]) for axis, m in enumerate(masks)}
    return game.values(masks, index)[place, target]


def _distinct(rows: NDArray) -> tuple[NDArray, Ints]:
    """The distinct rows of (n, k), and which of them each one is: (n,)."""
    found, place = np.unique(rows, axis=0, return_inverse=True)
    return found, place.reshape(-1)
