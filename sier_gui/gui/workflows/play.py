"""Listening: the whole speech or a part of it, once or again and again, by the own voice or another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from sier_gui.core.audio import listening
from sier_gui.core.domain import FloatArray, Modality, Selection
from sier_gui.core.errors import SierError
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.voices import Voices

if TYPE_CHECKING:
    from sier_gui.core.audio.devices import Playback

LOOP_S = 60.0  # a loop is written out for so long at a time, without a gap
WHOLE, SELECTION, IMPORTANT, UNIMPORTANT, REST = "whole", "selection", "important", "unimportant", "rest"


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound (n,) to listen to; its second t lies at ``offset_s + t / stretch`` of the speech on show."""

    kind: str
    sound: FloatArray
    rate: int
    offset_s: float = 0.0
    stretch: float = 1.0

    @property
    def duration_s(self) -> float:
        return len(self.sound) / self.rate

    def on_show(self, seconds: float) -> float:
        """Where the play-head is; a loop comes back."""
        if seconds > self.duration_s:
            seconds %= self.duration_s
        return self.offset_s + seconds / self.stretch

    def within(self, on_show: float) -> float:
        """The other way, at its beginning where that lies outside."""
        seconds = (on_show - self.offset_s) * self.stretch
        return seconds if 0 <= seconds < self.duration_s else 0.0


class PlayWorkflow(QObject):
    """One loudspeaker, opened at the first need; its absence is explained and stops nothing else."""

    def __init__(self, context: Context, playback: Playback | None = None) -> None:
        super().__init__(context.window)
        self._context = context
        self._playback = playback
        self._heard: Heard | None = None  # last
        self._asking: QFileDialog | None = None
        self.voices = Voices(context)
        self.voices.switched.connect(self._on_switched)
        for action_id, handler in (
            ("play.toggle", self.toggle),
            ("play.from_here", self.from_here),
            ("play.selection", self.selection),
            ("play.important", self.important),
            ("play.unimportant", self.unimportant),
            ("play.rest", self.rest),
            ("play.compare", self.voices.switch),
            ("play.loop", self.loop),
            ("play.save", self.ask_where),
            ("play.stop", self.stop),
        ):
            context.actions.bind(action_id, handler)
        for signal in (context.state.row_changed, context.state.sample_changed, context.state.held_changed):
            signal.connect(self._on_other_sound)

    # ---------------------------------------------------------------- what the user does

    @Slot()
    def toggle(self) -> None:
        """Stop what plays; else play from the play-head, which waits where somebody clicked, or the start."""
        if self._playback is not None and self._playback.playing:
            self.stop()
        else:
            self._play(self._made(WHOLE), max(self._context.state.playhead, 0.0))

    @Slot()
    def from_here(self) -> None:
        """From the cross-hair, else from the play-head, else from the start."""
        state = self._context.state
        seconds = state.hover.seconds if state.hover.seconds is not None else max(state.playhead, 0.0)
        self._play(self._made(WHOLE), seconds)

    @Slot()
    def selection(self) -> None:
        self._play(self._made(SELECTION))

    @Slot()
    def important(self) -> None:
        self._play(self._made(IMPORTANT))

    @Slot()
    def unimportant(self) -> None:
        self._play(self._made(UNIMPORTANT))

    @Slot()
    def rest(self) -> None:
        """What is left once the selection, and what was taken away, are silent."""
        self._play(self._made(REST))

    @Slot(bool)
    def loop(self, _on: bool) -> None:
        """What plays goes on where it is, from now on once or again and again."""
        if self._playback is not None and self._playback.playing:
            self._play(self._heard, self._context.state.playhead)

    @Slot()
    def stop(self) -> None:
        if self._playback is not None:
            self._playback.stop()
        if self._context.state.playhead >= 0:
            self._context.state.set_playhead(-1.0)

    @Slot()
    def _on_other_sound(self) -> None:
        self._heard = None
        self.stop()
        self._context.state.set_heard("")

    @Slot()
    def _on_switched(self) -> None:
        """The other voice goes on at the same place; parts that an explanation knows are the own voice's."""
        state = self._context.state
        kind = self._heard.kind if self._heard is not None else WHOLE
        self._play(self._made(kind if kind == SELECTION else WHOLE), max(state.playhead, 0.0))

    # ---------------------------------------------------------------- what is heard

    def _made(self, kind: str) -> Heard | None:
        """``kind`` of the speech on show, by the voice that is heard; None where there is nothing of it."""
        view, source = self._context.state.shown(Modality.SPEECH), self.voices.current
        if view is None or view.speech is None or source is None:
            return None
        if kind in (IMPORTANT, UNIMPORTANT, REST):
            sound = self._muted(kind, view.speech, view.rate)
            return None if sound is None else Heard(kind, sound, view.rate)
        whole = Heard(kind, source.sound, view.rate, stretch=source.stretch)
        if kind == WHOLE:
            return whole
        selection = self._selection()
        if selection is None:
            return None
        start, end = selection.start_s * source.stretch, selection.end_s * source.stretch
        part = listening.selected(source.sound, view.rate, replace(selection, start_s=start, end_s=end))
        return replace(whole, sound=part, offset_s=selection.start_s)

    def _muted(self, kind: str, speech: FloatArray, rate: int) -> FloatArray | None:
        state = self._context.state
        if kind == REST:
            selected = self._selection()
            return listening.without(speech, rate, [*state.removals, *([selected] if selected else [])])
        attribution = state.attribution
        if attribution is None or state.holds(Modality.SPEECH):
            return None
        target = state.target if state.target in attribution.classes else None
        kept = listening.important(attribution.speech(target))
        kept = kept if kind == IMPORTANT else ~kept
        return listening.segments(speech, rate, attribution.segment_edges_s, kept)

    def _selection(self) -> Selection | None:
        selection = self._context.state.selection
        return selection if selection is not None and selection.modality is Modality.SPEECH else None

    def _play(self, heard: Heard | None, on_show: float = 0.0) -> None:
        """From ``on_show`` seconds of the speech on show."""
        if heard is None or not len(heard.sound):
            return
        start_s, sound = heard.within(on_show), heard.sound
        if self._context.actions.action("play.loop").isChecked():
            sound = listening.looped(sound, heard.rate, LOOP_S)
        self._heard = heard
        if not self._started(listening.begun(sound, heard.rate, start_s), heard.rate, start_s):
            return
        self._context.state.set_heard(self.voices.text() if heard.kind in (WHOLE, SELECTION) else "")
        self._context.state.set_playhead(heard.on_show(start_s))

    def _started(self, sound: FloatArray, rate: int, start_s: float) -> bool:
        if self._playback is None:
            from sier_gui.gui.audio_device import DevicePlayback

            self._playback = DevicePlayback(self)
        try:
            self._playback.play(
                sound,
                rate,
                start_s=start_s,
                on_position=self._on_position,
                on_finished=self._on_finished,
                on_lost=self._on_lost,
            )
        except SierError as error:
            self._context.messages.error(error)
            return False
        return True

    def _on_position(self, seconds: float) -> None:
        """Called on the GUI thread by our playback."""
        if self._heard is not None:
            self._context.state.set_playhead(self._heard.on_show(seconds))

    def _on_finished(self) -> None:
        if self._context.actions.action("play.loop").isChecked():
            self._play(self._heard)
        else:
            self._context.state.set_playhead(-1.0)

    def _on_lost(self, error: SierError) -> None:
        self._context.state.set_playhead(-1.0)
        self._context.messages.error(error)

    # ---------------------------------------------------------------- kept as a file

    @Slot()
    def ask_where(self) -> None:
        """Where to save what was heard last, else the whole speech."""
        view, heard = self._context.state.shown(Modality.SPEECH), self._heard or self._made(WHOLE)
        if view is None or heard is None:
            return
        dialog = self._asking = QFileDialog(self._context.window, "Save what is heard")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["Sound (*.wav)"])
        dialog.setDefaultSuffix("wav")
        dialog.selectFile(f"{Path(view.sample.sample_id).name}-{heard.kind}.wav")
        dialog.fileSelected.connect(self.save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def save(self, file: str) -> None:
        """Write what was heard last, once, as WAV: whole or not at all."""
        from sier_gui.core.audio.files import Audio, write_wav

        heard, target = self._heard or self._made(WHOLE), Path(file)
        if heard is None:
            return
        try:
            write_wav(target, Audio(heard.sound[:, None], heard.rate))
        except SierError as error:
            self._context.messages.error(error)
            return
        self._context.messages.info(f"Wrote {target.name}.", f"In {target.parent}.")
