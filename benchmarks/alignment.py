"""How far off are aligned words? Median and 90th percentile of the error of word onsets, in ms.

    python benchmarks/alignment.py [--labelled FOLDER] [--sentences 48]

Speech whose onsets are known. German: EMO-DB's hand-labelled syllables (``FOLDER/syllables.csv``, by default
of shared/data/sier_mini beside the checkout), whole recordings and ones cut at two seconds; left out where
the folder is missing. English: sentences of the demo set said by flite, which prints when each phone starts;
and the demo set itself, where the onset of one phrase in each utterance is known. Compared: pocketsphinx,
energy, and the trivial division of the recording into equal words.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from sier_gui.core.audio.alignment import POCKETSPHINX, align, split_words
from sier_gui.core.audio.files import load_speech
from sier_gui.core.domain import FloatArray, WordSpan

ROOT = Path(__file__).resolve().parents[1]
LABELLED = ROOT.parent / "shared" / "data" / "sier_mini"
VOICES = ("slt", "rms", "awb", "kal")
RATE = 16_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech at 16 kHz, its text, and when each word starts (words,) in seconds, NaN where unknown."""

    speech: FloatArray
    text: str
    onsets: FloatArray


# ---------------------------------------------------------------- speech with known onsets


def labelled(folder: Path, speech: str) -> Iterator[Spoken]:
    """EMO-DB utterances with a recording in ``folder/speech``; words that start after its end stay in."""
    syllables: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in _rows(folder / "syllables.csv"):
        if row["syllable"] not in "(.":  # pauses and the end
            syllables[row["sample_id"]].append((float(row["time_s"]), row["syllable"]))
    for row in _rows(folder / "samples.csv"):
        file = folder / speech / f"{row['sample_id']}.wav"
        if file.exists() and row["sample_id"] in syllables:
            times, names = zip(*syllables[row["sample_id"]], strict=True)
            first = first_syllables(row["text"].split(), names)
            yield Spoken(load_speech(file, RATE), row["text"], np.array(times)[first])


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def first_syllables(words: list[str], syllables: tuple[str, ...]) -> list[int]:
    """Number of the syllable that each word starts with.

    Labels are phonetic at times ("ak nis" for Agnes, "gehen hn"), so syllables go to words with the least
    edit distance, and four more for each syllable more or less than the word's vowel groups.
    """
    plain = [re.sub(r"\W", "", word.lower()) for word in words]
    best = {0: (0.0, [])}  # syllables used so far → cost, first syllables
    for word in plain:
        vowels = len(re.findall("[aeiouyäöü]+", word))
        reached: dict[int, tuple[float, list[int]]] = {}
        for start, (cost, firsts) in best.items():
            for stop in range(start + 1, min(start + 7, len(syllables)) + 1):
                said = "".join(syllables[start:stop]).lower()
                total = cost + edit_distance(word, said) + 4 * abs(stop - start - vowels)
                if stop not in reached or total < reached[stop][0]:
                    reached[stop] = (total, [*firsts, start])
        best = reached
    return best[len(syllables)][1]


def edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def synthetic(sentences: int) -> Iterator[Spoken]:
    """Texts of the demo set said by flite's voices in turn."""
    texts = list(dict.fromkeys(row["text"] for row in _rows(ROOT / "resources/demo/samples.csv")))
    for number, text in enumerate(texts[:: max(1, len(texts) // sentences)]):
        voice = VOICES[number % len(VOICES)]
        with tempfile.TemporaryDirectory() as folder:
            wave = Path(folder) / "speech.wav"
            said = _flite("-voice", voice, "-psdur", "-t", text, "-o", str(wave))
            phones = [phone.split(":") for phone in said.split()]
            starts = [0.0, *(float(end) for _, end in phones)]
            sounding = [start for (name, _), start in zip(phones, starts, strict=False) if name != "pau"]
            counts = [_phones(voice, word) for word in text.split()]
            if sum(counts) == len(sounding):  # else words are said otherwise alone than together
                first = np.cumsum([0, *counts[:-1]])
                yield Spoken(load_speech(wave, RATE), text, np.array(sounding)[first])


def phrases() -> Iterator[Spoken]:
    """The demo set: pieces said by three synthesizers and joined, the phrase's place kept."""
    folder = ROOT / "resources/demo"
    evidence = {row["sample_id"]: row for row in _rows(folder / "evidence.csv")}
    for row in _rows(folder / "samples.csv"):
        known = evidence[row["sample_id"]]
        plain = [re.sub(r"[^a-z']", "", word) for word in row["text"].lower().split()]
        phrase = known["phrase"].lower().split()
        starts = [i for i in range(len(plain)) if plain[i : i + len(phrase)] == phrase]
        if len(starts) == 1 and known["start_s"]:
            onsets = np.full(len(plain), np.nan)
            onsets[starts[0]] = float(known["start_s"])
            yield Spoken(load_speech(folder / row["speech"], RATE), row["text"], onsets)


@cache
def _phones(voice: str, word: str) -> int:
    said = _flite("-voice", voice, "-ps", "-t", word, "-o", "none").split()
    return sum(phone != "pau" for phone in said)


def _flite(*arguments: str) -> str:
    return subprocess.run(["flite", *arguments], capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------- errors


def equal(spoken: Spoken) -> list[WordSpan]:
    """The trivial answer: every word as long as the others."""
    words = split_words(spoken.text)
    edges = np.linspace(0, len(spoken.speech) / RATE, len(words) + 1)
    return [WordSpan(w, float(a), float(b)) for w, a, b in zip(words, edges[:-1], edges[1:], strict=True)]


def forced(spoken: Spoken) -> list[WordSpan]:
    """By pocketsphinx alone: nothing where it finds no path."""
    found = align(spoken.speech, RATE, spoken.text)
    return list(found.words) if found.method == POCKETSPHINX else []


def by_energy(spoken: Spoken) -> list[WordSpan]:
    return list(align(spoken.speech, RATE, spoken.text, language="other").words)


WAYS: dict[str, Callable[[Spoken], list[WordSpan]]] = {
    "pocketsphinx": forced, "energy": by_energy, "equal division": equal,
}  # fmt: skip


def errors(way: Callable[[Spoken], list[WordSpan]], spoken: Spoken) -> FloatArray:
    """Predicted minus true onset in ms, of the words that start within the recording and were placed."""
    starts = np.full(len(spoken.onsets), np.nan)
    placed = [word.start_s for word in way(spoken)]
    starts[: len(placed)] = placed
    found = 1000 * (starts - spoken.onsets)[spoken.onsets < len(spoken.speech) / RATE]
    return found[np.isfinite(found)]


def table(name: str, material: list[Spoken]) -> Iterator[str]:
    known = sum(int((s.onsets < len(s.speech) / RATE).sum()) for s in material)
    for way, place in WAYS.items():
        start = time.perf_counter()
        found = [errors(place, spoken) for spoken in material]
        seconds = (time.perf_counter() - start) / len(material)
        joined = np.concatenate(found)
        middle, ninety = np.percentile(np.abs(joined), [50, 90])
        placed = f"{sum(len(e) > 0 for e in found)} of {len(material)} | {len(joined)} of {known}"
        yield (
            f"| {name} | {way} | {placed} "
            f"| {middle:.0f} | {ninety:.0f} | {np.median(joined):+.0f} | {1000 * seconds:.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--labelled", type=Path, default=LABELLED, metavar="FOLDER")
    parser.add_argument("--sentences", type=int, default=48, help="English ones, said by flite")
    arguments = parser.parse_args()
    print("| speech | way | utterances | words | median ms | 90 % ms | median, signed | ms per utterance |")
    print("|---|---|---|---|---|---|---|---|")
    if (arguments.labelled / "syllables.csv").exists():
        for folder, name in (("speech_full", "German, whole"), ("speech", "German, cut at 2 s")):
            for line in table(name, list(labelled(arguments.labelled, folder))):
                print(line)
    for name, material in (("English, flite", synthetic(arguments.sentences)), ("English, demo", phrases())):
        for line in table(name, list(material)):
            print(line)


if __name__ == "__main__":
    main()
