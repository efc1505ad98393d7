"""Two coordinates for each sample's fused layer: principal components, at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.overview.store import FusedStore

Floats = NDArray[np.float32]

FIT_ROWS = 8192  # samples that the axes are found from, spread evenly: more would not turn them visibly
CHUNK = 8192  # rows read at a time
FEWEST = 3  # samples that span a plane


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardise, then turn: (x − mean) / scale · axes.

    ``mean`` (F,), ``scale`` (F,), 1 where a number never changes; ``axes`` (F, k), orthonormal, the direction
    of largest variance first, each with its largest component positive; ``explained`` (k,), the share of the
    standardised variance along each.
    """

    mean: Floats
    scale: Floats
    axes: Floats
    explained: NDArray[np.float64]

    def apply(self, vectors: Floats) -> Floats:
        """(n, F) → (n, k)."""
        return np.asarray(((vectors - self.mean) / self.scale) @ self.axes, np.float32)


@dataclass(frozen=True, slots=True)
class Layout:
    """A map: ``positions`` (k, 2) float32 of the dataset's ``rows`` (k,); ``method`` as people call it."""

    rows: NDArray[np.int64]
    positions: Floats
    method: str
    explained: tuple[float, ...] = ()


def principal(vectors: Floats, k: int = 2) -> Projection:
    """Principal components of standardised ``vectors`` (n, F), n ≥ 2: eigenvectors of their correlations.

    Deterministic: signs are fixed as `Projection` says. Fewer than ``k`` directions are filled up with zeros.
    """
    mean = np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)
    scale = np.asarray(vectors.std(axis=0, dtype=np.float64), np.float32)
    scale[scale < 1e-6] = 1
    z = (vectors - mean) / scale
    n, size = z.shape
    if n < size:  # the smaller of the two products
        values, left = np.linalg.eigh((z @ z.T).astype(np.float64) / n)
        values, left = values[::-1][:k], left[:, ::-1][:, :k]
        axes = (z.T.astype(np.float64) @ left) / np.sqrt(np.maximum(values, 1e-12) * n)
        axes[:, values < 1e-9] = 0
    else:
        values, axes = np.linalg.eigh((z.T @ z).astype(np.float64) / n)
        values, axes = values[::-1][:k], axes[:, ::-1][:, :k]
    axes = np.pad(axes, ((0, 0), (0, k - axes.shape[1])))
    values = np.pad(np.maximum(values, 0), (0, k - len(values)))
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(k)])
    axes = (axes * np.where(signs == 0, 1, signs)).astype(np.float32)
    total = float(z.var(axis=0, dtype=np.float64).sum())
    return Projection(mean, scale, axes, values / total if total else np.zeros(k))


def fitted(store: FusedStore, rows: NDArray[np.int64], k: int = 2) -> Projection:
    """The components of the layer of ``rows``, from at most `FIT_ROWS` of them.

    Raises
    ------
    SierError : fewer than `FEWEST` samples.
    """
    if len(rows) < FEWEST:
        raise SierError(
            f"A map needs at least {FEWEST} samples; {len(rows)} are known so far.",
            "Wait until more are predicted.",
        )
    step = -(-len(rows) // FIT_ROWS)
    return principal(store.read(rows[::step]), k)


def pca(store: FusedStore) -> Layout:
    """The map of all samples that ``store`` knows, by their first two principal components."""
    rows = np.flatnonzero(store.known)
    found = fitted(store, rows)
    return Layout(rows, projected(store, rows, found), "PCA", tuple(found.explained.tolist()))


def projected(store: FusedStore, rows: NDArray[np.int64], by: Projection) -> Floats:
    """``by`` of the layer of ``rows``, (n, k), a part at a time."""
    parts = [by.apply(store.read(rows[start : start + CHUNK])) for start in range(0, len(rows), CHUNK)]
    return np.concatenate(parts)
