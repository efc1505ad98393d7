"""Nothing in a figure overlaps or is cut, colours say what values say, and files keep their promises."""

import json
import os
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from figure_samples import make_view
from PIL import Image

from sier_gui.core.charts import light
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.export.colours import ColourScale, overlay, scale_of
from sier_gui.core.export.figure import FigureOptions, draw, parse_width, save, shared_scale
from sier_gui.core.export.view import caption, provenance

LONG = "another rather long emotion name that ends nowhere"
VIEWS = {
    "plain": {},
    "no text, no label": {"text": "", "label": None},
    "panorama of 60 s": {"size": (3000, 400), "seconds": 60.0, "segments": 32, "text": "word " * 2000},
    "tower of 0.3 s": {"size": (400, 3000), "seconds": 0.3, "fit": "pad", "grid": 4, "text": "x" * 10_000},
    "eight long classes": {"classes": tuple(f"{LONG} {i}" for i in range(8)), "label": LONG, "stderr": True},
    "three classes, two players": {"classes": ("neutral", "negative", "positive"), "method": "modality"},
    "mathematics": {"text": "costs $5 and $6, x^2_3 \\alpha {}", "label": "$x$", "sample_id": "a$b$" * 40},
    "logits, coarse": {"value": "logit", "complete": False, "grid": 16, "segments": 128},
    "one pixel": {"size": (1, 1), "seconds": 0.2},
}


def extents(figure):
    """Window extents of everything set as text, and of the axes, in pixels."""
    renderer = figure.canvas.get_renderer()
    with light():  # as `save` does
        return _extents(figure, renderer)


def _extents(figure, renderer):
    figure.draw(renderer)
    texts = [(t.get_text(), t.get_window_extent(renderer)) for t in figure.texts]
    for axes in figure.axes:
        if axes.axison:
            labels = [*axes.get_xticklabels(), axes.xaxis.label, axes.xaxis.get_offset_text()]
            shown = [t for t in labels if t.get_text() and t.get_visible()]
            low, high = axes.get_xlim()
            shown = [
                t for t in shown if t not in axes.get_xticklabels() or low <= t.get_position()[0] <= high
            ]
            texts += [(t.get_text(), t.get_window_extent(renderer)) for t in shown]
    return texts, [axes.get_window_extent(renderer) for axes in figure.axes]


def overlap(a, b, slack=0.5):
    return min(a.x1, b.x1) - max(a.x0, b.x0) > slack and min(a.y1, b.y1) - max(a.y0, b.y0) > slack


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width_mm", [85.0, 140.0, 180.0])
@pytest.mark.parametrize("name", VIEWS)
def test_nothing_overlaps_and_nothing_is_cut(name, width_mm, signed):
    figure = draw(make_view(**VIEWS[name]), FigureOptions(width_mm=width_mm, signed=signed, dpi=150))
    width, height = figure.get_size_inches() * 150
    assert width == pytest.approx(width_mm / 25.4 * 150)
    texts, boxes = extents(figure)
    for text, box in texts:
        assert box.x0 >= 0, text
        assert box.x1 <= width, text
        assert box.y0 >= 0, text
        assert box.y1 <= height, text
        assert not any(overlap(box, other) for other in boxes), text
    for (text, a), (other, b) in combinations(texts, 2):
        assert not overlap(a, b, slack=2), (text, other)
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b)
    for a in boxes:
        assert a.x0 >= 0
        assert a.x1 <= width + 0.5


def test_fonts_are_seven_to_nine_points():
    for width in (85.0, 140.0, 180.0):
        figure = draw(make_view(), FigureOptions(width_mm=width, dpi=50))
        sizes = {t.get_fontsize() for t in figure.texts}
        sizes |= {t.get_fontsize() for axes in figure.axes if axes.axison for t in axes.get_xticklabels()}
        assert sizes <= {7.0, 8.0, 9.0}


def test_what_the_paper_prints_is_there(view):
    said = " ".join(t.get_text() for t in draw(view, FigureOptions(dpi=50)).texts)
    assert f"P {view.prediction.predicted}" in said
    assert "GT hate" in said
    assert f"Score {view.prediction.confidence:.2f}" in said
    assert "milk" in said
    for part in (
        "image",
        "speech",
        "absence: zeros",
        "Owen values",
        "8×8 patches + 16 segments",
        "demo/1",
        "not aligned",
    ):
        assert part in said


def test_caption_adds_up_and_admits_what_is_missing():
    view = make_view(complete=False, stderr=True)
    text = caption(view, FigureOptions(scale=(0, 1)))
    numbers = re.search(r"f\(all\) ([\d.]+) − f\(none\) (−?[\d.]+) = Σφ (−?[\d.]+) \+ residual 0", text)
    f_all, f_none, total = (float(n.replace("−", "-")) for n in numbers.groups())
    assert f_all - f_none == pytest.approx(total, abs=0.002)
    shares = [int(n) for n in re.findall(r"(\d+)%", text)]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert "NOT complete" in text
    assert "standard error" in text
    assert "shared" in text


def test_contributing_words_are_bold_and_blue():
    view = make_view(text="aaaa bbbb cccc dddd", segments=4)
    values = dict(view.attribution.values)
    values[Modality.SPEECH] = np.tile([0.0, 0.0, 0.5, -0.5], (4, 1))
    view = replace(view, attribution=replace(view.attribution, values=values))
    styles = {
        t.get_text(): (t.get_color(), t.get_fontweight()) for t in draw(view, FigureOptions(dpi=50)).texts
    }
    assert styles["cccc"] == ("#0050B5", "bold")
    assert styles["aaaa bbbb"][1] == styles["dddd"][1] == "normal"


def test_overlay_colours_lie_on_their_patches():
    view = make_view(size=(160, 80), grid=2)
    scale = ColourScale("cividis", 0.0, 1.0)
    white = np.full((80, 160, 3), 255, np.uint8)
    shown = overlay(white, np.array([[0.0, 1.0], [0.0, 0.0]]), view.inputs.pixels, scale, 1.0, (320, 160))
    # crop: the network saw x from 40 to 120 of 160
    assert shown[40, 40].tolist() == [255, 255, 255]
    blue, yellow = shown[40, 120].astype(int), shown[40, 200].astype(int)
    assert blue[2] > blue[0] + 50
    assert yellow[0] > yellow[2] + 100
    assert shown[120, 200].tolist() == blue.tolist()
    assert shown[40, 260].tolist() == [255, 255, 255]


def test_signed_scale_is_centred_at_zero(view):
    scale = scale_of(view, FigureOptions(signed=True))
    assert scale.low == -scale.high
    middle = scale.rgb(np.array([0.0]))[0]
    assert middle.min() > 0.95
    against, towards = scale.rgb(np.array([scale.low, scale.high]))
    assert against[2] > against[0]
    assert towards[0] > towards[2]
    flat = replace(view, attribution=replace(
        view.attribution, values={m: np.zeros_like(v) for m, v in view.attribution.values.items()}
    ))  # fmt: skip
    draw(flat, FigureOptions(dpi=30))
    draw(flat, FigureOptions(dpi=30, signed=True))


def test_shared_scale_spans_the_batch():
    views = [make_view(seed=s) for s in range(3)]
    low, high = shared_scale(v.attribution for v in views)
    assert low == min(min(v.attribution.image().min(), v.attribution.speech().min()) for v in views)
    assert high == max(max(v.attribution.image().max(), v.attribution.speech().max()) for v in views)
    assert scale_of(views[0], FigureOptions(scale=(low, high))) == ColourScale("cividis", low, high)
    with pytest.raises(SierError):
        shared_scale([])


@pytest.mark.parametrize(("text", "mm"), [("140mm", 140.0), ("8.5 cm", 85.0), ("5in", 127.0), ("180", 180.0)])
def test_widths(text, mm):
    assert parse_width(text) == pytest.approx(mm)


@pytest.mark.parametrize("text", ["", "wide", "-5mm", "10mm", "5m", "1000mm"])
def test_no_widths(text):
    with pytest.raises(SierError):
        parse_width(text)


def test_png_has_its_size_resolution_and_provenance(view, tmp_path):
    save(draw(view, FigureOptions(width_mm=140)), tmp_path / "a.png", provenance(view))
    with Image.open(tmp_path / "a.png") as image:
        assert image.size[0] == pytest.approx(140 / 25.4 * 300, abs=1)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert json.loads(image.info["Comment"]) == provenance(view)
        corner = np.asarray(image.convert("RGB"))[:5]
    assert corner.min() == 255  # a margin, and light


def test_svg_keeps_text_and_provenance(tmp_path):
    view = make_view(text='filling & <"killer"> übel')
    save(draw(view, FigureOptions()), tmp_path / "a.svg", provenance(view))
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("übel" in t for t in texts)
    description = next(root.iter("{http://purl.org/dc/elements/1.1/}description")).text
    assert json.loads(description) == provenance(view)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == 2  # picture and colour bar


def test_pdf_embeds_true_type_and_provenance(view, tmp_path):
    save(draw(view, FigureOptions()), tmp_path / "a.pdf", provenance(view))
    data = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in data
    assert b"/Type3" not in data
    info = re.search(rb"/Subject \((.*?)\)\s*(?:/|>>)", data, re.S)[1]
    assert json.loads(re.sub(rb"\\([()\\])", rb"\1", info)) == provenance(view)
    assert any(
        b"Tf" in zlib.decompress(s) for s in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", data, re.S)[:3]
    )


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_equal_inputs_give_equal_files(view, tmp_path, suffix):
    for name in ("a", "b"):
        save(draw(view, FigureOptions(dpi=60)), tmp_path / f"{name}{suffix}", provenance(view))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_unknown_suffix(view, tmp_path):
    with pytest.raises(SierError, match="png, svg or pdf"):
        save(draw(view, FigureOptions(dpi=30)), tmp_path / "a.gif", {})


def test_light_whatever_the_users_matplotlib_says(tmp_path):
    """A dark matplotlibrc of the user must not reach the figure."""
    (tmp_path / "matplotlibrc").write_text(
        "figure.facecolor: black\ntext.color: white\naxes.facecolor: black\n"
    )
    code = """
import sys
from pathlib import Path
from figure_samples import make_view
from sier_gui.core.export.figure import FigureOptions, draw, save

save(draw(make_view(), FigureOptions(dpi=60)), Path("a.png").resolve(), {})
assert "matplotlib.pyplot" not in sys.modules
"""
    here, root = Path(__file__).parent, Path(__file__).parents[4]
    environment = {**os.environ, "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": f"{here}{os.pathsep}{root}"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    assert np.median(pixels) > 150
    assert pixels[:4].min() == 255
