"""A figure is made again from what it carries: the same bytes, or a refusal that says why."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from export_sets import ASKED, SMALL, asking

from sier_gui.core import paths
from sier_gui.core.dataset.pairs import loose_pair
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.export.again import read_recipe, remake
from sier_gui.core.export.batch import batch
from sier_gui.core.export.bundle import export
from sier_gui.core.export.gather import Source, view_of
from sier_gui.core.export.origin import Origin, located, portable
from sier_gui.core.tasks import CancelToken

ALL = ("png", "svg", "pdf", "npz")


@pytest.fixture
def made(catalogue, release, tmp_path):
    """A sample exported; the folder."""
    out = tmp_path / "made"
    batch(catalogue, release, asking("png"), [1], out)
    return out


def make_again(file, out, **further):
    remade = remake(read_recipe(file), **further)
    export(remade.view, remade.recipe.formats, None, out, options=remade.recipe.options)
    return remade


def test_every_file_tells_how_to_make_all_of_them(catalogue, release, tmp_path):
    made = tmp_path / "made"
    batch(catalogue, release, asking(*ALL, options=replace(SMALL, signed=True)), [1, 2], made)
    for suffix in (*(f".{kind}" for kind in ALL), ".json"):
        again = tmp_path / suffix
        assert make_again(made / f"0002{suffix}", again).notes == ()
        for kind in ("png", "svg", "pdf"):  # npz: a zip archive has a clock
            assert (made / f"0002.{kind}").read_bytes() == (again / f"0002.{kind}").read_bytes()
        assert not (again / "0003.png").exists()


def test_without_the_cache_it_is_computed_as_it_was(catalogue, release, tmp_path):
    """Two threads then, one now: sums of floats would differ in their last bits."""
    source = replace(Source.of(catalogue, release, ASKED, "cpu"), threads=2)
    view = view_of(source, catalogue.sample(0), CancelToken())
    assert view.attribution.provenance["threads"] == 2
    export(view, ["png", "csv"], None, tmp_path / "made", options=SMALL)
    shutil.rmtree(paths.user_folder("cache"))
    assert make_again(tmp_path / "made" / "0001.png", tmp_path / "again").notes == ()
    for name in ("0001.png", "0001.csv"):
        assert (tmp_path / "made" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_an_explanation_kept_from_other_threads_does_not_count(catalogue, release, tmp_path):
    source = Source.of(catalogue, release, ASKED, "cpu")
    export(view_of(source, catalogue.sample(0), CancelToken()), ["png"], None, tmp_path / "a", options=SMALL)
    shutil.rmtree(paths.user_folder("cache"))
    view_of(replace(source, threads=2), catalogue.sample(0), CancelToken())  # into the cache
    make_again(tmp_path / "a" / "0001.png", tmp_path / "b")
    assert (tmp_path / "a" / "0001.png").read_bytes() == (tmp_path / "b" / "0001.png").read_bytes()


def test_a_loose_pair_is_made_again(catalogue, release, tmp_path):
    media = catalogue.sample(3).paths
    sample = loose_pair(media[Modality.IMAGE], media[Modality.SPEECH], "said aloud")
    source = Source.of(catalogue, release, ASKED, "cpu")
    view = view_of(source, sample, CancelToken())
    view = replace(view, origin=Origin.of(sample, ASKED, release, None))
    export(view, ["png"], None, tmp_path / "a", options=SMALL)
    (figure,) = (tmp_path / "a").glob("*.png")
    make_again(figure, tmp_path / "b")
    assert figure.read_bytes() == (tmp_path / "b" / figure.name).read_bytes()


def test_changed_media_are_refused(made, catalogue):
    sound = catalogue.sample(1).paths[Modality.SPEECH]
    shutil.copy(catalogue.sample(0).paths[Modality.SPEECH], sound)
    with pytest.raises(SierError, match="are not those of the figure"):
        remake(read_recipe(made / "0002.png"))


def test_a_moved_dataset_is_found_where_it_is_said_to_be(made, catalogue, tmp_path):
    moved = tmp_path / "elsewhere"
    catalogue.root.rename(moved)
    recipe = read_recipe(made / "0002.png")
    with pytest.raises(SierError, match="There is nothing at"):
        remake(recipe)
    assert remake(recipe, dataset=moved).view.sample.sample_id == "0002"


def test_a_new_label_in_the_table_is_told_and_not_drawn(made, catalogue, tmp_path):
    table = Path(catalogue.root) / "samples.csv"
    table.write_text(table.read_text().replace("happy", "sad"))
    remade = make_again(made / "0002.png", tmp_path / "again")
    assert "another text or label" in remade.notes[0]
    assert (made / "0002.png").read_bytes() == (tmp_path / "again" / "0002.png").read_bytes()


def test_other_weights_are_refused(made, release, tmp_path, monkeypatch):
    from sier_gui.core.nets import releases

    recipe = read_recipe(made / "0002.png")
    monkeypatch.setattr(releases, "list_releases", list)
    recipe = replace(recipe, facts={**recipe.facts, "release_hash": "0" * 64})
    with pytest.raises(SierError, match="is not here"):
        remake(recipe)


def test_answers_that_differ_are_told(made):
    recipe = read_recipe(made / "0002.png")
    recipe = replace(recipe, facts={**recipe.facts, "f_all": recipe.facts["f_all"] + 0.01})
    assert "differ from the figure's by up to 1.0e-02" in remake(recipe).notes[-1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.png", "no picture"),
        ("a.svg", "<svg/>"),
        ("a.svg", "<svg"),
        ("a.pdf", "%PDF"),
        ("a.npz", "PK"),
        ("a.json", "[]"),
        ("a.json", "{"),
        ("a.html", "<p>"),
    ],
)
def test_files_without_provenance(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(SierError, match=r"provenance|Cannot read"):
        read_recipe(tmp_path / name)


def test_a_provenance_of_an_older_version(made):
    facts = json.loads((made / "0002.json").read_text())
    del facts["origin"]
    (made / "old.json").write_text(json.dumps(facts))
    with pytest.raises(SierError, match="does not say enough"):
        read_recipe(made / "old.json")
    with pytest.raises(SierError, match="Cannot read"):
        read_recipe(made / "absent.png")


def test_paths_do_not_name_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert portable(tmp_path / "a" / "b.csv") == "~/a/b.csv"
    for path in (
        tmp_path / "a",
        paths.resources() / "demo",
        paths.models() / "demo" / "1",
        Path("/else/where"),
    ):
        assert located(portable(path)) == path.absolute()
    assert portable(paths.resources() / "demo") == "sier-gui:resources/demo"
