"""How an explanation is asked for and how it was made, in the words that panels and dialogs share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.gui.state import ExplainOptions

if TYPE_CHECKING:
    from sier_gui.core.explain.attribution import Attribution
    from sier_gui.core.explain.what_if_list import WhatIf
    from sier_gui.core.nets.releases import Release

WORDS = "words"
MOST_PASSES = 4096  # for an error or a time; with more the estimator's work outgrows the network's


@dataclass(frozen=True, slots=True)
class Method:
    """A way to compute values: its name in a list, in a line of text, and what it does."""

    name: str
    short: str
    meaning: str


METHODS = {
    "owen": Method(
        "Owen values, exact",
        "Owen",
        "Picture and speech are halved again and again; each part's mean contribution, computed exactly.",
    ),
    "shapley": Method(
        "Shapley values, estimated",
        "Shapley",
        "Mean contribution over random orders of all parts, with standard errors; exact for few parts.",
    ),
    "modality": Method(
        "Modality split",
        "Modality split",
        "Two players, the whole picture and the whole speech: four evaluations, exact.",
    ),
    "paper": Method(
        "Printed formula, for comparison",
        "Printed formula",
        "For comparison only: as printed in the paper, its values do not add up to the prediction.",
    ),
}

ABSENCES = {
    "zeros": "A removed part is replaced by zeros: black patches, silent segments.",
    "mean": "A removed part is replaced by the training set's mean colour, or mean level per mel band.",
    "blur": "A removed part is replaced by a blurred copy of itself.",
    "noise": "A removed part is replaced by seeded noise.",
}
BLUR_CELLS = 8.0  # what "blur" without a parameter means


@dataclass(frozen=True, slots=True)
class Preset:
    """Which parts the picture and the speech are cut into."""

    name: str
    grid: int
    segments: int | str
    bands: int = 1

    @property
    def changes(self) -> dict[str, Any]:
        """As `AppState.change_explain_options` takes them."""
        return {"grid": self.grid, "segments": self.segments, "bands": self.bands}

    @property
    def text(self) -> str:
        return f"{self.name} {parts_text(self.grid, self.segments, self.bands)}"


def parts_text(grid: int, segments: int | str, bands: int = 1) -> str:
    """ "8×8 + 16", "8×8 + words", "4×4 + 8×3" for three bands, "8×8 + 0.5 s"."""
    speech = str(segments) if segments == WORDS or isinstance(segments, int) else f"{segments[:-1]} s"
    return f"{grid}×{grid} + {speech}" + (f"×{bands}" if bands > 1 else "")


PRESETS = (
    Preset("Quick", 4, 8),
    Preset("Standard", 8, 16),
    Preset("Fine", 16, 32),
    Preset("Words", 8, WORDS),
)


def preset_of(options: ExplainOptions) -> Preset | None:
    """The preset whose parts ``options`` asks for."""
    parts = (options.grid, options.segments, options.bands)
    return next((p for p in PRESETS if (p.grid, p.segments, p.bands) == parts), None)


def absence_text(absence: str) -> str:
    """What stands in for a removed part, as a sentence; "blur:6" names its parameter."""
    kind, _, parameter = absence.partition(":")
    sentence = ABSENCES.get(kind, f"A removed part is replaced by {kind}.")
    return f"{sentence[:-1]} ({kind} {parameter})." if parameter else sentence


def one_stream_text(release: Release | None) -> str:
    """Of a release that looks at one modality alone: why the other one counts nothing. Else ""."""
    if release is None or len(release.streams) != 1:
        return ""
    if release.streams[0] is Modality.SPEECH:
        return f"{release.label} only listens: the picture counts nothing."
    return f"{release.label} only looks: the speech counts nothing."


def limits_text(options: ExplainOptions) -> str:
    """When an estimate ends, as a sentence."""
    if options.method != "shapley":
        return "Only estimates have an end of their own."
    ends = [f"once its estimated error is at most {100 * options.error:g} %"] if options.error else []
    ends += [f"after {options.seconds:g} s"] if options.seconds else []
    if ends:
        return f"It ends {' or '.join(ends)}, after {MOST_PASSES:,} passes of the network at the latest."
    from sier_gui.core.explain.shapley.run import ESTIMATED

    return f"Few parts are computed exactly; an estimate ends after {ESTIMATED:,} passes of the network."


# ---------------------------------------------------------------- how a result was made


def relative_error(attribution: Attribution, target: str | None) -> float | None:
    """√(Σ standard error²) / √(Σ φ²) over all players; None where the values are exact, or all zero."""
    if attribution.stderr is None:
        return None
    c = attribution.index(target)
    errors = sum(float(np.square(e[c]).sum()) for e in attribution.stderr.values())
    values = sum(float(np.square(v[c]).sum()) for v in attribution.values.values())
    return math.sqrt(errors / values) if values else None


def how_text(attribution: Attribution, target: str, asked: ExplainOptions) -> str:
    """Method, certainty, cost, device and why it stopped in one line; ✓ where nothing more is to come."""
    method = METHODS.get(attribution.method)
    parts = [
        method.short if method else attribution.method,
        _certainty(attribution, target),
        f"{attribution.evaluations:,} evaluations",
        f"{attribution.seconds:.1f} s",
    ]
    device = attribution.provenance.get("device")
    parts += [str(device)] if device else []
    if attribution.complete and attribution.stderr is not None:
        parts.append(_stopped(attribution, target, asked))
    return " · ".join(parts) + ("\N{NO-BREAK SPACE}✓" if attribution.complete else "")


def _certainty(attribution: Attribution, target: str) -> str:
    if attribution.method == "paper":
        return "for comparison, not additive"
    if attribution.stderr is None:
        return "exact" if attribution.complete else "coarse so far"
    error = relative_error(attribution, target)
    return "estimated" if error is None else f"estimated ± {100 * error:.2g} %"


def _stopped(attribution: Attribution, target: str, asked: ExplainOptions) -> str:
    """Why an estimate ended: as the engine says it, else by what was asked for."""
    said = attribution.provenance.get("stopped")
    if said:
        return f"stopped: {said}"
    error = relative_error(attribution, target)
    if asked.error is not None and error is not None and error <= asked.error:
        return f"stopped at the target error of {100 * asked.error:g} %"
    if asked.seconds is not None and attribution.seconds >= asked.seconds:
        return f"stopped at the time limit of {asked.seconds:g} s"
    return "stopped at its budget"


def count_unsettled(attribution: Attribution, target: str | None) -> tuple[int, int]:
    """Players whose sign is not settled, and how many play."""
    unsettled = attribution.unsettled(target).values()
    return sum(int(u.sum()) for u in unsettled), sum(u.size for u in unsettled)


def verdict_text(found: WhatIf) -> str:
    """``sees anger instead of hate``, ``still sees hate``."""
    if found.flipped:
        return f"What if: sees {found.predicted} instead of {found.predicted_before}"
    return f"What if: still sees {found.predicted}"


def changes_text(found: WhatIf) -> str:
    """``picture − 12 %, speech − 8 % (zeros) · speech of sad_0002``."""
    names = {Modality.IMAGE: "picture", Modality.SPEECH: "speech"}
    gone = [f"{names[m]} −{_percent(share)}" for m, share in found.removed.items() if share > 0]
    parts = [f"{', '.join(gone)} ({found.absence})"] if gone else []
    if found.removals and not gone:
        parts.append("the part is smaller than what the network can see")
    if found.picture_of != found.sample_id:
        parts.append(f"picture of {found.picture_of}")
    if found.speech_of != found.sample_id:
        parts.append(f"speech of {found.speech_of}")
    return " · ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"
