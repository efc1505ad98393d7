"""Other people's programs read what is exported: praatio, pympi, PDFium, and a font's own widths for SVG."""

import re
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pypdfium2
import pytest
from figure_samples import make_view
from PIL import ImageFont
from praatio import textgrid
from pympi.Elan import Eaf

from sier_gui.core.charts import save
from sier_gui.core.domain import WordSpan
from sier_gui.core.explain.truth.curves import Curves
from sier_gui.core.export import spans
from sier_gui.core.export.designs import DESIGNS, draw
from sier_gui.core.export.view import FigureOptions, provenance

SVG = "{http://www.w3.org/2000/svg}"
SENTENCE = (
    "the old captain would never admit that extraordinarily complicated circumstances had forced him into"
    " abandoning seventeen perfectly reasonable opportunities because nobody at all was willing to listen to"
    " his story"
)
CLASSES = ("overwhelming resignation and grief", "quiet, somewhat ironic happiness", "hate", "sad")
ODD = 'say "no"\n& <tag> übel — 日本'


def long_view(**further):
    """30 words, long class names, and everything that a design may ask for."""
    view = make_view(text=SENTENCE, classes=CLASSES, label=CLASSES[1], **further)
    falling = np.linspace(0.9, 0.1, 81)
    whole = Curves(falling, falling[::-1])
    part = Curves(falling[::5], falling[::-5])
    return replace(view, curves={"both": whole, "image": part, "speech": part})


# ---------------------------------------------------------------- spans


@pytest.fixture(scope="module")
def tiers():
    view = make_view(text="a b", seconds=2.0, segments=5)
    words = (WordSpan("a", 0.1, 0.3), WordSpan(ODD, 0.5, 1.75))
    return spans.tiers(replace(view, inputs=replace(view.inputs, words=words, words_by="pocketsphinx")))


def test_praat_reads_the_spans(tiers, tmp_path):
    spans.write_textgrid(tmp_path / "a.TextGrid", tiers, 2.0)
    grid = textgrid.openTextgrid(
        str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False, reportingMode="error"
    )
    assert grid.tierNames == tuple(tiers)
    assert (grid.minTimestamp, grid.maxTimestamp) == (0.0, 2.0)
    for name, expected in tiers.items():
        found = grid.getTier(name).entries
        assert [entry.label for entry in found] == [" ".join(one.text.split()) for one in expected]
        np.testing.assert_allclose(
            [(entry.start, entry.end) for entry in found], [(one.start_s, one.end_s) for one in expected]
        )


def test_elan_reads_the_spans(tiers, tmp_path):
    sound = tmp_path / "ein Ton.wav"
    spans.write_elan(tmp_path / "a.eaf", tiers, sound)
    document = Eaf(str(tmp_path / "a.eaf"))
    assert set(document.get_tier_names()) == set(tiers)
    (linked,) = document.get_linked_files()
    assert linked["MEDIA_URL"] == sound.as_uri()
    for name, expected in tiers.items():
        found = sorted(document.get_annotation_data_for_tier(name))
        assert [text for _, _, text, *_ in found] == [
            "".join(c for c in one.text if c >= " ") for one in expected
        ]
        ends = [(round(one.start_s * 1000), round(one.end_s * 1000)) for one in expected]
        assert [(start, end) for start, end, *_ in found] == ends


def test_audacity_reads_the_spans(tiers, tmp_path):
    """Its format is three columns: https://manual.audacityteam.org/man/importing_and_exporting_labels.html."""
    spans.write_audacity(tmp_path / "a.txt", tiers)
    found = np.loadtxt(tmp_path / "a.txt", delimiter="\t", usecols=(0, 1), encoding="utf-8", comments=None)
    expected = [(one.start_s, one.end_s) for tier in tiers.values() for one in tier]
    np.testing.assert_allclose(found, expected, atol=1e-6)


# ---------------------------------------------------------------- figures


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """SVG and PDF of each of `CASES`."""
    folder, view = tmp_path_factory.mktemp("figures"), long_view()
    for name in CASES:
        design, _, width = name.partition("-")
        options = FigureOptions(float(width), signed=True, design=design)
        drawn = draw(view, options)
        for kind in ("svg", "pdf") if name in PRINTED else ("svg",):
            save(drawn, folder / f"{name}.{kind}", provenance(view, options))
    return folder


OURS = [name for name in DESIGNS if not name.startswith("shap-")]
CASES = [*(f"{design}-85" for design in OURS), "figure7-180", "comparison-180"]
PRINTED = ("figure7-85", "words-85", "comparison-85", "curves-85")  # fonts take half a second each
each = pytest.mark.parametrize("name", CASES)


def shown_words(name):
    """What a page must say in full."""
    design = name.partition("-")[0]
    return [
        *(SENTENCE.split() if design in ("figure7", "words", "comparison") else ()),
        "Score",
        "Owen",
        "demo/1",
    ]


def overlap(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1.5


@pytest.mark.parametrize("name", PRINTED)
def test_pdf_has_text_in_embedded_fonts_and_nothing_cropped(figures, name):
    with pypdfium2.PdfDocument(figures / f"{name}.pdf") as document:
        assert len(document) == 1
        page = document[0]
        width, height = page.get_size()
        assert width == pytest.approx(int(name.rpartition("-")[2]) / 25.4 * 72, abs=0.1)
        text = page.get_textpage()
        said = text.get_text_range()
        for word in shown_words(name):
            assert word in said
        boxes = [
            text.get_charbox(i)
            for i in range(text.count_chars())
            if said and text.get_text_range(i, 1).strip()
        ]
        for left, bottom, right, top in boxes:
            assert 0 <= left <= right <= width
            assert 0 <= bottom <= top <= height
        objects = [one for one in page.get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_TEXT]
        assert objects
        for one in objects:
            font = pypdfium2.raw.FPDFTextObj_GetFont(one.raw)
            assert pypdfium2.raw.FPDFFont_GetIsEmbedded(font) == 1
        text.close()
        page.close()


@lru_cache
def font_of(bold):
    file = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/{file}", 100)


def svg_box(element):
    """Left, top, right, bottom of a text in the drawing's units, by the font's own widths."""
    style, text = element.get("style"), "".join(element.itertext())
    size = float(re.search(r"font-size: ([\d.]+)px", style)[1])
    width = font_of("font-weight: 700" in style).getlength(text) * size / 100
    transform = element.get("transform", "")
    turned = "rotate(-90)" in transform
    if element.get("x") is not None:
        x, y = float(element.get("x")), float(element.get("y"))
        x -= {"middle": 0.5, "end": 1.0}.get(
            (re.search(r"text-anchor: (\w+)", style) or [0, ""])[1], 0
        ) * width
    else:
        x, y = map(float, re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", transform).groups())
    if turned:
        return x - 0.78 * size, y - width, x + 0.25 * size, y
    return x, y - 0.78 * size, x + width, y + 0.25 * size


@each
def test_svg_has_text_nothing_cropped_and_nothing_over_another(figures, name):
    root = ElementTree.parse(figures / f"{name}.svg").getroot()
    width, height = map(float, root.get("viewBox").split()[2:])
    texts = list(root.iter(f"{SVG}text"))
    said = " ".join("".join(one.itertext()) for one in texts)
    for word in shown_words(name):
        assert word in said
    boxes = {one: svg_box(one) for one in texts}
    for one, (left, top, right, bottom) in boxes.items():
        assert left >= -0.5, one.text
        assert right <= width + 0.5, one.text
        assert top >= -0.5, one.text
        assert bottom <= height + 0.5, one.text
    for a, b in combinations(texts, 2):
        assert not overlap(boxes[a], boxes[b]), (a.text, b.text)
    # an outline of a glyph would be a definition that is used: only ticks, hatches and dots are
    uses = [one.get("{http://www.w3.org/1999/xlink}href", "") for one in root.iter(f"{SVG}use")]
    assert not any("DejaVu" in use for use in uses)


@each
def test_pictures_and_bars_of_colour_are_pixels(figures, name):
    """A map of many patches must not become as many paths, which printers and editors choke on."""
    root = ElementTree.parse(figures / f"{name}.svg").getroot()
    images = len(list(root.iter(f"{SVG}image")))
    assert images == {"figure7": 2, "picture": 3}.get(name.partition("-")[0], 0)


def test_a_fine_map_costs_no_more_paths():
    counts = []
    for grid in (4, 32):
        figure = draw(make_view(grid=grid), FigureOptions(85.0))
        counts.append(sum(len(axes.patches) + len(axes.collections) for axes in figure.axes))
    assert counts[0] == counts[1]
