"""Where a dataset's annotations lie: beside its table, or, where that cannot be, in the user's own folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.core import paths
from sier_gui.core.annotations.merging import merge
from sier_gui.core.annotations.records import Request
from sier_gui.core.annotations.schema import FILE
from sier_gui.core.annotations.store import AnnotationStore
from sier_gui.core.errors import SierError
from sier_gui.core.locks import Busy

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue


def beside(catalogue: Catalogue) -> Path:
    """``samples.annotations/`` beside ``samples.csv``; the same for the folder and for its table."""
    from sier_gui.core.dataset.adapters.native import table_file

    file = table_file(catalogue.source) if catalogue.adapter == "native" else None
    return catalogue.root / f"{file.stem if file is not None else 'dataset'}.annotations"


def own(catalogue: Catalogue) -> Path:
    """In the user's data folder, for this place on this machine."""
    place = beside(catalogue)
    key = hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:12]
    return paths.user_folder("data") / "annotations" / f"{catalogue.name[:40]}-{key}"


def look(catalogue: Catalogue) -> AnnotationStore | None:
    """The dataset's annotations, only to be read; None where nobody has annotated yet.

    Raises
    ------
    SierError : there are some, and they cannot be read.
    """
    found = [folder for folder in (beside(catalogue), own(catalogue)) if (folder / FILE).is_file()]
    if len(found) > 1:
        return open_store(catalogue)  # which brings them together
    return AnnotationStore(found[0], read_only=True) if found else None


def open_store(catalogue: Catalogue) -> AnnotationStore:
    """The dataset's annotations, to be written, with what lies in either place; made where there are none.

    ``notices`` says where they are kept if not beside the dataset, and why; and conflicts of the two places.

    Raises
    ------
    SierError : neither place can be written.
    """
    folder, ours = beside(catalogue), own(catalogue)
    try:
        if _shipped(catalogue.root):
            raise SierError(f"{catalogue.name} came with the program.", "")
        store = AnnotationStore(folder)
        other = ours
    except SierError as error:
        reason = error.message
        if not isinstance(error, Busy) and (folder / FILE).is_file() and os.access(folder / FILE, os.W_OK):
            raise  # there, ours, and damaged: a second file would hide that
        store = AnnotationStore(ours)
        other = folder
        if not _shipped(catalogue.root):
            store.notices.append(
                f"{reason} Your annotations are kept in {store.folder} and join the others when these can be "
                "written again."
            )
    try:
        _describe(store, catalogue)
        if (other / FILE).is_file():
            with AnnotationStore(other, read_only=True) as there:
                report = merge(store, there)
            store.notices += [conflict.text() for conflict in report.conflicts]
    except BaseException:
        store.close()
        raise
    return store


def rescue(catalogue: Catalogue, requests: Iterable[Request]) -> Path:
    """Keep what the dataset's own file could not take in the user's folder; where that is.

    Raises
    ------
    SierError : it cannot be written either.
    """
    with AnnotationStore(own(catalogue)) as store:
        _describe(store, catalogue)
        for request in requests:
            store.apply(request)
        return store.folder


def _shipped(root: Path) -> bool:
    """Whether the dataset belongs to the program, whose files nobody changes."""
    return root.resolve().is_relative_to(paths.resources().resolve())


def _describe(store: AnnotationStore, catalogue: Catalogue) -> None:
    for name, value in (("dataset", catalogue.name), ("dataset_hash", catalogue.dataset_hash)):
        if store.fact(name) != value:
            store.set_fact(name, value)
