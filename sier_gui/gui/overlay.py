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


@dataclass(frozen=True, slots=True)
class Layer:
    """One modality's values and the scale they are coloured on.

    ``values``: (rows, columns) or (segments,) float64; ``limit`` > 0 is the magnitude of the full colour.
    """

    values: NDArray[np.float64]
    limit: float
    signed: bool

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
    """Values of one modality for ``target``, scaled by its own or by both modalities' largest magnitude."""
    values = {
        Modality.IMAGE: np.asarray(attribution.image(target), np.float64),
        Modality.SPEECH: np.asarray(attribution.speech(target), np.float64),
    }
    scaled_by = values.values() if options.shared_scale else (values[modality],)
    limit = max(float(np.abs(v).max(initial=0.0)) for v in scaled_by)
    return Layer(values[modality], limit or 1.0, options.signed)


def signed_text(value: float, stderr: float | None = None) -> str:
    """``+0.031`` or ``+0.031 ± 0.004``, with a real minus sign, so that columns of numbers align."""
    text = f"{value:+.3f}".replace("-", "−")
    return text if stderr is None else f"{text} ± {stderr:.3f}"


def standard_error(
    attribution: Attribution, modality: Modality, target: str | None
) -> NDArray[np.float64] | None:
    """Standard errors beside `layer`'s values; None where the values are exact."""
    if attribution.stderr is None:
        return None
    index = attribution.classes.index(target or attribution.target)
    return np.asarray(attribution.stderr[modality][index], np.float64)


def short(value: float) -> str:
    """Two decimals without the leading zero, as in tables of probabilities: ``.58``, ``−.07``, ``1.00``."""
    text = f"{value:.2f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text
