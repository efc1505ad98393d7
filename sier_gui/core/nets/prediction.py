"""A release's answers to samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, Modality, Prediction, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import HasFused, Network
from sier_gui.core.nets.releases import Release, load
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from torch import Tensor

    from sier_gui.core.dataset.catalogue import Catalogue

BATCH = 16


class Predictor:
    """A verified release on a device, ready to answer. Making one loads torch and the weights.

    Parameters
    ----------
    release : as `choose_release` gives it.
    device : "auto" takes CUDA where there is one; "cpu"; "cuda".

    Raises
    ------
    SierError : the release does not verify, or CUDA was asked for and is not there.
    """

    def __init__(self, release: Release, device: str = "auto") -> None:
        self.device = resolve_device(device)
        self.release = release
        self.network: Network = load(release, self.device)
        self.front: FrontEnd = release.front
        self.classes: tuple[str, ...] = release.classes

    def predict(
        self,
        inputs: Iterable[SampleInputs],
        *,
        labels: Iterable[str | None] | None = None,
        batch: int = BATCH,
        fused: Callable[[NDArray[np.float32]], None] | None = None,
        report: Report = silent,
        token: CancelToken | None = None,
    ) -> Iterator[Prediction]:
        """One Prediction for each of ``inputs``, in order; ``labels`` go along with them.

        ``fused`` is given, batch by batch, the layer in which the modalities have met, (B, F)
        (`networks.HasFused`); of a network that does not show it the modalities' embeddings, side by side.

        Raises
        ------
        Cancelled : ``token`` was cancelled; asked before each batch.
        """
        token = token or CancelToken()
        total = len(inputs) if isinstance(inputs, Sequence) else 0
        done = 0
        with_labels = _with_labels(inputs, labels)
        while True:
            token.check()
            chunk = list(islice(with_labels, batch))
            if not chunk:
                return
            answers, met = self._answers([one for one, _ in chunk], fused is not None)
            if fused is not None and met is not None:
                fused(met)
            for (one, label), logits in zip(chunk, answers, strict=True):
                yield Prediction(one.sample_id, self.classes, softmax(logits), logits, label)
            done += len(chunk)
            report(Progress(done, total, chunk[-1][0].sample_id))

    def predict_rows(
        self,
        catalogue: Catalogue,
        rows: Sequence[int] | NDArray[np.int64],
        *,
        batch: int = BATCH,
        fused: Callable[[list[int], NDArray[np.float32]], None] | None = None,
        report: Report = silent,
        token: CancelToken | None = None,
    ) -> Iterator[tuple[int, Prediction | SierError]]:
        """Each of ``rows`` with its Prediction, or with the error that kept its files from being read.

        Rows come in the order asked for. ``fused`` is given rows with what `predict` gives it.
        """
        token = token or CancelToken()
        for start in range(0, len(rows), batch):
            answers: dict[int, Prediction | SierError] = {}
            readable: list[tuple[int, SampleInputs, str | None]] = []
            chunk = [int(row) for row in rows[start : start + batch]]
            for row in chunk:
                token.check()  # decoding may be slow: a cancel is answered after the current file
                try:
                    sample = catalogue.sample(row)
                    inputs = load_inputs(sample, self.front, absent=True)
                    self.check(inputs)
                    readable.append((row, inputs, sample.label))
                except SierError as error:
                    answers[row] = error
            places = [row for row, *_ in readable]
            predictions = self.predict(
                [one for _, one, _ in readable],
                labels=[label for *_, label in readable],
                batch=batch,
                fused=None if fused is None else partial(fused, places),
            )
            answers.update(zip(places, predictions, strict=True))
            for row in chunk:
                yield row, answers[row]
            report(Progress(start + len(chunk), len(rows), "predicting"))

    def check(self, inputs: SampleInputs) -> None:
        """Raises `SierError` where the sample has nothing of what the network looks at."""
        streams = self.release.streams
        if inputs.absent.issuperset(streams):
            raise SierError(
                f"Sample {inputs.sample_id} has no {' and no '.join(streams)}, and {self.release.label} takes"
                " nothing else.",
                "Use another release.",
            )

    def _answers(
        self, inputs: Sequence[SampleInputs], fused: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        """Logits (n, C) and, where asked for, the fused layer (n, F)."""
        import torch

        network = self.network
        with torch.inference_mode():
            if not fused:
                logits = network.forward(*(self._stacked(inputs, m) for m in Modality))
                return logits.double().cpu().numpy(), None
            embeddings = {m: network.embed(m, self._stacked(inputs, m)) for m in Modality}
            logits = network.fuse(embeddings)  # as forward does
            if isinstance(network, HasFused):
                met = network.fused(embeddings)
            else:
                met = torch.cat([embeddings[m].flatten(1) for m in Modality], dim=1)
        return logits.double().cpu().numpy(), met.float().cpu().numpy()

    def _stacked(self, inputs: Sequence[SampleInputs], modality: Modality) -> Tensor:
        import torch

        return torch.from_numpy(np.stack([one.tensors[modality] for one in inputs])).to(self.device)


def _with_labels(
    inputs: Iterable[SampleInputs], labels: Iterable[str | None] | None
) -> Iterator[tuple[SampleInputs, str | None]]:
    if labels is None:
        return ((one, None) for one in inputs)
    return zip(inputs, labels, strict=True)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def resolve_device(device: str) -> str:
    """ "auto" | "cpu" | "cuda" → "cpu" | "cuda".

    Raises
    ------
    SierError : an unknown name, or CUDA was asked for and is not there.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise SierError(f"There is no device {device!r}.", "Use auto, cpu or cuda.")
    if device == "cpu":
        return device
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise SierError("CUDA was asked for, but torch finds no CUDA device.", "Use --device cpu.")
    return "cpu"


def set_threads(count: int) -> None:
    """How many cores torch may use; the window keeps one for itself."""
    import torch

    torch.set_num_threads(max(1, count))
