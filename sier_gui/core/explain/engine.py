"""``explain``: from a sample's inputs to attributions that refine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sier_gui import __version__
from sier_gui.core.domain import FrontEnd, Modality, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain import owen, paper
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import Attribution, ExplainRequest
from sier_gui.core.explain.cache import AttributionCache, cache_key
from sier_gui.core.explain.estimate import Estimate
from sier_gui.core.explain.game import NetworkGame
from sier_gui.core.explain.players import Players, players_for
from sier_gui.core.explain.precision import used
from sier_gui.core.explain.shapley import run as shapley
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.nets.prediction import Predictor


def explain(
    predictor: Predictor,
    inputs: SampleInputs,
    request: ExplainRequest,
    *,
    cache: AttributionCache | None = None,
    dataset_hash: str | None = None,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Iterator[Attribution]:
    """Attributions of one sample, each finer than the one before; the last is ``complete``.

    One that ``cache`` knows comes at once, without a call of the network. ``dataset_hash``, where known,
    goes into the provenance.

    Raises
    ------
    SierError : a class, absence or budget that cannot be.
    Cancelled : ``token`` was cancelled, asked between batches; what was yielded before remains valid.
    """
    token = token or CancelToken()
    token.check()
    if request.target is not None and request.target not in predictor.classes:
        raise SierError(
            f"The network knows no class {request.target!r}.", f"Use {', '.join(predictor.classes)}."
        )
    weights_hash, front = predictor.release.weights_hash, predictor.front
    known = kept(weights_hash, front, inputs, request, cache, dataset_hash) if cache else None
    if known is not None:
        report(Progress(1, 1, "explained before"))
        yield known
        return
    players = players_for(inputs, front, request)
    key = cache_key(weights_hash, inputs.content_hash, players, request)
    for attribution in _computed(predictor, inputs, request, players, report, token):
        if cache and attribution.complete:
            cache.put(key, attribution)
        yield _for_this_sample(attribution, inputs, request, dataset_hash)


def kept(
    weights_hash: str,
    front: FrontEnd,
    inputs: SampleInputs,
    request: ExplainRequest,
    cache: AttributionCache,
    dataset_hash: str | None = None,
) -> Attribution | None:
    """What ``cache`` knows of this explanation; needs neither the network nor torch."""
    players = players_for(inputs, front, request)
    found = cache.get(cache_key(weights_hash, inputs.content_hash, players, request))
    return _for_this_sample(found, inputs, request, dataset_hash) if found is not None else None


def keep(
    attribution: Attribution,
    front: FrontEnd,
    inputs: SampleInputs,
    request: ExplainRequest,
    cache: AttributionCache,
    *,
    asked_for: bool = True,
) -> None:
    """Put a complete ``attribution`` where `kept` finds it; ``asked_for`` as in `AttributionCache.put`."""
    players = players_for(inputs, front, request)
    key = cache_key(attribution.release_hash, inputs.content_hash, players, request)
    cache.put(key, attribution, asked_for=asked_for)


def _for_this_sample(
    attribution: Attribution, inputs: SampleInputs, request: ExplainRequest, dataset_hash: str | None
) -> Attribution:
    """Numbers depend on the tensors only: the same ones may belong to another row, dataset or class."""
    predicted = attribution.classes[int(attribution.f_all.argmax())]
    return replace(
        attribution,
        sample_id=inputs.sample_id,
        target=request.target or predicted,
        provenance={**attribution.provenance, "dataset_hash": dataset_hash},
    )


def _computed(
    predictor: Predictor,
    inputs: SampleInputs,
    request: ExplainRequest,
    players: Players,
    report: Report,
    token: CancelToken,
) -> Iterator[Attribution]:
    started = perf_counter()
    network = predictor.network
    total = planned_passes(players, request, network.separable)
    done = 0

    def after_batch(count: int) -> None:
        nonlocal done
        done += count
        report(Progress(min(done, total), total, "explaining"))
        token.check()

    means = {m: network.absence_mean[m].cpu().numpy() for m in inputs.tensors}
    game = NetworkGame(
        network,
        inputs.tensors,
        stand_ins(request.absence, inputs.tensors, means, request.seed),
        players,
        value=request.value,
        batch=request.batch,
        after_batch=after_batch,
        precision=request.precision,
    )
    for estimate in estimates(game, request, network.separable):
        attribution = _attribution(estimate, predictor, inputs, request, players)
        provenance = _provenance(predictor, request, players, game)
        if estimate.note:
            provenance["stopped"] = estimate.note
        yield replace(attribution, seconds=perf_counter() - started, provenance=provenance)


def _attribution(
    estimate: Estimate,
    predictor: Predictor,
    inputs: SampleInputs,
    request: ExplainRequest,
    players: Players,
) -> Attribution:
    return Attribution(
        sample_id=inputs.sample_id,
        classes=tuple(predictor.classes),
        target=predictor.classes[int(estimate.corners.f_all.argmax())],
        method=request.method,
        complete=estimate.complete,
        values=estimate.values,
        split=estimate.corners.split,
        f_none=estimate.corners.f_none,
        f_all=estimate.corners.f_all,
        stderr=estimate.stderr,
        coarse=estimate.coarse,
        segment_edges_s=players.segment_edges_s,
        evaluations=estimate.evaluations,
        seconds=0.0,
        seed=request.seed,
        absence=request.absence,
        value=request.value,
        release_hash=predictor.release.weights_hash,
        sample_hash=inputs.content_hash,
    )


def estimates(game: NetworkGame, request: ExplainRequest, separable: bool) -> Iterator[Estimate]:
    """The method that ``request`` names, on ``game``; "modality" is halving with one player a modality."""
    if request.method == "paper":
        return paper.printed_values(game)
    if request.method == "shapley":
        return shapley.shapley_values(
            game,
            separable=separable,
            budget=request.budget,
            seed=request.seed,
            error=request.error,
            seconds=request.seconds,
        )
    return owen.owen_values(game)


def planned_passes(players: Players, request: ExplainRequest, separable: bool) -> int:
    """About how many inputs will go through the network: the total of the progress report."""
    if request.method == "paper":
        return 4 + sum(2 * n for n in players.counts.values())
    if request.method == "shapley":
        limits = (request.budget, request.error, request.seconds)
        return shapley.planned_passes(players.shapes, separable, *limits)
    return owen.pass_count(players.shapes, separable)


def _provenance(
    predictor: Predictor, request: ExplainRequest, players: Players, game: NetworkGame
) -> dict[str, Any]:
    import torch

    return {
        "version": __version__,
        "release": predictor.release.label,
        "budget": request.budget,
        "grid": players.shapes[Modality.IMAGE][0],
        "segments": request.segments
        if isinstance(request.segments, str)
        else players.shapes[Modality.SPEECH][-1],
        "bands": players.counts[Modality.SPEECH] // players.shapes[Modality.SPEECH][-1],
        **({"words": list(players.words), "words_by": players.words_by} if players.words else {}),
        "device": str(game.device),
        "precision": used(request.precision, game.device),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "passes": game.passes,
    }
