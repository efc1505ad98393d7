"""One surveyed sample, and how rows of them become an Arrow table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.domain import Modality, Sample
from sier_gui.core.explain.attribution import Attribution, Floats

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """What is known of one sample: its attribution, or the one line that says why there is none.

    ``files`` is `file_stamp` when it was read, ``sample_hash`` that of its tensors ("" where unreadable).
    """

    row: int
    sample_id: str
    label: str | None
    files: str
    sample_hash: str
    attribution: Attribution | None
    error: str | None


def file_stamp(sample: Sample) -> str:
    """Sizes and times of a sample's files: while it stays the same, nobody need decode them again."""
    parts = []
    for modality in Modality:
        try:
            facts = sample.paths[modality].stat()
        except (KeyError, OSError, ValueError):  # no such modality, no such file, a zero byte in the path
            parts.append("-")
        else:
            parts.append(f"{facts.st_size}:{facts.st_mtime_ns}")
    return " ".join(parts)


def degree_errors(attribution: Attribution) -> dict[Modality, float]:
    """Standard error of `Attribution.degree` by the delta method; 0 where the values are exact.

    With w_m = Σ|φ| of a modality, T = Σ w_m and share w_m / T, its variance is
    [(T − w_m)² s_m² + w_m² Σ_{k≠m} s_k²] / T⁴, s_m² the sum of the players' squared standard errors, whose
    correlation is left out of account.
    """
    if attribution.stderr is None:
        return dict.fromkeys(attribution.values, 0.0)
    c = attribution.index()
    weight = {m: float(np.abs(v[c]).sum()) for m, v in attribution.values.items()}
    variance = {m: float((e[c] ** 2).sum()) for m, e in attribution.stderr.items()}
    total, all_variance = sum(weight.values()), sum(variance.values())
    if not total:
        return dict.fromkeys(weight, 0.0)
    return {
        m: math.sqrt((total - w) ** 2 * variance[m] + w**2 * (all_variance - variance[m])) / total**2
        for m, w in weight.items()
    }


# ---------------------------------------------------------------- columns


def columns(rows: Sequence[SurveyRow]) -> dict[str, pa.Array]:
    """The columns of a part file, in order; shapes of the lists are in the survey's facts."""

    def of(read: Callable[[Attribution], Any]) -> list[Any]:
        return [None if r.attribution is None else read(r.attribution) for r in rows]

    def by_modality(
        read: Callable[[Attribution], Mapping[Modality, Any] | None],
    ) -> dict[Modality, list[Any]]:
        found = of(read)
        return {m: [None if one is None else one.get(m) for one in found] for m in Modality}

    made = {
        "row": _numbers([r.row for r in rows], whole=True),
        "sample_id": _texts([r.sample_id for r in rows]),
        "label": _texts([r.label for r in rows]),
        "predicted": _texts(of(lambda a: a.classes[int(a.f_all.argmax())])),
        "explained": _texts(of(lambda a: a.target)),
        "f_none": _lists(of(lambda a: a.f_none)),
        "f_all": _lists(of(lambda a: a.f_all)),
    }
    for name, read in (
        ("", lambda a: a.values),
        ("stderr_", lambda a: a.stderr),
        ("split_", lambda a: a.split),
    ):
        made |= {f"{name}{m}": _lists(cells) for m, cells in by_modality(read).items()}
    for name, shares in (("degree_", Attribution.degree), ("degree_stderr_", degree_errors)):
        made |= {f"{name}{m}": _numbers(cells) for m, cells in by_modality(shares).items()}
    return made | {
        "segment_edges_s": _lists(of(lambda a: a.segment_edges_s)),
        "residual": _numbers(of(Attribution.residual)),
        "evaluations": _numbers(of(lambda a: a.evaluations), whole=True),
        "seconds": _numbers(of(lambda a: a.seconds)),
        "sample_hash": _texts([r.sample_hash for r in rows]),
        "files": _texts([r.files for r in rows]),
        "error": _texts([r.error for r in rows]),
    }


# pyarrow's own conversions from Python import pandas where it is installed (0.4 s); these do not.


def _bitmap(cells: Iterable[Any]) -> pa.Buffer:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(np.array([cell is not None for cell in cells], bool), bitorder="little"))


def _offsets(sizes: list[int]) -> pa.Buffer:
    import pyarrow as pa

    ends = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=ends[1:])
    return pa.py_buffer(ends)


def _numbers(cells: list[Any], whole: bool = False) -> pa.Array:
    """float64, or int64 where ``whole``; None becomes null."""
    import pyarrow as pa

    kept = np.array([0 if cell is None else cell for cell in cells], np.int64 if whole else np.float64)
    kind = pa.int64() if whole else pa.float64()
    return pa.Array.from_buffers(kind, len(cells), [_bitmap(cells), pa.py_buffer(kept)])


def _texts(cells: list[str | None]) -> pa.Array:
    import pyarrow as pa

    encoded = [(cell or "").encode("utf-8", "replace") for cell in cells]
    data = pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(
        len(cells), _offsets([len(text) for text in encoded]), data, _bitmap(cells)
    )


def _lists(cells: list[Floats | None]) -> pa.Array:
    """list<float64> of arrays of any shape, flattened in C order."""
    import pyarrow as pa

    flat = [np.zeros(0) if cell is None else np.asarray(cell, np.float64).ravel() for cell in cells]
    numbers = np.concatenate([*flat, np.zeros(0)])
    child = pa.Array.from_buffers(pa.float64(), len(numbers), [None, pa.py_buffer(numbers)])
    buffers = [_bitmap(cells), _offsets([len(one) for one in flat])]
    return pa.Array.from_buffers(pa.list_(pa.float64()), len(cells), buffers, children=[child])
