"""When each word of a known text is said (explain.md §4, "Words").

Two ways, named in the result. ``pocketsphinx`` is forced alignment: its English phone models are laid along
the speech in the text's order. Words that its dictionary lacks get a rough pronunciation from their letters,
which serves German well too (measured on hand-labelled onsets: benchmarks/alignment.py). ``energy`` needs no
model: the time that sounds is shared out by the words' lengths and cut where it is quiet nearby.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio.files import resample
from sier_gui.core.domain import FloatArray, WordSpan

if TYPE_CHECKING:
    from pocketsphinx import Decoder

POCKETSPHINX, ENERGY = "pocketsphinx", "energy"
MAX_WORDS = 2_000

_ENGLISH = ("en", "eng", "english")
_GERMAN = ("de", "deu", "ger", "german", "deutsch")
_RATE = 16_000  # Hz, of pocketsphinx's model
_FRAME_S = 0.01
_WINDOW_S = 0.0256
# a path must end in the text's last word however badly some word fits, hence wide beams; bestpath would
# look for a better path in the lattice and may then end in any word
_SETTINGS = {
    "lm": None,
    "loglevel": "FATAL",
    "bestpath": False,
    "beam": 1e-120,
    "wbeam": 1e-100,
    "pbeam": 1e-120,
}
_ENDS_EARLY = 1e-10  # probability of a recording that breaks off after some word
_SILENT = 1e-6  # of full scale: nothing to align
_CUT_WORD_S = 0.5  # what may still sound after the last word then: the beginning of another

_QUIET_DB = -25.0  # below the loudest frame
_PAUSE_S = 0.2  # shorter ones are stops within a word
_REACH = 0.3  # how far a cut may move, in lengths of the shorter neighbour


@dataclass(frozen=True, slots=True)
class Alignment:
    """``words`` in the text's order, none overlapping; ``method`` is `POCKETSPHINX` or `ENERGY`."""

    words: tuple[WordSpan, ...]
    method: str


def align(speech: FloatArray, rate: int, text: str, language: str = "en") -> Alignment:
    """Find the words of ``text`` in mono ``speech``, float32 (n,) at ``rate`` Hz.

    Parameters
    ----------
    language : of the text, as "en", "en-GB" or "English". English and German are aligned by pocketsphinx
        where it is installed (extra ``words``); other languages, and what it finds no path for, by energy.

    Returns
    -------
    One span for each word as it is written; marks without letters go with a neighbour. Where the
    recording breaks off, pocketsphinx leaves out the words that are not heard. Equal inputs, equal result.
    """
    words = split_words(text)
    if _code(language) in (*_ENGLISH, *_GERMAN):
        found = _forced(speech, rate, words)
        if found:
            return Alignment(found, POCKETSPHINX)
    return Alignment(spread_words(speech, rate, words), ENERGY)


def is_english(language: str) -> bool:
    return _code(language) in _ENGLISH


def _code(language: str) -> str:
    """Of "en-GB" or "English": "en", "english"."""
    return language.strip().lower().replace("_", "-").partition("-")[0]


def split_words(text: str) -> list[str]:
    """At white space, at most `MAX_WORDS`; dashes and other marks on their own stay with a neighbour."""
    words: list[str] = []
    for part in text.split(maxsplit=MAX_WORDS)[:MAX_WORDS]:
        if words and not (_has_letters(part) and _has_letters(words[-1])):
            words[-1] += f" {part}"
        else:
            words.append(part)
    return words


def _has_letters(word: str) -> bool:
    return any(c.isalnum() for c in word)


# ---------------------------------------------------------------- energy


def spread_words(speech: FloatArray, rate: int, words: Sequence[str]) -> tuple[WordSpan, ...]:
    """Words laid over the time that sounds, each as long as its share of letters and syllables.

    Time sounds within 25 dB of the loudest 10 ms; pauses below 0.2 s count as sound. A cut between words
    moves to where it is quietest within 0.3 lengths of the shorter word. Where a pause lies at the cut, it
    belongs to neither word.
    """
    if not words or not len(speech):
        return ()
    level = _level(speech, rate)
    sounding = _sounding(level)
    lengths = np.array([_length(word) for word in words])
    lengths *= len(sounding) / lengths.sum()  # in sounding frames
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    at[1:-1] = [_quietest(level, sounding, at[i], min(lengths[i - 1 : i + 1])) for i in range(1, len(words))]
    edges = np.minimum(np.arange(len(level) + 1) * _frame_size(rate), len(speech)) / rate
    starts = np.interp(_frames(sounding, at[:-1], after=True), np.arange(len(edges)), edges)
    ends = np.interp(_frames(sounding, at[1:], after=False), np.arange(len(edges)), edges)
    return tuple(WordSpan(w, float(s), float(e)) for w, s, e in zip(words, starts, ends, strict=True))


def _frame_size(rate: int) -> int:
    return max(1, round(_FRAME_S * rate))


def _level(speech: FloatArray, rate: int) -> NDArray[np.float64]:
    """dB below the loudest of the frames of 10 ms, smoothed over about 30 ms."""
    size = _frame_size(rate)
    count = -(-len(speech) // size)
    padded = np.zeros(count * size)
    padded[: len(speech)] = speech
    power = np.square(padded.reshape(count, size)).mean(axis=1)
    window = np.array([0.25, 0.75, 1.0, 0.75, 0.25]) / 3
    smooth = np.convolve(np.pad(power, 2), window, mode="valid")
    level: NDArray[np.float64] = 10 * np.log10(np.maximum(smooth, 1e-20) / max(smooth.max(), 1e-20))
    return level


def _sounding(level: NDArray[np.float64]) -> NDArray[np.intp]:
    """Numbers of the frames that sound, ascending; short pauses included."""
    loud = np.flatnonzero(level > _QUIET_DB)
    inside = np.ones(loud[-1] - loud[0] + 1, bool)
    for before, after in pairwise(loud):
        if (after - before - 1) * _FRAME_S >= _PAUSE_S:
            inside[before + 1 - loud[0] : after - loud[0]] = False
    return np.flatnonzero(inside) + loud[0]


def _quietest(
    level: NDArray[np.float64], sounding: NDArray[np.intp], expected: float, shorter: float
) -> float:
    """Where to cut, in sounding frames: near ``expected``, in a pause or between the softest two frames."""
    reach = _REACH * shorter
    first, last = max(int(np.ceil(expected - reach)), 1), min(int(expected + reach), len(sounding) - 1)
    cuts = np.arange(first, last + 1)
    if not len(cuts):
        return expected
    left, right = sounding[cuts - 1], sounding[cuts]
    loudness = np.where(right - left > 1, 0.0, 1 - np.maximum(level[left], level[right]) / _QUIET_DB)
    return float(cuts[np.argmin(loudness + ((cuts - expected) / reach) ** 2)])


def _frames(sounding: NDArray[np.intp], at: NDArray[np.float64], *, after: bool) -> NDArray[np.float64]:
    """Frames that lie ``at`` so many sounding ones; at a pause its end (``after``) or its start."""
    whole = (np.floor(at) if after else np.ceil(at) - 1).astype(int)
    whole = np.clip(whole, 0, len(sounding) - 1)  # lengths that sum up to 1e-16 too much
    result: NDArray[np.float64] = sounding[whole] + (at - whole)
    return result


def _length(word: str) -> float:
    """How long it takes to say, in no unit: letters, and two more for each syllable (groups of vowels)."""
    letters = [c for c in unicodedata.normalize("NFKD", word.lower()) if c.isalnum()]
    return max(len(letters), 1) + 2.0 * max(len(re.findall("[aeiouy]+", "".join(letters))), 1)


# ---------------------------------------------------------------- forced alignment

_lock = threading.Lock()  # one decoder, one at a time


@cache
def _decoder() -> Decoder | None:
    """Loaded once (90 ms); None without the package."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        return None
    return Decoder(**_SETTINGS)


def _forced(speech: FloatArray, rate: int, words: Sequence[str]) -> tuple[WordSpan, ...]:
    """Spans of the words heard; empty where pocketsphinx is missing or finds no path."""
    parts = [spoken(word) for word in words]
    pcm = as_pcm(speech, rate)
    with _lock:
        decoder = _decoder()
        if decoder is None or not parts or not all(parts) or not pcm:
            return ()
        try:
            found = _path(decoder, pcm, [part for of_word in parts for part in of_word])
        except RuntimeError:  # how pocketsphinx says that it cannot
            return ()
    if len(found) < sum(map(len, parts)) and _sounds_after(speech, rate, found) > _CUT_WORD_S:
        return ()
    firsts = [0, *accumulate(len(of_word) for of_word in parts)]
    seconds = len(speech) / rate
    spans = []
    for word, first, stop in zip(words, firsts, firsts[1:], strict=False):
        if first < len(found):
            start, end = found[first][0], found[min(stop, len(found)) - 1][1]
            spans.append(WordSpan(word, min(start, seconds), min(end, seconds)))
    return tuple(spans)


def as_pcm(speech: FloatArray, rate: int) -> bytes:
    """What pocketsphinx is given: 16 bits at 16 kHz, nearly as loud as they can be; b"" for silence."""
    loudest = float(np.abs(speech).max(initial=0))
    if loudest < _SILENT:
        return b""
    sound = resample((speech * np.float32(0.9 / loudest)).astype(np.float32), rate, _RATE)
    return (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()


def _sounds_after(speech: FloatArray, rate: int, found: Sequence[tuple[float, float]]) -> float:
    """Seconds of sound after the last part that was found."""
    end = found[-1][1] if found else 0.0
    sounding = _sounding(_level(speech, rate))
    return float((sounding * _FRAME_S >= end).sum()) * _FRAME_S


def _path(decoder: Decoder, pcm: bytes, parts: Sequence[str]) -> list[tuple[float, float]]:
    """Start and end in seconds of each part of the text, or of the first ones where the speech breaks off."""
    for part in parts:
        if decoder.lookup_word(part) is None:
            decoder.add_word(part, rough_pronunciation(part), False)
    decoder.set_align_text(" ".join(parts))
    found = _decoded(decoder, pcm)
    if not found:
        last = len(parts)
        steps = [(i, i + 1, 1.0, part) for i, part in enumerate(parts)]
        ends = [(i, last, _ENDS_EARLY) for i in range(1, last)]
        decoder.add_fsg("beginning", decoder.create_fsg("beginning", 0, last, steps + ends))
        decoder.activate_search("beginning")
        found = _decoded(decoder, pcm)
    return found


def _decoded(decoder: Decoder, pcm: bytes) -> list[tuple[float, float]]:
    return [(start, end) for _, start, end in heard_by(decoder, pcm)]


def heard_by(decoder: Decoder, pcm: bytes) -> list[tuple[str, float, float]]:
    """Word, start and end in seconds of all that ``decoder`` finds, as its dictionary writes it."""
    decoder.reinit_feat()  # forgets the noise and means of the speech before: equal inputs, equal results
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    # frame t is centred at t·10 ms + half a window; a border lies half way between two centres
    shift = (_WINDOW_S - _FRAME_S) / 2
    return [
        (s.word, s.start_frame * _FRAME_S + shift, (s.end_frame + 1) * _FRAME_S + shift)
        for s in decoder.seg() or ()
        if s.word[0] not in "<[("  # silence, noise, and states without a word
    ]


def spoken(word: str) -> list[str]:
    """A written word as the dictionary has it, in lower case; several parts for one with hyphens."""
    plain = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss").replace("’", "'"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return [part.strip("'") for part in re.findall(r"[a-z0-9']+", plain) if part.strip("'")]


def rough_pronunciation(part: str) -> str:
    """ARPAbet phones for letters a–z and digits, the longest spelling first; never empty.

    Rough on purpose: alignment needs about the right number of about the right phones.
    """
    phones = []
    at = 0
    while at < len(part):
        size = next((n for n in (4, 3, 2, 1) if part[at : at + n] in _PHONES), 1)
        phones.append(_PHONES.get(part[at : at + size], ""))
        doubled = size == 1 and part[at : at + 1] == part[at + 1 : at + 2] and part[at].isalpha()
        at += size + doubled
    return " ".join(filter(None, phones)) or "AH"


_PHONES = {
    "tsch": "CH", "tion": "SH AH N", "sch": "SH", "igh": "AY", "sh": "SH", "ch": "CH", "th": "TH",
    "ph": "F", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W", "oo": "UW", "ee": "IY", "ea": "IY",
    "ie": "IY", "ei": "AY", "ai": "EY", "ay": "EY", "oa": "OW", "ou": "AW", "ow": "OW", "oi": "OY",
    "oy": "OY", "au": "AO", "aw": "AO", "eu": "OY", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R",
    "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH",
    "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "r": "R", "s": "S",
    "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z", "0": "Z IH R OW",
    "1": "W AH N", "2": "T UW", "3": "TH R IY", "4": "F AO R", "5": "F AY V", "6": "S IH K S",
    "7": "S EH V AH N", "8": "EY T", "9": "N AY N",
}  # fmt: skip
