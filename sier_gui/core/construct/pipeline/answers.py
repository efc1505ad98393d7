"""Stage 5: what a release says to one stream alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sier_gui.core.audio.features import log_mel
from sier_gui.core.audio.files import load_speech
from sier_gui.core.construct.pipeline.labels import Floats
from sier_gui.core.domain import FloatArray, FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image
from sier_gui.core.images.tensors import image_tensor
from sier_gui.core.nets.networks import SHAPES
from sier_gui.core.nets.prediction import Predictor, softmax
from sier_gui.core.nets.releases import Release

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 16  # part of what the last bits depend on: a batch is always the same samples


class StreamNetwork(Protocol):
    """What stage 5 asks: probabilities (n, K) float64 for files of one stream."""

    classes: tuple[str, ...]

    def answer(self, files: Sequence[Path]) -> Floats: ...


class StreamAnswers:
    """A release that is given one stream; the other one, where it has one, is absent: zeros.

    Zeros are what releases are trained and measured with where a stream is absent (black, silence).

    Raises
    ------
    SierError : the release does not verify, or takes no such stream.
    """

    def __init__(self, predictor: Predictor, modality: Modality) -> None:
        import torch

        self.classes, self._predictor, self._modality = predictor.classes, predictor, modality
        check_stream(predictor.release, modality)
        with torch.inference_mode():
            self._absent = {
                m: torch.zeros(1, *shape, device=predictor.device)
                for m, shape in SHAPES.items()
                if m != modality
            }
            network = predictor.network
            self._embedded = (
                {m: network.embed(m, x) for m, x in self._absent.items()} if network.separable else {}
            )

    def answer(self, files: Sequence[Path]) -> Floats:
        """(n, K) float64.

        Raises
        ------
        SierError : a file cannot be read, or the network answers with something that is no number.
        """
        import torch

        tensors = np.stack([tensor(file, self._modality, self._predictor.front) for file in files])
        with torch.inference_mode():
            batch = torch.from_numpy(tensors).to(self._predictor.device)
            logits = self._logits(batch).double().cpu().numpy()
        if not np.isfinite(logits).all():
            names = f"{files[0].name} to {files[-1].name}"
            raise SierError(
                f"{self._predictor.release.label} does not answer with numbers to one of {names}.",
                "Use another release.",
            )
        return softmax(logits)

    def _logits(self, batch: Tensor) -> Tensor:
        network, n = self._predictor.network, len(batch)
        if network.separable:
            embedded = {m: x.expand(n, *x.shape[1:]) for m, x in self._embedded.items()}
            return network.fuse({**embedded, self._modality: network.embed(self._modality, batch)})
        inputs = {m: x.expand(n, *x.shape[1:]) for m, x in self._absent.items()} | {self._modality: batch}
        return network.forward(inputs[Modality.IMAGE], inputs[Modality.SPEECH])


def tensor(file: Path, modality: Modality, front: FrontEnd) -> FloatArray:
    """A file as the network is given it: float32 (3, s, s) or (1, mels, frames)."""
    if modality is Modality.IMAGE:
        return image_tensor(read_image(file), front)[0]
    return log_mel(load_speech(file, front.sample_rate), front)[0]


def check_stream(release: Release, modality: Modality) -> None:
    """Raises `SierError` where the release looks at other streams only."""
    streams = release.streams
    if modality not in streams:
        raise SierError(
            f"{release.label} takes {' and '.join(streams)}, not {modality}.",
            f"Name a release that takes {modality}.",
        )


def load_answers(ser: Release, ier: Release, device: str) -> dict[Modality, StreamNetwork]:
    """Both networks, loaded and verified; loaded once where they are the same release."""
    predictors = {Modality.SPEECH: Predictor(ser, device)}
    same = (ser.folder, ser.weights_hash) == (ier.folder, ier.weights_hash)
    predictors[Modality.IMAGE] = predictors[Modality.SPEECH] if same else Predictor(ier, device)
    return {m: StreamAnswers(predictor, m) for m, predictor in predictors.items()}


def limits_of(release: Release) -> list[str]:
    """The list under "Limits" in the release's card."""
    _, _, rest = release.card.partition("\n## Limits\n")
    section = rest.partition("\n## ")[0]
    return [line.removeprefix("- ").strip() for line in section.splitlines() if line.startswith("- ")]
