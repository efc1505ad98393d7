"""The network beside human raters on the same items (journal version §5.3).

Read from a study's long table: one line for each response, ``rater, sample_id, label, modality, answer``;
modality ``i`` image, ``ss`` synthetic and ``hs`` human speech, ``ss-i`` and ``hs-i`` pairs. Where there are
``kind`` and ``counted``, only main trials that count are taken. Right means: as the dataset's label says.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.nets.training.intervals import DRAWS, ends
from sier_gui.core.nets.training.predictions import Predictions
from sier_gui.core.seeds import stream

COLUMNS = ("rater", "sample_id", "label", "modality", "answer")
# a study's column → the streams that the network gets
STREAMS = {"i": "image", "ss": "speech", "hs": "speech", "ss-i": "both", "hs-i": "both"}
# the first of these names that there is answers for the streams
NETWORKS = {
    "image": ("image alone", "image-only", "fused network, speech absent"),
    "speech": ("speech alone", "speech-only", "fused network, image absent"),
    "both": ("fused", "parallelnet"),
}
NOT_COUNTED = ("0", "false", "no", "")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Response:
    rater: str
    sample_id: str
    label: str
    modality: str
    answer: str


@dataclass(frozen=True, slots=True)
class Beside:
    """One column of the study: shares right as [value, low, high], mean over raters.

    ``network_right``: of the network on the items that each rater had; ``ahead``: network less raters, the
    ends by bootstrap over raters × items. ``missing``: items that the network was not tested on, left out.
    """

    modality: str
    network: str
    raters: int
    items: int
    responses: int
    missing: int
    raters_right: tuple[float, float, float]
    network_right: tuple[float, float, float]
    ahead: tuple[float, float, float]

    def spoken(self) -> str:
        """One line for people."""
        people, machine, ahead = (
            f"{value:.3f} [{low:.3f}, {high:.3f}]"
            for value, low, high in (self.raters_right, self.network_right, self.ahead)
        )
        left_out = f", {self.missing} items not tested" if self.missing else ""
        return (
            f"{self.modality}: raters {people}, {self.network} {machine}, ahead by {ahead} "
            f"({self.raters} raters, {self.items} items, {self.responses} responses{left_out})"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_responses(file: Path) -> list[Response]:
    """The responses of a study's table that count.

    Raises
    ------
    SierError : it is missing or has not the columns, or a line names an unknown modality.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            lines = [(reader.line_num, line) for line in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SierError(f"Cannot read {file}: {error}.", "Check the path and the file.") from error
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        raise SierError(f"{file} has no column {lacking[0]}.", f"It needs {', '.join(COLUMNS)}.")
    found = []
    for number, line in lines:
        if line["modality"] not in STREAMS:
            raise SierError(
                f"{file}, line {number}: {line['modality']!r} is no modality.", f"Use {', '.join(STREAMS)}."
            )
        main = (line.get("kind") or "main") == "main"
        if main and (line.get("counted") or "1").strip().lower() not in NOT_COUNTED:
            found.append(Response(*(line[name] for name in COLUMNS)))
    if not found:
        raise SierError(f"{file} has no response that counts.", "Check its columns kind and counted.")
    return found


def beside_raters(
    responses: Sequence[Response], networks: Mapping[str, Sequence[Predictions]], *, seed: int = 0
) -> list[Beside]:
    """The study's columns for which there is a network; each network's first seed.

    Raises
    ------
    SierError : no item of the study was tested, or labels differ.
    """
    found = []
    for modality, streams in STREAMS.items():
        own = [response for response in responses if response.modality == modality]
        name = next((name for name in NETWORKS[streams] if name in networks), None)
        if own and name is not None:
            found.append(_beside(modality, own, networks[name][0], seed))
    if not found:
        names = ", ".join(networks)
        raise SierError(
            f"No network of these answers for a column of the study: {names}.",
            "They are known by name: fused, image alone, speech alone, or the ablation's rows.",
        )
    return found


def _beside(modality: str, responses: Sequence[Response], network: Predictions, seed: int) -> Beside:
    known = [response for response in responses if response.sample_id in network.places]
    missing = len({r.sample_id for r in responses}) - len({r.sample_id for r in known})
    if not known:
        raise SierError(
            f"{network.network} was tested on no item of the study.",
            "Give predictions on the study's dataset.",
        )
    for response in known:
        label = network.classes[network.labels[network.places[response.sample_id]]]
        if label != response.label:
            raise SierError(
                f"{response.sample_id} is {response.label} in the study and {label} in the predictions.",
                "Give predictions on the dataset the study was made from.",
            )
    raters, rater = np.unique([r.rater for r in known], return_inverse=True)
    items, item = np.unique([r.sample_id for r in known], return_inverse=True)
    count, right = np.zeros((2, len(raters), len(items)))
    np.add.at(count, (rater, item), 1.0)
    np.add.at(right, (rater, item), [float(r.answer == r.label) for r in known])
    hits = network.hits[[network.places[name] for name in items]].astype(np.float64)
    people = _drawn(count, right, seed)
    machine = _drawn(count, count * hits, seed)
    return Beside(
        modality,
        network.network,
        len(raters),
        len(items),
        len(known),
        missing,
        *(_with_ends(values) for values in (people, machine, machine - people)),
    )


def _drawn(count: Floats, right: Floats, seed: int) -> Floats:
    """Mean over raters of the share right: as it is, then in each draw of raters and of items.

    ``count``, ``right`` (raters, items); equal seeds give equal draws.
    """
    random = stream(seed, "raters and items")
    raters, items = count.shape
    drawn_raters = random.multinomial(raters, np.full(raters, 1 / raters), DRAWS).astype(np.float64)
    drawn_items = random.multinomial(items, np.full(items, 1 / items), DRAWS).astype(np.float64)
    by_rater = np.vstack([np.ones(raters), drawn_raters])
    by_item = np.vstack([np.ones(items), drawn_items])
    seen, hit = by_item @ count.T, by_item @ right.T  # (draws, raters)
    share = np.divide(hit, seen, out=np.zeros_like(hit), where=seen > 0)
    weights = by_rater * (seen > 0)
    totals = weights.sum(axis=1)
    return np.divide(
        (weights * share).sum(axis=1), totals, out=np.full(len(totals), np.nan), where=totals > 0
    )


def _with_ends(values: Floats) -> tuple[float, float, float]:
    low, high = ends(values[1:])
    return float(values[0]), low, high
