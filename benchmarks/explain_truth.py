"""Exact Shapley values of whole games, and the evaluations that an estimator needs to come near them.

v(S) of every coalition comes from our own enumeration: each image mask and each speech mask goes through the
network once, the heads see every pair. `shapley_of` then sums it with Shapley's weights in code of its own.
While the table is in memory a black box answers any peer from it, so its error at any budget costs only the
peer's own time. A table of 24 players takes 268 MB, so none is kept: a sample's exact values and errors are,
as JSON under build/explain, and a run that was interrupted goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import explain_peers
import numpy as np
from explain_peers import BlackBox, Peer, partition_explainer
from numpy.typing import NDArray

import sier_gui.core
from sier_gui.core.domain import Modality, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import Attribution, Bools, ExplainRequest, Floats
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import Players, players_for
from sier_gui.core.paths import write_json

FOLDER = Path(__file__).resolve().parents[1] / "build" / "explain"
CLOSEST = 0.05  # no estimator is followed further than this error
CLOSE_TO_NETWORK = 1e-4  # probabilities in float32
IMAGE_MASKS = 2048  # at a time: with 256 speech masks half a million pairs


@dataclass(frozen=True)
class Plan:
    """Which budgets are tried, with how many seeds: a geometric grid of factor √2 up to ``most``."""

    seeds: int = 3
    least: int = 64
    most: int = 65_536

    def budgets(self, least: int = 0, most: int = 2**62) -> Iterator[int]:
        steps = round(2 * math.log2(self.most / self.least))
        for step in range(steps + 1):
            budget = round(self.least * 2 ** (step / 2))
            if least <= budget <= most:
                yield budget


# ---------------------------------------------------------------- games


def network_game(
    model: Any, inputs: SampleInputs, request: ExplainRequest, *, black_box: bool, batch: int | None
) -> NetworkGame:
    """The game that ``request`` plays; as a black box the network is only asked for whole inputs."""
    network = model.network
    means = {m: v.cpu().numpy() for m, v in network.absence_mean.items()}
    if black_box:
        network = SimpleNamespace(module=network.module, forward=network.forward, separable=False)
    absent = stand_ins(request.absence, inputs.tensors, means, request.seed)
    players = players_for(inputs, model.front, request)
    return NetworkGame(network, inputs.tensors, absent, players, value=request.value, batch=batch)


def network_box(model: Any, inputs: SampleInputs, request: ExplainRequest, batch: int) -> BlackBox:
    """The network as a peer sees it: all classes of coalitions of all players, image first."""
    game = network_game(model, inputs, request, black_box=True, batch=batch)
    n_image, n = (math.prod(game.shapes[Modality.IMAGE]), sum(map(math.prod, game.shapes.values())))

    def values(present: Bools) -> Floats:
        masks = {Modality.IMAGE: present[:, :n_image], Modality.SPEECH: present[:, n_image:]}
        return game.values(masks, dict.fromkeys(masks, np.arange(len(present))))

    return BlackBox(values, n)


def table_box(table: NDArray[np.float32]) -> BlackBox:
    """Answers by look-up; ``table`` (2^n,) or (2^n, C), the first player's bit highest."""
    n = (len(table) - 1).bit_length()
    places = 1 << np.arange(n)[::-1]
    return BlackBox(lambda present: table[present @ places].astype(float), n)


def exact_table(game: NetworkGame) -> NDArray[np.float32]:
    """(2^n, C): the value of every coalition, the first player's bit highest, image players first."""
    image, speech = (masks_in_order(math.prod(game.shapes[m])) for m in (Modality.IMAGE, Modality.SPEECH))
    parts = []
    for start in range(0, len(image), IMAGE_MASKS):
        masks = {Modality.IMAGE: image[start : start + IMAGE_MASKS], Modality.SPEECH: speech}
        rows, columns = np.indices((len(masks[Modality.IMAGE]), len(speech)))
        index = {Modality.IMAGE: rows.ravel(), Modality.SPEECH: columns.ravel()}
        parts.append(game.values(masks, index).astype(np.float32))
    return np.concatenate(parts)


def masks_in_order(players: int) -> Bools:
    """(2^n, n): all coalitions, counting up with the first player's bit highest."""
    return (np.arange(2**players)[:, None] >> np.arange(players)[::-1] & 1).astype(bool)


def shapley_of(table: NDArray[np.float32], n_image: int) -> Floats:
    """Exact Shapley values (n, C) of a table as `exact_table` gives it.

    φ_i = Σ_{S∌i} w(|S|)·[v(S ∪ i) − v(S)], w(s) = s!(n − s − 1)!/n!, so v(S) counts w(|S| − 1) for members
    and −w(|S|) for the others: φ_i = Σ_{S∋i} [w(|S| − 1) + w(|S|)]·v(S) − Σ_S w(|S|)·v(S), w(n) = w(−1) = 0.
    """
    n = (len(table) - 1).bit_length()
    weight = np.array([1 / (n * math.comb(n - 1, s)) for s in range(n)] + [0.0])
    gain = weight + np.concatenate([[0.0], weight[:-1]])
    image, speech = masks_in_order(n_image), masks_in_order(n - n_image)
    in_speech = speech.sum(axis=1)
    by_speech = np.zeros((len(speech), table.shape[1]))
    values, base = np.zeros((n, table.shape[1])), 0.0
    for row, part in zip(image, table.reshape(len(image), len(speech), -1), strict=True):
        size = row.sum() + in_speech
        gained = gain[size][:, None] * part
        values[:n_image][row] += gained.sum(axis=0)
        by_speech += gained
        base = base + weight[size] @ part
    values[n_image:] = speech.T @ by_speech
    return values - base


# ---------------------------------------------------------------- errors by budget


@dataclass
class Study:
    """What is known of one sample: exact values, and the errors of everybody by budget. Kept in ``file``."""

    model: Any
    inputs: SampleInputs
    request: ExplainRequest
    plan: Plan
    file: Path
    known: dict[str, Any]

    @classmethod
    def of(cls, model: Any, inputs: SampleInputs, request: ExplainRequest, plan: Plan) -> Study:
        players = players_for(inputs, model.front, request).describe()
        about = [model.release.weights_hash, inputs.content_hash, players, request.absence, request.value]
        text = json.dumps([*about, plan.seeds, plan.least, plan.most, explain_peers.versions()])
        file = FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return cls(model, inputs, request, plan, file, known)

    @property
    def players(self) -> Players:
        return players_for(self.inputs, self.model.front, self.request)

    @property
    def target(self) -> int:
        """The class explained: the one predicted."""
        return int(self.known["predicted"])

    @property
    def shapley(self) -> Floats:
        """(n, C)."""
        return np.array(self.known["shapley"])

    @property
    def owen(self) -> Floats:
        """(n, C), by shap.PartitionExplainer's full tree on the table."""
        return np.array(self.known["owen"])

    def knows(self, peers: Sequence[Peer]) -> bool:
        """Whether the exact values and the errors of these peers were found before."""
        return "shapley" in self.known and all(peer.label in self.known.get("peers", {}) for peer in peers)

    def complete(self, peers: Sequence[Peer], say: Callable[[str], None]) -> None:
        """Enumerate the game, and follow the peers that were not followed before."""
        say(f"{self.inputs.sample_id}: every coalition of {sum(self.players.counts.values())} players")
        game = network_game(self.model, self.inputs, self.request, black_box=False, batch=None)
        table = exact_table(game)
        self._check(table)
        self.known["predicted"] = int(table[-1].argmax())
        self.known["shapley"] = shapley_of(table, self.players.counts[Modality.IMAGE]).tolist()
        owen = partition_explainer(table_box(table), self.players.shapes, 10**6, 1024)
        self.known["owen"] = owen.tolist()
        self._write()
        column = np.ascontiguousarray(table[:, self.target])
        curves = self.known.setdefault("peers", {})
        for peer in peers:
            if peer.label in curves:
                continue
            say(f"{self.inputs.sample_id}: {peer.label}")
            curves[peer.label] = self._curve_of(peer, column)
            self._write()

    def _check(self, table: NDArray[np.float32]) -> None:
        """The table is factorised and full of look-ups: the network itself must say the same."""
        box = network_box(self.model, self.inputs, self.request, 8)
        coalitions = np.random.default_rng(0).random((64, box.players)) < 0.5
        apart = np.abs(table_box(table)(coalitions) - box(coalitions)).max()
        assert apart < CLOSE_TO_NETWORK, f"the table is {apart:.1e} off the network"

    def peer_curve(self, peer: Peer) -> dict[int, dict[str, Any]]:
        return {int(b): point for b, point in self.known["peers"][peer.label].items()}

    def our_curve(self, say: Callable[[str], None]) -> dict[int, dict[str, Any]]:
        """Like a peer's, from the real network; kept for as long as the code stays the same."""
        code = source_hash()
        if self.known.get("ours", {}).get("code") != code:
            say(f"{self.inputs.sample_id}: our estimator")
            self.known["ours"] = {"code": code, "curve": self._followed(self._ours)}
            self._write()
        return {int(b): point for b, point in self.known["ours"]["curve"].items()}

    def error(self, values: Floats) -> float:
        """Relative L2 error of (n,) Shapley values for the class explained."""
        exact = self.shapley[:, self.target]
        return float(np.linalg.norm(values - exact) / np.linalg.norm(exact))

    def _ours(self, budget: int, seed: int) -> dict[str, Any] | None:
        request = replace(self.request, budget=budget, seed=seed)
        try:
            *_, found = explain(self.model, self.inputs, request)
        except SierError:  # the budget is too small for the method
            return None
        error = self.error(flat(found)[:, self.target])
        return {"error": error, "evaluations": found.evaluations, "passes": found.provenance["passes"]}

    def _curve_of(self, peer: Peer, column: NDArray[np.float32]) -> dict[str, Any]:
        def run(budget: int, seed: int) -> dict[str, Any]:
            box, started = table_box(column), time.process_time()
            error = self.error(peer.values(box, budget, seed))
            own = time.process_time() - started - box.seconds
            return {"error": error, "evaluations": box.evaluations, "own": own}

        seeds, least = 1 if peer.slow else self.plan.seeds, peer.smallest(len(self.shapley))
        return self._followed(run, seeds, least, peer.most)

    def _followed(
        self,
        run: Callable[[int, int], dict[str, Any] | None],
        seeds: int | None = None,
        least: int = 0,
        most: int = 2**62,
    ) -> dict[str, Any]:
        """Ever larger budgets until the median error over the seeds is at most `CLOSEST`."""
        curve: dict[str, Any] = {}
        for budget in self.plan.budgets(least, most):
            answers = [run(budget, seed) for seed in range(seeds or self.plan.seeds)]
            found = [one for one in answers if one is not None]
            if not found:
                continue
            errors = [one.pop("error") for one in found]
            curve[str(budget)] = {"errors": errors, **found[0]}
            if np.median(errors) <= CLOSEST:
                break
        return curve

    def _write(self) -> None:
        write_json(self.file, self.known)


def reached(curve: Mapping[int, Mapping[str, Any]], error: float) -> int | None:
    """The smallest budget whose median error over seeds is at most ``error``."""
    return next((b for b in sorted(curve) if np.median(curve[b]["errors"]) <= error), None)


def flat(attribution: Attribution) -> Floats:
    """(n, C), image players first."""
    values = attribution.values.values()
    return np.concatenate([v.reshape(len(attribution.classes), -1).T for v in values])


def share(values: Floats, n_image: int) -> float:
    """The image's share of Σ|φ| of (n,) values."""
    return float(np.abs(values[:n_image]).sum() / np.abs(values).sum())


@cache
def source_hash() -> str:
    """Of the code that explains and of the networks: errors of another version are measured anew."""
    (core,) = map(Path, sier_gui.core.__path__)
    files = sorted(
        [*core.glob("explain/*.py"), *core.glob("explain/shapley/*.py"), *core.glob("nets/**/*.py")]
    )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
