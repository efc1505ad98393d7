"""Configs: TOML tables to frozen records and back (the standard library only reads TOML)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from sier_gui.core.errors import SierError

T = TypeVar("T")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read(file: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises
    ------
    SierError : it is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SierError(f"Cannot read {file}: {error}.", "Check the path and its permissions.") from error
    except tomllib.TOMLDecodeError as error:
        raise SierError(f"{file} is not valid TOML: {error}.", "Correct the line it names.") from error


def record(cls: type[T], table: Any, where: str) -> T:
    """A dataclass whose fields all have defaults, from a TOML table; the defaults say which types are right.

    Lists become tuples, whole numbers are accepted where a float is wanted. ``where`` starts the message.

    Raises
    ------
    SierError : not a table, an unknown key or a value of another type.
    """
    if not isinstance(table, Mapping):
        raise SierError(f"{where} is not a table.", "Write it as a [table] with keys.")
    plain = cls()
    defaults = {f.name: getattr(plain, f.name) for f in fields(plain)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in defaults:
            raise SierError(f"{where}: unknown key {key}.", f"Known: {', '.join(defaults)}.")
        wanted = type(defaults[key])
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted is tuple and isinstance(value, list):
            value = tuple(value)
        if type(value) is not wanted:
            raise SierError(f"{where}: {key} = {value!r} is not of type {wanted.__name__}.", "Correct it.")
        values[key] = value
    return cls(**values)


def dumps(tables: Mapping[str, Any]) -> str:
    """``tables`` as TOML: plain values first, then mappings as ``[table]``s. None is left out."""
    lines = _lines(tables, "")
    return "\n".join(lines).strip() + "\n"


def _lines(table: Mapping[str, Any], prefix: str) -> list[str]:
    plain = {k: v for k, v in table.items() if v is not None and not isinstance(v, Mapping)}
    lines = [f"{_key(k)} = {_value(v)}" for k, v in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            name = f"{prefix}{_key(key)}"
            lines += ["", f"[{name}]", *_lines(value, f"{name}.")]
    return lines


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)  # inf and nan are written alike in both languages
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None) + "}"
    raise TypeError(f"{type(value).__name__} has no TOML form")
