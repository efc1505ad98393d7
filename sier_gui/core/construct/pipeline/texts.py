"""Stage 1: the texts of a CSV file, normalised; what cannot be used is reported with its line.

Read with the standard library, not Arrow: it knows the line of each row, and goes on after a bad one.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sier_gui.core.construct.pipeline.request import BuildRequest
from sier_gui.core.dataset.mapping import guess_fields
from sier_gui.core.dataset.wording import normalise
from sier_gui.core.errors import SierError

LONGEST = 2000  # characters; said at the usual pace they last two minutes, twice of what speech may last


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the build's report: ``item`` is a sample id, a file or a voice; ``line`` of the CSV."""

    stage: str
    line: int | None
    item: str
    kind: str  # unreadable | empty-text | too-long | duplicate | missing | outside | ambiguous | …
    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text that can be said. ``row`` counts the CSV's data rows from 1, ``line`` its lines."""

    row: int
    line: int
    sample_id: str
    text: str
    image: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class TextTable:
    """``rows`` of data in the CSV, the texts that can be used, and why the others cannot."""

    rows: int
    texts: list[Text]
    findings: list[Finding]
    names_images: bool


@dataclass(frozen=True, slots=True)
class _Columns:
    """Places of the fields in a row; None: no such column."""

    count: int
    text: int
    image: int | None
    label: int | None
    sample_id: int | None


def key(text: str) -> str:
    """Equal for texts that sound alike: without case and punctuation.

    Marks stay, which are the vowels of Indian scripts, and so do symbols, which are said (5 %, 5 $).
    """
    return " ".join("".join(c if _is_said(c) else " " for c in text.casefold()).split())


def read_texts(request: BuildRequest) -> TextTable:
    """All texts of the request's CSV.

    Raises
    ------
    SierError : the file cannot be read, has no such column, or opens a quote that is never closed.
    """
    decoded, is_utf = _decoded(request.texts)
    lines = _lines(request.texts, decoded)
    _, header = next(lines, (0, []))
    if not isinstance(header, list) or not any(cell.strip() for cell in header):
        raise SierError(f"{request.texts} has no header line.", "Name its columns in the first line.")
    columns = _columns(request, [cell.strip() for cell in header])
    reader = _Reader(columns, keep_repeats=request.repeats == "keep")
    if not is_utf:
        reason = "the file is not UTF-8; it was read as Latin-1: check accented letters, save it as UTF-8"
        reader.findings.append(Finding("texts", None, request.texts.name, "encoding", reason))
    for line, cells in lines:
        reader.take(line, cells)
        if len(reader.texts) == request.limit:
            break
    return TextTable(reader.rows, reader.texts, reader.findings, columns.image is not None)


class _Reader:
    def __init__(self, columns: _Columns, *, keep_repeats: bool) -> None:
        self._columns, self._keep_repeats = columns, keep_repeats
        self.rows = 0
        self.texts: list[Text] = []
        self.findings: list[Finding] = []
        self._lines_of: dict[str, int] = {}
        self._ids: dict[str, int] = {}

    def take(self, line: int, cells: list[str] | str) -> None:
        """A row's cells, or why it has none."""
        if cells == []:
            return  # a blank line is no row
        self.rows += 1
        default = f"{self.rows:06d}"
        if isinstance(cells, str):
            self._refuse(line, default, "unreadable", cells)
            return
        if len(cells) != self._columns.count:
            reason = f"{len(cells)} cells where the header has {self._columns.count}"
            self._refuse(line, default, "unreadable", reason)
            return
        c = self._columns
        sample_id = default if c.sample_id is None else cells[c.sample_id].strip()
        image, label = (cells[at].strip() if at is not None else "" for at in (c.image, c.label))
        text = Text(self.rows, line, sample_id, normalise(cells[c.text]), image, label)
        problem = self._problem(text)
        if problem is None:
            self._ids[sample_id] = line
            self._lines_of.setdefault(key(text.text), line)
            self.texts.append(text)
        else:
            self._refuse(line, sample_id or default, *problem)

    def _problem(self, text: Text) -> tuple[str, str] | None:
        if not text.sample_id:
            return "missing", "no id"
        if text.sample_id in self._ids:
            return "duplicate", f"the id of line {self._ids[text.sample_id]} again"
        if not key(text.text):
            return "empty-text", "no text that can be said"
        if len(text.text) > LONGEST:
            return "too-long", f"{len(text.text)} characters; at most {LONGEST} can be said in 60 s"
        before = self._lines_of.get(key(text.text))
        if before is not None and not self._keep_repeats:
            return "duplicate", f"the text of line {before} again"
        return None

    def _refuse(self, line: int, sample_id: str, kind: str, reason: str) -> None:
        self.findings.append(Finding("texts", line, sample_id, kind, reason))


def _is_said(letter: str) -> bool:
    category = unicodedata.category(letter)
    return category[0] in "LMNS" or letter in "%&@#"  # Unicode calls these four punctuation


def _decoded(file: Path) -> tuple[str, bool]:
    """Its text, and whether it is Unicode."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SierError(
            f"Cannot read {file}: {error.strerror or error}.", "Check the file and its permissions."
        ) from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), True
    if b"\0" in data.partition(b"\n")[0]:
        raise SierError(f"{file} is no CSV file.", "Save the texts as CSV in UTF-8.")
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("latin-1"), False  # takes any byte, as `dataset.tables` does


def _lines(file: Path, text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row's first line, from 1, and its cells, or why it cannot be read."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise SierError(
                    f"Line {line} of {file} opens a quote that is never closed.",
                    "Close it, or double quotes inside quoted cells.",
                ) from error
            yield line, f"{error}"


def _columns(request: BuildRequest, names: list[str]) -> _Columns:
    guessed = guess_fields(names)
    by_field = {
        "text": request.text_column or guessed.get("text", ""),
        "image": request.image_column or _guessed_image(guessed, request),
        "label": request.label_column or (guessed.get("label", "") if request.pairing == "label" else ""),
        "sample_id": request.id_column or ("sample_id" if "sample_id" in names else ""),
    }
    needed = {"text", {"name": "image", "label": "label"}.get(request.pairing, "text")}
    by_field |= {field: field for field in needed if not by_field[field]}  # named, so that it is missed below
    absent = [name for name in by_field.values() if name and name not in names]
    if absent:
        raise SierError(
            f"{request.texts} has no column {', '.join(map(repr, absent))}; it has: {', '.join(names[:30])}.",
            "Say which column it is: --text-column, --image-column, --label-column, --id-column.",
        )
    places = {field: names.index(name) if name else None for field, name in by_field.items()}
    text = places["text"]
    assert text is not None
    return _Columns(len(names), text, places["image"], places["label"], places["sample_id"])


def _guessed_image(guessed: dict[str, str], request: BuildRequest) -> str:
    """Only a column whose name says picture: `guess_fields` also takes any file's."""
    column = guessed.get("image", "")
    says_so = any(word in column.lower() for word in ("image", "img", "picture", "photo", "face", "frame"))
    return column if request.pairing in ("auto", "name") and says_so else ""
