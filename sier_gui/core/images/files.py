"""Picture files to 8-bit RGB; every file loads or gives one `SierError` naming it and the reason."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.errors import SierError
from sier_gui.core.paths import check_media

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

Picture = NDArray[np.uint8]
MAX_PIXELS = 32_000_000  # decodes within 2 s; a header alone can claim billions
_SLOW = {"JPEG2000": 4}  # decoders that take this many times longer per pixel: their limit is as much lower
# Not every Pillow plugin: EPS starts Ghostscript, and rare decoders meet only hostile files.
FORMATS = (
    "JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "AVIF", "TIFF", "PPM",
    "JPEG2000", "PCX", "PSD", "TGA", "ICO", "SGI", "SUN", "XBM",
)  # fmt: skip
_CONVERT = "Convert it to PNG or JPEG with another program, or leave it out."
_SMALLER = "Scale it down, or raise the limit."


class PictureTooLarge(SierError):
    """More pixels than may be decoded."""


def read_image(path: Path, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the first frame to uint8 (height, width, 3) RGB, turned as its EXIF orientation says.

    16- and 32-bit grey is scaled, not clipped; transparency is laid on white; CMYK and palettes converted.

    Raises
    ------
    SierError : missing, no known format, damaged, truncated, or more than ``max_pixels``.
    """
    return _decode(Path(path), max_pixels, None)


def thumbnail(path: Path, size: int, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """As `read_image`, shrunk so that the longer side has at most ``size`` pixels (JPEG: decoded small)."""
    return _decode(Path(path), max_pixels, size)


def picture_size(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height as the header states them, before orientation; nothing is decoded.

    Raises
    ------
    PictureTooLarge, SierError : as `read_image`, as far as the header tells.
    """
    with _opened(Path(path), max_pixels) as image:
        return image.size


def _decode(path: Path, max_pixels: int, size: int | None) -> Picture:
    with _opened(path, max_pixels) as image:
        if size is not None:
            image.draft("RGB", (size, size))
        image.load()
        orientation = _orientation(image)  # after load: for PNG it would decode, and fail, itself
        return _oriented(_shrunk(_rgb(image), size), orientation)


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[PilImage]:
    """The picture with its header read and found small enough; whatever fails becomes a `SierError`."""
    from PIL import Image

    check_media(path, "picture")
    # Pillow's own limit must not be lower than the one asked for; ours is checked before decoding
    Image.MAX_IMAGE_PIXELS = max(max_pixels, MAX_PIXELS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; what matters raises
            with Image.open(path, formats=FORMATS) as image:
                _check_size(path, image.size, max_pixels // _SLOW.get(image.format or "", 1))
                yield image
    except SierError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureTooLarge(f"{path} is too large: {_reason(error, path)}.", _SMALLER) from error
    except Exception as error:  # decoders answer damaged files with whatever they stumble over
        raise SierError(f"Cannot read {path} as a picture: {_reason(error, path)}.", _CONVERT) from error


def _check_size(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise PictureTooLarge(
            f"{path} is too large: {width} × {height} pixels (limit {max_pixels:,}).",
            _SMALLER,
        )


def _orientation(image: PilImage) -> int:
    """EXIF orientation 1–8; 1 where it is absent or the EXIF block is damaged."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001  the picture itself is sound; only its notes are not
        return 1
    return value if value in range(1, 9) else 1


def _rgb(image: PilImage) -> PilImage:
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_scaled_grey(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        transparent = image.convert("RGBA")
        white = Image.new("RGBA", transparent.size, "white")
        return Image.alpha_composite(white, transparent).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled_grey(values: NDArray[np.generic]) -> Picture:
    """Deep grey (h, w) to 8 bits: integers by 65535, floats by 1, or by their maximum if larger."""
    grey = values.astype(np.float32)
    if not np.isfinite(grey).all():
        raise ValueError("it holds values that are not finite numbers")
    full = 1.0 if values.dtype.kind == "f" else 65535.0
    top = max(full, float(grey.max(initial=0)))
    return np.clip(np.rint(grey * np.float32(255 / top)), 0, 255).astype(np.uint8)


def _shrunk(image: PilImage, size: int | None) -> PilImage:
    if size is not None:
        image.thumbnail((size, size))
    return image


def _oriented(image: PilImage, orientation: int) -> Picture:
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }.get(orientation)  # fmt: skip
    return np.asarray(image.transpose(turn) if turn is not None else image)


def _reason(error: Exception, path: Path) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not a picture in a known format"
    return str(error).replace(str(path), "it").strip().rstrip(".") or type(error).__name__
