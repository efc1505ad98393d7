"""Takes on the disk: where they lie, the JSON beside each, and putting right what a crash left half done.

A take is written as ``003.wav.part`` and synced; its sidecar ``003.json`` is written; the part is renamed to
``003.wav``; the project learns of it. Whatever the moment of a crash, the next opening finishes or removes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sier_gui.core.errors import SierError
from sier_gui.core.study.project.database import TAKES, sync_folder
from sier_gui.core.study.project.recordings import Recordings
from sier_gui.core.study.records import Take

SCHEMA = 1
PART = ".part"
_LONGEST = 120  # characters of a folder's name


def sample_folder(sample_id: str) -> str:
    """A sample's id as one folder's name on any system: other characters as %XX, long ones with a hash."""
    name = quote(sample_id, safe=" -_+,=@()")  # a dot too, quote never escapes it
    if name.strip(". ") != name:
        name = name.replace(".", "%2E").replace(" ", "%20")
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 17]}-{hashlib.sha256(sample_id.encode()).hexdigest()[:16]}"
    return name


def take_path(reader: str, sample_id: str, number: int) -> str:
    """Relative to the project, with forward slashes."""
    return f"{TAKES}/{reader}/{sample_folder(sample_id)}/{number:03d}.wav"


def sidecar_of(wav: Path) -> Path:
    return wav.with_suffix(".json")


def write_sidecar(wav: Path, values: dict[str, Any]) -> None:
    """Atomically, and on the disk when this returns.

    Raises
    ------
    OSError : the disk is full or read-only.
    """
    target = sidecar_of(wav)
    temporary = target.with_name(f".{target.name}{PART}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, **values}, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, target)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(part: Path, wav: Path) -> None:
    """Give a finished part its name; what lies there already is never overwritten.

    Raises
    ------
    SierError : a file of that name exists.
    OSError : the rename failed.
    """
    if wav.exists():
        raise SierError(
            f"{wav} exists; takes are never overwritten.", "Record again: it gets the next number."
        )
    os.rename(part, wav)
    sync_folder(wav.parent)


def take_from(values: dict[str, Any], path: str) -> Take:
    """The `Take` that a sidecar describes.

    Raises
    ------
    KeyError, TypeError, ValueError : it is no sidecar of ours.
    """
    verdict, trim = values["verdict"], values["trim"]
    return Take(
        reader=str(values["reader"]),
        sample_id=str(values["sample_id"]),
        number=int(values["number"]),
        path=path,
        sha256=str(values["sha256"]),
        rate=int(values["rate"]),
        duration_s=float(values["duration_s"]),
        verdict=str(verdict["status"]),
        reasons=tuple(str(reason) for reason in verdict["reasons"]),
        start_s=float(trim["start_s"]),
        end_s=float(trim["end_s"]),
        recorded_at=str(values["recorded_at"]),
        imported=bool(values.get("imported", False)),
    )


# ---------------------------------------------------------------- after a crash


def repair(project: Recordings) -> list[str]:
    """Finish or remove what a crash left; a sentence for each.

    A take complete on the disk but unknown to the project is added, not accepted; a part of one is removed.
    """
    root = project.folder / TAKES
    if not root.is_dir():
        return []
    told = [*_parts(root)]
    known = {row["path"] for row in project.ask("SELECT path FROM takes")}
    names = {row["reader"] for row in project.ask("SELECT reader FROM readers")}
    for wav in sorted(root.glob("*/*/*.wav")):
        path = wav.relative_to(project.folder).as_posix()
        if path not in known:
            told.append(_adopt(project, wav, path, names))
    missing = [path for path in sorted(known) if not (project.folder / path).is_file()]
    told += [
        f"The take {path} is missing from the disk; copy it back, or record it again." for path in missing
    ]
    return told


def _parts(root: Path) -> Iterator[str]:
    for part in sorted(root.glob(f"*/*/*{PART}")):
        wav = part.with_suffix("")
        try:
            if wav.suffix == ".wav" and not wav.exists() and _values(wav)["sha256"] == file_hash(part):
                publish(part, wav)
                yield f"The take {wav.relative_to(root)} was complete but had no name yet; it has one now."
                continue
        except (OSError, ValueError, KeyError, TypeError):
            pass_over = "no sidecar that fits: the take was not complete"
        else:
            pass_over = "another recording than its sidecar describes"
        part.unlink(missing_ok=True)
        if wav.suffix == ".wav":
            if not wav.exists():
                sidecar_of(wav).unlink(missing_ok=True)
            yield (
                f"The take {wav.relative_to(root)} was being recorded when the program ended; what there was "
                f"of it has been removed ({pass_over}). Record it again."
            )


def _values(wav: Path) -> dict[str, Any]:
    values = json.loads(sidecar_of(wav).read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    return values


def _adopt(project: Recordings, wav: Path, path: str, readers: set[str]) -> str:
    try:
        values = _values(wav)
        take = take_from(values, path)
        if take.sha256 != file_hash(wav):
            return f"{path} is not the recording that its sidecar describes; it was left where it is."
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path} has no readable sidecar; it was left where it is. Import it to use it."
    if take.reader not in readers:
        return f"{path} is by {take.reader}, who is no reader of this project; it was left where it is."
    project.add_take(take, str(values.get("session", "")))
    return (
        f"The take {path} was recorded but not yet listed when the program ended; listen to it and accept it."
    )
