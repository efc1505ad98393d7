"""Tables of any of the four file formats to one pyarrow table of text columns.

Everything is text: an id ``0041`` stays ``0041``. Numbers are made from a column when somebody asks for it.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Problem
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".parquet", ".jsonl", ".tsv")
_HEAD_BYTES = 1 << 20
_NOTES = b"sier_gui.problems"


def read_table(path: Path) -> pa.Table:
    """Read a CSV, TSV, Parquet or JSON-lines file; the format is told by its suffix.

    Returns
    -------
    Table with string columns only and no nulls (an absent cell is ""). Nested and binary columns of Parquet
    are left out. What had to be worked around is in ``notes(table)``.

    Raises
    ------
    SierError : no such file, a folder, empty, no rows, damaged, ragged (names the row), doubled column names.
    """
    try:
        if path.is_dir():
            raise SierError(f"{path} is a folder, not a table.", "Rename it, or open the folder above it.")
        if not path.is_file():
            raise SierError(f"There is no table at {path}.", "Check the path.")
        suffix = path.suffix.lower()
        if suffix == ".parquet":
            table = _read_parquet(path)
        elif suffix in (".jsonl", ".ndjson"):
            table = _read_jsonl(path)
        else:
            table = _read_csv(path)
    except OSError as error:
        raise SierError(
            f"Cannot read {path}: {error.strerror or error}.", "Check the file and its permissions."
        ) from error
    if not table.num_rows:
        raise SierError(f"{path} has a header but no rows.", "Add one row for each sample.")
    return table


def with_notes(table: pa.Table, problems: list[Problem]) -> pa.Table:
    """The same table carrying ``problems``, for the dataset's opening report."""
    if not problems:
        return table
    old = dict(table.schema.metadata or {})
    lines = [problem.as_json() for problem in [*notes(table), *problems]]
    return table.replace_schema_metadata({**old, _NOTES: json.dumps(lines).encode()})


def notes(table: pa.Table) -> list[Problem]:
    """The problems that the reader of ``table`` met and could work around."""
    raw = (table.schema.metadata or {}).get(_NOTES)
    return [Problem(**line) for line in json.loads(raw)] if raw else []


# ---------------------------------------------------------------- Arrow without pandas
# pyarrow's own conversions from and to Python import pandas where it is installed (0.4 s); these do not.


def text_array(values: Iterable[str]) -> pa.StringArray:
    """Arrow strings (n,) of Python's; ``text_array([text])[0]`` is a scalar."""
    import pyarrow as pa

    # "replace": a lone surrogate is legal in JSON, but no text
    cells = [value.encode("utf-8", "replace") for value in values]
    ends = np.zeros(len(cells) + 1, dtype=np.int32)
    np.cumsum([len(cell) for cell in cells], out=ends[1:])
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(ends), pa.py_buffer(b"".join(cells)))


def as_numpy(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """A numeric or boolean Arrow column without nulls, as numpy (n,)."""
    import pyarrow as pa
    from pyarrow import compute

    boolean = pa.types.is_boolean(column.type)
    whole = compute.cast(column, pa.uint8()) if boolean else column
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.combine_chunks()
    values = np.from_dlpack(whole)
    return values.view(bool) if boolean else values


# ---------------------------------------------------------------- CSV


def _read_csv(path: Path) -> pa.Table:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise SierError(f"{path} is empty.", "Write a header line and one row for each sample.")
    encoding = _encoding(head)
    try:
        table = _parse_csv(path, *_header(path, head, encoding), encoding)
    except UnicodeDecodeError:  # somewhere past the head
        encoding = "latin-1"
        table = _parse_csv(path, *_header(path, head, encoding), encoding)
    _refuse_open_quote(path, table)
    if encoding != "latin-1":
        return table
    reason = "the file is not UTF-8; it was read as Latin-1: check accented letters, save it as UTF-8"
    return with_notes(table, [Problem(None, "", "", "unreadable", reason)])


def _encoding(head: bytes) -> str:
    """UTF-16 by its mark (Excel's "Unicode text"), else UTF-8, else Latin-1, which takes any byte."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character cut at the end is no error
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _header(path: Path, head: bytes, encoding: str) -> tuple[list[str], str]:
    """Column names and the separator, of comma, semicolon and tab the one most frequent in the first line."""
    text = head.decode(encoding, errors="replace").lstrip("\r\n")
    first = text.splitlines()[0] if text else ""
    delimiter = max(",;\t", key=first.count)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise SierError(
            f"The first line of {path} is no header: {error}.", "Name the columns in it."
        ) from error
    _refuse_doubles(path, names)
    return names, delimiter


def _refuse_doubles(where: str | Path, names: list[str]) -> None:
    doubles = [name for name, count in Counter(names).items() if count > 1]
    if doubles:
        raise SierError(
            f"{where} has more than one column named {', '.join(map(repr, doubles[:5]))}.",
            "Rename all but one.",
        )


def _parse_csv(path: Path, names: list[str], delimiter: str, encoding: str) -> pa.Table:
    """Parse in one thread: it alone can name a bad row, and for 80,893 rows it is no slower than two
    (50 ms) and takes 20 MiB less.

    Raises
    ------
    UnicodeDecodeError : the bytes are not ``encoding``.
    SierError : ragged rows and other damage.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    parse = arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    encoding = "utf8" if encoding == "utf-8-sig" else encoding  # Arrow skips the mark itself
    block = _HEAD_BYTES
    while True:
        read = arrow_csv.ReadOptions(use_threads=False, block_size=block, encoding=encoding)
        try:
            table = arrow_csv.read_csv(path, read_options=read, convert_options=convert, parse_options=parse)
            break
        except pa.ArrowException as error:
            message = str(error)
            if "straddl" in message and block < min(8 * path.stat().st_size, 1 << 30):
                block *= 8  # one cell is longer than a block
            elif "invalid UTF8" in message:
                raise UnicodeDecodeError("utf-8", b"", 0, 0, message) from error
            else:
                raise _csv_error(path, message) from error
    if table.schema != pa.schema([(name, pa.string()) for name in names]):
        raise _csv_error(path, "its first line is no header")
    return table


def _csv_error(path: Path, message: str) -> SierError:
    """Arrow counts the header as row 1; we count data rows from 1."""
    import re

    ragged = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if ragged:
        row, expected, got = map(int, ragged.groups())
        return SierError(
            f"Row {row - 1} of {path} has {got} cells where the header has {expected}.",
            "Quote cells that contain the separator, and give every row the same number of cells.",
        )
    return SierError(f"{path} is not a readable CSV: {message[:200]}.", "Save it again as CSV in UTF-8.")


def _refuse_open_quote(path: Path, table: pa.Table) -> None:
    """A quote that is never closed makes the rest of the file one cell, and rows would vanish silently."""
    if not table.num_rows:
        return
    last = table.slice(table.num_rows - 1).to_pylist()[0]
    if not any("\n" in cell for cell in last.values()):
        return
    with path.open("rb") as file:
        quotes = sum(chunk.count(b'"') for chunk in iter(lambda: file.read(_HEAD_BYTES), b""))
    if quotes % 2:
        raise SierError(
            f"Row {table.num_rows} of {path} opens a quote that is never closed.",
            "Close it, or double quotes inside quoted cells.",
        )


# ---------------------------------------------------------------- Parquet, JSON lines


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path).read()
    except pa.ArrowException as error:
        raise SierError(f"{path} is not a readable Parquet file: {error}.", "Write it again.") from error
    return as_text(table, str(path))


def as_text(table: pa.Table, where: str) -> pa.Table:
    """``table`` with its columns as text and without nulls; nested and binary columns are left out.

    Raises
    ------
    SierError : two columns of one name, or a column that has no text form; names ``where``.
    """
    import pyarrow as pa
    from pyarrow import compute

    _refuse_doubles(where, table.column_names)
    nothing = text_array([""])[0]
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            continue
        try:
            columns[name] = compute.fill_null(compute.cast(column, pa.string()), nothing)
        except pa.ArrowException as error:
            raise SierError(f"Column {name} of {where} is no text: {error}.", "Store text.") from error
    return pa.table(columns, metadata=table.schema.metadata)


def _read_jsonl(path: Path) -> pa.Table:
    """One JSON object a line; numbers keep their spelling, nested values stay JSON."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str)
            except (ValueError, RecursionError) as error:
                raise SierError(
                    f"Line {number} of {path} is not JSON: {error}.", "Correct that line."
                ) from error
            if not isinstance(row, dict):
                raise SierError(f"Line {number} of {path} is not a JSON object.", "Write one {…} per line.")
            names.update(dict.fromkeys(row))
            rows.append(row)
    if not rows:
        raise SierError(f"{path} is empty.", "Write one JSON object a line.")
    return pa.table({name: text_array(_plain(row.get(name)) for row in rows) for name in names})


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
