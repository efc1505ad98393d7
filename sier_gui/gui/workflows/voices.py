"""A and B: the sample's own speech and other voices that say the same, equally loud, at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from sier_gui.core.domain import FloatArray, Modality
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import SampleView
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.study.voices import Voice

KIND = "voices"


@dataclass(frozen=True, slots=True)
class Source:
    """One voice as it is heard: ``sound`` (n,), and how long it lasts beside the sample's own, 1 for that."""

    name: str
    sound: FloatArray
    gain_db: float = 0.0
    stretch: float = 1.0

    @property
    def text(self) -> str:
        """``human_female, +2.1 dB``."""
        gain = f"{self.gain_db:+.1f} dB".replace("-", "−")
        return f"{self.name}, {gain}"


class Voices(QObject):
    """Which of a sample's voices is heard. Others are read when they are first asked for."""

    switched = Signal()
    found = Signal(int)  # how many there are now, the own among them

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._sources: list[Source] = []  # empty: nobody has asked
        self._at = 0
        for signal in (context.state.row_changed, context.state.sample_changed, context.state.held_changed):
            signal.connect(self.forget)

    @Slot()
    def forget(self) -> None:
        self._context.reader.drop(KIND)
        self._sources, self._at = [], 0

    @property
    def current(self) -> Source | None:
        """What is heard: the own speech as it is, until others are compared with it."""
        if self._sources:
            return self._sources[self._at]
        view = self._context.state.shown(Modality.SPEECH)
        return None if view is None or view.speech is None else Source("", view.speech)

    def text(self) -> str:
        """``B · human_female, +2.1 dB``; "" while nothing is compared."""
        if len(self._sources) < 2:
            return ""
        return f"{chr(ord('A') + min(self._at, 25))} · {self._sources[self._at].text}"

    def switch(self) -> None:
        """The next voice; where they are not known yet, once they are."""
        if self._sources:
            self._at = (self._at + 1) % len(self._sources)
            self.switched.emit()
        else:
            self._find()

    def _find(self) -> None:
        state = self._context.state
        view, dataset = state.shown(Modality.SPEECH), state.dataset
        if view is None or view.speech is None:
            return
        project = Path(state.project) if state.project else None
        known = dataset is not None and view.sample.row >= 0
        root, dataset_hash = (dataset.root, dataset.dataset_hash) if known and dataset else (None, "")

        def work(_report: Report, _token: CancelToken) -> list[Source]:
            from sier_gui.core.study.voices import other_voices

            return prepared(view, other_voices(view.sample, root, project, dataset_hash))

        job = self._context.reader.start(KIND, work, Priority.URGENT)
        job.succeeded.connect(self._on_found)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_found(self, sources: list[Source]) -> None:
        if len(sources) < 2:
            self._context.messages.info(
                "Nobody else says what this sample says.",
                "Name sound files in further columns of its table, or record it: View, Record.",
            )
            return
        self._sources, self._at = sources, 0
        self.switch()


def prepared(view: SampleView, voices: Sequence[Voice]) -> list[Source]:
    """The own speech, then ``voices``, all equally loud. Files are only read."""
    from sier_gui.core.audio.listening import matched
    from sier_gui.core.study.voices import load_voice

    assert view.speech is not None
    sounds = [view.speech, *(load_voice(voice, view.rate) for voice in voices)]
    names = ["own speech", *(voice.name for voice in voices)]
    gains = matched(sounds, view.rate) if voices else [0.0]
    return [
        Source(name, (sound * 10 ** (gain / 20)).astype(np.float32), gain, len(sound) / len(view.speech))
        for name, sound, gain in zip(names, sounds, gains, strict=True)
    ]
