"""Datasets whose labels came from networks: their tables keep what these answered (models.md §2)."""

from __future__ import annotations

from collections.abc import Iterable

from sier_gui.core.domain import Modality

# Columns of a network's probabilities, each with the class's name behind it
PREFIXES = {Modality.SPEECH: "p_ser_", Modality.IMAGE: "p_ier_"}


def is_built(columns: Iterable[str]) -> bool:
    """Whether a table has the probabilities of a network that hears and of one that sees."""
    names = tuple(columns)
    return all(any(name.startswith(prefix) for name in names) for prefix in PREFIXES.values())
