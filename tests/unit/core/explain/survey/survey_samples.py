"""Surveyed rows made from numbers alone, and a small real release for a generated dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.attribution import CODE_VERSION, Attribution
from sier_gui.core.explain.survey.rows import SurveyRow

IMAGE, SPEECH = Modality.IMAGE, Modality.SPEECH
CLASSES = ("anger", "happy", "sad")
FACTS = {
    "schema": 1,
    "dataset": "made",
    "dataset_hash": "d" * 64,
    "samples": 1000,
    "release": "made/1",
    "release_hash": "r" * 64,
    "classes": list(CLASSES),
    "request": {"grid": 2, "segments": 3},
    "shapes": {"image": [3, 2, 2], "speech": [3, 3]},
    "device": "cpu",
    "threads": 1,
    "code_version": CODE_VERSION,
    "version": "0",
}


def attribution(seed: int, *, image: float = 1.0, estimated: bool = False, target: int = 0) -> Attribution:
    """Random values; the image's are scaled by ``image``."""
    rng = np.random.default_rng(seed)
    values = {IMAGE: image * rng.normal(size=(3, 2, 2)), SPEECH: rng.normal(size=(3, 3))}
    f_none = rng.random(3)
    gain = sum(v.reshape(3, -1).sum(axis=1) for v in values.values())
    split = {m: v.reshape(3, -1).sum(axis=1) for m, v in values.items()}
    return Attribution(
        sample_id=f"s{seed}",
        classes=CLASSES,
        target=CLASSES[target],
        method="owen",
        complete=True,
        values=values,
        split=split,
        f_none=f_none,
        f_all=f_none + gain,
        stderr={m: rng.random(v.shape) / 50 for m, v in values.items()} if estimated else None,
        segment_edges_s=np.array([0.0, 0.4, 0.8, 1.2]),
        evaluations=40 + seed,
        seconds=0.25,
        seed=0,
        absence="zeros",
        value="probability",
        release_hash=FACTS["release_hash"],
        sample_hash=f"{seed:064d}",
    )


def made_row(row: int, *, seed: int | None = None, label: str | None = "anger", **more: Any) -> SurveyRow:
    made = attribution(row if seed is None else seed, **more)
    return SurveyRow(row, f"s{row}", label, "1:2 3:4", made.sample_hash, made, None)


def broken_row(row: int, error: str = "Cannot read it. Copy it again.") -> SurveyRow:
    return SurveyRow(row, f"s{row}", None, "- -", "", None, error)


def small_release(folder: Path, classes: tuple[str, ...]) -> Any:
    """ParallelNet with seeded weights at a sixteenth of its width."""
    import torch

    from sier_gui.core.nets.networks import NetworkConfig, build
    from sier_gui.core.nets.releases import write_release

    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", classes, 0.0625))
    config = {
        "release": {"schema": 1, "name": "small", "version": "1"},
        "network": {"kind": "parallelnet", "classes": list(classes), "width": 0.0625},
    }
    return write_release(folder, network, config, "# small\n")
