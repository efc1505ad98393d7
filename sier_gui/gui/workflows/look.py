"""Looking at one sample: decode on the reading thread, neighbours before they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot

from sier_gui.core.domain import FrontEnd, Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.tasks import CancelToken, Report
from sier_gui.gui.jobs import Priority
from sier_gui.gui.state import SampleView
from sier_gui.gui.workflows.context import Context

if TYPE_CHECKING:
    from sier_gui.core.nets.releases import Release

KEPT_BYTES = 256 * 2**20
REST_MS = 20
AHEAD = (1, -1, 2)  # places in the table, the likeliest first


class LookWorkflow(QObject):
    """The state's row, or a loose pair, becomes the state's `SampleView`."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.window)
        self._context = context
        self._views: OrderedDict[int, SampleView] = OrderedDict()
        self._front = FrontEnd()
        # decoding shares Python's one lock with painting: what is on show is painted first
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._look_ahead)
        state = context.state
        state.row_changed.connect(self._on_row)
        state.dataset_changed.connect(self._forget)
        state.release_changed.connect(self._on_release)

    # ---------------------------------------------------------------- what is asked for

    @Slot(int)
    def _on_row(self, row: int) -> None:
        self._context.reader.drop("ahead")
        if row < 0:
            self._context.reader.drop("look")
            return
        view = self._views.get(row)
        if view is not None:
            self._context.reader.drop("look")
            self._show(view)
            return
        catalogue, front = self._context.state.dataset, self._front
        assert catalogue is not None

        def work(_report: Report, _token: CancelToken) -> SampleView:
            return decode(catalogue.sample(row), front)

        self._start(work)

    def show_sample(self, sample: Sample) -> None:
        """Look at a sample that belongs to no dataset."""
        front = self._front
        self._context.state.set_row(-1)

        def work(_report: Report, _token: CancelToken) -> SampleView:
            return decode(sample, front)

        self._start(work)

    def _start(self, work: object) -> None:
        job = self._context.reader.start("look", work, Priority.URGENT)  # type: ignore[arg-type]
        job.succeeded.connect(self._on_decoded)
        job.failed.connect(self._on_failed)

    @Slot(object)
    def _on_decoded(self, view: SampleView) -> None:
        self._keep(view)
        self._show(view)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        self._show(None)
        self._context.messages.error(error)

    def _show(self, view: SampleView | None) -> None:
        state = self._context.state
        # each signal draws: say only what changes
        if state.attribution is not None:
            state.set_attribution(None)
        if state.prediction is not None:
            state.set_prediction(None)
        state.set_target(None)
        state.set_sample(view)
        self._rest.start()

    # ---------------------------------------------------------------- what will be asked for

    @Slot()
    def _look_ahead(self) -> None:
        """Decode the neighbours in the table's order."""
        state, front = self._context.state, self._front
        catalogue = state.dataset
        place = np.flatnonzero(state.rows == state.row)
        if catalogue is None or not len(place):
            return
        at = [int(place[0]) + step for step in AHEAD]
        wanted = [int(state.rows[p]) for p in at if 0 <= p < len(state.rows)]
        missing = [row for row in wanted if row not in self._views]
        if not missing:
            return

        def work(_report: Report, token: CancelToken) -> Iterator[SampleView]:
            for row in missing:
                token.check()
                try:
                    sample = catalogue.sample(row)
                except SierError:
                    continue  # said when somebody looks at that row
                yield decode(sample, front)

        job = self._context.reader.start("ahead", work, Priority.BACKGROUND)
        job.partial.connect(self._keep)

    @Slot(object)
    def _keep(self, view: SampleView) -> None:
        if view.sample.row < 0:
            return
        self._views[view.sample.row] = view
        self._views.move_to_end(view.sample.row)
        while len(self._views) > 2 and sum(map(_size, self._views.values())) > KEPT_BYTES:
            self._views.popitem(last=False)

    # ---------------------------------------------------------------- what makes decoded samples void

    @Slot()
    def _forget(self) -> None:
        self._rest.stop()
        self._context.reader.drop("look")
        self._context.reader.drop("ahead")
        self._views.clear()

    @Slot(object)
    def _on_release(self, release: Release | None) -> None:
        front = release.front if release is not None else FrontEnd()
        if front == self._front:
            return
        self._front = front
        self._forget()
        state = self._context.state
        shown = state.sample
        if shown is not None:
            self._show(None)  # its tensors are not what this release is given
        if state.row >= 0:
            self._on_row(state.row)
        elif shown is not None:
            self.show_sample(shown.sample)


def decode(sample: Sample, front: FrontEnd) -> SampleView:
    """Whatever of the sample can be decoded; what cannot is told in ``errors``.

    A modality that the dataset has no file of is no error; the other one is enough for inputs.
    """
    from sier_gui.core.audio.files import load_speech
    from sier_gui.core.dataset.inputs import inputs_from
    from sier_gui.core.images.files import read_image

    errors: list[str] = []
    picture = speech = inputs = None
    for modality in sample.paths:
        try:
            if modality is Modality.IMAGE:
                picture = read_image(sample.paths[modality])
            else:
                speech = load_speech(sample.paths[modality], front.sample_rate)
        except SierError as error:
            errors.append(str(error))
    if sample.paths and not errors:
        inputs = inputs_from(sample.sample_id, picture, speech, front)
    return SampleView(sample, picture, speech, front.sample_rate, inputs, tuple(errors))


def _size(view: SampleView) -> int:
    return sum(array.nbytes for array in (view.picture, view.speech) if array is not None)
