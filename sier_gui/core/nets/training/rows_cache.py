"""Rows of arrays computed once and kept on disk: checked before use, safe for several processes.

An entry is a folder: ``<name>.bin`` holds an array's rows, ``pieces.jsonl`` one line for each finished piece
of rows with its checksums and notes. A piece without a line, or that its line contradicts, is computed again:
so a killed run loses a piece, and damage repairs itself.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy, FolderLock
from sier_gui.core.tasks import CancelToken, Progress, Report

PIECES, LOCKS, USED = "pieces.jsonl", "locks", "used"
WAIT_S = 0.2
GIGABYTE = 1 << 30

Values = Mapping[str, NDArray[Any]]
Compute = Callable[[int, int], tuple[Values, dict[str, Any]]]


@dataclass(frozen=True)
class Layout:
    """``arrays``: name → type and shape of a row; ``piece``: rows computed at a time."""

    rows: int
    arrays: Mapping[str, tuple[type[np.generic], tuple[int, ...]]]
    piece: int

    def row_bytes(self, name: str) -> int:
        kind, shape = self.arrays[name]
        return int(np.dtype(kind).itemsize * math.prod(shape))

    @property
    def size(self) -> int:
        return self.rows * sum(map(self.row_bytes, self.arrays))

    @property
    def pieces(self) -> int:
        return -(-self.rows // self.piece)

    def span(self, piece: int) -> tuple[int, int]:
        return piece * self.piece, min(self.rows, (piece + 1) * self.piece)


@dataclass(frozen=True)
class Entry:
    """``arrays``: (rows, …) memory-mapped, read-only; ``notes``: what ``compute`` said, by piece."""

    arrays: dict[str, NDArray[Any]]
    notes: list[dict[str, Any]]


class RowsCache:
    """Entries below ``folder``, at most ``limit_gb`` of them: those used longest ago make room.

    Parameters
    ----------
    overflow : where an entry goes that is larger than the limit; without it one is refused.
    """

    def __init__(self, folder: Path, limit_gb: float = math.inf, overflow: Path | None = None) -> None:
        self.folder = folder
        self.limit = limit_gb * GIGABYTE
        self.overflow = overflow

    def entry(
        self, key: str, layout: Layout, compute: Compute, what: str, *, report: Report, token: CancelToken
    ) -> Entry:
        """The entry ``key``, of which ``compute(start, stop)`` makes what is missing or damaged.

        ``key`` must cover everything that the rows depend on.

        Raises
        ------
        SierError : the disk is full or cannot be written.
        Cancelled : ``token`` was cancelled; finished pieces stay.
        """
        root = self.folder
        if layout.size > self.limit:
            if self.overflow is None:
                raise SierError(f"{what} takes {layout.size / GIGABYTE:.1f} GB.", "Allow the cache more.")
            root = self.overflow
        files = _Files(root / key, layout)
        sound = files.sound()
        if len(sound) < layout.pieces:
            lock = _waited(root / LOCKS / key, token)
            try:
                if root == self.folder:
                    self._make_room(key, layout.size)
                sound = files.filled(files.sound(), compute, what, report, token)
            finally:
                lock.release()
        files.touch()
        return Entry(files.arrays(), [sound[piece].get("notes", {}) for piece in range(layout.pieces)])

    def _make_room(self, key: str, size: int) -> None:
        """Delete what was used longest ago until ``size`` bytes more keep to the limit."""
        if not self.folder.is_dir():
            return
        others = [e for e in self.folder.iterdir() if e.is_dir() and e.name not in (key, LOCKS)]
        sizes = {entry: _size(entry) for entry in others}
        for entry in sorted(others, key=_last_used):
            if sum(sizes.values()) + size <= self.limit:
                return
            try:
                lock = FolderLock(self.folder / LOCKS / entry.name)
            except Busy:
                continue  # it is being filled
            try:
                # where it is mapped by a process Linux keeps it until that ends; Windows keeps the file
                shutil.rmtree(entry, ignore_errors=True)
            finally:
                lock.release()
            sizes[entry] = _size(entry)


class _Files:
    """The files of one entry."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout

    def _array(self, name: str) -> Path:
        return self.folder / f"{name}.bin"

    def sound(self) -> dict[int, dict[str, Any]]:
        """Lines of the pieces that are there and agree with their checksums."""
        file = self.folder / PIECES
        if not file.is_file():
            return {}
        found = (_line(text) for text in file.read_text(encoding="utf-8").splitlines())
        lines = {line["piece"]: line for line in found if line is not None}
        return {piece: line for piece, line in lines.items() if self._agrees(piece, line)}

    def _agrees(self, piece: int, line: dict[str, Any]) -> bool:
        if not 0 <= piece < self.layout.pieces:
            return False
        start, stop = self.layout.span(piece)
        for name in self.layout.arrays:
            row = self.layout.row_bytes(name)
            try:
                with self._array(name).open("rb") as file:
                    file.seek(start * row)
                    data = file.read((stop - start) * row)
            except OSError:
                return False
            if len(data) < (stop - start) * row or zlib.crc32(data) != line["sums"].get(name):
                return False
        return True

    def filled(
        self,
        sound: dict[int, dict[str, Any]],
        compute: Compute,
        what: str,
        report: Report,
        token: CancelToken,
    ) -> dict[int, dict[str, Any]]:
        """All pieces' lines; ``sound`` are those that need not be computed."""
        try:
            self._prepare(sound)
            for piece in range(self.layout.pieces):
                token.check()
                start, stop = self.layout.span(piece)
                report(Progress(start, self.layout.rows, what))
                if piece not in sound:
                    values, notes = compute(start, stop)
                    sound[piece] = self._write(piece, values, notes)
        except OSError as error:
            raise SierError(
                f"Cannot write to {self.folder}: {error.strerror or error}.",
                "Make space; SIER_GUI_HOME moves the cache elsewhere.",
            ) from error
        return sound

    def _prepare(self, sound: dict[int, dict[str, Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.layout.arrays:
            with self._array(name).open("ab") as file:
                file.truncate(self.layout.rows * self.layout.row_bytes(name))
        # written anew: what was cut off or damaged must not precede what is added
        with (self.folder / PIECES).open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(sound[piece]) + "\n" for piece in sorted(sound))

    def _write(self, piece: int, values: Values, notes: dict[str, Any]) -> dict[str, Any]:
        """Plain writes: through a memory map a full disk would end the process."""
        sums = {}
        for name, (kind, _) in self.layout.arrays.items():
            data = np.ascontiguousarray(values[name], kind).tobytes()
            with self._array(name).open("r+b") as file:
                file.seek(piece * self.layout.piece * self.layout.row_bytes(name))
                file.write(data)
            sums[name] = zlib.crc32(data)
        line = {"piece": piece, "sums": sums, **({"notes": notes} if notes else {})}
        with (self.folder / PIECES).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")
        return line

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {
            name: np.memmap(self._array(name), kind, "r", shape=(self.layout.rows, *shape))
            for name, (kind, shape) in self.layout.arrays.items()
        }

    def touch(self) -> None:
        (self.folder / USED).touch()


def _line(text: str) -> dict[str, Any] | None:
    """A line of `PIECES`; None for one that a killed process did not finish."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    whole = (
        isinstance(line, dict) and isinstance(line.get("piece"), int) and isinstance(line.get("sums"), dict)
    )
    return line if whole else None


def _waited(folder: Path, token: CancelToken) -> FolderLock:
    """The lock, once whoever fills the entry has ended."""
    pause = threading.Event()
    while True:
        token.check()
        try:
            return FolderLock(folder)
        except Busy:
            pause.wait(WAIT_S)


def _last_used(entry: Path) -> float:
    used = entry / USED
    return used.stat().st_mtime if used.is_file() else 0.0


def _size(entry: Path) -> int:
    """Bytes on disk, of what is there; files may go while one looks."""
    total = 0
    for base, _, names in os.walk(entry):
        for name in names:
            file = Path(base) / name
            if file.exists():
                total += file.stat().st_size
    return total
