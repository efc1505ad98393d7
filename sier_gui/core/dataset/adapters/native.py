"""The native format: a table file, or a folder with ``samples.csv`` (or .parquet, .jsonl, .tsv).

A ``meta.csv`` beside it gives further columns (speaker, gender, …), joined by the sample's id.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.tables import SUFFIXES, read_table, text_array, with_notes
from sier_gui.core.domain import Problem
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa


def table_file(path: Path) -> Path | None:
    """The table that ``path`` is, or that the folder ``path`` holds; None where there is none."""
    if path.suffix.lower() in (*SUFFIXES, ".ndjson") and not path.is_dir():
        return path
    candidates = (path / f"samples{suffix}" for suffix in SUFFIXES)
    return next((file for file in candidates if file.exists()), None)


class Native:
    name = "native"

    def matches(self, path: Path) -> bool:
        return table_file(path) is not None

    def read(self, path: Path) -> pa.Table:
        file = table_file(path)
        if file is None:
            raise SierError(f"There is no samples.csv in {path}.", "Choose another folder.")
        return read_table(file)


def join_extra(table: pa.Table, path: Path, key: str) -> pa.Table:
    """``table`` with the columns that only the ``meta.csv`` beside it has; samples that it lacks get "".

    ``key`` is the table's id column. A meta.csv that cannot be read is left out and noted.
    """
    from pyarrow import compute

    file = table_file(path)
    extra_file = file.with_name("meta.csv") if file else None
    if extra_file is None or extra_file == file or not extra_file.is_file() or not key:
        return table
    try:
        extra = read_table(extra_file)
    except SierError as error:  # the samples are whole without it
        return with_notes(table, [Problem(None, "", "", "unreadable", f"meta.csv is left out: {error}")])
    if "sample_id" not in extra.column_names:
        return table
    at = compute.index_in(table.column(key), value_set=extra.column("sample_id").combine_chunks())
    nothing = text_array([""])[0]
    for name in extra.column_names:
        if name not in table.column_names:
            column = extra.column(name).combine_chunks().take(at)
            table = table.append_column(name, compute.fill_null(column, nothing))
    return table
