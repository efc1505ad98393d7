"""``sier-gui annotations``: what people said about a dataset's samples: seen, brought together, taken out."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.cli.verbs import emit, open_catalogue, say
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.annotations.store import AnnotationStore
    from sier_gui.core.dataset.catalogue import Catalogue


def add_annotations(parser: argparse.ArgumentParser) -> None:
    """The verb's own verbs."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=text, description=text)
        action.set_defaults(action=run)
        action.add_argument("dataset", help="folder or table (CSV, Parquet, JSON lines)")
        action.add_argument(
            "--allow-outside", action="store_true", help="accept paths that leave the dataset's folder"
        )
        # SUPPRESS: `annotations --json FILE status …` is not overridden by a default
        action.add_argument(
            "--json", metavar="FILE", default=argparse.SUPPRESS, help="machine-readable results ('-': stdout)"
        )
        return action

    add("status", status, "Who annotated how much, what is left, where it is kept.")

    action = add("agreement", agreement, "Krippendorff's α, Gwet's AC1, Cohen's κ of each pair of people.")
    action.add_argument("--with-table", action="store_true", help="compare with the table's own labels too")

    action = add("export", export, "Annotations as CSV; with --table a copy of the table, labels corrected.")
    action.add_argument("--out", metavar="DIR", help="for annotations.csv and marks.csv")
    action.add_argument("--table", metavar="FILE", help="a new CSV; the original is never touched")
    action.add_argument(
        "--rule",
        choices=("unanimous", "majority"),
        default="unanimous",
        help="when people's labels count; disputed samples keep theirs",
    )

    action = add("merge", merge, "Bring in others' annotations; nothing is overwritten, conflicts are told.")
    action.add_argument("files", nargs="+", metavar="FILE", help="annotations.sqlite, or its folder")


def run_annotations(arguments: argparse.Namespace) -> int:
    return int(arguments.action(arguments))


def status(arguments: argparse.Namespace) -> int:
    from sier_gui.core.annotations.columns import Columns
    from sier_gui.core.annotations.places import look
    from sier_gui.core.dataset.marks import Marked

    catalogue = open_catalogue(arguments)
    columns = Columns(catalogue)
    people: dict[str, Counter[str]] = {}
    store = look(catalogue)
    if store is not None:
        with store:
            entries = list(store.entries())
        columns.fill(entries)
        for entry in entries:
            people.setdefault(entry.who, Counter())[f"{entry.kind}s"] += 1
    kinds = (Marked.UNLABELLED, Marked.DISPUTED, Marked.CORRECTED, Marked.FLAGGED)
    counts = {str(kind): len(columns.rows(kind)) for kind in kinds}
    found: dict[str, Any] = {
        "schema": 1,
        "dataset": catalogue.name,
        "samples": len(catalogue),
        "file": str(store.file) if store is not None else None,
        "people": {who: dict(said) for who, said in people.items()},
        **counts,
    }
    lines = [str(store.file) if store is not None else "No annotations yet."]
    lines += [
        f"{who}: {', '.join(f'{n:,} {kind}' for kind, n in said.items())}" for who, said in people.items()
    ]
    lines.append(f"{len(catalogue):,} samples: " + ", ".join(f"{n:,} {kind}" for kind, n in counts.items()))
    emit(arguments, found, lines)
    return 0


def agreement(arguments: argparse.Namespace) -> int:
    from sier_gui.core.annotations.agreeing import agree, labels_of

    catalogue = open_catalogue(arguments)
    with _store(catalogue) as store:
        labels = labels_of(store.entries())
    ids, given = (catalogue.texts(name).to_pylist() for name in ("sample_id", "label"))
    table = {s: label for s, label in zip(ids, given, strict=True) if label}
    found = agree(labels, table if arguments.with_table else None)
    emit(arguments, found.as_json(), found.lines())
    return 0


def export(arguments: argparse.Namespace) -> int:
    from sier_gui.core.annotations.export import write_annotations, write_corrected

    if not arguments.out and not arguments.table:
        raise SierError("annotations export writes nothing.", "Give --out DIR, --table FILE, or both.")
    catalogue = open_catalogue(arguments)
    found: dict[str, Any] = {"schema": 1, "files": []}
    lines: list[str] = []
    with _store(catalogue) as store:
        if arguments.out:
            found["files"] = [str(file) for file in write_annotations(store, Path(arguments.out))]
            lines += found["files"]
        if arguments.table:
            made = write_corrected(catalogue, store, Path(arguments.table), arguments.rule)
            found |= {"table": str(made.table), "corrected": made.changed, "filled": made.filled}
            found |= {"disputed": made.kept, "unknown": made.unknown, "rule": arguments.rule}
            lines += [str(made.table), made.text()]
    emit(arguments, found, lines)
    return 0


def merge(arguments: argparse.Namespace) -> int:
    from sier_gui.core.annotations.merging import bring_in
    from sier_gui.core.annotations.places import open_store

    catalogue = open_catalogue(arguments)
    samples = set(catalogue.texts("sample_id").to_pylist())
    found: dict[str, Any] = {"schema": 1, "files": []}
    lines: list[str] = []
    with open_store(catalogue) as store:
        for notice in store.notices:
            say(notice)
        for file in arguments.files:
            report = bring_in(store, Path(file), samples)
            conflicts = [conflict.text() for conflict in report.conflicts]
            found["files"].append(
                {"file": file, "added": report.added, "same": report.same, "conflicts": conflicts}
            )
            lines += [f"{file}: {report.text()}", *conflicts]
    emit(arguments, found, lines)
    return 0


def _store(catalogue: Catalogue) -> AnnotationStore:
    from sier_gui.core.annotations.places import look

    store = look(catalogue)
    if store is None:
        raise SierError(f"Nobody has annotated {catalogue.name} yet.", "Label samples in the window first.")
    return store
