"""What a build was asked for, and what tells one request from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sier_gui.core.construct.pipeline.labels import MAPPING, THRESHOLD, check_rule
from sier_gui.core.construct.synthesizers import Prosody, find, names
from sier_gui.core.errors import SierError

PAIRINGS = ("auto", "shuffle", "name", "label")
REPEATS = ("drop", "pictures", "keep")
BUILD_VERSION = 2  # goes up when the same request gives another table
DEFAULT_SER, DEFAULT_IER = "ser_emodb/1", "ier_fer/1"
DEFAULT_VOICES = ("espeak-ng", "flite", "festival")


@dataclass(frozen=True, slots=True)
class SynthVoice:
    """One voice of one synthesizer."""

    program: str
    name: str

    @property
    def label(self) -> str:
        return f"{self.program} {self.name}"


def parse_voice(text: str) -> SynthVoice:
    """ "flite:awb", or "flite" for its default voice.

    Raises
    ------
    SierError : no such synthesizer.
    """
    program, _, name = text.partition(":")
    synthesizer = find(program)
    return SynthVoice(program, name or synthesizer.default_voice)


@dataclass(frozen=True)
class BuildRequest:
    """Texts, pictures, and every choice on the way to a dataset.

    Attributes
    ----------
    texts : a CSV file with a header.
    images : a folder with pictures, also in folders below it.
    voices : in any order; each sample draws its own order, and the next one speaks where one fails.
    prosody : of all voices.
    ser, ier : releases that hear the speech and see the picture.
    mapping, rule, threshold : see `labels.relabel`.
    pairing : "shuffle"; "name": the CSV's image column names the picture; "label": shuffled among the
        pictures in the folder that is called as the CSV's label; "auto": name where there is such a column.
    repeats : "drop": a text and a picture are used once, as `validate` wants it; "pictures": where there are
        fewer of them than texts, they serve again; "keep": only the same pair twice is a duplicate.
    text_column, image_column, label_column, id_column : names in the CSV; "": guessed.
    language : of the texts, for the table.
    limit : at most so many texts.
    """

    texts: Path
    images: Path
    voices: tuple[SynthVoice, ...] = field(default_factory=lambda: tuple(map(parse_voice, DEFAULT_VOICES)))
    prosody: Prosody = field(default_factory=Prosody)
    ser: str = DEFAULT_SER
    ier: str = DEFAULT_IER
    mapping: Mapping[str, str] = field(default_factory=lambda: dict(MAPPING))
    rule: str = "max"
    threshold: float = THRESHOLD
    pairing: str = "auto"
    repeats: str = "drop"
    text_column: str = ""
    image_column: str = ""
    label_column: str = ""
    id_column: str = ""
    language: str = "en"
    limit: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Raises `SierError` for a choice that does not exist, or paths that are not there."""
        check_rule(self.rule, self.threshold)
        for what, value, allowed in (
            ("pairing", self.pairing, PAIRINGS),
            ("way with repeats", self.repeats, REPEATS),
        ):
            if value not in allowed:
                raise SierError(f"There is no {what} {value!r}.", f"Use {', '.join(allowed)}.")
        if not self.voices:
            raise SierError("No synthesizer is named.", f"Use one of {', '.join(names())}.")
        if not self.mapping:
            raise SierError("No class is mapped.", "Map at least two: --map NAME=CLASS.")
        if self.seed < 0 or (self.limit is not None and self.limit < 1):
            raise SierError("The seed is 0 or more, a limit 1 or more.", "Correct them.")
        if not self.texts.is_file():
            raise SierError(f"There is no file of texts at {self.texts}.", "Check the path.")
        if not self.images.is_dir():
            raise SierError(f"There is no folder of pictures at {self.images}.", "Check the path.")


# What must be equal for a build to go on, and what a person calls it.
_SPOKEN = {
    "build_version": "version of the builder",
    "texts_sha256": "file of texts",
    "images_listing": "folder of pictures",
    "ser": "SER release",
    "ier": "IER release",
}


def identity(request: BuildRequest, images_listing: str, ser: str, ier: str) -> dict[str, Any]:
    """All that decides the table. Not where things lie: a folder may move between two runs.

    ``images_listing``: hash of the pictures' names and sizes; ``ser``, ``ier``: label and weights' hash.
    """
    try:
        texts = hashlib.sha256(request.texts.read_bytes()).hexdigest()
    except OSError as error:
        raise SierError(
            f"Cannot read {request.texts}: {error.strerror}.", "Check the file and its permissions."
        ) from error
    choices = asdict(request)
    for path in ("texts", "images"):
        del choices[path]
    found = choices | {
        "build_version": BUILD_VERSION,
        "texts_sha256": texts,
        "images_listing": images_listing,
        "ser": ser,
        "ier": ier,
    }
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def check_same(folder: Path, there: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with what another request began.

    Raises
    ------
    SierError : names the first thing that differs, and both its values.
    """
    for key in sorted({*there, *wanted}, key=lambda key: (key not in _SPOKEN, key)):
        old, new = there.get(key), wanted.get(key)
        if old != new:
            name = _SPOKEN.get(key, key.replace("_", " "))
            raise SierError(
                f"{folder} holds a build of another request: its {name} is {_short(old)}, not {_short(new)}.",
                "Choose another folder for this one, or ask as before.",
            )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
