"""What the network says: of the current sample at once, of the whole dataset in the background."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from sier_gui.core.domain import Modality, Prediction
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Progress, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import SampleView
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import PredictionTable, Rows
    from sier_gui.core.explain.attribution import Attribution
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release
    from sier_gui.core.overview.store import FusedStore
    from sier_gui.gui.workflows.survey import SurveyedRows

_log = logging.getLogger(__name__)

KEPT = 500
MAX_SLICE = 16  # rows between two chances to give way to what the user looks at
SLICE_S = 0.05  # and how long such a slice may take
CONFIRM_MS = 1500  # of rest before torch is imported for an answer that is known
HUSH_S = 0.02  # about the time in which a sample is on the screen
PAINT_MS = 150  # how long the dataset's turn waits after each step to another sample
WALKED_OVER = ("dataset", "fused", "sides")  # what waits while somebody walks from sample to sample
REFRESH_MS = 500  # how often the table shows what came in


@dataclass(frozen=True, slots=True)
class Predicted:
    """Some rows' answers: ``rows`` (k,), ``probabilities`` (k, C)."""

    rows: list[int]
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True)
class Explained:
    """One row's modality split."""

    row: int
    attribution: Attribution


class PredictWorkflow(QObject):
    """Follows sample, dataset and release; owns the `PredictionTable`."""

    device_known = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._kept: OrderedDict[tuple[str, str], Prediction] = OrderedDict()
        self._failures = 0
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._refresh.timeout.connect(self._show_table)
        self._confirm = QTimer(self)
        self._confirm.setSingleShot(True)
        self._confirm.setInterval(CONFIRM_MS)
        self._confirm.timeout.connect(self._on_rest)
        self._painted = QTimer(self)
        self._painted.setSingleShot(True)
        self._painted.setInterval(PAINT_MS)
        self._painted.timeout.connect(self._on_painted)
        context.state.row_changed.connect(self._give_way)
        context.actions.bind("predict.pause", self.pause)
        context.state.sample_changed.connect(self._on_sample)
        context.state.release_changed.connect(self._on_release)
        context.state.attribution_changed.connect(self._on_attribution)

    # ---------------------------------------------------------------- the current sample

    @Slot(object)
    def _on_sample(self, view: SampleView | None) -> None:
        computer, release = self._context.computer, self._context.state.release
        self._confirm.stop()
        if view is None or view.inputs is None or release is None:
            computer.drop("predict")
            return
        kept = self._kept.get((release.weights_hash, view.inputs.content_hash))
        if kept is not None:
            computer.drop("predict")
            self._show(replace(kept, sample_id=view.sample.sample_id, label=view.sample.label))
            return
        known = self._from_table(view)
        if known is not None:
            computer.drop("predict")
            self._show(known)
            self._confirm.start()
        else:
            self._ask(view, release, Priority.URGENT)

    @Slot()
    def _give_way(self) -> None:
        """Painting shares Python's lock with the network: it comes first, and walking before the dataset."""
        self._context.computer.hush(HUSH_S)
        for kind in WALKED_OVER:
            self._context.computer.pause(kind, self._painted)
        self._painted.start()

    @Slot()
    def _on_painted(self) -> None:
        for kind in WALKED_OVER:
            self._context.computer.resume(kind, self._painted)

    @Slot()
    def _on_rest(self) -> None:
        """Ask the network what was shown from the table: the files may have changed since."""
        state = self._context.state
        if state.sample is not None and state.sample.inputs is not None and state.release is not None:
            self._ask(state.sample, state.release, Priority.BACKGROUND)

    def _from_table(self, view: SampleView) -> Prediction | None:
        """What was predicted for this row before; its logits are known up to a constant."""
        table, row = self._context.state.predictions, view.sample.row
        if table is None or row < 0 or np.isnan(table.confidence[row]):
            return None
        probabilities = table.probabilities[row].astype(np.float64)
        logits = np.log(np.maximum(probabilities, 1e-12))
        return Prediction(view.sample.sample_id, table.classes, probabilities, logits, view.sample.label)

    def _ask(self, view: SampleView, release: Release, priority: Priority) -> None:
        predictors, inputs, label = self._context.predictors, view.inputs, view.sample.label
        assert inputs is not None

        def work(_report: Report, _token: CancelToken) -> tuple[str, tuple[str, str], Prediction]:
            predictor = predictors.get(release)
            predictor.check(inputs)
            (prediction,) = predictor.predict([inputs], labels=[label])
            return predictor.device, (release.weights_hash, inputs.content_hash), prediction

        job = self._context.computer.start("predict", work, priority)
        job.succeeded.connect(self._on_predicted)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_predicted(self, answer: tuple[str, tuple[str, str], Prediction]) -> None:
        device, key, prediction = answer
        self.device_known.emit(device)
        self._kept[key] = prediction
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        shown = self._context.state.prediction
        if shown is None or not np.allclose(shown.probabilities, prediction.probabilities, atol=1e-5):
            self._show(prediction)

    def _show(self, prediction: Prediction) -> None:
        state = self._context.state
        state.set_prediction(prediction)
        if state.predictions is not None and state.row >= 0:
            state.predictions.fill(state.row, prediction.probabilities)
            self._announce()
        self._start_dataset()

    # ---------------------------------------------------------------- the whole dataset

    @Slot(object)
    def _on_release(self, release: Release | None) -> None:
        """A table for this dataset and release, as far as it was filled before."""
        from sier_gui.core.dataset.query import PredictionTable, predictions_file

        state = self._context.state
        self._context.computer.drop("dataset")
        catalogue = state.dataset
        if release is None or catalogue is None:
            state.set_predictions(None)
        else:
            file = predictions_file(catalogue.dataset_hash, release.weights_hash)
            state.set_predictions(PredictionTable.load(file, catalogue, release.classes))
        self._on_sample(state.sample)

    def _start_dataset(self) -> None:
        """After the current sample, so that what is looked at never waits."""
        state = self._context.state
        catalogue, release, table = state.dataset, state.release, state.predictions
        if catalogue is None or release is None or table is None or self._context.computer.busy("dataset"):
            return
        unknown = np.flatnonzero(np.isnan(table.confidence))
        unshared = np.flatnonzero(np.isnan(table.image_share))
        if not len(unknown) and not len(unshared):
            return
        self._failures = 0
        predictors = self._context.predictors
        from sier_gui.core.overview.store import FusedStore

        def work(report: Report, token: CancelToken) -> Iterator[Any]:
            predictor = predictors.get(release)
            keep = Keeper(FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue)))
            yield from predicted(predictor, catalogue, unknown, keep, report, token)
            yield from _split(predictor, catalogue, unshared, report, token)

        job = self._context.computer.start("dataset", work, Priority.BACKGROUND)
        job.partial.connect(self._on_slice)
        job.succeeded.connect(self._on_dataset_end)
        job.failed.connect(self._context.messages.error)

    @Slot(object)
    def _on_slice(self, value: Predicted | Explained | SierError) -> None:
        table = self._context.state.predictions
        if table is None:
            return
        if isinstance(value, SierError):
            self._failures += 1
        elif isinstance(value, Predicted):
            table.fill(value.rows, value.probabilities)
        else:
            _fill_split(table, value.row, value.attribution)
        self._announce()

    @Slot(object)
    def _on_attribution(self, attribution: Attribution | None) -> None:
        state = self._context.state
        if attribution is None or not attribution.complete or state.predictions is None or state.row < 0:
            return
        if (attribution.absence, attribution.value) == ("zeros", "probability"):  # what the column shows
            _fill_split(state.predictions, state.row, attribution)
            self._announce()

    @Slot(object)
    def take_surveyed(self, found: SurveyedRows) -> None:
        """What a survey of the dataset knows and the table does not."""
        table = self._context.state.predictions
        if table is None:
            return
        unknown = np.isnan(table.confidence[found.rows])
        if unknown.any():
            table.fill(found.rows[unknown], found.f_all[unknown])
        for row, answer, image, speech in zip(
            found.rows.tolist(), found.f_all, found.image, found.speech, strict=True
        ):
            table.fill_explained(row, image, speech, int(answer.argmax()))
        self._announce()

    def _announce(self) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    @Slot()
    def _show_table(self) -> None:
        self._context.state.set_predictions(self._context.state.predictions)

    @Slot(object)
    def _on_dataset_end(self) -> None:
        self.save()
        if self._failures:
            self._context.messages.info(
                f"{self._failures} samples could not be read; the others are predicted.",
                "",
                "file.validate",
                "Check the Dataset",
            )

    @Slot(bool)
    def pause(self, paused: bool) -> None:
        computer = self._context.computer
        (computer.pause if paused else computer.resume)("dataset", self)

    @Slot()
    def save(self) -> None:
        """Keep what is known; called when a dataset is left or complete."""
        from sier_gui.core.dataset.query import predictions_file

        self._refresh.stop()
        self._confirm.stop()
        state = self._context.state
        if state.predictions is None or state.release is None or state.dataset is None:
            return
        if state.predictions.version:
            file = predictions_file(state.dataset.dataset_hash, state.release.weights_hash)
            try:
                state.predictions.save(file)
            except SierError as error:  # they are computed again next time: no reason to stop anybody
                self._context.messages.info(error.message, error.hint)


class Keeper:
    """Keeps the fused layer for the map of the dataset; predicting goes on where the disk is full."""

    def __init__(self, store: FusedStore) -> None:
        self._store: FusedStore | None = store

    def __call__(self, rows: list[int], vectors: np.ndarray) -> None:
        if self._store is None:
            return
        try:
            self._store.put(rows, vectors)
        except SierError as error:
            _log.warning("The map of the dataset will lack samples: %s", error)
            self._store = None


def predicted(
    predictor: Predictor,
    catalogue: Catalogue,
    rows: Rows,
    keep: Keeper,
    report: Report,
    token: CancelToken,
) -> Iterator[Predicted | SierError]:
    """Answers in slices as long as `SLICE_S` allows; a row that cannot be read gives its error."""
    done, size = 0, 1
    while done < len(rows):
        begun = time.monotonic()
        known: list[tuple[int, np.ndarray]] = []
        for row, answer in predictor.predict_rows(
            catalogue, rows[done : done + size], fused=keep, token=token
        ):
            if isinstance(answer, SierError):
                yield answer
            else:
                known.append((row, answer.probabilities))
        if known:
            yield Predicted([row for row, _ in known], np.stack([p for _, p in known]))
        done = min(done + size, len(rows))
        report(Progress(done, len(rows), "predicted"))
        fast = time.monotonic() - begun < SLICE_S / 2
        size = min(2 * size, MAX_SLICE) if fast else max(size // 2, 1)


def _split(
    predictor: Predictor, catalogue: Catalogue, rows: Rows, report: Report, token: CancelToken
) -> Iterator[Explained]:
    """Each row's modality split, four evaluations."""
    from sier_gui.core.dataset.inputs import load_inputs
    from sier_gui.core.explain.attribution import ExplainRequest
    from sier_gui.core.explain.engine import explain

    request = ExplainRequest(method="modality")
    for done, row in enumerate(rows, start=1):
        token.check()
        try:
            inputs = load_inputs(catalogue.sample(int(row)), predictor.front)
        except SierError:
            continue  # was told while it was predicted
        *_, attribution = explain(predictor, inputs, request, token=token)
        yield Explained(int(row), attribution)
        report(Progress(done, len(rows), "explained"))


def _fill_split(table: PredictionTable, row: int, attribution: Attribution) -> None:
    split = attribution.split
    target = attribution.index(attribution.classes[int(attribution.f_all.argmax())])
    table.fill_explained(row, split[Modality.IMAGE], split[Modality.SPEECH], target)
