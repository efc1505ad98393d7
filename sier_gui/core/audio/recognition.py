"""What a recogniser hears in speech, muted speech above all (explain.md §4: what the network still hears).

Two recognisers, the better one first. ``moonshine`` is a small network whose English weights lie in its
package up to version 0.0 (extra ``recogniser``; later ones download theirs, which nothing here does).
``pocketsphinx`` is a hidden Markov model with a trigram language model, both in its package (extra
``words``). Neither knows another language than English.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.audio.alignment import (
    POCKETSPHINX,
    align,
    as_pcm,
    heard_by,
    is_english,
    split_words,
    spoken,
)
from sier_gui.core.audio.files import resample
from sier_gui.core.domain import FloatArray, WordSpan

if TYPE_CHECKING:
    from pocketsphinx import Decoder

MOONSHINE = "moonshine"
_MODEL = "tiny-en"
_RATE = 16_000  # Hz, of both
_lock = threading.Lock()  # one recogniser, one speech at a time


@dataclass(frozen=True, slots=True)
class Recognised:
    """``words`` in their order, none where nothing was understood; ``method`` `MOONSHINE`, `POCKETSPHINX`, or
    "" where nothing here knows the language."""

    words: tuple[WordSpan, ...]
    method: str


def recognise(speech: FloatArray, rate: int, language: str = "en", method: str | None = None) -> Recognised:
    """The words of mono ``speech``, float32 (n,) at ``rate`` Hz, without knowing its text.

    ``method`` takes the one named instead of the best there is. Equal inputs, equal result.
    """
    if method is None:
        method = next(iter(recognisers(language)), "")
    pcm = as_pcm(speech, rate)
    if not method or not pcm:
        return Recognised((), method)
    with _lock:
        words = _by_moonshine(speech, rate) if method == MOONSHINE else _by_pocketsphinx(pcm)
    end = len(speech) / rate
    return Recognised(tuple(WordSpan(w, min(s, end), min(e, end)) for w, s, e in words), method)


def recognisers(language: str = "en") -> tuple[str, ...]:
    """Those that are installed and know ``language``, the best first."""
    if not is_english(language):
        return ()
    there = {MOONSHINE: _weights() is not None, POCKETSPHINX: find_spec("pocketsphinx") is not None}
    return tuple(name for name, found in there.items() if found)


def agreeing(heard: Sequence[str], text: str) -> list[bool]:
    """Which of the words ``heard`` are words of ``text`` too, in its order."""
    said = [" ".join(spoken(word)) for word in split_words(text)]
    plain = [" ".join(spoken(word)) for word in heard]
    agrees = [False] * len(heard)
    for block in SequenceMatcher(None, plain, said, autojunk=False).get_matching_blocks():
        for i in range(block.a, block.a + block.size):
            agrees[i] = bool(plain[i])
    return agrees


def _by_pocketsphinx(pcm: bytes) -> list[tuple[str, float, float]]:
    """Variants of a pronunciation, as in ``the(2)``, are the word."""
    return [(word.partition("(")[0], start, end) for word, start, end in heard_by(_sphinx(), pcm)]


@cache
def _sphinx() -> Decoder:
    """Loaded once (0.7 s)."""
    from pocketsphinx import Decoder

    return Decoder(loglevel="FATAL")


def _by_moonshine(speech: FloatArray, rate: int) -> list[tuple[str, float, float]]:
    """It says what, not when: its text is aligned."""
    sound = resample(speech, rate, _RATE)
    sound = sound * np.float32(0.9 / np.abs(sound).max())
    lines = _moonshine().transcribe_without_streaming(sound.tolist(), _RATE).lines
    text = " ".join(line.text.strip() for line in lines)
    return [(word.word, word.start_s, word.end_s) for word in align(speech, rate, text).words]


def _weights() -> Path | None:
    """The folder of the weights in the installed package; None where they are not in it."""
    spec = find_spec("moonshine_voice")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "assets" / _MODEL
    return folder if (folder / "encoder_model.ort").is_file() else None


@cache
def _moonshine() -> Any:
    """Loaded once (1 s)."""
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber

    return Transcriber(str(_weights()), ModelArch.TINY)
