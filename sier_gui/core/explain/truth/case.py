"""What is judged: one class of one sample, with who plays and what stands in for the absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sier_gui.core.domain import FloatArray, Modality, SampleInputs
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.agreement import rank_correlation
from sier_gui.core.explain.attribution import FLOAT32, Attribution, ExplainRequest, Floats
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import Players, players_for

if TYPE_CHECKING:
    from sier_gui.core.nets.networks import Network
    from sier_gui.core.nets.prediction import Predictor

PlayerMap = Mapping[Modality, Floats]  # a value for each player, in the players' own layout
AfterBatch = Callable[[int], None]

BOTH = "both"  # a scope: the players of all modalities together; the others are the modalities' names


def unobserved(_count: int) -> None:
    """Told after a batch by callers who neither report nor cancel."""


@dataclass(frozen=True, slots=True)
class Case:
    """One class of one sample.

    ``tensors`` and ``absent`` as `NetworkGame` takes them, ``target`` the class's number, ``value``
    "probability" or "logit", ``batch`` inputs per pass (None: chosen from the network's cost),
    ``precision`` of a GPU's products.
    """

    network: Network
    tensors: Mapping[Modality, FloatArray]
    absent: Mapping[Modality, FloatArray]
    players: Players
    target: int
    value: str = "probability"
    batch: int | None = None
    precision: str = FLOAT32

    def game(self, after_batch: AfterBatch = unobserved) -> NetworkGame:
        return NetworkGame(
            self.network,
            self.tensors,
            self.absent,
            self.players,
            value=self.value,
            batch=self.batch,
            after_batch=after_batch,
            precision=self.precision,
        )


def case_for(predictor: Predictor, inputs: SampleInputs, request: ExplainRequest, target: int) -> Case:
    """The game that ``explain`` plays for this request, and the class asked about."""
    network = predictor.network
    means = {m: network.absence_mean[m].cpu().numpy() for m in inputs.tensors}
    return Case(
        network=network,
        tensors=inputs.tensors,
        absent=stand_ins(request.absence, inputs.tensors, means, request.seed),
        players=players_for(inputs, predictor.front, request),
        target=target,
        value=request.value,
        batch=request.batch,
        precision=request.precision,
    )


def player_map(attribution: Attribution, target: str | None = None) -> PlayerMap:
    """The values of one class, in the players' layout (bands are not summed)."""
    c = attribution.index(target)
    return {m: values[c] for m, values in attribution.values.items()}


def flat(values: PlayerMap) -> Floats:
    """(all players,), modality after modality."""
    return np.concatenate([v.ravel() for v in values.values()])


def correlations(first: PlayerMap, second: PlayerMap) -> dict[str, float]:
    """Spearman's ρ of two maps over all players together and over each modality's; NaN where constant."""
    found = {str(m): rank_correlation(first[m], second[m]) for m in first}
    return {BOTH: rank_correlation(flat(first), flat(second)), **found}
