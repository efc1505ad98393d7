"""The raw numbers behind a figure: one npz with everything, one CSV to read in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.export.view import FigureInput, band_edges_hz
from sier_gui.core.export.words import player_words
from sier_gui.core.images.patches import patch_rectangles
from sier_gui.core.paths import atomic_file, write_bytes

COLUMNS = (
    "sample_id", "class", "modality", "row", "column", "segment", "word", "band", "left_px", "top_px",
    "right_px", "bottom_px", "start_s", "end_s", "low_hz", "high_hz", "value", "stderr",
)  # fmt: skip


def write_npz(target: Path, view: FigureInput, provenance: dict[str, Any]) -> None:
    """Compressed npz, readable without pickle.

    Keys: classes (C,), target, probabilities (C,), image (C, rows, columns), speech (C, segments) or
    (C, bands, segments), stderr_image and stderr_speech where estimated, split_image and split_speech (C,),
    f_none and f_all (C,), segment_edges_s (segments + 1,), words (segments,) where words were the players,
    band_edges_hz (bands + 1,) where there are bands, lowest first, patch_rectangles_px (rows, columns, 4:
    left, top, right, bottom), provenance (JSON text).

    Raises
    ------
    SierError : the folder cannot be written.
    """
    a = view.attribution
    arrays: dict[str, Any] = {
        "classes": np.array(a.classes),
        "target": np.array(a.target),
        "probabilities": view.prediction.probabilities,
        "f_none": a.f_none,
        "f_all": a.f_all,
        "segment_edges_s": a.segment_edges_s,
        "patch_rectangles_px": _rectangles(view),
        "provenance": np.array(json.dumps(provenance)),
    }
    if words := player_words(a):
        arrays["words"] = np.array(words)
    if (hz := band_edges_hz(view)) is not None:
        arrays["band_edges_hz"] = hz
    for modality, values in a.values.items():
        arrays[str(modality)] = values
        arrays[f"split_{modality}"] = a.split[modality]
        if a.stderr is not None:
            arrays[f"stderr_{modality}"] = a.stderr[modality]
    with atomic_file(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def write_csv(target: Path, view: FigureInput) -> None:
    """One line per class and player, `COLUMNS` in UTF-8; cells that a modality lacks are empty.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    table.writeheader()
    for c, name in enumerate(view.attribution.classes):
        for player in (*_patches(view, c), *_segments(view, c)):
            table.writerow({"sample_id": view.sample.sample_id, "class": name, **player})
    write_bytes(target, text.getvalue().encode())


def _patches(view: FigureInput, c: int) -> Iterator[dict[str, Any]]:
    rectangles = _rectangles(view)
    for (row, column), value in np.ndenumerate(view.attribution.values[Modality.IMAGE][c]):
        box = (f"{edge:.6g}" for edge in rectangles[row, column])
        sides = zip(("left_px", "top_px", "right_px", "bottom_px"), box, strict=True)
        place = {"modality": "image", "row": row, "column": column}
        yield place | dict(sides) | _value(view, Modality.IMAGE, (c, row, column), value)


def _segments(view: FigureInput, c: int) -> Iterator[dict[str, Any]]:
    """One line per segment, or per band and segment; with the word where words were the players."""
    a, hz = view.attribution, band_edges_hz(view)
    edges, words = a.segment_edges_s.tolist(), player_words(a)
    for place, value in np.ndenumerate(a.values[Modality.SPEECH][c]):
        segment = place[-1]
        line: dict[str, Any] = {"modality": "speech", "segment": segment}
        line |= {"start_s": repr(edges[segment]), "end_s": repr(edges[segment + 1])}
        if words:
            line["word"] = words[segment]
        if hz is not None:
            line |= {"band": place[0], "low_hz": f"{hz[place[0]]:.6g}", "high_hz": f"{hz[place[0] + 1]:.6g}"}
        yield line | _value(view, Modality.SPEECH, (c, *place), value)


def _value(view: FigureInput, modality: Modality, index: tuple[int, ...], value: float) -> dict[str, str]:
    stderr = view.attribution.stderr
    error = "" if stderr is None else repr(float(stderr[modality][index]))
    return {"value": repr(float(value)), "stderr": error}


def _rectangles(view: FigureInput) -> NDArray[np.float64]:
    rows, columns = view.attribution.image().shape
    return patch_rectangles(rows, columns, view.inputs.pixels)
