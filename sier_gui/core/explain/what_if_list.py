"""What was tried, to be named, kept and exported: `WhatIf` records, and their files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sier_gui.core.domain import Modality, Selection
from sier_gui.core.errors import SierError
from sier_gui.core.paths import write_bytes, write_json

FORMAT = "sier-gui what-if"
VERSION = 1
_PARTS = ("start_s", "end_s", "low_hz", "high_hz", "left", "top", "right", "bottom")
COLUMNS = (
    "name", "sample_id", "picture_of", "speech_of", "label", "absence", "seed", "class", "before", "after",
    "change", "predicted_before", "predicted_after", "flipped", "removed_image", "removed_speech", "removals",
    "release", "release_hash", "sample_hash", "version", "device", "made",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One answer of a network to a sample without some of its parts.

    ``before``, ``after``: probabilities (C,) of ``classes``, of the sample as it is and without ``removals``.
    ``picture_of``, ``speech_of``: the samples that they are of, one of them ``sample_id``, whose answer is
    ``before``. ``removed``: the share of each input's cells that is taken away. ``provenance``: release,
    release_hash, sample_hash (of what was asked about), version, device, made (ISO 8601).
    """

    sample_id: str
    removals: tuple[Selection, ...]
    absence: str
    classes: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    removed: Mapping[Modality, float]
    name: str = ""
    label: str | None = None
    picture_of: str = ""
    speech_of: str = ""
    seed: int = 0
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def predicted_before(self) -> str:
        return self.classes[self.before.index(max(self.before))]

    @property
    def predicted(self) -> str:
        return self.classes[self.after.index(max(self.after))]

    @property
    def flipped(self) -> bool:
        """Whether the network sees another class."""
        return self.predicted != self.predicted_before

    @property
    def mixed(self) -> bool:
        """Whether picture and speech are of two samples."""
        return bool(self.picture_of and self.speech_of) and self.picture_of != self.speech_of

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self)
        facts["removals"] = [_removal_json(removal) for removal in self.removals]
        facts["removed"] = {str(m): share for m, share in self.removed.items()}
        facts["provenance"] = dict(self.provenance)
        return {**facts, "predicted_before": self.predicted_before, "predicted": self.predicted}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> WhatIf:
        """What `as_json` wrote; raises ValueError, KeyError or TypeError for anything else."""
        classes, before, after = (tuple(facts[key]) for key in ("classes", "before", "after"))
        if not classes or not len(classes) == len(before) == len(after):
            raise ValueError("classes and probabilities do not match")
        return cls(
            sample_id=str(facts["sample_id"]),
            removals=tuple(_removal(removal) for removal in facts["removals"]),
            absence=str(facts["absence"]),
            classes=tuple(map(str, classes)),
            before=tuple(map(float, before)),
            after=tuple(map(float, after)),
            removed={Modality(m): float(share) for m, share in facts["removed"].items()},
            name=str(facts["name"]),
            label=None if facts["label"] is None else str(facts["label"]),
            picture_of=str(facts["picture_of"]),
            speech_of=str(facts["speech_of"]),
            seed=int(facts["seed"]),
            provenance={str(k): str(v) for k, v in facts["provenance"].items()},
        )


def write_list(target: Path, entries: Sequence[WhatIf]) -> None:
    """All of ``entries`` as JSON, which `read_list` reads again.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    listed = [entry.as_json() for entry in entries]
    write_json(target, {"format": FORMAT, "version": VERSION, "entries": listed})


def read_list(source: Path) -> list[WhatIf]:
    """What `write_list` wrote.

    Raises
    ------
    SierError : the file cannot be read, or is something else.
    """
    try:
        given = json.loads(source.read_bytes())
        if given["format"] != FORMAT or given["version"] != VERSION:
            raise ValueError("another format")
        return [WhatIf.from_json(facts) for facts in given["entries"]]
    except OSError as error:
        raise SierError(f"Cannot read {source}: {error.strerror or error}.", "Check the path.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SierError(
            f"{source} is no what-if list of this version: {error}.",
            "Choose a file that was exported as JSON.",
        ) from error


def write_table(target: Path, entries: Iterable[WhatIf]) -> None:
    """One row per entry and class, `COLUMNS`; the removals of an entry as text, separated by "; ".

    Raises
    ------
    SierError : the folder cannot be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry in entries:
        rows.writerows(_rows(entry))
    write_bytes(target, text.getvalue().encode())


def _rows(entry: WhatIf) -> Iterable[tuple[object, ...]]:
    about, removed = entry.provenance, entry.removed
    of_entry = (entry.name, entry.sample_id, entry.picture_of, entry.speech_of, entry.label or "")
    shares = [f"{removed.get(m, 0.0):.6f}" for m in (Modality.IMAGE, Modality.SPEECH)]
    texts = "; ".join(removal.text for removal in entry.removals)
    made = [about.get(key, "") for key in COLUMNS[-6:]]
    for name, before, after in zip(entry.classes, entry.before, entry.after, strict=True):
        numbers = [f"{value:.6f}" for value in (before, after, after - before)]
        seen = (entry.predicted_before, entry.predicted, int(entry.flipped))
        yield (*of_entry, entry.absence, entry.seed, name, *numbers, *seen, *shares, texts, *made)


def _removal_json(removal: Selection) -> dict[str, Any]:
    """Numbers of its own modality only."""
    numbers = {part: getattr(removal, part) for part in _PARTS if getattr(removal, part)}
    return {"modality": str(removal.modality), **numbers}


def _removal(facts: Mapping[str, Any]) -> Selection:
    numbers = {part: float(facts.get(part, 0.0)) for part in _PARTS}
    return Selection(Modality(facts["modality"]), **numbers)
