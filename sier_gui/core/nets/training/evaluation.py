"""What a network answers to samples as they are, with all its streams and with each alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.nets.networks import SHAPES, Network
from sier_gui.core.nets.training.data import Indices, Source
from sier_gui.core.nets.training.intervals import from_confusion

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64
ALL = "all"  # the view with every stream there
BOTH = frozenset({Modality.IMAGE, Modality.SPEECH})

Streams = frozenset[Modality]


def views_of(streams: Streams) -> dict[str, Streams]:
    """Name → streams that are there: `ALL`, and each of two alone."""
    alone = {str(m): frozenset({m}) for m in sorted(streams)} if len(streams) > 1 else {}
    return {ALL: streams, **alone}


def view_logits(
    network: Network,
    source: Source,
    index: Indices,
    views: Mapping[str, Streams],
    device: Any,
    autocast: AbstractContextManager[Any] | None = None,
) -> dict[str, Tensor]:
    """(n, C) float32 of the unchanged samples ``index`` for each view, streams outside of it absent.

    Streams are embedded once for all views. The network must be on ``device``.
    """
    import torch

    network.module.eval()
    found: dict[str, list[Tensor]] = {name: [] for name in views}
    needed = frozenset().union(*views.values())
    with torch.no_grad(), autocast or nullcontext():
        absent = {m: source.embed(network, m, source.absent(m).to(device)) for m in SHAPES}
        for part in split(index):
            there = {m: source.embed(network, m, source.clean(m, part).to(device)) for m in needed}
            for name, present in views.items():
                embeddings = {
                    m: there[m] if m in present else absent[m].expand(len(part), *absent[m].shape[1:])
                    for m in SHAPES
                }
                found[name].append(network.fuse(embeddings).float())
    empty = torch.empty(0, len(network.classes))
    return {name: torch.cat(parts) if parts else empty for name, parts in found.items()}


def probabilities(
    network: Network, source: Source, index: Indices, streams: Streams, device: str
) -> NDArray[np.float64]:
    """(n, C) of the unchanged samples ``index``, streams outside ``streams`` absent."""
    network.module.to(device)
    return softmax(view_logits(network, source, index, {ALL: streams}, device)[ALL])


def softmax(logits: Tensor) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = logits.double().softmax(1).cpu().numpy()
    return shares


def epoch_figures(
    labels: NDArray[np.int64], views: Mapping[str, NDArray[np.float64]], classes: int
) -> dict[str, float]:
    """For an epoch's line: of all streams "validation_…", of each alone "image_…" and "speech_…"."""
    pairs = [labels * classes + shares.argmax(axis=1) for shares in views.values()]
    counts = np.array([np.bincount(pair, minlength=classes**2) for pair in pairs], np.float64)
    figures = from_confusion(counts.reshape(-1, classes, classes))
    return {
        f"{'validation' if view == ALL else view}_{name}": float(figures[name][number])
        for number, view in enumerate(views)
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "kappa")
    }


def split(index: Indices) -> list[Indices]:
    return [index[start : start + BATCH] for start in range(0, len(index), BATCH)]
