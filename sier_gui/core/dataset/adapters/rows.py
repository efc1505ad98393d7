"""The table that an adapter makes, row by row, with what is to be said about a row."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core.dataset.adapters.files import shown
from sier_gui.core.dataset.mapping import FIELDS
from sier_gui.core.dataset.tables import text_array, with_notes
from sier_gui.core.domain import Problem
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

ALWAYS = (*FIELDS, "original_label", "speaker")


class Rows:
    """Columns of text in the making: `ALWAYS`, those named here, and ``video`` where a row has one.

    What is to be said of a row is added to ``problems``.
    """

    def __init__(self, problems: list[Problem], *more: str) -> None:
        self.problems = problems
        self._cells: dict[str, list[str]] = {name: [] for name in (*ALWAYS, *more)}
        self._videos: list[str] = []

    def __len__(self) -> int:
        return len(self._videos)

    def add(
        self, files: Mapping[str, str], cells: Mapping[str, str], *, beside: str = "", silent: bool = False
    ) -> None:
        """One row; a column that ``cells`` lacks is "".

        Parameters
        ----------
        files : kind → path of its picture, sound and video, each of which may be absent.
        beside : the path, without suffix, where what is extracted from the video would be found; by default
            that of the video itself.
        silent : the video has no sound.
        """
        cells = {**cells, "image": files.get("image", ""), "speech": files.get("speech", "")}
        video = files.get("video", "")
        if video:
            wanted = ("image",) if silent else ("speech", "image")
            absent = [kind for kind in wanted if not cells[kind]]
            if absent:
                reason = _to_extract(video, beside or os.path.splitext(video)[0], absent)
                problem = Problem(len(self), cells["sample_id"], absent[0], "missing", reason)
                self.problems.append(problem)
        self._videos.append(video)
        for name, column in self._cells.items():
            column.append(cells.get(name, ""))

    def table(self, path: Path, layout: str) -> pa.Table:
        """The table, with the problems as its notes.

        Raises
        ------
        SierError : there are no rows; says so of ``path`` and names the ``layout``.
        """
        import pyarrow as pa

        if not len(self):
            why = f" {self.problems[0].reason}." if self.problems else ""
            raise SierError(
                f"{path} looks like {layout}, but no sample could be read from it.{why}",
                "docs/adapters.md shows the names that are expected.",
            )
        columns = {name: text_array(cells) for name, cells in self._cells.items()}
        if any(self._videos):
            columns["video"] = text_array(self._videos)
        return with_notes(pa.table(columns), self.problems)


def _to_extract(video: str, beside: str, absent: list[str]) -> str:
    wanted = {"speech": f"its sound as {shown(beside)}.wav", "image": f"a frame of it as {shown(beside)}.jpg"}
    todo = " and ".join(wanted[kind] for kind in absent)
    return f"{shown(video)} is a video, which is not decoded: save {todo}"
