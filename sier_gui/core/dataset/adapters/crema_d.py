"""CREMA-D: ``AudioWAV/1001_DFA_ANG_XX.wav``, actor, sentence, emotion and its level.

Source: H. Cao and others (2014), CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE
Transactions on Affective Computing 5(4), and the README of its repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.files import Gathered, Listing
from sier_gui.core.dataset.adapters.rows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

_FOLDER = re.compile(r"(audio|video|frames?|images?|faces?)(wav|mp3|mp4|flash)?", re.IGNORECASE)
_NAME = re.compile(r"(1[0-9]{3})_([A-Z]{3})_([A-Z]{3})_([A-Z]{1,2})")
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
_LABELS = {
    "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
# X stands in one name of the published set, 1040_ITH_SAD_X
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
_LAST_ACTOR = 1091


class CremaD:
    name = "crema_d"

    def matches(self, path: Path) -> bool:
        """It, or its AudioWAV, AudioMP3 or VideoFlash, has media files of such names."""
        listing = Listing(path)
        return path.is_dir() and any(listing.named_so(folder, problem_of) for folder in _folders(listing))

    def read(self, path: Path) -> pa.Table:
        """One row a clip, whose sound, video and picture have one name in whatever folder."""
        listing = Listing(path)
        rows = Rows(listing.problems, "intensity", "statement")
        gathered: Gathered[str] = Gathered()
        for folder in _folders(listing):
            for kind, stem, file in listing.media(folder):
                reason = problem_of(stem)
                if reason:
                    listing.note(file, "unreadable", reason)
                else:
                    gathered.add(stem, kind, file)
        rows.problems += gathered.doubles()
        for stem in sorted(gathered):
            rows.add(gathered.of(stem), {"sample_id": stem, **_cells(stem)})
        return rows.table(path, "CREMA-D")


def problem_of(stem: str) -> str:
    """Why ``stem`` is no name of CREMA-D; "" where it is one."""
    parts = _NAME.fullmatch(stem.upper())
    if not parts:
        return "its name is not actor, sentence, emotion and level, as in 1001_DFA_ANG_XX"
    actor, sentence, emotion, level = parts.groups()
    if not 1001 <= int(actor) <= _LAST_ACTOR:
        return f"{actor} is no actor (1001 to {_LAST_ACTOR})"
    for code, what, known in (
        (sentence, "sentence", SENTENCES), (emotion, "emotion", _LABELS), (level, "level", _LEVELS)
    ):  # fmt: skip
        if code not in known:
            return f"{code} is no {what} ({', '.join(known)})"
    return ""


def _cells(stem: str) -> dict[str, str]:
    actor, sentence, emotion, level = stem.upper().split("_")
    return {
        "text": SENTENCES[sentence],
        "label": _LABELS[emotion],
        "original_label": emotion,
        "speaker": actor,
        "intensity": _LEVELS[level],
        "statement": sentence,
    }


def _folders(listing: Listing) -> Iterator[str]:
    yield ""
    yield from (folder for folder in listing.folders("") if _FOLDER.fullmatch(folder))
