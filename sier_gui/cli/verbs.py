"""What each headless verb does: call core, print what comes out.

Each verb imports what it needs when it runs, so that ``sier-gui inspect`` does not wait for torch.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core.errors import SierError
from sier_gui.core.tasks import Progress, Report, silent

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.inputs import DecodedSample
    from sier_gui.core.domain import Prediction, Sample
    from sier_gui.core.explain.attribution import Attribution, ExplainRequest
    from sier_gui.core.explain.cache import AttributionCache
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.nets.releases import Release


# ---------------------------------------------------------------- speaking to the terminal


def say(text: str) -> None:
    print(text, file=sys.stderr)


def terminal_report() -> Report:
    """A one-line progress bar on a terminal, silence when piped."""
    if not sys.stderr.isatty():
        return silent

    def draw(progress: Progress) -> None:
        bar = "█" * round(30 * progress.fraction)
        end = "\n" if progress.total and progress.done >= progress.total else ""
        print(
            f"\r{bar:<30} {progress.done}/{progress.total} {progress.text:<40.40}", end=end, file=sys.stderr
        )

    return draw


def emit(arguments: argparse.Namespace, value: Any, lines: Iterable[str]) -> None:
    """The result: as JSON where asked for, else as ``lines`` for people."""
    if not arguments.json:
        print_lines(lines)
    elif arguments.json == "-":
        print_lines([json.dumps(value, ensure_ascii=False, allow_nan=False)])
    else:
        from sier_gui.core.paths import write_json

        write_json(Path(arguments.json), value)


def print_lines(lines: Iterable[str]) -> None:
    """To standard output, flushed, so that a full disk is met here and not when Python ends."""
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()
        raise SierError(
            f"Cannot write to standard output: {error.strerror or error}.", "Make space, or use --json FILE."
        ) from error


def discard_stdout() -> None:
    """What is still buffered goes nowhere: else Python would try to write it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---------------------------------------------------------------- shared steps of the verbs


def open_catalogue(arguments: argparse.Namespace) -> Catalogue:
    from sier_gui.core.dataset.catalogue import open_dataset

    return open_dataset(Path(arguments.dataset), allow_outside=arguments.allow_outside)


def find_release(arguments: argparse.Namespace, catalogue: Catalogue | None) -> Release:
    from sier_gui.core.nets.releases import choose_release

    classes = catalogue.classes if catalogue else ()
    dataset_hash = catalogue.dataset_hash if catalogue else None
    return choose_release(classes, dataset_hash, arguments.release)


def make_predictor(arguments: argparse.Namespace, catalogue: Catalogue | None) -> Predictor:
    from sier_gui.core.nets.prediction import Predictor

    return Predictor(find_release(arguments, catalogue), device=arguments.device)


def explained(
    arguments: argparse.Namespace,
    catalogue: Catalogue,
    predictor: Predictor,
    cache: AttributionCache | None,
) -> Iterator[tuple[Sample, DecodedSample, Attribution]]:
    """The chosen samples, decoded and explained. With ``--all`` a broken one is told and left out."""
    from sier_gui.core.dataset.inputs import load_view
    from sier_gui.core.explain.attribution import WORDS
    from sier_gui.core.explain.engine import explain as explain_sample
    from sier_gui.core.explain.players import players_for

    rows = range(len(catalogue)) if arguments.all else [catalogue.row_of(name) for name in arguments.sample]
    request = explain_request(arguments)
    for row in rows:
        try:
            sample = catalogue.sample(row)
            seen = load_view(sample, predictor.front, words=request.segments == WORDS)
            players_for(seen.inputs, predictor.front, request)  # a sample without text has no words
        except SierError as error:
            if not arguments.all:
                raise
            say(str(error))
            continue
        *_, final = explain_sample(
            predictor,
            seen.inputs,
            request,
            cache=cache,
            dataset_hash=catalogue.dataset_hash,
            report=terminal_report(),
        )
        yield sample, seen, final


def loose_sample(arguments: argparse.Namespace) -> Sample:
    from sier_gui.core.dataset.pairs import loose_pair

    return loose_pair(Path(arguments.image), Path(arguments.speech), arguments.text)


# ---------------------------------------------------------------- the verbs


def predict(arguments: argparse.Namespace) -> int:
    from sier_gui.core.dataset.inputs import load_inputs

    if arguments.dataset is None:
        predictor = make_predictor(arguments, None)
        sample = loose_sample(arguments)
        (prediction,) = predictor.predict([load_inputs(sample, predictor.front)])
        emit(arguments, prediction_json(prediction), [prediction_line(prediction)])
        return 0
    catalogue = open_catalogue(arguments)
    predictor = make_predictor(arguments, catalogue)
    predictions: list[Prediction] = []
    failures = 0
    for _row, answer in predictor.predict_rows(catalogue, range(len(catalogue)), report=terminal_report()):
        if isinstance(answer, SierError):
            failures += 1
            say(str(answer))
        else:
            predictions.append(answer)
    emit(arguments, [prediction_json(p) for p in predictions], map(prediction_line, predictions))
    if failures:
        say(f"{failures} of {len(catalogue)} samples could not be read; the others are predicted.")
    return 0 if predictions else 1


def prediction_json(prediction: Prediction) -> dict[str, Any]:
    return {
        "sample_id": prediction.sample_id,
        "label": prediction.label,
        "predicted": prediction.predicted,
        "probabilities": dict(zip(prediction.classes, map(float, prediction.probabilities), strict=True)),
        "loss": prediction.loss,
    }


def prediction_line(prediction: Prediction) -> str:
    shares = "  ".join(
        f"{name} {p:.3f}" for name, p in zip(prediction.classes, prediction.probabilities, strict=True)
    )
    return f"{prediction.sample_id}\t{prediction.label or '–'}\t{prediction.predicted}\t{shares}"


def explain(arguments: argparse.Namespace) -> int:
    from sier_gui.core.explain.cache import AttributionCache

    if arguments.out is not None:
        from sier_gui.cli.survey import explain_all

        return explain_all(arguments)
    catalogue = open_catalogue(arguments)
    predictor = make_predictor(arguments, catalogue)
    cache = None if arguments.no_cache else AttributionCache()
    results = [final for _, _, final in explained(arguments, catalogue, predictor, cache)]
    as_json = [result.to_json() for result in results]
    emit(arguments, as_json[0] if len(as_json) == 1 else as_json, map(attribution_line, results))
    return 0 if results else 1


def explain_request(arguments: argparse.Namespace) -> ExplainRequest:
    from sier_gui.core.explain.attribution import ExplainRequest
    from sier_gui.core.nets.prediction import resolve_device

    if arguments.precision != "float32" and resolve_device(arguments.device) != "cuda":
        say("--precision tf32 has no effect on a CPU, it needs CUDA: everything is computed in float32.")
        arguments.precision = "float32"
    return ExplainRequest(
        method=arguments.method,
        grid=arguments.grid,
        segments=arguments.segments,
        bands=arguments.bands,
        absence=arguments.absence,
        value=arguments.value,
        target=arguments.target,
        seed=arguments.seed,
        budget=arguments.budget,
        precision=arguments.precision,
    )


def attribution_line(attribution: Attribution) -> str:
    degree = attribution.degree()
    shares = "  ".join(f"{modality} {share:.1%}" for modality, share in degree.items())
    return (
        f"{attribution.sample_id}\t{attribution.target}\t{shares}\tresidual {attribution.residual():.1e}"
        f"\t{attribution.evaluations} evaluations\t{attribution.seconds:.2f} s"
    )


def inspect(arguments: argparse.Namespace) -> int:
    from sier_gui.core.dataset.inspection import inspect as inspect_file

    outcomes = [inspect_file(Path(file)).as_json() for file in arguments.files]
    emit(
        arguments,
        outcomes,
        (f"{'ok ' if o['ok'] else 'bad'}\t{o['file']}\t{o['error'] or o['kind']}" for o in outcomes),
    )
    return 0


def validate(arguments: argparse.Namespace) -> int:
    from sier_gui.core.dataset.validation import validate as validate_catalogue

    catalogue = open_catalogue(arguments)
    problems = validate_catalogue(catalogue, report=terminal_report())
    rows = (
        f"{'–' if p.row is None else p.row + 1}\t{p.sample_id}\t{p.column}\t{p.kind}\t{p.reason}"
        for p in problems
    )
    emit(arguments, [p.as_json() for p in problems], rows)
    say(f"{len(catalogue)} samples, {len(problems)} problems.")
    return 0
