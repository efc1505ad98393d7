"""RAVDESS: ``Actor_12/03-01-06-01-02-01-12.wav``, seven numbers that say everything about a recording.

Source: S. R. Livingstone, F. A. Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song,
PLoS ONE 13(5): e0196391; the names are explained on its page, doi 10.5281/zenodo.1188976.
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

_ACTOR = re.compile(r"Actor_[0-9]{2}", re.IGNORECASE)
# what unpacking the archives one folder each gives: Video_Speech_Actor_01/Actor_01, …
_ARCHIVE = re.compile(r"(audio|video)_(speech|song)_actors?(_[0-9]{2}(-[0-9]{2})?)?", re.IGNORECASE)
_NAME = re.compile(r"[0-9]{2}(-[0-9]{2}){6}")
_PARTS = (  # in order, with how many there are
    ("modality", 3), ("vocal channel", 2), ("emotion", 8), ("intensity", 2), ("statement", 2),
    ("repetition", 2), ("actor", 24),
)  # fmt: skip
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_LABELS = {"angry": "anger", "fearful": "fear", "surprised": "surprise"}
_STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")
# 01 has face and voice, 02 the face, 03 the voice: which of them to take the sound and the picture from
_VOICE_FIRST = {"03": 0, "01": 1, "02": 2}
_FACE_FIRST = {"01": 0, "02": 1, "03": 2}


class Ravdess:
    name = "ravdess"

    def matches(self, path: Path) -> bool:
        """It, or one of its Actor_NN, has media files of such names."""
        listing = Listing(path)
        return path.is_dir() and any(listing.named_so(folder, problem_of) for folder in _folders(listing))

    def read(self, path: Path) -> pa.Table:
        """One row a performance: its three recordings (face and voice, face, voice) have one name but for
        the first number, and are put together.
        """
        listing = Listing(path)
        rows = Rows(listing.problems, "gender", "channel", "intensity", "statement", "repetition")
        gathered: Gathered[str] = Gathered()
        names: dict[str, dict[str, str]] = {}
        for folder in _folders(listing):
            for kind, stem, file in listing.media(folder):
                reason = problem_of(stem)
                if reason:
                    listing.note(file, "unreadable", reason)
                    continue
                modality, take = stem[:2], stem[3:]
                rank = (_VOICE_FIRST if kind == "speech" else _FACE_FIRST)[modality]
                gathered.add(take, kind, file, rank)
                names.setdefault(take, {})[modality] = stem
        rows.problems += gathered.doubles()
        for take in sorted(gathered):
            known = names[take]
            sample_id = min(known.items(), key=lambda item: _VOICE_FIRST[item[0]])[1]
            rows.add(gathered.of(take), {"sample_id": sample_id, **_cells(take)}, silent="01" not in known)
        return rows.table(path, "RAVDESS")


def problem_of(stem: str) -> str:
    """Why ``stem`` is no name of RAVDESS; "" where it is one."""
    if not _NAME.fullmatch(stem):
        return "its name is not seven numbers of two digits, as in 03-01-06-01-02-01-12"
    for (part, last), number in zip(_PARTS, stem.split("-"), strict=True):
        if not 1 <= int(number) <= last:
            return f"{number} is no {part} (01 to {last:02d})"
    return ""


def _cells(take: str) -> dict[str, str]:
    channel, emotion, intensity, statement, repetition, actor = take.split("-")
    original = _EMOTIONS[int(emotion) - 1]
    return {
        "text": _STATEMENTS[int(statement) - 1],
        "label": _LABELS.get(original, original),
        "original_label": original,
        "speaker": actor,
        "gender": "male" if int(actor) % 2 else "female",
        "channel": "song" if channel == "02" else "speech",
        "intensity": "strong" if intensity == "02" else "normal",
        "statement": statement,
        "repetition": str(int(repetition)),
    }


def _folders(listing: Listing) -> Iterator[str]:
    """The folder itself, its Actor_NN, and those in the folders that archives are unpacked to."""
    yield ""
    for folder in listing.folders(""):
        if _ACTOR.fullmatch(folder):
            yield folder
        elif _ARCHIVE.fullmatch(folder):
            yield folder
            yield from (below for below in listing.folders(folder) if _ACTOR.fullmatch(Path(below).name))
