"""Pickles of which only the few things that weights are made of are understood.

A pickle is a program; these unpicklers know no instruction but "make a dictionary", "make an array". Every
other name in it is refused before anything is called.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import IO, Any

# what a damaged or hostile pickle can end in, nothing of its own having been run
ERRORS = (
    pickle.UnpicklingError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
    MemoryError,
)


class OnlyThese(pickle.Unpickler):
    """Knows ``allowed``, by module and name, and nothing else."""

    def __init__(self, stream: IO[bytes], allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(stream, encoding="latin-1")  # numpy's arrays of Python 2 need it; text stays text
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self._allowed[module, name]
