"""What computing a set of masks takes, found once: the masks and the layers decide, not the sample.

Numbering the patterns that masks show to each layer, and the rows that its outputs are made from, takes a
sixth of an exact explanation at 1/8 width (docs/explain.md). The next sample asks for the same masks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]

MOST_BYTES = 2**27  # exact Owen values of 8×8 + 16 take 68 MB


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """How the shared layers of a column are computed for some masks.

    Layer i is computed on the rows ``indices[i]`` (n, taps) of the table before it. ``rows`` (k, h, w) are
    then the rows of each mask's map, and ``done`` counts the entries of the column that were shared.
    """

    indices: tuple[Rows, ...]
    rows: Rows
    done: int

    @property
    def nbytes(self) -> int:
        return sum(index.nbytes for index in self.indices) + self.rows.nbytes


Plan = tuple[ColumnPlan, ...]  # one per column


class Plans:
    """Plans by what they are for, the least recently used ones dropped beyond ``most_bytes``; thread-safe."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._known: OrderedDict[bytes, Plan] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes, make: Callable[[], Plan]) -> Plan:
        """What ``make()`` gave for the same key before, or gives now."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        plan = make()
        with self._lock:
            if key not in self._known:
                self._known[key] = plan
                self.nbytes += _size(plan)
            while self.nbytes > self._most_bytes:
                self.nbytes -= _size(self._known.popitem(last=False)[1])
        return plan


def _size(plan: Plan) -> int:
    return sum(column.nbytes for column in plan)


PLANS = Plans()  # of the process: every game, one sample after the other
