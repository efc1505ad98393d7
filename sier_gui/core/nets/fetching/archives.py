"""Files of a package's archive, read where they lie: nothing is unpacked, so no path can lead anywhere."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from sier_gui.core.errors import SierError

AGAIN = "It is not read. Fetch it again, and check where the package comes from."


def sha256_of(file: Path) -> str:
    """Of the whole file.

    Raises
    ------
    SierError : it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SierError(f"Cannot read {file}: {error.strerror or error}.", "Check the path.") from error


def members(archive: Path, names: Sequence[str], size: int) -> list[bytes]:
    """The files ``names`` of a .tar.gz, in that order.

    Parameters
    ----------
    size : of all of them together, in bytes; an archive that holds more under these names is not read on.

    Raises
    ------
    SierError : damaged, a name is missing, there twice or no plain file, or they are larger than ``size``.
    """
    found: dict[str, bytes] = {}
    left = size
    try:
        with tarfile.open(archive, "r|gz") as opened:
            for member in opened:
                if member.name not in names:
                    continue
                stream = opened.extractfile(member) if member.isreg() else None
                if stream is None or member.name in found or not 0 <= member.size <= left:
                    raise SierError(f"{archive.name}: {member.name} is not the known file.", AGAIN)
                found[member.name] = stream.read()
                left -= member.size
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise SierError(f"{archive.name} is damaged: {error}.", AGAIN) from error
    missing = [name for name in names if name not in found]
    if missing:
        raise SierError(f"{archive.name} lacks {missing[0]}.", AGAIN)
    return [found[name] for name in names]
