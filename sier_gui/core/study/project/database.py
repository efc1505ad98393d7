"""The project file itself: what it is called, and the clock it was written by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sier_gui.core import database
from sier_gui.core.database import BACKUPS, Form, now, sync_folder
from sier_gui.core.paths import STUDY
from sier_gui.core.study.project import schema

__all__ = ["BACKUPS", "KEPT_BACKUPS", "TAKES", "Database", "now", "sync_folder"]

TAKES = "takes"
KEPT_BACKUPS = 10
_CLOCK_S = 60.0  # a clock that is set back by less is not worth a word
_FORM = Form(
    "project file",
    schema.MIGRATIONS,
    (
        "The project {folder} is open in another copy of the program ({owner}).",
        "Close it there first; to look at results meanwhile use `sier-gui study report`.",
    ),
    kept=KEPT_BACKUPS,
    forgets=True,
)


class Database(database.Database):
    """A study's file. Made by `open_project`."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        super().__init__(folder / STUDY, _FORM, read_only=read_only)

    def check_clock(self) -> None:
        """Say so where the latest entry lies in the future."""
        latest = max(
            str(row["at"] or "")
            for row in self.ask("SELECT max(at) AS at FROM answers UNION ALL SELECT max(at) FROM decisions")
        )
        if not latest:
            return
        ahead = datetime.fromisoformat(latest) - datetime.now(UTC)
        if ahead > timedelta(seconds=_CLOCK_S):
            self.notices.append(
                f"This computer's clock is {_spell(ahead)} behind the project's latest entry ({latest}). "
                "Answers and takes keep their order, which does not depend on it; set the clock right."
            )


def _spell(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.0f} h" if minutes < 72 * 60 else f"{minutes / 1440:.0f} days"
