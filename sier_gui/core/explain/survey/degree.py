"""How much a network's decisions rest on each modality: A-SHAP, V-SHAP with their errors (004 §3.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset.tables import as_numpy
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.explain.survey.facts import read_facts
from sier_gui.core.explain.survey.results import read_survey
from sier_gui.core.seeds import stream

if TYPE_CHECKING:
    import pyarrow as pa

COLLAPSE = 0.95  # one modality's share above which a network hardly uses the others
RESAMPLES = 1000
CHUNK = 1 << 18  # samples drawn at a time: as much as stays in the processor's cache
# 004's names; a modality without one of them is called by its own
NAMES = {Modality.SPEECH: "A-SHAP", Modality.IMAGE: "V-SHAP"}


@dataclass(frozen=True, slots=True)
class Share:
    """A modality's mean share over samples, a fraction; NaN where there are too few samples to say.

    ``stderr``: standard error over samples, s / √n. ``low``, ``high``: 95 % interval, percentiles of
    `RESAMPLES` bootstrap means.
    """

    mean: float
    stderr: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """Shares over some samples. ``degree``: of Σ|φ| over the players; ``split``: of the two-player game."""

    n: int
    degree: Mapping[Modality, Share]
    split: Mapping[Modality, Share]

    def to_json(self) -> dict[str, Any]:
        """Fractions by modality, each with standard error and interval; null where there are too few."""
        found: dict[str, Any] = {"n": self.n}
        for name, prefix, shares in (("degree", "", self.degree), ("split", "split_", self.split)):
            found[name] = {str(m): _number(s.mean) for m, s in shares.items()}
            found[f"{prefix}stderr"] = {str(m): _number(s.stderr) for m, s in shares.items()}
            found[f"{prefix}interval"] = {
                str(m): [_number(s.low), _number(s.high)] for m, s in shares.items()
            }
        return found


@dataclass(frozen=True, slots=True)
class Split:
    """A group, and its correctly and wrongly predicted samples apart; unlabelled ones are in neither."""

    all: Group
    correct: Group
    wrong: Group

    def to_json(self) -> dict[str, Any]:
        return self.all.to_json() | {"correct": self.correct.to_json(), "wrong": self.wrong.to_json()}


@dataclass(frozen=True, slots=True)
class SampleDegrees:
    """By sample, (n,) each, in the dataset's order; samples that could not be explained are left out.

    ``degree`` and ``split`` are fractions by modality; ``stderr`` is that of ``degree``, 0 where exact.
    """

    row: NDArray[np.int64]
    sample_id: Sequence[str]
    label: Sequence[str | None]
    predicted: Sequence[str]
    explained: Sequence[str]
    degree: Mapping[Modality, Floats]
    stderr: Mapping[Modality, Floats]
    split: Mapping[Modality, Floats]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class DegreeTable:
    """The modality degrees of a survey; ``failed`` samples have an error, ``facts`` are ``_survey.json``."""

    samples: SampleDegrees
    dataset: Split
    labels: Mapping[str, Split]
    failed: int
    facts: Mapping[str, Any]

    @property
    def collapse(self) -> Modality | None:
        """The modality whose share stays above `COLLAPSE`: the whole 95 % interval of the dataset's mean."""
        for modality, share in self.dataset.all.degree.items():
            if (share.mean if math.isnan(share.low) else share.low) > COLLAPSE:
                return modality
        return None

    @property
    def warning(self) -> str | None:
        """One sentence where the network has collapsed to one modality."""
        modality = self.collapse
        if modality is None:
            return None
        share = self.dataset.all.degree[modality].mean
        return (
            f"Uni-modal collapse: {share:.1%} of the attribution over {len(self.samples)} samples is on the "
            f"{modality}; the network hardly uses the rest."
        )

    def to_json(self) -> dict[str, Any]:
        """As ``sier-gui degree --json`` prints it: fractions; null where there are too few samples."""
        s = self.samples
        samples = [
            {
                "row": int(s.row[i]),
                "sample_id": s.sample_id[i],
                "label": s.label[i],
                "predicted": s.predicted[i],
                "class": s.explained[i],
                "degree": {str(m): float(v[i]) for m, v in s.degree.items()},
                "stderr": {str(m): float(v[i]) for m, v in s.stderr.items()},
                "split": {str(m): float(v[i]) for m, v in s.split.items()},
            }
            for i in range(len(s))
        ]
        return {
            "schema": 1,
            "dataset": self.dataset.to_json() | {"failed": self.failed, "warning": self.warning},
            "labels": {label: split.to_json() for label, split in self.labels.items()},
            "samples": samples,
            "provenance": dict(self.facts),
        }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


# ---------------------------------------------------------------- from a survey


def degree_table(folder: Path, *, rows: Sequence[int] | None = None, seed: int = 0) -> DegreeTable:
    """The degrees of the samples that the survey in ``folder`` holds; it may be under way.

    A group's degree is the mean of its samples' degrees (004 §3.4.1).

    Parameters
    ----------
    rows : only these rows of the dataset.
    seed : of the bootstrap.

    Raises
    ------
    SierError : there is no survey, or it cannot be read.
    """
    facts = read_facts(folder)
    if facts is None:
        raise SierError(f"There is no survey in {folder}.", "Make one with sier-gui explain --all --out.")
    names = [f"{name}{m}" for name in ("degree_", "degree_stderr_", "split_") for m in Modality]
    table = read_survey(folder, ["row", "sample_id", "label", "predicted", "explained", "error", *names])
    if rows is not None:
        table = table.filter(_mask(np.isin(as_numpy(table.column("row")), np.asarray(rows, np.int64))))
    explained = table.filter(_is_null(table, "error"))
    samples = _samples(explained, tuple(facts["classes"]))
    labels = np.array([label or "" for label in samples.label], object)
    right = labels == np.array(samples.predicted, object)
    everyone = np.ones(len(samples), bool)
    known = [name for name in facts["classes"] if name in labels]
    others = sorted(set(labels.tolist()) - {"", *known})
    by_label = {
        name: _split(samples, labels == name, right, labels != "", seed, f"label/{name}")
        for name in (*known, *others)
    }
    dataset = _split(samples, everyone, right, labels != "", seed, "dataset")
    return DegreeTable(samples, dataset, by_label, table.num_rows - len(samples), facts)


def _samples(table: pa.Table, classes: tuple[str, ...]) -> SampleDegrees:
    present = [m for m in Modality if table.column(f"degree_{m}").null_count < max(1, table.num_rows)]
    explained = table.column("explained").to_pylist()
    at = np.array([classes.index(name) for name in explained], np.intp)
    magnitude = {
        m: np.abs(_per_class(table, f"split_{m}", len(classes))[np.arange(len(at)), at]) for m in present
    }
    total = sum(magnitude.values(), np.zeros(len(at)))
    even = np.full(len(at), 1 / max(1, len(present)))  # as Attribution.degree where everything is zero
    return SampleDegrees(
        row=as_numpy(table.column("row")),
        sample_id=table.column("sample_id").to_pylist(),
        label=table.column("label").to_pylist(),
        predicted=table.column("predicted").to_pylist(),
        explained=explained,
        degree={m: as_numpy(table.column(f"degree_{m}")) for m in present},
        stderr={m: as_numpy(table.column(f"degree_stderr_{m}")) for m in present},
        split={m: np.divide(v, total, out=even.copy(), where=total > 0) for m, v in magnitude.items()},
    )


def _is_null(table: pa.Table, name: str) -> Any:
    from pyarrow import compute

    return compute.is_null(table.column(name))


def _mask(keep: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    bits = pa.py_buffer(np.packbits(keep, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(keep), [None, bits])


def _per_class(table: pa.Table, name: str, classes: int) -> Floats:
    """A column of lists, one number for each class: (n, C)."""
    column = table.column(name).combine_chunks()
    return as_numpy(column.flatten()).reshape(-1, classes)


# ---------------------------------------------------------------- groups


def _split(
    samples: SampleDegrees,
    members: NDArray[np.bool_],
    right: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
    seed: int,
    name: str,
) -> Split:
    return Split(
        _group(samples, members, seed, name),
        _group(samples, members & right, seed, f"{name}/correct"),
        _group(samples, members & labelled & ~right, seed, f"{name}/wrong"),
    )


def _group(samples: SampleDegrees, members: NDArray[np.bool_], seed: int, name: str) -> Group:
    kinds = [values for part in (samples.degree, samples.split) for values in part.values()]
    found = shares(np.stack(kinds, axis=1)[members] if kinds else np.zeros((0, 0)), seed, name)
    count = len(samples.degree)
    return Group(
        int(members.sum()),
        dict(zip(samples.degree, found[:count], strict=True)),
        dict(zip(samples.split, found[count:], strict=True)),
    )


def shares(values: Floats, seed: int, name: str) -> list[Share]:
    """Mean, standard error and bootstrap interval of each column of ``values``, (n, k).

    The columns are resampled together: a draw takes whole samples.
    """
    n, k = values.shape
    nothing = [math.nan] * k
    means = values.mean(axis=0).tolist() if n else nothing
    if n < 2:
        return [Share(mean, math.nan, math.nan, math.nan) for mean in means]
    errors = values.std(axis=0, ddof=1) / math.sqrt(n)
    rng = stream(seed, f"survey/bootstrap/{name}")
    size = max(1, CHUNK // n)
    drawn = []
    for start in range(0, RESAMPLES, size):
        b = min(size, RESAMPLES - start)
        picks = rng.integers(n, size=(b, n), dtype=np.int32) + n * np.arange(b, dtype=np.int32)[:, None]
        # how often each sample was drawn: a product instead of gathering (b, n, k) values
        counts = np.bincount(picks.ravel(), minlength=b * n).reshape(b, n)
        drawn.append(counts @ values / n)
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5), axis=0)
    return [Share(*one) for one in zip(means, errors.tolist(), low.tolist(), high.tolist(), strict=True)]
