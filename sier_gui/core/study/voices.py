"""Who else says what a sample says: other voices in its row of the table, and readers of a study project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sier_gui.core.audio.files import read_audio, resample
from sier_gui.core.dataset.inspection import SOUNDS
from sier_gui.core.domain import FloatArray, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.paths import is_project
from sier_gui.core.study.project import open_project


@dataclass(frozen=True, slots=True)
class Voice:
    """One recording of a sample's text; ``end_s`` 0: to its end. ``name``: the column, or the reader."""

    name: str
    path: Path
    start_s: float = 0.0
    end_s: float = 0.0


def other_voices(
    sample: Sample, root: Path | None, project: Path | None = None, dataset_hash: str = ""
) -> list[Voice]:
    """Sound files named in the sample's further columns, then accepted takes of the study's readers.

    Parameters
    ----------
    root : the dataset's folder; files outside it are passed over, as are those that are not there.
    project : a study's folder, asked only where the study is about the dataset of ``dataset_hash``.

    Raises
    ------
    SierError : the project cannot be read.
    """
    found = [] if root is None else _of_columns(sample, root.resolve())
    if project is None or not is_project(project):
        return found
    with open_project(project, read_only=True) as study:
        if study.fact("dataset_hash") == dataset_hash:
            found += [
                Voice(reader, study.folder / take.path, take.start_s, take.end_s)
                for (reader, of), take in sorted(study.accepted_takes().items())
                if of == sample.sample_id
            ]
    return found


def _of_columns(sample: Sample, root: Path) -> list[Voice]:
    own = {path.resolve() for path in sample.paths.values()}
    found = []
    for column, cell in sample.extra.items():
        if Path(cell).suffix.lower() not in SOUNDS:
            continue
        path = (root / cell).resolve()
        if path.is_relative_to(root) and path.is_file() and path not in own:
            found.append(Voice(column, path))
    return found


def load_voice(voice: Voice, rate: int) -> FloatArray:
    """Mono at ``rate`` Hz, as it was trimmed: float32 (n,).

    Raises
    ------
    SierError : as `read_audio`, or nothing is left of it.
    """
    audio = read_audio(voice.path)
    end = round(voice.end_s * audio.rate) if voice.end_s else len(audio.samples)
    part = audio.samples[round(voice.start_s * audio.rate) : end]
    if not len(part):
        raise SierError(f"{voice.path} has nothing between its trims.", "Trim it again in Record.")
    return resample(part.mean(axis=1, dtype="float32"), audio.rate, rate)
