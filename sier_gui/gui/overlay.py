"""From an attribution's numbers to colours: one rule for patches, waveform, spectrogram and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.gui import theme

if TYPE_CHECKING:
    from sier_gui.core.explain.attribution import Attribution
    from sier_gui.gui.state import AppState, OverlayOptions


_KINDS = {Modality.IMAGE: "picture", Modality.SPEECH: "speech"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One modality's values and the scale they are coloured on.

    ``values``: (rows, columns), (segments,) or (bands, segments) float64; ``limit`` > 0 is the magnitude of
    the full colour; ``unsettled``, the shape of ``values``: True where the sign is not known yet, to be
    hatched; None: nowhere.
    """

    values: NDArray[np.float64]
    limit: float
    signed: bool
    unsettled: NDArray[np.bool_] | None = None

    @property
    def hatched(self) -> NDArray[np.bool_]:
        """As ``unsettled``, always an array."""
        return np.zeros(self.values.shape, bool) if self.unsettled is None else self.unsettled

    @property
    def strength(self) -> NDArray[np.float64]:
        """Position on the scale: [-1, 1] signed, [0, 1] for importance; same shape as ``values``."""
        scaled = np.clip(self.values / self.limit, -1, 1)
        return scaled if self.signed else np.abs(scaled)

    def rgb(self) -> NDArray[np.uint8]:
        """Colours, shape ``values.shape + (3,)``: blue–white–red around zero, or cividis from zero up."""
        lut = theme.lut("diverging" if self.signed else "cividis")
        position = (self.strength + 1) / 2 if self.signed else self.strength
        return lut[np.rint(position * (len(lut) - 1)).astype(np.intp)]

    def rgba(self) -> NDArray[np.uint8]:
        """As `rgb` with alpha: signed values near zero let more of what lies below shine through."""
        alpha = 0.4 + 0.6 * np.abs(self.strength) if self.signed else np.ones(self.values.shape)
        return np.concatenate([self.rgb(), np.rint(255 * alpha)[..., None].astype(np.uint8)], axis=-1)

    def key(self) -> tuple[NDArray[np.uint8], str, str]:
        """The colour map from its lowest to its highest value, and those values in words."""
        if self.signed:
            return theme.lut("diverging"), signed_text(-self.limit), signed_text(self.limit)
        return theme.lut("cividis"), "0", f"{self.limit:.3f}"


def current_attribution(state: AppState) -> Attribution | None:
    """The attribution, if it belongs to the sample on show: another sample's numbers are never drawn."""
    attribution, view = state.attribution, state.sample
    if attribution is None or view is None or attribution.sample_id != view.sample.sample_id:
        return None
    return attribution


def attribution_of(state: AppState, modality: Modality) -> Attribution | None:
    """As `current_attribution`, where the ``modality`` on show is the sample's own."""
    return None if state.holds(modality) else current_attribution(state)


def with_marks(text: str, state: AppState, modality: Modality) -> str:
    """``text`` after what is selected of this ``modality``, and whose it is where another's is held."""
    selection, view = state.selection, state.shown(modality)
    parts = [text] if text else []
    if selection is not None and selection.modality is modality:
        parts.insert(0, f"selected {selection.text}")
    if state.holds(modality) and view is not None:
        parts.insert(0, f"held: {_KINDS[modality]} of {view.sample.sample_id}")
    return "  |  ".join(parts)


def explained_class(state: AppState) -> str | None:
    """The class explained: the chosen one, else the attribution's, else the predicted one."""
    attribution, prediction = current_attribution(state), state.prediction
    classes = attribution.classes if attribution else prediction.classes if prediction else ()
    if state.target in classes:
        return state.target
    if attribution is not None:
        return attribution.target
    return prediction.predicted if prediction is not None else None


def layer(attribution: Attribution, modality: Modality, target: str | None, options: OverlayOptions) -> Layer:
    """Values of one modality for ``target``, scaled by its own or by both modalities' largest magnitude.

    Speech that is cut into bands too is summed over them here: one value per segment, as on the waveform.
    """
    image = modality is Modality.IMAGE
    values = attribution.image(target) if image else attribution.speech(target)
    limit = _limit(attribution, modality, target, options)
    return Layer(values, limit, options.signed, _unsettled(attribution, modality, target))


def speech_cells(attribution: Attribution, target: str | None, options: OverlayOptions) -> Layer:
    """The speech's values as the spectrogram shows them: (bands, segments), lowest band first."""
    values = attribution.values[Modality.SPEECH][attribution.index(target)]
    cells = values.reshape(-1, values.shape[-1])
    limit = _limit(attribution, Modality.SPEECH, target, options)
    unsettled = attribution.unsettled(target)[Modality.SPEECH].reshape(cells.shape)
    return Layer(cells, limit, options.signed, unsettled)


def _limit(
    attribution: Attribution, modality: Modality, target: str | None, options: OverlayOptions
) -> float:
    """The largest magnitude drawn: patches, segments, and the cells of segments."""
    index = attribution.index(target)
    drawn = {
        Modality.IMAGE: (attribution.image(target),),
        Modality.SPEECH: (attribution.speech(target), attribution.values[Modality.SPEECH][index]),
    }
    scaled_by = [*drawn[Modality.IMAGE], *drawn[Modality.SPEECH]] if options.shared_scale else drawn[modality]
    return max(float(np.abs(v).max(initial=0.0)) for v in scaled_by) or 1.0


def _unsettled(attribution: Attribution, modality: Modality, target: str | None) -> NDArray[np.bool_]:
    """Where the sign of `layer`'s values is not known: part of something coarser, or within 1.96 standard
    errors of zero."""
    from sier_gui.core.explain.attribution import Z95

    if modality is Modality.IMAGE or attribution.values[modality].ndim == 2:
        return attribution.unsettled(target)[modality]
    coarse, errors = _reaching_over(attribution), standard_error(attribution, modality, target)
    return coarse if errors is None else coarse | (np.abs(attribution.speech(target)) < Z95 * errors)


def _reaching_over(attribution: Attribution) -> NDArray[np.bool_]:
    """Segments, (segments,), with a cell whose part reaches over the segment's edges: their sum is not known.

    A part's cells carry equal values for all classes.
    """
    values, coarse = attribution.values[Modality.SPEECH], attribution.coarse
    found = np.zeros(values.shape[-1], bool)
    if coarse is not None:
        cells = coarse[Modality.SPEECH].reshape(-1, values.shape[-1])
        equal = (values[..., 1:] == values[..., :-1]).all(axis=0).reshape(len(cells), -1)
        joined = (equal & cells[:, 1:] & cells[:, :-1]).any(axis=0)
        found[1:] |= joined
        found[:-1] |= joined
    return found


def hatch_meaning(attribution: Attribution, target: str | None) -> tuple[str, str]:
    """What hatching says in this map, for a key and as a sentence; both "" where nothing is."""
    if not any(unsettled.any() for unsettled in attribution.unsettled(target).values()):
        return "", ""
    if attribution.coarse is not None and any(coarse.any() for coarse in attribution.coarse.values()):
        return "unsettled", "Hatched: only the sum of a larger part is known so far, spread evenly over it."
    return "unsettled", "Hatched: within 1.96 standard errors of zero, so that its sign may be chance."


@dataclass(frozen=True, slots=True)
class Part:
    """Players whose sum is known, but not how it divides."""

    value: float
    players: int


def part_of(
    attribution: Attribution, modality: Modality, target: str | None, at: tuple[int, ...]
) -> Part | None:
    """The part that the player ``at`` (an index in the players' layout) still belongs to; None if to none.

    Its players carry equal values for all classes, and are coarse: neighbouring parts that agree in every
    class count as one, whose sum is as true.
    """
    if attribution.coarse is None or not attribution.coarse[modality][at]:
        return None
    values = attribution.values[modality]
    own = np.moveaxis(values, 0, -1)[at]
    alike = attribution.coarse[modality] & (np.moveaxis(values, 0, -1) == own).all(axis=-1)
    members = _connected(alike, at)
    return Part(float(values[attribution.index(target)][members].sum()), int(members.sum()))


def _connected(mask: NDArray[np.bool_], start: tuple[int, ...]) -> NDArray[np.bool_]:
    """What of ``mask`` hangs together with ``start``, edge to edge."""
    found = np.zeros(mask.shape, bool)
    found[start] = True
    while True:
        grown = found.copy()
        for axis in range(mask.ndim):
            ahead, behind = np.moveaxis(grown, axis, 0), np.moveaxis(found, axis, 0)
            ahead[1:] |= behind[:-1]
            ahead[:-1] |= behind[1:]
        grown &= mask
        if (grown == found).all():
            return found
        found = grown


def value_text(
    attribution: Attribution, modality: Modality, target: str | None, at: tuple[int, ...], refining: bool
) -> str:
    """What hovering says of a player: ``φ +0.031 ± 0.004``, or the value of the part it still belongs to.

    ``at`` indexes the players' layout. ``refining``: more is under way.
    """
    part = part_of(attribution, modality, target, at)
    if part is not None:
        state = "still refining" if refining else "not divided further"
        noun = "patches" if modality is Modality.IMAGE else "segments" if len(at) == 1 else "cells"
        return f"{state}: φ {signed_text(part.value)} for this part of {part.players} {noun}"
    c = attribution.index(target)
    error = None if attribution.stderr is None else float(attribution.stderr[modality][c][at])
    return f"φ {signed_text(float(attribution.values[modality][c][at]), error)}"


def segment_text(attribution: Attribution, target: str | None, segment: int, refining: bool) -> str:
    """As `value_text` for a whole segment, the sum of its bands."""
    if attribution.values[Modality.SPEECH].ndim == 2:
        return value_text(attribution, Modality.SPEECH, target, (segment,), refining)
    if attribution.coarse is not None and _reaching_over(attribution)[segment]:
        band = int(attribution.coarse[Modality.SPEECH][:, segment].argmax())
        return value_text(attribution, Modality.SPEECH, target, (band, segment), refining)
    errors = standard_error(attribution, Modality.SPEECH, target)
    text = f"φ {signed_text(float(attribution.speech(target)[segment]))}"
    return text if errors is None else f"{text} ± at most {errors[segment]:.3f}"


def signed_text(value: float, stderr: float | None = None) -> str:
    """``+0.031`` or ``+0.031 ± 0.004``, with a real minus sign, so that columns of numbers align."""
    text = f"{value:+.3f}".replace("-", "−")
    return text if stderr is None else f"{text} ± {stderr:.3f}"


def change(value: float) -> str:
    """As `short` with its sign: ``+.21``, ``−.07``; ``0`` for less than half a hundredth."""
    if abs(value) < 0.005:
        return "0"
    return ("+" if value > 0 else "−") + short(abs(value))


def standard_error(
    attribution: Attribution, modality: Modality, target: str | None
) -> NDArray[np.float64] | None:
    """Standard errors beside `layer`'s values, for a sum of bands the most they can be; None where exact."""
    if attribution.stderr is None:
        return None
    errors = np.asarray(attribution.stderr[modality][attribution.index(target)], np.float64)
    return errors.sum(axis=0) if modality is Modality.SPEECH and errors.ndim == 2 else errors


def short(value: float) -> str:
    """Two decimals without the leading zero, as in tables of probabilities: ``.58``, ``−.07``, ``1.00``."""
    text = f"{value:.2f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text
