"""Protocols: TOML files, shipped or one's own, checked and frozen."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError
from sier_gui.core.nets import toml
from sier_gui.core.paths import resources
from sier_gui.core.study.records import (
    BeforeRules,
    DesignRules,
    ExclusionRules,
    ItemRules,
    Modality,
    Protocol,
    StimulusRules,
    TestRules,
    TrialRules,
)

_TABLES: dict[str, type] = {
    "items": ItemRules,
    "design": DesignRules,
    "trial": TrialRules,
    "stimuli": StimulusRules,
    "before": BeforeRules,
    "exclusion": ExclusionRules,
    "tests": TestRules,
}
LEVELS = ("source", "clip", "none")
SECONDS_PER_TRIAL = 20  # with its answer, as a session is planned
SECONDS_PER_MARK = 10  # and what decided it, where that is asked for


def shipped() -> dict[str, Path]:
    """Names and files of the protocols that come with the program."""
    return {file.stem: file for file in sorted((resources() / "protocols").glob("*.toml"))}


def load(which: str | Path = "default") -> Protocol:
    """A shipped protocol by name, or one's own by file.

    Raises
    ------
    SierError : no such protocol, or it is not valid.
    """
    return parse(text_of(which), str(which))


def text_of(which: str | Path) -> str:
    """The TOML of a shipped protocol by name, or of one's own file, with its comments: what a project keeps.

    Raises
    ------
    SierError : no such protocol, or it cannot be read.
    """
    known = shipped()
    file = known.get(str(which), Path(which))
    if not file.is_file():
        raise SierError(f"There is no protocol {which}.", f"Name a TOML file or {', '.join(known)}.")
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SierError(f"Cannot read {file}: {error}.", "Check the path and its permissions.") from error


def parse(text: str, where: str = "The protocol") -> Protocol:
    """A protocol from TOML text, as a project keeps it.

    Raises
    ------
    SierError : not TOML, or not a valid protocol.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SierError(f"{where} is not valid TOML: {error}.", "Correct the line it names.") from error
    return _made(tables, where)


def dumps(protocol: Protocol) -> str:
    """The protocol as TOML: `parse` gives it back."""
    return toml.dumps(asdict(protocol))


def fingerprint(protocol: Protocol) -> str:
    """What identifies a protocol whatever its comments: answers under another one are another study's."""
    return hashlib.sha256(dumps(protocol).encode()).hexdigest()


def _made(tables: dict[str, Any], where: str) -> Protocol:
    tables = dict(tables)
    rules: dict[str, Any] = {
        name: toml.record(cls, tables.pop(name, {}), f"{where} [{name}]") for name, cls in _TABLES.items()
    }
    plain = {f.name for f in fields(Protocol)} - set(_TABLES)
    if unknown := sorted(set(tables) - plain):
        raise SierError(
            f"{where}: unknown key {unknown[0]}.", f"Known: {', '.join(sorted(plain))}, {', '.join(_TABLES)}."
        )
    for name, value in tables.items():
        wanted = int if name == "seed" else str
        if type(value) is not wanted:
            raise SierError(f"{where}: {name} = {value!r} is not of type {wanted.__name__}.", "Correct it.")
    protocol = Protocol(**tables, **rules)
    for problem in problems(protocol):
        raise SierError(f"{where}: {problem}", "Correct the protocol.")
    return protocol


def problems(protocol: Protocol) -> Iterator[str]:
    """What makes a protocol unusable, one sentence each; nothing for a valid one."""
    items, design, trial, tests = protocol.items, protocol.design, protocol.trial, protocol.tests
    if not protocol.name:
        yield "It has no name."
    if protocol.seed < 0:
        yield f"seed is {protocol.seed}; it must not be negative."
    if items.lists != len(Modality):
        yield f"lists is {items.lists}; there must be {len(Modality)}, one for each modality."
    if items.per_class < 1 or min(items.reserve, items.practice, items.gold, items.traps) < 0:
        yield "per_class must be 1 or more, the other counts of [items] 0 or more."
    if design.raters < 1 or not 1 <= design.visits <= len(Modality):
        yield f"raters must be 1 or more and visits from 1 to {len(Modality)}."
    if (design.visits > 1) != (design.wash_out_days > 0):
        yield "visits above 1 need wash_out_days above 0, and a single visit has none."
    if trial.confidence < 1 or min(trial.replays, trial.answer_after_ms) < 0 or trial.break_every < 1:
        yield "confidence and break_every must be 1 or more, replays and answer_after_ms 0 or more."
    if protocol.stimuli.level not in LEVELS:
        yield f"level is {protocol.stimuli.level!r}; it must be one of {', '.join(LEVELS)}."
    if protocol.stimuli.lufs > -9 or protocol.stimuli.true_peak_dbtp > 0 or protocol.stimuli.rate < 8000:
        yield "lufs must be at most −9, true_peak_dbtp at most 0 and rate at least 8000."
    if not 0 < tests.alpha < 0.5 or not 0 < tests.margin < 0.5 or tests.draws < 100:
        yield "alpha and margin must lie between 0 and 0.5, and draws be 100 or more."
    yield from _length(protocol)


def _length(protocol: Protocol) -> Iterator[str]:
    """A session of four classes must fit."""
    items = protocol.items
    trials = items.lists * items.per_class * 4 + items.practice + items.gold + items.traps
    each = SECONDS_PER_TRIAL + SECONDS_PER_MARK * protocol.trial.rationale
    minutes = trials * each / 60
    if minutes > protocol.trial.session_minutes:
        yield (
            f"{trials} trials take about {minutes:.0f} minutes, "
            f"session_minutes allows {protocol.trial.session_minutes}."
        )
