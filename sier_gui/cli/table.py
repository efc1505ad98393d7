"""The command table: every verb, its arguments and their help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence

from sier_gui import __version__
from sier_gui.cli import survey, verbs
from sier_gui.cli.ablate import ablate, add_ablate, add_metrics, metrics
from sier_gui.cli.annotations import add_annotations, run_annotations
from sier_gui.cli.build import add_build, build_dataset
from sier_gui.cli.export import add_export, export
from sier_gui.cli.models import add_models, models
from sier_gui.cli.overview import add_overview, overview
from sier_gui.cli.study import add_study, study
from sier_gui.cli.train import add_train, train
from sier_gui.cli.truth import truth
from sier_gui.cli.what_if import add_what_if, what_if

DEVICES = ("auto", "cpu", "cuda")


def positive(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def add_dataset(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    parser.add_argument(
        "dataset", nargs="?" if optional else None, help="folder or table (CSV, Parquet, JSON lines)"
    )
    parser.add_argument(
        "--allow-outside", action="store_true", help="accept paths that leave the dataset's folder"
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--release", metavar="R", help="name, name/version or folder (default: the one that fits the data)"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto")


def add_selection(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--sample", nargs="+", metavar="ID")
    which.add_argument("--all", action="store_true")


def add_spread(parser: argparse.ArgumentParser, out: str) -> None:
    parser.add_argument("--out", metavar="DIR", help=out)
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="processes (default: as many as cores help)"
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="spread over Dask's workers: a scheduler's address, or local"
    )


def add_explanation(parser: argparse.ArgumentParser, grid: int = 8) -> None:
    parser.add_argument("--method", choices=("modality", "owen", "shapley", "paper"), default="owen")
    parser.add_argument("--grid", type=int, default=grid, help="patches per side (4, 8, 16)")
    parser.add_argument(
        "--segments", default="16", help="of speech: a number of equal parts, seconds as in 0.5s, or words"
    )
    parser.add_argument(
        "--bands", type=int, default=1, metavar="N", help="parts of the frequency axis for each segment"
    )
    parser.add_argument(
        "--absence", default="zeros", help="what stands in for a removed player: zeros, mean, blur, noise"
    )
    parser.add_argument("--value", choices=("probability", "logit"), default="probability")
    parser.add_argument(
        "--class", dest="target", metavar="C", help="class to explain (default: the predicted one)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--budget", type=int, metavar="N", help="most evaluations of the network (method shapley)"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "tf32"),
        default="float32",
        help="of a CUDA device's products: tf32 is faster, and equal within 1e-3",
    )


Verb = Callable[[argparse.Namespace], int]


def verb_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sier-gui", description="Emotion in speech and image, from the command line."
    )
    subparsers = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, run: Verb, text: str) -> argparse.ArgumentParser:
        verb = subparsers.add_parser(name, help=text, description=text)
        verb.set_defaults(run=run)
        verb.add_argument(
            "--json", metavar="FILE", help="write machine-readable results ('-': standard output)"
        )
        return verb

    verb = add("predict", verbs.predict, "Probabilities for every sample, or for one loose pair.")
    add_dataset(verb, optional=True)
    add_network(verb)
    verb.add_argument("--image", metavar="FILE")
    verb.add_argument("--speech", metavar="FILE")
    verb.add_argument("--text", default="")

    verb = add("explain", verbs.explain, "Shapley values of modalities, image patches and speech segments.")
    add_dataset(verb)
    add_selection(verb)
    add_explanation(verb)
    add_network(verb)
    kept = verb.add_mutually_exclusive_group()
    kept.add_argument(
        "--resume", action="store_true", help="take what was explained before from the cache (the default)"
    )
    kept.add_argument("--no-cache", action="store_true", help="compute even what was computed before")
    add_spread(verb, "with --all: into Parquet files here, going on from what they hold")

    verb = add("degree", survey.degree, "How much each modality counts: A-SHAP, V-SHAP with their errors.")
    add_dataset(verb)
    add_explanation(verb, grid=4)
    add_network(verb)
    add_spread(verb, "the survey's folder (default: in the cache); what it lacks is computed")
    verb.add_argument("--grids", metavar="G+S,…", help="the shares for several grids too, as 2+4,4+16,8+16")
    verb.add_argument(
        "--subset", type=positive, default=32, metavar="N", help="samples for --grids (default 32)"
    )

    verb = add("overview", overview, "A dataset at a glance: confusion, shares, label errors, two releases.")
    add_dataset(verb)
    add_network(verb)
    add_overview(verb)

    verb = add("truth", truth, "Are the maps true? Beside other methods, randomised networks and evidence.")
    add_dataset(verb)
    add_selection(verb)
    verb.add_argument("--limit", type=positive, metavar="N", help="the first N samples only")
    add_explanation(verb)
    add_network(verb)

    verb = add(
        "what-if", what_if, "Probabilities without some parts, or with another sample's picture or speech."
    )
    add_dataset(verb)
    add_what_if(verb)
    add_network(verb)

    verb = add("export", export, "Annotated figures, spans and raw values.")
    add_dataset(verb, optional=True)
    add_export(verb)
    add_explanation(verb)
    add_network(verb)

    verb = add("inspect", verbs.inspect, "Load any audio or image file as the application would.")
    verb.add_argument("files", nargs="+", metavar="FILE")
    add_dataset(add("validate", verbs.validate, "The opening report: every problem with its row and reason."))

    verb = add("train", train, "Train a release on a dataset. Ctrl+C ends it and keeps the best.")
    add_dataset(verb)
    add_train(verb)
    verb.add_argument("--device", choices=DEVICES, default="auto")
    verb.add_argument(
        "--workers", type=positive, metavar="N", help="processes that share the networks (default 1)"
    )

    verb = add("ablate", ablate, "Table 2: every network of the family trained and tested on a dataset.")
    add_dataset(verb)
    add_ablate(verb)
    verb.add_argument("--workers", type=positive, metavar="N", help="processes (default 1)")
    verb.add_argument(
        "--dask", metavar="ADDRESS", help="spread over Dask's workers: a scheduler's address, or local"
    )
    verb.add_argument("--device", choices=DEVICES, default="auto")

    add_metrics(add("metrics", metrics, "Figures, comparisons and curves from kept predictions."))

    verb = add("build-dataset", build_dataset, "A dataset of texts and pictures, labelled by networks.")
    add_build(verb)
    verb.add_argument("--workers", type=positive, metavar="N", help="threads (default: as many as cores)")
    verb.add_argument("--device", choices=DEVICES, default="auto")

    about = "What people said about samples: seen, brought together, exported."
    add_annotations(add("annotations", run_annotations, about))

    add_study(add("study", study, "The human study: Table 1, its checks; a published table's checks."))

    add_models(add("models", models, "List or verify releases and trunk weights; fetch weights."))
    return parser


def parse_verb(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of a verb; what argparse's own rules cannot say about them is checked here."""
    parser = verb_parser()
    arguments = parser.parse_args(argv)
    if arguments.run is verbs.predict:
        pair = [arguments.image is not None, arguments.speech is not None]
        if arguments.dataset is not None and any(pair):
            parser.error("predict takes a dataset, or --image and --speech, not both")
        if arguments.dataset is None and not all(pair):
            parser.error("predict needs a dataset, or both --image and --speech")
    if arguments.run is export and arguments.dataset is None and arguments.from_file is None:
        parser.error("export needs a dataset, or --from FILE")
    if arguments.run is train and (arguments.config is None) != arguments.join:
        parser.error("train takes --config, or --join to take part in a training that goes on")
    if arguments.run is verbs.explain:
        if arguments.out is not None and not arguments.all:
            parser.error("--out takes a whole dataset: give --all")
        if arguments.out is None and (arguments.workers is not None or arguments.dask is not None):
            parser.error("--workers and --dask need --out")
    return arguments


def window_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in pixels, within what a picture of the window can be."""
    match = re.fullmatch(r"(\d{3,4})x(\d{3,4})", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT of 100 to 9999 pixels, as 1280x720")
    return int(match[1]), int(match[2])


VERBS = (
    "predict", "explain", "degree", "overview", "truth", "what-if", "export", "inspect", "validate", "train",
    "ablate", "metrics", "build-dataset", "annotations", "study", "models",
)  # fmt: skip


def window_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sier-gui",
        description="The workbench for emotion in speech and image. Without a verb it opens the window.",
        epilog=f"Verbs: {', '.join(VERBS)}; each has --help.",
    )
    parser.add_argument("path", nargs="?", help="dataset folder or table to open")
    parser.add_argument("--demo", action="store_true", help="open the bundled set and release")
    add_network(parser)
    parser.add_argument("--sample", metavar="ID", help="start at this sample")
    parser.add_argument(
        "--screenshot", metavar="FILE", help="render the window offscreen into a PNG and exit"
    )
    parser.add_argument("--fallback-screenshot", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=window_size, default="1400x900", help="of the screenshot, in pixels")
    parser.add_argument("--theme", choices=("system", "light", "dark"), help="colours, for this run")
    parser.add_argument("--mode", choices=("explore", "record", "study"), default="explore")
    parser.add_argument("--version", action="version", version=f"sier-gui {__version__}")
    return parser
