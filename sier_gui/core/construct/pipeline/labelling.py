"""Stages 5 to 7: what the networks say, labels, and the dataset's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sier_gui.core.construct.pipeline.answers import BATCH, load_answers
from sier_gui.core.construct.pipeline.context import Context, image_file, speech_file
from sier_gui.core.construct.pipeline.labels import Answers, Floats, relabel
from sier_gui.core.construct.pipeline.table import Built, Candidate, write_dataset
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.prediction import resolve_device, set_threads

Chunk = tuple[Modality, tuple[int, ...]]


def answer_all(run: Context, device: str) -> None:
    """Stage 5.

    Batches are always of the same rows, and each is computed by one core: bits depend neither on when the
    build was interrupted nor on the number of threads.

    Raises
    ------
    SierError : nothing was said, a release does not verify, or the folder keeps to another device.
    """
    rows = _said(run)
    if not rows:
        why = "; ".join(f.reason for f in run.state.findings() if f.kind == "synthesis")[:300]
        raise SierError(f"No text could be said. {why}", "Use other synthesizers and another folder.")
    chunks = [tuple(rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)]
    known = {m: run.state.probabilities(m).keys() for m in Modality}
    todo = [(m, chunk) for m in Modality for chunk in chunks if not known[m] >= set(chunk)]
    if not todo:
        return
    with run.stage("probabilities"), _one_core_each():
        resolved = _device(run, device)
        networks = load_answers(run.releases[Modality.SPEECH], run.releases[Modality.IMAGE], resolved)
        files = _files(run)

        def answered(chunk: Chunk) -> Floats:
            modality, members = chunk
            return networks[modality].answer([files[modality][row] for row in members])

        before = len(Modality) * len(chunks) - len(todo)
        for (modality, members), values in run.each("probabilities", todo, answered, before, _use_one_core):
            with run.state.transaction():
                run.state.add_probabilities(modality, members, values)


def write_all(run: Context) -> dict[str, Any]:
    """Stages 6 and 7, made again from the state each time; returns the summary.

    Raises
    ------
    SierError : no sample has a label, or the folder cannot be written.
    """
    with run.stage("table"):
        built = _built(run)
        summary = write_dataset(run.out, built)
        run.computed["table"] = summary["counts"]["samples"]
    return summary


def _said(run: Context) -> list[int]:
    return [row for row, said in run.state.speech().items() if said is not None]


def _files(run: Context) -> dict[Modality, dict[int, Path]]:
    pairs, hashes = run.state.pairs(), run.state.hash_of()
    return {
        Modality.SPEECH: {row: run.out / speech_file(row) for row in pairs},
        Modality.IMAGE: {row: run.out / image_file(file, hashes[file]) for row, file in pairs.items()},
    }


def _device(run: Context, device: str) -> str:
    """A folder that exists keeps its device: another one gives other last bits."""
    there = run.state.fact("device")
    resolved = resolve_device(there if there is not None and device == "auto" else device)
    if there is None:
        with run.state.transaction():
            run.state.note("device", resolved)
    elif there != resolved:
        raise SierError(
            f"{run.out} holds a build on the device {there}, not {resolved}.", "Leave out --device."
        )
    return resolved


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Within a batch torch uses one core; the batches share out the others."""
    import torch

    before = torch.get_num_threads()
    _use_one_core()
    try:
        yield
    finally:
        set_threads(before)


def _use_one_core() -> None:
    set_threads(1)


def _built(run: Context) -> Built:
    state, rows = run.state, _said(run)
    texts = {text.row: text for text in state.texts()}
    pairs, hashes, speech = state.pairs(), state.hash_of(), state.speech()
    candidates, versions = [], state.fact("versions")
    for row in rows:
        said = speech[row]
        assert said is not None
        image = image_file(pairs[row], hashes[pairs[row]])
        candidates.append(
            Candidate(
                texts[row],
                pairs[row],
                image,
                speech_file(row),
                said.program,
                said.voice,
                versions[said.program],
            )
        )
    answers = {}
    for modality, release in run.releases.items():
        found = state.probabilities(modality)
        answers[modality] = Answers(release.classes, np.array([found[row] for row in rows]))
    request = run.request
    return Built(
        request=request,
        releases=run.releases,
        candidates=candidates,
        answers=answers,
        labels=relabel(answers, request.rule, request.threshold, request.mapping),
        findings=state.findings(),
        counts=_counts(run),
        versions=versions,
        missing_voices=state.fact("missing_voices"),
    )


def _counts(run: Context) -> dict[str, int]:
    state = run.state
    return {
        "rows": state.fact("rows"),
        "texts": len(state.texts()),
        "pictures_found": state.fact("pictures_found"),
        "pictures": sum(first == file for file, first in state.same_as().items()),
        "pairs": len(state.pairs()),
        "spoken": len(_said(run)),
    }
