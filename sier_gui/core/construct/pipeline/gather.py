"""Stages 1 to 3: texts, pictures, and which goes with which."""

from __future__ import annotations

from collections.abc import Sequence

from sier_gui.core.construct.pipeline.context import Context
from sier_gui.core.construct.pipeline.pairing import Pairing
from sier_gui.core.construct.pipeline.pictures import Seen, look_at, same_pictures
from sier_gui.core.construct.pipeline.texts import Finding, Text, read_texts
from sier_gui.core.errors import SierError


def gather_texts(run: Context) -> None:
    """Stage 1. In one step: a kill costs all of it, which for 80,000 texts is three seconds."""
    if run.state.fact("rows") is not None:
        return
    with run.stage("texts"):
        found = read_texts(run.request)
        with run.state.transaction():
            run.state.add_texts(found.texts)
            run.state.find(found.findings)
            run.state.note("names_images", found.names_images)
            run.state.note("rows", found.rows)
        run.computed["texts"] = len(found.texts)


def gather_pictures(run: Context, files: Sequence[str], nameless: Sequence[str]) -> None:
    """Stage 2. ``files``, ``nameless``: as `pictures.list_pictures` gives them."""
    if run.state.fact("pictures_found") is not None:
        return

    def look(file: str) -> Seen | SierError:
        try:
            return look_at(run.request.images / file)
        except SierError as error:
            return error

    with run.stage("pictures"):
        known = run.state.same_as()
        todo = [file for file in files if file not in known]
        for file, seen in run.each("pictures", todo, look, len(known)):
            with run.state.transaction():
                if isinstance(seen, SierError):
                    run.state.add_picture(file, None)
                    run.state.find([Finding("pictures", None, file, "unreadable", seen.message)])
                else:
                    run.state.add_picture(file, seen)
        _find_repeats(run, nameless)


def _find_repeats(run: Context, nameless: Sequence[str]) -> None:
    pictures = run.state.pictures()
    readable = {file: seen for file, seen in pictures.items() if seen is not None}
    names = list(readable)
    same_as = {
        name: names[first] for name, first in zip(names, same_pictures(list(readable.values())), strict=True)
    }
    with run.state.transaction():
        run.state.set_same(same_as)
        run.state.find(
            Finding("pictures", None, name, "duplicate", f"the picture of {first} again")
            for name, first in same_as.items()
            if name != first
        )
        run.state.find(
            Finding("pictures", None, name, "unreadable", "its name is not UTF-8") for name in nameless
        )
        run.state.note("pictures_found", len(pictures) + len(nameless))


def pair_up(run: Context) -> None:
    """Stage 3.

    Raises
    ------
    SierError : there is not one pair.
    """
    if run.state.fact("paired") is not None:
        return
    with run.stage("pairing"):
        texts = run.state.texts()
        keep = run.request.repeats != "drop"
        pairing = Pairing(run.state.same_as(), keep_repeats=keep, seed=run.request.seed)
        kind = run.request.pairing
        if kind == "auto":
            kind = "name" if run.state.fact("names_images") else "shuffle"
        {"name": pairing.by_name, "label": pairing.by_label, "shuffle": pairing.shuffled}[kind](texts)
        if not pairing.pairs:
            raise _nothing(run, texts, pairing.findings)
        with run.state.transaction():
            run.state.add_pairs(pairing.pairs)
            run.state.find(pairing.findings)
            run.state.note("paired", kind)
        run.computed["pairing"] = len(pairing.pairs)


def _nothing(run: Context, texts: Sequence[Text], findings: Sequence[Finding]) -> SierError:
    same_as = run.state.same_as()
    different = sum(first == file for file, first in same_as.items())
    examples = [*findings, *run.state.findings()][:1]
    return SierError(
        f"No text can be paired with a picture: {len(texts)} usable texts in {run.request.texts}, {different}"
        f" pictures in {run.request.images}.{''.join(f' {e.item}: {e.reason}.' for e in examples)}",
        "Correct them and build into another folder.",
    )
