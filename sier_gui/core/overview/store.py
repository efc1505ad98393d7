"""The fused layer of every sample, on disk: filled while a dataset is predicted, read a part at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sier_gui.core import paths

LARGEST = 60_000.0  # float16 ends at 65,504; products of loud streams may go beyond
KEPT_BYTES = 1 << 30  # of all datasets and releases together, longest untouched first to go


class FusedStore:
    """Vectors of ``count`` samples, float16 (count, F), memory-mapped; nothing before the first `put`.

    One worker writes, anybody reads. ``count`` must be the dataset's: a file of another shape is made anew.
    A vector is written before its row counts as known, so that a kill leaves no half row behind.
    """

    def __init__(self, file: Path, count: int) -> None:
        self._file, self._count = file, count
        self._vectors: NDArray[np.float16] | None = None
        self._known: NDArray[np.bool_] | None = None
        self._open()

    @classmethod
    def of(cls, dataset_hash: str, weights_hash: str, count: int) -> FusedStore:
        """That of one dataset and release, in the cache."""
        return cls(folder() / f"{dataset_hash[:24]}-{weights_hash[:24]}.npy", count)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(count,) whose vectors are there."""
        return np.zeros(self._count, bool) if self._known is None else np.array(self._known)

    @property
    def size(self) -> int:
        """F; 0 while nothing is there."""
        return 0 if self._vectors is None else self._vectors.shape[1]

    def put(self, rows: list[int], vectors: NDArray[np.float32]) -> None:
        """Keep ``vectors`` (k, F) of ``rows``.

        Raises
        ------
        SierError : the cache cannot be written.
        """
        if self._vectors is None or self._vectors.shape[1] != vectors.shape[1]:
            self._make(vectors.shape[1])
        assert self._vectors is not None
        assert self._known is not None
        self._vectors[rows] = np.nan_to_num(vectors, nan=0.0).clip(-LARGEST, LARGEST)
        self._known[rows] = True

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of ``rows``, float32 (k, F)."""
        if self._vectors is None:
            return np.zeros((len(rows), 0), np.float32)
        found: NDArray[np.float32] = self._vectors[rows].astype(np.float32)
        return found

    # ---------------------------------------------------------------- files

    @property
    def _mask(self) -> Path:
        return self._file.with_suffix(".known")

    def _open(self) -> None:
        try:
            np.load(self._file, mmap_mode="r", allow_pickle=False)  # r+ would fill a file that was cut short
            vectors = np.load(self._file, mmap_mode="r+", allow_pickle=False)
            known = np.memmap(self._mask, np.bool_, "r+")
        except (OSError, ValueError):  # none, or damaged: computed again
            return
        if vectors.ndim == 2 and len(vectors) == len(known) == self._count and vectors.dtype == np.float16:
            self._vectors, self._known = vectors, known

    def _make(self, size: int) -> None:
        make_room(self._file, 2 * self._count * size)
        # new files under the old names: whoever has the old ones mapped goes on reading them
        self._vectors = self._known = None
        with paths.atomic_file(self._mask) as mask, mask.open("wb") as stream:
            stream.truncate(self._count)
        with paths.atomic_file(self._file) as vectors:
            np.lib.format.open_memmap(vectors, "w+", np.float16, (self._count, size)).flush()
        self._open()


def folder() -> Path:
    return paths.user_folder("cache") / "fused"


def make_room(file: Path, needed: int) -> None:
    """Remove other stores beside ``file``, oldest first, until ``needed`` bytes fit `KEPT_BYTES`."""
    others = [one for one in file.parent.glob("*.npy") if one != file]
    others.sort(key=lambda one: one.stat().st_mtime)
    total = sum(one.stat().st_size for one in others) + needed
    for one in others:
        if total <= KEPT_BYTES:
            return
        total -= one.stat().st_size
        for part in (one, one.with_suffix(".known")):
            part.unlink(missing_ok=True)
