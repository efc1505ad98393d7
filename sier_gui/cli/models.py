"""``sier-gui models list|verify|fetch``: releases, and the trunk weights that training starts from."""

from __future__ import annotations

import argparse
from typing import Any

from sier_gui.cli.verbs import emit, terminal_report
from sier_gui.core.errors import SierError

Row = dict[str, Any]


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "verify", "fetch"))
    parser.add_argument(
        "name",
        nargs="?",
        help="list, verify: a release or fetched weights (default: all); fetch: a name that list shows, "
        "a .pth or .safetensors file, or an address followed by #sha256=…",
    )


def models(arguments: argparse.Namespace) -> int:
    if arguments.action == "fetch":
        return _fetch(arguments)
    check = arguments.action == "verify"
    weights = [row for row in _weights(check) if arguments.name in (None, row["name"])]
    releases = _releases(arguments.name, check) if arguments.name is None or not weights else []
    rows = releases + [row for row in weights if row["file"] or not check]
    emit(arguments, rows, [_line(row, check) for row in rows])
    return 1 if any(row["problems"] for row in rows) else 0


def _fetch(arguments: argparse.Namespace) -> int:
    from sier_gui.core.nets.fetching import PUBLISHED, about, fetch

    if arguments.name is None:
        raise SierError("models fetch needs a name.", f"Known: {', '.join(PUBLISHED)}.")
    file = fetch(arguments.name, report=terminal_report())
    notes = {key: about(file)[key] for key in ("architecture", "source", "licence", "sha256")}
    emit(
        arguments,
        {"schema": 1, "name": arguments.name, "file": str(file), **notes},
        [f"{arguments.name}\t{file}\t{notes['licence']}"],
    )
    return 0


def _releases(name: str | None, check: bool) -> list[Row]:
    from sier_gui.core.nets.releases import choose_release, list_releases, verify

    return [
        {
            "kind": "release",
            "name": release.name,
            "version": release.version,
            "classes": list(release.classes),
            "streams": [str(m) for m in release.streams],
            "problems": verify(release) if check else [],
        }
        for release in ([choose_release((), name=name)] if name else list_releases())
    ]


def _weights(check: bool) -> list[Row]:
    """What can be fetched by name, and what else was fetched; ``file`` is empty where it is not there."""
    from sier_gui.core.nets.fetching import PUBLISHED, file_of, kept

    there = {item.file: item for item in kept(check=check)}
    rows = []
    for name, entry in PUBLISHED.items():
        item = there.pop(file_of(name), None)
        facts = (entry.package, entry.licence, entry.sha256, entry.archive_bytes)
        rows.append(_weights_row(name, name, *facts, "" if item is None else str(item.file)))
        if item is not None and not item.whole:
            rows[-1]["problems"] = [_damaged(str(item.file))]
    for item in there.values():
        facts = (item.source, item.licence, item.sha256, 0)
        rows.append(_weights_row(item.file.stem, item.architecture, *facts, str(item.file)))
        if not item.whole:
            rows[-1]["problems"] = [_damaged(str(item.file))]
    return rows


def _weights_row(
    name: str, architecture: str, source: str, licence: str, sha256: str, size: int, file: str
) -> Row:
    return {
        "kind": "weights",
        "name": name,
        "version": "",
        "classes": [],
        "architecture": architecture,
        "source": source,
        "licence": licence,
        "sha256": sha256,
        "download_bytes": size,
        "file": file,
        "problems": [],
    }


def _damaged(file: str) -> str:
    return f"{file} is damaged. Fetch it again."


def _line(row: Row, check: bool) -> str:
    state = "; ".join(row["problems"]) or ("verified" if check else "")
    if row["kind"] == "release":
        only = f" ({row['streams'][0]} only)" if len(row["streams"]) == 1 else ""
        return f"{row['name']}/{row['version']}\t{', '.join(row['classes'])}{only}\t{state}"
    there = row["file"] or f"not fetched; {row['download_bytes'] / 1e6:.0f} MB from {row['source']}"
    return f"{row['name']}\tweights\t{state or there}"
