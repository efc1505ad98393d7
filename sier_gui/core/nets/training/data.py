"""A dataset decoded once, and the batches the loop asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, CachesFeatures, Network
from sier_gui.core.nets.training.augment import augment
from sier_gui.core.nets.training.config import Augment
from sier_gui.core.tasks import CancelToken, Progress, Report

if TYPE_CHECKING:
    from torch import Tensor

    from sier_gui.core.dataset.catalogue import Catalogue

Indices = NDArray[np.int64]
CHUNK = 16


@dataclass(frozen=True)
class TrainingData:
    """Readable labelled samples. ``arrays``: (n, 3|1, 128, 128) on disk, pictures uint8, log-mels float32."""

    sample_ids: tuple[str, ...]
    labels: Indices
    groups: NDArray[Any]  # (n,) str, or (0,) without groups
    arrays: Mapping[Modality, NDArray[Any]]
    skipped: tuple[str, ...]  # why each unreadable sample was left out

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, modality: Modality, index: Indices) -> Tensor:
        """float32 (B, 3|1, 128, 128) in [0, 1]."""
        import torch

        values = self.arrays[modality][index].astype(np.float32)
        return torch.from_numpy(values / np.float32(255) if modality is Modality.IMAGE else values)

    def means(self, index: Indices) -> dict[Modality, Tensor]:
        """Over ``index``: the picture's colour (3, 1, 1), the log-mel's spectrum (1, mels, 1)."""
        axes = {Modality.IMAGE: (0, 2, 3), Modality.SPEECH: (0, 3)}
        shapes = {Modality.IMAGE: (3, 1, 1), Modality.SPEECH: (1, -1, 1)}
        sums: dict[Modality, Any] = dict.fromkeys(SHAPES, 0)
        for start in range(0, len(index), CHUNK):
            part = index[start : start + CHUNK]
            for m in SHAPES:
                batch = self.batch(m, part)
                sums[m] = sums[m] + batch.mean(axes[m]) * len(part)
        return {m: (sums[m] / len(index)).reshape(shapes[m]) for m in SHAPES}


def decode(
    catalogue: Catalogue,
    classes: Sequence[str],
    front: FrontEnd,
    groups: str,
    folder: Path,
    *,
    report: Report,
    token: CancelToken,
) -> TrainingData:
    """Decode every labelled sample into memory-mapped files in ``folder``; unreadable ones are left out.

    ``groups``: the column that names them; a dataset without it has none.

    Raises
    ------
    SierError : nothing readable with a label of ``classes``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = groups in catalogue.columns
    labels = catalogue.column("label")
    rows = [row for row in range(len(catalogue)) if labels[row] in classes]
    arrays = _on_disk(folder, max(len(rows), 1))
    kept: list[int] = []
    skipped: list[str] = []
    for done, row in enumerate(rows):
        token.check()
        report(Progress(done, len(rows), "decoding"))
        try:
            inputs = load_inputs(catalogue.sample(row), front)
        except SierError as error:
            skipped.append(str(error))
            continue
        # pictures were resampled in 8 bits: nothing is lost
        arrays[Modality.IMAGE][len(kept)] = np.rint(inputs.tensors[Modality.IMAGE] * 255)
        arrays[Modality.SPEECH][len(kept)] = inputs.tensors[Modality.SPEECH]
        kept.append(row)
    if not kept:
        raise SierError(
            f"{catalogue.name} has no readable sample with a label of {', '.join(classes)}.",
            "Run sier-gui validate on it.",
        )
    return TrainingData(
        sample_ids=tuple(catalogue.column("sample_id")[kept].tolist()),
        labels=np.array([classes.index(labels[row]) for row in kept], np.int64),
        groups=np.array([str(g) for g in catalogue.column(groups)[kept]] if named else [], object),
        arrays={m: array[: len(kept)] for m, array in arrays.items()},
        skipped=tuple(skipped),
    )


def _on_disk(folder: Path, count: int) -> dict[Modality, NDArray[Any]]:
    types = {Modality.IMAGE: np.uint8, Modality.SPEECH: np.float32}
    return {
        m: np.lib.format.open_memmap(folder / f"{m}.npy", "w+", types[m], (count, *SHAPES[m])) for m in SHAPES
    }


class Source(Protocol):
    """Where the loop gets a network's inputs from."""

    def training(self, modality: Modality, index: Indices, rng: np.random.Generator) -> Tensor:
        """A randomly changed batch (B, …)."""
        ...

    def clean(self, modality: Modality, index: Indices) -> Tensor:
        """The same samples as they are."""
        ...

    def absent(self, modality: Modality) -> Tensor:
        """What stands in for the stream when it is absent: (1, …)."""
        ...

    def embed(self, network: Network, modality: Modality, batch: Tensor) -> Tensor:
        """A batch of this source through ``network``: (B, D)."""
        ...


class RawSource:
    """Inputs as decoded, augmented afresh in each epoch."""

    def __init__(self, data: TrainingData, config: Augment) -> None:
        self.data = data
        self.config = config

    def training(self, modality: Modality, index: Indices, rng: np.random.Generator) -> Tensor:
        return augment(modality, self.data.batch(modality, index), self.config, rng)

    def clean(self, modality: Modality, index: Indices) -> Tensor:
        return self.data.batch(modality, index)

    def absent(self, modality: Modality) -> Tensor:
        import torch

        return torch.zeros(1, *SHAPES[modality])

    def embed(self, network: Network, modality: Modality, batch: Tensor) -> Tensor:
        return network.embed(modality, batch)


class FeatureSource:
    """What a frozen part makes of every sample and of ``copies`` augmented copies, computed once.

    Kept as float32 in memory-mapped files of ``folder``: (copies + 1, n, …), the first is the clean one.
    """

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        config: Augment,
        seed: int,
        folder: Path,
        *,
        device: str,
        report: Report,
        token: CancelToken,
    ) -> None:
        import torch

        if not isinstance(network, CachesFeatures):
            raise TypeError("the network has no frozen part to cache")
        network.module.to(device).eval()
        self.arrays: dict[Modality, NDArray[np.float32]] = {}
        self.zeros: dict[Modality, Tensor] = {}
        total = len(data) * (config.copies + 1) * len(SHAPES)
        done = 0
        for number, modality in enumerate(SHAPES):
            with torch.inference_mode():
                zero = network.features(modality, torch.zeros(1, *SHAPES[modality], device=device))
            self.zeros[modality] = zero.cpu().clone()
            self.arrays[modality] = array = np.lib.format.open_memmap(
                folder / f"features-{modality}.npy",
                mode="w+",
                dtype=np.float32,
                shape=(config.copies + 1, len(data), *zero.shape[1:]),
            )
            rng = np.random.default_rng([seed, number])
            for copy in range(config.copies + 1):
                for start in range(0, len(data), CHUNK):
                    token.check()
                    batch = data.batch(modality, np.arange(start, min(start + CHUNK, len(data))))
                    if copy:
                        batch = augment(modality, batch, config, rng)
                    with torch.inference_mode():
                        features = network.features(modality, batch.to(device)).cpu().numpy()
                    array[copy, start : start + len(batch)] = features
                    done += len(batch)
                    report(Progress(done, total, "frozen features"))

    def training(self, modality: Modality, index: Indices, rng: np.random.Generator) -> Tensor:
        import torch

        array = self.arrays[modality]
        # the clean copy is one of them only where there is no other
        copies = rng.integers(min(1, len(array) - 1), len(array), len(index))
        return torch.from_numpy(array[copies, index])

    def clean(self, modality: Modality, index: Indices) -> Tensor:
        import torch

        return torch.from_numpy(self.arrays[modality][0, index])

    def absent(self, modality: Modality) -> Tensor:
        return self.zeros[modality]

    def embed(self, network: Network, modality: Modality, batch: Tensor) -> Tensor:
        if not isinstance(network, CachesFeatures):
            raise TypeError("the network has no frozen part to cache")
        return network.embed_features(modality, batch)
