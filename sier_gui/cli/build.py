"""``build-dataset``: a dataset of texts and pictures, said by synthesizers and labelled by networks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sier_gui.cli.verbs import emit, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.construct.pipeline.request import BuildRequest
    from sier_gui.core.construct.pipeline.run import BuildResult


def add_build(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments but ``--device`` and ``--workers``."""
    parser.add_argument("--texts", required=True, metavar="CSV", help="one text a row, with a header")
    parser.add_argument("--images", required=True, metavar="DIR", help="pictures, also in folders below it")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="the dataset; new, or begun by this request"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where an earlier run ended (the default)"
    )
    parser.add_argument(
        "--synthesizers",
        metavar="NAME[:VOICE],…",
        default="espeak-ng,flite,festival",
        help="one is drawn for each text; those that are not installed are told (default: all three)",
    )
    parser.add_argument("--pitch", type=float, default=1.0, help="of the voices, as a ratio")
    parser.add_argument("--rate", type=float, default=1.0, help="of speaking, as a ratio")
    parser.add_argument("--language", default="en", help="of the texts, for the table")
    parser.add_argument("--ser", metavar="R", help="release that hears the speech (default: ser_emodb/1)")
    parser.add_argument("--ier", metavar="R", help="release that sees the picture (default: ier_fer/1)")
    parser.add_argument("--rule", choices=("max", "agree"), default="max", help="see docs/build.md")
    parser.add_argument(
        "--threshold", type=float, default=0.5, help="a sample whose larger maximum is below it is dropped"
    )
    parser.add_argument(
        "--map", nargs="+", metavar="NAME=CLASS", default=[], help="a network's class to one of the dataset's"
    )
    parser.add_argument(
        "--pair-by",
        choices=("auto", "shuffle", "name", "label"),
        default="auto",
        help="name: the CSV's image column; label: its label is the pictures' folder; auto: name or shuffle",
    )
    parser.add_argument(
        "--repeats",
        choices=("drop", "pictures", "keep"),
        default="drop",
        help="pictures: they serve again where there are fewer than texts; keep: texts too",
    )
    for field in ("text", "image", "label", "id"):
        text = f"the CSV's column of {field}s, where its name does not say so"
        parser.add_argument(f"--{field}-column", metavar="NAME", default="", help=text)
    parser.add_argument("--limit", type=int, metavar="N", help="the first N usable texts only")
    parser.add_argument("--seed", type=int, default=0)


def build_dataset(arguments: argparse.Namespace) -> int:
    from sier_gui.core.construct.pipeline.run import build

    result = build(
        build_request(arguments),
        Path(arguments.out),
        workers=arguments.workers,
        device=arguments.device,
        report=terminal_report(),
    )
    for note in result.notes:
        say(note)
    problems = sum(result.summary["problems"].values())
    if problems:
        say(f"{problems} rows and files were left out or need a look; problems.csv names them.")
    summary = result.summary
    value = {
        "schema": 1,
        "out": str(result.folder),
        **{
            key: summary[key]
            for key in ("counts", "classes", "decided_by", "agree", "synthesizers", "problems")
        },
        "computed": result.computed,
        "seconds": result.seconds,
    }
    emit(arguments, value, build_lines(result))
    return 0


def build_request(arguments: argparse.Namespace) -> BuildRequest:
    from sier_gui.core.construct.pipeline.labels import MAPPING
    from sier_gui.core.construct.pipeline.request import DEFAULT_IER, DEFAULT_SER, BuildRequest, parse_voice
    from sier_gui.core.construct.synthesizers import Prosody

    return BuildRequest(
        texts=Path(arguments.texts),
        images=Path(arguments.images),
        voices=tuple(parse_voice(name) for name in arguments.synthesizers.split(",")),
        prosody=Prosody(pitch=arguments.pitch, rate=arguments.rate),
        ser=arguments.ser or DEFAULT_SER,
        ier=arguments.ier or DEFAULT_IER,
        mapping={**MAPPING, **dict(map(_mapped, arguments.map))},
        rule=arguments.rule,
        threshold=arguments.threshold,
        pairing=arguments.pair_by,
        repeats=arguments.repeats,
        text_column=arguments.text_column,
        image_column=arguments.image_column,
        label_column=arguments.label_column,
        id_column=arguments.id_column,
        language=arguments.language,
        limit=arguments.limit,
        seed=arguments.seed,
    )


def _mapped(text: str) -> tuple[str, str]:
    name, equals, to = text.partition("=")
    if not (name and equals and to):
        raise SierError(f"{text!r} maps no class.", "Write for example --map contempt=hate.")
    return name, to


def build_lines(result: BuildResult) -> Iterator[str]:
    counts, samples = result.summary["counts"], result.summary["counts"]["samples"]
    of = f"{counts['rows']} texts and {counts['pictures_found']} pictures"
    yield f"{result.folder}\t{samples} samples of {of}"
    for title, shares in (("label", result.summary["classes"]), ("decided by", result.summary["decided_by"])):
        for name, count in shares.items():
            yield f"{title} {name}\t{count}\t{count / samples:.1%}"
    for name in ("below_threshold", "disagree"):
        yield f"dropped, {name.replace('_', ' ')}\t{counts[f'dropped_{name}']}"
