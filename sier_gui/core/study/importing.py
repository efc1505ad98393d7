"""Recordings made elsewhere become takes of a project, with the same checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sier_gui.core.audio.capture import RATE
from sier_gui.core.audio.files import Audio, read_audio, resample
from sier_gui.core.errors import SierError
from sier_gui.core.study.project import Project
from sier_gui.core.study.records import Take
from sier_gui.core.study.takes import Prompt, SessionFacts, keep_part, next_part, told_errors, wav_hash
from sier_gui.core.study.verdicts import Verdict, clipped_runs
from sier_gui.core.tasks import CancelToken, Progress, Report, silent


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an import.

    Attributes
    ----------
    takes : new ones, with their verdicts.
    known : files whose sound was imported before.
    unmatched : files that no sample's id fits.
    failed : files that cannot be read, with the reason.
    """

    takes: list[tuple[Take, Verdict]]
    known: list[Path]
    unmatched: list[Path]
    failed: list[tuple[Path, str]]


def import_recordings(
    project: Project,
    reader: str,
    files: Iterable[Path],
    prompts: Sequence[Prompt],
    *,
    report: Report = silent,
    token: CancelToken | None = None,
) -> Imported:
    """Copy recordings into the project as takes, with the same checks as for recorded ones.

    A file belongs to the sample whose id its name is (without suffix); where no id fits exactly, case is
    ignored. Files become 48 kHz mono 24-bit WAV; several channels are averaged. The originals stay untouched;
    none of the takes is accepted yet; a sound that was imported before is not imported again.

    Raises
    ------
    SierError : the project cannot be written; nothing that was imported before is lost.
    """
    exact = {prompt.sample_id: prompt for prompt in prompts}
    folded = _unambiguous(prompts)
    result = Imported([], [], [], [])
    paths = sorted(Path(file) for file in files)
    for done, path in enumerate(paths):
        if token is not None:
            token.check()
        report(Progress(done, len(paths), path.name))
        prompt = exact.get(path.stem) or folded.get(path.stem.casefold())
        if prompt is None:
            result.unmatched.append(path)
            continue
        try:
            audio = read_audio(path)
        except SierError as error:
            result.failed.append((path, error.message))
            continue
        _import(project, reader, path, prompt, audio, result)
    report(Progress(len(paths), len(paths)))
    return result


def _import(
    project: Project, reader: str, path: Path, prompt: Prompt, audio: Audio, result: Imported
) -> None:
    mono = resample(audio.samples.mean(axis=1, dtype=np.float32), audio.rate, RATE)
    digest = wav_hash(mono, RATE)
    if any(take.sha256 == digest for take in project.takes(reader, prompt.sample_id)):
        result.known.append(path)
        return
    # in the original: resampling and averaging round flat tops off
    clipped = max(clipped_runs(channel) for channel in audio.samples.T)
    facts = SessionFacts(reader, "imported", RATE)
    with told_errors(project.folder):
        file = next_part(project, reader, prompt.sample_id, RATE)
        try:
            file.write(mono)
            kept = keep_part(project, facts, prompt, file, source=path.name, clipped=clipped)
        except BaseException:
            file.discard()
            raise
    result.takes.append(kept)


def _unambiguous(prompts: Sequence[Prompt]) -> dict[str, Prompt]:
    found: dict[str, Prompt | None] = {}
    for prompt in prompts:
        key = prompt.sample_id.casefold()
        found[key] = None if key in found else prompt
    return {key: prompt for key, prompt in found.items() if prompt is not None}
