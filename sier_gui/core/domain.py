"""Frozen records that travel through the program; no behaviour beyond arithmetic on themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Modality(StrEnum):
    """What a network senses. A list, not a pair: text and video follow."""

    IMAGE = "image"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a dataset: files, label, text. Nothing is decoded yet."""

    sample_id: str
    row: int
    paths: Mapping[Modality, Path]
    text: str = ""
    label: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How files become tensors; fixed in a release's config (models.md §1)."""

    image_fit: str = "crop"  # crop | stretch | pad
    time: str = "stretch"  # stretch | window
    image_size: int = 128
    sample_rate: int = 16_000
    n_fft: int = 1024
    hop: int = 160
    mels: int = 128
    frames: int = 128
    offset_db: float = -25.0
    floor_db: float = -80.0


@dataclass(frozen=True, slots=True)
class PixelMap:
    """From the network's image back to the picture.

    A network coordinate (x, y) in [0, size) lies at ``(left + x*scale_x, top + y*scale_y)`` in
    pixels of the oriented picture; padding gives coordinates outside it.
    """

    size: int
    width: int
    height: int
    left: float
    top: float
    scale_x: float
    scale_y: float

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * self.scale_x, self.top + y * self.scale_y

    def to_network(self, px: float, py: float) -> tuple[float, float]:
        return (px - self.left) / self.scale_x, (py - self.top) / self.scale_y


@dataclass(frozen=True, slots=True)
class TimeFrequencyMap:
    """From the log-mel's cells back to seconds and Hz.

    Column ``c`` covers ``[start_s + c*column_s, start_s + (c+1)*column_s)``; ``mel_edges_hz`` has
    ``mels + 1`` ascending entries (row 0 is the lowest band).
    """

    duration_s: float
    start_s: float
    column_s: float
    columns: int
    mel_edges_hz: NDArray[np.float64]

    def seconds(self, column: float) -> float:
        return self.start_s + column * self.column_s

    def column(self, seconds: float) -> float:
        return (seconds - self.start_s) / self.column_s

    def hz(self, row: float) -> float:
        """Frequency at a height in mel rows, 0 the lower edge of the lowest band."""
        edges = self.mel_edges_hz
        return float(np.interp(row, np.arange(len(edges)), edges))

    def row(self, hz: float) -> float:
        edges = self.mel_edges_hz
        return float(np.interp(hz, edges, np.arange(len(edges))))


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of one sample: a span of its speech, a span × band of it, or a box on its picture.

    ``start_s``, ``end_s``: seconds of the sample's speech; ``low_hz``, ``high_hz``: its band, ``high_hz`` 0
    for all frequencies. ``left`` … ``bottom``: pixels of the oriented picture, edges rather than centres, so
    that the whole picture is (0, 0, width, height). What belongs to the other modality is 0.
    """

    modality: Modality
    start_s: float = 0.0
    end_s: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 0.0
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def banded(self) -> bool:
        """Whether it is only a part of the frequencies."""
        return self.high_hz > 0

    @property
    def empty(self) -> bool:
        """Whether nothing lies in it."""
        if self.modality is Modality.IMAGE:
            return self.right <= self.left or self.bottom <= self.top
        return self.end_s <= self.start_s or (self.banded and self.high_hz <= self.low_hz)

    @property
    def text(self) -> str:
        """``0.312–0.874 s``, with its band ``0.312–0.874 s · 500–2,000 Hz``; ``x 10–40, y 5–60 px``."""
        if self.modality is Modality.IMAGE:
            across = f"x {self.left:.0f}–{self.right:.0f}"
            return f"{across}, y {self.top:.0f}–{self.bottom:.0f} px"
        seconds = f"{self.start_s:.3f}–{self.end_s:.3f} s"
        band = f" · {self.low_hz:,.0f}–{self.high_hz:,.0f} Hz" if self.banded else ""
        return seconds + band


@dataclass(frozen=True, slots=True)
class WordSpan:
    """When a word is said, in seconds of the speech."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SampleInputs:
    """What a network is given, with the way back to pixels, seconds and Hz.

    ``tensors[IMAGE]`` is float32 (3, size, size) RGB in [0, 1];
    ``tensors[SPEECH]`` is float32 (1, mels, frames) in [0, 1], mel row 0 lowest. ``words`` where the text was
    aligned (`dataset.inputs.with_words`), in its order; ``words_by`` says how. No part of the content hash.
    """

    sample_id: str
    tensors: Mapping[Modality, FloatArray]
    pixels: PixelMap
    times: TimeFrequencyMap
    content_hash: str  # sha256 over the tensors: the cache's key to this sample
    words: tuple[WordSpan, ...] = ()
    words_by: str = ""  # "pocketsphinx", "energy"; empty where nobody asked
    absent: frozenset[Modality] = frozenset()  # the sample has none: zeros stand for it, and no map is true


@dataclass(frozen=True, slots=True)
class Prediction:
    """One network's answer to one sample. ``probabilities`` and ``logits``: (classes,) float64."""

    sample_id: str
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    logits: NDArray[np.float64]
    label: str | None = None

    @property
    def predicted(self) -> str:
        return self.classes[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        return float(self.probabilities.max())

    @property
    def loss(self) -> float | None:
        """Cross entropy of the label in nats; None without a label in the class set."""
        if self.label not in self.classes:
            return None
        p = float(self.probabilities[self.classes.index(self.label)])
        return float(np.log(1 / max(p, 1e-12)))


@dataclass(frozen=True, slots=True)
class PersonMarks:
    """What one person marked as having decided their answer to one sample.

    ``column``: what they were shown, as in Table 1: i, ss, hs, ss-i or hs-i. ``voice``: whose speech they
    heard, "" for the dataset's own. ``boxes``: (left, top, right, bottom) in shares 0–1 of the oriented
    picture; ``spans``: (start, end) in seconds of that speech's file. ``simulated``: a program played the
    person.
    """

    person: str
    sample_id: str
    column: str
    voice: str
    answer: str
    label: str
    simulated: bool
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    spans: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """A speech file that is not the sample's own; what is heard of it lies from ``start_s`` to ``end_s``.

    ``end_s`` 0: to its end.
    """

    path: Path
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """One line of a dataset's opening report."""

    row: int | None  # 0-based data row; None concerns the whole file
    sample_id: str
    column: str
    # missing | unreadable | duplicate | unknown-label | empty-text | duration | outside | too-large
    kind: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "sample_id": self.sample_id,
            "column": self.column,
            "kind": self.kind,
            "reason": self.reason,
        }
