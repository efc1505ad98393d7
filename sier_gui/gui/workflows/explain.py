"""Explaining the current sample: starts by itself, refines, and gives way to the next one at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Slot

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.explaining import MOST_PASSES
from sier_gui.gui.jobs import Work
from sier_gui.gui.state import ExplainOptions, SampleView, SpokenWords
from sier_gui.gui.workflows.context import Context
from sier_gui.gui.workflows.words import WordAligner

if TYPE_CHECKING:
    from sier_gui.core.domain import Prediction, SampleInputs
    from sier_gui.core.explain.attribution import Attribution, ExplainRequest
    from sier_gui.core.nets.releases import Release
    from sier_gui.gui.dialogs.explain import ExplainDialog

KEPT = 200
KIND = "explain"
Key = tuple[str, str, ExplainOptions]


class ExplainWorkflow(QObject):
    """An explanation follows each prediction and each change of the options.

    Finished ones are kept in memory, and on disk by `AttributionCache`. A change of the class needs no
    work: an attribution holds all classes.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._kept: OrderedDict[Key, Attribution] = OrderedDict()
        self._key: Key | None = None  # of the explanation under way
        self._dialog: ExplainDialog | None = None
        state, actions = context.state, context.actions
        for action_id, handler in (
            ("explain.run", self.run_again),
            ("explain.cancel", self.cancel),
            ("explain.options", self.show_options),
            ("explain.next_class", self.next_class),
            ("explain.previous_class", self.previous_class),
        ):
            actions.bind(action_id, handler)
        self._restore()
        state.row_changed.connect(self._stop)
        state.sample_changed.connect(self._stop)
        state.release_changed.connect(self._stop)
        state.prediction_changed.connect(self._on_prediction)
        state.explain_options_changed.connect(self._on_options)

    def _restore(self) -> None:
        """The options used last; those of an edited settings file that cannot be are left out."""
        saved = self._context.settings.get("explain", {})
        options = self._context.state.explain_options
        for name in asdict(options).keys() & saved.keys():
            changed = replace(options, **{name: saved[name]})
            options = changed if possible(changed) else options
        self._context.state.change_explain_options(**asdict(options))

    @Slot()
    def _stop(self) -> None:
        self._context.computer.drop(KIND)
        self._key = None

    @Slot(object)
    def _on_prediction(self, prediction: Prediction | None) -> None:
        if prediction is not None:
            self._start()

    @Slot(object)
    def _on_options(self, options: ExplainOptions) -> None:
        self._context.settings.set("explain", asdict(options))
        if self._context.state.prediction is not None:
            self._start()

    @Slot()
    def run_again(self) -> None:
        """After a cancel this goes on from nothing; a finished one comes from memory."""
        self._start()

    @Slot()
    def show_options(self) -> None:
        """The dialog of all options, once; pressing again brings it back to the front."""
        if self._dialog is None:
            from sier_gui.gui.dialogs.explain import ExplainDialog

            self._dialog = ExplainDialog(self._context.state, self._context.window)
        self._dialog.show()
        self._dialog.activateWindow()

    @Slot()
    def cancel(self) -> None:
        self._context.computer.cancel(KIND)

    # ---------------------------------------------------------------- the work

    def _start(self) -> None:
        state = self._context.state
        view, release, options = state.sample, state.release, state.explain_options
        if view is None or view.inputs is None or view.inputs.absent or release is None:
            return
        key = (release.weights_hash, f"{view.inputs.content_hash}{view.sample.text}", options)
        kept = self._kept.get(key)
        if kept is not None:
            self._stop()
            state.set_attribution(replace(kept, sample_id=view.sample.sample_id))
            return
        if self._key == key and self._context.computer.busy(KIND):
            return
        job = self._context.computer.start(KIND, self._work(view, release, options))
        self._key = key
        job.partial.connect(self._on_partial)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)

    def _work(self, view: SampleView, release: Release, options: ExplainOptions) -> Work:
        """For the computing thread: where the words are, if they play, then finer and finer attributions."""
        state, predictors, aligner = self._context.state, self._context.predictors, self._context.aligner
        dataset_hash = state.dataset.dataset_hash if state.dataset is not None and state.row >= 0 else None

        def work(report: Report, token: CancelToken) -> Iterator[SpokenWords | Attribution]:
            from sier_gui.core.explain.cache import AttributionCache
            from sier_gui.core.explain.engine import explain, kept

            request, cache = request_for(options), AttributionCache()
            inputs = inputs_for(request, view, aligner, token)
            if inputs.words:
                yield SpokenWords(inputs.sample_id, inputs.words, inputs.words_by)
            known = kept(release.weights_hash, release.front, inputs, request, cache, dataset_hash)
            if known is not None:  # before torch is imported for the network
                yield known
                return
            yield from explain(
                predictors.get(release),
                inputs,
                request,
                cache=cache,
                dataset_hash=dataset_hash,
                report=report,
                token=token,
            )

        return work

    @Slot(object)
    def _on_partial(self, attribution: SpokenWords | Attribution) -> None:
        if isinstance(attribution, SpokenWords):
            self._context.state.set_words(attribution)
            return
        if attribution.complete and self._key is not None:
            self._kept[self._key] = attribution
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._context.state.set_attribution(attribution)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._key = None
        self._context.messages.error(error)

    @Slot()
    def _on_cancelled(self) -> None:
        self._key = None
        coarse = self._context.state.attribution is not None
        hint = "The coarse values stay." if coarse else ""
        self._context.messages.info("The explanation was cancelled.", hint, "explain.run", "Explain Again")

    # ---------------------------------------------------------------- the class explained

    @Slot()
    def next_class(self) -> None:
        self._step_class(1)

    @Slot()
    def previous_class(self) -> None:
        self._step_class(-1)

    def _step_class(self, by: int) -> None:
        state = self._context.state
        prediction: Any = state.prediction
        if prediction is not None:
            classes = prediction.classes
            now = state.target if state.target in classes else prediction.predicted
            state.set_target(classes[(classes.index(now) + by) % len(classes)])


def request_for(options: ExplainOptions) -> ExplainRequest:
    """What the engine is asked for; only Shapley values are estimated, so that only they can be stopped.

    One that is to reach an error, or may take some time, is not stopped at the engine's own budget before.

    Raises
    ------
    SierError : an option that no explanation can have.
    """
    from sier_gui.core.explain.attribution import ExplainRequest

    if options.method != "shapley":
        limits: dict[str, Any] = {"error": None, "seconds": None}
    else:
        limits = {"budget": MOST_PASSES} if options.error or options.seconds else {}
    return ExplainRequest(**{**asdict(options), **limits})


def inputs_for(
    request: ExplainRequest, view: SampleView, aligner: WordAligner, token: CancelToken
) -> SampleInputs:
    """What the engine is given: with the words' times where words are the players.

    Raises
    ------
    SierError, Cancelled : as `WordAligner.with_words`.
    """
    from sier_gui.core.explain.attribution import WORDS

    assert view.inputs is not None
    assert view.speech is not None
    if request.segments != WORDS:
        return view.inputs
    return aligner.with_words(view.inputs, view.speech, view.rate, view.sample, token)


def possible(options: ExplainOptions) -> bool:
    """Whether an explanation can have these options."""
    from sier_gui.core.explain.absence import parse

    if not type(options.grid) is type(options.bands) is int or type(options.segments) not in (int, str):
        return False
    try:
        request_for(replace(options, method="shapley"))  # its limits are looked at too
        request_for(options)
        parse(options.absence)
    except (SierError, TypeError, ValueError, AttributeError):
        return False
    return True
