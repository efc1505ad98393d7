"""IEMOCAP: ``Session1`` to ``Session5``, each with labels, transcriptions and a sound file for each turn.

    Session1/dialog/EmoEvaluation/Ses01F_impro01.txt  [6.29 - 8.23]  Ses01F_impro01_F000  neu  [2.5, 2.5, 2.5]
    Session1/dialog/transcriptions/Ses01F_impro01.txt Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
    Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav
    Session1/dialog/avi/DivX/Ses01F_impro01.avi       the whole dialogue

Source: C. Busso and others (2008), IEMOCAP: Interactive emotional dyadic motion capture database, Language
Resources and Evaluation 42(4), and the release's README.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.files import Gathered, Listing, shown
from sier_gui.core.dataset.adapters.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

_SESSION = re.compile(r"Session[0-9]")
_EVALUATION = os.path.join("dialog", "EmoEvaluation")
_DIALOGUE = re.compile(r"Ses([0-9]{2})[FM]_(impro|script)[0-9]{2}(?:_[0-9])?[a-z]?")
_TURN = re.compile(rf"({_DIALOGUE.pattern})_([FM])[0-9X]{{3,4}}[a-z]?")
_NUMBER = r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*"
_LABEL_LINE = re.compile(
    rf"\[{_NUMBER}-{_NUMBER}\]\s+(\S{{1,64}})\s+(\S{{1,16}})\s+\[{_NUMBER},{_NUMBER},{_NUMBER}\]\s*"
)
_TEXT_LINE = re.compile(r"(\S{1,64})\s+\[[^\]]{1,64}\]:\s*(.*)")
_LABELS = {
    "ang": "anger", "hap": "happy", "sad": "sad", "neu": "neutral", "fru": "frustration", "exc": "excitement",
    "fea": "fear", "sur": "surprise", "dis": "disgust", "oth": "other",
    "xxx": "",  # the annotators did not agree
}  # fmt: skip
_NUMBERS = ("start_s", "end_s", "valence", "activation", "dominance")
_MORE = ("gender", "session", "dialogue", "scenario", *_NUMBERS)


class Iemocap:
    name = "iemocap"

    def matches(self, path: Path) -> bool:
        """One of its sessions has a file of labels."""
        listing = Listing(path)
        dialogues = (name for session in _sessions(listing) for name in _dialogues(listing, session))
        return path.is_dir() and any(dialogues)

    def read(self, path: Path) -> pa.Table:
        """One row a turn that has a label; those on which the annotators did not agree have the label ""."""
        listing = Listing(path)
        rows = Rows(listing.problems, *_MORE)
        for session in _sessions(listing):
            folder = os.path.join(session, "dialog", "avi", "DivX")
            videos = {stem: file for kind, stem, file in listing.media(folder) if kind == "video"}
            for dialogue in _dialogues(listing, session):
                _add_dialogue(listing, session, dialogue, videos.get(dialogue, ""), rows)
        return rows.table(path, "IEMOCAP")


def _sessions(listing: Listing) -> Iterator[str]:
    """The folder itself, which may be one session, and its SessionN."""
    yield ""
    yield from (folder for folder in listing.folders("") if _SESSION.fullmatch(folder))


def _dialogues(listing: Listing, session: str) -> Iterator[str]:
    for entry in listing.entries(os.path.join(session, _EVALUATION)):
        stem, suffix = os.path.splitext(entry.name)
        if suffix == ".txt" and _DIALOGUE.fullmatch(stem):
            yield stem


def _add_dialogue(listing: Listing, session: str, dialogue: str, video: str, rows: Rows) -> None:
    folder = os.path.join(session, "sentences", "wav", dialogue)
    gathered: Gathered[str] = Gathered()
    for kind, stem, file in listing.media(folder):
        gathered.add(stem, kind, file)
    texts = _texts(listing, os.path.join(session, "dialog", "transcriptions", f"{dialogue}.txt"))
    labelled = set()
    for turn, cells in _turns(listing, os.path.join(session, _EVALUATION, f"{dialogue}.txt")):
        labelled.add(turn)
        files = gathered.of(turn)
        if video:
            files.setdefault("video", video)
        rows.add(files, {"text": texts.get(turn, ""), **cells}, beside=os.path.join(folder, turn))
    for turn in gathered:
        if turn not in labelled:
            for file in gathered.of(turn).values():
                listing.note(file, "unreadable", f"{dialogue}.txt in EmoEvaluation has no line for it")


def _turns(listing: Listing, file: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and cells of each turn; lines of single annotators are passed over, damaged ones noted."""
    for number, line in enumerate(listing.lines(file), start=1):
        if not line.startswith("["):
            continue
        parts = _LABEL_LINE.fullmatch(line)
        reason = _line_problem(parts, Path(file).stem)
        if reason or parts is None:
            listing.note(f"{file}, line {number},", "unreadable", reason)
            continue
        numbers = dict(zip(_NUMBERS, parts.group(1, 2, 5, 6, 7), strict=True))
        yield parts[3], {**_cells(parts[3], parts[4]), **numbers}


def _line_problem(parts: re.Match[str] | None, dialogue: str) -> str:
    if parts is None:
        return "it is not [start - end] turn emotion [valence, activation, dominance]"
    turn = _TURN.fullmatch(parts[3])
    if turn is None or turn[1] != dialogue:
        return f"{shown(parts[3])} is no turn of {dialogue}"
    return "" if parts[4] in _LABELS else f"{shown(parts[4])} is no emotion ({', '.join(_LABELS)})"


def _cells(turn: str, emotion: str) -> dict[str, str]:
    parts = _TURN.fullmatch(turn)
    assert parts is not None  # _line_problem has seen to it
    dialogue, session, scenario, gender = parts.groups()
    return {
        "sample_id": turn,
        "label": _LABELS[emotion],
        "original_label": emotion,
        # the letter after the session's number only says who wore the markers
        "speaker": f"Ses{session}{gender}",
        "gender": {"F": "female", "M": "male"}[gender],
        "session": str(int(session)),
        "dialogue": dialogue,
        "scenario": {"impro": "improvised", "script": "scripted"}[scenario],
    }


def _texts(listing: Listing, file: str) -> dict[str, str]:
    if not os.path.lexists(listing.root / file):
        return {}
    lines = (_TEXT_LINE.fullmatch(line) for line in listing.lines(file))
    return {parts[1]: parts[2].strip() for parts in lines if parts}
