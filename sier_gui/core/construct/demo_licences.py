"""LICENSES.md of the demo set: every part with source, author and licence, and which files it is in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sier_gui.core.construct.demo_parts import LOMIRI, NOTO, PHOTOS, SCIKIT_IMAGE, TWEMOJI, Emoji, Photo

_HEAD = """\
# Licences of the demo set

Made by `python -m sier_gui.core.construct.demo_set` from the parts below and nothing else.

* **Texts, labels, evidence, tables**: written for this set. CC0 1.0.
* **Speech** (`speech/`, `readers/`): those texts, spoken by the programs below; joined, filtered and
  levelled by the builder. The programs' licences cover the programs, not what they say. CC0 1.0.
* **`readers/` holds stand-ins**: `human_male` and `human_female` are *synthetic voices* in the place of
  people who would read the texts aloud, so that a study can be tried. No person was recorded.
* **Pictures** (`images/`): crops of the photographs below (cropped, scaled, mirrored, paled), most with an
  emoji from one of the two sets laid on them. Each keeps its parts' licences: name the photographer and
  the emoji set as listed.

## Voices

| program | its licence | voices |
|---|---|---|
| espeak-ng 1.51 | GPL-3.0-or-later | american-…, british-m2, scottish-f4, both stand-ins |
| flite 2.2 | CMU (BSD-like), as its voices (CMU ARCTIC) | awb, slt |
| festival 2.5 with festvox-kallpc16k | CMU and Edinburgh (MIT-like) | kal |
"""


class Composed(Protocol):
    """What the builder knows of a sample."""

    @property
    def sample_id(self) -> str: ...
    @property
    def photo(self) -> Photo: ...
    @property
    def emoji(self) -> Emoji | None: ...


def licences(samples: Sequence[Composed]) -> str:
    """The whole page."""
    sets = (
        ("Noto Emoji", "noto", f"npm {NOTO.name} {NOTO.version}", "Google", "Apache-2.0"),
        ("Twemoji", "twemoji", f"npm {TWEMOJI.name} {TWEMOJI.version}", "Twitter and others", "CC BY 4.0"),
    )  # fmt: skip
    emoji = [
        f"| {title} | {source} | {author} | {licence} | "
        f"{_list(s.sample_id for s in samples if s.emoji is not None and s.emoji.style == style)} |"
        for title, style, source, author, licence in sets
    ]
    photos = [
        f"| {photo.name} | {_source(photo)} | {photo.author} | {photo.licence} | "
        f"{_list(s.sample_id for s in samples if s.photo == photo)} |"
        for photo in PHOTOS
    ]
    return "\n".join(
        [
            _HEAD,
            "## Emoji\n",
            "| set | source | author | licence | in pictures |",
            "|---|---|---|---|---|",
            *emoji,
            "\n## Photographs\n",
            "| photograph | source | author | licence | in pictures |",
            "|---|---|---|---|---|",
            *photos,
            "",
        ]
    )


def _source(photo: Photo) -> str:
    if photo.package is None:
        return f"scikit-learn, sklearn/{photo.path}"
    kind = {SCIKIT_IMAGE: "PyPI", LOMIRI: "Debian"}[photo.package]
    return f"{kind} {photo.package.name} {photo.package.version}, {photo.path}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
