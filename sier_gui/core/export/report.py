"""A page that opens in any browser, without a network: picture, map, sound, words and values of samples.

One file: pictures and sound lie inside it. It asks for nothing from outside, which its own policy forbids,
and whatever a dataset says is text in it, never markup.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.audio import listening
from sier_gui.core.audio.levels import peaks
from sier_gui.core.domain import FloatArray
from sier_gui.core.export.colours import ColourScale, overlay, scale_of
from sier_gui.core.export.view import FigureInput, FigureOptions, caption
from sier_gui.core.export.words import contributing, shown_words, word_values
from sier_gui.core.images.files import Picture
from sier_gui.core.images.patches import patch_rectangles
from sier_gui.core.paths import atomic_file, write_bytes

REPORT = "all.report.html"  # no sample's page has a dot before its suffix
_BEGIN, _END = "<!-- sample -->", "<!-- end of sample -->"
_LARGEST = 480  # pixels of a picture's longer side
_WAVE = (960, 120)  # of the waveform's drawing
_BINS = 480
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:62rem;margin:2rem auto;
padding:0 1rem}
h1,h2{font-weight:600;line-height:1.2}h2{margin:0 0 .5rem;overflow-wrap:anywhere}
article{border-top:1px solid #ccc;padding:1.5rem 0}
.pictures{display:flex;flex-wrap:wrap;gap:1rem}.pictures figure{margin:0}
.pictures img{max-width:100%;display:block}figcaption,.soft{color:#555;font-size:.85rem}
.sounds{display:flex;flex-wrap:wrap;gap:1rem;margin:.75rem 0}audio{height:2.25rem;display:block}
svg{width:100%;height:auto;display:block}
.words b{color:#0050b5}.words span,.words b{margin-right:.35em;white-space:nowrap;display:inline-block;
max-width:100%;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.1rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left;overflow-wrap:anywhere}
.bar{display:inline-block;height:.7em;background:#0072b2}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.75rem}nav li{overflow-wrap:anywhere}
"""


def write_page(target: Path, view: FigureInput, facts: dict[str, Any], options: FigureOptions) -> None:
    """A page of one sample.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    page = _page(view.sample.sample_id, [_article(view, facts, options)])
    write_bytes(target, "".join(page).encode("utf-8", "replace"))


def join_pages(target: Path, title: str, pages: Sequence[tuple[str, Path]]) -> None:
    """One page of all samples, (name, page) each, with a list of them above.

    Raises
    ------
    SierError : a page cannot be read, or the folder not be written.
    """
    links = [f'<li><a href="#s{number}">{escape(name)}</a></li>' for number, (name, _) in enumerate(pages, 1)]
    nav = f"<nav><ol>{''.join(links)}</ol></nav>\n"
    with atomic_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for piece in _page(title, _articles(pages), nav):
            file.write(piece)


def _articles(pages: Iterable[tuple[str, Path]]) -> Iterator[str]:
    for number, (_, page) in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        article = text[text.index(_BEGIN) : text.index(_END)]
        yield article.replace("<article>", f'<article id="s{number}">', 1)


def _page(title: str, articles: Iterable[str], nav: str = "") -> Iterator[str]:
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + (f"<h1>{escape(title)}</h1>\n{nav}" if nav else "")
    )
    for article in articles:
        yield article + _END + "\n"
    yield "</body>\n</html>\n"


def _article(view: FigureInput, facts: dict[str, Any], options: FigureOptions) -> str:
    scale = scale_of(view, options)
    said = view.prediction
    parts = [
        _BEGIN,
        "<article>",
        f"<h2>{escape(view.sample.sample_id)}</h2>",
        f"<p>P <b>{escape(said.predicted)}</b> · GT <b>{escape(view.sample.label or '–')}</b>"
        f" · Score <b>{said.confidence:.2f}</b></p>",
        _pictures(view, options, scale),
        f'<p class="words">{_words(view)}</p>',
        _waveform(view, options, scale),
        _sounds(view),
        f'<p class="soft">{escape(caption(view, options))}</p>',
        _probabilities(view),
        _values(view),
        _provenance(facts),
        "</article>",
    ]
    return "\n".join(parts) + "\n"


# ---------------------------------------------------------------- what is seen


def _pictures(view: FigureInput, options: FigureOptions, scale: ColourScale) -> str:
    height, width = view.picture.shape[:2]
    share = min(1.0, _LARGEST / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    values = view.attribution.image()
    shown = overlay(view.picture, values, view.inputs.pixels, scale, options.opacity, size)
    if options.signed:
        shown = _hatched(shown, view, values)
    plain = _resized(view.picture, size)
    name = escape(view.attribution.target)
    how = "red for, blue and hatched against it" if options.signed else "yellow most, blue least important"
    return (
        '<div class="pictures">'
        f'<figure><img src="{_data("image/png", _png(plain))}" alt="the picture" width="{size[0]}">'
        "<figcaption>the picture</figcaption></figure>"
        f'<figure><img src="{_data("image/png", _png(shown))}" alt="its map" width="{size[0]}">'
        f"<figcaption>what speaks for {name}: {how}</figcaption></figure></div>"
    )


def _hatched(shown: Picture, view: FigureInput, values: NDArray[np.float64]) -> Picture:
    """Diagonal lines over the patches that speak against the class."""
    height, width = shown.shape[:2]
    pixels = view.inputs.pixels
    factors = np.array([width / pixels.width, height / pixels.height] * 2)
    corners = np.rint(patch_rectangles(values.shape[0], values.shape[1], pixels) * factors).astype(int)
    corners = np.clip(corners, 0, [width, height] * 2)
    against = np.zeros((height, width), bool)
    for left, top, right, bottom in corners[values < 0]:
        against[top:bottom, left:right] = True
    y, x = np.mgrid[:height, :width]
    result = shown.copy()
    result[against & ((x + y) % 9 == 0)] = 34
    return result


def _waveform(view: FigureInput, options: FigureOptions, scale: ColourScale) -> str:
    """Each segment in its colour, with its value and seconds as a tool tip."""
    width, height = _WAVE
    duration = len(view.speech) / view.rate
    envelope = peaks(view.speech, _BINS)
    loudest = max(float(np.abs(envelope).max()), 1e-6)
    x = (np.arange(len(envelope)) + 0.5) / len(envelope) * width
    y = height / 2 * (1 - envelope / loudest)
    edges, values = view.attribution.segment_edges_s, view.attribution.speech()
    shapes = []
    for start, end, value, colour in zip(edges[:-1], edges[1:], values, scale.rgb(values), strict=True):
        ends = start / duration * width, end / duration * width
        at = np.concatenate([[ends[0]], x[(x > ends[0]) & (x < ends[1])], [ends[1]]])
        low, high = (np.interp(at, x, y[:, side]) for side in (0, 1))
        outline = [*zip(at, high, strict=True), *zip(at[::-1], low[::-1], strict=True)]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in outline)
        fill = "#" + "".join(f"{round(float(c) * 255):02x}" for c in colour)
        tip = f"<title>{value:+.3g} from {start:.2f} to {end:.2f} s</title>"
        shapes.append(
            f'<polygon points="{points}" fill="{fill}" stroke="#333" stroke-width=".5">{tip}</polygon>'
        )
        if options.signed and value < 0:
            shapes.append(f'<polygon points="{points}" fill="url(#against)" pointer-events="none"/>')
    pattern = (
        '<defs><pattern id="against" width="6" height="6" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="#222"/></pattern></defs>'
    )
    label = f"waveform of {duration:.2f} seconds, its segments coloured by their values"
    drawn = "".join(shapes)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{pattern}{drawn}</svg>'


def _words(view: FigureInput) -> str:
    spans = shown_words(view.inputs, view.sample.text, view.speech, view.rate)
    values = word_values(spans, view.attribution.segment_edges_s, view.attribution.speech())
    shown = []
    for span, value, strong in zip(spans, values, contributing(values), strict=True):
        tag = "b" if strong else "span"
        tip = f"{value:+.3g} from {span.start_s:.2f} to {span.end_s:.2f} s"
        shown.append(f'<{tag} title="{tip}">{escape(span.text)}</{tag}>')
    return " ".join(shown)


# ---------------------------------------------------------------- what is heard


def _sounds(view: FigureInput) -> str:
    edges, kept = view.attribution.segment_edges_s, listening.important(view.attribution.speech())
    important = listening.segments(view.speech, view.rate, edges, kept)
    parts = (("whole", view.speech), ("important part", important))
    players = [
        f'<label class="soft">{name}<audio controls preload="metadata"'
        f' src="{_data("audio/wav", _wav(sound, view.rate))}"></audio></label>'
        for name, sound in parts
    ]
    return f'<div class="sounds">{"".join(players)}</div>'


# ---------------------------------------------------------------- numbers


def _probabilities(view: FigureInput) -> str:
    rows = [
        f'<tr><td>{escape(name)}</td><td>{p:.3f}</td><td style="text-align:left">'
        f'<span class="bar" style="width:{max(0.0, min(1.0, float(p))) * 12:.2f}em"></span></td></tr>'
        for name, p in zip(view.prediction.classes, view.prediction.probabilities, strict=True)
    ]
    return f"<table><tr><th>class</th><th>probability</th><th></th></tr>{''.join(rows)}</table>"


def _values(view: FigureInput) -> str:
    a = view.attribution
    speech = [
        f"<tr><td>{start:.2f}–{end:.2f} s</td><td>{value:+.5f}</td></tr>"
        for start, end, value in zip(a.segment_edges_s[:-1], a.segment_edges_s[1:], a.speech(), strict=True)
    ]
    image = [
        f"<tr><td>{row + 1}</td>{''.join(f'<td>{value:+.4f}</td>' for value in values)}</tr>"
        for row, values in enumerate(a.image())
    ]
    return (
        f"<details><summary>values (φ of {escape(a.target)})</summary>"
        f"<p>speech</p><table>{''.join(speech)}</table>"
        f"<p>picture, by rows of patches</p><table>{''.join(image)}</table></details>"
    )


def _provenance(facts: dict[str, Any]) -> str:
    """For people, and for `again.read_recipe`: a browser takes no notice of the second."""
    data = json.dumps(facts).replace("<", "\\u003c").replace("&", "\\u0026")
    text = escape(json.dumps(facts, indent=1, ensure_ascii=False))
    return (
        f"<details><summary>provenance</summary><pre>{text}</pre></details>"
        f'\n<script type="application/json" class="provenance">{data}</script>'
    )


# ---------------------------------------------------------------- files inside the file


def _data(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def _png(picture: Picture) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(picture).save(target, "PNG", compress_level=6)
    return target.getvalue()


def _wav(sound: FloatArray, rate: int) -> bytes:
    """PCM of 16 bits, which every browser plays."""
    import soundfile

    target = io.BytesIO()
    soundfile.write(target, np.clip(sound, -1, 1), rate, format="WAV", subtype="PCM_16")
    return target.getvalue()
