"""Reading tables: everything stays text, and whatever is wrong with a file is one clear error."""

from __future__ import annotations

import random

import pytest
from fixtures.datasets import write_table

from sier_gui.core.dataset.tables import as_numpy, notes, read_table, text_array
from sier_gui.core.errors import SierError


def table_of(tmp_path, data, name="samples.csv"):
    file = tmp_path / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_table(file)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_gives_the_same_text(tmp_path, suffix):
    rows = [{"sample_id": "0041", "text": "a, b\nc", "n": "1.50"}, {"sample_id": "007", "text": "ä", "n": ""}]
    assert read_table(write_table(tmp_path / f"t{suffix}", rows)).to_pylist() == rows


def test_numbers_of_parquet_and_json_become_text(tmp_path):
    assert table_of(
        tmp_path, '{"id": 41, "p": 0.50, "x": null}\n{"id": 7, "q": [1]}\n', "t.jsonl"
    ).to_pylist() == [
        {"id": "41", "p": "0.50", "x": "", "q": ""},
        {"id": "7", "p": "", "x": "", "q": '["1"]'},
    ]
    file = write_table(
        tmp_path / "t.parquet", [{"id": 41, "p": 0.5, "deep": {"a": 1}}, {"id": None, "p": 1.0, "deep": None}]
    )
    assert read_table(file).to_pylist() == [{"id": "41", "p": "0.5"}, {"id": "", "p": "1"}]


@pytest.mark.parametrize(
    "data",
    ["\ufeffid,t\n01,ü\n", "id;t\n01;ü\n", "id\tt\r\n01\tü\r\n", '"id","t"\n01,"ü"', "\n\nid,t\n\n01,ü\n"],
)
def test_bom_separators_line_ends_and_blank_lines(tmp_path, data):
    assert table_of(tmp_path, data).to_pylist() == [{"id": "01", "t": "ü"}]


def test_utf_16_as_excel_saves_it(tmp_path):
    assert table_of(tmp_path, "id\tt\n01\tü\n".encode("utf-16")).to_pylist() == [{"id": "01", "t": "ü"}]


def test_latin_1_is_read_and_said(tmp_path):
    table = table_of(tmp_path, "id,t\n01,schön\n".encode("latin-1"))
    assert table.to_pylist() == [{"id": "01", "t": "schön"}]
    assert "Latin-1" in notes(table)[0].reason


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"id,text\n", "no rows"),
        (b"id,text,id\n1,2,3\n", "more than one column named 'id'"),
        (b"id,text\n1,2\n3\n4,5\n", "Row 2 of"),
        (b"id,text\n\n1,2\n3,4\n5,6,7\n", "Row 3 of"),
        (b'id,text\n1,2\n3,"4\n5,6\n7,8\n', "never closed"),
    ],
)
def test_damaged_csv_names_file_and_row(tmp_path, data, says):
    with pytest.raises(SierError) as caught:
        table_of(tmp_path, data)
    assert says in caught.value.message
    assert "samples.csv" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "Line 2"),
        ("t.jsonl", b"[1]\n", "Line 1"),
        ("t.jsonl", b'{"a": "\xff"}\n', "Line 1"),
        ("t.jsonl", b"[" * 100_000 + b"\n", "Line 1"),
        ("t.jsonl", b"\n", "is empty"),
        ("t.parquet", b"PAR1 not really", "Parquet"),
        ("t.parquet", b"", "Parquet"),
    ],
)
def test_damaged_json_and_parquet(tmp_path, name, data, says):
    with pytest.raises(SierError, match=says):
        table_of(tmp_path, data, name)


def test_a_ragged_row_is_found_among_many(tmp_path):
    lines = ["id,text", *(f"{n},{'word ' * 10}" for n in range(60_000))]
    lines[54_322] = "54321,a,b"
    with pytest.raises(SierError, match=r"Row 54322 of .* has 3 cells where the header has 2"):
        table_of(tmp_path, "\n".join(lines))


def test_a_folder_named_like_a_table(tmp_path):
    (tmp_path / "samples.csv").mkdir()
    with pytest.raises(SierError, match="is a folder"):
        read_table(tmp_path / "samples.csv")


def test_what_the_system_refuses(tmp_path):
    with pytest.raises(SierError, match="Cannot read"):
        read_table(tmp_path / ("x" * 5000 + ".csv"))


def test_a_header_that_is_no_utf_8(tmp_path):
    table = table_of(tmp_path, "id,größe\n01,ß\n".encode("latin-1"))
    assert table.to_pylist() == [{"id": "01", "größe": "ß"}]


def test_hostile_cells_stay_text(tmp_path):
    formulas = ["=cmd|' /C calc'!A0", "@SUM(1+1)", "+1", "-1", "=HYPERLINK(1)"]
    data = "id,text\n" + "".join(f'{n},"{cell}"\n' for n, cell in enumerate(formulas)) + "9,a\0b\n"
    assert table_of(tmp_path, data).column("text").to_pylist() == [*formulas, "a\0b"]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_cell_of_a_million_characters(tmp_path, quoted):
    cell = "x" * 1_000_000
    for repeat in (1, 12):
        data = f'id,text\n1,"{cell * repeat}"\n2,b\n' if quoted else f"id,text\n1,{cell * repeat}\n2,b\n"
        assert [len(text) for text in table_of(tmp_path, data).column("text").to_pylist()] == [
            len(cell) * repeat,
            1,
        ]


def test_quoted_newlines_and_quotes(tmp_path):
    table = table_of(tmp_path, 'id,text\n1,"a\nb ""c"""\n2,5" disk\n')
    assert table.column("text").to_pylist() == ['a\nb "c"', '5" disk']


def test_random_bytes_are_read_or_refused(tmp_path):
    """Nothing but `SierError` may leave the reader, whatever the bytes."""
    random.seed(0)
    read: list[int] = []
    refused: list[str] = []
    for number in range(150):
        alphabet = b'a1,;\t"\n\r\0\xff\xc3' if number % 2 else bytes(range(256))
        data = bytes(random.choices(alphabet, k=random.randrange(1, 400)))
        for name in ("t.csv", "t.jsonl", "t.parquet"):
            try:
                read.append(table_of(tmp_path, data, name).num_rows)
            except SierError as error:
                refused.append(error.message)
    assert all("t.csv" in text or "t.jsonl" in text or "t.parquet" in text for text in refused)
    assert min(read) > 0
    assert min(len(read), len(refused)) > 10


def test_text_array_and_numpy():
    assert text_array(["a", "", "ü", "a\0b", "\ud800"]).to_pylist() == ["a", "", "ü", "a\0b", "?"]
    assert len(text_array([])) == 0
    from pyarrow import compute

    assert as_numpy(compute.match_substring(text_array(["ab", "b", ""]), "b")).tolist() == [True, True, False]
