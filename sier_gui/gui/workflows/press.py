"""A process that draws: matplotlib keeps Python's lock for tenths of a second, SHAP's import for seconds."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sier_gui.core.errors import SierError
from sier_gui.core.spreading import follow_parent
from sier_gui.core.tasks import CancelToken

if TYPE_CHECKING:
    from sier_gui.core.export.gather import Source
    from sier_gui.core.export.view import FigureInput, FigureOptions

R = TypeVar("R")
POLL_S = 0.05


class Press:
    """Started at the first question, which takes a second; used on one thread, stopped on any."""

    def __init__(self) -> None:
        self._pool: futures.ProcessPoolExecutor | None = None

    def do(self, token: CancelToken, work: Callable[..., R], *arguments: Any) -> R:
        """``work(*arguments)`` in the process.

        Raises
        ------
        SierError : raised by ``work``, or the process was ended from outside.
        Cancelled : ``token`` was cancelled; what was begun is finished, and forgotten.
        """
        pool = self._pool
        if pool is None:
            context = multiprocessing.get_context("spawn")
            pool = self._pool = futures.ProcessPoolExecutor(1, context, follow_parent)
        try:
            future = pool.submit(work, *arguments)
            while not futures.wait((future,), POLL_S).done:
                if token.cancelled:
                    future.cancel()
                    token.check()
            return future.result()
        except BrokenProcessPool as error:
            self.stop()
            raise SierError("The process that draws was ended from outside.", "Try again.") from error

    def stop(self) -> None:
        """It ends when it has finished what it does."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


# ---------------------------------------------------------------- in the process

_last: dict[tuple[str, ...], FigureInput] = {}  # at most one: the figure that is being looked at


def rendered(view: FigureInput, source: Source, options: FigureOptions) -> bytes:
    """A PNG of the figure."""
    from sier_gui.core.charts import render
    from sier_gui.core.export.designs import draw

    return render(draw(_completed(view, source, options), options), "png", {})


def written(
    view: FigureInput, source: Source, options: FigureOptions, formats: tuple[str, ...], out: Path
) -> list[dict[str, Any]]:
    """The manifest of the files."""
    from sier_gui.core.export.bundle import export

    return export(_completed(view, source, options), formats, None, out, options=options)


def _completed(view: FigureInput, source: Source, options: FigureOptions) -> FigureInput:
    """With the times of its words, and with what the design asks the network about."""
    from sier_gui.core.dataset.inputs import language_of, with_words
    from sier_gui.core.export.designs import design
    from sier_gui.core.export.gather import curves_of

    attribution, curves = view.attribution, design(options.design).curves
    key = (view.sample.sample_id, attribution.sample_hash, attribution.target, view.sample.text, str(curves))
    if key not in _last:
        inputs = view.inputs
        if not inputs.words:
            inputs = with_words(inputs, view.speech, view.rate, view.sample.text, language_of(view.sample))
        found = curves_of(source, inputs, attribution) if curves else None
        _last.clear()
        _last[key] = replace(view, inputs=inputs, curves=found)
    return _last[key]
