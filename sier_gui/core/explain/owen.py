"""Exact Owen values by halving: divide and conquer as the papers draw it, read correctly (docs/explain.md).

The root is the game of whole modalities. Below it each modality's players are halved, the longer side
first. A part P with halves L and R in context C (players outside P that are present) has

    value(P) = mean over contexts C of v(C ∪ P) − v(C),

and L meets each C and each C ∪ R, R each C and each C ∪ L: halves sum to their part exactly. Splitting P
asks for two new masks per context, C ∪ L and C ∪ R; no mask is asked for twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import Bools, Floats
from sier_gui.core.explain.estimate import Corners, Estimate, contexts, value_corners
from sier_gui.core.explain.game import Game
from sier_gui.core.explain.players import Ints

Bits = NDArray[np.uint8]
Box = tuple[tuple[int, int], ...]  # start and stop along each axis of the players' layout
MASKS_PER_STEP = 512  # a picture is refined after about so many new masks


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the tree: ``without`` and ``present`` (contexts,) are rows of its modality's table."""

    box: Box
    without: Ints
    present: Ints
    value: Floats  # (C,)


def halves(box: Box) -> tuple[Box, Box] | None:
    """The two halves along the longer side (the first, where equal); None for a single player."""
    sides = [stop - start for start, stop in box]
    axis = sides.index(max(sides))
    start, stop = box[axis]
    if stop - start < 2:
        return None
    middle = start + (stop - start + 1) // 2
    return (
        (*box[:axis], (start, middle), *box[axis + 1 :]),
        (*box[:axis], (middle, stop), *box[axis + 1 :]),
    )


def cells(box: Box) -> tuple[slice, ...]:
    """The box as an index into the players' layout."""
    return tuple(slice(start, stop) for start, stop in box)


def whole(shape: Sequence[int]) -> Box:
    return tuple((0, side) for side in shape)


def mask_count(shape: Sequence[int]) -> int:
    """Distinct masks of one modality. For 2^k players M(n) = 4·M(n/2) − 4: 2,732 for 8×8, 172 for 16."""

    def below(box: Box, depth: int) -> int:
        pair = halves(box)
        return 0 if pair is None else 2 * 2**depth + sum(below(half, depth + 1) for half in pair)

    return 2 + below(whole(shape), 0)


def evaluation_count(shapes: Mapping[Modality, Sequence[int]]) -> int:
    """Distinct coalitions: each mask meets every corner of the other modalities; corners are shared."""
    others = 2 ** (len(shapes) - 1)
    return 2 * others + sum((mask_count(shape) - 2) * others for shape in shapes.values())


def pass_count(shapes: Mapping[Modality, Sequence[int]], separable: bool) -> int:
    """Inputs through the network's expensive part."""
    return sum(map(mask_count, shapes.values())) if separable else evaluation_count(shapes)


class Branch:
    """One modality's tree, cut where it has been refined so far.

    ``masks`` (k, bytes) and ``table`` (k, C) fill up together: a mask has a bit per player (grids of 32 would
    else take 700 MB), its value is averaged over the other modalities' corners with Shapley weights.
    """

    def __init__(self, game: Game, modality: Modality, corners: Corners) -> None:
        self._game, self._modality = game, modality
        self.shape = game.shapes[modality]
        k = mask_count(self.shape)
        self._masks = np.empty((k, -(-prod(self.shape) // 8)), np.uint8)
        self._table = np.empty((k, len(corners.f_none)))
        self._masks[:2] = np.packbits(game.corners[modality], axis=1)
        self._table[:2] = corners.with_and_without(modality)
        self._filled = 2
        none, everybody = np.array([0]), np.array([1])
        self.parts = [Part(whole(self.shape), none, everybody, self._table[1] - self._table[0])]
        self.evaluations = 0

    def refine(self) -> Iterator[None]:
        """Go one level down, the heaviest steps first; yields after each.

        Which parts are divided together depends on their places alone: neighbours in the tree, whose masks
        look alike from more places than those of parts far apart, and the same for every sample (`plans`).
        """
        steps: list[list[Part]] = []
        for part in (p for p in self.parts if halves(p.box)):
            if not steps or 2 * sum(len(p.without) for p in steps[-1]) >= MASKS_PER_STEP:
                steps.append([])
            steps[-1].append(part)
        for step in sorted(steps, key=lambda step: -max(map(_weight, step))):
            self._split(step)
            yield

    def values(self) -> Floats:
        """(C, *shape): each part's value spread evenly over its players."""
        spread = np.empty((self._table.shape[1], *self.shape))
        for part in self.parts:
            size = prod(stop - start for start, stop in part.box)
            spread[(slice(None), *cells(part.box))] = (part.value / size).reshape(-1, *(1 for _ in part.box))
        return spread

    def coarse(self) -> Bools:
        """True for the players of parts that can still be divided."""
        found = np.zeros(self.shape, bool)
        for part in self.parts:
            found[cells(part.box)] = halves(part.box) is not None
        return found

    def _split(self, parts: list[Part]) -> None:
        pairs = [pair for part in parts if (pair := halves(part.box)) is not None]
        fresh = [
            self._masks[part.without] | self._members(half)
            for part, pair in zip(parts, pairs, strict=True)
            for half in pair
        ]
        row = self._filled
        self._evaluate(np.concatenate(fresh))
        children: dict[int, list[Part]] = {}
        for part, (left, right) in zip(parts, pairs, strict=True):
            n = len(part.without)
            with_left, with_right = row + np.arange(n), row + n + np.arange(n)
            row += 2 * n
            children[id(part)] = [
                self._part(left, (part.without, with_right), (with_left, part.present)),
                self._part(right, (part.without, with_left), (with_right, part.present)),
            ]
        self.parts = [child for part in self.parts for child in children.get(id(part), [part])]

    def _part(self, box: Box, without: tuple[Ints, Ints], present: tuple[Ints, Ints]) -> Part:
        low, high = np.concatenate(without), np.concatenate(present)
        return Part(box, low, high, (self._table[high] - self._table[low]).mean(axis=0))

    def _members(self, box: Box) -> Bits:
        members = np.zeros(self.shape, bool)
        members[cells(box)] = True
        return np.packbits(members)

    def _evaluate(self, packed: Bits) -> None:
        """Value the new masks together with every corner of the other modalities."""
        around = list(contexts(tuple(self._game.corners), self._modality))
        fresh = np.unpackbits(packed, axis=1, count=prod(self.shape)).view(bool)
        n = len(fresh)
        index = {self._modality: np.tile(np.arange(n), len(around))}
        for other in self._game.corners:
            if other is not self._modality:
                index[other] = np.repeat([corner[other] for corner, _ in around], n)
        values = self._game.values({**self._game.corners, self._modality: fresh}, index)
        weights = np.array([weight for _, weight in around])
        rows = slice(self._filled, self._filled + n)
        self._masks[rows] = packed
        self._table[rows] = np.tensordot(weights, values.reshape(len(around), n, -1), 1)
        self._filled += n
        self.evaluations += n * len(around)


def _weight(part: Part) -> float:
    return float(np.abs(part.value).max())


def owen_values(game: Game) -> Iterator[Estimate]:
    """Breadth first: the modality split at once, then ever finer parts; the last estimate is complete.

    Each estimate holds the exact Owen values of the tree cut where it stands.
    """
    corners = value_corners(game)
    branches = {m: Branch(game, m, corners) for m in game.corners}

    def estimate() -> Estimate:
        coarse = {m: branch.coarse() for m, branch in branches.items()}
        divisible = any(c.any() for c in coarse.values())
        return Estimate(
            values={m: branch.values() for m, branch in branches.items()},
            corners=corners,
            evaluations=corners.evaluations + sum(branch.evaluations for branch in branches.values()),
            complete=not divisible,
            coarse=coarse if divisible else None,
        )

    latest = estimate()
    yield latest
    while not latest.complete:
        for branch in branches.values():
            for _ in branch.refine():
                latest = estimate()
                yield latest
