"""Finding a dataset's files: listed with os.scandir, told apart by their names, never opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from sier_gui.core.dataset.inspection import PICTURES, SOUNDS
from sier_gui.core.domain import Problem

VIDEOS = {
    ".mp4", ".m4v", ".avi", ".flv", ".f4v", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp", ".ogv",
}  # fmt: skip
_KINDS = {
    suffix: kind
    for kind, suffixes in (("image", PICTURES), ("speech", SOUNDS), ("video", VIDEOS))
    for suffix in suffixes
}
_LOSSLESS = {".wav", ".wave", ".flac", ".aif", ".aiff", ".png"}
_TEXT_LIMIT = 64 << 20
_SHOWN = 160
Key = TypeVar("Key")


def kind_of(suffix: str) -> str:
    """image | speech | video, or "" for anything else; ``suffix`` with its dot, in any case."""
    return _KINDS.get(suffix.lower(), "")


def shown(name: str) -> str:
    """A file's name as it can be printed: control characters and bytes that are no UTF-8 are escaped.

    A long one is shortened in its middle.
    """
    text = name
    if not text.isprintable():
        text = text.encode("utf-8", "backslashreplace").decode()
        text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 3]}…{text[-2 * _SHOWN // 3 :]}"


class Listing:
    """The folders of one dataset, listed without opening a file.

    Attributes
    ----------
    root : its folder; every path here is relative to it.
    problems : what had to be passed over, once each.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self._noted: set[str] = set()

    def note(self, path: str, kind: str, reason: str) -> None:
        """Add ``path``, a file or folder, to the problems as left out because of ``reason``."""
        if path not in self._noted:
            self._noted.add(path)
            self.problems.append(Problem(None, "", "", kind, f"{shown(path)} is left out: {reason}"))

    def entries(self, folder: str) -> list[os.DirEntry[str]]:
        """What ``folder`` holds, sorted, without hidden ones; [] where it is absent or may not be read."""
        try:
            with os.scandir(self.root / folder) as found:
                return sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError:
            self.note(folder or ".", "unreadable", "the folder may not be read")
            return []

    def folders(self, folder: str) -> list[str]:
        """The folders in ``folder``.

        Links to folders are not followed (they could lead out of the dataset, or round in circles), and a
        name that is no UTF-8 could not be found again from a table of text; both are noted.
        """
        paths: list[str] = []
        for entry in self.entries(folder):
            path = os.path.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if _is_text(path):
                    paths.append(path)
                else:
                    self.note(path, "unreadable", "its name is not UTF-8")
            elif entry.is_symlink() and os.path.isdir(entry):
                self.note(path, "outside", "it is a link to a folder, and those are not followed")
        return paths

    def media(self, folder: str) -> Iterator[tuple[str, str, str]]:
        """(kind, stem, path) of each picture, sound and video in ``folder``, sorted."""
        for entry in self.entries(folder):
            stem, suffix = os.path.splitext(entry.name)
            kind = kind_of(suffix)
            if kind and _is_file(entry):
                yield kind, stem, os.path.join(folder, entry.name)

    def named_so(self, folder: str, problem_of: Callable[[str], str]) -> bool:
        """Whether a media file in ``folder`` has a name that ``problem_of`` has nothing against.

        Of the dataset's own folder, "", most must have: it can hold anything, where a folder that is called
        as the dataset's are says something already.
        """
        stems = (stem for _, stem, _ in self.media(folder))
        if folder:
            return any(not problem_of(stem) for stem in stems)
        fitting = [not problem_of(stem) for stem in stems]
        return 2 * sum(fitting) > len(fitting)

    def refusal(self, file: str) -> str:
        """Why ``file`` is not to be read, or "": it must be a plain file inside the dataset's folder."""
        real = os.path.realpath(self.root / file)
        if not real.startswith(os.path.realpath(self.root).rstrip(os.sep) + os.sep):
            return "it is a link out of the dataset's folder"
        return "" if os.path.isfile(real) else "it is no plain file"

    def lines(self, file: str) -> list[str]:
        """The lines of a text file; [] and a note where it cannot or should not be read."""
        reason = self.refusal(file)
        if not reason:
            try:
                if os.stat(self.root / file).st_size <= _TEXT_LIMIT:
                    text = (self.root / file).read_bytes().decode("utf-8", "replace")
                    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
                reason = f"it is larger than {_TEXT_LIMIT >> 20} MiB"
            except OSError as error:
                reason = error.strerror or str(error)
        self.note(file, "unreadable", reason)
        return []


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Without a system call but for links, which may go in circles or where nobody may look."""
    return os.path.isfile(entry) if entry.is_symlink() else entry.is_file()


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Gathered(Generic[Key]):
    """Files by what they belong to: of each key one picture, one sound and one video.

    Of several the one with the smallest ``rank`` counts, then one without loss, then the first that came.
    """

    def __init__(self) -> None:
        self._files: dict[Key, dict[str, tuple[int, int, str, str]]] = {}
        self._doubles: Counter[tuple[str, str]] = Counter()  # folders: left out, because of
        self._example: dict[tuple[str, str], str] = {}

    def add(self, key: Key, kind: str, path: str, rank: int = 0) -> None:
        suffix = os.path.splitext(path)[1].lower()
        new = (rank, int(suffix not in _LOSSLESS), suffix, path)
        files = self._files.setdefault(key, {})
        old = files.setdefault(kind, new)
        if old is new:
            return
        if new[:2] < old[:2]:
            files[kind] = new
        elif new[:3] == old[:3]:
            folders = os.path.dirname(path), os.path.dirname(old[3])
            self._doubles[folders] += 1
            self._example.setdefault(folders, path)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._files)

    def of(self, key: Key) -> dict[str, str]:
        """kind → path relative to the dataset's folder; {} for a key without files."""
        return {kind: file[3] for kind, file in self._files.get(key, {}).items()}

    def doubles(self) -> list[Problem]:
        """One line for each folder with files that another folder has already."""
        return [
            Problem(None, "", "", "duplicate", self._told(folders, count))
            for folders, count in self._doubles.items()
        ]

    def _told(self, folders: tuple[str, str], count: int) -> str:
        files = shown(self._example[folders]) + (f" and {count - 1} more" if count > 1 else "")
        where = shown(folders[1]) or "the dataset's folder"
        return f"{files} left out: {where} has the same"
