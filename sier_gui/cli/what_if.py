"""``sier-gui what-if``: a sample without some of its parts, or with another's picture or speech."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, make_predictor, open_catalogue, say
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.domain import SampleInputs, Selection
    from sier_gui.core.explain.what_if import WhatIfBench
    from sier_gui.core.explain.what_if_list import WhatIf

    Inputs = Callable[[str], SampleInputs]

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_SPAN = re.compile(rf"{_NUMBER}-{_NUMBER}s(?::{_NUMBER}-{_NUMBER}Hz)?")
_BOX = re.compile(rf"{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}px")
_CHANGED = 1e-3  # two machines' float32 differ by less


def add_what_if(verb: argparse.ArgumentParser) -> None:
    one = verb.add_mutually_exclusive_group(required=True)
    one.add_argument("--sample", metavar="ID", help="the sample that is asked about")
    one.add_argument("--from", dest="source", metavar="JSON", help="ask again what an exported list holds")
    verb.add_argument(
        "--remove", type=part, action="append", default=[], metavar="PART",
        help="0.3-0.8s, 0.3-0.8s:500-2000Hz or left,top,right,bottompx; several times for several parts",
    )  # fmt: skip
    verb.add_argument("--picture-of", metavar="ID", help="with the picture of another sample")
    verb.add_argument("--speech-of", metavar="ID", help="with the speech of another sample")
    verb.add_argument("--absence", default="zeros", metavar="A", help="zeros, mean, blur, blur:6, noise …")
    verb.add_argument("--seed", type=int, default=0, help="of the noise")
    verb.add_argument("--csv", metavar="FILE", help="the answers as a table, a row per class")


def part(text: str) -> Selection:
    """A part of a sample as the command line writes it."""
    from sier_gui.core.domain import Modality, Selection  # numpy: the window is on the screen before it

    span, box = _SPAN.fullmatch(text), _BOX.fullmatch(text)
    if span is not None:
        found = Selection(Modality.SPEECH, *(float(number or 0) for number in span.groups()))
    elif box is not None:
        left, top, right, bottom = map(float, box.groups())
        found = Selection(Modality.IMAGE, left=left, top=top, right=right, bottom=bottom)
    else:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no part: write 0.3-0.8s, 0.3-0.8s:500-2000Hz or 10,20,60,80px"
        )
    if found.empty:
        raise argparse.ArgumentTypeError(f"nothing lies in {text!r}")
    return found


def what_if(arguments: argparse.Namespace) -> int:
    from sier_gui.core.dataset.inputs import load_inputs
    from sier_gui.core.explain.what_if import WhatIfBench
    from sier_gui.core.explain.what_if_list import FORMAT, VERSION, write_table

    catalogue = open_catalogue(arguments)
    bench = WhatIfBench(make_predictor(arguments, catalogue))

    def inputs_of(sample_id: str) -> SampleInputs:
        return load_inputs(catalogue.sample(catalogue.row_of(sample_id)), bench.predictor.front, absent=True)

    asked = _again if arguments.source else _once
    entries = list(asked(arguments, catalogue, bench, inputs_of))
    if arguments.csv:
        write_table(Path(arguments.csv), entries)
    value = {"format": FORMAT, "version": VERSION, "entries": [entry.as_json() for entry in entries]}
    emit(arguments, value, (line for entry in entries for line in _lines(entry)))
    return 0


def _once(
    arguments: argparse.Namespace, catalogue: Catalogue, bench: WhatIfBench, inputs_of: Inputs
) -> Iterator[WhatIf]:
    from sier_gui.core.explain.what_if import answered

    picture, speech = arguments.picture_of, arguments.speech_of
    if not (arguments.remove or picture or speech):
        raise SierError(
            "Nothing is changed.", "Name a part with --remove, or another sample with --picture-of."
        )
    own = inputs_of(arguments.sample)
    yield answered(
        bench,
        own,
        arguments.remove,
        arguments.absence,
        picture_of=inputs_of(picture) if picture else None,
        speech_of=inputs_of(speech) if speech else None,
        label=catalogue.sample(catalogue.row_of(arguments.sample)).label,
        seed=arguments.seed,
    )


def _again(
    arguments: argparse.Namespace, _catalogue: Catalogue, bench: WhatIfBench, inputs_of: Inputs
) -> Iterator[WhatIf]:
    """Each entry of the list asked anew; where the answer is another one that is said."""
    from dataclasses import replace

    from sier_gui.core.explain.what_if import answered
    from sier_gui.core.explain.what_if_list import read_list

    for entry in read_list(Path(arguments.source)):
        found = answered(
            bench,
            inputs_of(entry.sample_id),
            entry.removals,
            entry.absence,
            picture_of=inputs_of(entry.picture_of),
            speech_of=inputs_of(entry.speech_of),
            label=entry.label,
            seed=entry.seed,
        )
        for fact, words in (("release_hash", "of another release"), ("sample_hash", "of other files")):
            if entry.provenance.get(fact) != found.provenance[fact]:
                say(f"{entry.name or entry.sample_id}: the list's answer is {words}.")
        if found.classes != entry.classes or _apart(found, entry) > _CHANGED:
            say(f"{entry.name or entry.sample_id}: the answer is another one than in the list.")
        yield replace(found, name=entry.name)


def _apart(first: WhatIf, second: WhatIf) -> float:
    return max(abs(a - b) for a, b in zip(first.after, second.after, strict=True))


def _lines(entry: WhatIf) -> Iterator[str]:
    pair = f", picture of {entry.picture_of}, speech of {entry.speech_of}" if entry.mixed else ""
    parts = "; ".join(removal.text for removal in entry.removals)
    yield f"{entry.name or entry.sample_id}{pair}: " + (
        f"without {parts} ({entry.absence})" if parts else "whole"
    )
    for name, before, after in zip(entry.classes, entry.before, entry.after, strict=True):
        yield f"  {name:<12} {before:.4f} → {after:.4f}  {after - before:+.4f}"
    yield f"  sees {entry.predicted}" + (
        f" instead of {entry.predicted_before}" if entry.flipped else " still"
    )
