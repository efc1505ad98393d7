"""Where annotations are kept, and that none is lost where that cannot be written."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from annotating import request

from sier_gui.core import paths
from sier_gui.core.annotations.merging import bring_in
from sier_gui.core.annotations.places import beside, look, open_store, own, rescue
from sier_gui.core.annotations.records import Change, Kind, Request, Step
from sier_gui.core.annotations.schema import FILE
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.annotations.writer import Writer
from sier_gui.core.dataset.catalogue import Catalogue, open_dataset
from sier_gui.core.errors import SierError


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    folder = tmp_path / "set"
    folder.mkdir()
    rows = "".join(f"s{i},{i}.png,{i}.wav,word,sad\n" for i in range(4))
    (folder / "samples.csv").write_text(f"sample_id,image,speech,text,label\n{rows}", encoding="utf-8")
    return open_dataset(folder)


def label(value: str, sample: str = "s1", who: str = "Anna") -> Change:
    return Change(who, sample, Kind.LABEL, value)


def said(store: AnnotationStore) -> set[tuple[str, str, object]]:
    return {(e.who, e.sample_id, e.value) for e in store.entries()}


# ---------------------------------------------------------------- where


def test_beside_the_table_whichever_way_it_is_opened(catalogue: Catalogue) -> None:
    assert look(catalogue) is None
    with open_store(catalogue) as store:
        store.apply(label("happy"))
        assert store.folder == catalogue.root / "samples.annotations"
        assert store.notices == []
    by_file = open_dataset(catalogue.root / "samples.csv")
    found = look(by_file)
    assert found is not None
    with found:
        assert said(found) == {("Anna", "s1", "happy")}
    other = catalogue.root / "other.csv"
    other.write_text((catalogue.root / "samples.csv").read_text(encoding="utf-8"), encoding="utf-8")
    assert look(open_dataset(other)) is None  # another table, other annotations


def test_looking_makes_nothing(catalogue: Catalogue) -> None:
    before = sorted(catalogue.root.iterdir())
    assert look(catalogue) is None
    assert sorted(catalogue.root.iterdir()) == before
    assert not own(catalogue).exists()


def test_the_programs_own_data_stays_as_it_is() -> None:
    demo = open_dataset(paths.resources() / "demo")
    with open_store(demo) as store:
        store.apply(label("happy", demo.cell(0, "sample_id")))
        assert store.folder == own(demo)
        assert store.notices == []
    assert not beside(demo).exists()


def test_annotations_outlast_a_change_of_the_table(catalogue: Catalogue) -> None:
    with open_store(catalogue) as store:
        store.apply(label("happy"))
    table = catalogue.root / "samples.csv"
    table.write_text(table.read_text(encoding="utf-8") + "s9,9.png,9.wav,new,sad\n", encoding="utf-8")
    with open_store(open_dataset(catalogue.root)) as store:
        assert said(store) == {("Anna", "s1", "happy")}


# ---------------------------------------------------------------- where it cannot be


def test_what_another_holds_is_annotated_apart_and_joined_later(catalogue: Catalogue) -> None:
    with open_store(catalogue) as first:
        first.apply(label("happy"))
        with open_store(catalogue) as second:  # another window
            assert second.folder == own(catalogue)
            assert "open in another copy" in second.notices[0]
            assert said(second) == {("Anna", "s1", "happy")}  # it sees what the other has written
            second.apply(label("hate", who="Ben"))
        first.apply(label("anger", "s2"))
    with open_store(catalogue) as store:
        assert store.folder == beside(catalogue)
        assert said(store) == {("Anna", "s1", "happy"), ("Ben", "s1", "hate"), ("Anna", "s2", "anger")}


def test_what_one_person_said_differently_in_both_places_is_told(catalogue: Catalogue) -> None:
    with open_store(catalogue) as first, open_store(catalogue) as second:
        first.apply(label("happy"))
        second.apply(label("hate"))
    with open_store(catalogue) as store:
        (told,) = store.notices
        assert "'happy'" in told
        assert "'hate'" in told
        assert len(said(store)) == 1
    with open_store(catalogue) as store:
        assert store.notices == []  # once


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions on this system")
def test_a_folder_that_cannot_be_written(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(catalogue) as store:
        store.apply(label("happy"))
    folder = beside(catalogue)
    folder.chmod(0o555)
    real = os.access  # the superuser may write anywhere: the question is answered as for anybody else
    monkeypatch.setattr(os, "access", lambda p, mode, **k: real(p, mode, **k) and Path(p) not in closed)
    closed = {folder, folder / FILE}
    monkeypatch.setattr("sier_gui.core.locks._take", _refuse(folder))
    try:
        found = look(catalogue)
        assert found is not None
        with found:
            assert said(found) == {("Anna", "s1", "happy")}
        with open_store(catalogue) as store:
            assert store.folder == own(catalogue)
            assert "are kept in" in store.notices[0]
            store.apply(label("hate", "s2"))
            assert said(store) == {("Anna", "s1", "happy"), ("Anna", "s2", "hate")}
    finally:
        folder.chmod(0o755)


def _refuse(folder: Path):  # type: ignore[no-untyped-def]
    from sier_gui.core import locks

    take = locks._take

    def refuse(stream):  # type: ignore[no-untyped-def]
        if Path(stream.name).parent == folder:
            raise PermissionError(13, "Permission denied")
        return take(stream)

    return refuse


def test_a_damaged_file_is_not_hidden_behind_a_new_one(catalogue: Catalogue) -> None:
    with open_store(catalogue) as store:
        store.apply(label("happy"))
    (beside(catalogue) / FILE).write_bytes(b"not a database" * 500)
    with pytest.raises(SierError, match="damaged"):
        open_store(catalogue)
    assert not own(catalogue).exists()


# ---------------------------------------------------------------- others' files


def test_a_file_about_another_dataset_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with AnnotationStore(tmp_path / "theirs") as theirs:
        theirs.apply(label("happy", "elsewhere-1"))
    with open_store(catalogue) as store:
        for path, words in (
            (tmp_path / "theirs", "none of its samples"),
            (tmp_path / "nowhere", "no annotation file"),
            (beside(catalogue), "own annotation file"),
        ):
            with pytest.raises(SierError, match=words):
                bring_in(store, path, {"s0", "s1"})
        assert store.events() == []


# ---------------------------------------------------------------- waiting


class Full(AnnotationStore):
    """A disk that takes so many changes and then none."""

    room = 2

    def apply(self, wished: Request):  # type: ignore[no-untyped-def]
        if self.room == 0:
            raise SierError("The annotation file cannot be used: the disk is full.", "Make room.")
        self.room -= 1
        return super().apply(wished)


def test_nothing_that_waits_is_lost_reordered_or_written_twice(tmp_path: Path) -> None:
    store = Full(tmp_path)
    writer = Writer(lambda: store)
    wished = [request(5, number) for number in range(12)]
    for one in wished:
        writer.put(one)
    with pytest.raises(SierError, match="full"):
        list(writer.write())
    assert list(writer.waiting) == wished[2:]
    store.room = 100
    assert [one for one, _ in writer.write()] == wished[2:]
    assert writer.waiting == ()
    with AnnotationStore(tmp_path / "straight") as straight:
        for one in wished:
            straight.apply(one)
        assert said(store) == said(straight)
        assert [e.id for e in store.events()] == [e.id for e in straight.events()]
    writer.close()


def fill(store: AnnotationStore, stored: set[tuple[str, str, object]]) -> None:
    """Comments until there is no room; what was taken goes into ``stored``."""
    for number in range(2000):
        store.apply(Change("Anna", f"s{number}", Kind.COMMENT, "x" * 3000))
        stored.add(("Anna", f"s{number}", "x" * 3000))


def test_a_full_disk_is_said_and_changes_nothing(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path) as store:
        store.apply(label("happy"))
        pages = store.ask("PRAGMA page_count")[0][0]
        store.ask(f"PRAGMA max_page_count = {pages}")
        stored = {("Anna", "s1", "happy")}
        with pytest.raises(SierError, match="the disk is full"):
            fill(store, stored)
        assert said(store) == stored
        store.ask("PRAGMA max_page_count = 100000")
        assert store.apply(label("sad")) is not None


def test_what_cannot_be_written_at_the_end_is_rescued(catalogue: Catalogue) -> None:
    waiting = [label("happy"), Step("Anna", back=True), label("hate", "s2")]
    kept = rescue(catalogue, waiting)
    assert kept == own(catalogue)
    with open_store(catalogue) as store:  # joins at the next opening
        assert store.folder == beside(catalogue)
        assert said(store) == {("Anna", "s2", "hate")}
        assert len(store.events()) == 3


def test_a_writer_opens_late_and_asks_again_after_a_failure(tmp_path: Path) -> None:
    opened: list[str] = []

    def open_it() -> AnnotationStore:
        opened.append("tried")
        if len(opened) == 1:
            raise SierError("Neither place can be written.", "Make room.")
        return AnnotationStore(tmp_path)

    writer = Writer(open_it)
    assert list(writer.write()) == []
    assert opened == []
    writer.put(label("happy"))
    with pytest.raises(SierError, match="Neither"):
        list(writer.write())
    (_, event), *_ = writer.write()
    assert event is not None
    assert event.new == "happy"
    writer.close()
    writer.close()
    connection = sqlite3.connect(tmp_path / FILE)
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
    connection.close()
