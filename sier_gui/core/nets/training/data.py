"""A dataset decoded once and kept, and the batches the loop asks for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sier_gui import __version__
from sier_gui.core.dataset.inputs import load_inputs
from sier_gui.core.domain import FrontEnd, Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, CachesFeatures, Network
from sier_gui.core.nets.training.augment import augment
from sier_gui.core.nets.training.config import Augment
from sier_gui.core.nets.training.rows_cache import Entry, Layout, RowsCache
from sier_gui.core.tasks import CancelToken, Progress, Report

if TYPE_CHECKING:
    from torch import Tensor

    from sier_gui.core.dataset.catalogue import Catalogue

Indices = NDArray[np.int64]
CHUNK = 16
PIECE = 256  # decoded samples that a killed run loses at most
TYPES: Mapping[Modality, type[np.generic]] = {Modality.IMAGE: np.uint8, Modality.SPEECH: np.float32}


@dataclass(frozen=True)
class TrainingData:
    """Readable labelled samples. ``arrays``: on disk, rows (3|1, 128, 128), pictures uint8, log-mels float32;
    sample i is row ``places[i]``. ``key``: sha256 of the media and of how they were decoded.
    """

    sample_ids: tuple[str, ...]
    labels: Indices
    groups: NDArray[Any]  # (n,) str, or (0,) without groups
    splits: NDArray[Any]  # (n,) what the dataset's own split column says, or (0,) without one
    arrays: Mapping[Modality, NDArray[Any]]
    places: Indices
    skipped: tuple[str, ...]  # why each unreadable sample was left out
    key: str

    def __len__(self) -> int:
        return len(self.labels)

    def stored(self, modality: Modality, index: Indices) -> Tensor:
        """(B, 3|1, 128, 128) as it lies on disk."""
        import torch

        return torch.from_numpy(np.asarray(self.arrays[modality][self.places[index]]))

    def batch(self, modality: Modality, index: Indices, device: Any = "cpu") -> Tensor:
        """float32 (B, 3|1, 128, 128) in [0, 1]; pictures travel to a ``device`` as bytes."""
        values = self.stored(modality, index).to(device, non_blocking=True).float()
        return values / 255 if modality is Modality.IMAGE else values

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
    cache: RowsCache,
    *,
    split: str = "",
    report: Report,
    token: CancelToken,
) -> TrainingData:
    """Every labelled sample, decoded into ``cache`` where it is not there; unreadable ones are left out.

    ``groups`` and ``split`` name columns; a dataset without them has none.

    Raises
    ------
    SierError : nothing readable with a label of ``classes``.
    """
    labels = catalogue.column("label")
    rows = [row for row in range(len(catalogue)) if labels[row] in classes]
    nothing = SierError(
        f"{catalogue.name} has no readable sample with a label of {', '.join(classes)}.",
        "Run sier-gui validate on it.",
    )
    if not rows:
        raise nothing
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        key = _content_key(catalogue, rows, front, pool, report, token)

        def compute(start: int, stop: int) -> tuple[Mapping[str, NDArray[Any]], dict[str, Any]]:
            return _decoded([_sample(catalogue, row) for row in rows[start:stop]], front, pool)

        arrays = {str(m): (TYPES[m], tuple(SHAPES[m])) for m in SHAPES}
        layout = Layout(len(rows), arrays, PIECE)
        entry = cache.entry(f"inputs-{key[:32]}", layout, compute, "decoding", report=report, token=token)
    unreadable = _unreadable(entry, catalogue, rows, front)
    kept = np.array([i for i in range(len(rows)) if i not in unreadable], np.int64)
    if not len(kept):
        raise nothing
    at = np.asarray(rows, np.int64)[kept]
    return TrainingData(
        sample_ids=tuple(catalogue.column("sample_id")[at].tolist()),
        labels=np.array([classes.index(labels[row]) for row in at], np.int64),
        groups=_texts(catalogue, groups, at),
        splits=_texts(catalogue, split, at),
        arrays={m: entry.arrays[str(m)] for m in SHAPES},
        places=kept,
        skipped=tuple(unreadable.values()),
        key=key,
    )


def _texts(catalogue: Catalogue, column: str, rows: Indices) -> NDArray[Any]:
    there = column in catalogue.columns
    return np.array([str(cell) for cell in catalogue.column(column)[rows]] if there else [], object)


def _sample(catalogue: Catalogue, row: int) -> Sample | SierError:
    try:
        return catalogue.sample(row)
    except SierError as error:
        return error


def _content_key(
    catalogue: Catalogue,
    rows: Sequence[int],
    front: FrontEnd,
    pool: ThreadPoolExecutor,
    report: Report,
    token: CancelToken,
) -> str:
    """sha256 over both files of every row, their names left aside, and over the front end."""
    digest = hashlib.sha256(json.dumps([__version__, asdict(front)], sort_keys=True).encode())
    for start in range(0, len(rows), PIECE):
        token.check()
        report(Progress(start, len(rows), "looking for changes"))
        samples = [_sample(catalogue, row) for row in rows[start : start + PIECE]]
        for line in pool.map(_media_digest, samples):
            digest.update(line)
    return digest.hexdigest()


def _media_digest(sample: Sample | SierError) -> bytes:
    if isinstance(sample, SierError):
        return str(sample).encode() + b"\n"
    digest = hashlib.sha256()
    for modality in SHAPES:
        path = sample.paths.get(modality)
        try:
            # what is no plain file (a pipe would block) counts as missing, as decoding sees it
            if path is not None and path.is_file():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
                continue
        except OSError as error:
            digest.update(str(error.strerror).encode())
        digest.update(b"missing")
    return digest.digest()


def _decoded(
    samples: Sequence[Sample | SierError], front: FrontEnd, pool: ThreadPoolExecutor
) -> tuple[Mapping[str, NDArray[Any]], dict[str, Any]]:
    """Rows of a piece; what could not be read has zeros and a note."""
    values = {str(m): np.zeros((len(samples), *SHAPES[m]), TYPES[m]) for m in SHAPES}
    unreadable: list[int] = []

    def load(number: int) -> None:
        sample = samples[number]
        try:
            if isinstance(sample, SierError):
                raise sample
            inputs = load_inputs(sample, front)
        except SierError:
            unreadable.append(number)
            return
        # pictures were resampled in 8 bits: nothing is lost
        values[str(Modality.IMAGE)][number] = np.rint(inputs.tensors[Modality.IMAGE] * 255)
        values[str(Modality.SPEECH)][number] = inputs.tensors[Modality.SPEECH]

    list(pool.map(load, range(len(samples))))
    return values, {"unreadable": sorted(unreadable)} if unreadable else {}


def _unreadable(entry: Entry, catalogue: Catalogue, rows: Sequence[int], front: FrontEnd) -> dict[int, str]:
    """Row → why it cannot be read: asked again, since the entry may come from files of other names."""
    found: dict[int, str] = {}
    for piece, notes in enumerate(entry.notes):
        for number in notes.get("unreadable", []):
            at = piece * PIECE + int(number)
            try:
                load_inputs(catalogue.sample(rows[at]), front)
                found[at] = f"{catalogue.cell(rows[at], 'sample_id')} could not be read when it was decoded."
            except SierError as error:
                found[at] = str(error)
    return found


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
    """Inputs as decoded, augmented afresh in each epoch, on ``device``."""

    def __init__(self, data: TrainingData, config: Augment, device: Any = "cpu") -> None:
        self.data = data
        self.config = config
        self.device = device

    def training(self, modality: Modality, index: Indices, rng: np.random.Generator) -> Tensor:
        return augment(modality, self.data.batch(modality, index, self.device), self.config, rng)

    def clean(self, modality: Modality, index: Indices) -> Tensor:
        return self.data.batch(modality, index, self.device)

    def absent(self, modality: Modality) -> Tensor:
        import torch

        return torch.zeros(1, *SHAPES[modality])

    def embed(self, network: Network, modality: Modality, batch: Tensor) -> Tensor:
        return network.embed(modality, batch)


class FeatureSource:
    """What a frozen part makes of every sample and of ``copies`` augmented copies, computed once.

    Kept as float32 in ``cache``, (n, copies + 1, …) for each stream, the first copy unchanged. The key covers
    the inputs, the frozen part's weights, the augmentation and its seed.
    """

    def __init__(
        self,
        network: Network,
        data: TrainingData,
        config: Augment,
        seed: int,
        cache: RowsCache,
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
        key = _features_key(network, data, config, seed, device)
        for number, modality in enumerate(SHAPES):
            with torch.inference_mode():
                zero = network.features(modality, torch.zeros(1, *SHAPES[modality], device=device))
            self.zeros[modality] = zero.cpu().clone()

            def compute(
                start: int, stop: int, modality: Modality = modality, number: int = number
            ) -> tuple[Mapping[str, NDArray[Any]], dict[str, Any]]:
                clean = data.batch(modality, np.arange(start, stop), device)
                rng = np.random.default_rng([seed, number, start])
                copies = [clean, *(augment(modality, clean, config, rng) for _ in range(config.copies))]
                with torch.inference_mode():
                    made = [network.features(modality, copy).cpu().numpy() for copy in copies]
                return {"features": np.stack(made, axis=1)}, {}

            shape = (config.copies + 1, *zero.shape[1:])
            layout = Layout(len(data), {"features": (np.float32, shape)}, CHUNK)
            name = f"features-{modality}-{key}"
            entry = cache.entry(name, layout, compute, "frozen features", report=report, token=token)
            self.arrays[modality] = entry.arrays["features"]

    def training(self, modality: Modality, index: Indices, rng: np.random.Generator) -> Tensor:
        import torch

        array = self.arrays[modality]
        # the clean copy is one of them only where there is no other
        copies = rng.integers(min(1, array.shape[1] - 1), array.shape[1], len(index))
        return torch.from_numpy(np.asarray(array[index, copies]))

    def clean(self, modality: Modality, index: Indices) -> Tensor:
        import torch

        return torch.from_numpy(np.asarray(self.arrays[modality][index, 0]))

    def absent(self, modality: Modality) -> Tensor:
        return self.zeros[modality]

    def embed(self, network: Network, modality: Modality, batch: Tensor) -> Tensor:
        if not isinstance(network, CachesFeatures):
            raise TypeError("the network has no frozen part to cache")
        return network.embed_features(modality, batch)


def _features_key(network: Network, data: TrainingData, config: Augment, seed: int, device: str) -> str:
    """Whatever a frozen part's answers depend on; what training moves does not belong to it."""
    import torch

    kind = type(network)
    facts = [
        data.key,
        data.places.tolist(),
        asdict(config),
        seed,
        str(device),
        torch.__version__,
        __version__,
    ]
    facts += [kind.__module__, kind.__qualname__, getattr(getattr(network, "config", None), "options", None)]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    moved = {name for name, p in network.module.named_parameters() if p.requires_grad}
    for name, tensor in sorted(network.module.state_dict().items()):
        if name not in moved:
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
