"""What an export is made of, its options, and the provenance every file carries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import sier_gui
from sier_gui.core.audio.alignment import POCKETSPHINX
from sier_gui.core.domain import FloatArray, Modality, Prediction, Sample, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Attribution
from sier_gui.core.export.origin import Origin
from sier_gui.core.export.words import placed, player_words
from sier_gui.core.images.files import Picture

if TYPE_CHECKING:
    from sier_gui.core.explain.truth.curves import Curves

_MILLIMETRES = {"": 1.0, "mm": 1.0, "cm": 10.0, "in": 25.4}
WIDTH_RANGE_MM = (60.0, 400.0)


@dataclass(frozen=True, slots=True)
class FigureInput:
    """A sample with what the network said and why.

    ``picture`` uint8 (h, w, 3); ``speech`` float32 (n,) mono at ``rate`` Hz; ``release`` as people name it
    ("demo/1"), else the start of its hash is shown. ``origin`` is what it takes to make the figure again,
    ``curves`` by scope what the designs with deletion and insertion draw; None where nobody asked.
    """

    sample: Sample
    picture: Picture
    speech: FloatArray
    rate: int
    inputs: SampleInputs
    prediction: Prediction
    attribution: Attribution
    release: str = ""
    origin: Origin | None = None
    curves: Mapping[str, Curves] | None = None


def answer(attribution: Attribution, label: str | None) -> Prediction:
    """What the network said, as the explanation knows it: no figure needs the network for it."""
    from sier_gui.core.nets.prediction import softmax

    logits = attribution.f_all
    if attribution.value == "probability":
        return Prediction(
            attribution.sample_id, attribution.classes, logits, np.log(np.maximum(logits, 1e-300)), label
        )
    return Prediction(attribution.sample_id, attribution.classes, softmax(logits), logits, label)


@dataclass(frozen=True, slots=True)
class FigureOptions:
    """How a figure looks.

    ``signed`` False colours from blue (least important) to yellow (most), True from blue (against the class)
    over white to red (for it). ``scale`` (lowest, highest) of the colour bar; None takes the sample's own.
    ``design`` is one of `designs.DESIGNS`. ``caption`` None writes what the figure shows and how it was made,
    "" nothing.
    """

    width_mm: float = 140.0
    signed: bool = False
    opacity: float = 0.6
    scale: tuple[float, float] | None = None
    dpi: int = 300
    design: str = "figure7"
    caption: str | None = None

    def __post_init__(self) -> None:
        low, high = WIDTH_RANGE_MM
        if not low <= self.width_mm <= high:
            raise SierError(f"A figure {self.width_mm:g} mm wide.", f"Use {low:g} to {high:g} mm.")
        if not 10 <= self.dpi <= 1200:
            raise SierError(f"A figure of {self.dpi} dots per inch.", "Use 10 to 1200, for example 300.")
        if not 0 <= self.opacity <= 1:
            raise SierError(f"An overlay of opacity {self.opacity:g}.", "Use 0 to 1, for example 0.6.")
        if self.scale is not None and not -np.inf < self.scale[0] <= self.scale[1] < np.inf:
            raise SierError(f"A colour scale of {self.scale}.", "Use two numbers, the lower one first.")


def parse_width(text: str) -> float:
    """Millimetres of "140mm", "14cm", "5.5in" or "140".

    Raises
    ------
    SierError : no such length, or outside what a figure fits into.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(mm|cm|in)?\s*", text)
    if not match:
        raise SierError(f"{text!r} is no width.", "Use a length as 140mm, 14cm or 5.5in.")
    width = float(match[1]) * _MILLIMETRES[match[2] or ""]
    return FigureOptions(width_mm=width).width_mm


def shared_scale(attributions: Iterable[Attribution]) -> tuple[float, float]:
    """Lowest and highest value of the explained classes over all: one colour bar for a batch."""
    ends = [
        (min(a.image().min(), a.speech().min()), max(a.image().max(), a.speech().max())) for a in attributions
    ]
    if not ends:
        raise SierError("No explanation to take a colour scale from.", "Choose at least one sample.")
    return float(min(low for low, _ in ends)), float(max(high for _, high in ends))


def provenance(
    view: FigureInput, options: FigureOptions | None = None, formats: Sequence[str] = ()
) -> dict[str, Any]:
    """What the files were made from, as JSON values; no clock, so that equal inputs give equal files.

    With ``options`` and an origin it holds all that `again.remake` needs.
    """
    attribution, prediction = view.attribution, view.prediction
    rows, columns = attribution.image().shape
    return {
        "schema": 1,
        "program": f"sier-gui {sier_gui.__version__}",
        "sample_id": view.sample.sample_id,
        "text": view.sample.text,
        "label": view.sample.label,
        "predicted": prediction.predicted,
        "probabilities": dict(
            zip(prediction.classes, np.round(prediction.probabilities, 9).tolist(), strict=True)
        ),
        "class": attribution.target,
        "method": attribution.method,
        "value": attribution.value,
        "absence": attribution.absence,
        "grid": [rows, columns],
        "segments": len(attribution.speech()),
        "bands": band_count(attribution),
        "seed": attribution.seed,
        "evaluations": attribution.evaluations,
        "complete": attribution.complete,
        "f_none": float(attribution.f_none[attribution.index()]),
        "f_all": float(attribution.f_all[attribution.index()]),
        "residual": attribution.residual(),
        "degree": {str(m): share for m, share in attribution.degree().items()},
        "release": view.release,
        "release_hash": attribution.release_hash,
        "sample_hash": attribution.sample_hash,
        "code_version": attribution.code_version,
        "further": dict(attribution.provenance),
        **({} if options is None else {"figure": asdict(options), "formats": list(formats)}),
        **({} if view.origin is None else {"origin": view.origin.as_json()}),
    }


def caption(view: FigureInput, options: FigureOptions) -> str:
    """One paragraph that lets the figure stand alone, or what the author says instead."""
    if options.caption is not None:
        return options.caption
    a = view.attribution
    c, degree = a.index(), a.degree()
    rows, columns = a.image().shape
    total = sum(a.sums().values())
    segments, bands = len(a.speech()), band_count(a)
    players = f"{rows}×{columns} patches + {segments} {'words' if player_words(a) else 'segments'}"
    if bands > 1:
        players += f" × {bands} bands"
    if a.method == "modality":
        players = "one for each modality"
    unit = "P" if a.value == "probability" else "logit"
    parts = [
        f"Sample {shorten(view.sample.sample_id, 60)}",
        f"image {degree[Modality.IMAGE]:.0%}, speech {degree[Modality.SPEECH]:.0%} of Σ|φ|",
        f"{unit}({shorten(a.target, 30)}): f(all) {a.f_all[c]:.3f} − f(none) {_signed(a.f_none[c])}"
        f" = Σφ {_signed(total)} + residual {_signed(a.residual())}",
        f"absence: {a.absence}",
        f"{a.method.capitalize()} values, {players}",
        f"release {shorten(view.release or a.release_hash[:12] or 'unknown', 40)}",
    ]
    if not a.complete:
        parts.append("NOT complete: the map is still coarse")
    if a.stderr is not None:
        worst = max(float(np.max(e[c])) for e in a.stderr.values())
        parts.append(f"estimated, standard error at most {worst:.2g}")
    if view.sample.text.strip() or view.inputs.words:
        parts.append(_placed(view))
        if options.design == "figure7":
            parts.append("bold blue: those that carry most")
        if options.design in ("words", "comparison"):
            parts.append("a word's value is what the speech under it carries")
    if options.scale not in (None, shared_scale([a])):
        parts.append("colour scale shared by the whole batch")
    return "; ".join(parts) + "."


def band_count(attribution: Attribution) -> int:
    """Parts of the speech's frequency axis; 1 where segments span all of it."""
    values = attribution.values[Modality.SPEECH]
    return values.shape[1] if values.ndim == 3 else 1


def band_edges_hz(view: FigureInput) -> NDArray[np.float64] | None:
    """(bands + 1,) ascending Hz between the bands of the speech's players; None without bands."""
    bands, mels = band_count(view.attribution), len(view.inputs.times.mel_edges_hz) - 1
    if bands == 1:
        return None
    # a band holds the mel rows whose centre lies in it (core/explain/players.py)
    first = np.searchsorted((2 * np.arange(mels) + 1) * bands, 2 * mels * np.arange(bands))
    return view.inputs.times.mel_edges_hz[[*first, mels]]


def _placed(view: FigureInput) -> str:
    how = placed(view.inputs)
    return f"words {how}" if view.inputs.words_by == POCKETSPHINX else f"words spread by their lengths, {how}"


def _signed(value: float) -> str:
    """Three decimals with a real minus sign; rounding errors are zero, other small values keep their size."""
    size = abs(value)
    digits = "0" if size < 1e-9 else f"{size:.3f}" if size >= 5e-4 else f"{size:.0e}"
    return f"−{digits}" if value < 0 and digits != "0" else digits


def shorten(text: str, characters: int) -> str:
    """At most ``characters`` on one line, cut with an ellipsis."""
    line = " ".join(text[: 4 * characters + 4].split())
    return line if len(line) <= characters and len(text) <= 4 * characters else line[: characters - 1] + "…"
