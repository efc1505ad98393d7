"""Everything a project stores, over one database."""

from __future__ import annotations

from sier_gui.core.study.project.answers import Answers
from sier_gui.core.study.project.people import People
from sier_gui.core.study.project.recordings import Recordings


class Store(People, Recordings, Answers):
    """Every method that changes something is one transaction, on the disk when it returns; every one raises
    `SierError` where the disk is full or gone, and then nothing was changed."""
