"""Everything that is exported of one sample, with a manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sier_gui.core.charts import save
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.export import designs, report, spans, values
from sier_gui.core.export.view import FigureInput, FigureOptions, provenance
from sier_gui.core.paths import write_json

SUFFIXES = {
    "png": ".png", "svg": ".svg", "pdf": ".pdf", "npz": ".npz", "csv": ".csv",
    "textgrid": ".TextGrid", "elan": ".eaf", "audacity": ".txt", "html": ".html",
}  # fmt: skip
_FIGURES = ("png", "svg", "pdf")


def export(
    view: FigureInput,
    formats: Sequence[str],
    width_mm: float | None = None,
    out_dir: Path = Path(),
    *,
    options: FigureOptions | None = None,
) -> list[dict[str, Any]]:
    """Write ``view`` in each of ``formats`` into ``out_dir``, with the provenance as JSON beside them.

    Parameters
    ----------
    formats : of `SUFFIXES`; case and order do not matter, and npz brings its CSV.
    width_mm : of the figures; None takes that of ``options``.
    options : how the figures look (for a batch with the ``scale`` from `figure.shared_scale`).

    Returns
    -------
    Manifest, one entry per file: sample_id, format, file, bytes, sha256.

    Raises
    ------
    SierError : an unknown format, or a folder that cannot be written.
    """
    wanted = known_formats(formats)
    options = options or FigureOptions()
    if width_mm is not None:
        options = replace(options, width_mm=width_mm)
    base = Path(out_dir) / file_name(view.sample.sample_id)
    facts = provenance(view, options, formats=wanted)
    written: list[tuple[str, Path]] = []
    drawn = designs.draw(view, options) if any(kind in _FIGURES for kind in wanted) else None
    for kind in wanted:
        target = base.with_name(base.name + SUFFIXES[kind])
        if drawn is not None and kind in _FIGURES:
            save(drawn, target, facts)
        else:
            _WRITERS[kind](target, view, facts, options)
        written.append((kind, target))
    beside = base.with_name(base.name + ".json")
    write_json(beside, {**facts, "files": [path.name for _, path in written]})
    written.append(("json", beside))
    return [entry(view.sample.sample_id, kind, path) for kind, path in written]


def file_name(sample_id: str) -> str:
    """``sample_id`` as every file system takes it; ids that had to be changed get a tag to differ."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in sample_id)[:80]
    if safe == sample_id and safe:
        return safe
    return f"{safe}-{hashlib.sha256(sample_id.encode(errors='surrogatepass')).hexdigest()[:8]}"


def known_formats(formats: Sequence[str]) -> list[str]:
    """``formats`` in lower case, each once; npz brings its CSV.

    Raises
    ------
    SierError : none, or one that is unknown.
    """
    wanted = [kind.strip().lower() for kind in formats if kind.strip()]
    unknown = sorted(set(wanted) - set(SUFFIXES))
    if unknown or not wanted:
        raise SierError(f"Cannot export as {', '.join(unknown) or 'nothing'}.", f"Use {', '.join(SUFFIXES)}.")
    if "npz" in wanted:
        wanted.append("csv")
    return list(dict.fromkeys(wanted))


Facts = dict[str, Any]


def _textgrid(target: Path, view: FigureInput, _facts: Facts, _options: FigureOptions) -> None:
    spans.write_textgrid(target, spans.tiers(view), len(view.speech) / view.rate)


def _elan(target: Path, view: FigureInput, _facts: Facts, _options: FigureOptions) -> None:
    spans.write_elan(target, spans.tiers(view), view.sample.paths.get(Modality.SPEECH))


def _audacity(target: Path, view: FigureInput, _facts: Facts, _options: FigureOptions) -> None:
    spans.write_audacity(target, spans.tiers(view))


def _csv(target: Path, view: FigureInput, _facts: Facts, _options: FigureOptions) -> None:
    values.write_csv(target, view)


def _npz(target: Path, view: FigureInput, facts: Facts, _options: FigureOptions) -> None:
    values.write_npz(target, view, facts)


_WRITERS: dict[str, Callable[[Path, FigureInput, Facts, FigureOptions], None]] = {
    "npz": _npz,
    "csv": _csv,
    "textgrid": _textgrid,
    "elan": _elan,
    "audacity": _audacity,
    "html": report.write_page,
}


def entry(sample_id: str, kind: str, path: Path) -> dict[str, Any]:
    """A manifest's line for the file ``path``."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return {"sample_id": sample_id, "format": kind, "file": str(path), "bytes": len(data), "sha256": digest}
