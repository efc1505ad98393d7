"""How the image's share of the game of two players is distributed: by label, right and wrong apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.query import UNKNOWN, PredictionTable, label_codes
from sier_gui.core.explain.survey.degree import COLLAPSE, Share

BINS = 20
NORMAL = 1.959964  # of the normal distribution, two-sided 95 %
RIGHT, WRONG = "predicted rightly", "predicted wrongly"


@dataclass(frozen=True, slots=True)
class ShareLine:
    """``depth`` 0: all samples, or a label; 1: its right or wrong ones.

    ``n`` samples whose share is known; ``image``: its mean, standard error over samples and the normal 95 %
    interval (the bootstrap's, within a thousandth, from some fifty samples on); ``counts`` (BINS,) of the
    shares from 0 to 1.
    """

    name: str
    depth: int
    n: int
    image: Share
    counts: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        values = (self.image.mean, self.image.stderr, self.image.low, self.image.high)
        mean, stderr, low, high = (None if math.isnan(value) else value for value in values)
        found = {"n": self.n, "image": mean, "stderr": stderr, "interval": [low, high]}
        return {"samples": self.name, "depth": self.depth, **found, "histogram": self.counts.tolist()}


def share_lines(catalogue: Catalogue, table: PredictionTable) -> list[ShareLine]:
    """All samples, then each label; below each its right and wrong predictions where there are any."""
    shares = table.image_share.astype(np.float64)
    there = ~np.isnan(shares)
    names = (*table.classes, *(name for name in catalogue.classes if name not in table.classes))
    labels = label_codes(catalogue, names)
    right, judged = table.codes == labels, (table.codes != UNKNOWN) & (labels >= 0)
    found = []
    for name, members in (
        ("all samples", there),
        *((name, there & (labels == i)) for i, name in enumerate(names)),
    ):
        if not members.any() and name not in table.classes and name != "all samples":
            continue
        found.append(_line(name, 0, shares[members]))
        for word, part in ((RIGHT, members & judged & right), (WRONG, members & judged & ~right)):
            if (members & judged).any():
                found.append(_line(word, 1, shares[part]))
    return found


def _line(name: str, depth: int, shares: NDArray[np.float64]) -> ShareLine:
    n = len(shares)
    mean = float(shares.mean()) if n else math.nan
    error = float(shares.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    low, high = max(mean - NORMAL * error, 0.0), min(mean + NORMAL * error, 1.0)
    if math.isnan(error):
        low = high = math.nan
    counts, _ = np.histogram(shares, BINS, (0, 1))
    return ShareLine(name, depth, n, Share(mean, error, low, high), counts.astype(np.int64))


def collapse_warning(lines: list[ShareLine]) -> str:
    """A sentence where one modality stays above `COLLAPSE`, with its whole interval; "" where none does."""
    everyone = lines[0]
    if not everyone.n:
        return ""
    low, high = everyone.image.low, everyone.image.high
    low, high = (everyone.image.mean, everyone.image.mean) if math.isnan(low) else (low, high)
    if low > COLLAPSE:
        modality, share = "image", everyone.image.mean
    elif high < 1 - COLLAPSE:
        modality, share = "speech", 1 - everyone.image.mean
    else:
        return ""
    return (
        f"Uni-modal collapse: {share:.1%} of the game of two players over {everyone.n:,} samples is the "
        f"{modality}'s; the network hardly uses the rest."
    )
