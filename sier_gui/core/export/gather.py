"""From a row of a dataset to everything a figure of it is made of; what is known already is not computed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.domain import Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import WORDS, Attribution, ExplainRequest
from sier_gui.core.export.origin import Origin
from sier_gui.core.export.view import FigureInput, answer, shared_scale
from sier_gui.core.tasks import CancelToken

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.domain import SampleInputs
    from sier_gui.core.explain.truth.curves import Curves
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release


@dataclass(frozen=True, slots=True)
class Source:
    """Where the samples of a batch come from and how they are explained; travels to worker processes."""

    release: Release
    request: ExplainRequest
    dataset_hash: str | None
    origin: Origin
    device: str = "cpu"
    threads: int = 1

    @classmethod
    def of(cls, catalogue: Catalogue, release: Release, request: ExplainRequest, device: str) -> Source:
        """``device`` as `nets.prediction.resolve_device` says it: "cpu" or "cuda"."""
        mapping = catalogue.mapping.as_dict()
        origin = Origin(request, release.folder, catalogue.source, mapping, catalogue.allow_outside)
        return cls(release, request, catalogue.dataset_hash, origin, device)


@dataclass(frozen=True, slots=True)
class Looked:
    """``ends``: lowest and highest value of a sample's map, None where it is not explained yet; ``error``:
    one line, where the sample cannot be read."""

    row: int
    ends: tuple[float, float] | None = None
    error: str = ""


def look_up(source: Source, sample: Sample, _token: CancelToken) -> Looked:
    """What the cache knows of ``sample``; needs no torch."""
    from sier_gui.core.dataset.inputs import load_inputs

    try:
        words = source.request.segments == WORDS
        found = kept_of(source, load_inputs(sample, source.release.front, words=words))
    except SierError as error:
        return Looked(sample.row, error=" ".join(str(error).split()))
    return Looked(sample.row, None if found is None else shared_scale([found]))


def view_of(source: Source, sample: Sample, token: CancelToken, *, curves: bool = False) -> FigureInput:
    """Everything a figure of ``sample`` shows; with ``curves`` its deletion and insertion too.

    Raises
    ------
    SierError : its files cannot be read or explained.
    Cancelled : ``token`` was cancelled while it was computed.
    """
    from sier_gui.core.dataset.inputs import load_view

    seen = load_view(sample, source.release.front, words=True)
    attribution = kept_of(source, seen.inputs) or computed(source, seen.inputs, token)
    return FigureInput(
        sample, seen.picture, seen.speech, seen.rate, seen.inputs, answer(attribution, sample.label),
        attribution, source.release.label, source.origin,
        curves_of(source, seen.inputs, attribution) if curves else None,
    )  # fmt: skip


def curves_of(
    source: Source, inputs: SampleInputs, attribution: Attribution, predictor: Predictor | None = None
) -> dict[str, Curves]:
    """Deletion and insertion in the map's order by scope ("both", "image", "speech").

    ``predictor`` where ``source``'s release is loaded already.
    """
    from sier_gui.core.explain.survey.work import torch_threads
    from sier_gui.core.explain.truth.case import case_for, player_map
    from sier_gui.core.explain.truth.curves import curves
    from sier_gui.core.seeds import stream

    request = replace(source.request, target=attribution.target)
    with torch_threads(source.threads):
        case = case_for(predictor or _predictor(source), inputs, request, attribution.index())
        found = curves(
            case.game(), case.target, {"map": player_map(attribution)}, stream(request.seed, "export.curves")
        )
    return found["map"]


def kept_of(source: Source, inputs: SampleInputs) -> Attribution | None:
    """The explanation that the cache knows."""
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.explain.engine import kept

    release = source.release
    return kept(
        release.weights_hash, release.front, inputs, source.request, AttributionCache(), source.dataset_hash
    )


def computed(source: Source, inputs: SampleInputs, token: CancelToken, *, fresh: bool = False) -> Attribution:
    """The explanation as the network gives it; it goes into the cache. ``fresh`` leaves the cache alone."""
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.explain.engine import explain
    from sier_gui.core.explain.survey.work import torch_threads

    cache = None if fresh else AttributionCache()
    with torch_threads(source.threads):
        *_, last = explain(
            _predictor(source), inputs, source.request, cache=cache,
            dataset_hash=source.dataset_hash, token=token,
        )  # fmt: skip
    return last


def _predictor(source: Source) -> Predictor:
    return _loaded(source.release.folder, source.release.weights_hash, source.device)


@lru_cache(maxsize=1)
def _loaded(folder: Path, weights_hash: str, device: str) -> Predictor:
    """Once for each process.

    Raises
    ------
    SierError : the release changed since the batch began.
    """
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import open_release

    release = open_release(folder)
    if release.weights_hash != weights_hash:
        raise SierError(f"The release in {folder} has changed.", "Start the export again.")
    return Predictor(release, device)


def lacking(sample: Sample) -> str:
    """One line where the dataset has no picture or no speech of ``sample``; "" where it has both."""
    missing = [str(m) for m in Modality if m not in sample.paths]
    return f"Sample {sample.sample_id} has no {missing[0]} file." if missing else ""
