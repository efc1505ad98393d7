"""Spans and raw values read back as what they were; the bundle lists what it wrote."""

import csv
import hashlib
import json
import os
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from figure_samples import make_view

from sier_gui.core.domain import Modality, WordSpan
from sier_gui.core.errors import SierError
from sier_gui.core.export import spans, values
from sier_gui.core.export.bundle import SUFFIXES, export, file_name
from sier_gui.core.export.figure import FigureOptions
from sier_gui.core.export.view import caption, provenance
from sier_gui.core.export.words import Span, contributing, placed, shown_words, word_spans, word_values


def read_textgrid(path):
    """Tiers of a long TextGrid, checking that intervals follow each other from 0 to xmax."""
    text = path.read_text(encoding="utf-8")
    end = float(re.search(r"^xmax = (\S+)", text, re.M)[1])
    tiers = {}
    for part in re.split(r"item \[\d+\]:", text)[1:]:
        name = re.search(r'name = "(.*)"', part)[1].replace('""', '"')
        found = re.findall(r'intervals \[\d+\]:\s+xmin = (\S+)\s+xmax = (\S+)\s+text = "(.*)"', part)
        intervals = [Span(float(a), float(b), t.replace('""', '"')) for a, b, t in found]
        assert int(re.search(r"intervals: size = (\d+)", part)[1]) == len(intervals)
        assert intervals[0].start_s == 0
        assert intervals[-1].end_s == end
        assert all(a.end_s == b.start_s for a, b in pairwise(intervals))
        assert all(i.start_s < i.end_s for i in intervals)
        tiers[name] = intervals
    return tiers, end


def test_textgrid(view, tmp_path):
    spans.write_textgrid(tmp_path / "a.TextGrid", spans.tiers(view), 2.0)
    tiers, end = read_textgrid(tmp_path / "a.TextGrid")
    assert end == 2.0
    segments = tiers[f"phi {view.attribution.target}"]
    np.testing.assert_allclose([float(s.text) for s in segments], view.attribution.speech(), rtol=1e-5)
    np.testing.assert_allclose([s.start_s for s in segments], view.attribution.segment_edges_s[:-1])
    words = [s.text for s in tiers["words (not aligned)"] if s.text]
    assert words == view.sample.text.split()


def test_textgrid_holds_quotes_line_breaks_and_gaps(tmp_path):
    tier = [Span(0.5, 0.75, 'say "no"\nnow\x07'), Span(1.0, 1.5, "übel")]
    spans.write_textgrid(tmp_path / "a.TextGrid", {'a "tier"': tier}, 2.0)
    tiers, _ = read_textgrid(tmp_path / "a.TextGrid")
    assert [s.text for s in tiers['a "tier"']] == ["", 'say "no" now', "", "übel", ""]


def test_elan(view, tmp_path):
    sound = tmp_path / "ein Ton.wav"
    spans.write_elan(tmp_path / "a.eaf", spans.tiers(view), sound)
    root = ElementTree.parse(tmp_path / "a.eaf").getroot()
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")}
    tier = next(t for t in root.iter("TIER") if t.get("TIER_ID").startswith("phi"))
    found = [
        (
            slots[a.get("TIME_SLOT_REF1")],
            slots[a.get("TIME_SLOT_REF2")],
            float(a.find("ANNOTATION_VALUE").text),
        )
        for a in tier.iter("ALIGNABLE_ANNOTATION")
    ]
    np.testing.assert_allclose([f[2] for f in found], view.attribution.speech(), rtol=1e-5)
    np.testing.assert_allclose([f[1] for f in found], view.attribution.segment_edges_s[1:] * 1000, atol=0.5)
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(ids) == len(set(ids))
    assert root.find("LINGUISTIC_TYPE").get("LINGUISTIC_TYPE_ID") == tier.get("LINGUISTIC_TYPE_REF")
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("MEDIA_URL").endswith("ein%20Ton.wav")


def test_audacity(view, tmp_path):
    view = replace(view, sample=replace(view.sample, text=""))
    spans.write_audacity(tmp_path / "a.txt", spans.tiers(view))
    rows = [line.split("\t") for line in (tmp_path / "a.txt").read_text().splitlines()]
    np.testing.assert_allclose([float(r[0]) for r in rows], view.attribution.segment_edges_s[:-1], atol=1e-6)
    np.testing.assert_allclose([float(r[2]) for r in rows], view.attribution.speech(), rtol=1e-5)


def test_words_share_the_time_that_has_energy():
    speech = np.zeros(32_000, np.float32)
    speech[8_000:24_000] = 0.5
    words = word_spans("a bbbbb", speech, 16_000)
    assert [w.text for w in words] == ["a", "bbbbb"]
    assert (words[0].start_s, words[-1].end_s) == pytest.approx((0.5, 1.5), abs=0.025)
    # letters, and two more for a syllable: 3 and 7
    assert [w.end_s - w.start_s for w in words] == pytest.approx([0.3, 0.7], rel=0.05)
    assert word_spans("  ", speech, 16_000) == []


def test_aligned_words_are_shown_where_they_are_said(view):
    speech, rate = view.speech, view.rate
    assert shown_words(view.inputs, "a b", speech, rate) == word_spans("a b", speech, rate)
    assert placed(view.inputs) == "not aligned"
    words = (WordSpan("a", 0.1, 0.3), WordSpan("b", 0.5, 1.75))
    aligned = replace(view, inputs=replace(view.inputs, words=words, words_by="pocketsphinx"))
    found = spans.tiers(aligned)
    assert found["words (aligned by pocketsphinx)"] == [Span(0.1, 0.3, "a"), Span(0.5, 1.75, "b")]
    carried = [float(s.text) for s in found[f"words phi {view.attribution.target} (aligned by pocketsphinx)"]]
    assert sum(carried) == pytest.approx(view.attribution.speech().sum(), abs=1e-5)
    assert carried[0] == pytest.approx(_between(view.attribution, 0.0, 0.4), abs=1e-5)  # the pause is halved
    spread = replace(aligned, inputs=replace(aligned.inputs, words_by="energy"))
    assert "words (not aligned)" in spans.tiers(spread)


def _between(attribution, start, end):
    """Integral of the piecewise constant density of the segments' values, on a fine comb."""
    edges, values = attribution.segment_edges_s, attribution.speech()
    times = np.arange(start, end, 1e-4) + 0.5e-4
    segment = np.searchsorted(edges, times, side="right") - 1
    return (values[segment] / np.diff(edges)[segment]).sum() * 1e-4


def test_words_carry_what_their_segments_carry():
    words = [Span(0.1, 0.4, "a"), Span(0.6, 1.5, "b"), Span(1.5, 1.8, "c")]
    carried = word_values(words, np.array([0.0, 1.0, 2.0]), np.array([0.4, -0.2]))
    assert carried == pytest.approx([0.2, 0.1, -0.1])
    assert contributing(carried).tolist() == [True, True, False]
    assert not contributing(np.array([-1.0, -2.0])).any()


def test_npz_needs_no_pickle_and_holds_all_classes(tmp_path):
    view = make_view(stderr=True)
    values.write_npz(tmp_path / "a.npz", view, provenance(view))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        np.testing.assert_array_equal(data["image"], view.attribution.values[Modality.IMAGE])
        np.testing.assert_array_equal(data["stderr_speech"], view.attribution.stderr[Modality.SPEECH])
        assert tuple(data["classes"]) == view.attribution.classes
        assert data["patch_rectangles_px"].shape == (8, 8, 4)
        assert json.loads(str(data["provenance"])) == provenance(view)
        total = data["image"].sum((1, 2)) + data["speech"].sum(1)
        np.testing.assert_allclose(data["f_all"] - data["f_none"], total)


@pytest.fixture
def banded():
    """Words as players, in three bands."""
    view = make_view(segments=4, stderr=True)
    a = view.attribution
    rng = np.random.default_rng(5)
    values = {**a.values, Modality.SPEECH: rng.normal(size=(4, 3, 4))}
    stderr = {**a.stderr, Modality.SPEECH: rng.uniform(size=(4, 3, 4))}
    edges = np.array([0.0, 0.25, 1.0, 1.125, 2.0])
    attribution = replace(
        a, values=values, stderr=stderr, segment_edges_s=edges, provenance={"words": ["a", "b", "c", "d"]}
    )
    words = tuple(
        WordSpan(w, float(s) + 0.01, float(e)) for w, s, e in zip("abcd", edges, edges[1:], strict=False)
    )
    return replace(view, attribution=attribution, inputs=replace(view.inputs, words=words, words_by="energy"))


def test_bands_and_words_are_exported(banded, tmp_path):
    a, mel_edges = banded.attribution, banded.inputs.times.mel_edges_hz
    # 128 mel rows in three bands: a row goes where its centre lies, so the borders are at rows 43 and 85
    hz = mel_edges[[0, 43, 85, 128]]
    values.write_npz(tmp_path / "a.npz", banded, provenance(banded))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as data:
        np.testing.assert_array_equal(data["speech"], a.values[Modality.SPEECH])
        assert data["words"].tolist() == ["a", "b", "c", "d"]
        np.testing.assert_array_equal(data["band_edges_hz"], hz)
    values.write_csv(tmp_path / "a.csv", banded)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["modality"] == "speech"]
    assert len(rows) == 4 * 3 * 4
    for row in rows:
        place = (a.classes.index(row["class"]), int(row["band"]), int(row["segment"]))
        assert float(row["value"]) == a.values[Modality.SPEECH][place]
        assert float(row["stderr"]) == a.stderr[Modality.SPEECH][place]
        assert row["word"] == "abcd"[place[2]]
        ends = float(row["start_s"]), float(row["end_s"])
        assert ends == tuple(a.segment_edges_s[place[2] : place[2] + 2])
        assert float(row["low_hz"]) == pytest.approx(hz[place[1]], rel=1e-5)
        assert float(row["high_hz"]) == pytest.approx(hz[place[1] + 1], rel=1e-5)
    facts = provenance(banded)
    assert (facts["segments"], facts["bands"]) == (4, 3)
    assert "8×8 patches + 4 words × 3 bands" in caption(banded, FigureOptions())


def test_bands_have_tiers_that_sum_to_the_segments(banded):
    found = spans.tiers(banded)
    name = f"phi {banded.attribution.target}"
    bands = [tier for title, tier in found.items() if title.startswith(f"{name} ")]
    assert len(bands) == 3
    total = np.sum([[float(s.text) for s in tier] for tier in bands], axis=0)
    np.testing.assert_allclose(total, [float(s.text) for s in found[name]], atol=1e-4)
    # words that are players carry their own values
    carried = [float(s.text) for s in found[f"words {name} (not aligned)"]]
    np.testing.assert_allclose(carried, banded.attribution.speech(), atol=0.05 * np.abs(total).max())


def test_every_format_holds_bands_and_words(banded, tmp_path):
    manifest = export(banded, list(SUFFIXES), 140.0, tmp_path, options=FigureOptions(dpi=40, signed=True))
    assert len(manifest) == len(SUFFIXES) + 1
    assert all(entry["bytes"] > 100 for entry in manifest)


def test_csv_sums_to_the_same(tmp_path):
    view = make_view(sample_id='with, "comma"')
    values.write_csv(tmp_path / "a.csv", view)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * (64 + 16)
    assert tuple(rows[0]) == values.COLUMNS
    assert {r["sample_id"] for r in rows} == {'with, "comma"'}
    for name in view.attribution.classes:
        for modality, total in view.attribution.sums(name).items():
            mine = [float(r["value"]) for r in rows if (r["class"], r["modality"]) == (name, modality)]
            assert sum(mine) == pytest.approx(total)
    last = rows[79]
    assert (last["segment"], float(last["end_s"]), last["row"], last["stderr"]) == ("15", 2.0, "", "")
    assert (last["band"], last["low_hz"], last["word"]) == ("", "", "")


def test_bundle_writes_every_format_and_lists_it(view, tmp_path):
    out = tmp_path / "new" / "folder"
    manifest = export(view, ["PNG", *list(SUFFIXES)[1:]], 85.0, out, options=FigureOptions(dpi=60))
    assert [e["format"] for e in manifest] == [*SUFFIXES, "json"]
    assert sorted(p.name for p in out.iterdir()) == sorted(os.path.basename(e["file"]) for e in manifest)
    for entry in manifest:
        data = (out / os.path.basename(entry["file"])).read_bytes()
        assert len(data) == entry["bytes"] > 100
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    beside = json.loads((out / "made_up.json").read_text())
    assert beside["release_hash"] == "ab" * 32
    assert len(beside["files"]) == len(SUFFIXES)


def test_npz_brings_its_csv_and_no_figure_is_drawn(view, tmp_path):
    manifest = export(view, ["npz"], out_dir=tmp_path)
    assert [e["format"] for e in manifest] == ["npz", "csv", "json"]


@pytest.mark.parametrize("formats", [[], ["gif"], ["png", "xlsx"], [" "]])
def test_unknown_formats_write_nothing(view, tmp_path, formats):
    with pytest.raises(SierError, match="Cannot export as"):
        export(view, formats, 140.0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["png", "npz", "csv", "textgrid", "elan", "audacity"])
def test_a_folder_that_cannot_be_written_is_one_error(view, tmp_path, kind):
    folder = tmp_path / "read only"
    folder.mkdir()
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:  # root may write everywhere: make the folder impossible instead
        folder.rmdir()
        folder.touch()
    with pytest.raises(SierError, match="Cannot write"):
        export(view, [kind], 85.0, folder, options=FigureOptions(dpi=30))
    assert root or not list(folder.iterdir())


def test_names_suit_every_file_system():
    assert file_name("open_anger-001") == "open_anger-001"
    assert file_name("Straße") == "Straße"
    odd = [file_name(name) for name in ("a/b", "a\\b", "../..", "", "a:b*", "x" * 500, "a\nb", "con\0")]
    assert len(set(odd)) == len(odd)
    for name in odd:
        assert not set(name) & set('/\\:*?"<>|\n\0.')
        assert 0 < len(name.encode()) <= 120
