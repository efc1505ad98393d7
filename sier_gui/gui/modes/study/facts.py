"""What the experimenter's pages show; made by the workflows, painted by the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sier_gui.core.study.design import Status
    from sier_gui.core.study.progress import Step
    from sier_gui.core.study.records import Protocol
    from sier_gui.core.study.report import StudyReport


@dataclass(frozen=True, slots=True)
class DeskView:
    """The experimenter's side of a project. ``sexes``: of its readers' voices, by pseudonym."""

    folder: str
    status: Status
    protocol: Protocol
    classes: int
    sexes: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def planned(self) -> int:
        """Raters that the protocol wants."""
        return self.protocol.design.raters


@dataclass(frozen=True, slots=True)
class CourseView:
    """What one rater met; ``rater`` "" for nobody."""

    rater: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportView:
    """A report as far as it is computed. ``source``: the project or file it is of."""

    source: str
    report: StudyReport
    whole: bool = False
