"""What an explanation is asked for, and what comes out: the same object in window, CLI, cache and files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

METHODS = ("modality", "owen", "shapley", "paper")
VALUES = ("probability", "logit")
PRECISIONS = FLOAT32, TF32 = ("float32", "tf32")
MAX_GRID = 32
MAX_SEGMENTS = 128
MAX_BANDS = 16
WORDS = "words"
Z95 = 1.96  # two-sided 95 % of a normal distribution
CODE_VERSION = "3"  # raise it whenever the same request would give other numbers: the cache asks for it


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What to explain and how (explain.md §1).

    Parameters
    ----------
    method : "modality" (two players), "owen" (exact, by halving), "shapley" (flat game: exact where it
        can be enumerated within ``budget``, else sampled) or "paper" (the printed formula; for comparison).
    grid : image patches per side.
    segments : number of equal speech segments, their length in seconds as "0.5s", or "words".
    bands : parts that each speech segment is split into along the frequency axis, equal in mel rows.
    absence : what stands in for a removed player: zeros, mean, blur or noise; "blur:6" sets its parameter.
    value : "probability" (softmax) or "logit".
    target : class explained; None explains the predicted one. All classes are computed anyway.
    seed : of whatever is random (noise, permutations).
    budget : most inputs through the network's expensive part, for "shapley".
    error : "shapley" stops once its own estimate of the relative L2 error is this small, for example 0.05.
    seconds : "shapley" stops after so much wall time; such a result depends on the machine's speed.
    batch : coalitions per pass; None chooses from the network's cost.
    precision : of a GPU's products, "float32" or "tf32": faster, and equal within 1e-3; a CPU has float32.

    Raises
    ------
    SierError : a value that no explanation can have.
    """

    method: str = "owen"
    grid: int = 8
    segments: int | str = 16
    absence: str = "zeros"
    value: str = "probability"
    target: str | None = None
    seed: int = 0
    budget: int | None = None
    batch: int | None = None
    bands: int = 1
    error: float | None = None
    seconds: float | None = None
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        if isinstance(self.segments, str) and self.segments.isdecimal():
            object.__setattr__(self, "segments", int(self.segments))
        for name, value, known in (
            ("method", self.method, METHODS),
            ("value", self.value, VALUES),
            ("precision", self.precision, PRECISIONS),
        ):
            if value not in known:
                raise SierError(f"There is no {name} {value!r} to explain with.", f"Use {', '.join(known)}.")
        if not 1 <= self.grid <= MAX_GRID:
            raise SierError(f"A grid of {self.grid} patches a side.", f"Use 1 to {MAX_GRID}, for example 8.")
        if isinstance(self.segments, str):
            self._check_seconds(self.segments)
        elif not 1 <= self.segments <= MAX_SEGMENTS:
            raise SierError(f"{self.segments} speech segments.", f"Use 1 to {MAX_SEGMENTS}, for example 16.")
        for name, number in (("budget", self.budget), ("batch", self.batch)):
            if number is not None and number < 1:
                raise SierError(f"A {name} of {number}.", "Use a positive number.")
        if not 1 <= self.bands <= MAX_BANDS:
            raise SierError(f"{self.bands} frequency bands.", f"Use 1 to {MAX_BANDS}, for example 4.")
        for name, limit in (("error", self.error), ("time limit", self.seconds)):
            if limit is not None and not 0 < limit < math.inf:
                raise SierError(f"A {name} of {limit}.", "Use a number above 0.")
        if self.seed < 0:
            raise SierError(f"The seed {self.seed} is negative.", "Use 0 or more.")

    @staticmethod
    def _check_seconds(text: str) -> None:
        if text != WORDS and (not re.fullmatch(r"\d+(\.\d+)?s", text) or float(text[:-1]) <= 0):
            raise SierError(
                f"{text!r} says no speech segments.", "Use a number as 16, seconds as 0.5s, or words."
            )

    @property
    def segment_seconds(self) -> float | None:
        """Length of a segment where it was given in seconds."""
        timed = isinstance(self.segments, str) and self.segments != WORDS
        return float(str(self.segments)[:-1]) if timed else None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Values of the players of one sample, for all classes, with where they come from.

    ``values[IMAGE]`` is (C, rows, columns), ``values[SPEECH]`` (C, segments), or (C, bands, segments) for
    time × band, lowest band first; "modality" has one player each: (C, 1, 1) and (C, 1). While an
    explanation refines (``complete`` False) the values of a coarser partition are spread evenly over the
    players of each of its parts, so that all sums hold at any time. ``coarse[m]``, the players' layout, is
    True where that was done: the value of the part is known, how it divides is not; None: nowhere.
    ``split[m]`` (C,) is the game of whole modalities; ``f_none`` and ``f_all`` (C,) its empty and full
    coalition; ``stderr`` like ``values``, None where they are exact. All float64.
    """

    sample_id: str
    classes: tuple[str, ...]
    target: str
    method: str
    complete: bool
    values: Mapping[Modality, Floats]
    split: Mapping[Modality, Floats]
    f_none: Floats
    f_all: Floats
    stderr: Mapping[Modality, Floats] | None
    segment_edges_s: Floats  # (segments + 1,), within [0, duration]
    evaluations: int  # distinct coalitions valued
    seconds: float  # wall time from the request to this result
    seed: int
    absence: str
    value: str
    release_hash: str
    sample_hash: str
    code_version: str = CODE_VERSION
    coarse: Mapping[Modality, Bools] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)  # further facts, as JSON values

    def index(self, target: str | None = None) -> int:
        """Position of ``target`` (default: the class explained) in ``classes``.

        Raises
        ------
        SierError : it is none of the network's classes.
        """
        name = self.target if target is None else target
        if name not in self.classes:
            raise SierError(f"The network knows no class {name!r}.", f"Use {', '.join(self.classes)}.")
        return self.classes.index(name)

    def image(self, target: str | None = None) -> Floats:
        """(rows, columns) values of the patches."""
        return self.values[Modality.IMAGE][self.index(target)]

    def speech(self, target: str | None = None) -> Floats:
        """(segments,) values of the speech segments; bands are summed, so that the total stays."""
        values = self.values[Modality.SPEECH][self.index(target)]
        return values if values.ndim == 1 else values.sum(axis=0)

    def unsettled(self, target: str | None = None) -> dict[Modality, Bools]:
        """Players whose sign is not settled: part of something coarser, or within 1.96 standard errors of 0.

        Layout of the players by modality (bands as they are).
        """
        c = self.index(target)
        found = {m: np.zeros(v.shape[1:], bool) for m, v in self.values.items()}
        for m, v in self.values.items():
            if self.coarse is not None:
                found[m] |= self.coarse[m]
            if self.stderr is not None:
                found[m] |= np.abs(v[c]) < Z95 * self.stderr[m][c]
        return found

    def sums(self, target: str | None = None) -> dict[Modality, float]:
        """Sum of a modality's values."""
        c = self.index(target)
        return {m: float(v[c].sum()) for m, v in self.values.items()}

    def degree(self, target: str | None = None) -> dict[Modality, float]:
        """Share of Σ|φ| per modality (A-SHAP, V-SHAP: 004 §3.4); equal shares where every value is zero."""
        c = self.index(target)
        return _shares({m: float(np.abs(v[c]).sum()) for m, v in self.values.items()})

    def split_degree(self, target: str | None = None) -> dict[Modality, float]:
        """The same of the game of whole modalities, which no number of players makes larger or smaller."""
        c = self.index(target)
        return _shares({m: abs(float(v[c])) for m, v in self.split.items()})

    def residual(self, target: str | None = None) -> float:
        """f(all) − f(none) − Σφ: zero up to rounding where the values are efficient."""
        c = self.index(target)
        return float(self.f_all[c] - self.f_none[c]) - sum(self.sums(target).values())

    def with_target(self, name: str) -> Attribution:
        """The same numbers, looked at for another class."""
        return replace(self, target=self.classes[self.index(name)])

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui explain --json`` prints it, for the class explained."""
        c = self.index()
        stderr = None if self.stderr is None else {str(m): e[c].tolist() for m, e in self.stderr.items()}
        return {
            "schema": 1,
            "sample_id": self.sample_id,
            "class": self.target,
            "image": self.image().tolist(),
            "speech": self.values[Modality.SPEECH][c].tolist(),
            "modality": {
                "split": {str(m): float(s[c]) for m, s in self.split.items()},
                "sum": {str(m): s for m, s in self.sums().items()},
                "degree": {str(m): d for m, d in self.degree().items()},
            },
            "f_none": float(self.f_none[c]),
            "f_all": float(self.f_all[c]),
            "residual": self.residual(),
            "stderr": stderr,
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "provenance": {
                **self.provenance,
                "release_hash": self.release_hash,
                "sample_hash": self.sample_hash,
                "method": self.method,
                "value": self.value,
                "absence": self.absence,
                "seed": self.seed,
                "complete": self.complete,
                "code_version": self.code_version,
                "segment_edges_s": self.segment_edges_s.tolist(),
            },
        }


def _shares(weights: Mapping[Modality, float]) -> dict[Modality, float]:
    total = sum(weights.values())
    return {m: w / total if total else 1 / len(weights) for m, w in weights.items()}
