"""What is done for one sample, here or in another process: read, explain, say what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.domain import FrontEnd, Sample, SampleInputs
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import CODE_VERSION, WORDS, Attribution, ExplainRequest
from sier_gui.core.explain.cache import AttributionCache
from sier_gui.core.explain.engine import explain, keep, kept
from sier_gui.core.explain.survey.rows import SurveyRow
from sier_gui.core.tasks import CancelToken

if TYPE_CHECKING:
    from sier_gui.core.nets.prediction import Predictor

# A worker of another engine may run two tasks at once: torch's thread count and the memory hold one.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Job:
    """What every sample of a survey has in common; travels to the workers."""

    release_folder: Path
    weights_hash: str
    dataset_hash: str
    request: ExplainRequest
    device: str
    threads: int
    use_cache: bool
    code_version: str = CODE_VERSION


@dataclass(frozen=True, slots=True)
class Task:
    """One sample. ``known_hash``: of the tensors that a row on disk was computed from, "" without one."""

    sample: Sample
    files: str
    known_hash: str = ""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The sample's files were touched, but its tensors are those that its row was computed from."""

    row: int


Outcome = SurveyRow | Unchanged
Reader = Callable[[Sample, FrontEnd, bool], SampleInputs]  # with the words' times where True


def read_inputs(sample: Sample, front: FrontEnd, words: bool) -> SampleInputs:
    """As `load_inputs`."""
    from sier_gui.core.dataset.inputs import load_inputs

    return load_inputs(sample, front, words=words)


def steps(
    job: Job, task: Task, predictor: Predictor, token: CancelToken, read: Reader = read_inputs
) -> Iterator[Outcome | None]:
    """None after each refinement, at last the outcome. Raises only `Cancelled`.

    What is computed also goes into the attribution cache, unless the job leaves that alone: a sample that is
    looked at afterwards has its map at once.
    """
    sample, inputs_hash = task.sample, ""
    try:
        with torch_threads(job.threads):
            inputs = read(sample, predictor.front, job.request.segments == WORDS)
        inputs_hash = inputs.content_hash
        if inputs_hash == task.known_hash:
            yield Unchanged(sample.row)
            return
        attribution = _explained_before(job, inputs, predictor.front) if job.use_cache else None
        if attribution is None:
            refining = explain(predictor, inputs, job.request, dataset_hash=job.dataset_hash, token=token)
            while attribution is None or not attribution.complete:
                with torch_threads(job.threads):  # not over a yield, during which others may use torch
                    attribution = next(refining)
                if not attribution.complete:
                    yield None
            if job.use_cache:
                keep(attribution, predictor.front, inputs, job.request, AttributionCache(), asked_for=False)
    except SierError as error:
        yield failed_row(task, error, inputs_hash)
        return
    yield SurveyRow(sample.row, sample.sample_id, sample.label, task.files, inputs_hash, attribution, None)


def failed_row(task: Task, error: SierError, inputs_hash: str = "") -> SurveyRow:
    """A row that says in one line why its sample has no values."""
    sample, line = task.sample, " ".join(str(error).split())
    return SurveyRow(sample.row, sample.sample_id, sample.label, task.files, inputs_hash, None, line)


def outcome(job: Job, task: Task, token: CancelToken) -> Outcome:
    """What a worker process does with a task; the release is loaded once for each process.

    Raises
    ------
    SierError : the release cannot be loaded here, or is another one than where the survey was started.
    Cancelled : ``token`` was cancelled.
    """
    with _one_at_a_time:
        if job.code_version != CODE_VERSION:
            raise SierError("A worker has another version of sier-gui.", "Install the same one everywhere.")
        predictor = _predictor(job.release_folder, job.weights_hash, job.device)
        *_, last = steps(job, task, predictor, token)
    assert last is not None
    return last


@lru_cache(maxsize=1)
def _predictor(folder: Path, weights_hash: str, device: str) -> Predictor:
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import open_release

    release = open_release(folder)
    if release.weights_hash != weights_hash:
        raise SierError(f"A worker finds another release in {folder}.", "Copy the same one to all machines.")
    return Predictor(release, device)


def _explained_before(job: Job, inputs: SampleInputs, front: FrontEnd) -> Attribution | None:
    """From the cache of the window and ``explain``, where it was computed as here, so that no bit differs."""
    import torch

    if job.request.batch is not None:  # which the cache does not tell apart
        return None
    found = kept(job.weights_hash, front, inputs, job.request, AttributionCache(), job.dataset_hash)
    if found is None:
        return None
    facts = found.provenance
    same = facts.get("threads") == job.threads and facts.get("torch") == str(torch.__version__)
    return found if same and str(facts.get("device")).partition(":")[0] == job.device else None


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads for torch's operations; as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    if before != count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)
