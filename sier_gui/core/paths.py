"""Where things lie: shipped data, the user's own folders, and safe writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sier_gui.core.errors import SierError

_PACKAGE = Path(__file__).resolve().parent.parent
# In a wheel the data lies inside the package; in a checkout beside it.
_DATA = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent


def resources() -> Path:
    """Read-only things people look at: demo, fonts, icons, protocols."""
    return _DATA / "resources"


def models() -> Path:
    """Shipped releases: ``<name>/<version>/``."""
    return _DATA / "models"


STUDY = "study.sqlite"  # a study project's file, in a folder of its own


def is_project(path: Path) -> bool:
    """Whether a study project lies at ``path``, its folder or its file."""
    return (path / STUDY).is_file() or (path.name == STUDY and path.is_file())


def user_folder(kind: str) -> Path:
    """The user's ``config`` | ``cache`` | ``data`` folder; ``SIER_GUI_HOME`` moves all three."""
    home = os.environ.get("SIER_GUI_HOME")
    if home:
        return Path(home) / kind
    import platformdirs

    where = {
        "config": platformdirs.user_config_dir,
        "cache": platformdirs.user_cache_dir,
        "data": platformdirs.user_data_dir,
    }[kind]
    return Path(where("sier-gui", appauthor=False))


def check_media(path: Path, what: str) -> None:
    """Refuse what no decoder should open: ``path`` must be a readable regular file that is not empty.

    Pipes and devices are refused since reading them may block for ever. ``what`` is "sound" or "picture".

    Raises
    ------
    SierError : says which of these it is.
    """
    try:
        if path.is_dir():
            raise SierError(f"{path} is a folder, not a {what} file.", "Choose a file in it.")
        if not path.is_file():
            raise SierError(f"There is no {what} file at {path}.", "Check the path.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or error
        raise SierError(f"Cannot open {path}: {reason}.", "Check the path and its permissions.") from error
    if empty:
        raise SierError(f"{path} is empty (0 bytes).", "Copy it again from its source.")


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path; on success it replaces ``target``, on failure nothing is left.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    if not target.name:  # "." and "/": they would have no name to put the temporary file beside
        raise SierError(f"{target} is a folder, not a file to write.", "Name a file in it.")
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # not mkstemp: its 0600 would survive the rename and lock colleagues out of a shared folder
        temporary = target.with_name(f".{os.urandom(16).hex()}{target.suffix}")
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise SierError(
            f"Cannot write {target}: {error.strerror or error}.",
            "Choose a folder you may write to, with space left.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(target: Path, data: bytes) -> None:
    with atomic_file(target) as temporary:
        temporary.write_bytes(data)


def write_json(target: Path, value: Any) -> None:
    write_bytes(target, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())
