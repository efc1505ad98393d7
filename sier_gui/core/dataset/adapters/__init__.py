"""Ways to read a dataset: a small registry that an installed package can extend.

A third-party adapter is an entry point of the group ``sier_gui.adapters`` naming a class without
constructor arguments that follows `Adapter`; docs/adapters.md shows one in ten lines.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sier_gui.core.dataset.tables import as_text
from sier_gui.core.domain import Problem
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = "sier_gui.adapters"
_BUILT_IN = {
    "native": "Native",
    "ravdess": "Ravdess",
    "crema_d": "CremaD",
    "meld": "Meld",
    "iemocap": "Iemocap",
    "b_t4sa": "BT4SA",
    "class_folders": "ClassFolders",
    "named_pairs": "NamedPairs",
}  # in the order of asking; installed ones come after native


class Adapter(Protocol):
    """How one kind of dataset becomes a table."""

    name: str

    def matches(self, path: Path) -> bool:
        """Whether ``path``, a file or a folder, is of this kind; quick, and never raises."""

    def read(self, path: Path) -> pa.Table:
        """One row a sample, columns as in the native format; other types than text are made text.

        Media paths are relative to ``path``, or to the folder of the file ``path``. Raises SierError.
        """


def built_in(name: str) -> Adapter:
    module = import_module(f"{__name__}.{name}")
    adapter: Adapter = getattr(module, _BUILT_IN[name])()
    return adapter


def third_party() -> tuple[list[Adapter], list[Problem]]:
    """The installed adapters, and one problem for each that cannot be loaded."""
    from importlib.metadata import entry_points

    adapters: list[Adapter] = []
    problems: list[Problem] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            adapters.append(entry.load()())
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything; it is reported, not hidden
            problems.append(_broken(entry.name, error))
    return adapters, problems


def _broken(name: str, error: Exception) -> Problem:
    reason = (
        f"the installed adapter {name} does not work ({type(error).__name__}: {error}); update or remove it"
    )
    return Problem(None, "", "", "unreadable", reason)


def read(path: Path) -> tuple[pa.Table, list[Problem], str]:
    """Read ``path`` with the first adapter that takes it: native, installed, known datasets, folders.

    Native comes first so that the usual case never pays for looking up installed packages.

    Returns
    -------
    The table, what is to be reported, and the adapter's name.

    Raises
    ------
    SierError : no adapter takes it, or the one that does cannot read it.
    """
    native = built_in("native")
    if native.matches(path):
        return native.read(path), [], native.name
    adapters, problems = third_party()
    for adapter in adapters:
        try:
            if adapter.matches(path):
                return as_text(adapter.read(path), str(path)), problems, adapter.name
        except SierError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            problems.append(_broken(_name_of(adapter), error))
    for name in list(_BUILT_IN)[1:]:
        adapter = built_in(name)
        if adapter.matches(path):
            return adapter.read(path), problems, adapter.name
    raise SierError(
        f"{path} holds no dataset that can be read." + "".join(f" Besides, {p.reason}." for p in problems),
        "Open a folder with samples.csv (or .parquet, .jsonl), a table, a folder with pictures and sounds of "
        "the same names (a folder per class or not), or that of RAVDESS, CREMA-D, MELD, IEMOCAP or B-T4SA.",
    )


def _name_of(adapter: Any) -> str:
    return str(getattr(adapter, "name", type(adapter).__name__))
