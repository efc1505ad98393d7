"""How far the training in a folder is, for whoever watches from outside; nothing here needs torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy, FolderLock
from sier_gui.core.nets.training.history import HISTORY, UNITS, Entry, read_history
from sier_gui.core.nets.training.signals import WORK

NOTHING, RUNNING, UNFINISHED, FINISHED = "nothing", "running", "unfinished", "finished"
PLAN, RESULT = "plan.json", "unit.json"


@dataclass(frozen=True)
class Standing:
    """``phase``: one of the four; ``units``: what each network's epochs gave, the one at work last;
    ``finished`` of ``total`` networks (0: not known yet)."""

    phase: str = NOTHING
    units: Mapping[str, list[Entry]] = field(default_factory=dict)
    finished: int = 0
    total: int = 0


def look(out: Path) -> Standing:
    """What is in the release's folder ``out``, or in its unfinished training.

    Raises
    ------
    SierError : a history is damaged.
    """
    work = out / WORK
    there = work.is_dir()
    if not there and not (out / UNITS).is_dir():
        return Standing(FINISHED if (out / "config.toml").is_file() else NOTHING)
    folder = (work if there else out) / UNITS
    folders = [f for f in folder.iterdir() if (f / HISTORY).is_file()] if folder.is_dir() else []
    units = {unit.name: read_history(unit / HISTORY) for unit in sorted(folders, key=_begun)}
    finished = sum((unit / RESULT).is_file() for unit in folders)
    phase = FINISHED if not there else RUNNING if _held(work) else UNFINISHED
    return Standing(phase, units, finished, _total(work) if there else finished)


def write_total(work: Path, total: int) -> None:
    """How many networks there are to train."""
    paths.write_json(work / PLAN, {"networks": total})


def _total(work: Path) -> int:
    file = work / PLAN
    return int(json.loads(file.read_text(encoding="utf-8"))["networks"]) if file.is_file() else 0


def _begun(unit: Path) -> tuple[float, str]:
    """Latest epoch, then name: what is at work comes last."""
    return (unit / HISTORY).stat().st_mtime, unit.name


def _held(work: Path) -> bool:
    try:
        FolderLock(work).release()
    except Busy:
        return True
    except SierError:  # not ours to write: nobody here trains in it
        return False
    return False
