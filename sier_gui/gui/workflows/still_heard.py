"""What a recogniser still hears of the important part: the paper's step from segments to words."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from sier_gui.core.domain import FloatArray, Modality
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui import overlay
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import StillHeard
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.words import Recogniser

if TYPE_CHECKING:
    from sier_gui.core.audio.recognition import Recognised

KIND = "still_heard"
ACTION = "view.still_heard"
REST_MS = 400  # walking and refining go on first
KEPT = 200


class StillHeardWorkflow(QObject):
    """Follows sample, explanation and class while it is switched on; a recogniser takes a second or two."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._recogniser = Recogniser()  # asked on the clerk's thread only
        self._kept: OrderedDict[tuple[bytes, str], Recognised] = OrderedDict()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._start)
        context.actions.bind(ACTION, self.switch)
        state = context.state
        for signal in (
            state.sample_changed,
            state.attribution_changed,
            state.target_changed,
            state.held_changed,
        ):
            signal.connect(self._consider)
        on = context.settings.get("still_heard", False)
        context.actions.action(ACTION).setChecked(on)
        state.set_recognising(on)

    @Slot(bool)
    def switch(self, on: bool) -> None:
        self._context.settings.set("still_heard", on)
        self._context.state.set_recognising(on)
        self._consider()

    @Slot()
    def stop(self) -> None:
        self._rest.stop()
        self._context.clerk.drop(KIND)

    def end(self) -> None:
        """Once the clerk's thread has ended."""
        self._recogniser.stop()

    @Slot()
    def _consider(self) -> None:
        self.stop()
        state = self._context.state
        state.set_still_heard(None)
        attribution = state.attribution
        if state.recognising and attribution is not None and attribution.complete:
            self._rest.start()

    @Slot()
    def _start(self) -> None:
        from sier_gui.core.dataset.inputs import language_of

        state = self._context.state
        view, muted = state.sample, self._muted()
        if view is None or muted is None:
            return
        sample, rate, recogniser = view.sample, view.rate, self._recogniser
        language = language_of(sample)
        key = (hashlib.blake2b(muted.tobytes(), digest_size=16).digest(), language)
        if key in self._kept:
            self._show(self._kept[key])
            return

        def work(_report: Report, token: CancelToken) -> tuple[tuple[bytes, str], Recognised]:
            return key, recogniser.heard(muted, rate, language, token)

        job = self._context.clerk.start(KIND, work, Priority.BACKGROUND)
        job.succeeded.connect(self._on_heard)
        job.failed.connect(self._context.messages.error)

    def _muted(self) -> FloatArray | None:
        """The important part of the sample's speech, for the class explained, as it is played."""
        from sier_gui.core.audio import listening

        state = self._context.state
        view, attribution = state.sample, overlay.attribution_of(state, Modality.SPEECH)
        if view is None or view.speech is None or attribution is None:
            return None
        kept = listening.important(attribution.speech(overlay.explained_class(state)))
        return listening.segments(view.speech, view.rate, attribution.segment_edges_s, kept)

    @Slot(object)
    def _on_heard(self, answer: tuple[tuple[bytes, str], Recognised]) -> None:
        key, found = answer
        self._kept[key] = found
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._show(found)

    def _show(self, found: Recognised) -> None:
        from sier_gui.core.audio.recognition import agreeing

        view = self._context.state.sample
        if view is not None:
            agrees = agreeing([word.word for word in found.words], view.sample.text)
            heard = StillHeard(view.sample.sample_id, found.words, tuple(agrees), found.method)
            self._context.state.set_still_heard(heard)
