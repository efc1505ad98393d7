"""A study to try alone: the demo set, its stand-in readers, and 29 simulated raters; one cell is free."""

from __future__ import annotations

from collections.abc import Sequence

from sier_gui.core.audio.files import read_audio
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.evidence import read_evidence
from sier_gui.core.domain import Modality as Sense
from sier_gui.core.images.files import picture_size
from sier_gui.core.paths import resources
from sier_gui.core.study import protocol as protocols
from sier_gui.core.study.design import Design, draw_items, new_study
from sier_gui.core.study.importing import import_recordings
from sier_gui.core.study.items import Candidate
from sier_gui.core.study.marking import Place, mark_all
from sier_gui.core.study.project import Project
from sier_gui.core.study.project.people import SYNTHETIC
from sier_gui.core.study.reading import prompts_of
from sier_gui.core.study.records import Reader, Sex, Span
from sier_gui.core.study.simulation import Effects, paper_shares, simulate, simulated_raters
from sier_gui.core.tasks import CancelToken, Report, silent

CAST = {Sex.FEMALE: "standin-female", Sex.MALE: "standin-male"}
COLUMNS = {Sex.FEMALE: "human_female", Sex.MALE: "human_male"}


def make_demo(
    project: Project,
    protocol: str = "default",
    *,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Design:
    """Fill an empty project: protocol, items, the stand-ins' recordings of them, all cells but one answered.

    Simulated raters' true accuracy in each cell is the paper's Table 1; their pseudonyms say what they are.
    Where the protocol (a shipped one, or a file) asks for marks, they mark near the demo's planted evidence.

    Raises
    ------
    SierError : the project cannot be written, or has answers; no such protocol.
    """
    catalogue = open_dataset(resources() / "demo")
    new_study(project, catalogue, protocols.text_of(protocol))
    for sex, name in CAST.items():
        project.add_reader(Reader(name, sex, language="en", stand_in=True))
    candidates = _candidates(catalogue)
    gold = _gold(candidates)
    design = draw_items(project, candidates, CAST, gold)
    _import(project, catalogue, design, report, token)
    _answer(project, catalogue, design)
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


def _answer(project: Project, catalogue: Catalogue, design: Design) -> None:
    """All simulated raters but the last, whose cell is the visitor's."""
    voices = {(human, sex): CAST[sex] if human else "synthetic" for sex in Sex for human in (True, False)}
    said = simulate(
        design.protocol, design.items, design.classes, paper_shares(design.classes), design.protocol.seed,
        Effects(), voices,
    )  # fmt: skip
    if design.protocol.trial.rationale:
        said = mark_all(said, _places(project, catalogue, design), design.protocol.seed)
    *raters, last = simulated_raters(design.protocol)
    for rater in raters:
        project.add_rater(rater)
    project.add_simulated([response for response in said if response.rater != last.rater])


def _places(project: Project, catalogue: Catalogue, design: Design) -> dict[tuple[str, str], Place]:
    """Where the planted evidence lies, by sample and voice; "" for trials without sound.

    It is known of the samples' own speech; a stand-in says the same words in about the same proportions.
    """
    evidence, takes, found = read_evidence(catalogue.root), project.accepted_takes(), {}
    for name in {item.sample_id for item in design.items} & set(evidence):
        planted, paths = evidence[name], catalogue.sample(catalogue.row_of(name)).paths
        width, height = picture_size(paths[Sense.IMAGE])
        box = None
        if planted.box is not None:
            left, top, right, bottom = planted.box
            box = left / width, top / height, right / width, bottom / height
        seconds = read_audio(paths[Sense.SPEECH]).duration_s
        for voice in ("", SYNTHETIC):
            found[name, voice] = Place(box, planted.span, (0.0, seconds))
        for reader in CAST.values():
            take = takes[reader, name]
            heard = take.start_s, take.end_s or take.duration_s
            found[name, reader] = Place(box, _stretched(planted.span, seconds, heard), heard)
    return found


def _stretched(span: Span | None, seconds: float, onto: Span) -> Span | None:
    """A span of a recording of ``seconds``, in the same place of another one."""
    if span is None:
        return None
    scale = (onto[1] - onto[0]) / seconds
    return onto[0] + span[0] * scale, min(onto[0] + span[1] * scale, onto[1])
