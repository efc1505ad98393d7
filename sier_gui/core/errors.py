"""The one error a user ever sees."""

from __future__ import annotations


class SierError(Exception):
    """A problem told to the user: what happened and where, and what to do about it.

    Parameters
    ----------
    message : what happened and to which file or row, one sentence.
    hint : what to do, one sentence; empty when nothing can be done.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
