"""A whole dataset's annotations by row, as numbers: what the table's filters, order and flags read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.annotations.records import Entry, Kind
from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.marks import Bit, Bits, Marked, having
from sier_gui.core.dataset.query import label_codes

NONE = -1  # code of a row that somebody has not labelled
_BITS = {Kind.FLAG: Bit.FLAGGED, Kind.COMMENT: Bit.COMMENTED}


class Columns:
    """Who said what, row by row. One thread fills; `set` costs microseconds whatever the dataset's size.

    Samples that the dataset does not have are left out; of several rows with one id the first counts.

    Attributes
    ----------
    me : whose labels `Bit.MINE` tells.
    bits : uint8 (n,), see `Bit`.
    names : labels by code: the dataset's classes first.
    labels : each person's label codes, int16 (n,), `NONE` where there is none.
    """

    def __init__(self, catalogue: Catalogue, me: str = "") -> None:
        self._catalogue = catalogue
        self.me = me
        self.bits: Bits = np.zeros(len(catalogue), np.uint8)
        self.names: list[str] = list(catalogue.classes)
        self.labels: dict[str, NDArray[np.int16]] = {}
        self._table = label_codes(catalogue, tuple(catalogue.classes))
        self._rows: dict[str, int] = {}
        self._others: dict[int, dict[tuple[str, str, str], int]] = {}  # row → person, kind, mark → bit

    def fill(self, entries: Iterable[Entry]) -> None:
        """Set many at once."""
        for entry in entries:
            self._place(entry)
        self._sum_up(slice(None))

    def set(self, entry: Entry, row: int | None = None) -> int:
        """Set one; the row it is about, −1 where the dataset has none such. ``row``: where that is known."""
        row = self._place(entry, row)
        if row >= 0:
            self._sum_up(slice(row, row + 1))
        return row

    def sign(self, me: str) -> None:
        """Somebody else sits here now."""
        if me != self.me:
            self.me = me
            self._sum_up(slice(None))

    def prepare(self) -> None:
        """Have `row_of` answer at once: 80,893 ids take a tenth of a second, once."""
        if not self._rows:
            ids = self._catalogue.texts("sample_id").to_pylist()
            self._rows = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1), strict=True))

    def row_of(self, sample_id: str) -> int:
        """−1 where the dataset has no such sample."""
        self.prepare()
        return self._rows.get(sample_id, -1)

    def mine(self, row: int) -> str:
        """What whoever sits here labelled it; "" where not yet."""
        codes = self.labels.get(self.me)
        return "" if codes is None or codes[row] == NONE else self.names[codes[row]]

    def rows(self, marked: Marked) -> NDArray[np.int64]:
        """The dataset's rows that pass a filter, in its order."""
        return np.flatnonzero(having(self._catalogue, marked, self.bits))

    # ---------------------------------------------------------------- within

    def _place(self, entry: Entry, row: int | None = None) -> int:
        row = self.row_of(entry.sample_id) if row is None else row
        if row < 0:
            return row
        if entry.kind is Kind.LABEL:
            own = self.labels.get(entry.who)
            if own is None:
                own = self.labels[entry.who] = np.full(len(self.bits), NONE, np.int16)
            own[row] = NONE if entry.value is None else self._code(str(entry.value))
            return row
        key = (entry.who, str(entry.kind), entry.item)
        if entry.value is None:
            self._others.get(row, {}).pop(key, None)
        else:
            self._others.setdefault(row, {})[key] = int(_BITS.get(entry.kind, Bit.MARKED))
        return row

    def _code(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def _sum_up(self, part: slice) -> None:
        """Work the bits out anew."""
        table = self._table[part]
        found = np.zeros(len(table), np.uint8)
        low = np.full(len(table), np.iinfo(np.int16).max, np.int16)
        high = np.full(len(table), NONE, np.int16)
        for who, codes in self.labels.items():
            given = codes[part] != NONE
            found[given] |= np.uint8(Bit.LABELLED | (Bit.MINE if who == self.me else 0))
            found[given & (table >= 0) & (codes[part] != table)] |= np.uint8(Bit.CORRECTED)
            low = np.where(given, np.minimum(low, codes[part]), low)
            high = np.maximum(high, codes[part])
        found[(high != NONE) & (low < high)] |= np.uint8(Bit.DISPUTED)
        first = part.start or 0
        some = self._others.items() if part.start is None else ((first, self._others.get(first, {})),)
        for row, bits in some:
            for bit in bits.values():
                found[row - first] |= np.uint8(bit)
        self.bits[part] = found
