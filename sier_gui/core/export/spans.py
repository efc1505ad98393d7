"""The speech's values as labelled spans for Praat, ELAN and Audacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.export.view import FigureInput, band_edges_hz
from sier_gui.core.export.words import Span, placed, shown_words, word_values
from sier_gui.core.paths import write_bytes

Tiers = Mapping[str, Sequence[Span]]
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


def tiers(view: FigureInput) -> dict[str, list[Span]]:
    """Tier "phi CLASS" with each segment's value, one more per frequency band, and words with their values.

    Words lie where `shown_words` puts them; the tiers' names say whether they are aligned.
    """
    attribution = view.attribution
    edges, values = attribution.segment_edges_s, attribution.speech()
    result = {f"phi {attribution.target}": _tier(edges, values)}
    if (hz := band_edges_hz(view)) is not None:
        banded = attribution.values[Modality.SPEECH][attribution.index()]
        for low, high, row in zip(hz[:-1], hz[1:], banded, strict=True):
            result[f"phi {attribution.target} {low:.0f}–{high:.0f} Hz"] = _tier(edges, row)
    words = shown_words(view.inputs, view.sample.text, view.speech, view.rate)
    if words:
        carried = word_values(words, edges, values)
        how = placed(view.inputs)
        result[f"words ({how})"] = words
        result[f"words phi {attribution.target} ({how})"] = [
            Span(word.start_s, word.end_s, _number(v)) for word, v in zip(words, carried, strict=True)
        ]
    return result


def _tier(edges: NDArray[np.float64], values: NDArray[np.float64]) -> list[Span]:
    starts, ends = edges[:-1].tolist(), edges[1:].tolist()
    return [Span(start, end, _number(v)) for start, end, v in zip(starts, ends, values, strict=True)]


def write_textgrid(target: Path, spans: Tiers, duration_s: float) -> None:
    """Praat's long text format, UTF-8; gaps become empty intervals, as Praat wants them.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += ["xmin = 0", f"xmax = {duration_s!r}", "tiers? <exists>", f"size = {len(spans)}", "item []:"]
    for number, (name, tier) in enumerate(spans.items(), 1):
        filled = _without_gaps(tier, duration_s)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f'        name = "{_quoted(name)}"',
        ]
        lines += ["        xmin = 0", f"        xmax = {duration_s!r}"]
        lines += [f"        intervals: size = {len(filled)}"]
        for index, span in enumerate(filled, 1):
            lines += [f"        intervals [{index}]:", f"            xmin = {span.start_s!r}"]
            lines += [f"            xmax = {span.end_s!r}", f'            text = "{_quoted(span.text)}"']
    write_bytes(target, ("\n".join(lines) + "\n").encode())


def write_elan(target: Path, spans: Tiers, speech: Path | None = None) -> None:
    """ELAN's .eaf 3.0: one time-aligned tier each, in milliseconds; ``speech`` is linked as the media file.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    ElementTree.register_namespace("xsi", _XSI)
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        # a fixed date: equal results give equal files
        {"AUTHOR": "sier-gui", "DATE": "2000-01-01T00:00:00+00:00", "FORMAT": "3.0", "VERSION": "3.0",
         f"{{{_XSI}}}noNamespaceSchemaLocation": _SCHEMA},
    )  # fmt: skip
    header = ElementTree.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if speech is not None:
        kind = "audio/x-wav" if speech.suffix.lower() == ".wav" else "audio/*"
        ElementTree.SubElement(
            header, "MEDIA_DESCRIPTOR", MEDIA_URL=speech.resolve().as_uri(), MIME_TYPE=kind
        )
    order = ElementTree.SubElement(root, "TIME_ORDER")
    number = count(1)
    for name, tier in spans.items():
        element = ElementTree.SubElement(root, "TIER", LINGUISTIC_TYPE_REF="default-lt", TIER_ID=name)
        for span in tier:
            _annotate(element, order, span, next(number))
    ElementTree.SubElement(
        root,
        "LINGUISTIC_TYPE",
        GRAPHIC_REFERENCES="false",
        LINGUISTIC_TYPE_ID="default-lt",
        TIME_ALIGNABLE="true",
    )
    write_bytes(target, ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _annotate(tier: ElementTree.Element, order: ElementTree.Element, span: Span, number: int) -> None:
    """One annotation with its two time slots, numbered 2·number - 1 and 2·number."""
    references = [f"ts{2 * number - 1}", f"ts{2 * number}"]
    for reference, seconds in zip(references, (span.start_s, span.end_s), strict=True):
        slot = {"TIME_SLOT_ID": reference, "TIME_VALUE": str(round(seconds * 1000))}
        ElementTree.SubElement(order, "TIME_SLOT", slot)
    aligned = ElementTree.SubElement(
        ElementTree.SubElement(tier, "ANNOTATION"),
        "ALIGNABLE_ANNOTATION",
        {"ANNOTATION_ID": f"a{number}", "TIME_SLOT_REF1": references[0], "TIME_SLOT_REF2": references[1]},
    )
    ElementTree.SubElement(aligned, "ANNOTATION_VALUE").text = _printable(span.text)


def write_audacity(target: Path, spans: Tiers) -> None:
    """Audacity's label track: start, end, text by tabs; several tiers follow each other, named in the text.

    Raises
    ------
    SierError : the folder cannot be written.
    """
    lines = []
    for name, tier in spans.items():
        prefix = f"{name}: " if len(spans) > 1 else ""
        lines += [f"{s.start_s:.6f}\t{s.end_s:.6f}\t{' '.join((prefix + s.text).split())}" for s in tier]
    write_bytes(target, ("\n".join(lines) + "\n").encode())


def _without_gaps(tier: Sequence[Span], duration_s: float) -> list[Span]:
    filled: list[Span] = []
    at = 0.0
    for span in tier:
        if span.start_s > at:
            filled.append(Span(at, span.start_s, ""))
        end = min(span.end_s, duration_s)
        filled.append(Span(max(span.start_s, at), end, span.text))
        at = end
    if at < duration_s:
        filled.append(Span(at, duration_s, ""))
    return filled


def _number(value: float) -> str:
    return f"{value:.6g}"


def _quoted(text: str) -> str:
    """Praat doubles quotation marks; line breaks would end the entry."""
    return _printable(" ".join(text.split())).replace('"', '""')


def _printable(text: str) -> str:
    """Without control characters, which neither XML nor Praat can hold."""
    return "".join(c for c in text if c >= " ")
