"""Inspect a folder of odd files with a manifest.csv (file, odd, expected) and print the outcomes as Markdown.

    python benchmarks/odd_media.py FOLDER [--disagreements]

Every file under FOLDER is inspected, those missing from the manifest too. "agrees" is judged from the words
of the expectation: a text without "reject" or "error" wants the file loaded, one with "reject" and without
"load" wants it refused, everything else allows both; and each answer must come within two seconds.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

from sier_gui.core.dataset.inspection import LIMIT_S, Inspection, inspect


def expectations(folder: Path) -> dict[str, tuple[str, str]]:
    """File → (what is odd, what is expected); unlisted files have empty texts."""
    listed: dict[str, tuple[str, str]] = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            listed[row["file"]] = (row["odd"], row["expected"])
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.csv"):
        listed.setdefault(path.relative_to(folder).as_posix(), ("", ""))
    return listed


def agrees(expected: str, outcome: Inspection) -> bool:
    words = expected.lower()
    in_time = outcome.seconds_taken <= LIMIT_S
    wants_load = "load" in words and "reject" not in words and "error" not in words
    wants_refusal = "reject" in words and "load" not in words and "warn" not in words
    clear = outcome.ok or bool(outcome.error)
    return in_time and clear and not (wants_load and not outcome.ok) and not (wants_refusal and outcome.ok)


def describe(outcome: Inspection) -> str:
    if not outcome.ok:
        return f"{outcome.kind}: {outcome.error}"
    if outcome.size_px:
        return f"{outcome.kind} {outcome.size_px[0]}×{outcome.size_px[1]} px"
    return f"{outcome.kind} {outcome.duration_s:.4f} s {outcome.hint}".strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--disagreements", action="store_true", help="list only these")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    slowest = 0.0
    print("| file | odd | expected | outcome | agrees | seconds |\n|---|---|---|---|---|---|")
    for name, (odd, expected) in expectations(arguments.folder).items():
        outcome = inspect(arguments.folder / name)
        good = agrees(expected, outcome)
        counts[f"{outcome.kind} {'loads' if outcome.ok else 'refused'}"] += 1
        counts["disagrees"] += not good
        slowest = max(slowest, outcome.seconds_taken)
        if good and arguments.disagreements:
            continue
        said = describe(outcome).replace(str(arguments.folder) + "/", "").replace("|", "\\|")
        mark = "yes" if good else "NO"
        print(f"| {name} | {odd} | {expected} | {said} | {mark} | {outcome.seconds_taken:.3f} |")
    print(
        "\n" + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) + f"; slowest {slowest:.3f} s"
    )


if __name__ == "__main__":
    main()
