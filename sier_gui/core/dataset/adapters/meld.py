"""MELD: ``train_sent_emo.csv`` (and dev, test) with a clip ``dia{D}_utt{U}.mp4`` for each of its rows.

The clips of a part lie in folders that are called after it: train_splits, dev_splits_complete,
output_repeated_splits_test; numbers start anew in each part. Source: S. Poria and others (2019), MELD: A
Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, ACL, and its repository's README.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.files import Gathered, Listing, shown
from sier_gui.core.dataset.adapters.rows import Rows
from sier_gui.core.dataset.tables import notes, read_table
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE = re.compile(r"(train|dev|test)_sent_emo\.csv", re.IGNORECASE)
_TABLE_FOLDERS = ("", "train", "dev", "test", "data", os.path.join("data", "MELD"))
_NEEDED = ("utterance", "speaker", "emotion", "dialogue_id", "utterance_id")
_MORE = {  # column of ours → of theirs
    "sentiment": "sentiment", "dialogue": "dialogue_id", "utterance": "utterance_id", "season": "season",
    "episode": "episode", "start": "starttime", "end": "endtime",
}  # fmt: skip
_SPLITS = {"train": "train", "dev": "val", "test": "test"}
_LABELS = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "happy", "neutral": "neutral",
    "sadness": "sad", "surprise": "surprise",
}  # fmt: skip
# 132 clips of the test part exist a second time with this in front; its authors say to leave those
# out (issue 22 of the repository), so they only count where there is no other
_CLIP = re.compile(r"(final_videos_test)?dia([0-9]{1,6})_utt([0-9]{1,6})", re.IGNORECASE)
_PART = re.compile(r"(?:^|[^a-z])(train|dev|test)(?:[^a-z]|$)")
_DEPTH = 3
# The published files hold apostrophes and dashes of Windows' code page as control characters
_CONTROLS = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
Clip = tuple[str, int, int]  # part, dialogue, utterance


class Meld:
    name = "meld"

    def matches(self, path: Path) -> bool:
        """It has one of the three tables, with the columns that number dialogues and utterances."""
        listing = Listing(path)
        return path.is_dir() and any(_numbered(listing, table) for table in _tables(listing).values())

    def read(self, path: Path) -> pa.Table:
        """One row an utterance of the tables found; ``split`` is their part: train, val (dev) or test."""
        listing = Listing(path)
        tables = _tables(listing)
        rows = Rows(listing.problems, "split", *_MORE)
        clips = _clips(listing, tuple(tables))
        seen: set[Clip] = set()
        for part, file in tables.items():
            try:
                lines = _utterances(listing, file)
            except SierError as error:
                listing.note(file, "unreadable", str(error))
                continue
            for line in lines:
                clip = (part, int(line["dialogue_id"]), int(line["utterance_id"]))
                seen.add(clip)
                rows.add(clips.of(clip), _cells(clip, line))
        _note_unused(listing, clips, seen, tables)
        return rows.table(path, "MELD")


def _tables(listing: Listing) -> dict[str, str]:
    """part → its table, relative to the root; the first of a name, in the order of ``_TABLE_FOLDERS``."""
    found: dict[str, str] = {}
    for folder in _TABLE_FOLDERS:
        for entry in listing.entries(folder):
            name = _TABLE.fullmatch(entry.name)
            if name:
                found.setdefault(name[1].lower(), os.path.join(folder, entry.name))
    return {part: found[part] for part in _SPLITS if part in found}


def _numbered(listing: Listing, table: str) -> bool:
    if listing.refusal(table):
        return False
    try:
        with open(listing.root / table, "rb") as file:
            header = file.read(4096).splitlines()[:1]
    except OSError:
        return False
    return bool(header) and b"dialogue_id" in header[0].lower() and b"utterance_id" in header[0].lower()


def _utterances(listing: Listing, file: str) -> Iterator[dict[str, str]]:
    """The table's rows by lower-case column; those without numbers are noted and left out.

    Raises
    ------
    SierError : a link out of the folder, damaged, or a column is missing.
    """
    reason = listing.refusal(file)
    if reason:
        raise SierError(f"{reason}.")
    table = read_table(listing.root / file)
    listing.problems += notes(table)
    columns = {name.strip().lower(): table.column(name).to_pylist() for name in table.column_names}
    absent = [name for name in _NEEDED if name not in columns]
    if absent:
        raise SierError(f"it has no column {', '.join(absent)}.")
    lines = (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
    return _with_numbers(listing, file, lines)


def _with_numbers(listing: Listing, file: str, lines: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    for number, line in enumerate(lines, start=1):
        wrong = [name for name in ("dialogue_id", "utterance_id") if not _is_number(line[name])]
        if wrong:
            reason = f"its {wrong[0]}, {shown(line[wrong[0]])!r}, is no number"
        elif line["emotion"].strip().lower() not in _LABELS:
            reason = f"its emotion, {shown(line['emotion'])!r}, is none of {', '.join(_LABELS)}"
        else:
            yield line
            continue
        listing.note(f"{file}, row {number},", "unreadable", reason)


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,6}", cell.strip()))


def _cells(clip: Clip, line: dict[str, str]) -> dict[str, str]:
    part, dialogue, utterance = clip
    original = line["emotion"].strip()
    return {
        "sample_id": f"{part}_dia{dialogue}_utt{utterance}",
        "text": line["utterance"].translate(_CONTROLS),
        "label": _LABELS[original.lower()],
        "original_label": original,
        "speaker": line["speaker"].strip().translate(_CONTROLS),
        "split": _SPLITS[part],
        **{ours: line.get(theirs, "") for ours, theirs in _MORE.items()},
    }


def _clips(listing: Listing, parts: tuple[str, ...]) -> Gathered[Clip]:
    """The files by part and numbers. A folder's part is told by its path; with one table only, it is that."""
    gathered: Gathered[Clip] = Gathered()
    for folder in _walk(listing):
        words = _PART.findall(folder.lower().replace(os.sep, "//"))
        part = words[-1] if words else parts[0] if len(parts) == 1 else ""
        for kind, stem, file in listing.media(folder):
            name = _CLIP.fullmatch(stem)
            if not name:
                listing.note(file, "unreadable", "its name is not dialogue and utterance, as in dia0_utt3")
            elif not part:
                listing.note(file, "unreadable", "no folder of it says whether it is of train, dev or test")
            else:
                gathered.add((part, int(name[2]), int(name[3])), kind, file, rank=int(bool(name[1])))
    listing.problems += gathered.doubles()
    return gathered


def _walk(listing: Listing) -> Iterator[str]:
    level = [""]
    for _ in range(_DEPTH + 1):
        yield from level
        level = [below for folder in level for below in listing.folders(folder)]


def _note_unused(listing: Listing, clips: Gathered[Clip], seen: set[Clip], tables: dict[str, str]) -> None:
    """Clips that no row names: one line each, or one for all of a part without a table."""
    without: Counter[str] = Counter()
    for clip in clips:
        part = clip[0]
        if part not in tables:
            without[part] += 1
        elif clip not in seen:
            for file in clips.of(clip).values():
                listing.note(file, "unreadable", f"{tables[part]} has no row for it")
    for part, count in without.items():
        reason = f"there is no {part}_sent_emo.csv"
        listing.note(f"What there is of {count} utterances of {part}", "missing", reason)
