"""What every method yields, and the game of whole modalities that all of them start with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.explain.game import Game


@dataclass(frozen=True, slots=True)
class Estimate:
    """Values of the players so far: ``values`` and ``stderr`` (C, *layout), ``coarse`` in their layout."""

    values: Mapping[Modality, Floats]
    corners: Corners
    evaluations: int
    complete: bool
    stderr: Mapping[Modality, Floats] | None = None
    coarse: Mapping[Modality, Bools] | None = None  # players whose part is not divided yet
    note: str = ""  # why the last estimate is the last


@dataclass(frozen=True, slots=True)
class Corners:
    """Each modality wholly present or absent: ``table`` (2, …, 2, C), an axis per modality, 1 for present."""

    modalities: tuple[Modality, ...]
    table: Floats

    @property
    def f_none(self) -> Floats:
        return self.table[(0,) * len(self.modalities)]

    @property
    def f_all(self) -> Floats:
        return self.table[(1,) * len(self.modalities)]

    @property
    def evaluations(self) -> int:
        return int(2 ** len(self.modalities))

    @property
    def split(self) -> dict[Modality, Floats]:
        """Shapley values (C,) of modalities: for two ½[v(m) − v(∅)] + ½[v(all) − v(other)] (000 eq. 3)."""
        ends = {m: self.with_and_without(m) for m in self.modalities}
        return {m: present - absent for m, (absent, present) in ends.items()}

    def with_and_without(self, modality: Modality) -> tuple[Floats, Floats]:
        """Value of ``modality`` absent and present, averaged over the others' coalitions: (C,), (C,)."""
        axis = self.modalities.index(modality)
        without = np.take(self.table, 0, axis).reshape(-1, self.table.shape[-1])
        present = np.take(self.table, 1, axis).reshape(-1, self.table.shape[-1])
        weights = np.array([w for _, w in contexts(self.modalities, modality)])
        return weights @ without, weights @ present


def contexts(
    modalities: Sequence[Modality], modality: Modality
) -> Iterator[tuple[Mapping[Modality, int], float]]:
    """Each coalition of the other modalities (1 for present), with its Shapley weight |S|!(k−|S|−1)!/k!."""
    others = [m for m in modalities if m is not modality]
    k = len(modalities)
    for bits in product((0, 1), repeat=len(others)):
        size = sum(bits)
        weight = math.factorial(size) * math.factorial(k - size - 1) / math.factorial(k)
        yield dict(zip(others, bits, strict=True)), weight


def value_corners(game: Game) -> Corners:
    """Ask for the 2^k coalitions of whole modalities."""
    modalities = tuple(game.corners)
    bits = np.array(list(product((0, 1), repeat=len(modalities))), np.intp)
    index = {m: bits[:, axis] for axis, m in enumerate(modalities)}
    values = game.values(game.corners, index)
    return Corners(modalities, values.reshape((2,) * len(modalities) + (-1,)))


def first_estimate(game: Game, corners: Corners) -> Estimate:
    """A first picture: each modality's share, spread over its players."""
    values = {
        m: np.multiply.outer(split / math.prod(game.shapes[m]), np.ones(game.shapes[m]))
        for m, split in corners.split.items()
    }
    coarse = {m: np.ones(shape, bool) for m, shape in game.shapes.items()}
    return Estimate(values, corners, corners.evaluations, complete=False, coarse=coarse)


def by_modality(game: Game, flat: Floats) -> dict[Modality, Floats]:
    """(n, C) in the players' order → (C, *layout) for each modality."""
    values, first = {}, 0
    for modality, shape in game.shapes.items():
        values[modality] = flat[first : first + math.prod(shape)].T.reshape(-1, *shape)
        first += math.prod(shape)
    return values
