"""What the designs show is what the values say; templates are read or refused."""

import json
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from export_sets import asking
from figure_samples import make_view
from matplotlib.text import Text
from test_figure import LONG, VIEWS, extents, overlap

from sier_gui.core import paths
from sier_gui.core.charts import render
from sier_gui.core.domain import Modality, WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.explain.truth.curves import Curves, curves
from sier_gui.core.export import thesis
from sier_gui.core.export.again import read_recipe, remake_selection
from sier_gui.core.export.batch import batch
from sier_gui.core.export.designs import DESIGNS, draw
from sier_gui.core.export.gather import Source, curves_of, view_of
from sier_gui.core.export.page import AGAINST, FOR
from sier_gui.core.export.templates import list_templates, template
from sier_gui.core.export.view import FigureOptions
from sier_gui.core.export.words import word_values
from sier_gui.core.tasks import CancelToken

THESIS = ("words", "speech", "picture", "comparison", "curves")


def with_curves(view):
    line = Curves(np.linspace(0.9, 0.1, 9), np.linspace(0.1, 0.9, 9))
    return replace(view, curves=dict.fromkeys(("both", "image", "speech"), line))


HARD = ("no text, no label", "panorama of 60 s", "tower of 0.3 s", "eight long classes", "mathematics")
CASES = [(name, design, 85.0) for name in HARD for design in THESIS]
CASES += [("plain", design, 180.0) for design in THESIS]


@pytest.mark.parametrize(("name", "design", "width_mm"), CASES)
def test_nothing_overlaps_and_nothing_is_cut(name, design, width_mm):
    options = FigureOptions(width_mm, design=design, dpi=100)
    figure = draw(with_curves(make_view(**VIEWS[name])), options)
    width, height = figure.get_size_inches() * 100
    texts, _ = extents(figure)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        shown = [t for t in axes.get_yticklabels() if axes.axison and low <= t.get_position()[1] <= high]
        texts += [(t.get_text(), t.get_window_extent()) for t in shown]
    for text, box in texts:
        assert box.x0 >= -1, text
        assert box.x1 <= width + 1, text
        assert box.y0 >= -1, text
        assert box.y1 <= height + 1, text
    for (text, a), (other, b) in combinations(texts, 2):
        assert not overlap(a, b, slack=2), (text, other)


def spoken(values, texts=("aa", "bb", "cc", "dd")):
    """A view whose segments are its words, with these values."""
    view = make_view(segments=len(values), text=" ".join(texts))
    a = view.attribution
    words = tuple(
        WordSpan(text, float(start), float(end))
        for text, start, end in zip(texts, a.segment_edges_s, a.segment_edges_s[1:], strict=False)
    )
    stood = {**a.values, Modality.SPEECH: np.tile(values, (4, 1))}
    inputs = replace(view.inputs, words=words, words_by="pocketsphinx")
    return replace(view, attribution=replace(a, values=stood), inputs=inputs)


def bars(axes):
    """(corner and size, colour, hatch) of each bar."""
    import matplotlib.colors

    found = []
    for collection in axes.collections:
        for path in collection.get_paths():
            found.append((path.get_extents(), matplotlib.colors.to_hex(collection.get_facecolor()[0]).upper(),
                          collection.get_hatch()))  # fmt: skip
    return found


def test_words_stand_in_order_of_importance_and_sign_is_side_colour_and_hatch():
    figure = draw(spoken([0.1, -0.4, 0.0, 0.2]), FigureOptions(design="words", dpi=50))
    names = [t for t in figure.texts if t.get_text() in ("aa", "bb", "cc", "dd")]
    down = sorted(names, key=lambda t: -t.get_position()[1])
    assert [t.get_text() for t in down] == ["bb", "dd", "aa", "cc"]
    shown = {round(place.y0): (place, colour, hatch) for place, colour, hatch in bars(figure.axes[0])}
    against, colour, hatch = shown[0]
    assert (against.x0, against.x1, colour) == (pytest.approx(-0.4), pytest.approx(0, abs=1e-12), AGAINST)
    assert hatch is not None
    best, colour, hatch = shown[1]
    assert (best.x1, colour, hatch) == (pytest.approx(0.2), FOR, None)
    low, high = figure.axes[0].get_xlim()
    assert low == -high


def test_many_words_are_summed_up():
    texts = [f"w{i:02d}" for i in range(60)]
    values = np.linspace(0.06, 0.001, 60)
    figure = draw(spoken(values, texts), FigureOptions(design="words", dpi=50))
    assert any(t.get_text() == "20 others" for t in figure.texts)
    widths = [place.width for place, _, _ in bars(figure.axes[0])]
    assert sum(widths) == pytest.approx(values.sum())


def test_the_waveform_stands_over_its_values():
    view = spoken([0.1, -0.4, 0.0, 0.2])
    above, below = draw(view, FigureOptions(design="speech", dpi=50)).axes
    assert above.get_xlim() == below.get_xlim() == (0.0, 2.0)
    for axes in (above, below):
        assert axes.get_position().x0 == pytest.approx(above.get_position().x0)
        assert axes.get_position().width == pytest.approx(above.get_position().width)
    places = sorted((place.x0, place.x1, place.y0, place.y1) for place, _, _ in bars(below))
    expected = [(0.0, 0.5, 0.0, 0.1), (0.5, 1.0, -0.4, 0.0), (1.5, 2.0, 0.0, 0.2)]
    np.testing.assert_allclose(places, expected, atol=1e-6)


def test_the_picture_stands_beside_its_overlay():
    view = make_view(size=(240, 180))
    plain, shown, _bar = draw(view, FigureOptions(design="picture", dpi=100)).axes
    grey = plain.images[0].get_array()
    assert (grey[..., 0] == grey[..., 2]).all()
    assert not (shown.images[0].get_array()[..., 0] == shown.images[0].get_array()[..., 2]).all()
    assert shown.collections
    assert not plain.collections  # hatching is the overlay's


def test_the_line_lies_over_the_words_it_belongs_to():
    """Four segments of half a second; the first word takes three of them, the second one."""
    view = make_view(segments=4, text="long x")
    words = (WordSpan("long", 0.0, 1.5), WordSpan("x", 1.5, 2.0))
    edges, values = view.attribution.segment_edges_s, np.array([0.1, 0.2, -0.4, 0.3])
    spans = [thesis.Span(w.start_s, w.end_s, w.word) for w in words]
    places, scaled = thesis._across(spans, edges, values)
    np.testing.assert_allclose(places, [1 / 6, 0.5, 5 / 6, 1.5])
    np.testing.assert_allclose(scaled, [0.25, 0.5, -1.0, 0.75])
    assert word_values(spans, edges, values) == pytest.approx([-0.1, 0.3])


def test_without_text_segments_take_the_words_place():
    figure = draw(make_view(text="", segments=4), FigureOptions(design="comparison", dpi=50))
    assert any(t.get_text() == "0.50–1.00 s" for t in figure.texts)


def test_curves_are_those_of_the_network(catalogue, release):
    """Deletion begins at f(all) and ends at f(none); the areas are written."""
    from sier_gui.core.explain.truth.case import case_for, player_map
    from sier_gui.core.seeds import stream

    source = Source.of(catalogue, release, asking().explain, "cpu")
    view = view_of(source, catalogue.sample(0), CancelToken(), curves=True)
    a = view.attribution
    both = view.curves["both"]
    assert both.deletion[0] == pytest.approx(a.f_all[a.index()], abs=1e-5)
    assert both.deletion[-1] == pytest.approx(a.f_none[a.index()], abs=1e-5)
    from sier_gui.core.nets.prediction import Predictor

    predictor = Predictor(release, "cpu")
    case = case_for(predictor, view.inputs, replace(source.request, target=a.target), a.index())
    again = curves(case.game(), a.index(), {"m": player_map(a)}, stream(0, "export.curves"))["m"]
    np.testing.assert_allclose(both.insertion, again["both"].insertion, atol=1e-6)
    assert curves_of(source, view.inputs, a, predictor)["image"].deletion_area == pytest.approx(
        again["image"].deletion_area, abs=1e-6
    )
    said = " ".join(t.get_text() for t in draw(view, FigureOptions(180.0, design="curves", dpi=40)).texts)
    assert f"area {both.deletion_area:.2f} under deletion" in said
    with pytest.raises(SierError, match="not known"):
        draw(replace(view, curves=None), FigureOptions(design="curves"))


# ---------------------------------------------------------------- captions, templates


def test_the_author_s_own_caption_and_none():
    view = make_view()
    for caption, there, gone in (("My <own> $words$.", "My <own> $words$.", "Owen"), ("", "", "Owen")):
        figure = draw(view, FigureOptions(85.0, caption=caption, dpi=50))
        said = " ".join(t.get_text() for t in figure.texts)
        assert there in said
        assert gone not in said
    with_one = draw(view, FigureOptions(85.0, dpi=50)).get_size_inches()[1]
    assert figure.get_size_inches()[1] < with_one


def test_every_design_is_shipped_as_a_template(own_home):
    shipped = list_templates()
    assert {one.options.design for one in shipped} == set(DESIGNS)
    assert [one.name for one in shipped][:3] == ["figure7", "one-column", "two-columns"]
    assert template("one-column").options.width_mm == 85
    assert template("two-columns").options.width_mm == 180
    assert paths.resources().is_dir()


def test_one_s_own_template(own_home, tmp_path):
    folder = paths.user_folder("config") / "templates"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('design = "words"\nwidth_mm = 77\ncaption = ""\ndpi = 600\n')
    (folder / "broken.toml").write_text("design = ")
    mine = template("mine")
    assert mine.options == FigureOptions(77.0, design="words", caption="", dpi=600)
    assert "broken" not in [one.name for one in list_templates()]
    with pytest.raises(SierError, match="Cannot read the template"):
        template(str(folder / "broken.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('design = "mosaic"', "no figure design"),
        ("colour = 3", "unknown keys: colour"),
        ('width_mm = "wide"', "wrong kind"),
        ("width_mm = 5", "5 mm wide"),
        ('signed = "yes"', "wrong kind"),
        ("dpi = 1", "dots per inch"),
    ],
)
def test_templates_that_cannot_be(tmp_path, text, said):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SierError, match=said):
        template(str(tmp_path / "a.toml"))


def test_unknown_template():
    with pytest.raises(SierError, match="Use figure7, one-column"):
        template("mosaic")


# ---------------------------------------------------------------- SHAP's plots

SEVERAL = [
    pytest.param(name, marks=() if name in ("shap-beeswarm", "shap-heatmap") else pytest.mark.slow)
    for name, one in DESIGNS.items()
    if one.draw_all is not None
]
ONE = [name for name, one in DESIGNS.items() if name.startswith("shap-") and one.draw is not None]


def test_shap_is_not_imported_for_our_own_designs():
    import subprocess

    code = "import sys, sier_gui.core.export.designs; assert not {'shap', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("design", ONE)
def test_shap_draws_one_sample(design):
    import io

    from PIL import Image

    view = make_view(grid=4, classes=("anger", LONG, "hate", "sad"))
    figure = draw(view, FigureOptions(140.0, design=design, dpi=100))
    with Image.open(io.BytesIO(render(figure, "png", {}))) as image:
        assert image.width == pytest.approx(140 / 25.4 * 100, abs=6)
        pixels = np.asarray(image.convert("L"))
    assert pixels[0].min() == pixels[-1].min() == 255  # nothing runs over the edge
    assert (pixels < 200).mean() > 0.005
    sizes = [t.get_fontsize() for t in figure.findobj(Text) if t.get_text()]
    assert min(sizes) > 5
    assert max(sizes) < 12


def test_shap_s_waterfall_says_our_values():
    view = make_view(grid=2, segments=4)
    a = view.attribution
    figure = draw(view, FigureOptions(180.0, design="shap-waterfall", dpi=60))
    said = " ".join(t.get_text() for t in figure.findobj(Text))
    assert f"{a.f_all[a.index()]:.3f}" in said.replace("−", "-")
    assert "image row 1, column 1" in said


def test_shap_needs_room_and_several():
    with pytest.raises(SierError, match="cannot be read on 85 mm"):
        draw(make_view(), FigureOptions(85.0, design="shap-bar"))
    with pytest.raises(SierError, match="needs several samples"):
        draw(make_view(), FigureOptions(140.0, design="shap-beeswarm"))


@pytest.mark.parametrize("design", SEVERAL)
def test_shap_draws_a_selection(catalogue, release, tmp_path, design):
    options = FigureOptions(140.0, design=design, dpi=60)
    state = batch(catalogue, release, asking("png", "npz", options=options), range(6), tmp_path)
    assert [entry["format"] for entry in state.entries] == ["png", "json"]
    assert (state.made, state.failed, state.complete) == (6, 0, True)
    assert list(json.loads((tmp_path / f"{design}.json").read_text())["samples"]) == [
        f"000{i}" for i in range(1, 7)
    ]
    if design == "shap-beeswarm":  # whose dots are scattered by chance
        remake_selection(read_recipe(tmp_path / f"{design}.png"), tmp_path / "again")
        assert (tmp_path / f"{design}.png").read_bytes() == (
            tmp_path / "again" / f"{design}.png"
        ).read_bytes()
