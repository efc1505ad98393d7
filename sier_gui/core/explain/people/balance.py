"""Which modality decided it, for people who met both and for the network."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sier_gui.core.domain import PersonMarks
from sier_gui.core.explain.agreement import rank_correlation
from sier_gui.core.explain.people.table import number

PAIRS = ("ss-i", "hs-i")


@dataclass(frozen=True, slots=True)
class Balance:
    """Marks of people who saw a picture and heard speech.

    Attributes
    ----------
    picture, speech, both : answers with marks on one of them only, or on both.
    network : mean share of Σ|φ| on the picture, over the same samples (`Attribution.degree`).
    rho : Spearman's ρ over ``samples`` of that share and of people's: a mark on both counts half.
    """

    picture: int
    speech: int
    both: int
    network: float
    rho: float
    samples: int

    @property
    def answers(self) -> int:
        return self.picture + self.speech + self.both

    @property
    def people(self) -> float:
        """People's share on the picture; NaN without answers."""
        return (self.picture + self.both / 2) / self.answers if self.answers else math.nan

    def to_json(self) -> dict[str, Any]:
        return {
            "picture_only": self.picture,
            "speech_only": self.speech,
            "both": self.both,
            "people_image_share": number(self.people),
            "network_image_share": number(self.network),
            "rho": number(self.rho),
            "samples": self.samples,
        }


def balance(marks: Sequence[PersonMarks], shares: Mapping[str, float]) -> Balance:
    """People against the network, for samples of which ``shares`` knows the picture's share."""
    counts = {"picture": 0, "speech": 0, "both": 0}
    people: dict[str, list[float]] = defaultdict(list)
    for mark in marks:
        if mark.column in PAIRS and mark.sample_id in shares:
            which = "both" if mark.boxes and mark.spans else "picture" if mark.boxes else "speech"
            counts[which] += 1
            people[mark.sample_id].append({"picture": 1.0, "both": 0.5, "speech": 0.0}[which])
    theirs = np.array([np.mean(own) for own in people.values()])
    networks = np.array([shares[name] for name in people])
    rho = rank_correlation(theirs, networks) if len(people) > 1 else math.nan
    return Balance(
        **counts, network=float(networks.mean()) if people else math.nan, rho=rho, samples=len(people)
    )
