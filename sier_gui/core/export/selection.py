"""One figure of many samples: SHAP's plots of a selection."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import sier_gui
from sier_gui.core.domain import Sample
from sier_gui.core.errors import SierError
from sier_gui.core.export.batch import Batch, BatchState, one_line
from sier_gui.core.export.designs import design
from sier_gui.core.export.gather import Source, view_of
from sier_gui.core.export.shap_plots import Chosen, chosen
from sier_gui.core.export.view import FigureOptions
from sier_gui.core.paths import write_json
from sier_gui.core.tasks import CancelToken, Progress

KINDS = ("png", "svg", "pdf")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What the worker that draws is given."""

    samples: tuple[Chosen, ...]
    names: tuple[str, ...]
    source: Source
    options: FigureOptions
    formats: tuple[str, ...]
    out: Path


class SelectionBatch(Batch):
    """One run: every sample is read and explained, then one figure is drawn of all."""

    def states(self) -> Iterator[BatchState]:
        formats = tuple(kind for kind in self.request.formats if kind in KINDS)
        if not formats:
            raise SierError("A plot of several samples is a figure.", f"Use the formats {', '.join(KINDS)}.")
        self._find_samples()
        for _ in self._explain(self.samples, {}):
            yield self._so_far(0)
        samples = [sample for sample in self.samples if sample.row not in self.broken]
        found: dict[int, Chosen] = {}
        with closing(self._spread(partial(_chosen, self.source), samples)) as gathered:
            for one in gathered:
                if isinstance(one, Chosen):
                    found[one.row] = one
                    self.means.report(Progress(len(found), len(samples), "gathering"))
                elif isinstance(one, tuple):
                    self.broken[one[0]] = one[1]
                yield self._so_far(0)
        rows = [row for row in self.rows if row in found]
        if not rows:
            raise SierError("None of the samples could be explained.", next(iter(self.broken.values()), ""))
        names = tuple(self.catalogue.cell(row, "sample_id") for row in rows)
        sheet = _Sheet(
            tuple(found[row] for row in rows), names, self.source, self.request.options,
            formats, self.out,
        )  # fmt: skip
        with closing(self._spread(_drawn, [sheet])) as drawn:
            for entries in drawn:
                if entries is not None:
                    yield replace(self._so_far(len(rows)), complete=True, entries=tuple(entries))

    def _so_far(self, made: int) -> BatchState:
        errors = tuple(reason for _, reason in sorted(self.broken.items()))
        done = made + len(errors) if made else 0
        return BatchState(self.out, len(self.rows), done, len(errors), made, self.seconds(), errors=errors)


def _chosen(source: Source, sample: Sample, token: CancelToken) -> Chosen | tuple[int, str]:
    try:
        return chosen(view_of(source, sample, token))
    except SierError as error:
        return sample.row, one_line(error)


def _drawn(sheet: _Sheet, _token: CancelToken) -> list[dict[str, Any]]:
    """The manifest of the figure's files."""
    from sier_gui.core.charts import save
    from sier_gui.core.export.bundle import SUFFIXES, entry

    draw_all = design(sheet.options.design).draw_all
    assert draw_all is not None
    figure, facts = draw_all(sheet.samples, sheet.options), _facts(sheet)
    written = []
    for kind in sheet.formats:
        target = sheet.out / f"{sheet.options.design}{SUFFIXES[kind]}"
        save(figure, target, facts)
        written.append((kind, target))
    beside = sheet.out / f"{sheet.options.design}.json"
    write_json(beside, {**facts, "files": [path.name for _, path in written]})
    return [entry("", kind, path) for kind, path in [*written, ("json", beside)]]


def _facts(sheet: _Sheet) -> dict[str, Any]:
    """Provenance; of the samples' tensors one hash of all."""
    hashes: Sequence[str] = [one.attribution.sample_hash for one in sheet.samples]
    source, first = sheet.source, sheet.samples[0].attribution
    return {
        "schema": 1,
        "program": f"sier-gui {sier_gui.__version__}",
        "title": f"{design(sheet.options.design).title}: {len(sheet.samples)} samples",
        "samples": list(sheet.names),
        "sample_hash": hashlib.sha256("\n".join(hashes).encode()).hexdigest(),
        "method": first.method,
        "value": first.value,
        "absence": first.absence,
        "release": source.release.label,
        "release_hash": source.release.weights_hash,
        "dataset_hash": source.dataset_hash,
        "code_version": first.code_version,
        "figure": asdict(sheet.options),
        "formats": list(sheet.formats),
        "origin": source.origin.as_json(),
    }
