"""Texts of a CSV: normalised as they are said, and every row that cannot be used named with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import write_texts
from hypothesis import given
from hypothesis import strategies as st

from sier_gui.core.construct.pipeline.request import BuildRequest, SynthVoice
from sier_gui.core.construct.pipeline.texts import LONGEST, TextTable, key, read_texts
from sier_gui.core.dataset.wording import normalise
from sier_gui.core.errors import SierError


def read(file: Path, **choices: Any) -> TextTable:
    return read_texts(BuildRequest(file, file.parent, voices=(SynthVoice("tones", "low"),), **choices))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("  Oh \t my\r\n God  ", "Oh my God"),
        ("he\u2019s \u201clost\u201d it \u2013 totally\u2026", 'he\'s "lost" it - totally...'),
        ("it\x92s cp1252", "it's cp1252"),
        ("RT @you: see https://t.co/x1 &amp; laugh #SoHappy", "see & laugh SoHappy"),
        ("mail me@home.org", "mail me@home.org"),
        ("great \U0001f600\ufe0f day\u200b!", "great day!"),
        ("\ufb01ne \uff21", "fine A"),
        ("20\u00b0C", "20\u00b0C"),
        ("Was sind denn das f\u00fcr T\u00fcten?", "Was sind denn das für Tüten?"),
    ],
)
def test_normalised(given_: str, said: str) -> None:
    assert normalise(given_) == said


@given(st.text())
def test_normalising_gives_one_clean_line_and_stays(text: str) -> None:
    once = normalise(text)
    assert once == " ".join(once.split())
    assert all(letter.isprintable() or letter == " " for letter in once)
    assert key(once) == key(once.upper().casefold())


def test_bad_rows_are_named_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    lines = [
        "id,utterance,emotion",  # line 1
        'a,"First, with a',  # 2
        'second line",joy',  # 3
        "b,,joy",  # 4
        "c,one cell less",  # 5
        "d,http://only.a/link,joy",  # 6
        "",  # 7
        "e,FIRST with a second line!,joy",  # 8
        'f,"quoted" badly,joy',  # 9
        f"g,{'long ' * LONGEST},joy",  # 10
        "h,Last.,joy",  # 11
    ]
    file.write_text("\r\n".join(lines), encoding="utf-8")
    table = read(file)
    assert [(t.row, t.line, t.sample_id, t.text) for t in table.texts] == [
        (1, 2, "000001", "First, with a second line"),
        (8, 11, "000008", "Last."),
    ]
    assert table.rows == 8
    assert [(f.line, f.item, f.kind) for f in table.findings] == [
        (4, "000002", "empty-text"),
        (5, "000003", "unreadable"),
        (6, "000004", "empty-text"),
        (8, "000005", "duplicate"),
        (9, "000006", "unreadable"),
        (10, "000007", "too-long"),
    ]
    assert table.findings[1].reason == "2 cells where the header has 3"
    assert table.findings[3].reason == "the text of line 2 again"


def test_ids_of_the_csv_are_kept_and_must_differ(tmp_path: Path) -> None:
    rows = [["x1", "one"], ["", "two"], ["x1", "three"], ["x2", "four"]]
    table = read(write_texts(tmp_path / "t.csv", rows, ("sample_id", "text")))
    assert [t.sample_id for t in table.texts] == ["x1", "x2"]
    assert [(f.line, f.kind) for f in table.findings] == [(3, "missing"), (4, "duplicate")]
    by_name = write_texts(tmp_path / "n.csv", rows[:1], ("key", "text"))
    assert read(by_name, id_column="key").texts[0].sample_id == "x1"
    assert read(by_name).texts[0].sample_id == "000001"


def test_texts_of_scripts_with_marks_and_of_symbols_are_told_apart(tmp_path: Path) -> None:
    rows = [["मैं खुश हूँ"], ["में खश हू"], ["It is 5 %."], ["It is 5 $."], ["it is, 5 %"], ["It's 5."]]
    table = read(write_texts(tmp_path / "t.csv", rows))
    assert [t.row for t in table.texts] == [1, 2, 3, 4, 6]
    assert [(f.line, f.reason) for f in table.findings] == [(6, "the text of line 4 again")]


def test_repeated_texts_may_be_kept_and_reading_stops_at_the_limit(tmp_path: Path) -> None:
    file = write_texts(tmp_path / "t.csv", [["a b"], ["A b!"], [""], ["c"], ["d"]])
    assert [t.text for t in read(file).texts] == ["a b", "c", "d"]
    assert [t.text for t in read(file, repeats="keep").texts] == ["a b", "A b!", "c", "d"]
    limited = read(file, limit=2)
    assert ([t.text for t in limited.texts], limited.rows) == (["a b", "c"], 4)


def test_an_image_column_counts_only_where_its_name_says_so(tmp_path: Path) -> None:
    named = write_texts(tmp_path / "a.csv", [["a", "1.jpg"]], ("text", "Image Path"))
    assert read(named).names_images
    assert read(named).texts[0].image == "1.jpg"
    assert not read(named, pairing="shuffle").names_images
    other = write_texts(tmp_path / "b.csv", [["a", "1.wav", "x"]], ("text", "file", "path"))
    assert not read(other).names_images
    assert read(other, image_column="path").texts[0].image == "x"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, delimiter: str) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(f"text{delimiter}n\nTüten{delimiter}1\n".encode(encoding))
    table = read(file)
    assert [t.text for t in table.texts] == ["Tüten"]
    assert [f.kind for f in table.findings] == (["encoding"] if encoding == "latin-1" else [])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'text\none\n"two\nthree\n', "Line 3 of .* opens a quote that is never closed"),
        (b"", "has no header line"),
        (b"\n\n", "has no header line"),
        (b"words,n\na,1\n", "no column 'text'; it has: words, n"),
        (b"PAR1\0\0\0", "is no CSV file"),
    ],
)
def test_files_that_cannot_be_read_as_a_whole(tmp_path: Path, content: bytes, said: str) -> None:
    (file := tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SierError, match=said):
        read(file)


def test_columns_that_are_needed_must_be_there(tmp_path: Path) -> None:
    file = write_texts(tmp_path / "t.csv", [["a"]])
    for choices, name in (
        ({"pairing": "name"}, "image"),
        ({"pairing": "label"}, "label"),
        ({"text_column": "words"}, "words"),
    ):
        with pytest.raises(SierError, match=f"no column '{name}'"):
            read(file, **choices)


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=12), max_size=12))
def test_every_row_is_a_text_or_a_finding(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    file = write_texts(
        tmp_path_factory.mktemp("texts") / "t.csv", [[cell, "x"] for cell in cells], ("text", "n")
    )
    table = read(file)
    assert table.rows == len(cells) == len(table.texts) + len(table.findings)
    lines = [t.line for t in table.texts] + [f.line for f in table.findings if f.line]
    assert len(set(lines)) == len(cells)
    assert len({key(t.text) for t in table.texts}) == len(table.texts)
