"""Listening: the whole speech, from the cross-hair on, or its important part only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Slot

from sier_gui.core.domain import FloatArray
from sier_gui.core.errors import SierError
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sier_gui.core.audio.devices import Playback

MUTED_BELOW = 30  # percentile of the segments' signed values (explain.md §4)


class PlayWorkflow(QObject):
    """One loudspeaker, opened at the first need; its absence is explained and stops nothing else."""

    def __init__(self, context: Context, playback: Playback | None = None) -> None:
        super().__init__(context.window)
        self._context = context
        self._playback = playback
        for action_id, handler in (
            ("play.toggle", self.toggle),
            ("play.from_here", self.from_here),
            ("play.important", self.important),
            ("play.stop", self.stop),
        ):
            context.actions.bind(action_id, handler)
        context.state.row_changed.connect(self.stop)
        context.state.sample_changed.connect(self.stop)

    @Slot()
    def toggle(self) -> None:
        """Stop what plays; else play from the play-head, which waits where somebody clicked, or the start."""
        if self._playback is not None and self._playback.playing:
            self.stop()
        else:
            self._play(self._speech(), max(self._context.state.playhead, 0.0))

    @Slot()
    def from_here(self) -> None:
        """From the cross-hair, else from the play-head, else from the start."""
        state = self._context.state
        seconds = state.hover.seconds if state.hover.seconds is not None else max(state.playhead, 0.0)
        self._play(self._speech(), seconds)

    @Slot()
    def important(self) -> None:
        state = self._context.state
        attribution, view = state.attribution, state.sample
        if attribution is None or view is None or view.speech is None:
            return
        target = state.target if state.target in attribution.classes else None
        values = attribution.speech(target)
        self._play(important_part(view.speech, view.rate, attribution.segment_edges_s, values), 0.0)

    @Slot()
    def stop(self) -> None:
        if self._playback is not None:
            self._playback.stop()
        if self._context.state.playhead >= 0:
            self._context.state.set_playhead(-1.0)

    def _speech(self) -> FloatArray | None:
        view = self._context.state.sample
        return view.speech if view is not None else None

    def _play(self, speech: FloatArray | None, start_s: float) -> None:
        view = self._context.state.sample
        if speech is None or view is None:
            return
        if self._playback is None:
            from sier_gui.gui.audio_device import DevicePlayback

            self._playback = DevicePlayback(self)
        try:
            self._playback.play(
                speech,
                view.rate,
                start_s=start_s,
                on_position=self._on_position,
                on_finished=self._on_finished,
            )
        except SierError as error:
            self._context.messages.error(error)
            return
        self._context.state.set_playhead(start_s)

    def _on_position(self, seconds: float) -> None:
        """Called on the GUI thread by our playback."""
        self._context.state.set_playhead(seconds)

    def _on_finished(self) -> None:
        self._context.state.set_playhead(-1.0)


def important_part(
    speech: FloatArray, rate: int, edges_s: NDArray[np.float64], values: NDArray[np.float64]
) -> FloatArray:
    """``speech`` (n,) silent in the segments strictly below the 30th percentile of ``values``."""
    heard = np.array(speech, copy=True)
    threshold = np.percentile(values, MUTED_BELOW)
    for start, end, value in zip(edges_s[:-1], edges_s[1:], values, strict=True):
        if value < threshold:
            heard[round(start * rate) : round(end * rate)] = 0
    return heard
