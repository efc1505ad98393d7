"""When an estimate is good enough, or has to do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from sier_gui.core.explain.attribution import Floats

GROWTH = 1.5  # passes after a step against those before
ROUNDING = 1e-9  # of probabilities or logits


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop: ``budget`` passes, an estimated relative L2 ``error``, ``seconds`` of wall time."""

    budget: int
    error: float | None = None
    seconds: float | None = None
    started: float = field(default_factory=perf_counter)

    def reached(self, passes: int, error: float, step: int = 1) -> str:
        """Why to stop after ``passes``; empty while there is no reason. Another ``step`` is the smallest."""
        if self.error is not None and error <= self.error:
            return f"the estimated error is at most {self.error:g}"
        if self.budget - passes < step:
            return f"the budget of {self.budget} is used"
        if self.seconds is not None and self.affordable(passes) < step:
            return f"{self.seconds:g} s are over"
        return ""

    def affordable(self, passes: int) -> int:
        """Further passes within the budget, and within the time at the speed so far."""
        left = self.budget - passes
        if self.seconds is None:
            return left
        spent = perf_counter() - self.started
        return min(left, math.floor(passes * (self.seconds / spent - 1)))

    def wanted(self, passes: int, error: float) -> int:
        """Passes of the next step: what the error asks for, if it falls as fast as passes grow."""
        growth = GROWTH if self.error is None else min(GROWTH, max(1.1, 1.05 * error / self.error))
        return max(min(math.ceil(passes * (growth - 1)), self.affordable(passes)), 1)


def relative_error(values: Floats, stderr: Floats) -> float:
    """Estimated relative L2 error of (n,) values; 0 where there is nothing but rounding."""
    size, off = float(np.linalg.norm(values)), float(np.linalg.norm(stderr))
    return off / max(size, ROUNDING) if off > ROUNDING else 0.0
