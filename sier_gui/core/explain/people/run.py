"""Explain what people marked, and lay their marks over the players: sample after sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.audio.files import load_speech
from sier_gui.core.dataset.inputs import inputs_from, load_view
from sier_gui.core.domain import FrontEnd, Modality, PersonMarks, PixelMap, Recording, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import WORDS, Attribution, ExplainRequest, Floats
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.people.balance import Balance, balance
from sier_gui.core.explain.people.coverage import box_coverage, span_coverage
from sier_gui.core.explain.people.items import Item, Looked, Reading, figures, items
from sier_gui.core.explain.people.measures import MEASURES
from sier_gui.core.explain.people.table import Line, number, table
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.prediction import Predictor

Recordings = Mapping[tuple[str, str], Recording]
READING = Reading()


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that was compared, and what could not be.

    ``looked``: the maps with their marks; ``lines``: the dataset's table; ``balance``: which modality decided
    it; ``left_out``: marks that have no map, by the reason.
    """

    reading: Reading
    looked: tuple[Looked, ...]
    lines: tuple[Line, ...]
    balance: Balance
    left_out: Mapping[str, int]
    people: int
    simulated: int
    provenance: Mapping[str, Any]

    def read(self, reading: Reading, seed: int = 0) -> Comparison:
        """The same maps and marks, other values of them."""
        return replace(self, reading=reading, lines=tuple(table(self.looked, reading, seed)))

    def samples(self) -> list[tuple[Item, dict[str, dict[str, float]]]]:
        """As `sample_figures`, for each map."""
        return sample_figures(self.looked, self.reading)

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui study rationales --json`` prints it; NaN as null."""
        return {
            "schema": 1,
            "people": self.people,
            "simulated": self.simulated,
            "values": {"class": self.reading.of, "kind": self.reading.values},
            "dataset": [line.to_json() for line in self.lines],
            "samples": [
                {
                    "sample_id": item.looked.sample_id,
                    "modality": str(item.looked.sense),
                    "voice": item.looked.voice,
                    "class": item.target,
                    "people": len(item.people),
                    **{
                        name: {measure: number(of[measure]) for measure in MEASURES}
                        for name, of in said.items()
                    },
                }
                for item, said in self.samples()
            ],
            "modalities": self.balance.to_json(),
            "left_out": dict(self.left_out),
            "provenance": dict(self.provenance),
        }


def sample_figures(
    looked: Sequence[Looked], reading: Reading
) -> list[tuple[Item, dict[str, dict[str, float]]]]:
    """Each map with its figures: "network", "chance", "network_out", "person" and "gap", by measure."""
    names = ("network", "chance", "network_out", "person", "gap")
    found = []
    for item in items(looked, reading):
        said = figures(item, jackknife=False)
        found.append((item, {name: said.of(row) for row, name in enumerate(names)}))
    return found


def compare(
    predictor: Predictor,
    catalogue: Catalogue,
    marks: Sequence[PersonMarks],
    recordings: Recordings,
    request: ExplainRequest,
    reading: Reading = READING,
    *,
    cache: AttributionCache | None = None,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Comparison:
    """Every marked sample explained as ``request`` says, and its marks held to the maps.

    Boxes are held to the picture's values where the network heard the sample's own speech; spans to the
    values of the voice in which they were marked, with the same picture.

    Parameters
    ----------
    recordings : by (sample, voice), what voices other than "" said. Marks in other voices are left out.

    Raises
    ------
    SierError : no mark belongs to a sample of the dataset, or method "modality", which has no map.
    Cancelled : ``token`` was cancelled; what was explained so far is in the cache.
    """
    if request.method == "modality":
        raise SierError("A split of whole modalities is no map to compare.", "Use method owen or shapley.")
    token = token or CancelToken()
    by_sample: dict[str, list[PersonMarks]] = {}
    for mark in marks:
        by_sample.setdefault(mark.sample_id, []).append(mark)
    run = _Run(predictor, catalogue, recordings, request, cache, token)
    looked: list[Looked] = []
    for done, (name, own) in enumerate(by_sample.items()):
        token.check()
        report(Progress(done, len(by_sample), name))
        looked += run.sample(name, own)
    if not looked:
        why = "; ".join(f"{reason}: {count}" for reason, count in run.left_out.items())
        raise SierError(
            f"None of the {len(marks)} marks could be compared. {why}", "Choose the study's dataset."
        )
    report(Progress(len(by_sample), len(by_sample), "comparing"))
    return Comparison(
        reading=reading,
        looked=tuple(looked),
        lines=tuple(table(looked, reading, request.seed)),
        balance=balance(marks, run.image_shares),
        left_out=run.left_out,
        people=len({mark.person for mark in marks}),
        simulated=len({mark.person for mark in marks if mark.simulated}),
        provenance=_provenance(predictor, catalogue, request),
    )


class _Run:
    """What a comparison needs for each of its samples."""

    def __init__(
        self,
        predictor: Predictor,
        catalogue: Catalogue,
        recordings: Recordings,
        request: ExplainRequest,
        cache: AttributionCache | None,
        token: CancelToken,
    ) -> None:
        self._predictor, self._catalogue, self._recordings = predictor, catalogue, recordings
        self._request, self._cache, self._token = request, cache, token
        self._known = {str(name) for name in catalogue.column("sample_id")}
        self.left_out: dict[str, int] = {}
        self.image_shares: dict[str, float] = {}  # of Σ|φ| for the predicted class, by sample

    def sample(self, name: str, marks: Sequence[PersonMarks]) -> Iterator[Looked]:
        if name not in self._known:
            self._leave_out("the dataset has no such sample", len(marks))
            return
        front = self._predictor.front
        try:
            sample = self._catalogue.sample(self._catalogue.row_of(name))
            view = load_view(sample, front, words=self._request.segments == WORDS)
            if view.inputs.absent:
                raise SierError("one modality only")
            own = self._explain(view.inputs)
        except SierError as error:
            self._leave_out(str(error), len(marks))
            return
        label = sample.label or ""
        self.image_shares[name] = own.degree()[Modality.IMAGE]
        yield from lay_over(own, view.inputs.pixels, marks, label, voice="", pictures=True)
        for voice in sorted({mark.voice for mark in marks if mark.spans and mark.voice}):
            there = [mark for mark in marks if mark.voice == voice and mark.spans]
            recording = self._recordings.get((name, voice))
            if recording is None or self._request.segments == WORDS:
                known = "words are those of the sample's own speech"
                self._leave_out(known if recording else "the recording is not known", len(there))
                continue
            try:
                found = self._explain(recorded(name, view.picture, recording, front))
            except SierError as error:
                self._leave_out(str(error), len(there))
                continue
            yield from lay_over(
                found, view.inputs.pixels, there, label, voice=voice, start_s=recording.start_s
            )

    def _explain(self, inputs: SampleInputs) -> Attribution:
        *_, last = explain(
            self._predictor,
            inputs,
            self._request,
            cache=self._cache,
            dataset_hash=self._catalogue.dataset_hash,
            token=self._token,
        )
        return last

    def _leave_out(self, why: str, marks: int) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + marks


def recorded(name: str, picture: Any, recording: Recording, front: FrontEnd) -> SampleInputs:
    """A sample's picture with another recording of its speech, trimmed as it was heard.

    Raises
    ------
    SierError : the recording cannot be read.
    """
    speech = load_speech(recording.path, front.sample_rate)
    stop = round(recording.end_s * front.sample_rate) or len(speech)
    return inputs_from(name, picture, speech[round(recording.start_s * front.sample_rate) : stop], front)


def lay_over(
    attribution: Attribution,
    pixels: PixelMap,
    marks: Sequence[PersonMarks],
    label: str,
    *,
    voice: str,
    pictures: bool = False,
    start_s: float = 0.0,
) -> Iterator[Looked]:
    """The marks of one sample as coverage of the players of one explanation.

    Parameters
    ----------
    voice : spans marked in other voices are no matter of this explanation.
    pictures : whether its picture's values are what boxes are held to.
    start_s : where in the recording that was marked the explained speech begins.
    """
    predicted = attribution.classes[int(attribution.f_all.argmax())]
    facts = (label, predicted, attribution.classes)
    boxed = [mark for mark in marks if mark.boxes]
    if pictures and boxed:
        values = attribution.values[Modality.IMAGE]
        rows, columns = values.shape[1:]
        coverage = np.stack([box_coverage(mark.boxes, rows, columns, pixels).ravel() for mark in boxed])
        seen = ~np.isnan(coverage).any(axis=0)
        flat = values.reshape(len(values), -1)
        yield Looked(
            attribution.sample_id, Modality.IMAGE, "", *facts, flat[:, seen], tuple(boxed), coverage[:, seen]
        )
    spoken = [mark for mark in marks if mark.spans and mark.voice == voice]
    if spoken:
        edges = attribution.segment_edges_s + start_s
        heard = np.stack([span_coverage(mark.spans, edges) for mark in spoken])
        yield Looked(
            attribution.sample_id,
            Modality.SPEECH,
            voice,
            *facts,
            _segments(attribution),
            tuple(spoken),
            heard,
        )


def _segments(attribution: Attribution) -> Floats:
    """(classes, segments); bands are summed."""
    values = attribution.values[Modality.SPEECH]
    return values if values.ndim == 2 else values.sum(axis=1)


def _provenance(predictor: Predictor, catalogue: Catalogue, request: ExplainRequest) -> dict[str, Any]:
    from sier_gui import __version__

    return {
        "version": __version__,
        "dataset": catalogue.name,
        "dataset_hash": catalogue.dataset_hash,
        "release": predictor.release.label,
        "release_hash": predictor.release.weights_hash,
        "method": request.method,
        "grid": request.grid,
        "segments": request.segments,
        "bands": request.bands,
        "absence": request.absence,
        "value": request.value,
        "seed": request.seed,
    }
