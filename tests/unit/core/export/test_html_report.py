"""A report is one file that asks for nothing, shows text as text, and can be heard and made again."""

import base64
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from export_sets import asking
from figure_samples import make_view
from PIL import Image

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.export.again import read_recipe, remake
from sier_gui.core.export.batch import batch
from sier_gui.core.export.bundle import export
from sier_gui.core.export.report import REPORT
from sier_gui.core.export.view import FigureOptions, provenance

HOSTILE = """</p><script>alert(1)</script><img src=http://x.example/a.png onerror="a()">'"&amp;\u202e"""


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        self.text.append(data)

    def sources(self, tag):
        return [base64.b64decode(a["src"].partition(",")[2]) for t, a in self.tags if t == tag]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A view whose every text is an attack, and its page."""
    folder = tmp_path_factory.mktemp("hostile")
    view = make_view(
        sample_id=HOSTILE, text=f"say {HOSTILE}", label=HOSTILE, release=HOSTILE, size=(900, 300),
        classes=(HOSTILE, "happy", "hate", "sad"),
    )  # fmt: skip
    view = replace(view, attribution=view.attribution.with_target(HOSTILE))
    manifest = export(view, ["html"], None, folder, options=FigureOptions(signed=True))
    return view, Page(Path(manifest[0]["file"]).read_text(encoding="utf-8"))


def test_nothing_is_asked_from_outside(hostile):
    _view, page = hostile
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "data", "action", "srcset", "poster"):
                assert value.startswith(("data:image/png;base64,", "data:audio/wav;base64,", "#")), (
                    tag,
                    value[:60],
                )
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
    scripts = [a for tag, a in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "class": "provenance"}]
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_text_is_text(hostile):
    view, page = hostile
    said = "".join(page.text)
    assert said.count(HOSTILE) >= 4  # title, heading, label, class …
    assert json.loads(next(t for t in page.text if t.startswith('{"schema"'))) == provenance(
        view, FigureOptions(signed=True), ["html"]
    )


def test_it_can_be_heard_and_seen(hostile):
    view, page = hostile
    whole, important = (soundfile.read(io.BytesIO(data), dtype="float32") for data in page.sources("audio"))
    assert whole[1] == important[1] == view.rate
    np.testing.assert_allclose(whole[0], view.speech, atol=1e-4)
    values, edges = view.attribution.speech(), view.attribution.segment_edges_s
    for value, start, end in zip(values, edges[:-1], edges[1:], strict=True):
        part = important[0][round(start * view.rate) + 200 : round(end * view.rate) - 200]
        assert bool(np.any(part)) == (value >= np.percentile(values, 30))
    plain, shown = (Image.open(io.BytesIO(data)) for data in page.sources("img"))
    assert plain.size == shown.size == (480, 160)
    assert np.asarray(shown)[:, :80].std() < np.asarray(plain)[:, :80].std()  # greyed beside the map


def test_against_is_hatched_in_picture_and_waveform(hostile):
    view, page = hostile
    hatched = [a for tag, a in page.tags if tag == "polygon" and a["fill"] == "url(#against)"]
    assert len(hatched) == np.count_nonzero(view.attribution.speech() < 0)
    shown = np.asarray(Image.open(io.BytesIO(page.sources("img")[1])))
    dark = (shown == 34).all(axis=2)
    rows, columns = view.attribution.image().shape
    pixels, found = view.inputs.pixels, {}
    for (row, column), value in np.ndenumerate(view.attribution.image()):
        x, y = pixels.to_picture((column + 0.5) * 128 / columns, (row + 0.5) * 128 / rows)
        x, y = round(x * 160 / 300), round(y * 160 / 300)
        found[value < 0] = found.get(value < 0, 0) + dark[y - 5 : y + 5, x - 5 : x + 5].sum()
    assert found[True] > 0
    assert found[False] == 0


def test_values_and_probabilities_are_there(hostile):
    view, page = hostile
    said = "".join(page.text)
    for p in view.prediction.probabilities:
        assert f"{p:.3f}" in said
    for value in view.attribution.values[Modality.IMAGE][view.attribution.index()].ravel():
        assert f"{value:+.4f}" in said


def test_a_batch_is_one_page_too(catalogue, release, tmp_path):
    state = batch(catalogue, release, asking("html"), [2, 0], tmp_path)
    assert state.entries[-1]["file"] == str(tmp_path / REPORT)
    page = Page((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert [a["href"] for tag, a in page.tags if tag == "a"] == ["#s1", "#s2"]
    assert [a["id"] for tag, a in page.tags if tag == "article"] == ["s1", "s2"]
    assert len(page.sources("audio")) == 4
    assert page.open == []
    with pytest.raises(SierError, match="no provenance"):
        read_recipe(tmp_path / REPORT)
    recipe = read_recipe(tmp_path / "0003.html")
    assert remake(recipe).view.sample.sample_id == "0003"
