"""Build the demo set: ``python -m sier_gui.core.construct.demo_set --out resources/demo``.

144 samples in four classes. Where the evidence lies is known: an emoji at a known place of the picture, an
emotional phrase at a known time of the speech; in a sixth of the samples only one of the two says anything.
Everything follows from the seed and the pinned parts (`demo_parts`), the texts (`demo_texts`) and the
versions of the speech synthesizers.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from sier_gui.core.construct import demo_pictures, demo_texts
from sier_gui.core.construct.demo_licences import licences
from sier_gui.core.construct.demo_parts import PHOTOS, Emoji, Parts, Photo
from sier_gui.core.construct.demo_speech import RATE, Piece, Voice, utterance
from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.core.paths import atomic_file, user_folder, write_bytes
from sier_gui.core.tasks import Progress, Report, silent

T = TypeVar("T")

SEED = 20261121
CLASSES = ("anger", "happy", "hate", "sad")
# Of each class: samples where picture and speech agree, where only the speech says it, only the picture.
COUNTS = {
    "train": {"both": 16, "speech": 4, "image": 4},
    "test": {"both": 8, "speech": 2, "image": 2},
}
VOICES = {
    "train": (
        Voice("slt", "flite", "slt", female=True),
        Voice("kal", "festival", "kal_diphone", female=False),
        Voice("american-f2", "espeak-ng", "en-us+f2", female=True),
        Voice("american-m4", "espeak-ng", "en-us+m4", female=False),
        Voice("british-m2", "espeak-ng", "en-gb+m2", female=False),
    ),
    "test": (
        Voice("awb", "flite", "awb", female=False),
        Voice("scottish-f4", "espeak-ng", "en-gb-scotland+f4", female=True),
        Voice("american-m7", "espeak-ng", "en-us+m7", female=False),
    ),
}
# Stand-ins for people who would read the text aloud; they speak nothing else.
READERS = {
    "human_male": Voice("standin-male", "espeak-ng", "en-gb-x-rp+m6", female=False),
    "human_female": Voice("standin-female", "espeak-ng", "en-gb+f3", female=True),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sample will be, before anything is drawn or said."""

    sample_id: str
    label: str
    split: str
    decides: str  # both | speech | image: which stream shows the label
    voice: Voice
    photo: Photo
    emoji: Emoji | None
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """As written: frame and phrase are sentences, opening and ending lean on the phrase."""
        mark = "!" if self.label in ("anger", "happy") and self.decides != "image" else "."
        if len(self.pieces) == 3:
            return _sentence(", ".join(piece.text for piece in self.pieces), ".")
        return " ".join(_sentence(piece.text, mark if piece.phrase else ".") for piece in self.pieces)


def _sentence(words: str, mark: str) -> str:
    return words[0].upper() + words[1:] + mark


def plan(seed: int = SEED) -> list[Plan]:
    """All samples in the order of the table; within a class, photographs, emoji and voices are balanced."""
    random = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    plans: list[Plan] = []
    said: set[str] = set()
    for label in CLASSES:
        photos = _cycle(PHOTOS, random, sum(sum(counts.values()) for counts in COUNTS.values()))
        for split, counts in COUNTS.items():
            decided = [kind for kind, count in counts.items() for _ in range(count)]
            voices = _cycle(VOICES[split], random, len(decided))
            signs = _cycle(_emoji(label, split), random, len(decided))
            blanks = _cycle((None, *demo_pictures.NEUTRAL), random, len(decided))
            for number, decides in enumerate(decided):
                pieces = _new_pieces(label if decides != "image" else "neutral", random, said)
                emoji = signs.pop() if decides != "speech" else blanks.pop()
                name = f"{label}-{split}-{number + 1:02d}"
                plans.append(Plan(name, label, split, decides, voices.pop(), photos.pop(), emoji, pieces))
    return plans


def _emoji(label: str, split: str) -> tuple[Emoji, ...]:
    known = demo_pictures.EMOJI[label]
    return known if split == "train" else (*known, demo_pictures.HELD_OUT[label])


def _cycle(items: Sequence[T], random: np.random.Generator, count: int) -> list[T]:
    """``count`` of the items, each equally often (±1), in random order."""
    chosen: list[T] = []
    while len(chosen) < count:
        chosen += [items[i] for i in random.permutation(len(items))]
    return chosen[:count]


def _new_pieces(manner: str, random: np.random.Generator, said: set[str]) -> tuple[Piece, ...]:
    """Frame and phrase in one of three orders; no text twice."""
    phrases = demo_texts.NEUTRAL if manner == "neutral" else demo_texts.PHRASES[manner]
    while True:
        phrase = Piece(str(random.choice(phrases)), manner, phrase=True)
        frame = Piece(str(random.choice(demo_texts.FRAMES)), "neutral")
        opening = Piece(str(random.choice(demo_texts.OPENINGS)), "neutral")
        ending = Piece(str(random.choice(demo_texts.ENDS)), "neutral")
        pieces = ((frame, phrase), (phrase, frame), (opening, phrase, ending))[int(random.integers(3))]
        text = " ".join(piece.text for piece in pieces)
        if text not in said:
            said.add(text)
            return pieces


def build(out: Path, parts: Parts, *, seed: int = SEED, report: Report = silent) -> None:
    """Write the whole set into ``out``; files already there are replaced, others are left alone.

    Raises
    ------
    SierError : a part, a program or the folder is not to be had.
    """
    plans = plan(seed)
    rows, evidence = [], []
    for number, sample in enumerate(plans):
        random = np.random.default_rng(np.random.SeedSequence([seed, 2, number]))
        row, known = _build_one(out, sample, parts, random)
        rows.append(row)
        evidence.append(known)
        report(Progress(number + 1, len(plans), sample.sample_id))
    _write_csv(out / "samples.csv", rows)
    _write_csv(out / "evidence.csv", evidence)
    write_bytes(out / "LICENSES.md", licences(plans).encode())


def _build_one(
    out: Path, sample: Plan, parts: Parts, random: np.random.Generator
) -> tuple[dict[str, object], dict[str, object]]:
    picture = demo_pictures.background(parts, sample.photo, random)
    box: tuple[int, ...] | tuple[str, ...] = ("",) * 4
    if sample.emoji is not None:
        picture, box = demo_pictures.with_emoji(picture, parts, sample.emoji, random)
    image = f"images/{sample.sample_id}.webp"
    with atomic_file(out / image) as temporary:
        picture.save(temporary, "WEBP", quality=80, method=6)
    speech = f"speech/{sample.sample_id}.flac"
    samples, onset, offset = utterance(list(sample.pieces), sample.voice)
    _write_flac(out / speech, samples)
    row: dict[str, object] = {
        "sample_id": sample.sample_id, "image": image, "speech": speech, "text": sample.text,
        "label": sample.label, "split": sample.split, "speaker": sample.voice.speaker, "language": "en",
    }  # fmt: skip
    for column, voice in READERS.items():
        row[column] = f"readers/{voice.speaker}/{sample.sample_id}.flac"
        _write_flac(out / str(row[column]), utterance(list(sample.pieces), voice)[0])
    phrase = next(piece.text for piece in sample.pieces if piece.phrase)
    known: dict[str, object] = {
        "sample_id": sample.sample_id, "decides": sample.decides, "photo": sample.photo.name,
        "emoji": f"{sample.emoji.style} {sample.emoji.what}" if sample.emoji else "",
        "left": box[0], "top": box[1], "right": box[2], "bottom": box[3],
        "phrase": phrase, "start_s": f"{onset:.4f}", "end_s": f"{offset:.4f}",
    }  # fmt: skip
    return row, known


def _write_flac(path: Path, samples: FloatArray) -> None:
    """16-bit FLAC of which 12 bits are used: half the size, and the noise lies 57 dB below the speech."""
    import soundfile

    coarse = np.round(np.clip(samples, -1, 1 - 2**-11) * 2**11) / 2**11
    with atomic_file(path) as temporary:
        soundfile.write(str(temporary), coarse, RATE, "PCM_16", format="FLAC", compression_level=1.0)


def _write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def _tell(progress: Progress) -> None:
    if progress.done % 20 == 0:
        print(f"{progress.done} of {progress.total}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the demo set from its licence-clean parts.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--parts", type=Path, default=None, help="where fetched packages are kept")
    parser.add_argument("--seed", type=int, default=SEED)
    chosen = parser.parse_args(arguments)
    try:
        build(
            chosen.out,
            Parts(chosen.parts or user_folder("cache") / "demo-parts"),
            seed=chosen.seed,
            report=_tell,
        )
    except SierError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
