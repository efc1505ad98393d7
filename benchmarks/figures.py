"""Time the export of figures: the same made-up sample 100 times as PNG at 300 dpi, then once as SVG and PDF.

    python benchmarks/figures.py [--count 100] [--workers 2]

Prints a Markdown table of seconds; goal 100 PNGs in at most 40 s on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality, Prediction, Sample
from sier_gui.core.explain.attribution import Attribution
from sier_gui.core.export.bundle import export
from sier_gui.core.export.view import FigureInput


def made_up(seed: int) -> FigureInput:
    """A 640×480 picture of smooth noise, 2 s of speech-like sound, 8×8 patches and 16 segments."""
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.integers(0, 255, (30, 40, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    t = np.arange(32_000) / 16_000
    speech = (np.sin(900 * t) * np.abs(np.sin(8 * t)) * 0.5).astype(np.float32)
    classes = ("anger", "happy", "hate", "sad")
    values = {Modality.IMAGE: rng.normal(0, 0.01, (4, 8, 8)), Modality.SPEECH: rng.normal(0, 0.02, (4, 16))}
    split = {m: v.reshape(4, -1).sum(axis=1) for m, v in values.items()}
    p = rng.dirichlet(np.ones(4))
    name = f"figure_{seed:03d}"
    inputs = inputs_from(name, picture, speech, FrontEnd())
    attribution = Attribution(
        name, classes, classes[int(p.argmax())], "owen", True, values, split, p - sum(split.values()), p,
        None, np.linspace(0, 2, 17), 1000, 1.0, 0, "zeros", "probability", "0" * 64, inputs.content_hash,
    )  # fmt: skip
    sample = Sample(name, seed, {}, "a sentence of some length that nobody ever said aloud", "hate")
    return FigureInput(
        sample, picture, speech, 16_000, inputs, Prediction(name, classes, p, np.log(p)), attribution
    )


def one(seed: int, kind: str, folder: str) -> float:
    view = made_up(seed)
    started = time.perf_counter()
    export(view, [kind], 140.0, Path(folder))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    count = arguments.count
    with tempfile.TemporaryDirectory() as folder:
        first = one(0, "png", folder)
        started = time.perf_counter()
        singles = [one(seed, "png", folder) for seed in range(count)]
        alone = time.perf_counter() - started
        started = time.perf_counter()
        with ProcessPoolExecutor(arguments.workers) as pool:
            list(pool.map(one, range(count), ["png"] * count, [folder] * count, chunksize=5))
        together = time.perf_counter() - started
        vector = {kind: np.median([one(seed, kind, folder) for seed in range(5)]) for kind in ("svg", "pdf")}
    print("| what | seconds |\n|---|---|")
    print(f"| first figure, matplotlib's import included | {first:.2f} |")
    print(f"| PNG, 300 dpi, 140 mm: median of {count} | {np.median(singles):.3f} |")
    print(f"| {count} PNGs, one process | {alone:.1f} |")
    print(f"| {count} PNGs, {arguments.workers} processes, their start included | {together:.1f} |")
    for kind, seconds in vector.items():
        print(f"| {kind.upper()}: median of 5 | {seconds:.3f} |")


if __name__ == "__main__":
    main()
