"""A figure made again from the provenance that it carries."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from sier_gui.core.domain import Modality, Sample
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import CODE_VERSION, Attribution
from sier_gui.core.export.designs import design
from sier_gui.core.export.gather import Source, computed, curves_of, kept_of
from sier_gui.core.export.origin import Origin
from sier_gui.core.export.view import FigureInput, FigureOptions, answer
from sier_gui.core.tasks import CancelToken

if TYPE_CHECKING:
    from sier_gui.core.dataset.catalogue import Catalogue
    from sier_gui.core.domain import SampleInputs
    from sier_gui.core.export.batch import BatchState
    from sier_gui.core.nets.releases import Release

_PDF = re.compile(rb"/Subject \(((?:[^\\()]|\\.)*)\)", re.S)
_HTML = re.compile(r'<script type="application/json" class="provenance">(.*?)</script>', re.S)
_CLOSE = 1e-9  # of recorded answers, when the same program is asked again on the same machine
_OPERATIONS = ("device", "threads", "torch", "precision", "version")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a provenance says about its figure."""

    facts: Mapping[str, Any]
    origin: Origin
    options: FigureOptions
    formats: tuple[str, ...]

    @property
    def sample_id(self) -> str:
        return str(self.facts["sample_id"])

    @property
    def samples(self) -> tuple[str, ...]:
        """Ids of all samples of a plot of several; () for a figure of one."""
        return tuple(map(str, self.facts.get("samples", ())))


@dataclass(frozen=True, slots=True)
class Remade:
    """A figure's input, made again, and what is not as it was: one sentence each, () where all is."""

    view: FigureInput
    recipe: Recipe
    notes: tuple[str, ...]


def read_recipe(file: Path) -> Recipe:
    """The recipe in a figure (PNG, SVG, PDF), its values (npz), a report, or the JSON beside them.

    Raises
    ------
    SierError : the file cannot be read, or carries none.
    """
    facts = _provenance_in(file)
    try:
        figure = dict(facts["figure"])
        if figure["scale"] is not None:
            figure["scale"] = tuple(map(float, figure["scale"]))
        formats = tuple(str(kind) for kind in facts["formats"])
        recipe = Recipe(facts, Origin.from_json(facts["origin"]), FigureOptions(**figure), formats)
        several = "samples" in facts
        own = () if several else ("sample_id", "class", "text", "further")
        for key in (*own, "sample_hash", "release_hash", "release", "code_version"):
            facts[key]
    except (KeyError, TypeError, ValueError) as error:
        raise SierError(
            f"The provenance of {file} does not say enough to make it again ({error}).",
            "Export the sample anew: figures of older versions lack it.",
        ) from error
    return recipe


def _provenance_in(file: Path) -> dict[str, Any]:
    """The provenance as `charts.save`, `values.write_npz` and `bundle` wrote it."""
    from PIL import UnidentifiedImageError

    readers = {".png": _in_png, ".svg": _in_svg, ".pdf": _in_pdf, ".npz": _in_npz, ".html": _in_html}
    read = readers.get(file.suffix.lower(), lambda path: path.read_text(encoding="utf-8"))
    try:
        found = json.loads(read(file))
    except (OSError, UnidentifiedImageError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SierError(f"Cannot read {file}: {reason}.", "Check the path.") from error
    except (ValueError, KeyError, TypeError, StopIteration, ElementTree.ParseError, zipfile.BadZipFile):
        found = None
    if not isinstance(found, dict) or not {"sample_id", "samples"} & set(found):
        raise SierError(
            f"{file} carries no provenance of sier-gui.", "Give a figure it wrote, or the JSON beside it."
        )
    return found


def _in_png(file: Path) -> str:
    from PIL import Image

    with Image.open(file) as image:
        return str(image.info["Comment"])


def _in_svg(file: Path) -> str:
    tree = ElementTree.parse(file)
    return str(next(tree.iter("{http://purl.org/dc/elements/1.1/}description")).text)


def _in_pdf(file: Path) -> str:
    found = _PDF.search(file.read_bytes())
    return re.sub(rb"\\([()\\])", rb"\1", found[1]).decode() if found else ""


def _in_npz(file: Path) -> str:
    with np.load(file, allow_pickle=False) as archive:
        return str(archive["provenance"])


def _in_html(file: Path) -> str:
    found = _HTML.findall(file.read_text(encoding="utf-8"))
    return str(found[0]) if len(found) == 1 else ""  # a page of many samples is not made again from here


# ---------------------------------------------------------------- making it again


def remake(
    recipe: Recipe,
    *,
    dataset: Path | None = None,
    token: CancelToken | None = None,
) -> Remade:
    """The input of ``recipe``'s figure: the same files, the same release, the same explanation.

    On the machine that made it, drawing it gives the same PNG, byte for byte. The explanation comes from the
    cache where it is kept, else it is computed as it was: on the same device with as many threads.

    Parameters
    ----------
    dataset : where the dataset lies now, if it has moved.

    Raises
    ------
    SierError : the dataset, its sample or the release is gone or another one.
    """
    from sier_gui.core.dataset.inputs import load_view

    origin, facts = recipe.origin, recipe.facts
    release, notes = _release(recipe), []
    catalogue = _catalogue(recipe, dataset)
    sample = _sample(recipe, catalogue)
    if (sample.text, sample.label) != (facts["text"], facts["label"]):
        notes.append(f"The table now says another text or label of {sample.sample_id}; the figure's is kept.")
        sample = replace(sample, text=str(facts["text"]), label=facts["label"])
    seen = load_view(sample, release.front, words=True)
    if seen.inputs.content_hash != facts["sample_hash"]:
        raise SierError(
            f"The files of sample {recipe.sample_id} are not those of the figure.",
            "Put the files back, or export the sample anew.",
        )
    source = _source(recipe, release)
    attribution = _explained(recipe, source, seen.inputs, token or CancelToken())
    attribution = attribution.with_target(str(facts["class"]))
    notes += _differences(recipe, attribution)
    curves = curves_of(source, seen.inputs, attribution) if design(recipe.options.design).curves else None
    view = FigureInput(
        sample, seen.picture, seen.speech, seen.rate, seen.inputs, answer(attribution, sample.label),
        attribution, str(facts["release"]), origin if dataset is None else replace(origin, dataset=dataset),
        curves,
    )  # fmt: skip
    return Remade(view, recipe, tuple(notes))


def remake_selection(
    recipe: Recipe, out: Path, formats: Sequence[str] = (), *, dataset: Path | None = None
) -> BatchState:
    """Draw a plot of several samples again, into ``out``; ``formats`` () takes its own.

    Raises
    ------
    SierError : as `remake`.
    """
    from sier_gui.core.export.batch import BatchRequest, batch

    release, catalogue = _release(recipe), _catalogue(recipe, dataset)
    if catalogue is None:
        raise SierError("The plot names no dataset.", "Export it anew.")
    rows = [catalogue.row_of(name) for name in recipe.samples]
    request = BatchRequest(recipe.origin.request, recipe.options, tuple(formats) or recipe.formats)
    return batch(catalogue, release, request, rows, out)


def _release(recipe: Recipe) -> Release:
    """The release with the figure's weights, wherever it lies now."""
    from sier_gui.core.nets.releases import list_releases, open_release

    wanted = recipe.facts["release_hash"]
    if recipe.origin.release_folder.is_dir():
        release = open_release(recipe.origin.release_folder)
        if release.weights_hash == wanted:
            return release
    for release in list_releases():
        if release.weights_hash == wanted:
            return release
    raise SierError(
        f"The release {recipe.facts['release']} with the weights {str(wanted)[:8]} is not here.",
        "Install the release that made the figure.",
    )


def _catalogue(recipe: Recipe, moved: Path | None) -> Catalogue | None:
    from sier_gui.core.dataset.catalogue import open_dataset
    from sier_gui.core.dataset.mapping import ColumnMapping

    origin = recipe.origin
    source = origin.dataset if moved is None else moved
    if source is None:
        return None
    mapping = ColumnMapping(**origin.mapping) if origin.mapping else None
    return open_dataset(source, mapping=mapping, allow_outside=origin.allow_outside)


def _sample(recipe: Recipe, catalogue: Catalogue | None) -> Sample:
    from sier_gui.core.dataset.pairs import loose_pair

    if catalogue is not None:
        return catalogue.sample(catalogue.row_of(recipe.sample_id))
    media = recipe.origin.media
    return loose_pair(media[Modality.IMAGE], media[Modality.SPEECH], str(recipe.facts["text"]))


def _source(recipe: Recipe, release: Release) -> Source:
    """As it was computed: on the same device with as many threads."""
    from sier_gui.core.nets.prediction import resolve_device

    further = recipe.facts["further"]
    wanted = str(further.get("device", "cpu")).partition(":")[0]
    device = wanted if wanted == "cpu" or resolve_device("auto") == wanted else "cpu"
    dataset_hash, threads = further.get("dataset_hash"), int(further.get("threads", 1))
    return Source(release, recipe.origin.request, dataset_hash, recipe.origin, device, threads)


def _explained(recipe: Recipe, source: Source, inputs: SampleInputs, token: CancelToken) -> Attribution:
    found = kept_of(source, inputs)
    if found is not None and _computed_alike(found.provenance, recipe.facts["further"]):
        return found
    return computed(source, inputs, token, fresh=True)


def _computed_alike(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Whether two explanations were computed by the same operations."""
    return all(
        now.get(key) == then.get(key) for key in ("device", "threads", "torch", "precision", "version")
    )


def _differences(recipe: Recipe, attribution: Attribution) -> Sequence[str]:
    facts = recipe.facts
    found = []
    if facts.get("code_version") != CODE_VERSION:
        found.append("Another version of sier-gui computed the figure's values; they may differ.")
    elif not _computed_alike(attribution.provenance, facts["further"]):
        found.append(
            "The values were computed on another device, or by another torch: last digits may differ."
        )
    c = attribution.index()
    apart = max(abs(attribution.f_all[c] - facts["f_all"]), abs(attribution.f_none[c] - facts["f_none"]))
    if apart > _CLOSE:
        found.append(f"The network's answers differ from the figure's by up to {apart:.1e}.")
    return found
