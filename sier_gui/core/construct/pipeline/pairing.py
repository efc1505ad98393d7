"""Stage 3: which picture goes with which text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from sier_gui.core.construct.pipeline.texts import Finding, Text, key
from sier_gui.core.seeds import stream

Pairs = dict[int, str]  # a text's row → a picture's file


class Pairing:
    """Pictures by file, and what they repeat.

    Parameters
    ----------
    same_as : every file that was looked at → the first file with the same picture, itself where it is the
        first; None where it cannot be read.
    keep_repeats : a picture may go with several texts; only the same pair twice is a duplicate.
    """

    def __init__(self, same_as: Mapping[str, str | None], *, keep_repeats: bool, seed: int) -> None:
        self._same_as, self._keep_repeats, self._seed = same_as, keep_repeats, seed
        self.pairs: Pairs = {}
        self.findings: list[Finding] = []

    def shuffled(self, texts: Sequence[Text], name: str = "", allowed: Iterable[str] | None = None) -> None:
        """Each text gets a picture drawn by the seed, without replacement until none is left.

        ``name``: of this draw, so that each has a stream of its own; ``allowed``: only these files.
        """
        files = self._same_as if allowed is None else allowed
        pool = sorted(file for file in files if self._same_as[file] == file)
        random = stream(self._seed, f"pairing/{name}")
        deck: list[str] = []
        for number, text in enumerate(texts):
            if not deck and pool and (number == 0 or self._keep_repeats):
                deck = [pool[i] for i in random.permutation(len(pool))]
            if not deck:
                self._refuse(text, "no-picture", f"no picture is left{f' for {name}' if name else ''}")
                continue
            self.pairs[text.row] = deck.pop()
        self._drop_repeated_pairs(texts)

    def by_label(self, texts: Sequence[Text]) -> None:
        """As `shuffled`, each text among the pictures in the folder called as its label, in any case."""
        folders: dict[str, list[str]] = {}
        for file in self._same_as:
            if "/" in file:
                folders.setdefault(file.partition("/")[0].casefold(), []).append(file)
        by_label: dict[str, list[Text]] = {}
        for text in texts:
            by_label.setdefault(text.label.casefold(), []).append(text)
        for label, members in sorted(by_label.items()):
            self.shuffled(members, label or "no label", folders.get(label, []))

    def by_name(self, texts: Sequence[Text]) -> None:
        """Each text gets the picture its row names."""
        find = finder(self._same_as)
        used: dict[str, int] = {}
        for text in texts:
            file, kind, reason = find(text.image)
            if kind:
                self._refuse(text, kind, reason)
                continue
            first = self._same_as[file]
            if first is None:
                self._refuse(text, "unreadable", f"its picture {file} cannot be read")
            elif first in used and not self._keep_repeats:
                self._refuse(text, "duplicate", f"its picture {file} is that of line {used[first]} again")
            else:
                used.setdefault(first, text.line)
                self.pairs[text.row] = file
        self._drop_repeated_pairs(texts)

    def _drop_repeated_pairs(self, texts: Sequence[Text]) -> None:
        seen: dict[tuple[str, str | None], int] = {}
        for text in texts:
            if text.row not in self.pairs:
                continue
            pair = (key(text.text), self._same_as[self.pairs[text.row]])
            before = seen.setdefault(pair, text.line)
            if before != text.line:
                del self.pairs[text.row]
                self._refuse(text, "duplicate", f"text and picture of line {before} again")

    def _refuse(self, text: Text, kind: str, reason: str) -> None:
        self.findings.append(Finding("pairing", text.line, text.sample_id, kind, reason))


Found = tuple[str, str, str]  # file, or kind and reason of what is wrong with it


def finder(files: Iterable[str]) -> Callable[[str], Found]:
    """Finds the file that a cell names: its path, or its name, each with or without its suffix.

    Asked in the order path, path without suffix, name, name without suffix; more than one file is ambiguous.
    """
    indexes: list[dict[str, list[str]]] = [{}, {}, {}, {}]
    for file in sorted(files):
        path = PurePosixPath(file)
        for index, name in zip(indexes, (file, str(path.with_suffix("")), path.name, path.stem), strict=True):
            index.setdefault(name, []).append(file)

    def find(cell: str) -> Found:
        if not cell:
            return "", "missing", "no picture is named"
        path = PurePosixPath(cell.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            return "", "outside", f"{cell[:200]!r} is no file inside the folder of pictures"
        for index in indexes:
            found = index.get(str(path), [])
            if len(found) > 1:
                return "", "ambiguous", f"{cell[:200]!r} is the name of {', '.join(found[:3])}"
            if found:
                return found[0], "", ""
        return "", "missing", f"there is no picture {cell[:200]!r}"

    return find
