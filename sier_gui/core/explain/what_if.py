"""What the network would say if parts of a sample were not there.

A part is a `Selection` in the units of the sample: pixels, seconds, Hz. A cell of the network's input belongs
to it where the cell's centre lies in it, as players own their cells (`players.py`): a whole patch taken away
gives the value of the coalition without that patch. A span that begins, or ends, with the speech takes the
silence padded around it along.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui import __version__
from sier_gui.core.domain import FloatArray, Modality, SampleInputs, Selection
from sier_gui.core.errors import SierError
from sier_gui.core.explain.absence import stand_ins
from sier_gui.core.explain.attribution import FLOAT32, Bools, Floats
from sier_gui.core.explain.precision import products
from sier_gui.core.explain.what_if_list import WhatIf

if TYPE_CHECKING:
    from torch import Tensor

    from sier_gui.core.nets.prediction import Predictor

KEPT = 64  # embeddings, and wholly absent inputs: a drag forth and back meets its own steps again


def removed_cells(inputs: SampleInputs, removals: Iterable[Selection]) -> dict[Modality, Bools]:
    """Which cells of each input the ``removals`` take away: True, (height, width) by modality.

    Mel rows count from the lowest, columns from the first moment, as in ``inputs.tensors``.
    """
    cells: dict[Modality, Bools] = {m: np.zeros(x.shape[-2:], np.bool_) for m, x in inputs.tensors.items()}
    for removal in removals:
        own = cells[removal.modality]
        down, across = _covered(inputs, removal, own.shape[-2:])
        own |= down[:, None] & across[None, :]
    return cells


def _covered(inputs: SampleInputs, removal: Selection, size: tuple[int, ...]) -> tuple[Bools, Bools]:
    """Rows (height,) and columns (width,) of a ``size`` (height, width) whose centres lie in ``removal``."""
    height, width = size
    rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
    if removal.modality is Modality.IMAGE:
        left, top = inputs.pixels.to_network(removal.left, removal.top)
        right, bottom = inputs.pixels.to_network(removal.right, removal.bottom)
        return (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)
    times = inputs.times
    start = -np.inf if removal.start_s <= 0 else times.column(removal.start_s)
    end = np.inf if removal.end_s >= times.duration_s else times.column(removal.end_s)
    across = (columns >= start) & (columns < end) & (removal.end_s > removal.start_s)
    if not removal.banded:
        return np.ones(height, np.bool_), across
    return (rows >= times.row(removal.low_hz)) & (rows < times.row(removal.high_hz)), across


def removed_shares(inputs: SampleInputs, removals: Iterable[Selection]) -> dict[Modality, float]:
    """Which part of each input's cells is taken away, in [0, 1]."""
    return {m: float(cells.mean()) for m, cells in removed_cells(inputs, removals).items()}


def paired(picture_of: SampleInputs, speech_of: SampleInputs) -> SampleInputs:
    """The picture of one sample with the speech, and its words, of another."""
    if (picture_of.sample_id, picture_of.content_hash) == (speech_of.sample_id, speech_of.content_hash):
        return speech_of
    both = hashlib.sha256(f"{picture_of.content_hash} {speech_of.content_hash}".encode())
    return replace(
        speech_of,
        sample_id=f"{picture_of.sample_id} + {speech_of.sample_id}",
        tensors={
            Modality.IMAGE: picture_of.tensors[Modality.IMAGE],
            Modality.SPEECH: speech_of.tensors[Modality.SPEECH],
        },
        pixels=picture_of.pixels,
        content_hash=both.hexdigest(),
        absent=(picture_of.absent & {Modality.IMAGE}) | (speech_of.absent & {Modality.SPEECH}),
    )


class WhatIfBench:
    """Asks one predictor again and again about inputs that change in one place.

    Of a separable network only the trunk of what changed runs: embeddings are kept by their input.
    Use it on one thread.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.passes = 0  # trunks that ran, or whole networks where they cannot be separated
        self._embeddings: OrderedDict[tuple[Modality, bytes], Tensor] = OrderedDict()
        self._absent: OrderedDict[tuple[object, ...], FloatArray] = OrderedDict()

    def probabilities(
        self, inputs: SampleInputs, removals: Sequence[Selection], absence: str = "zeros", *, seed: int = 0
    ) -> Floats:
        """As `what_if`."""
        import torch

        network = self.predictor.network
        given = self._without(inputs, removals, absence, seed)
        with torch.inference_mode(), products(FLOAT32, self.predictor.device):
            if network.separable:
                logits = network.fuse({m: self._embedded(m, tensor) for m, tensor in given.items()})
            else:
                self.passes += 1
                pair = {m: self._on_device(tensor) for m, tensor in given.items()}
                logits = network.forward(pair[Modality.IMAGE], pair[Modality.SPEECH])
            found: Floats = logits.double().softmax(-1)[0].cpu().numpy()
        if not np.isfinite(found).all():
            raise SierError(
                f"Without these parts the network's answer to {inputs.sample_id} is not a number.",
                "Choose another absence.",
            )
        return found

    def _without(
        self, inputs: SampleInputs, removals: Sequence[Selection], absence: str, seed: int
    ) -> dict[Modality, FloatArray]:
        """The inputs with what is taken away replaced; where nothing is, the very same arrays."""
        given: dict[Modality, FloatArray] = dict(inputs.tensors)
        for modality, cells in removed_cells(inputs, removals).items():
            if cells.any():
                away = self._stand_in(modality, inputs.tensors[modality], absence, seed)
                given[modality] = np.where(cells, away, inputs.tensors[modality])
        return given

    def _stand_in(self, modality: Modality, tensor: FloatArray, absence: str, seed: int) -> FloatArray:
        key = (modality, absence, seed, _digest(tensor))
        if key not in self._absent:
            mean = self.predictor.network.absence_mean[modality].float().cpu().numpy()
            found = stand_ins(absence, {modality: tensor}, {modality: mean}, seed)[modality]
            _keep(self._absent, key, found)
        self._absent.move_to_end(key)
        return self._absent[key]

    def _embedded(self, modality: Modality, tensor: FloatArray) -> Tensor:
        """(1, D)."""
        key = (modality, _digest(tensor))
        if key not in self._embeddings:
            self.passes += 1
            _keep(self._embeddings, key, self.predictor.network.embed(modality, self._on_device(tensor)))
        self._embeddings.move_to_end(key)
        return self._embeddings[key]

    def _on_device(self, tensor: FloatArray) -> Tensor:
        import torch

        parameter = next(iter(self.predictor.network.module.parameters()), torch.zeros(()))
        return torch.from_numpy(np.array(tensor[None])).to(parameter.device, parameter.dtype)


def answered(
    bench: WhatIfBench,
    own: SampleInputs,
    removals: Sequence[Selection],
    absence: str,
    *,
    picture_of: SampleInputs | None = None,
    speech_of: SampleInputs | None = None,
    label: str | None = None,
    seed: int = 0,
) -> WhatIf:
    """The answer without ``removals`` beside the one to ``own`` as it is, and what it takes to ask again.

    ``picture_of``, ``speech_of``: the samples whose picture and speech are given in place of ``own``'s.

    Raises
    ------
    SierError : as `what_if`.
    """
    picture, speech = picture_of or own, speech_of or own
    given, release = paired(picture, speech), bench.predictor.release
    return WhatIf(
        sample_id=own.sample_id,
        removals=tuple(removals),
        absence=absence,
        classes=tuple(bench.predictor.classes),
        before=tuple(bench.probabilities(own, ()).tolist()),
        after=tuple(bench.probabilities(given, removals, absence, seed=seed).tolist()),
        removed=removed_shares(given, removals),
        label=label,
        picture_of=picture.sample_id,
        speech_of=speech.sample_id,
        seed=seed,
        provenance={
            "release": release.label,
            "release_hash": release.weights_hash,
            "sample_hash": given.content_hash,
            "version": __version__,
            "device": bench.predictor.device,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def what_if(
    predictor: Predictor,
    inputs: SampleInputs,
    removals: Sequence[Selection],
    absence: str = "zeros",
    *,
    seed: int = 0,
) -> NDArray[np.float64]:
    """The network's probabilities, (C,) in the order of its classes, without the parts ``removals``.

    Parameters
    ----------
    inputs : of one sample, or of two (`paired`).
    removals : any number of parts, of both modalities, which may overlap. None: the prediction itself.
    absence : what stands in for a removed part, as in `ExplainRequest`; noise is the same for equal ``seed``.

    Raises
    ------
    SierError : no such absence, or the answer is not a number.
    """
    return WhatIfBench(predictor).probabilities(inputs, removals, absence, seed=seed)


def _digest(tensor: FloatArray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tensor).data, digest_size=16).digest()


def _keep(kept: OrderedDict[Any, Any], key: object, value: object) -> None:
    kept[key] = value
    while len(kept) > KEPT:
        kept.popitem(last=False)
