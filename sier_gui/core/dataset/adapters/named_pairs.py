"""Pictures and sounds of the same name, without classes: ``0001.jpg`` with ``0001.wav`` beside it, or
``images/0001.jpg`` with ``speech/0001.wav``. What is said may stand in ``0001.txt`` beside the sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.class_folders import Key, paired, tops
from sier_gui.core.dataset.adapters.files import Listing
from sier_gui.core.dataset.tables import text_array, with_notes

if TYPE_CHECKING:
    import pyarrow as pa


class NamedPairs:
    name = "named_pairs"

    def matches(self, path: Path) -> bool:
        """A folder with at least one pair."""
        return path.is_dir() and bool(paired(_media(Listing(path)), [])[2])

    def read(self, path: Path) -> pa.Table:
        """The pairs by name, without labels; files without a partner are noted."""
        import pyarrow as pa

        listing = Listing(path)
        image, speech, keys = paired(_media(listing), listing.problems)
        columns = {
            "sample_id": [name for _, name in keys],
            "image": [image[key] for key in keys],
            "speech": [speech[key] for key in keys],
            "text": [_text_beside(listing, speech[key]) for key in keys],
            "label": [""] * len(keys),
        }
        table = pa.table({name: text_array(cells) for name, cells in columns.items()})
        return with_notes(table, listing.problems)


def _media(listing: Listing) -> Iterator[tuple[str, Key, str]]:
    for top in tops(listing):
        for kind, stem, file in listing.media(top):
            if kind != "video":
                yield kind, ("", stem), file


def _text_beside(listing: Listing, sound: str) -> str:
    """The words of a text file of the sound's name; "" where there is none."""
    file = os.path.splitext(sound)[0] + ".txt"
    if not (listing.root / file).exists():
        return ""
    return " ".join(" ".join(listing.lines(file)).split())
