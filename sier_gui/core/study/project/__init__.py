"""A study's project: one SQLite file beside ``takes/``, opened by one program at a time.

with open_project(folder) as project:
    project.add_reader(Reader("anna", Sex.FEMALE))
    project.add_answer(response)  # returns when it is on the disk
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import TracebackType

from sier_gui.core.errors import SierError
from sier_gui.core.paths import STUDY, is_project
from sier_gui.core.study.project import merge as merging
from sier_gui.core.study.project.database import now
from sier_gui.core.study.project.merge import Conflict, MergeReport
from sier_gui.core.study.project.people import Withdrawal
from sier_gui.core.study.project.sidecars import repair
from sier_gui.core.study.project.store import Store

__all__ = ["Conflict", "MergeReport", "Project", "Withdrawal", "open_project"]


class Project(Store):
    """A `Store` that closes itself and merges with its copies."""

    def merge(self, other: Project) -> MergeReport:
        """Bring in what a copy of this project has and this one lacks (see `merge.merge`)."""
        return merging.merge(self, other)

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_project(path: Path, *, create: bool = False, read_only: bool = False) -> Project:
    """Open the project in a folder (or by its file ``study.sqlite``).

    Opening backs the file up, brings old tables up to date, and finishes or removes what a crash left; what
    was done is in ``notices``.

    Parameters
    ----------
    create : make one where there is none.
    read_only : look only, even while another copy of the program writes; nothing is repaired or locked.

    Raises
    ------
    SierError : there is none, another copy of the program has it open, it is damaged, or written by a later
        version.
    """
    folder = Path(path)
    if folder.name == STUDY and not folder.is_dir():
        folder = folder.parent
    if not is_project(folder) and (read_only or not create):
        raise SierError(f"There is no study project in {folder}.", "Make one, or choose its folder.")
    project = Project(folder, read_only=read_only)
    if read_only:
        return project
    try:
        with project.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('id', ?)", (os.urandom(16).hex(),))
            connection.execute("INSERT OR IGNORE INTO facts VALUES ('created_at', ?)", (now(),))
        project.notices += repair(project)
        project.check_clock()
    except (SierError, OSError, sqlite3.Error):
        project.close()
        raise
    return project
