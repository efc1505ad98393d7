"""Where a figure's sample lies and what was asked about it: what it takes to make the figure again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core import paths
from sier_gui.core.domain import Modality, Sample
from sier_gui.core.explain.attribution import ExplainRequest

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.releases import Release

_SHIPPED = "sier-gui:"  # before a path among the shipped resources and releases
_HOME = "~/"


@dataclass(frozen=True, slots=True)
class Origin:
    """``dataset`` is the folder or table that was opened with the columns ``mapping``; None for a loose
    pair, whose two files are ``media``."""

    request: ExplainRequest
    release_folder: Path
    dataset: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    allow_outside: bool = False
    media: Mapping[Modality, Path] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sample: Sample, request: ExplainRequest, release: Release, catalogue: Catalogue | None
    ) -> Origin:
        """Of a sample of ``catalogue``; without one, of a loose pair."""
        if catalogue is None:
            return cls(request, release.folder, media=sample.paths)
        mapping = catalogue.mapping.as_dict()
        return cls(request, release.folder, catalogue.source, mapping, catalogue.allow_outside)

    def as_json(self) -> dict[str, Any]:
        """Paths as `portable` writes them."""
        place: dict[str, Any] = {"media": {str(m): portable(path) for m, path in self.media.items()}}
        if self.dataset is not None:
            place = {
                "dataset": portable(self.dataset),
                "mapping": dict(self.mapping),
                "allow_outside": self.allow_outside,
            }
        return {**place, "request": asdict(self.request), "release_folder": portable(self.release_folder)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Origin:
        """What `as_json` gave.

        Raises
        ------
        KeyError, TypeError, ValueError, SierError : it is none.
        """
        request = ExplainRequest(**value["request"])
        folder = located(value["release_folder"])
        if "dataset" not in value:
            media = {Modality(m): located(path) for m, path in value["media"].items()}
            return cls(request, folder, media=media)
        mapping = {str(k): str(v) for k, v in value["mapping"].items()}
        return cls(request, folder, located(value["dataset"]), mapping, bool(value["allow_outside"]))


def portable(path: Path) -> str:
    """``path`` without the user's name: below the home folder as "~/…", shipped things by their place."""
    absolute = path.absolute()
    if any(absolute.is_relative_to(folder) for folder in (paths.resources(), paths.models())):
        return _SHIPPED + absolute.relative_to(paths.resources().parent).as_posix()
    if absolute.is_relative_to(Path.home()):
        return _HOME + absolute.relative_to(Path.home()).as_posix()
    return absolute.as_posix()


def located(text: str) -> Path:
    """The path that `portable` wrote, on this machine."""
    if text.startswith(_SHIPPED):
        return paths.resources().parent / text.removeprefix(_SHIPPED)
    if text.startswith(_HOME):
        return Path.home() / text.removeprefix(_HOME)
    return Path(text)
