"""A text as it is said and shown."""

from __future__ import annotations

import html
import re
import unicodedata

_QUOTES = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
     "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": " - ", "―": " - ", "\x91": "'", "\x92": "'",
     "\x93": '"', "\x94": '"', "\x96": "-", "\x97": " - ", "\x85": "..."}
)  # fmt: skip
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?:\bRT\s+)?(?<![\w@])@\w+:?")
_HASHTAG = re.compile(r"#(?=\w)")


def normalise(text: str) -> str:
    """As it is said and shown: one line of NFKC without links, mentions, emoji and control characters.

    Typographic quotes and dashes become those of ASCII, which every synthesizer knows; a hashtag loses its #.
    """
    text = html.unescape(text).translate(_QUOTES)
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    text = _MENTION.sub(" ", _LINK.sub(" ", text))
    text = _HASHTAG.sub("", text)
    return " ".join("".join(map(_sayable, text)).split())


def _sayable(letter: str) -> str:
    category = unicodedata.category(letter)
    # other symbols beyond Latin-1 are emoji and ornaments; variation selectors and joiners belong to them
    if (category == "So" and letter > "\xff") or "\ufe00" <= letter <= "\ufe0f" or category == "Sk":
        return " "
    return "" if category == "Cf" else " " if category[0] == "C" else letter
