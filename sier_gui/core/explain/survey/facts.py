"""What a survey's numbers depend on, as its ``_survey.json`` says it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui import __version__
from sier_gui.core import paths
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import CODE_VERSION, ExplainRequest

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

FACTS = "_survey.json"  # pandas and Arrow skip names that begin with an underscore
SCHEMA = 1
# What must be equal for rows to stand in one table, and what a person calls it.
IDENTITY = {
    "schema": "file format",
    "dataset_hash": "dataset",
    "release_hash": "release",
    "classes": "class list",
    "request": "request",
    "code_version": "version of the explanation code",
    "device": "device",
    "threads": "number of threads per sample",
}


def survey_facts(
    catalogue: Catalogue, release: Release, request: ExplainRequest, *, device: str, threads: int
) -> dict[str, Any]:
    """All that ``_survey.json`` says. ``shapes``: of the value lists, by column; −1 varies by sample."""
    return {
        "schema": SCHEMA,
        "dataset": catalogue.name,
        "dataset_hash": catalogue.dataset_hash,
        "samples": len(catalogue),
        "release": release.label,
        "release_hash": release.weights_hash,
        "classes": list(release.classes),
        "request": asdict(request),
        "shapes": shapes(request, len(release.classes)),
        "device": device,
        "threads": threads,
        "code_version": CODE_VERSION,
        "version": __version__,
    }


def shapes(request: ExplainRequest, classes: int) -> dict[str, list[int]]:
    """Shapes of the value columns (their standard errors alike), and of f_none, f_all and the splits."""
    grid, segments = request.grid, request.segments if isinstance(request.segments, int) else -1
    if request.method == "modality":
        grid = segments = 1
    bands = [request.bands] if request.bands > 1 and request.method != "modality" else []
    values = {
        str(Modality.IMAGE): [classes, grid, grid],
        str(Modality.SPEECH): [classes, *bands, segments],
    }
    errors = {f"stderr_{name}": shape for name, shape in values.items()}
    rest = ("f_none", "f_all", *(f"split_{m}" for m in Modality))
    return values | errors | {name: [classes] for name in rest}


def read_facts(folder: Path) -> dict[str, Any] | None:
    """None where the folder holds no survey.

    Raises
    ------
    SierError : the file is damaged or cannot be read.
    """
    file = folder / FACTS
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not {*IDENTITY, "shapes", "samples"} <= set(found):
            raise ValueError("it lacks entries")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SierError(
            f"Cannot read {file}: {error}.", "Choose another folder, or remove this one to compute it again."
        ) from error
    return found


def check_same(folder: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to mix rows that another request, release or dataset gave.

    Raises
    ------
    SierError : names the first thing that differs, and both its values.
    """
    for key, name in IDENTITY.items():
        old, new = there[key], json.loads(json.dumps(wanted[key]))
        if old == new:
            continue
        if key == "request":
            (part, old, new), *_ = _differences(old, new)
            name = f"request ({part} {old!r}, not {new!r})"
        elif key in ("dataset_hash", "release_hash"):
            label = key.removesuffix("_hash")
            name = f"{name} ({there.get(label)}, not {wanted[label]}; {str(old)[:8]}, not {str(new)[:8]})"
        else:
            name = f"{name} ({old}, not {new})"
        raise SierError(f"{folder} holds a survey of another {name}.", "Choose another folder for this one.")


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (part, old.get(part), new.get(part))
        for part in sorted({*old, *new})
        if old.get(part) != new.get(part)
    ]


def survey_folder(catalogue: Catalogue, release: Release, request: ExplainRequest) -> Path:
    """Where a survey lies unless somebody says otherwise: in the user's cache, by all it depends on."""
    key = json.dumps(
        [catalogue.dataset_hash, release.weights_hash, asdict(request), CODE_VERSION, SCHEMA], sort_keys=True
    )
    return paths.user_folder("cache") / "surveys" / hashlib.sha256(key.encode()).hexdigest()[:32]
