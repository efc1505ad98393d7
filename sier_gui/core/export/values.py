"""The raw numbers behind a figure: one npz with everything, one CSV to read in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.export.view import FigureInput
from sier_gui.core.images.patches import patch_rectangles
from sier_gui.core.paths import atomic_file, write_bytes

COLUMNS = (
    "sample_id", "class", "modality", "row", "column", "segment", "left_px", "top_px", "right_px",
    "bottom_px", "start_s", "end_s", "value", "stderr",
)  # fmt: skip


def write_npz(target: Path, view: FigureInput, provenance: dict[str, Any]) -> None:
    """Compressed npz, readable without pickle.

    Keys: classes (C,), target, probabilities (C,), image (C, rows, columns), speech (C, segments),
    stderr_image and stderr_speech where estimated, split_image and split_speech (C,), f_none and f_all (C,),
    segment_edges_s (segments + 1,), patch_rectangles_px (rows, columns, 4: left, top, right, bottom),
    provenance (JSON text).

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
    a = view.attribution
    rectangles = _rectangles(view)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for c, name in enumerate(a.classes):
        start = (view.sample.sample_id, name)
        image, speech = a.values[Modality.IMAGE][c], a.values[Modality.SPEECH][c]
        for (row, column), value in np.ndenumerate(image):
            box = (f"{edge:.6g}" for edge in rectangles[row, column])
            error = _error(view, Modality.IMAGE, (c, row, column))
            table.writerow((*start, "image", row, column, "", *box, "", "", repr(float(value)), error))
        for segment, value in enumerate(speech):
            times = (repr(float(t)) for t in a.segment_edges_s[segment : segment + 2])
            error = _error(view, Modality.SPEECH, (c, segment))
            table.writerow(
                (*start, "speech", "", "", segment, "", "", "", "", *times, repr(float(value)), error)
            )
    write_bytes(target, text.getvalue().encode())


def _rectangles(view: FigureInput) -> NDArray[np.float64]:
    rows, columns = view.attribution.image().shape
    return patch_rectangles(rows, columns, view.inputs.pixels)


def _error(view: FigureInput, modality: Modality, index: tuple[int, ...]) -> str:
    stderr = view.attribution.stderr
    return "" if stderr is None else repr(float(stderr[modality][index]))
