"""A study to try alone: the demo set, its stand-in readers, and 29 simulated raters; one cell is free."""

from __future__ import annotations

from collections.abc import Sequence

from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.paths import resources
from sier_gui.core.study import protocol as protocols
from sier_gui.core.study.design import Design, draw_items, new_study
from sier_gui.core.study.importing import import_recordings
from sier_gui.core.study.items import Candidate
from sier_gui.core.study.project import Project
from sier_gui.core.study.reading import prompts_of
from sier_gui.core.study.records import Reader, Sex
from sier_gui.core.study.simulation import Effects, paper_shares, simulate, simulated_raters
from sier_gui.core.tasks import CancelToken, Report, silent

CAST = {Sex.FEMALE: "standin-female", Sex.MALE: "standin-male"}
COLUMNS = {Sex.FEMALE: "human_female", Sex.MALE: "human_male"}


def make_demo(project: Project, *, report: Report = silent, token: CancelToken | None = None) -> Design:
    """Fill an empty project: protocol, items, the stand-ins' recordings of them, all cells but one answered.

    Simulated raters' true accuracy in each cell is the paper's Table 1; their pseudonyms say what they are.

    Raises
    ------
    SierError : the project cannot be written, or has answers.
    """
    catalogue = open_dataset(resources() / "demo")
    new_study(project, catalogue, protocols.text_of("default"))
    for sex, name in CAST.items():
        project.add_reader(Reader(name, sex, language="en", stand_in=True))
    candidates = _candidates(catalogue)
    gold = _gold(candidates)
    design = draw_items(project, candidates, CAST, gold)
    _import(project, catalogue, design, report, token)
    _answer(project, design)
    return design


def _candidates(catalogue: Catalogue) -> list[Candidate]:
    """The dataset's own columns say which samples both stand-ins have said."""
    both = frozenset(CAST.values())
    columns = [catalogue.column(name) for name in ("sample_id", "label", *COLUMNS.values())]
    return [
        Candidate(str(name), str(label), True, True, both if female and male else frozenset())
        for name, label, female, male in zip(*columns, strict=True)
    ]


def _gold(candidates: Sequence[Candidate]) -> set[str]:
    """No pilot has judged the demo set: one sample of each class stands for what a pilot would name."""
    last = {candidate.label: candidate.sample_id for candidate in candidates}
    return set(last.values())


def _import(
    project: Project, catalogue: Catalogue, design: Design, report: Report, token: CancelToken | None
) -> None:
    wanted = {item.sample_id for item in design.items}
    prompts = [prompt for prompt in prompts_of(catalogue) if prompt.sample_id in wanted]
    for sex, name in CAST.items():
        rows = [catalogue.row_of(sample) for sample in sorted(wanted)]
        files = [catalogue.root / str(catalogue.cell(row, COLUMNS[sex])) for row in rows]
        done = import_recordings(project, name, files, prompts, report=report, token=token)
        for take, _verdict in done.takes:
            project.accept_take(name, take.sample_id, take.number)


def _answer(project: Project, design: Design) -> None:
    """All simulated raters but the last, whose cell is the visitor's."""
    voices = {(human, sex): CAST[sex] if human else "synthetic" for sex in Sex for human in (True, False)}
    said = simulate(
        design.protocol, design.items, design.classes, paper_shares(design.classes), design.protocol.seed,
        Effects(), voices,
    )  # fmt: skip
    *raters, last = simulated_raters(design.protocol)
    for rater in raters:
        project.add_rater(rater)
    project.add_simulated([response for response in said if response.rater != last.rater])
