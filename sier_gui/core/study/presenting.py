"""What raters see and hear, from a project and its dataset: clips to prepare, trials without labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.audio.files import Audio, read_audio, write_wav
from sier_gui.core.domain import Modality as Sense
from sier_gui.core.errors import SierError
from sier_gui.core.images.files import read_image
from sier_gui.core.study.assignment import button_order
from sier_gui.core.study.design import VOICES, Design
from sier_gui.core.study.project import Project
from sier_gui.core.study.project.people import CHECKS, SPOKEN, STIMULI, SYNTHETIC
from sier_gui.core.study.project.sidecars import file_hash, sample_folder
from sier_gui.core.study.records import (
    BlindTrial,
    Kind,
    Modality,
    Rater,
    Rationale,
    Sex,
    StimulusRules,
    Trial,
)
from sier_gui.core.study.stimuli import MANIFEST, Clip, human_clips, prepare
from sier_gui.core.study.words import words
from sier_gui.core.tasks import CancelToken, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue

_PREPARED = "stimuli"  # the project's fact that says what was prepared
_FORM = 2  # of the manifest: it says where each stimulus begins
Speak = Callable[[str], Audio]


class Presenter:
    """Stimuli of one study, prepared before the first session.

    Parameters
    ----------
    speak : says a sentence (for spoken traps); None where there is no synthesizer: then traps are written.
    """

    def __init__(
        self, project: Project, design: Design, catalogue: Catalogue, speak: Speak | None = None
    ) -> None:
        self._project, self._design, self._catalogue = project, design, catalogue
        self._speak = speak
        self._words = words(design.protocol.language)
        self.folder = project.folder / STIMULI
        self._matched = set(VOICES.values()) <= set(catalogue.columns)
        self._begin: dict[tuple[str, str], float] | None = None

    # ---------------------------------------------------------------- beforehand

    def prepare(self, *, report: Report = silent, token: CancelToken | None = None) -> int:
        """Write what is not there as the protocol wants it; returns how many stimuli were written.

        Raises
        ------
        SierError : no items are drawn, or an original is missing, broken or silent.
        """
        if not self._design.items:
            raise SierError(
                "The study has no items yet.", "Record both readers, then draw: Study, Draw the Items."
            )
        clips = [*self._human(), *self._synthetic(), *self._spoken_traps()]
        rules = self._design.protocol.stimuli
        wanted = _digest(clips, rules)
        files = [self.folder / clip.owner / f"{sample_folder(clip.sample_id)}.wav" for clip in clips]
        if self._project.fact(_PREPARED) == wanted and all(file.is_file() for file in files):
            return 0
        made = prepare(clips, rules, self.folder, report=report, token=token)
        self._begin = None
        self._project.set_fact(_PREPARED, wanted)
        return len(made)

    def _human(self) -> Iterator[Clip]:
        wanted = {item.sample_id for item in self._design.items}
        cast = set(self._design.cast.values())
        return (c for c in human_clips(self._project) if c.sample_id in wanted and c.owner in cast)

    def _synthetic(self) -> Iterator[Clip]:
        """One source for each synthetic voice, where the dataset names it."""
        speakers = "speaker" in self._catalogue.columns
        for sample in sorted({item.sample_id for item in self._design.items}):
            row = self._catalogue.row_of(sample)
            voice = str(self._catalogue.cell(row, "speaker")) if speakers else SYNTHETIC
            if not self._matched:
                path = self._catalogue.sample(row).paths[Sense.SPEECH]
                yield Clip(SYNTHETIC, f"{SYNTHETIC}/{voice}", sample, path)
                continue
            for sex, column in VOICES.items():
                path = self._catalogue.root / str(self._catalogue.cell(row, column))
                yield Clip(f"{SYNTHETIC}-{sex}", f"{SYNTHETIC}-{sex}/{voice}", sample, path)

    def _spoken_traps(self) -> Iterator[Clip]:
        if self._speak is None or not self._design.protocol.items.traps:
            return
        for label in self._design.classes:
            path = self.folder / SPOKEN / f"{sample_folder(label)}.wav"  # before levelling
            if not path.is_file():
                write_wav(path, self._speak(self._words.trap.format(answer=label)))
            yield Clip(CHECKS, CHECKS, label, path)

    # ---------------------------------------------------------------- one trial

    def voice(self, trial: Trial) -> str:
        """Who speaks, for the CSV's column ``reader``; "" without sound."""
        if trial.sex is None:
            return ""
        if trial.modality.human:
            return self._design.cast[trial.sex]
        return f"{SYNTHETIC}-{trial.sex}" if self._matched else SYNTHETIC

    def blind(self, trial: Trial, rater: Rater, number: int, of: int) -> BlindTrial:
        """What the rater's screen is given: decoded, without anything that says what it is.

        Raises
        ------
        SierError : a file is missing or broken.
        """
        picture, sound, instruction = None, None, ""
        if trial.kind is Kind.TRAP:
            path = self._stimulus(CHECKS, trial.label)
            if trial.modality.sound and path.is_file():
                sound = read_audio(path)
            else:
                instruction = self._words.trap.format(answer=trial.label)
        else:
            if trial.modality.picture:
                row = self._catalogue.row_of(trial.sample_id)
                picture = read_image(self._catalogue.sample(row).paths[Sense.IMAGE])
            if trial.modality.sound:
                sound = read_audio(self._stimulus(self.voice(trial), trial.sample_id))
        return BlindTrial(
            number=number,
            of=of,
            practice=trial.kind is Kind.PRACTICE,
            block=trial.block,
            answers=button_order(self._design.classes, rater.number),
            picture=picture,
            sound=None if sound is None else sound.samples,
            rate=0 if sound is None else sound.rate,
            instruction=instruction,
            mark=self._design.protocol.trial.rationale and trial.kind is not Kind.TRAP,
        )

    def located(self, trial: Trial, rationale: Rationale | None) -> Rationale | None:
        """What was marked in seconds of the stimulus, in seconds of the recording that it was cut from.

        None where nothing was marked.

        Raises
        ------
        SierError : it is not known where the stimulus begins.
        """
        if not rationale:
            return None
        shift = self._starts().get((self.voice(trial), trial.sample_id), 0.0) if rationale.spans else 0.0
        return replace(rationale, spans=tuple((shift + a, shift + b) for a, b in rationale.spans))

    def _starts(self) -> dict[tuple[str, str], float]:
        """By owner and sample: where its stimulus begins in the original."""
        if self._begin is None:
            file = self.folder / MANIFEST
            try:
                rows = json.loads(file.read_text(encoding="utf-8"))["stimuli"]
                self._begin = {(row["owner"], row["sample_id"]): float(row["start_s"]) for row in rows}
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise SierError(f"Cannot read {file}: {error}.", "Open the study again.") from error
        return self._begin

    def loudness_example(self) -> Audio | None:
        """A recording to set the volume by: of a practice item, whose answer does not count."""
        practice = [item for item in self._design.items if item.kind is Kind.PRACTICE]
        if not practice:
            return None
        trial = Trial(
            0, 0, Modality.SS.block, Kind.PRACTICE, -1, practice[0].sample_id, "", Modality.SS, Sex.FEMALE
        )
        return read_audio(self._stimulus(self.voice(trial), practice[0].sample_id))

    def _stimulus(self, owner: str, sample: str) -> Path:
        return self.folder / owner / f"{sample_folder(sample)}.wav"


def _digest(clips: Sequence[Clip], rules: StimulusRules) -> str:
    """Changes with any original, trim or rule."""
    each = [
        [c.owner, c.source, c.sample_id, c.start_s, c.end_s, file_hash(c.path)]
        for c in sorted(clips, key=lambda c: (c.owner, c.sample_id))
    ]
    return hashlib.sha256(json.dumps([_FORM, asdict(rules), each]).encode()).hexdigest()
