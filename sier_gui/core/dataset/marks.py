"""What is known of each row from annotations, as bits; filters and the table read them."""

from __future__ import annotations

from enum import IntFlag, StrEnum

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.catalogue import Catalogue
from sier_gui.core.dataset.tables import as_numpy, text_array

Bits = NDArray[np.uint8]


class Bit(IntFlag):
    """One row's annotations, by anybody unless it says otherwise."""

    LABELLED = 1
    MINE = 2  # labelled by whoever sits here
    CORRECTED = 4  # somebody's label is not the table's
    DISPUTED = 8  # people gave different labels
    FLAGGED = 16
    COMMENTED = 32
    MARKED = 64  # spans or regions


class Marked(StrEnum):
    """Filters on annotations; `ALL` is none."""

    ALL = ""
    FLAGGED = "flagged"
    UNLABELLED = "unlabelled"  # neither in the table nor by anybody
    NOT_MINE = "not mine"  # no label by whoever sits here
    DISPUTED = "disputed"
    CORRECTED = "corrected"
    NOTED = "noted"  # comments, spans or regions


def having(catalogue: Catalogue, marked: str, bits: Bits | None) -> NDArray[np.bool_]:
    """Which rows pass the filter, (n,). Without ``bits`` nobody annotated anything yet.

    Raises
    ------
    ValueError : there is no such filter.
    """
    wanted = Marked(marked)
    found = bits if bits is not None else np.zeros(len(catalogue), np.uint8)
    if wanted is Marked.ALL:
        return np.ones(len(catalogue), bool)
    if wanted is Marked.UNLABELLED:
        return ((found & Bit.LABELLED) == 0) & ~_labelled(catalogue)
    if wanted is Marked.NOT_MINE:
        return (found & Bit.MINE) == 0
    bit = {
        Marked.FLAGGED: Bit.FLAGGED,
        Marked.DISPUTED: Bit.DISPUTED,
        Marked.CORRECTED: Bit.CORRECTED,
        Marked.NOTED: Bit.COMMENTED | Bit.MARKED,
    }[wanted]
    return (found & np.uint8(bit)) != 0


def _labelled(catalogue: Catalogue) -> NDArray[np.bool_]:
    """Rows to which the table gives a label."""
    from pyarrow import compute

    def make() -> NDArray[np.bool_]:
        return as_numpy(compute.not_equal(catalogue.texts("label"), text_array([""])[0]))

    return catalogue.remember("marks.labelled", make)
