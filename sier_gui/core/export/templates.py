"""Templates: a design with its width and manner, in a TOML file of a few lines that anybody may write.

    title = "Figure 7, one column"
    design = "figure7"
    width_mm = 85
    signed = false

Further keys are those of `FigureOptions` (opacity, dpi, caption). The shipped ones lie in
``resources/templates``, the user's own in ``templates`` of the settings' folder.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.export.view import FigureOptions

_ORDER = ("figure7", "one-column", "two-columns")  # the others follow by name
_KEYS = {field.name for field in fields(FigureOptions)} - {"scale"}


@dataclass(frozen=True, slots=True)
class Template:
    """``name`` is the file's, without its suffix."""

    name: str
    title: str
    options: FigureOptions


def list_templates() -> list[Template]:
    """The shipped ones and the user's own, which replace shipped ones of their name; damaged ones are left
    out."""
    found: dict[str, Template] = {}
    for folder in (paths.resources() / "templates", paths.user_folder("config") / "templates"):
        for file in sorted(folder.glob("*.toml")):
            try:
                found[file.stem] = read_template(file)
            except SierError:
                continue  # one damaged file must not hide the others; named, it says what is wrong
    first = {name: place for place, name in enumerate(_ORDER)}
    return sorted(found.values(), key=lambda one: (first.get(one.name, len(first)), one.name))


def template(name: str) -> Template:
    """By its name, or by the path of its file.

    Raises
    ------
    SierError : there is none, or its file is damaged.
    """
    if name.endswith(".toml"):
        return read_template(Path(name))
    known = {one.name: one for one in list_templates()}
    if name not in known:
        raise SierError(
            f"There is no template {name!r}.", f"Use {', '.join(known)}, or the path of a .toml file."
        )
    return known[name]


def read_template(file: Path) -> Template:
    """The template in ``file``.

    Raises
    ------
    SierError : it cannot be read, has an unknown key, or a value that no figure can have.
    """
    from sier_gui.core.export.designs import design

    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SierError(f"Cannot read the template {file}: {error}.", "Correct or remove it.") from error
    title = table.pop("title", file.stem)
    if unknown := sorted(set(table) - _KEYS):
        raise SierError(f"{file} has unknown keys: {', '.join(unknown)}.", f"Use {', '.join(sorted(_KEYS))}.")
    try:
        options = FigureOptions(**{**table, "width_mm": float(table.get("width_mm", 140.0))})
    except (TypeError, ValueError) as error:
        raise SierError(f"{file} has a value of the wrong kind: {error}.", "Correct it.") from error
    kinds: dict[str, Any] = {
        "signed": bool,
        "opacity": (int, float),
        "dpi": int,
        "caption": (str, type(None)),
    }
    for key, kind in kinds.items():
        if not isinstance(getattr(options, key), kind):
            raise SierError(f"{file} has a {key} of the wrong kind.", "Correct it.")
    design(options.design)
    return Template(file.stem, str(title), options)
