"""What a report is made of: the responses of a project, or of a bare CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.gui.workflows.studies import Opened

if TYPE_CHECKING:
    from sier_gui.core.study.caveats import Setting
    from sier_gui.core.study.design import Design
    from sier_gui.core.study.records import Response, Take


@dataclass(frozen=True, slots=True)
class Source:
    """What a report is of: a project, or a bare CSV (``design`` None). ``releases``: their labels."""

    name: str
    responses: list[Response]
    setting: Setting
    folder: Path
    design: Design | None = None
    takes: Mapping[tuple[str, str], Take] = field(default_factory=dict)
    releases: tuple[str, ...] = ()


def read_project(opened: Opened) -> Source:
    """The project's responses and what a report of them is told."""
    from sier_gui.core.nets.releases import list_releases
    from sier_gui.core.study.design import setting_of

    project, design = opened.study.project, opened.study.design
    labels = [r.label for r in list_releases() if set(r.classes) >= set(design.classes)]
    return Source(
        project.folder.name,
        project.responses(),
        setting_of(project, design),
        project.folder,
        design,
        project.accepted_takes(),
        tuple(labels),
    )


def read_file(file: Path) -> Source:
    """A bare CSV of responses: the default protocol's rules, no project."""
    from sier_gui.core.study.caveats import Setting
    from sier_gui.core.study.responses import read_responses

    return Source(file.name, read_responses(file), Setting(), file.parent)
