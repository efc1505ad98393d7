"""Samples made up from numbers, in every shape that a figure must hold."""

import numpy as np

from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import FrontEnd, Modality, Prediction, Sample
from sier_gui.core.explain.attribution import Attribution
from sier_gui.core.export.view import FigureInput

RATE = 16_000


def make_view(
    *, size=(240, 180), seconds=2.0, classes=("anger", "happy", "hate", "sad"),
    text="the milk is not filling at all", label="hate", grid=8, segments=16, method="owen",
    value="probability", fit="crop", sample_id="made_up",
    complete=True, stderr=False, release="demo/1", seed=0,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (size[1], size[0], 3), np.uint8)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    speech = (np.sin(2 * np.pi * 150 * t) * np.abs(np.sin(2 * np.pi * 1.3 * t)) * 0.5).astype(np.float32)
    inputs = inputs_from(sample_id, picture, speech, FrontEnd(image_fit=fit))
    grid, segments = (1, 1) if method == "modality" else (grid, segments)
    count = len(classes)
    values = {
        Modality.IMAGE: rng.normal(0.002, 0.01, (count, grid, grid)),
        Modality.SPEECH: rng.normal(0.01, 0.02, (count, segments)),
    }
    split = {m: v.reshape(count, -1).sum(axis=1) for m, v in values.items()}
    probabilities = rng.dirichlet(np.ones(count))
    target = classes[int(probabilities.argmax())]
    attribution = Attribution(
        sample_id=sample_id, classes=tuple(classes), target=target, method=method, complete=complete,
        values=values, split=split, f_none=probabilities - sum(split.values()), f_all=probabilities,
        stderr={m: np.abs(v) / 10 for m, v in values.items()} if stderr else None,
        segment_edges_s=np.linspace(0, seconds, segments + 1), evaluations=1234, seconds=1.5, seed=7,
        absence="zeros", value=value, release_hash="ab" * 32, sample_hash=inputs.content_hash,
    )  # fmt: skip
    prediction = Prediction(sample_id, tuple(classes), probabilities, np.log(probabilities), label)
    sample = Sample(sample_id, 0, {}, text, label)
    return FigureInput(sample, picture, speech, RATE, inputs, prediction, attribution, release)
