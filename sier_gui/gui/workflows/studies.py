"""Opening a study on the keeper's thread, and what the experimenter sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.workflows.rating import Study

if TYPE_CHECKING:
    from sier_gui.core.study.presenting import Speak
    from sier_gui.core.study.project import Project
    from sier_gui.core.study.records import Rater
    from sier_gui.gui.modes.study.facts import CourseView, DeskView


@dataclass(frozen=True, slots=True)
class Opened:
    """``own``: opened here; Record mode's is only looked at and closed there."""

    study: Study
    own: bool


def prepared(project: Project, demo: bool, report: Report, token: CancelToken) -> Study:
    """The project's study, its stimuli ready where items are drawn; with ``demo`` it is made first, once."""
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.study.demo import make_demo
    from sier_gui.core.study.design import load_design
    from sier_gui.core.study.presenting import Presenter

    if demo and not project.fact("items"):
        make_demo(project, report=report, token=token)
    design = load_design(project)
    presenter = Presenter(project, design, open_dataset(Path(design.dataset)), _speaker())
    if design.items:
        presenter.prepare(report=report, token=token)
    return Study(project, design, presenter)


def _speaker() -> Speak | None:
    """What says the spoken traps; None where no synthesizer is installed."""
    from sier_gui.core.construct.synthesizers import SYNTHESIZERS, Prosody

    found = next((s for s in SYNTHESIZERS.values() if s.available()), None)
    if found is None:
        return None
    return lambda text: found.speak(text, found.default_voice, Prosody())


def new_rater(project: Project, name: str) -> Rater:
    """Raises `SierError` where the pseudonym cannot be one, is taken, or belongs to who withdrew."""
    from sier_gui.core.errors import SierError
    from sier_gui.core.study.project.people import pseudonym
    from sier_gui.core.study.records import SIMULATED, Rater

    known = pseudonym(name, "rater")
    if known.casefold().startswith(SIMULATED):
        raise SierError(f"Names that begin with {SIMULATED} are programs'.", "Choose another pseudonym.")
    if project.rater(known) is not None:
        raise SierError(f"A rater called {known} is enrolled.", "Go on as that rater, or choose another.")
    if project.withdrawn("rater", known):
        raise SierError(f"The rater {known} has withdrawn from this project.", "Choose another pseudonym.")
    return Rater(known)


def desk_of(study: Study) -> DeskView:
    """How far the study is, and who is next."""
    from sier_gui.core.study.design import status
    from sier_gui.gui.modes.study.facts import DeskView

    return DeskView(
        folder=str(study.project.folder),
        status=status(study.project, study.design),
        protocol=study.design.protocol,
        classes=len(study.design.classes),
        sexes={reader.reader: str(reader.sex) for reader in study.project.readers()},
        notices=tuple(study.project.notices),
    )


def course_of(study: Study, name: str) -> CourseView:
    """What a rater met, trial by trial; nothing where there is no such rater (any more)."""
    from sier_gui.core.study.progress import course
    from sier_gui.gui.modes.study.facts import CourseView

    rater = study.project.rater(name)
    return CourseView(name, course(study.project, study.design, rater)) if rater else CourseView()
