"""What the window is looking at now: values and typed signals, no logic.

Panels read from here and listen; workflows write. Nothing here computes, loads or decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from sier_gui.gui.annotated import Annotated

if TYPE_CHECKING:  # numpy among them: the window is on the screen before it is imported
    import numpy as np

    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import PredictionTable
    from sier_gui.core.domain import (
        Modality,
        PersonMarks,
        Prediction,
        Sample,
        SampleInputs,
        Selection,
        WordSpan,
    )
    from sier_gui.core.explain.attribution import Attribution
    from sier_gui.core.explain.what_if_list import WhatIf
    from sier_gui.core.nets.releases import Release


@dataclass(frozen=True, slots=True)
class SampleView:
    """A decoded sample, ready to be looked at and listened to."""

    sample: Sample
    picture: np.ndarray | None  # uint8 (height, width, 3), oriented; None: broken or absent
    speech: np.ndarray | None  # float32 (n,) mono at ``rate``; None: broken or absent
    rate: int
    inputs: SampleInputs | None  # None when a file is broken, or there is none
    errors: tuple[str, ...] = ()

    @property
    def lacking(self) -> tuple[Modality, ...]:
        """What the dataset has no file of, for this sample."""
        from sier_gui.core.domain import Modality

        there = {Modality.IMAGE: self.picture, Modality.SPEECH: self.speech}
        return tuple(m for m in Modality if m not in self.sample.paths and there[m] is None)


@dataclass(frozen=True, slots=True)
class Picked:
    """Rows chosen elsewhere than by filters: (k,) in the order to show them; ``title`` says how."""

    rows: np.ndarray
    title: str


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """How an attribution is drawn."""

    visible: bool = True
    opacity: float = 0.6
    signed: bool = True  # blue–white–red around zero; False: importance, yellow–blue
    shared_scale: bool = True  # image and speech on one scale


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What the next explanation computes; each field as in `ExplainRequest`."""

    method: str = "owen"
    grid: int = 8
    segments: int | str = 16  # a number, "0.5s" or "words"
    bands: int = 1
    absence: str = "zeros"  # or with its parameter, "blur:6"
    value: str = "probability"
    error: float | None = 0.05  # only Shapley values are estimated
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SpokenWords:
    """When the words of a sample are said, and how that was found: "pocketsphinx" or "energy"."""

    sample_id: str
    words: tuple[WordSpan, ...]
    method: str


@dataclass(frozen=True, slots=True)
class StillHeard:
    """What a recogniser understands of the important part; ``agrees``: which of the words the text has too.

    ``method`` names the recogniser, "" where none knows the language.
    """

    sample_id: str
    words: tuple[WordSpan, ...]
    agrees: tuple[bool, ...]
    method: str


@dataclass(frozen=True, slots=True)
class PeopleMarked:
    """Where people marked what decided their answers to one sample."""

    sample_id: str
    marks: tuple[PersonMarks, ...]


@dataclass(frozen=True, slots=True)
class Hover:
    """Where the one cross-hair is: a picture pixel, or a moment (and frequency) of the speech."""

    pixel: tuple[float, float] | None = None
    seconds: float | None = None
    hz: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """One sample's picture, or speech, that stands in for every other's."""

    modality: Modality
    view: SampleView


class AppState(QObject):
    """The one shared state. Each setter emits its signal only when the value changed."""

    dataset_changed = Signal(object)  # Catalogue | None
    release_changed = Signal(object)  # Release | None
    predictions_changed = Signal(object)  # PredictionTable | None: the whole dataset, growing
    rows_changed = Signal(object)  # NDArray[int64]: visible rows, in order
    picked_changed = Signal(object)  # Picked | None: what the rows are taken from
    row_changed = Signal(int)  # current dataset row, -1 for none or a loose pair
    sample_changed = Signal(object)  # SampleView | None
    prediction_changed = Signal(object)  # Prediction | None
    attribution_changed = Signal(object)  # Attribution | None, refining
    words_changed = Signal(object)  # SpokenWords | None
    people_changed = Signal(object)  # PeopleMarked | None: of the sample on show
    recognising_changed = Signal(bool)  # whether it is asked what a recogniser still hears
    still_heard_changed = Signal(object)  # StillHeard | None
    target_changed = Signal(object)  # str | None: the class explained
    overlay_changed = Signal(object)  # OverlayOptions
    explain_options_changed = Signal(object)  # ExplainOptions
    hover_changed = Signal(object)  # Hover
    selection_changed = Signal(object)  # Selection | None: dragged, or grown by keys
    removals_changed = Signal(object)  # tuple of Selection: parts that are taken away
    held_changed = Signal(object)  # Held | None
    what_if_changed = Signal(object)  # WhatIf | None: the answer without those parts, and the selection
    heard_changed = Signal(str)  # which voice is heard; "" for the sample's own, alone
    playhead_changed = Signal(float)  # seconds; negative when stopped
    busy_changed = Signal(str, float)  # job kind and fraction in [0, 1]; negative fraction: ended
    kinds_changed = Signal()  # which kinds of jobs are under way
    mode_changed = Signal(str)  # "explore", "record" or "study"
    overview_changed = Signal(bool)  # Explore shows the dataset as a whole, or a sample
    project_changed = Signal(str)  # folder of the study project that is open, "" for none
    booth_changed = Signal(bool)  # a reader sits before the prompts
    rating_changed = Signal(bool)  # a rater sits before the window, which is theirs alone
    study_changed = Signal(object)  # frozenset of what the experimenter has before them, see `study`

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.annotated = Annotated(self)
        self.dataset: Catalogue | None = None
        self.release: Release | None = None
        self.predictions: PredictionTable | None = None
        self._rows: np.ndarray | None = None
        self.picked: Picked | None = None
        self.row: int = -1
        self.sample: SampleView | None = None
        self.prediction: Prediction | None = None
        self.attribution: Attribution | None = None
        self.words: SpokenWords | None = None
        self.people: PeopleMarked | None = None
        self.recognising = False
        self.still_heard: StillHeard | None = None
        self.target: str | None = None
        self.overlay = OverlayOptions()
        self.explain_options = ExplainOptions()
        self.hover = Hover()
        self.selection: Selection | None = None
        self.removals: tuple[Selection, ...] = ()
        self.held: Held | None = None
        self.what_if: WhatIf | None = None
        self.heard = ""
        self.playhead: float = -1.0
        self.busy: frozenset[str] = frozenset()
        self.mode = "explore"
        self.overview = False
        self.project = ""
        self.booth = False
        self.rating = False
        self.study: frozenset[str] = frozenset()  # of "report", "rater", "resumable", "drawable"

    @property
    def rows(self) -> np.ndarray:
        """Visible dataset rows, in order: int64 (k,)."""
        if self._rows is None:
            import numpy as np

            self._rows = np.empty(0, dtype=np.int64)
        return self._rows

    def set_dataset(self, value: Catalogue | None) -> None:
        self.dataset = value
        self.dataset_changed.emit(value)

    def set_release(self, value: Release | None) -> None:
        self.release = value
        self.release_changed.emit(value)

    def set_predictions(self, value: PredictionTable | None) -> None:
        self.predictions = value
        self.predictions_changed.emit(value)

    def set_rows(self, value: np.ndarray) -> None:
        self._rows = value
        self.rows_changed.emit(value)

    def set_picked(self, value: Picked | None) -> None:
        if value is not self.picked:
            self.picked = value
            self.picked_changed.emit(value)

    def set_row(self, value: int) -> None:
        if value != self.row:
            self.row = value
            self.row_changed.emit(value)

    def set_sample(self, value: SampleView | None) -> None:
        """Another sample: nothing of it is selected yet, or taken away; what is held stays as it is."""
        held = self.held.modality if self.held is not None else None
        self.set_what_if(None)
        self.set_selection(None)
        self.set_removals(tuple(removal for removal in self.removals if removal.modality is held))
        self.sample = value
        self.sample_changed.emit(value)

    def set_prediction(self, value: Prediction | None) -> None:
        self.prediction = value
        self.prediction_changed.emit(value)

    def set_attribution(self, value: Attribution | None) -> None:
        self.attribution = value
        self.attribution_changed.emit(value)

    def set_words(self, value: SpokenWords | None) -> None:
        if value != self.words:
            self.words = value
            self.words_changed.emit(value)

    def set_recognising(self, on: bool) -> None:
        if on != self.recognising:
            self.recognising = on
            self.recognising_changed.emit(on)

    def set_still_heard(self, value: StillHeard | None) -> None:
        if value != self.still_heard:
            self.still_heard = value
            self.still_heard_changed.emit(value)

    def set_people(self, value: PeopleMarked | None) -> None:
        if value != self.people:
            self.people = value
            self.people_changed.emit(value)

    def set_target(self, value: str | None) -> None:
        if value != self.target:
            self.target = value
            self.target_changed.emit(value)

    def change_overlay(self, **changes: object) -> None:
        value = replace(self.overlay, **changes)  # type: ignore[arg-type]
        if value != self.overlay:
            self.overlay = value
            self.overlay_changed.emit(value)

    def change_explain_options(self, **changes: object) -> None:
        value = replace(self.explain_options, **changes)  # type: ignore[arg-type]
        if value != self.explain_options:
            self.explain_options = value
            self.explain_options_changed.emit(value)

    def set_hover(self, value: Hover) -> None:
        if value != self.hover:
            self.hover = value
            self.hover_changed.emit(value)

    def set_selection(self, value: Selection | None) -> None:
        if value != self.selection:
            self.selection = value
            self.selection_changed.emit(value)

    def set_removals(self, value: tuple[Selection, ...]) -> None:
        if value != self.removals:
            self.removals = value
            self.removals_changed.emit(value)

    def set_held(self, value: Held | None) -> None:
        if value is not self.held:
            self.held = value
            self.held_changed.emit(value)

    def set_what_if(self, value: WhatIf | None) -> None:
        if value is not self.what_if:
            self.what_if = value
            self.what_if_changed.emit(value)

    def shown(self, modality: Modality) -> SampleView | None:
        """Whose picture, or speech, is on show: the sample's own unless another's is held."""
        held = self.held
        return held.view if held is not None and held.modality is modality and self.sample else self.sample

    def holds(self, modality: Modality) -> bool:
        """Whether the ``modality`` on show is another sample's."""
        return self.sample is not None and self.shown(modality) is not self.sample

    def set_busy(self, kind: str, fraction: float) -> None:
        """``fraction`` in [0, 1] of what jobs of ``kind`` have to do; negative: they ended."""
        kinds = self.busy | {kind} if fraction >= 0 else self.busy - {kind}
        changed, self.busy = kinds != self.busy, kinds
        self.busy_changed.emit(kind, fraction)
        if changed:
            self.kinds_changed.emit()

    def set_mode(self, mode: str) -> None:
        if mode != self.mode:
            self.mode = mode
            self.mode_changed.emit(mode)

    def set_overview(self, on: bool) -> None:
        if on != self.overview:
            self.overview = on
            self.overview_changed.emit(on)

    def set_project(self, folder: str) -> None:
        if folder != self.project:
            self.project = folder
            self.project_changed.emit(folder)

    def set_booth(self, occupied: bool) -> None:
        if occupied != self.booth:
            self.booth = occupied
            self.booth_changed.emit(occupied)

    def set_rating(self, occupied: bool) -> None:
        if occupied != self.rating:
            self.rating = occupied
            self.rating_changed.emit(occupied)

    def set_study(self, value: frozenset[str]) -> None:
        if value != self.study:
            self.study = value
            self.study_changed.emit(value)

    def set_heard(self, value: str) -> None:
        if value != self.heard:
            self.heard = value
            self.heard_changed.emit(value)

    def set_playhead(self, seconds: float) -> None:
        self.playhead = seconds
        self.playhead_changed.emit(seconds)
