"""One folder per class: ``root/<class>/<name>.jpg`` with ``<name>.wav`` beside it, or
``root/images/<class>/…`` with ``root/speech/<class>/…``. The name without suffix makes the pair.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.files import Listing, shown
from sier_gui.core.dataset.tables import text_array, with_notes
from sier_gui.core.domain import Problem
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

_IMAGE_FOLDERS = ("images", "image", "pictures", "faces")
_SPEECH_FOLDERS = ("speech", "audio", "sounds", "voices")
Key = tuple[str, str]  # class, stem


class ClassFolders:
    name = "class_folders"

    def matches(self, path: Path) -> bool:
        """A folder that has a media file one level down; stops at the first."""
        return path.is_dir() and any(True for _ in _media(Listing(path)))

    def read(self, path: Path) -> pa.Table:
        """The pairs, by class and name; files without a partner are noted."""
        import pyarrow as pa

        listing = Listing(path)
        image, speech, keys = paired(_media(listing), listing.problems)
        if not keys:
            raise SierError(
                f"{path} has folders with pictures or sound, but no picture and sound of the same name.",
                "Name them alike: anger/0001.jpg with anger/0001.wav.",
            )
        columns = {
            "sample_id": _ids(keys),
            "image": [image[key] for key in keys],
            "speech": [speech[key] for key in keys],
            "text": [""] * len(keys),
            "label": [label for label, _ in keys],
        }
        table = pa.table({name: text_array(cells) for name, cells in columns.items()})
        return with_notes(table, listing.problems)


Files = dict[Key, str]


def paired(media: Iterable[tuple[str, Key, str]], problems: list[Problem]) -> tuple[Files, Files, list[Key]]:
    """Pictures and sounds by key, and the keys that have both, sorted; ``problems`` gets the others."""
    found: dict[str, Files] = {"image": {}, "speech": {}}
    for kind, key, file in media:
        first = found[kind].setdefault(key, file)
        if first != file:
            reason = f"{shown(file)} is left out: {shown(first)} is the {kind} of the same name"
            problems.append(Problem(None, shown(key[1]), kind, "duplicate", reason))
    image, speech = found["image"], found["speech"]
    problems += [_unpaired(key, "speech", image[key]) for key in sorted(image.keys() - speech.keys())]
    problems += [_unpaired(key, "image", speech[key]) for key in sorted(speech.keys() - image.keys())]
    return image, speech, sorted(image.keys() & speech.keys())


def _ids(keys: list[Key]) -> list[str]:
    """The names, or class/name where two classes share one."""
    names = [name for _, name in keys]
    return names if len(set(names)) == len(names) else [f"{label}/{name}" for label, name in keys]


def _unpaired(key: Key, column: str, other: str) -> Problem:
    reason = f"{shown(other)} is left out: there is no {column} file of the same name"
    return Problem(None, shown(key[1]), column, "missing", reason)


def _media(listing: Listing) -> Iterator[tuple[str, Key, str]]:
    """(image | speech, (class, stem), path relative to the root) of each media file in its class folder.

    Of several files with one stem the first by name counts.
    """
    for top in tops(listing):
        for folder in (entry for entry in listing.entries(top) if entry.is_dir()):
            for kind, stem, file in listing.media(os.path.join(top, folder.name)):
                if kind != "video":
                    yield kind, (folder.name, stem), file


def tops(listing: Listing) -> list[str]:
    """Where pictures and sounds lie: two folders named so, or the dataset's own."""
    roots = {entry.name.lower(): entry.name for entry in listing.entries("") if entry.is_dir()}
    image = next((roots[name] for name in _IMAGE_FOLDERS if name in roots), None)
    speech = next((roots[name] for name in _SPEECH_FOLDERS if name in roots), None)
    return [""] if image is None or speech is None else [image, speech]
