"""The value of coalitions: a network asked with some players removed (explain.md §1, §2.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import FloatArray, Modality
from sier_gui.core.explain.attribution import FLOAT32, Floats
from sier_gui.core.explain.cost import Batching, Cost, counted
from sier_gui.core.explain.kept import KeptEmbeddings
from sier_gui.core.explain.patterns import Bools
from sier_gui.core.explain.players import Ints, Players
from sier_gui.core.explain.precision import products
from sier_gui.core.explain.prefix import HasPrefix, PrefixTables
from sier_gui.core.nets.networks import FusesGrids

if TYPE_CHECKING:
    from torch import Tensor

    from sier_gui.core.nets.networks import Network


PAIRS_PER_FUSE = 256
PAIRS_PER_GRID = 4096
# A pattern costs the first layers only, and whoever wanted so many masks wants four times as many next.
PATTERNS_PER_MASK = 4


class Game(Protocol):
    """A cooperative game over the players of several modalities, for all classes at once.

    A coalition is one mask per modality. ``values`` is given distinct masks and which of them meet:
    coalition j consists of ``masks[m][index[m][j]]`` for each m.
    """

    @property
    def shapes(self) -> Mapping[Modality, tuple[int, ...]]:
        """The players' layout; its product is their number."""
        ...

    @property
    def corners(self) -> Mapping[Modality, Bools]:
        """(2, players): nobody, everybody. Always the same arrays, so that a game may keep their answers."""
        ...

    def values(self, masks: Mapping[Modality, Bools], index: Mapping[Modality, Ints]) -> Floats:
        """Masks (k_m, players of m) with True for present, indices (n,) → (n, C) float64."""
        ...


def corners_of(shapes: Mapping[Modality, tuple[int, ...]]) -> dict[Modality, Bools]:
    """Nobody and everybody: (2, players) for each modality."""
    return {m: np.repeat([[False], [True]], np.prod(shape), axis=1) for m, shape in shapes.items()}


class NetworkGame:
    """A network's probabilities (or logits) with absent players replaced by their stand-ins.

    A separable network embeds each distinct mask once, K + L passes for K·L joint values, and fuses only
    the pairs asked for. Any other network (a black box, or one that mixes early) is asked for each pair.

    Parameters
    ----------
    network : see `core.nets.networks.Network`.
    tensors, absent : what the network sees, and what stands in for it, (channels, height, width) each.
    value : "probability" or "logit".
    batch : inputs per pass; None chooses from the network's multiplications.
    after_batch : told the number of inputs that just went through; may raise `Cancelled`.
    precision : of a GPU's products, see `precision`.
    """

    def __init__(
        self,
        network: Network,
        tensors: Mapping[Modality, FloatArray],
        absent: Mapping[Modality, FloatArray],
        players: Players,
        *,
        value: str = "probability",
        batch: int | None = None,
        after_batch: Callable[[int], None] = lambda _count: None,
        precision: str = FLOAT32,
    ) -> None:
        import torch

        parameter = next(iter(network.module.parameters()), torch.zeros(()))
        self.device, self.dtype = parameter.device, parameter.dtype
        self.network, self.value, self.batch, self.precision = network, value, batch, precision
        self.shapes, self.corners = players.shapes, corners_of(players.shapes)
        self.passes = 0  # inputs that went through the network's expensive part
        self._after_batch = after_batch
        self._present = {m: self._tensor(x) for m, x in tensors.items()}
        self._absent = {m: self._tensor(x) for m, x in absent.items()}
        self._maps = {m: torch.from_numpy(owners).to(self.device) for m, owners in players.maps.items()}
        self._corner_embeddings: dict[Modality, Tensor] = {}
        self._kept = {m: KeptEmbeddings() for m in players.shapes}
        self._batching = Batching(self.device)
        self._costs: dict[Modality, Cost] = {}
        self._asked: dict[Modality, int] = {}
        self._tables: dict[Modality, PrefixTables | None] = {}
        self._joint_cost: Cost | None = None

    def values(self, masks: Mapping[Modality, Bools], index: Mapping[Modality, Ints]) -> Floats:
        import torch

        with torch.inference_mode(), products(self.precision, self.device):
            separable = self.network.separable
            ask = self._factorised if separable else self._joint
            return self._valued(self._batching.within_memory(lambda: ask(masks, index)))

    def grid(self, masks: Mapping[Modality, Bools]) -> Floats:
        """Every mask with every mask of each other modality: (k of the first, k of the second, …, C)."""
        import torch

        counts = [len(given) for given in masks.values()]
        if not (self.network.separable and isinstance(self.network, FusesGrids) and len(masks) == 2):
            places = np.indices(counts).reshape(len(counts), -1)
            return self.values(masks, dict(zip(masks, places, strict=True))).reshape(*counts, -1)
        with torch.inference_mode(), products(self.precision, self.device):
            embeddings = {m: self._known(m, given) for m, given in masks.items()}
            images, speech = embeddings[Modality.IMAGE], embeddings[Modality.SPEECH]
            fused, at_once = [], max(PAIRS_PER_GRID // len(speech), 1)
            for k in range(0, len(images), at_once):
                fused.append(self.network.fuse_grid(images[k : k + at_once], speech))
                self._after_batch(0)
            values = self._valued(torch.cat(fused))
            return values if tuple(masks) == (Modality.IMAGE, Modality.SPEECH) else values.swapaxes(0, 1)

    def _known(self, modality: Modality, masks: Bools) -> Tensor:
        """(k, D). Grids grow: a mask that was asked for before costs no pass."""

        def compute(new: Bools) -> Tensor:
            return self._batching.within_memory(lambda: self._embedded(modality, new))

        return self._kept[modality].embedded(masks, compute)

    def _valued(self, logits: Tensor) -> Floats:
        """Logits (…, C) → what the game is worth."""
        values = logits.double()
        return (values.softmax(-1) if self.value == "probability" else values).cpu().numpy()

    def _factorised(self, masks: Mapping[Modality, Bools], index: Mapping[Modality, Ints]) -> Tensor:
        import torch

        embeddings = {m: self._known(m, given) for m, given in masks.items()}
        places = {m: torch.from_numpy(i).to(self.device) for m, i in index.items()}
        pairs = len(next(iter(index.values())))
        fused = []
        for start in range(0, pairs, PAIRS_PER_FUSE):
            part = slice(start, start + PAIRS_PER_FUSE)
            fused.append(self.network.fuse({m: e[places[m][part]] for m, e in embeddings.items()}))
            self._after_batch(0)
        return torch.cat(fused)

    def _embedded(self, modality: Modality, masks: Bools) -> Tensor:
        """(k, D)."""
        import torch

        nobody_everybody = self._corner(modality)
        if masks is self.corners[modality]:
            return nobody_everybody
        size = self.batch or self._batching.inputs(self._costs[modality])
        self._asked[modality] = self._asked.get(modality, 0) + len(masks)
        tables = self._ready_tables(modality, size)
        if tables is not None:
            return tables.embed(masks)
        embed = self._embed(modality)
        return torch.cat([self._one_batch(embed, masks[i : i + size]) for i in range(0, len(masks), size)])

    def _embed(self, modality: Modality) -> Callable[[Bools], Tensor]:
        return lambda masks: self.network.embed(modality, self._masked(modality, masks))

    def _ready_tables(self, modality: Modality, batch: int) -> PrefixTables | None:
        """Prefix tables, once they are worth their patterns; None before that."""
        tables = self._tables[modality]
        wanted = self._asked[modality] * PATTERNS_PER_MASK
        if tables is None or (not tables.built and wanted < tables.patterns):
            return None
        if not tables.built:
            if not tables.fits():
                self._tables[modality] = None
                return None
            for _ in tables.build(min(batch, self._batching.inputs(self._costs[modality]))):
                self._after_batch(0)
        return tables

    def _planned_tables(self, modality: Modality) -> PrefixTables | None:
        if not isinstance(self.network, HasPrefix):
            return None
        owners, shape = self._maps[modality].cpu().numpy(), self.shapes[modality]
        masked = partial(self._masked, modality)
        return PrefixTables(self.network, modality, owners, shape, masked, self._batching, self._count)

    def _count(self, passes: int) -> None:
        """Inputs that became embeddings, or results; 0 in between."""
        self.passes += passes
        self._after_batch(passes)

    def _corner(self, modality: Modality) -> Tensor:
        """(2, D): wanted again and again, so kept; the cost of computing it decides the size of batches."""
        import torch

        if modality not in self._corner_embeddings:
            tables = self._tables[modality] = self._planned_tables(modality)
            embed = self._embed(modality) if tables is None else tables.alone
            nobody, everybody = np.split(self.corners[modality], 2)
            # one by one: the widest networks take long enough for one, and cancel is asked for between
            corner, cost = counted(
                self.network.module, lambda: [self._one_batch(embed, mask) for mask in (nobody, everybody)]
            )
            self._corner_embeddings[modality] = torch.cat(corner)
            self._kept[modality].add(self.corners[modality], self._corner_embeddings[modality])
            self._costs[modality] = Cost(cost.macs / 2, cost.largest)
        return self._corner_embeddings[modality]

    def _joint(self, masks: Mapping[Modality, Bools], index: Mapping[Modality, Ints]) -> Tensor:
        import torch

        def forward(rows: Ints) -> Tensor:
            given = {m: self._masked(m, masks[m][index[m][rows]]) for m in masks}
            return self.network.forward(given[Modality.IMAGE], given[Modality.SPEECH])

        rows = np.arange(len(next(iter(index.values()))))
        if self._joint_cost is None:
            _, self._joint_cost = counted(self.network.module, lambda: forward(rows[:1]))
        size = self.batch or self._batching.inputs(self._joint_cost)
        return torch.cat([self._one_batch(forward, rows[i : i + size]) for i in range(0, len(rows), size)])

    def _one_batch(self, run: Callable[[NDArray], Tensor], part: NDArray) -> Tensor:
        result = run(part)
        self._count(len(part))
        return result

    def _masked(self, modality: Modality, masks: Bools) -> Tensor:
        """(b, players) → the input with the absent players replaced, (b, channels, height, width)."""
        import torch

        present = torch.from_numpy(masks).to(self.device)[:, None, self._maps[modality]]
        return torch.where(present, self._present[modality], self._absent[modality])

    def _tensor(self, array: FloatArray) -> Tensor:
        import torch

        return torch.from_numpy(np.array(array)).to(self.device, self.dtype)
