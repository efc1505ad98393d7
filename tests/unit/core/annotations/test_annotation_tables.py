"""By row, by person, as files: bits against counting in Python, agreement against oracles, originals kept."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from annotating import LABELS, PEOPLE, request
from sklearn.metrics import cohen_kappa_score

from sier_gui.core.agreement import cohen_kappa
from sier_gui.core.annotations.agreeing import TABLE, agree, labels_of
from sier_gui.core.annotations.columns import Columns
from sier_gui.core.annotations.export import (
    corrected_name,
    settle,
    write_annotations,
    write_corrected,
)
from sier_gui.core.annotations.notes import Notes, place_text
from sier_gui.core.annotations.records import Change, Entry, Kind, Mark, Step
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.dataset.marks import Bit, Marked, having
from sier_gui.core.dataset.query import Query, select
from sier_gui.core.domain import Modality, Selection
from sier_gui.core.errors import SierError

SAMPLES = 40


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Forty rows, every seventh without a label; the files need not exist."""
    folder = tmp_path / "set"
    folder.mkdir()
    with (folder / "samples.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sample_id", "image", "speech", "text", "label", "note"])
        for i in range(SAMPLES):
            label = "" if i % 7 == 0 else LABELS[i % 4]
            table.writerow([f"s{i}", f"{i}.png", f"{i}.wav", 'a "quoted", word', label, f"00{i}"])
    return open_dataset(folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnnotationStore]:
    """Two hundred requests by four people; only looked at."""
    with AnnotationStore(tmp_path_factory.mktemp("store")) as store:
        for number in range(200):
            store.apply(request(11, number))
        store.apply(Change("Ben", "elsewhere", Kind.LABEL, "sad"))
        yield store


def counted(catalogue: Catalogue, store: AnnotationStore, me: str) -> list[int]:
    """The bits of each row, one entry at a time."""
    bits = []
    for row in range(len(catalogue)):
        said = [e for e in store.entries() if e.sample_id == f"s{row}"]
        given, table = {e.who: e.value for e in said if e.kind is Kind.LABEL}, catalogue.cell(row, "label")
        bit = Bit(0)
        bit |= Bit.LABELLED if given else Bit(0)
        bit |= Bit.MINE if me in given else Bit(0)
        bit |= Bit.DISPUTED if len(set(given.values())) > 1 else Bit(0)
        bit |= Bit.CORRECTED if table and any(value != table for value in given.values()) else Bit(0)
        for kind, named in ((Kind.FLAG, Bit.FLAGGED), (Kind.COMMENT, Bit.COMMENTED), (Kind.MARK, Bit.MARKED)):
            bit |= named if any(e.kind is kind for e in said) else Bit(0)
        bits.append(int(bit))
    return bits


# ---------------------------------------------------------------- by row


def test_bits_are_what_counting_says(catalogue: Catalogue, store: AnnotationStore) -> None:
    columns = Columns(catalogue, "Anna")
    columns.fill(store.entries())
    expected = counted(catalogue, store, "Anna")
    assert columns.bits.tolist() == expected
    assert len(set(expected)) > 8  # of many kinds
    columns.sign("Ben")
    assert columns.bits.tolist() == counted(catalogue, store, "Ben")


def test_one_change_at_a_time_comes_to_the_same(catalogue: Catalogue, store: AnnotationStore) -> None:
    columns = Columns(catalogue, "Anna")
    for event in store.events():
        entry = Entry(event.sample_id, event.who, event.kind, event.item, event.new)
        assert columns.set(entry) == (-1 if event.sample_id == "elsewhere" else int(event.sample_id[1:]))
    assert columns.bits.tolist() == counted(catalogue, store, "Anna")


@pytest.mark.parametrize("marked", list(Marked))
def test_filters_keep_what_they_say(catalogue: Catalogue, store: AnnotationStore, marked: Marked) -> None:
    columns = Columns(catalogue, "Anna")
    columns.fill(store.entries())
    bits, table = columns.bits, [catalogue.cell(row, "label") for row in range(SAMPLES)]
    means = {
        Marked.ALL: lambda row: True,
        Marked.FLAGGED: lambda row: bits[row] & 16,
        Marked.UNLABELLED: lambda row: not table[row] and not bits[row] & 1,
        Marked.NOT_MINE: lambda row: not bits[row] & 2,
        Marked.DISPUTED: lambda row: bits[row] & 8,
        Marked.CORRECTED: lambda row: bits[row] & 4,
        Marked.NOTED: lambda row: bits[row] & 96,
    }[marked]
    expected = [row for row in range(SAMPLES) if means(row)]
    assert select(catalogue, Query(marked=marked), None, bits).tolist() == expected
    assert np.flatnonzero(having(catalogue, marked, bits)).tolist() == expected
    without = select(catalogue, Query(marked=marked))  # nobody annotated anything
    assert len(without) == {"": SAMPLES, "not mine": SAMPLES, "unlabelled": 6}.get(marked, 0)


def test_annotated_rows_come_first_in_the_order_of_flags(catalogue: Catalogue) -> None:
    bits = np.zeros(SAMPLES, np.uint8)
    bits[[3, 9, 20]] = [Bit.LABELLED, Bit.FLAGGED, Bit.FLAGGED | Bit.LABELLED]
    for descending in (False, True):
        rows = select(catalogue, Query(sort="flags", descending=descending), None, bits)
        assert set(rows[:3].tolist()) == {3, 9, 20}
        assert rows[0] == (3 if descending else 20)


# ---------------------------------------------------------------- of one sample


def test_a_line_says_who_what_and_when() -> None:
    from datetime import UTC

    at = "2026-11-12T18:40:05.000+00:00"
    notes = Notes("s1")
    for kind, value in ((Kind.LABEL, "sad"), (Kind.FLAG, True), (Kind.COMMENT, "too quiet")):
        notes = notes.with_entry(Entry("s1", "Anna", kind, "", value, at))
    assert notes.line("Anna", "Anna", UTC) == "you, 12 Nov 18:40: sad ⚑ “too quiet”"
    notes = notes.with_entry(Entry("s1", "Anna", Kind.FLAG, "", None, at))
    assert notes.line("Anna", "Ben", UTC) == "Anna, 12 Nov 18:40: sad “too quiet”"
    mark = Mark(Selection(Modality.SPEECH, start_s=0.31, end_s=0.62, low_hz=300, high_hz=2000))
    notes = notes.with_entry(Entry("s1", "Ben", Kind.MARK, "m1", mark.value()))
    assert notes.line("Ben", "Ben", UTC) == "you: 1 marked"  # not saved yet: no time
    assert place_text(notes.marks[0]) == "0.31–0.62 s, 300–2,000 Hz"
    assert notes.marks[0].mark == mark
    assert notes.labels == ("sad",)


# ---------------------------------------------------------------- agreement


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_what_the_oracles_say(seed: int) -> None:
    dice = random.Random(seed)
    truth = [dice.choice(LABELS) for _ in range(60)]
    labels = {
        who: {
            f"s{i}": truth[i] if dice.random() < 0.7 else dice.choice(LABELS)
            for i in range(60)
            if dice.random() < 0.8
        }
        for who in PEOPLE
    }
    found = agree(labels)
    ratings = np.full((len(PEOPLE), 60), np.nan)
    for p, who in enumerate(PEOPLE):
        for sample, name in labels[who].items():
            ratings[p, int(sample[1:])] = LABELS.index(name)
    alpha = krippendorff.alpha(ratings, level_of_measurement="nominal")
    assert found.alpha == pytest.approx(alpha, abs=1e-9)
    assert len(found.pairs) == 6
    for pair in found.pairs:
        both = sorted(labels[pair.first].keys() & labels[pair.second].keys())
        first, second = ([labels[who][s] for s in both] for who in (pair.first, pair.second))
        assert (pair.n, pair.same) == (len(both), sum(a == b for a, b in zip(first, second, strict=True)))
        assert pair.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
    several = [{labels[w][f"s{i}"] for w in PEOPLE if f"s{i}" in labels[w]} for i in range(60)]
    assert found.disputed == sum(len(names) > 1 for names in several)


def test_agreement_with_the_table_counts_for_nothing_else() -> None:
    labels = {"Anna": {"s1": "sad", "s2": "hate"}, "Ben": {"s1": "sad"}}
    alone, beside = agree(labels), agree(labels, {"s1": "sad", "s2": "sad", "s3": "hate"})
    assert (alone.alpha, alone.items, alone.disputed) == (beside.alpha, beside.items, beside.disputed)
    with_table = {(p.first, p.second): (p.n, p.same) for p in beside.pairs if TABLE in (p.first, p.second)}
    assert with_table == {("Anna", TABLE): (2, 1), ("Ben", TABLE): (1, 1)}


def test_agreement_that_is_not_defined_is_none() -> None:
    assert cohen_kappa(np.zeros((2, 2), np.int64)) is None
    assert cohen_kappa(np.diag([5, 0])) is None
    assert agree({"Anna": {"s1": "sad"}}).alpha is None
    assert agree({}).items == 0


# ---------------------------------------------------------------- files


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_exported_lines_are_what_people_said(store: AnnotationStore, tmp_path: Path) -> None:
    annotations, marks, about = write_annotations(store, tmp_path / "out")
    said = {(line["sample_id"], line["by"]): line for line in read(annotations)}
    entries = list(store.entries())
    for e in entries:
        line = said[e.sample_id, e.who] if e.kind is not Kind.MARK else {}
        if e.kind is not Kind.MARK:
            assert line[str(e.kind)] == ("1" if e.value is True else e.value)
            assert line["at"] >= e.at
    filled = sum(bool(line[name]) for line in said.values() for name in ("label", "flag", "comment"))
    assert filled == sum(e.kind is not Kind.MARK for e in entries)
    spans = [(line["sample_id"], line["by"], float(line["start_s"])) for line in read(marks)]
    assert spans == [(e.sample_id, e.who, e.mark.where.start_s) for e in entries if e.kind is Kind.MARK]
    assert spans
    assert store.id in about.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("labels", "unanimous", "majority"),
    [
        (["sad"], "sad", "sad"),
        (["sad", "sad"], "sad", "sad"),
        (["sad", "hate"], None, None),
        (["sad", "hate", "sad"], None, "sad"),
        (["sad", "hate", "anger"], None, None),
    ],
)
def test_what_labels_come_to(labels: list[str], unanimous: str | None, majority: str | None) -> None:
    assert settle(labels, "unanimous") == unanimous
    assert settle(labels, "majority") == majority


@pytest.mark.parametrize("rule", ["unanimous", "majority"])
def test_a_corrected_table_changes_labels_and_nothing_else(
    catalogue: Catalogue, store: AnnotationStore, rule: str
) -> None:
    source = catalogue.root / "samples.csv"
    before, original = digest(source), read(source)
    target = corrected_name(catalogue)
    made = write_corrected(catalogue, store, target, rule)
    assert digest(source) == before
    assert target.name == "samples-corrected.csv"
    labels = labels_of(store.entries())
    counts = {"corrected": 0, "filled in": 0, "disputed": 0, "confirmed": 0, "": 0}
    for old, new in zip(original, read(target), strict=True):
        assert {name: new[name] for name in old if name != "label"} == {
            name: value for name, value in old.items() if name != "label"
        }
        said = [labels[who][old["sample_id"]] for who in labels if old["sample_id"] in labels[who]]
        name = settle(said, rule) if said else None
        assert new["label"] == (name or old["label"])
        assert new["label_before"] == old["label"]
        counts[new["label_state"]] += 1
    assert (made.changed, made.filled, made.kept, made.unknown) == (
        counts["corrected"], counts["filled in"], counts["disputed"], 1,
    )  # fmt: skip
    assert min(counts[state] for state in ("corrected", "disputed")) > 0
    again = open_dataset(target)  # beside the original it opens as it is
    assert again.sample(3).paths == catalogue.sample(3).paths


def test_a_corrected_table_elsewhere_still_finds_its_files(
    catalogue: Catalogue, store: AnnotationStore, tmp_path: Path
) -> None:
    made = write_corrected(catalogue, store, tmp_path / "far" / "away.csv")
    opened = open_dataset(made.table, allow_outside=True)
    found = [path.resolve() for path in opened.sample(5).paths.values()]
    assert found == [path.resolve() for path in catalogue.sample(5).paths.values()]


def test_the_original_is_refused_as_a_target(catalogue: Catalogue, store: AnnotationStore) -> None:
    source = catalogue.root / "samples.csv"
    before = digest(source)
    link = catalogue.root / "link.csv"
    link.symlink_to(source)
    for target in (source, link):
        with pytest.raises(SierError, match="own table"):
            write_corrected(catalogue, store, target)
    assert digest(source) == before


def test_undone_labels_are_not_merged_back(catalogue: Catalogue, tmp_path: Path) -> None:
    with AnnotationStore(tmp_path / "one") as store:
        store.apply(Change("Anna", "s1", Kind.LABEL, "hate"))
        store.apply(Step("Anna", back=True))
        made = write_corrected(catalogue, store, tmp_path / "set" / "new.csv")
    assert (made.changed, made.filled, made.kept) == (0, 0, 0)
