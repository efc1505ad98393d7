"""A dataset that is open: columnar, lazy, and as quick with 80,893 rows as with 80."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.dataset import adapters
from sier_gui.core.dataset.adapters.native import join_extra, table_file
from sier_gui.core.dataset.mapping import FIELDS, NATIVE, ColumnMapping, guess, guess_fields, missing
from sier_gui.core.dataset.tables import as_numpy, notes, text_array
from sier_gui.core.domain import Modality, Problem, Sample
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
FIRST_CLASSES = ("anger", "happy", "hate", "sad")
_MEDIA = {Modality.IMAGE: "image", Modality.SPEECH: "speech"}


def ordered_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels: anger, happy, hate, sad first, the others alphabetically; "" is no class."""
    found = set(labels) - {""}
    first = [name for name in FIRST_CLASSES if name in found]
    return (*first, *sorted(found.difference(first)))


def open_dataset(
    path: Path, *, mapping: ColumnMapping | None = None, allow_outside: bool = False
) -> Catalogue:
    """Open a folder or a table file; no media file is touched.

    Parameters
    ----------
    mapping : which column is which field; by default the native names, else what the usual names suggest.
    allow_outside : accept media files outside the dataset's folder.

    Raises
    ------
    SierError : nothing there, not readable, or a field without a column (lists the columns found).
    """
    path = Path(os.path.abspath(path))
    try:
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            raise SierError(f"There is nothing at {path}.", "Check the path.")
        table, problems, adapter = adapters.read(path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise SierError(f"Cannot open {path}: {error}.", "Check the path and its permissions.") from error
    mapping = mapping or _mapping_for(table.column_names, str(path))
    if adapter == "native":
        table = join_extra(table, path, mapping.sample_id if mapping.sample_id in table.column_names else "")
    mapping.check(table.column_names, str(path))
    return Catalogue(path, table, mapping, problems=problems, adapter=adapter, allow_outside=allow_outside)


def _mapping_for(columns: list[str], where: str) -> ColumnMapping:
    if set(FIELDS) <= set(columns):
        return NATIVE
    guessed = guess(columns)
    if guessed is None:
        known = guess_fields(columns)
        raise missing(where, columns, [field for field in FIELDS if field not in known])
    return guessed


class Catalogue:
    """The rows of one dataset. Reading is thread-safe: nothing changes but caches filled with equal values.

    Attributes
    ----------
    name : what to call it: the folder's or file's name.
    root : the folder that media paths are relative to.
    source : the folder or file that was opened.
    columns : names as in the table.
    classes : the label set, ordered by `ordered_classes`; () without labels.
    problems : met while opening; `validation.validate` finds the rest.
    """

    def __init__(
        self,
        source: Path,
        table: pa.Table,
        mapping: ColumnMapping = NATIVE,
        *,
        problems: Iterable[Problem] = (),
        adapter: str = "native",
        allow_outside: bool = False,
    ) -> None:
        self.source = source
        self.root = source if source.is_dir() else source.parent
        named_by_folder = source.is_dir() or source.stem == "samples"
        self.name = self.root.name if named_by_folder else source.stem
        self.mapping = mapping
        self.adapter = adapter
        self.allow_outside = allow_outside
        self.problems: tuple[Problem, ...] = (*problems, *notes(table))
        self.columns: tuple[str, ...] = tuple(table.column_names)
        self._table = table
        self._fields = {field: name for field, name in mapping.as_dict().items() if name}
        self._rest = [name for name in self.columns if name not in self._fields.values()]
        self._memory: dict[str, Any] = {}
        self._folders: dict[str, str] = {}
        self._real_root = os.path.realpath(self.root)
        self.classes = ordered_classes(self._labels())

    def __len__(self) -> int:
        return int(self._table.num_rows)

    # ---------------------------------------------------------------- rows

    def sample(self, row: int) -> Sample:
        """The sample at ``row`` (0-based).

        A modality whose cell is empty is left out of ``paths``.

        Raises
        ------
        SierError : the row's media path leaves the dataset's folder; every other row stays usable.
        IndexError : no such row.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        sample_id = self.cell(row, "sample_id")
        paths = {
            modality: self.locate(cell, row, sample_id)
            for modality, field in _MEDIA.items()
            if (cell := self.cell(row, field))
        }
        extra = {name: self._table.column(name)[row].as_py() for name in self._rest}
        label = self.cell(row, "label").strip() or None
        return Sample(sample_id, row, paths, self.cell(row, "text"), label, extra)

    def cell(self, row: int, name: str) -> str:
        """One cell's text, by field (``label``) or by the table's own column name; microseconds."""
        column = self._fields.get(name, name)
        if column not in self.columns:
            return str(row + 1) if name == "sample_id" else ""
        text: str = self._table.column(column)[row].as_py()
        return text

    def row_of(self, sample_id: str) -> int:
        """The first row with this id.

        Raises
        ------
        SierError : no sample has it.
        """
        try:
            return self._rows[sample_id]
        except KeyError:
            example = self.cell(0, "sample_id")
            raise SierError(
                f"{self.name} has no sample {sample_id!r}.", f"Ids look like {example!r}."
            ) from None

    def locate(self, cell: str, row: int, sample_id: str) -> Path:
        """The media file that ``cell`` names, which need not exist.

        Raises
        ------
        SierError : it leaves the dataset's folder (by .., an absolute path or a link), or is no path.
        """
        where = f"Sample {sample_id} (row {row + 1}) of {self.name}"
        if "\0" in cell:
            raise SierError(f"{where} has a file name with a zero byte.", "Correct the table.")
        path = os.path.join(self.root, cell)
        if not self.allow_outside and not self._inside(path):
            raise SierError(
                f"{where} names a file outside the dataset's folder: {cell[:200]}.",
                "Move the file into the folder, or open the dataset with files outside allowed.",
            )
        return Path(path)

    def _inside(self, path: str) -> bool:
        """Links followed; folders are asked once, so that a row costs one system call."""
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):
            real = os.path.realpath(path)
        else:
            known = self._folders.get(folder)
            if known is None:
                known = self._folders[folder] = os.path.realpath(folder)
            real = os.path.join(known, name)
        return real.startswith(self._real_root.rstrip(os.sep) + os.sep)

    @cached_property
    def _rows(self) -> dict[str, int]:
        ids = self.column("sample_id")
        return dict(zip(reversed(ids.tolist()), range(len(ids) - 1, -1, -1), strict=True))

    # ---------------------------------------------------------------- columns

    def column(self, name: str) -> NDArray[Any]:
        """A whole column by field or by name, (n,), read-only: `numbers` where there are, else object of str.

        A column that does not exist is all "".
        """
        return self.remember(f"column.{name}", lambda: self._make_column(name))

    def _make_column(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] | None = self.numbers(name)
        if array is None:
            array = np.empty(len(self), dtype=object)
            array[:] = self.texts(name).to_pylist()
        array.flags.writeable = False
        return array

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """A column whose cells are all numbers or empty (NaN), (n,); None for others.

        None also for the five fields, ``speaker``, and cells like ``007``: those are names.
        """
        if name not in self._rest or name == "speaker":
            return None
        return self.remember(f"numbers.{name}", lambda: _numbers(self.texts(name)))

    def remember(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` gave the first time; kept as long as the catalogue, whose rows never change."""
        if key not in self._memory:
            self._memory[key] = make()
        value: T = self._memory[key]
        return value

    def texts(self, name: str) -> pa.ChunkedArray:
        """A whole column as Arrow strings (n,), as `column` names it; labels without outer blanks."""
        import pyarrow as pa
        from pyarrow import compute

        column = self._fields.get(name, name)
        if column in self.columns:
            texts = self._table.column(column)
            return compute.utf8_trim_whitespace(texts) if name == "label" else texts
        if name == "sample_id":
            return pa.chunked_array([text_array(map(str, range(1, len(self) + 1)))])
        return pa.chunked_array([text_array([""] * len(self))])

    def _labels(self) -> set[str]:
        """The distinct labels; in Python, since importing Arrow's functions costs more than this loop."""
        column = self._fields.get("label")
        return {label.strip() for label in set(self._table.column(column).to_pylist())} if column else set()

    # ---------------------------------------------------------------- identity

    @cached_property
    def dataset_hash(self) -> str:
        """SHA-256, hex: of the table file; without one, of the sorted listing with labels and sizes."""
        digest = hashlib.sha256()
        file = table_file(self.source) if self.adapter == "native" else None
        if file is not None:
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
            return digest.hexdigest()
        fields = [self.column(field).tolist() for field in ("sample_id", "label", "image", "speech")]
        for sample_id, label, *cells in sorted(zip(*fields, strict=True)):
            sizes = [_size(self.root / cell) if cell else -1 for cell in cells]
            digest.update(f"{sample_id}\0{label}\0{cells}\0{sizes}\n".encode())
        return digest.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _numbers(texts: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """float64 (n,) with NaN for "", or None where a cell is no number or is written like an id (``007``)."""
    import pyarrow as pa
    from pyarrow import compute

    nothing, not_a_number = text_array(["", "nan"])
    empty = compute.equal(texts, nothing)
    if (
        compute.all(empty).as_py()
        or compute.any(compute.match_substring_regex(texts, r"^\s*[-+]?0\d")).as_py()
    ):
        return None
    try:
        values = compute.cast(compute.if_else(empty, not_a_number, texts), pa.float64())
    except pa.ArrowInvalid:
        return None
    return as_numpy(values).copy()  # Arrow's own memory is not ours to mark
