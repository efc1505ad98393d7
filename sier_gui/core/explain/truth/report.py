"""All checks of one sample's map, and of a dataset's, sample by sample (explain.md §4)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui import __version__
from sier_gui.core.dataset.evidence import Evidence, read_evidence
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import POLICIES
from sier_gui.core.explain.attribution import WORDS, Attribution, ExplainRequest, Floats
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.truth.case import AfterBatch, Case, PlayerMap, case_for, correlations, player_map
from sier_gui.core.explain.truth.curves import Curves, curves
from sier_gui.core.explain.truth.planted import Found, evident_players, pointed
from sier_gui.core.explain.truth.rivals import STEPS, rival_maps
from sier_gui.core.explain.truth.sanity import CASCADE, randomised
from sier_gui.core.nets.networks import build
from sier_gui.core.seeds import stream
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.prediction import Predictor

ABSENCES = tuple(POLICIES)
UNITS = 1000  # of a sample's progress


@dataclass(frozen=True, slots=True)
class TruthReport:
    """What the checks found for one class of one sample.

    ``ours`` names the method asked for (as "owen"); it and its rivals are the keys of ``maps``, ``curves``
    (by scope: "both" modalities together, or one of them with the other present) and ``pointing``.
    Randomised copies of the network, by how much of it was drawn anew ("head", "upper half", "whole"), are
    the keys of ``randomised_maps``, ``randomised`` (ρ with our map, by scope) and ``randomised_pointing``.
    ``absence_rho`` (k, k), by scope, holds ρ between our maps under ``absences``. ρ is NaN where a map is
    constant. ``pointing`` and ``area_share`` (of players that are evidence: what chance hits) are empty where
    none is known for the class explained. ``left_out``: why a rival has no map.
    """

    sample_id: str
    target: str
    ours: str
    maps: Mapping[str, PlayerMap]
    curves: Mapping[str, Mapping[str, Curves]]
    randomised_maps: Mapping[str, PlayerMap]
    randomised: Mapping[str, Mapping[str, float]]
    absences: tuple[str, ...]
    absence_rho: Mapping[str, Floats]
    pointing: Mapping[str, Mapping[Modality, Found]]
    randomised_pointing: Mapping[str, Mapping[Modality, Found]]
    area_share: Mapping[Modality, float]
    left_out: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rivals(self) -> tuple[str, ...]:
        return tuple(name for name in self.maps if name != self.ours)

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui truth --json`` prints it; NaN as null."""
        return {
            "schema": 1,
            "sample_id": self.sample_id,
            "class": self.target,
            "method": self.ours,
            "curves": {
                name: {scope: _curves_json(found) for scope, found in scopes.items()}
                for name, scopes in self.curves.items()
            },
            "randomised": {step: _numbers(rho) for step, rho in self.randomised.items()},
            "absences": list(self.absences),
            "absence_rho": {scope: [list(map(number, row)) for row in rho] for scope, rho in
                            self.absence_rho.items()},
            "pointing": {name: _found_json(found) for name, found in self.pointing.items()},
            "randomised_pointing": {
                step: _found_json(found) for step, found in self.randomised_pointing.items()
            },
            "area_share": {str(m): share for m, share in self.area_share.items()},
            "left_out": dict(self.left_out),
            "provenance": dict(self.provenance),
        }  # fmt: skip


def number(value: float) -> float | None:
    """As JSON has it: no NaN."""
    return None if np.isnan(value) else float(value)


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}


def _curves_json(found: Curves) -> dict[str, Any]:
    return {
        "deletion": found.deletion.tolist(),
        "insertion": found.insertion.tolist(),
        "deletion_area": found.deletion_area,
        "insertion_area": found.insertion_area,
        "faithfulness": found.faithfulness,
    }


def _found_json(found: Mapping[Modality, Found]) -> dict[str, Any]:
    return {str(m): {"hit": f.hit, "iou": f.overlap} for m, f in found.items()}


# ---------------------------------------------------------------- a sample


def check_sample(
    predictor: Predictor,
    inputs: SampleInputs,
    request: ExplainRequest,
    *,
    evidence: Evidence | None = None,
    cache: AttributionCache | None = None,
    report: Report = silent,
    token: CancelToken | None = None,
) -> TruthReport:
    """Explain a sample as ``request`` says, and check the map in every way there is.

    ``predictor``'s own network is only asked, never changed. ``evidence`` counts where it speaks for the
    class explained. With equal arguments the report is equal, bit for bit on one machine.

    Raises
    ------
    SierError : as `explain`; or method "modality", whose map has one player for each modality.
    Cancelled : ``token`` was cancelled; asked between batches.
    """
    if request.method == "modality":
        raise SierError("A split of whole modalities is no map to check.", "Use method owen or shapley.")
    run = _Run(predictor, inputs, request, cache, report, token or CancelToken())
    ours = run.explain("explaining", predictor, request)
    case = case_for(predictor, inputs, request, ours.index())
    maps, left_out = run.rivals(case)
    maps = {request.method: player_map(ours), **maps}
    found_curves = run.curves(case, maps)
    absences, absence_rho = run.absences(ours)
    shuffled = run.randomised(case, ours.target)
    speaks = evidence is not None and evidence.label in (None, ours.target)
    evident = evident_players(evidence, inputs, case.players) if evidence and speaks else {}
    return TruthReport(
        sample_id=inputs.sample_id,
        target=ours.target,
        ours=request.method,
        maps=maps,
        curves=found_curves,
        randomised_maps=shuffled,
        randomised={step: correlations(player_map(ours), values) for step, values in shuffled.items()},
        absences=absences,
        absence_rho=absence_rho,
        pointing={name: pointed(values, evident) for name, values in maps.items()} if evident else {},
        randomised_pointing={s: pointed(values, evident) for s, values in shuffled.items()}
        if evident
        else {},
        area_share={m: float(there.mean()) for m, there in evident.items()},
        left_out={name: str(error) for name, error in left_out.items()},
        provenance=_provenance(predictor, ours, case),
    )


class _Run:
    """The steps of one sample's checks, sharing progress, cancel and seeds."""

    def __init__(
        self,
        predictor: Predictor,
        inputs: SampleInputs,
        request: ExplainRequest,
        cache: AttributionCache | None,
        report: Report,
        token: CancelToken,
    ) -> None:
        self._predictor, self._inputs, self._request, self._cache = predictor, inputs, request, cache
        self._report, self._token = report, token
        self._absences = tuple(dict.fromkeys((request.absence, *ABSENCES)))
        # explanations: ours, the other absences, the randomised networks; then rivals and curves
        self._steps, self._done = len(self._absences) + len(CASCADE) + 2, 0

    def explain(self, text: str, predictor: Predictor, request: ExplainRequest) -> Attribution:
        def within(progress: Progress) -> None:
            self._tell(progress.fraction, text)

        cache = self._cache if predictor is self._predictor else None
        *_, last = explain(predictor, self._inputs, request, cache=cache, report=within, token=self._token)
        self._step(text)
        return last

    def rivals(self, case: Case) -> tuple[dict[str, PlayerMap], dict[str, SierError]]:
        text = "other methods"
        passes = sum(case.players.counts.values()) + STEPS  # occlusion's and integrated gradients'
        found = rival_maps(case, self._stream("random map"), after_batch=self._after_batch(text, passes))
        self._step(text)
        return found

    def curves(self, case: Case, maps: Mapping[str, PlayerMap]) -> dict[str, dict[str, Curves]]:
        text = "deletion and insertion"
        passes = len(maps) * 2 * sum(case.players.counts.values())
        game = case.game(self._after_batch(text, passes))
        found = curves(game, case.target, maps, self._stream("ties"))
        self._step(text)
        return found

    def absences(self, ours: Attribution) -> tuple[tuple[str, ...], dict[str, Floats]]:
        """Names, and ρ (k, k) by scope, between our maps under each absence."""
        maps = []
        for absence in self._absences:
            request = replace(self._request, absence=absence, target=ours.target)
            same = absence == self._request.absence
            found = ours if same else self.explain(f"absence {absence}", self._predictor, request)
            maps.append(player_map(found, ours.target))
        pairs = [[correlations(one, other) for other in maps] for one in maps]
        return self._absences, {
            scope: np.array([[rho[scope] for rho in row] for row in pairs]) for scope in pairs[0][0]
        }

    def randomised(self, case: Case, target: str) -> dict[str, PlayerMap]:
        import torch

        found = {}
        seed = int(self._stream("weights").integers(2**63))
        example = next(case.network.module.parameters())
        tensors = {
            m: torch.from_numpy(np.array(x)).to(example.device, example.dtype)[None]
            for m, x in self._inputs.tensors.items()
        }
        request = replace(self._request, target=target)
        for step, network in randomised(
            case.network, lambda: build(self._predictor.release.network), tensors, seed
        ):
            other = copy.copy(self._predictor)  # the same release, another network
            other.network = network
            found[step] = player_map(self.explain(f"weights drawn anew: {step}", other, request))
        return found

    def _stream(self, name: str) -> np.random.Generator:
        """A sample has draws of its own: over a dataset they average out."""
        return stream(self._request.seed, f"truth/{name}/{self._inputs.content_hash}")

    def _after_batch(self, text: str, passes: int) -> AfterBatch:
        """Tells how many of about ``passes`` are done, and asks for cancel."""
        done = 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            self._tell(min(done / passes, 1.0), text)
            self._token.check()

        return told

    def _step(self, text: str) -> None:
        self._done += 1
        self._tell(0.0, text)
        self._token.check()

    def _tell(self, fraction: float, text: str) -> None:
        self._report(Progress(round(UNITS * (self._done + fraction) / self._steps), UNITS, text))


def _provenance(predictor: Predictor, ours: Attribution, case: Case) -> dict[str, Any]:
    return {
        "version": __version__,
        "release": predictor.release.label,
        "release_hash": ours.release_hash,
        "sample_hash": ours.sample_hash,
        "grid": case.players.shapes[Modality.IMAGE][0],
        "segments": case.players.shapes[Modality.SPEECH][-1],
        "absence": ours.absence,
        "value": ours.value,
        "seed": ours.seed,
    }


# ---------------------------------------------------------------- a dataset


def check_dataset(
    predictor: Predictor,
    catalogue: Catalogue,
    rows: Sequence[int] | NDArray[np.int64],
    request: ExplainRequest,
    *,
    cache: AttributionCache | None = None,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Iterator[tuple[int, TruthReport | SierError]]:
    """Each of ``rows`` with its report, or with the error that kept it from being read or cut into words.

    Evidence beside the table (`core.dataset.evidence`) counts for samples whose label is the class explained.

    Raises
    ------
    SierError : as `check_sample`; or evidence.csv cannot be read.
    Cancelled : ``token`` was cancelled; what was yielded before remains valid.
    """
    token = token or CancelToken()
    known = read_evidence(catalogue.root)
    for number_, row in enumerate(map(int, rows)):
        token.check()
        try:
            sample = catalogue.sample(row)
            inputs = load_inputs(sample, predictor.front, words=request.segments == WORDS)
            players_for(inputs, predictor.front, request)  # a sample without text has no words
        except SierError as error:
            yield row, error
            continue
        evidence = known.get(sample.sample_id)
        yield (
            row,
            check_sample(
                predictor,
                inputs,
                request,
                evidence=replace(evidence, label=sample.label) if evidence else None,
                cache=cache,
                report=_part(report, number_, len(rows), sample.sample_id),
                token=token,
            ),
        )


def _part(report: Report, number: int, parts: int, name: str) -> Report:
    """Progress of one part, told as progress of the whole."""

    def told(progress: Progress) -> None:
        done = round(UNITS * (number + progress.fraction))
        report(Progress(done, UNITS * parts, f"{name}: {progress.text}"))

    return told
