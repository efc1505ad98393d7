"""One writer per folder, by a lock that the operating system lets go when its owner dies."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import IO

from sier_gui.core.errors import SierError

LOCK = "_lock"  # pandas and Arrow skip names that begin with an underscore
_FAR = 1 << 30  # Windows locks bytes; this one lies behind what the file holds, which stays readable


BUSY = ("{folder} is being written by {owner}.", "Wait until it has ended, or choose another folder.")


class Busy(SierError):
    """Somebody else holds the lock."""


class FolderLock:
    """Held from its making until `release`, or until the process ends in any way, kill -9 included.

    The file itself stays: removing it would let two processes each lock a file of their own.

    Parameters
    ----------
    busy : what to say where somebody else holds it, and what to do; ``{folder}`` and ``{owner}`` go in.

    Raises
    ------
    Busy : another process, or another run in this one, writes the folder.
    SierError : it cannot be written.
    """

    def __init__(self, folder: Path, busy: tuple[str, str] = BUSY) -> None:
        file = folder / LOCK
        stream: IO[str] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stream = file.open("a+", encoding="utf-8")
            taken = _take(stream)
        except OSError as error:
            if stream is not None:
                stream.close()
            raise SierError(
                f"Cannot write to {folder}: {error.strerror or error}.",
                "Choose a folder you may write to, with space left.",
            ) from error
        if not taken:
            stream.seek(0)
            owner = stream.read(200).strip() or "another process"
            stream.close()
            message, hint = busy
            raise Busy(message.format(folder=folder, owner=owner), hint)
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}")
        stream.flush()
        self._stream = stream

    def release(self) -> None:
        self._stream.truncate(0)
        self._stream.close()  # which lets the lock go


if sys.platform == "win32":
    import msvcrt

    def _take(stream: IO[str]) -> bool:
        stream.seek(_FAR)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _take(stream: IO[str]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
