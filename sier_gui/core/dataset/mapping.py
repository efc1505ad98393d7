"""Which column of a table is which field of a sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sier_gui.core.errors import SierError

FIELDS = ("sample_id", "image", "speech", "text", "label")

# Lower-case names in order of preference; spaces, hyphens and dots count as underscores.
_USUAL = {
    "sample_id": ("sample_id", "id", "sample", "uid", "utterance_id", "utt_id", "index", "key"),
    "image": (
        "image", "image_path", "image_file", "img", "img_path", "picture", "picture_path", "photo", "face",
        "image_filename", "frame",
    ),
    "speech": (
        "speech", "speech_path", "speech_file", "audio", "audio_path", "audio_file", "wav", "wav_path",
        "wav_file", "sound", "voice", "recording", "audio_filename",
    ),
    "text": ("text", "sentence", "transcript", "transcription", "utterance", "caption", "content"),
    "label": ("label", "emotion", "class", "category", "sentiment", "target", "emo"),
}  # fmt: skip
# These say nothing about what the file is: they go to the one of image and speech that has no column yet.
_ANY_FILE = ("path", "file_path", "file", "filename", "file_name", "name")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Column names per field. ``sample_id``, ``text`` or ``label`` may be "": the table has none.

    Without an id column a sample is called by its row number, counted from 1.
    """

    sample_id: str = "sample_id"
    image: str = "image"
    speech: str = "speech"
    text: str = "text"
    label: str = "label"

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def check(self, columns: Iterable[str], where: str) -> None:
        """Every mapped column must be among ``columns``; ``where`` names the table.

        Raises
        ------
        SierError : lists the columns found and the fields that have none.
        """
        found = list(columns)
        absent = {
            field: name
            for field, name in self.as_dict().items()
            if (name or field in ("image", "speech")) and name not in found
        }
        if absent:
            raise missing(where, found, [name or field for field, name in absent.items()])


NATIVE = ColumnMapping()


def missing(where: str, found: Iterable[str], absent: Iterable[str]) -> SierError:
    """The error for a table without the columns ``absent``."""
    listed = list(found)
    names = ", ".join(listed[:30]) + (", …" if len(listed) > 30 else "")
    return SierError(
        f"{where} has no column for {', '.join(absent)}; it has: {names}.",
        "Name the columns sample_id, image, speech, text, label, or map them when opening.",
    )


def guess_fields(columns: Iterable[str]) -> dict[str, str]:
    """For each field that a column's name suggests, that column; a column serves one field only."""
    by_name: dict[str, str] = {}
    for column in columns:
        plain = column.strip().lower().replace(" ", "_").replace("-", "_").replace(".", "_")
        by_name.setdefault(plain, column)
    fields = {
        field: next(by_name[name] for name in names if name in by_name)
        for field, names in _USUAL.items()
        if any(name in by_name for name in names)
    }
    without = [field for field in ("image", "speech") if field not in fields]
    files = [by_name[name] for name in _ANY_FILE if name in by_name]
    if len(without) == 1 and files:
        fields[without[0]] = files[0]
    elif "sample_id" not in fields and "name" in by_name:
        fields["sample_id"] = by_name["name"]
    return fields


def guess(columns: Iterable[str]) -> ColumnMapping | None:
    """The mapping that the usual names suggest, or None where a field has no likely column."""
    fields = guess_fields(columns)
    return ColumnMapping(**fields) if len(fields) == len(FIELDS) else None
