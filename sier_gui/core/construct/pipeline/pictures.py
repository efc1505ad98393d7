"""Stage 2: pictures that decode, and which of them are the same picture.

Two pictures are the same where their perceptual hashes and their colours are close. The hash (after Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, §3.2.1): the 16×16 lowest
frequencies of a 64×64 grey reduction's cosine transform, without the mean, each above the median or not.
Copies saved again at JPEG quality 20, or halved or trebled in size, differ in at most 22 of the 256 bits;
faces, and random crops of the same photographs, in 54 or more (docs/build.md).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.inspection import PICTURES
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import Picture, read_image

HASH_BITS = 256
SAME_BITS = 24  # of HASH_BITS that may differ
SAME_COLOUR = 8.0  # mean difference of 8×8 RGB reductions, of 255
_REDUCED, _KEPT, _LOOK = 64, 16, 8
_FLAT = 1.0  # standard deviation, of 255: no structure to compare
_BLOCK = 512  # with 80,000 pictures a block takes 250 MB


@dataclass(frozen=True, slots=True)
class Seen:
    """A decoded picture's traits.

    ``sha256`` of the file; ``bits`` bool (256,); ``look`` uint8 (8, 8, 3); ``pixels`` sha256 of what it
    decodes to, which alone counts where the picture is ``flat`` (one colour).
    """

    sha256: str
    pixels: str
    bits: NDArray[np.bool_]
    look: Picture
    flat: bool


def list_pictures(folder: Path, without: Path) -> tuple[list[str], list[str]]:
    """Files in ``folder`` and below that are called as pictures are, relative, with /, sorted.

    Hidden ones, and those below ``without`` (where the dataset is being built), are passed over. The second
    list: those whose names are no UTF-8, which no table can hold, with the bytes escaped.
    """
    found: list[str] = []
    nameless: list[str] = []
    for where, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f[0] != "." and Path(where, f).resolve() != without.resolve()]
        for name in files:
            if name[0] != "." and os.path.splitext(name)[1].lower() in PICTURES:
                file = Path(where, name).relative_to(folder).as_posix()
                escaped = file.encode("utf-8", "backslashreplace").decode()
                (found if escaped == file else nameless).append(escaped)
    return sorted(found), sorted(nameless)


def listing_hash(folder: Path, files: Sequence[str]) -> str:
    """SHA-256 over names and sizes: tells a folder that has changed, without reading it."""
    digest = hashlib.sha256()
    for file in files:
        try:
            size = (folder / file).stat().st_size
        except OSError:
            size = -1
        digest.update(f"{file}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def look_at(file: Path) -> Seen:
    """Decode a picture (at most 32 megapixels) and take its traits.

    Raises
    ------
    SierError : it cannot be read.
    """
    picture = read_image(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SierError(
            f"Cannot read {file}: {error.strerror or error}.", "Check its permissions."
        ) from error
    bits, flat = perceptual_hash(picture)
    pixels = hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()
    return Seen(hashlib.sha256(data).hexdigest(), pixels, bits, _reduced(picture, _LOOK), flat)


def perceptual_hash(picture: Picture) -> tuple[NDArray[np.bool_], bool]:
    """uint8 (h, w, 3) → bool (256,), and whether the picture has no structure to be hashed."""
    grey = _reduced(picture, _REDUCED).astype(np.float64) @ (0.299, 0.587, 0.114)
    cosines = np.cos(np.pi / _REDUCED * np.outer(np.arange(_KEPT + 1), np.arange(_REDUCED) + 0.5))
    low = cosines @ grey @ cosines.T
    # without the mean brightness at (0, 0); the next row's first stands in for it
    values = np.append(low[:_KEPT, :_KEPT].ravel()[1:], low[_KEPT, 0])
    return values > np.median(values), float(grey.std()) < _FLAT


def same_pictures(seen: Sequence[Seen]) -> NDArray[np.int64]:
    """(n,) for each picture the index of the first one that it repeats, its own where it repeats none.

    Taken in order: a picture is compared with those before it that are not repeats themselves.
    """
    first = np.arange(len(seen))
    for i, j in _pairs(seen):  # j < i
        if first[i] == i and first[j] == j:
            first[i] = j
    return first


def _pairs(seen: Sequence[Seen]) -> Iterator[tuple[int, int]]:
    """All (i, j), j < i, of pictures that are the same, ascending.

    All pairs are compared, as one product of ±1: half a minute for 80,000 pictures.
    """
    signs = np.array([one.bits for one in seen], np.float32).reshape(len(seen), HASH_BITS) * 2 - 1
    flat = np.array([one.flat for one in seen], bool)
    by_pixels: dict[str, int] = {}
    for start in range(0, len(seen), _BLOCK):
        block = slice(start, start + _BLOCK)
        close = signs[block] @ signs[: start + _BLOCK].T >= HASH_BITS - 2 * SAME_BITS
        close[flat[block]] = False
        close[:, flat[: start + _BLOCK]] = False
        near: dict[int, list[int]] = {}
        for row, column in zip(*np.nonzero(np.tril(close, start - 1)), strict=True):
            near.setdefault(start + int(row), []).append(int(column))
        for i in range(start, min(start + _BLOCK, len(seen))):
            equal = by_pixels.setdefault(seen[i].pixels, i)
            candidates = {j for j in near.get(i, []) if _colours_close(seen[i], seen[j])}
            for j in sorted(candidates | ({equal} - {i})):
                yield i, j


def _colours_close(a: Seen, b: Seen) -> bool:
    difference = np.abs(a.look.astype(np.int16) - b.look)
    return float(difference.mean()) <= SAME_COLOUR


def _reduced(picture: Picture, side: int) -> Picture:
    """(h, w, 3) → (side, side, 3); a triangle filter as wide as the reduction."""
    from PIL import Image

    image = Image.fromarray(picture)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0))
