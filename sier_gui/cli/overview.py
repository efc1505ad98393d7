"""``sier-gui overview``: a dataset's numbers as the window's dataset view shows them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.cli.verbs import emit, find_release, open_catalogue, say, terminal_report
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.dataset.query import PredictionTable
    from sier_gui.core.nets.releases import Release
    from sier_gui.core.overview.modalities import ShareLine
    from sier_gui.core.overview.sides import Sides
    from sier_gui.core.overview.summary import Summary
    from sier_gui.core.overview.suspects import Suspects


def add_overview(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--modalities", action="store_true", help="what each modality counts: four evaluations a sample more"
    )
    verb.add_argument("--against", metavar="R", help="a second release, for what it says otherwise")
    verb.add_argument("--suspects", metavar="FILE", help="likely label errors as CSV, most likely first")
    verb.add_argument("--figure", metavar="FILE", help="confusion, shares and map as PNG, SVG or PDF")
    verb.add_argument("--map", choices=("PCA", "UMAP", "t-SNE"), default="PCA", help="of the figure")
    verb.add_argument("--seed", type=int, default=0, help="of the map")


def overview(arguments: argparse.Namespace) -> int:
    """Predict what is not predicted yet, as the window would, and sum up."""
    from sier_gui.core.overview.held_out import in_sample
    from sier_gui.core.overview.modalities import collapse_warning, share_lines
    from sier_gui.core.overview.summary import summarise

    catalogue = open_catalogue(arguments)
    release = find_release(arguments, catalogue)
    _check_figure(arguments)
    table = known(catalogue, release, arguments.device, with_layer=arguments.figure is not None)
    if arguments.modalities:
        share(catalogue, release, arguments.device, table)
    summary, lines = summarise(catalogue, table), share_lines(catalogue, table)
    value: dict[str, Any] = {
        "schema": 1,
        "dataset": catalogue.name,
        "dataset_hash": catalogue.dataset_hash,
        "release": release.label,
        "release_hash": release.weights_hash,
        **summary.to_json(),
        "image_share": [line.to_json() for line in lines],
        "warning": collapse_warning(lines) or None,
        "in_sample": in_sample(catalogue, release),
    }
    found = _suspects(arguments, catalogue, release, table)
    if found is not None:
        value["suspects"] = {
            "judged": found.judged,
            "words": found.words,
            "samples": found.lines(catalogue),
        }
    sides = _sides(arguments, catalogue, release, table) if arguments.against else None
    if sides is not None:
        value["against"] = sides.to_json()
    if value["warning"]:
        say(str(value["warning"]))
    if value["in_sample"]:
        say(
            f"{release.label} was trained on {value['in_sample']} of these samples, where it flatters itself."
        )
    if arguments.figure:
        _figure(arguments, catalogue, release, table, summary)
    emit(arguments, value, spoken(summary, lines, found, sides))
    return 0 if summary.known else 1


def known(
    catalogue: Catalogue, release: Release, device: str, *, with_layer: bool = False
) -> PredictionTable:
    """What the window's cache has, completed and kept there; ``with_layer``: the fused layer too."""
    import numpy as np

    from sier_gui.core.dataset.query import PredictionTable, predictions_file
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.overview.store import FusedStore

    file = predictions_file(catalogue.dataset_hash, release.weights_hash)
    table = PredictionTable.load(file, catalogue, release.classes)
    store = FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue))
    lacking = np.isnan(table.confidence) | (~store.known if with_layer else False)
    rows = np.flatnonzero(lacking)
    if not len(rows):
        return table
    failed = 0
    for row, answer in Predictor(release, device).predict_rows(
        catalogue, rows, fused=store.put, report=terminal_report()
    ):
        if isinstance(answer, SierError):
            failed += 1
        else:
            table.fill(row, answer.probabilities)
    table.save(file)
    if failed:
        say(f"{failed} of {len(catalogue)} samples cannot be read; sier-gui validate says why.")
    return table


def share(catalogue: Catalogue, release: Release, device: str, table: PredictionTable) -> None:
    """The game of two players, picture and speech, of every sample whose shares are not known; kept too."""
    import numpy as np

    from sier_gui.core.dataset.inputs import load_inputs
    from sier_gui.core.dataset.query import predictions_file
    from sier_gui.core.domain import Modality
    from sier_gui.core.explain.attribution import ExplainRequest
    from sier_gui.core.explain.engine import explain
    from sier_gui.core.nets.prediction import Predictor
    from sier_gui.core.tasks import Progress

    rows = np.flatnonzero(np.isnan(table.image_share) & ~np.isnan(table.confidence))
    if not len(rows):
        return
    predictor, report = Predictor(release, device), terminal_report()
    for done, row in enumerate(rows.tolist(), start=1):
        try:
            inputs = load_inputs(catalogue.sample(row), release.front)
        except SierError:
            continue  # one of the two is absent: there is no game
        *_, found = explain(predictor, inputs, ExplainRequest(method="modality"))
        image, speech = (found.split[m] for m in (Modality.IMAGE, Modality.SPEECH))
        table.fill_explained(row, image, speech, int(found.f_all.argmax()))
        report(Progress(done, len(rows), "modalities"))
    table.save(predictions_file(catalogue.dataset_hash, release.weights_hash))


def _suspects(
    arguments: argparse.Namespace, catalogue: Catalogue, release: Release, table: PredictionTable
) -> Suspects | None:
    """None, and a line that says so, where the library is missing and nobody asked for a file."""
    from sier_gui.core.overview.suspects import EXTRA, find_suspects, installed, write_suspects

    if not installed() and not arguments.suspects:
        say(f"Likely label errors are left out: they need cleanlab ({EXTRA}).")
        return None
    found = find_suspects(catalogue, release, table)
    if arguments.suspects:
        write_suspects(Path(arguments.suspects), found, catalogue)
    return found


def _sides(
    arguments: argparse.Namespace, catalogue: Catalogue, release: Release, table: PredictionTable
) -> Sides:
    from sier_gui.core.nets.releases import choose_release
    from sier_gui.core.overview.sides import side_by_side

    second = choose_release(catalogue.classes, None, arguments.against)
    other = known(catalogue, second, arguments.device)
    return side_by_side(catalogue, table, other, (release.label, second.label))


def _check_figure(arguments: argparse.Namespace) -> None:
    """What would come to light only after predicting."""
    from sier_gui.core.overview import neighbours

    if arguments.figure and Path(arguments.figure).suffix.lower() not in (".png", ".svg", ".pdf"):
        raise SierError(f"No figure can be written as {arguments.figure}.", "Use png, svg or pdf.")
    if arguments.figure and arguments.map != "PCA":
        neighbours.check(arguments.map)


def _figure(
    arguments: argparse.Namespace,
    catalogue: Catalogue,
    release: Release,
    table: PredictionTable,
    summary: Summary,
) -> None:
    from sier_gui.core.overview.figure import provenance, save_figure
    from sier_gui.core.overview.neighbours import neighbours
    from sier_gui.core.overview.projection import FEWEST, pca
    from sier_gui.core.overview.store import FusedStore

    store = FusedStore.of(catalogue.dataset_hash, release.weights_hash, len(catalogue))
    layout = None
    if int(store.known.sum()) >= FEWEST:
        layout = (
            pca(store)
            if arguments.map == "PCA"
            else neighbours(store, arguments.map, seed=arguments.seed, report=terminal_report())
        )
    about = provenance(catalogue, release, layout) | {"seed": arguments.seed}
    save_figure(Path(arguments.figure), summary, about, layout, table)


def spoken(
    summary: Summary, lines: list[ShareLine], found: Suspects | None, sides: Sides | None
) -> Iterator[str]:
    """For people: tab-separated."""
    yield f"samples\t{summary.total}\tpredicted\t{summary.known}"
    if summary.accuracy is not None and summary.balanced_accuracy is not None:
        yield f"accuracy\t{summary.accuracy:.1%}\tbalanced\t{summary.balanced_accuracy:.1%}"
    yield "\t".join(["label \\ predicted", *summary.columns, "n"])
    for i, name in enumerate(summary.rows):
        counts = [str(count) for count in summary.confusion[i]]
        yield "\t".join([name or "no label", *counts, str(summary.labels[i])])
    for line in lines:
        if line.n:
            yield f"image, two players\t{'  ' * line.depth}{line.name}\tn {line.n}\t{line.image.mean:.1%}"
    yield f"modalities disagree\t{summary.disagreeing} of {summary.compared}"
    if found is not None:
        yield f"labels likely wrong\t{len(found)} of {found.judged}\t{found.words}"
    if sides is not None:
        m = sides.mcnemar
        yield (
            f"{sides.names[1]} against {sides.names[0]}\t{len(sides.changed)} of {sides.compared} differ\t"
            f"right alone {m.only_second} : {m.only_first}, p {m.p:.3g} (McNemar)"
        )
