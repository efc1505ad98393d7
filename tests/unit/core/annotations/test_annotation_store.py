"""The annotation file equals a plain model of it, whatever is undone, redone, killed or merged."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from annotating import PEOPLE, Model, check, held, request
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sier_gui.core.annotations.merging import merge
from sier_gui.core.annotations.records import Act, Change, Kind, Mark, Step, Value
from sier_gui.core.annotations.schema import FILE
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.domain import Modality, Selection
from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy

_WORKER = Path(__file__).parents[3] / "fixtures" / "annotating.py"
MARK: Value = Mark(Selection(Modality.SPEECH, start_s=0.1, end_s=0.4)).value()


def label(value: Value, sample: str = "s1", who: str = "Anna") -> Change:
    return Change(who, sample, Kind.LABEL, value)


# ---------------------------------------------------------------- kill -9


def run_and_kill(folder: Path, seed: int, first: int, after_s: float) -> int:
    """The number after the last request that the killed process said it had done."""
    environment = dict(os.environ, PYTHONPATH=str(_WORKER.parent))
    command = [sys.executable, str(_WORKER), str(folder), str(seed), str(first)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert worker.stdout.readline() == b"open\n", worker.stderr.read().decode()
        killer = threading.Timer(after_s, worker.send_signal, (signal.SIGKILL,))
        killer.start()
        said = worker.stdout.read().split(b"\n")[:-1]  # an incomplete line is no acknowledgement
        errors = worker.stderr.read()
        killer.join()
    assert worker.returncode == -signal.SIGKILL, errors.decode()
    return int(said[-1].split()[1]) + 1 if said else first


def crash(folder: Path, seed: int, requests: int, longest_s: float) -> tuple[int, int]:
    """Kill until so many requests are done, comparing after each kill; how many kills and changes it were."""
    moments, model, done, kills, changes = random.Random(seed), Model(), 0, 0, 0
    while done < requests:
        acknowledged = run_and_kill(folder, seed, done, moments.uniform(0, longest_s))
        kills += 1
        with AnnotationStore(folder) as store:
            stored = {int(event.id.split("-")[1]) for event in store.events()}
            # one more may have been written and not yet acknowledged
            reached = max([acknowledged, *(number + 1 for number in stored)])
            assert reached in (acknowledged, acknowledged + 1)
            for number in range(done, reached):
                wished = request(seed, number)
                assert model.apply(wished) == (number in stored)
                changes += isinstance(wished, Change)
            done = reached
            check(store, model)
    return kills, changes


def test_what_is_killed_equals_the_model(tmp_path: Path) -> None:
    kills, changes = crash(tmp_path, seed=1, requests=40, longest_s=0.1)
    assert kills >= 1
    assert changes > 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_annotations_undone_and_redone_and_killed(
    tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    kills, changes = crash(tmp_path, seed=2, requests=1800, longest_s=0.25)
    record_property("kills", kills)
    print(f"{changes} annotations among 1,800 requests, {kills} kills, equal to the model each time")
    assert changes >= 1000


# ---------------------------------------------------------------- any order, by hypothesis


class Annotating(RuleBasedStateMachine):
    """Requests in any order; the file is left as a kill leaves it, or closed and opened, at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.folders = [_fresh()]
        self.store, self.model = AnnotationStore(self.folders[-1]), Model()

    @rule(seed=st.integers(0, 50))
    def ask(self, seed: int) -> None:
        self.number += 1
        wished = request(seed, self.number)
        event = self.store.apply(wished)
        assert (event is not None) == self.model.apply(wished)
        if event is not None:
            assert self.store.apply(wished) == event  # asked twice, done once

    @rule()
    def close_and_open(self) -> None:
        self.store.close()
        self.store = AnnotationStore(self.folders[-1])

    @rule()
    def lose_power(self) -> None:
        """The files as they are at this moment; nobody closes them."""
        left = _fresh()
        for file in self.folders[-1].glob(f"{FILE}*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, left)
        self.store.close()
        self.folders.append(left)
        self.store = AnnotationStore(left)

    @invariant()
    def equals_the_model(self) -> None:
        check(self.store, self.model)

    def teardown(self) -> None:
        self.store.close()
        for folder in self.folders:
            shutil.rmtree(folder)


def _fresh() -> Path:
    import tempfile

    memory = Path("/dev/shm")  # where there is some: hundreds of commits, and the disk is not what is tested
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))


def test_any_order_of_requests_equals_the_model() -> None:
    run_state_machine_as_test(
        Annotating,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


# ---------------------------------------------------------------- one thing at a time


def test_who_and_when_stay_with_each_change(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path) as store:
        for wished in (label("sad"), label("happy", who="Ben"), Change("Anna", "s1", Kind.FLAG, True)):
            store.apply(wished)
        said = {(e.who, e.kind): (e.value, e.at) for e in store.entries("s1")}
    assert {slot: value for slot, (value, _) in said.items()} == {
        ("Anna", Kind.LABEL): "sad",
        ("Ben", Kind.LABEL): "happy",
        ("Anna", Kind.FLAG): True,
    }
    assert all(at.endswith("+00:00") and at.startswith("2") for _, at in said.values())


def test_undo_is_an_event_and_people_undo_their_own(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path) as store:
        store.apply(label("sad"))
        store.apply(label("happy", who="Ben"))
        event = store.apply(Step("Anna", back=True))
        assert event is not None
        assert (event.act, event.old, event.new) == (Act.UNDO, "sad", None)
        assert [e.who for e in store.entries()] == ["Ben"]
        assert store.apply(Step("Anna", back=True)) is None
        assert len(store.events()) == 3


def test_events_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path) as store:
        store.apply(label("sad"))
        for sql in ("UPDATE events SET who = 'Ben'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="never"), store.transaction() as connection:
                connection.execute(sql)
        assert store.events()[0].who == "Anna"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (label("sad", who=" "), "no name"),
        (label("sad", sample=""), "with an id"),
        (label(" "), "empty"),
        (label("x" * 81), "longer than 80"),
        (Change("Anna", "s1", Kind.FLAG, "yes"), "flag"),
        (Change("Anna", "s1", Kind.MARK, MARK), "needs an id"),
        (Change("Anna", "s1", Kind.MARK, {"modality": "taste"}, "m1"), "no span"),
        (Change("Anna", "s1", Kind.MARK, {"modality": "image", "left": 5, "right": 2}, "m1"), "Nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    tmp_path: Path, change: Change, said: str
) -> None:
    with AnnotationStore(tmp_path) as store:
        with pytest.raises(SierError, match=said):
            store.apply(change)
        assert store.events() == []


def test_one_writer_at_a_time_and_any_number_of_readers(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path) as store:
        store.apply(label("sad"))
        with pytest.raises(Busy, match="open in another copy"):
            AnnotationStore(tmp_path)
        with AnnotationStore(tmp_path, read_only=True) as reader:
            assert [e.value for e in reader.entries()] == ["sad"]
            store.apply(label("happy"))
            assert [e.value for e in reader.entries()] == ["happy"]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE)
    other.executescript("CREATE TABLE facts (name TEXT); PRAGMA user_version = 1;")
    other.close()
    with pytest.raises(SierError, match="no annotation file"):
        AnnotationStore(tmp_path)


# ---------------------------------------------------------------- merging


def copies(folder: Path) -> tuple[AnnotationStore, AnnotationStore]:
    """Two that share what Anna said first."""
    with AnnotationStore(folder / "a") as store:
        store.apply(label("sad"))
    (folder / "b").mkdir()
    shutil.copy(folder / "a" / FILE, folder / "b")
    return AnnotationStore(folder / "a"), AnnotationStore(folder / "b")


def test_different_people_never_conflict(tmp_path: Path) -> None:
    ours, theirs = copies(tmp_path)
    ours.apply(label("happy", "s2"))
    theirs.apply(label("hate", "s2", "Ben"))
    theirs.apply(Change("Ben", "s1", Kind.COMMENT, "unclear"))
    report = merge(ours, theirs)
    assert (report.added, report.same, report.conflicts) == (2, 1, [])
    assert {(e.who, e.value) for e in ours.entries()} == {
        ("Anna", "sad"), ("Anna", "happy"), ("Ben", "hate"), ("Ben", "unclear"),
    }  # fmt: skip
    assert merge(ours, theirs).added == 0
    ours.close()
    theirs.close()


def test_one_person_in_two_places_is_a_conflict_that_is_told(tmp_path: Path) -> None:
    ours, theirs = copies(tmp_path)
    ours.apply(label("happy"))
    theirs.apply(label("hate"))
    theirs.apply(label("anger"))  # later, so it holds
    (conflict,) = merge(ours, theirs).conflicts
    assert (conflict.who, conflict.ours, conflict.theirs, conflict.ours_holds) == (
        "Anna", "happy", "anger", False,
    )  # fmt: skip
    assert "happy" in conflict.text()
    assert [e.value for e in ours.entries()] == ["anger"]
    assert {e.new for e in ours.events()} == {"sad", "happy", "hate", "anger"}  # all on record
    ours.close()
    theirs.close()


def test_going_on_from_what_both_share_is_no_conflict(tmp_path: Path) -> None:
    ours, theirs = copies(tmp_path)
    ours.apply(label("happy"))
    assert merge(ours, theirs).conflicts == []
    assert merge(theirs, ours).conflicts == []
    assert held(theirs) == held(ours) == {("s1", "Anna", "label", ""): "happy"}
    ours.close()
    theirs.close()


@pytest.mark.parametrize("seed", range(4))
def test_merging_comes_to_the_same_from_either_side(tmp_path: Path, seed: int) -> None:
    ours, theirs = copies(tmp_path)
    for number in range(40):
        (ours if number % 3 else theirs).apply(request(seed, number))
    before = {event.id for store in (ours, theirs) for event in store.events()}
    merge(ours, theirs)
    merge(theirs, ours)
    assert held(ours) == held(theirs)
    assert {event.id for event in ours.events()} == before
    # the union says which value holds: the one of the last event by tick, time and id
    last = {(e.sample_id, e.who, str(e.kind), e.item): e.new for e in ours.events()}
    assert held(ours) == {slot: value for slot, value in last.items() if value is not None}
    for who in PEOPLE:  # whoever goes on can undo and redo without a stumble
        for back in (True, False, True):
            ours.apply(Step(who, back))
    ours.close()
    theirs.close()
