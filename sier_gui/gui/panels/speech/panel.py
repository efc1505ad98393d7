"""Joins words and plots to the state, and says in one line what lies under the cross-hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from sier_gui.core.audio.features import log_mel
from sier_gui.core.domain import FrontEnd, Modality, Selection, TimeFrequencyMap
from sier_gui.gui import overlay, selecting
from sier_gui.gui.panels.speech.people import PeopleStrip
from sier_gui.gui.panels.speech.plots import SpeechPlots
from sier_gui.gui.panels.speech.words import HeardRow, WordsRow
from sier_gui.gui.state import AppState, Hover
from sier_gui.gui.widgets import ColourKey, ElidedLabel, LoadingNotice, absent_text

if TYPE_CHECKING:
    from sier_gui.gui.actions import ActionTable
    from sier_gui.gui.state import SampleView

PLAYBACK_ACTIONS = {
    "play.toggle": "Play",
    "play.from_here": "From here",
    "play.selection": "Selection",
    "play.important": "Important",
    "play.unimportant": "Unimportant",
    "play.compare": "A/B",
    "play.loop": "Loop",
}


class SpeechPanel(QWidget):
    """The sound of the current sample, its overlay, and its playback."""

    def __init__(self, state: AppState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._mel: NDArray[np.float32] | None = None
        self._times: TimeFrequencyMap | None = None
        self.words = WordsRow(self)
        self.still_heard = HeardRow(self)
        self.people = PeopleStrip(state, self)
        self.plots = SpeechPlots(self)
        self.plots.setAccessibleName("Waveform and log-mel spectrogram with segment overlay")
        self.readout = ElidedLabel(parent=self, secondary=True)
        self.key = ColourKey(self)
        caption = QHBoxLayout()
        caption.addWidget(self.readout, 1)
        caption.addWidget(self.key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        layout.setSpacing(2)
        layout.addWidget(self.words)
        layout.addWidget(self.still_heard)
        layout.addWidget(self.people)
        layout.addWidget(self.plots, 1)
        layout.addLayout(caption)
        layout.addLayout(self._playback_row(actions))
        LoadingNotice(state, self._show_loading, self)
        self.plots.pointed.connect(self._point)
        self.plots.chosen.connect(self._choose)
        self.plots.stepped.connect(self._step)
        self.plots.span_changed.connect(self._place_words)
        self.plots.selected.connect(self._state.set_selection)
        self.plots.nudged.connect(self._nudge)
        self.plots.dismissed.connect(self._dismiss)
        for row in (self.words, self.still_heard):
            row.chosen.connect(self._select_word)
        state.sample_changed.connect(self._on_sample)
        state.attribution_changed.connect(self._refresh_overlay)
        state.target_changed.connect(self._refresh_overlay)
        state.overlay_changed.connect(self._refresh_overlay)
        state.hover_changed.connect(self._on_hover)
        state.selection_changed.connect(self._show_marks)
        state.removals_changed.connect(self._show_marks)
        state.held_changed.connect(self._on_held)
        state.playhead_changed.connect(self.plots.set_playhead)
        state.heard_changed.connect(self._describe)
        state.words_changed.connect(self._on_words)
        state.recognising_changed.connect(self._on_recognising)
        state.still_heard_changed.connect(self._on_still_heard)
        state.busy_changed.connect(self._on_busy)
        self._on_recognising(state.recognising)
        self._on_sample(state.sample)

    def _playback_row(self, actions: ActionTable) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.buttons: list[QToolButton] = []
        for action_id, text in PLAYBACK_ACTIONS.items():
            actions.action(action_id).setIconText(text)  # menus keep the longer text
            button = QToolButton(self)
            button.setDefaultAction(actions.action(action_id))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        return row

    # what the state says

    @Slot()
    def _show_loading(self) -> None:
        if self._state.holds(Modality.SPEECH):
            return  # it stays
        self._clear("Loading…", "")

    def _clear(self, title: str, hint: str) -> None:
        self._mel = self._times = None
        self.plots.show_notice(title, hint)
        self.words.show_text("", np.zeros(0, np.float32), 1)
        self._describe()

    @Slot(object)
    def _on_sample(self, _view: SampleView | None) -> None:
        view = self._state.shown(Modality.SPEECH)
        if view is None:
            self._clear("No speech", "Waveform, spectrogram and words of the chosen sample appear here.")
            return
        if Modality.SPEECH in view.lacking:
            self._clear("No speech", absent_text(view.sample.sample_id, "speech", "silence"))
            return
        if view.speech is None or len(view.speech) == 0:
            path = str(view.sample.paths.get(Modality.SPEECH, ""))
            reason = next((e for e in view.errors if path and path in e), "\n".join(view.errors))
            self._clear(f"The speech of {view.sample.sample_id} cannot be shown", reason)
            return
        mel, self._times = self._features(view)
        self._mel = mel[0]
        self._show_words(view)
        self.plots.show_speech(view.speech, view.rate, self._mel, self._times)
        self._refresh_overlay()

    def _show_words(self, view: SampleView) -> None:
        """Where they are said as far as that is known, else spread over the sound."""
        spoken = self._state.words
        assert view.speech is not None
        self.words.show_text(view.sample.text, view.speech, view.rate)
        if spoken is not None and spoken.sample_id == view.sample.sample_id:
            self.words.show_aligned(spoken.words, spoken.method)

    @Slot()
    def _on_words(self) -> None:
        view = self._state.shown(Modality.SPEECH)
        if view is not None and view.speech is not None and self._times is not None:
            self._show_words(view)
            self._refresh_overlay()  # which words are emphasised

    @Slot(bool)
    def _on_recognising(self, on: bool) -> None:
        self.still_heard.setVisible(on)
        self._on_still_heard()

    @Slot()
    def _on_still_heard(self) -> None:
        heard = self._state.still_heard
        if heard is None:
            waits = "listens once the map is complete …" if self._times is not None else ""
            self.still_heard.show_notice(waits)
        else:
            self.still_heard.show_heard(heard)

    def _features(self, view: SampleView) -> tuple[NDArray[np.float32], TimeFrequencyMap]:
        """What the network hears; computed here only where a broken picture left no inputs."""
        if view.inputs is not None:
            return view.inputs.tensors[Modality.SPEECH], view.inputs.times
        assert view.speech is not None
        return log_mel(view.speech, self._front())

    def _front(self) -> FrontEnd:
        return self._state.release.front if self._state.release is not None else FrontEnd()

    @Slot()
    def _refresh_overlay(self) -> None:
        attribution, options = overlay.attribution_of(self._state, Modality.SPEECH), self._state.overlay
        if attribution is None or not options.visible or self._times is None:
            self.plots.clear_segments()
            self.words.emphasise(None, None)
            self.key.hide()
        else:
            edges, target = attribution.segment_edges_s, overlay.explained_class(self._state)
            layer = overlay.layer(attribution, Modality.SPEECH, target, options)
            self.plots.show_segments(
                edges, layer, overlay.speech_cells(attribution, target, options), options
            )
            self.words.emphasise(edges, layer.values)
            self.key.show_scale(*layer.key(), overlay.hatch_meaning(attribution, target))
            self.key.setVisible(not options.shared_scale)  # a shared one stands below the picture
        self._describe()

    @Slot(object)
    def _on_hover(self, hover: Hover) -> None:
        if hover.seconds is None:
            self.plots.hide_crosshair()
        else:
            self.plots.set_crosshair(hover.seconds, hover.hz)
        self._describe()

    @Slot()
    def _show_marks(self) -> None:
        removed = [r for r in self._state.removals if r.modality is Modality.SPEECH]
        self.plots.show_marks(self._selection(), removed)
        self._describe()

    @Slot()
    def _on_held(self) -> None:
        self._on_sample(self._state.sample)

    @Slot(str, float)
    def _on_busy(self, kind: str, _fraction: float) -> None:
        """Whether more is under way is part of what hovering says."""
        if kind == "explain" and self._state.hover.seconds is not None:
            self._describe()

    # what the user does

    @Slot(object)
    def _point(self, where: tuple[float, float | None] | None) -> None:
        self._state.set_hover(Hover() if where is None else Hover(seconds=where[0], hz=where[1]))

    @Slot(float)
    def _choose(self, seconds: float) -> None:
        """Playback starts where one clicked: the play-head waits there."""
        self._state.set_playhead(max(seconds, 0.0))

    @Slot(int)
    def _step(self, by: int) -> None:
        """Cross-hair to the middle of the neighbouring segment, by key."""
        edges = self._edges()
        if edges is None:
            return
        seconds = self._state.hover.seconds
        at = 0 if seconds is None else int(np.searchsorted(edges, seconds, side="right")) - 1 + by
        at = min(max(at, 0), len(edges) - 2)
        self._state.set_hover(Hover(seconds=float(edges[at] + edges[at + 1]) / 2))

    @Slot(int, int, bool)
    def _nudge(self, later: int, higher: int, grow: bool) -> None:
        """Without a selection the first step of a key selects the segment under the cross-hair."""
        edges, times = self._edges(), self._times
        if times is None:
            return
        start, end = self.plots.span()
        selection = self._selection()
        if selection is not None:
            step = max((end - start) / selecting.STEPS, times.column_s)
            selection = selecting.nudged_span(selection, later, higher, grow, step, times)
        elif edges is None:
            selection = selecting.span(start, (start + end) / 2, times.duration_s)
        else:
            at = int(np.searchsorted(edges, self._state.hover.seconds or 0.0, side="right")) - 1
            at = min(max(at, 0), len(edges) - 2)
            selection = selecting.span(float(edges[at]), float(edges[at + 1]), times.duration_s)
        self._state.set_selection(selection)

    @Slot(float, float)
    def _select_word(self, start_s: float, end_s: float) -> None:
        if self._times is not None:
            self._state.set_selection(selecting.span(start_s, end_s, self._times.duration_s))

    @Slot()
    def _dismiss(self) -> None:
        """Escape: first the selection goes, then the cross-hair."""
        if self._selection() is not None:
            self._state.set_selection(None)
        else:
            self._point(None)

    @Slot()
    def _place_words(self) -> None:
        left, width = self.plots.columns()
        offset = self.plots.x() - self.words.x()
        self.words.place(self.plots.span(), (left + offset, width))
        self.still_heard.place(self.plots.span(), (left + offset, width))
        self.people.place(self.plots.span(), (left + offset, width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_words()

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._place_words()
        return handled

    # what follows from both

    def _selection(self) -> Selection | None:
        selection = self._state.selection
        return selection if selection is not None and selection.modality is Modality.SPEECH else None

    def _edges(self) -> NDArray[np.float64] | None:
        attribution, view = (
            overlay.attribution_of(self._state, Modality.SPEECH),
            self._state.shown(Modality.SPEECH),
        )
        if attribution is not None:
            return attribution.segment_edges_s
        if view is None or view.speech is None:
            return None
        segments = self._state.explain_options.segments
        if isinstance(segments, str):
            return None  # where the parts lie is known once it is explained
        return np.linspace(0, len(view.speech) / view.rate, segments + 1)

    @Slot()
    def _describe(self) -> None:
        text = self._hover_text() or self._resting_text()
        text = overlay.with_marks(text, self._state, Modality.SPEECH)
        if self._state.heard:
            text = f"{self._state.heard}  |  {text}"
        self.readout.set_text(text)
        if text:
            self.plots.setAccessibleDescription(text)

    def _resting_text(self) -> str:
        view = self._state.shown(Modality.SPEECH)
        if view is None or view.speech is None:
            return ""
        return f"{len(view.speech) / view.rate:.2f} s · {view.rate / 1000:g} kHz"

    def _hover_text(self) -> str:
        hover = self._state.hover
        if hover.seconds is None or self._times is None:
            return ""
        parts = [f"{hover.seconds:.3f} s"]
        if hover.hz is not None:
            parts.append(f"{hover.hz:,.0f} Hz")
            level = self._decibel(hover.seconds, hover.hz)
            if level:
                parts.append(level)
        segment = self._segment_text(hover.seconds, hover.hz)
        return " · ".join([*parts, segment] if segment else parts)

    def _decibel(self, seconds: float, hz: float) -> str:
        """Level of the log-mel cell, in dB as the network's front end measures it."""
        assert self._mel is not None
        assert self._times is not None
        column = int(np.floor(self._times.column(seconds)))
        row = min(int(self._times.row(hz)), len(self._mel) - 1)
        if not 0 <= column < self._mel.shape[1]:
            return ""
        scaled = float(self._mel[row, column])
        front = self._front()
        bound = "≤ " if scaled <= 0 else "≥ " if scaled >= 1 else ""
        return f"{bound}{(1 - scaled) * front.floor_db - front.offset_db:.0f} dB".replace("-", "−")

    def _segment_text(self, seconds: float, hz: float | None) -> str:
        """The segment's value; in the spectrogram of speech cut into bands that of the cell."""
        attribution, target = (
            overlay.attribution_of(self._state, Modality.SPEECH),
            overlay.explained_class(self._state),
        )
        if attribution is None:
            return ""
        edges, refining = attribution.segment_edges_s, "explain" in self._state.busy
        at = int(np.searchsorted(edges, seconds, side="right")) - 1
        if not 0 <= at < len(edges) - 1:
            return "outside what the network hears"
        cells = attribution.values[Modality.SPEECH]
        where = f"({edges[at]:.2f}–{edges[at + 1]:.2f} s"
        words = attribution.provenance.get("words", ())
        segment = f"“{words[at]}”" if at < len(words) else f"segment {at + 1}"
        if hz is None or cells.ndim == 2 or self._mel is None or self._times is None:
            value = overlay.segment_text(attribution, target, at, refining)
            return f"{segment} {value} {where})"
        bands, rows = cells.shape[1], len(self._mel)
        band = min(int(self._times.row(hz) * bands / rows), bands - 1)
        low, high = (self._times.hz(rows * b / bands) for b in (band, band + 1))
        value = overlay.value_text(attribution, Modality.SPEECH, target, (band, at), refining)
        return f"{segment} band {band + 1} {value} {where}, {low:,.0f}–{high:,.0f} Hz)"
