"""Annotations as frozen records: what was asked for, what happened, what holds now."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sier_gui.core.domain import Modality, Selection
from sier_gui.core.errors import SierError

Value = str | bool | dict[str, Any] | None  # of a label or comment, a flag, a mark; None: nothing
_LONGEST = {"label": 80, "comment": 10_000}
_COORDINATES = ("start_s", "end_s", "low_hz", "high_hz", "left", "top", "right", "bottom")


class Kind(StrEnum):
    """Each person has one label, one flag and one comment for a sample, and any number of marks."""

    LABEL = "label"
    FLAG = "flag"
    COMMENT = "comment"
    MARK = "mark"


class Act(StrEnum):
    CHANGE = "change"
    UNDO = "undo"
    REDO = "redo"


def new_id() -> str:
    """Different everywhere and for ever: by it copies of a file know what they share."""
    return os.urandom(16).hex()


@dataclass(frozen=True, slots=True)
class Change:
    """``who`` wants this to be so; ``value`` None takes it away. ``item`` is a mark's id, else ""."""

    who: str
    sample_id: str
    kind: Kind
    value: Value
    item: str = ""
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Step:
    """``who`` takes the latest change back, or, not ``back``, wants it again."""

    who: str
    back: bool
    id: str = field(default_factory=new_id)


Request = Change | Step


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, for ever. ``of``: the change that was undone or redone, else ""."""

    id: str
    tick: int  # later than everything the store knew, whatever the clock says
    at: str
    who: str
    sample_id: str
    kind: Kind
    item: str
    old: Value
    new: Value
    act: Act
    of: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What holds: of one person, for one sample. ``at``: since when, ISO 8601 UTC; "" while not yet saved."""

    sample_id: str
    who: str
    kind: Kind
    item: str
    value: Value
    at: str = ""

    @property
    def mark(self) -> Mark:
        return Mark.of(self.value)


@dataclass(frozen=True, slots=True)
class Mark:
    """A span, band or box with a word about it."""

    where: Selection
    text: str = ""

    def value(self) -> dict[str, Any]:
        return {**asdict(self.where), "modality": str(self.where.modality), "text": self.text}

    @classmethod
    def of(cls, value: Value) -> Mark:
        """
        Raises
        ------
        SierError : ``value`` is no mark.
        """
        try:
            assert isinstance(value, Mapping)
            numbers = {name: float(value.get(name, 0)) for name in _COORDINATES}
            return cls(Selection(Modality(value["modality"]), **numbers), str(value.get("text", "")))
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise SierError(f"{value!r} is no span and no region.", "Select a part of the sample.") from error


# ---------------------------------------------------------------- checked, and as text


def checked(change: Change) -> Change:
    """``change`` if it can be stored.

    Raises
    ------
    SierError : nobody's, of no sample, or its value is not of its kind.
    """
    check_name(change.who)
    if not change.sample_id:
        raise SierError("Only samples with an id can be annotated.", "Give the sample an id in its table.")
    if bool(change.item) != (change.kind is Kind.MARK):
        raise SierError("A mark needs an id, and nothing else has one.", "Select a part of the sample.")
    if change.value is not None:
        _check_value(change.kind, change.value)
    return change


def _check_value(kind: Kind, value: Value) -> None:
    if kind is Kind.FLAG:
        if value is not True:
            raise SierError(f"A flag is set or not; {value!r} is neither.", "")
    elif kind is Kind.MARK:
        if Mark.of(value).where.empty:
            raise SierError("Nothing is selected.", "Drag over the waveform or the picture first.")
    elif not isinstance(value, str) or not value.strip():
        raise SierError(f"An empty {kind} says nothing.", "Take it away instead.")
    elif len(value) > _LONGEST[kind]:
        raise SierError(f"The {kind} is longer than {_LONGEST[kind]:,} characters.", "Shorten it.")


def check_name(name: str) -> str:
    """``name`` if somebody can be called so.

    Raises
    ------
    SierError : it is empty, longer than 80 characters, or holds what cannot be printed.
    """
    if not name or name != name.strip() or len(name) > 80 or not name.isprintable():
        raise SierError(f"{name!r} is no name to sign annotations with.", "Use 1 to 80 printable characters.")
    return name


def to_text(value: Value) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)


def from_text(text: str | None) -> Value:
    value: Value = None if text is None else json.loads(text)
    return value
