"""What the provenance dialog says: plain text of plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sier_gui.core.construct.pipeline.labels import Labels
    from sier_gui.core.construct.pipeline.provenance import BuiltSet, Change

# Stages and kinds of findings as summary.json counts them, in words; others are shown as they are
_KINDS = {
    "texts: duplicate": "texts repeated",
    "texts: empty-text": "texts empty",
    "texts: too-long": "texts too long",
    "texts: unreadable": "rows unreadable",
    "texts: missing": "rows without an id",
    "texts: encoding": "file of texts that is not UTF-8",
    "pictures: duplicate": "pictures repeated",
    "pictures: unreadable": "pictures unreadable",
    "pairing: duplicate": "pairs repeated",
    "pairing: missing": "pictures missing",
    "pairing: outside": "pictures outside their folder",
    "pairing: ambiguous": "names of more than one picture",
    "pairing: unreadable": "texts whose picture is unreadable",
    "pairing: no-picture": "texts with no picture left",
    "speech: synthesis": "texts that no voice can say",
    "speech: other-voice": "texts that another voice had to say (kept)",
    "speech: missing": "voices not installed",
}
_PROSODY = (("pitch", "1.0"), ("rate", "1.0"), ("range", "1.0"), ("volume_db", "0.0"))
_REASONS = {
    "below-threshold": "no probability reaches the threshold",
    "disagree": "the networks disagree",
}


def made_text(built: BuiltSet, kept: int) -> str:
    """How many have a label, by which rule."""
    return (
        f"{built.table.name}: {kept:,} of {len(built):,} candidates have a label, by rule {built.rule} with"
        f" threshold {built.threshold:g}."
    )


def left_out_text(built: BuiltSet) -> str:
    """What was dropped on the way, and why, one line each."""
    dropped = int((built.stored == "").sum())
    lines = [f"{_KINDS.get(kind, kind)}: {count:,}" for kind, count in built.left_out.items()]
    lines.append(f"candidates without a label: {dropped:,}")
    counts = built.summary.get("counts", {})
    if counts:
        lines.insert(0, f"Of {counts['rows']:,} rows of text and {counts['pictures_found']:,} pictures:")
    return "\n".join(lines)


def sample_facts(built: BuiltSet, place: int) -> Iterator[tuple[str, str]]:
    """Name and value of what is known of a candidate."""
    text, line = built.cell(place, "text"), built.cell(place, "text_line")
    yield "text", f"{text}  (line {line})" if line else text
    speech = " ".join(
        filter(None, (built.cell(place, name) for name in ("synthesizer", "synthesizer_version")))
    )
    voice = built.cell(place, "voice")
    settings = [
        f"{name} {value}" for name, plain in _PROSODY if (value := built.cell(place, name)) and value != plain
    ]
    said = ", ".join(filter(None, (speech, f"voice {voice}" if voice else "", *settings)))
    if said:
        yield "speech", said if settings else f"{said}, its own pace and pitch"
    picture = built.cell(place, "source_image") or built.cell(place, "image")
    if picture:
        yield "picture", picture


def decision_text(built: BuiltSet, place: int) -> str:
    """What made the label that counts now."""
    label, decided = str(built.stored[place]), built.cell(place, "decided_by")
    alone = built.one(place)
    sure = f"{alone.confidence[0]:.2f}"
    if label:
        by = f"{decided or alone.decided_by[0]} decides, {sure}"
        return f"Label {label}: {by} (rule {built.rule}, threshold {built.threshold:g})"
    return f"No label: {_reason(alone, 0)} (larger one {sure}, rule {built.rule}, {built.threshold:g})"


def then_text(built: BuiltSet, labels: Labels, place: int) -> str:
    """What the rule chosen would make of it; "" where that is what counts now."""
    now, then = str(built.stored[place]), labels.classes[labels.best[place]] if labels.kept[place] else ""
    if now == then:
        return ""
    if not then:
        return f"By the rule chosen: no label, {_reason(labels, place)}."
    return f"By the rule chosen: {then}, decided by {labels.decided_by[place]}."


def change_text(change: Change, total: int) -> str:
    """How many labels change, and how."""
    if not change.changed:
        return "No label changes."
    parts = [
        f"{count:,} {words}"
        for count, words in (
            (change.other, "get another label"),
            (change.lost, "lose theirs"),
            (change.gained, "get one"),
        )
        if count
    ]
    return f"{change.changed:,} of {total:,} change: {', '.join(parts)}."


def _reason(labels: Labels, place: int) -> str:
    return _REASONS.get(str(labels.reason[place]), "removed by hand")
