"""What a batch has written so far, kept so that a run that was killed goes on where it ended."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from sier_gui.core import paths
from sier_gui.core.errors import SierError
from sier_gui.core.locks import FolderLock

MANIFEST = "export.manifest.json"  # no sample's file has a dot before its suffix
_STATE = "batch.jsonl"
_LEFT_OVER = re.compile(r"\.[0-9a-f]{32}\.\w+")  # as `paths.atomic_file` names them
_BUSY = ("Another export is writing {folder}: {owner}.", "Wait until it has ended, or choose another folder.")


@dataclass(frozen=True, slots=True)
class Line:
    """One sample: ``entries`` as `bundle.export` lists its files, or ``error``, one line."""

    row: int
    sample_id: str
    entries: tuple[dict[str, Any], ...] = ()
    error: str = ""


class Ledger:
    """The one writer of ``out``; a context manager.

    While a batch runs its lines lie in the user's cache, each on the disk's side of the system before the
    next one is written; at its end they become `MANIFEST` beside the figures.

    Parameters
    ----------
    key : of everything that a figure depends on; lines of another one are forgotten.

    Attributes
    ----------
    lines : by row, of samples whose files are all there.
    scale : the shared colour scale, where an earlier run has found it.

    Raises
    ------
    SierError : another process writes there, or it cannot be written.
    """

    def __init__(self, out: Path, key: str) -> None:
        self.out, self.key = out, key
        self.lines: dict[int, Line] = {}
        self.scale: tuple[float, float] | None = None
        name = hashlib.sha256(str(out.resolve()).encode(errors="surrogatepass")).hexdigest()[:32]
        self._folder = paths.user_folder("cache") / "exports" / name
        self._lock = FolderLock(self._folder, (_BUSY[0].replace("{folder}", str(out)), _BUSY[1]))
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def begin(self, scale: tuple[float, float] | None) -> None:
        """A new state with the lines that count already."""
        self.scale = scale
        head = {"schema": 1, "key": self.key, "scale": scale}
        rows = [self._as_json(line) for _, line in sorted(self.lines.items())]
        paths.write_bytes(self._folder / _STATE, _jsonl([head, *rows]))

    def add(self, line: Line) -> None:
        """Keep ``line``, at once."""
        self.lines[line.row] = line
        try:
            with (self._folder / _STATE).open("ab") as file:
                file.write(_jsonl([self._as_json(line)]))
        except OSError as error:
            raise SierError(f"Cannot write to {self._folder}: {error.strerror}.", "Make space.") from error

    def finish(self, rows: Sequence[int], further: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
        """Write the manifest, in the order of ``rows``, with ``further`` entries; returns its entries."""
        known = [self.lines[row] for row in rows if row in self.lines]
        more = [{**entry, "file": self._relative(entry["file"])} for entry in further]
        facts = {"schema": 1, "key": self.key, "scale": self.scale, "further": more}
        paths.write_json(self.out / MANIFEST, {**facts, "samples": [self._as_json(line) for line in known]})
        (self._folder / _STATE).unlink(missing_ok=True)
        return [entry for line in known for entry in line.entries] + list(further)

    # ---------------------------------------------------------------- reading

    def _read(self) -> None:
        """Lines of a run that was ended come after those of one that was finished."""
        for head, lines in (self._finished(), self._interrupted()):
            if head.get("key") != self.key:
                continue
            scale = head.get("scale")
            self.scale = None if scale is None else (float(scale[0]), float(scale[1]))
            for value in lines:
                line = self._from_json(value)
                if line is not None:
                    self.lines[line.row] = line

    def _finished(self) -> tuple[dict[str, Any], list[Any]]:
        try:
            found = json.loads((self.out / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}, []
        return (found, found.get("samples", [])) if isinstance(found, dict) else ({}, [])

    def _interrupted(self) -> tuple[dict[str, Any], list[Any]]:
        try:
            text = (self._folder / _STATE).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return {}, []
        for file in self.out.glob(".*"):  # what was being written when the run was killed
            if _LEFT_OVER.fullmatch(file.name):
                file.unlink(missing_ok=True)
        found = []
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # the line that a kill cut off
                break
        return (found[0], found[1:]) if found and isinstance(found[0], dict) else ({}, [])

    def _from_json(self, value: Any) -> Line | None:
        """The line, if all its files are there in the size they were written in; else it is done again."""
        try:
            entries = tuple({**entry, "file": str(self.out / entry["file"])} for entry in value["entries"])
            whole = all(Path(entry["file"]).stat().st_size == entry["bytes"] for entry in entries)
            line = Line(int(value["row"]), str(value["sample_id"]), entries)
        except (KeyError, TypeError, ValueError, OSError):
            return None
        return line if whole and entries else None

    def _as_json(self, line: Line) -> dict[str, Any]:
        entries = [{**entry, "file": self._relative(entry["file"])} for entry in line.entries]
        return {"row": line.row, "sample_id": line.sample_id, "entries": entries, "error": line.error}

    def _relative(self, file: str) -> str:
        return Path(file).relative_to(self.out).as_posix()


def _jsonl(values: Sequence[Any]) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()
