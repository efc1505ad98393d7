"""The pages of the help: Markdown under resources/help, with each action's keys as they are now."""

from __future__ import annotations

import re
from collections.abc import Callable

from sier_gui.core import paths
from sier_gui.core.errors import SierError

# in the order of the list; a panel names its page in the dynamic property `PROPERTY`
PAGES = (
    "start",
    "samples",
    "dataset",
    "picture",
    "speech",
    "result",
    "annotations",
    "export",
    "record",
    "study",
    "status",
)
PROPERTY = "helpPage"
_KEYS = re.compile(r"\{([a-z_]+\.[a-z_0-9]+)\}")


def page(name: str, keys: Callable[[str], str]) -> str:
    """The Markdown of a page; ``{action.id}`` is replaced by ``keys(id)``, the action's shortcut.

    Raises
    ------
    SierError : the page is not there or cannot be read.
    """
    file = paths.resources() / "help" / f"{name}.md"
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SierError(
            f"The help page {file.name} cannot be read: {error}.", "Install sier-gui again."
        ) from error
    return with_keys(text, lambda action_id: f"**{keys(action_id)}**")


def with_keys(text: str, keys: Callable[[str], str]) -> str:
    """``text`` with ``keys(id)`` in place of each ``{action.id}``."""
    return _KEYS.sub(lambda found: keys(found.group(1)), text)


def title(markdown: str) -> str:
    """The page's first heading."""
    return markdown.partition("\n")[0].lstrip("# ").strip()
