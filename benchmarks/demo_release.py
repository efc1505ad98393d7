"""The demo release against its floors: python benchmarks/demo_release.py [--grid 4] [--json FILE] [--card]

Held-out part of the demo set (voices that training never heard, some emoji that it never saw): balanced
accuracy fused and with one stream absent; that of networks trained on one stream alone, as the release's
metrics.json has it; and the pointing game, in which the strongest patch for the sample's label should lie on
the emoji. The same game with copies of the release whose weights are shuffled within each tensor shows what
the game gives to a network that knows nothing. ``--card`` writes the table into the release's CARD.md. Exits
with 1 when a floor of the project is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.evidence import Evidence, read_evidence
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import Modality, Sample, SampleInputs
from sier_gui.core.explain.agreement import HitRate, hit_rate
from sier_gui.core.explain.attribution import Attribution, ExplainRequest
from sier_gui.core.explain.engine import explain
from sier_gui.core.explain.players import players_for
from sier_gui.core.explain.truth.planted import evident_players
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.release_files import CARD, write_sums
from sier_gui.core.nets.releases import Release, choose_release

FLOORS = {"fused": 0.90, "image": 0.60, "speech": 0.60, "pointing": 3.0}
SHUFFLES = (0, 1, 2)
HEADING = "## Floors and explanations"
Held = list[tuple[Sample, SampleInputs, Evidence]]


def held_out(catalogue: Catalogue, predictor: Predictor) -> Held:
    """The test part: sample, inputs, and where its evidence lies."""
    evidence = read_evidence(catalogue.root)
    rows = np.flatnonzero(catalogue.column("split") == "test")
    samples = [catalogue.sample(int(row)) for row in rows]
    return [(s, load_inputs(s, predictor.front), evidence[s.sample_id]) for s in samples]


def without(inputs: SampleInputs, modality: Modality) -> SampleInputs:
    """The same with one stream absent (zeros)."""
    silent = np.zeros_like(inputs.tensors[modality])
    return replace(inputs, tensors={**inputs.tensors, modality: silent})


def accuracy(predictor: Predictor, held: Held, absent: Modality | None) -> float:
    inputs = [one if absent is None else without(one, absent) for _, one, _ in held]
    predicted = [p.predicted for p in predictor.predict(inputs)]
    return float(balanced_accuracy_score([sample.label for sample, _, _ in held], predicted))


def trained_alone(predictor: Predictor) -> dict[str, float]:
    """Balanced accuracy of the networks trained on one stream alone, from the release's own figures."""
    file = predictor.release.folder / "metrics.json"
    networks = json.loads(file.read_text(encoding="utf-8"))["networks"] if file.is_file() else {}
    names = {str(m): f"{m} alone" for m in Modality}
    return {m: networks[name]["balanced_accuracy"] for m, name in names.items() if name in networks}


def request_of(sample: Sample, grid: int) -> ExplainRequest:
    return ExplainRequest(grid=grid, segments=16, target=sample.label)


def explained(predictor: Predictor, inputs: SampleInputs, request: ExplainRequest) -> Attribution:
    *_, last = explain(predictor, inputs, request)
    return last


def pointing(predictor: Predictor, held: Held, grid: int) -> dict[Modality, HitRate]:
    """On the samples in which the stream shows the label: emoji among patches, phrase among segments."""
    pairs: dict[Modality, list[Any]] = {m: [] for m in Modality}
    for sample, inputs, known in held:
        request = request_of(sample, grid)
        attribution = explained(predictor, inputs, request)
        evident = evident_players(known, inputs, players_for(inputs, predictor.front, request))
        for m, there in evident.items():
            pairs[m].append((attribution.values[m][attribution.index()], there))
    return {m: hit_rate(found) for m, found in pairs.items()}


def shuffle(predictor: Predictor, seed: int) -> None:
    """Shuffle the values within each parameter: sizes and statistics stay, what was learnt is gone."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in predictor.network.module.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            # channels-last kernels have no flat view: copy back by shape
            parameter.copy_(parameter.flatten()[order].view(parameter.shape))


def measure(release: str | None, data: Path, grid: int) -> dict[str, Any]:
    catalogue = open_dataset(data)
    predictor = Predictor(choose_release(catalogue.classes, catalogue.dataset_hash, release), "cpu")
    held = held_out(catalogue, predictor)
    started = time.perf_counter()
    fine = explained(predictor, held[0][1], request_of(held[0][0], 8))
    seconds = time.perf_counter() - started
    absent = [without(without(one, Modality.IMAGE), Modality.SPEECH) for _, one, _ in held[:1]]
    result: dict[str, Any] = {
        "release": predictor.release.label,
        "samples": len(held),
        "fused": accuracy(predictor, held, None),
        "absent": {
            "image": accuracy(predictor, held, Modality.SPEECH),
            "speech": accuracy(predictor, held, Modality.IMAGE),
        },
        "alone": trained_alone(predictor),
        "nothing": next(predictor.predict(absent)).probabilities.tolist(),
        "grid": grid,
        "pointing": _as_json(pointing(predictor, held, grid)),
        "owen_8x8_16_seconds": seconds,
        "owen_8x8_16_residual": float(np.abs(fine.residual())),
        "threads": torch.get_num_threads(),
    }
    result["shuffled"] = []
    for seed in SHUFFLES:
        copy = Predictor(predictor.release, "cpu")
        shuffle(copy, seed)
        result["shuffled"].append(_as_json(pointing(copy, held, grid)))
    return result


def _as_json(rates: dict[Modality, HitRate]) -> dict[str, Any]:
    return {
        str(m): {
            "rate": r.rate,
            "area_share": r.area_share,
            "ratio": r.ratio,
            "stderr": r.stderr,
            "samples": r.samples,
        }
        for m, r in rates.items()
    }


def table(result: dict[str, Any]) -> tuple[list[tuple[str, str, str, str]], bool]:
    """Rows (what, measured, floor, verdict), and whether all floors hold."""
    rows, good = [], True

    def add(what: str, measured: float, floor: float | None, *, below: bool = False) -> None:
        nonlocal good
        holds = floor is None or (measured < floor if below else measured >= floor)
        good = good and holds
        sign = "" if floor is None else f"{'<' if below else '≥'} {floor:.2f}"
        rows.append((what, f"{measured:.3f}", sign, "" if floor is None else "yes" if holds else "NO"))

    add("fused, balanced accuracy", result["fused"], FLOORS["fused"])
    for m in ("image", "speech"):
        if m in result["alone"]:
            add(f"{m}, network trained on it alone", result["alone"][m], FLOORS[m])
        add(f"{m}, fused network, other stream absent", result["absent"][m], FLOORS[m])
    face = result["pointing"]["image"]
    add(f"strongest patch on the emoji, {face['samples']} samples", face["rate"], None)
    add("share of patches on the emoji", face["area_share"], None)
    add("pointing game, hits over share", face["ratio"], FLOORS["pointing"])
    for seed, game in zip(SHUFFLES, result["shuffled"], strict=True):
        add(
            f"the same, weights shuffled (seed {seed})",
            game["image"]["ratio"],
            FLOORS["pointing"],
            below=True,
        )
    phrase = result["pointing"]["speech"]
    add(f"strongest segment in the phrase, {phrase['samples']} samples", phrase["rate"], None)
    add("share of segments in the phrase", phrase["area_share"], None)
    add("largest probability with nothing present", max(result["nothing"]), None)
    add(f"seconds for 8×8+16, {result['threads']} threads", result["owen_8x8_16_seconds"], None)
    return rows, good


def write_card(release: Release, rows: list[tuple[str, str, str, str]], grid: int) -> None:
    """Put the table under its own heading at the end of the card, in the place of an earlier one."""
    lines = [
        HEADING,
        "",
        f"`python benchmarks/demo_release.py --grid {grid} --card`, on the held-out part:",
        "",
        "| | measured | floor | reached |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    before = release.card.partition(HEADING)[0].rstrip()
    paths.write_bytes(release.folder / CARD, ("\n".join([before, "", *lines]) + "\n").encode())
    write_sums(release.folder)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", default="demo")
    parser.add_argument("--data", type=Path, default=paths.resources() / "demo")
    parser.add_argument("--grid", type=int, default=4, help="patches per side of the pointing game")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--card", action="store_true", help="write the table into the release's card")
    chosen = parser.parse_args(arguments)
    result = measure(chosen.release, chosen.data, chosen.grid)
    rows, good = table(result)
    print(f"{result['release']}, {result['samples']} held-out samples, {chosen.grid}×{chosen.grid} patches\n")
    for what, measured, floor, verdict in rows:
        print(f"{what:<52} {measured:>8}  {floor:<7} {verdict}")
    if chosen.json:
        paths.write_json(chosen.json, result)
    if chosen.card:
        catalogue = open_dataset(chosen.data)
        release = choose_release(catalogue.classes, catalogue.dataset_hash, chosen.release)
        write_card(release, rows, chosen.grid)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
