"""B-T4SA: ``b-t4sa_train.txt`` (and val, test) with lines ``data/75801/758014713804587008-1.jpg 2``.

A picture is called by its tweet and its number in it; 0, 1, 2 are negative, neutral, positive. The tweets'
texts lie in ``raw_tweets_text.csv`` (id, text), the probabilities of the text's sentiment in
``t4sa_text_sentiment.tsv`` (TWID, NEG, NEU, POS). Source: L. Vadicamo and others (2017), Cross-Media Learning
for Image Sentiment Analysis in the Wild, ICCV Workshops; t4sa.it.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sier_gui.core.dataset.adapters.files import Gathered, Listing, shown
from sier_gui.core.dataset.adapters.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

_IMAGES = "b-t4sa_imgs"  # what the archive of the pictures and lists is called
_LISTS = ("b-t4sa_train.txt", "b-t4sa_val.txt", "b-t4sa_test.txt")
# no dots in folders: a path cannot leave the list's own
_LINE = re.compile(
    r"((?:[A-Za-z0-9_-]{1,64}/){0,8}(([0-9]{5,20})-[0-9]{1,3})\.(?:jpe?g|JPE?G|png))\s+([012])"
)
_TEXTS, _SENTIMENTS = "raw_tweets_text.csv", "t4sa_text_sentiment.tsv"
_LABELS = ("negative", "neutral", "positive")
_PROBABILITIES = tuple(f"p_text_{label}" for label in _LABELS)


class _Line(NamedTuple):
    split: str
    picture: str  # relative to the list's folder
    stem: str
    tweet: str
    label: int


class BT4SA:
    name = "b_t4sa"

    def matches(self, path: Path) -> bool:
        """One of the three lists is in it, or in its b-t4sa_imgs with one of the tables beside that."""
        return path.is_dir() and _home(Listing(path)) is not None

    def read(self, path: Path) -> pa.Table:
        """One row a picture. There is no speech: a sound of the picture's name beside it is taken for it.

        A tweet's author is not told, so ``speaker`` is empty; ``tweet`` groups the pictures of one text.
        """
        listing = Listing(path)
        rows = Rows(listing.problems, "split", "tweet", *_PROBABILITIES)
        folder, lists = _home(listing) or ("", [])
        lines = [line for name in lists for line in _lines(listing, os.path.join(folder, name))]
        sounds = _sounds(listing, folder, lines)
        tweets = {line.tweet for line in lines}
        texts = _look_up(listing, _beside(listing, folder, _TEXTS), ",", 1, tweets)
        chances = _look_up(listing, _beside(listing, folder, _SENTIMENTS), "\t", 3, tweets)
        for line in lines:
            sound = sounds.of(line.stem).get("speech", "")
            cells = _cells(line, texts.get(line.tweet, ("",)), chances.get(line.tweet, ("", "", "")))
            rows.add({"image": os.path.join(folder, line.picture), "speech": sound}, cells)
        return rows.table(path, "B-T4SA")


def _cells(line: _Line, text: tuple[str, ...], chances: tuple[str, ...]) -> dict[str, str]:
    return {
        "sample_id": line.stem,
        "text": text[0],
        "label": _LABELS[line.label],
        "original_label": str(line.label),
        "split": line.split,
        "tweet": f"t{line.tweet}",  # a letter, or it would be taken for a number and rounded
        **dict(zip(_PROBABILITIES, chances, strict=True)),
    }


def _home(listing: Listing) -> tuple[str, list[str]] | None:
    """The folder with the lists, and their names in the order train, val, test."""
    above = {entry.name for entry in listing.entries("")}
    inner = {_IMAGES} & above if above & {_TEXTS, _SENTIMENTS} else set()
    for folder in ("", *inner):
        names = {entry.name for entry in listing.entries(folder)} if folder else above
        lists = [name for name in _LISTS if name in names]
        if lists:
            return folder, lists
    return None


def _lines(listing: Listing, file: str) -> Iterator[_Line]:
    split = Path(file).stem.removeprefix("b-t4sa_")
    for number, line in enumerate(listing.lines(file), start=1):
        parts = _LINE.fullmatch(line.strip())
        if parts:
            yield _Line(split, parts[1], parts[2], parts[3], int(parts[4]))
        elif line.strip():
            reason = f"{shown(line.strip())!r} is not a picture <tweet>-<number>.jpg and 0, 1 or 2"
            listing.note(f"{file}, line {number},", "unreadable", reason)


def _sounds(listing: Listing, folder: str, lines: list[_Line]) -> Gathered[str]:
    gathered: Gathered[str] = Gathered()
    for below in sorted({os.path.dirname(line.picture) for line in lines}):
        for kind, stem, file in listing.media(os.path.join(folder, below)):
            if kind == "speech":
                gathered.add(stem, kind, file)
    return gathered


def _beside(listing: Listing, folder: str, name: str) -> str:
    """The table of this name in the lists' folder or in the dataset's own; "" without."""
    places = (os.path.join(folder, name), name)
    return next((place for place in places if os.path.lexists(listing.root / place)), "")


def _look_up(
    listing: Listing, file: str, delimiter: str, values: int, wanted: set[str]
) -> dict[str, tuple[str, ...]]:
    """From a table whose first column is the tweet: its next ``values`` cells, for the tweets ``wanted``.

    Read row by row, since the one of texts has 3.4 million of which a tenth is wanted, and so that a damaged
    row costs no other one. What is damaged is noted, and what was read until there is kept.
    """
    if not file:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    ragged = 0
    reason = listing.refusal(file)
    if not reason:
        try:
            with open(listing.root / file, encoding="utf-8", errors="replace", newline="") as stream:
                for row in csv.reader(stream, delimiter=delimiter):
                    if len(row) != values + 1:
                        ragged += bool(row)
                    elif row[0] in wanted:
                        found.setdefault(row[0], tuple(cell.strip() for cell in row[1:]))
        except (csv.Error, OSError) as error:
            reason = str(error)
    if reason:
        listing.note(f"{file}, or what follows {len(found)} tweets of it,", "unreadable", reason)
    if ragged:
        listing.note(f"{ragged} rows of {file}", "unreadable", f"they have not {values + 1} cells")
    return found
