"""What a release answers to the study's items, shown as raters are shown them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.audio.files import load_speech
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.dataset.inputs import inputs_from
from sier_gui.core.domain import Modality as Sense
from sier_gui.core.domain import SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image
from sier_gui.core.nets.training.learnt import test_rows
from sier_gui.core.study.network import Learnt, NetworkAnswers
from sier_gui.core.study.records import Modality, Take
from sier_gui.core.study.responses import TABLE_KINDS
from sier_gui.core.tasks import CancelToken, Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release
    from sier_gui.core.study.design import Design


def predict_study(
    predictor: Predictor,
    design: Design,
    takes: Mapping[tuple[str, str], Take],
    folder: Path,
    *,
    report: Report = silent,
    token: CancelToken | None = None,
) -> NetworkAnswers:
    """`predict_items` for all items of a study that may enter Table 1; ``takes`` and ``folder`` as there.

    Raises
    ------
    SierError : as `predict_items`, or the dataset cannot be opened.
    """
    samples = [item.sample_id for item in design.items if item.kind in TABLE_KINDS]
    return predict_items(
        predictor,
        open_dataset(Path(design.dataset)),
        samples,
        takes,
        folder,
        report=report,
        token=token,
    )


def learnt_of(release: Release, design: Design) -> Learnt:
    """Which samples of the study's dataset the release's network has learnt from, by what the release says.

    Raises
    ------
    SierError : the dataset cannot be opened.
    """
    training = release.config.get("training", {})
    if release.dataset_hash is None and not training.get("dataset"):
        return Learnt(why="it does not say what it was trained on")
    catalogue = open_dataset(Path(design.dataset))
    if release.dataset_hash != catalogue.dataset_hash:
        if training.get("dataset") == catalogue.name:
            return Learnt(why=f"it was trained on another state of {catalogue.name}")
        name = training.get("dataset") or "other data"
        return Learnt(why=f"it was trained on {name}, which may hold some of them")
    ids, labels = catalogue.column("sample_id"), catalogue.column("label")
    rows = {row for row in range(len(catalogue)) if labels[row] in release.classes}
    unlearnt = test_rows(catalogue, release)
    if unlearnt is None and training.get("run", {}).get("fit", "train") != "all":
        return Learnt(why=f"it was trained on {catalogue.name}, but not on which part of it")
    left = set() if unlearnt is None else set(unlearnt.tolist())
    return Learnt(frozenset(str(ids[row]) for row in rows - left))


def predict_items(
    predictor: Predictor,
    catalogue: Catalogue,
    samples: Sequence[str],
    takes: Mapping[tuple[str, str], Take],
    folder: Path,
    *,
    report: Report = silent,
    token: CancelToken | None = None,
) -> NetworkAnswers:
    """The release's class for each sample in each modality; for human speech one for each reader's take.

    What a modality lacks is a black picture or silence, as in the rest of the program. A modality of which
    the network looks at nothing has no answer.

    Parameters
    ----------
    takes : accepted ones by (reader, sample id), their paths below ``folder``.

    Raises
    ------
    SierError : a sample is not in the dataset, or a file cannot be read.
    """
    spoken: dict[str, list[Take]] = defaultdict(list)
    for (_reader, sample), take in takes.items():
        spoken[sample].append(take)
    answers: dict[tuple[str, Modality], tuple[str, ...]] = {}
    for done, name in enumerate(samples):
        if token is not None:
            token.check()
        report(Progress(done, len(samples), name))
        shown = _shown(predictor, catalogue, name, spoken[name], folder)
        usable = [(modality, inputs) for modality, inputs in shown if _looks_at(predictor, inputs)]
        for (modality, _), prediction in zip(
            usable, predictor.predict([inputs for _, inputs in usable]), strict=True
        ):
            answers[name, modality] = (*answers.get((name, modality), ()), prediction.predicted)
    report(Progress(len(samples), len(samples)))
    return answers


def _shown(
    predictor: Predictor, catalogue: Catalogue, name: str, takes: Sequence[Take], folder: Path
) -> list[tuple[Modality, SampleInputs]]:
    sample, front = catalogue.sample(catalogue.row_of(name)), predictor.front
    picture = read_image(sample.paths[Sense.IMAGE])
    synthetic = load_speech(sample.paths[Sense.SPEECH], front.sample_rate)
    shown = [
        (Modality.I, inputs_from(name, picture, None, front)),
        (Modality.SS, inputs_from(name, None, synthetic, front)),
        (Modality.SS_I, inputs_from(name, picture, synthetic, front)),
    ]
    for take in takes:
        speech = load_speech(folder / take.path, front.sample_rate)
        stop = round(take.end_s * front.sample_rate) or len(speech)
        human = speech[round(take.start_s * front.sample_rate) : stop]
        shown.append((Modality.HS, inputs_from(name, None, human, front)))
        shown.append((Modality.HS_I, inputs_from(name, picture, human, front)))
    return shown


def _looks_at(predictor: Predictor, inputs: SampleInputs) -> bool:
    try:
        predictor.check(inputs)
    except SierError:
        return False
    return True
