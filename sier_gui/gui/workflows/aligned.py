"""The words of the sample on show, where they are said: found once nothing else waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import SampleView, SpokenWords
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.explain.attribution import Attribution

KIND = "words"
REST_MS = 1500  # walking through samples must not wait for words that nobody reads


class WordsWorkflow(QObject):
    """Follows the sample; an explanation by words finds them itself, at once."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._failed = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._start)
        context.state.row_changed.connect(self.stop)
        context.state.sample_changed.connect(self._on_sample)
        context.state.attribution_changed.connect(self._on_attribution)

    @Slot()
    def stop(self) -> None:
        self._rest.stop()
        self._context.computer.drop(KIND)

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        self.stop()
        self._context.state.set_words(self._context.aligner.known(view) if view is not None else None)

    @Slot(object)
    def _on_attribution(self, attribution: Attribution | None) -> None:
        view = self._context.state.sample
        if attribution is None or not attribution.complete or view is None or self._failed:
            return
        if self._context.state.words is None and view.sample.text.strip() and view.inputs is not None:
            self._rest.start()

    @Slot()
    def _start(self) -> None:
        view, aligner = self._context.state.sample, self._context.aligner
        if view is None or view.inputs is None or view.speech is None:
            return
        inputs, speech = view.inputs, view.speech

        def work(_report: Report, token: CancelToken) -> SpokenWords:
            found = aligner.with_words(inputs, speech, view.rate, view.sample, token)
            return SpokenWords(found.sample_id, found.words, found.words_by)

        job = self._context.computer.start(KIND, work, Priority.ASKED)
        job.succeeded.connect(self._context.state.set_words)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        """Told once; the words stay spread by their lengths."""
        self._failed = True
        self._context.messages.error(error)
