"""Records to rows and back, one place for each table's columns."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from sier_gui.core.study.records import Kind, Modality, Rater, Rationale, Reader, Response, Sex, Take

READER_FIELDS = (
    "reader", "sex", "age_band", "accent", "language", "consent_version", "consented_at", "stand_in",
)  # fmt: skip
RATER_FIELDS = (
    "rater", "number", "grp", "ord", "consent_version", "consented_at", "age_band", "gender", "language",
    "hearing", "headphones", "excluded", "finished",
)  # fmt: skip
TAKE_FIELDS = (
    "reader", "sample_id", "number", "path", "sha256", "rate", "duration_s", "verdict", "reasons",
    "start_s", "end_s", "recorded_at", "imported", "session",
)  # fmt: skip
ANSWER_FIELDS = (
    "key", "rater", "grp", "block", "trial", "kind", "list", "reader", "sample_id", "label", "modality",
    "answer", "confidence", "rt_ms", "replays", "counted", "rationale", "at",
)  # fmt: skip


def reader_values(r: Reader) -> tuple[Any, ...]:
    return (
        r.reader, r.sex, r.age_band, r.accent, r.language, r.consent_version, r.consented_at, int(r.stand_in),
    )  # fmt: skip


def reader_of(row: sqlite3.Row) -> Reader:
    values = {name: row[name] for name in READER_FIELDS}
    return Reader(**(values | {"sex": Sex(row["sex"]), "stand_in": bool(row["stand_in"])}))


def rater_values(r: Rater) -> tuple[Any, ...]:
    return (
        r.rater, r.number, r.group, r.order, r.consent_version, r.consented_at, r.age_band, r.gender,
        r.language, r.hearing, r.headphones, r.excluded, int(r.finished),
    )  # fmt: skip


def rater_of(row: sqlite3.Row) -> Rater:
    values = {name: row[name] for name in RATER_FIELDS if name not in ("grp", "ord")}
    values |= {"group": row["grp"], "order": row["ord"], "finished": bool(row["finished"])}
    return Rater(**values)


def take_values(t: Take, session: str) -> tuple[Any, ...]:
    return (
        t.reader, t.sample_id, t.number, t.path, t.sha256, t.rate, t.duration_s, t.verdict,
        json.dumps(t.reasons), t.start_s, t.end_s, t.recorded_at, int(t.imported), session,
    )  # fmt: skip


def take_of(row: sqlite3.Row) -> Take:
    """``row`` has a column ``accepted`` beside the table's own."""
    values = {name: row[name] for name in TAKE_FIELDS if name != "session"}
    values |= {
        "reasons": tuple(json.loads(row["reasons"])),
        "imported": bool(row["imported"]),
        "accepted": bool(row["accepted"]),
    }
    return Take(**values)


def answer_values(r: Response, key: str, at: str) -> tuple[Any, ...]:
    rationale = json.dumps(asdict(r.rationale)) if r.rationale is not None else None
    return (
        key, r.rater, r.group, r.block, r.trial, r.kind, r.list, r.reader, r.sample_id, r.label, r.modality,
        r.answer, r.confidence, r.rt_ms, r.replays, int(r.counted), rationale, at,
    )  # fmt: skip


def response_of(row: sqlite3.Row) -> Response:
    rationale = row["rationale"]
    return Response(
        rater=row["rater"],
        group=row["grp"],
        block=row["block"],
        trial=row["trial"],
        kind=Kind(row["kind"]),
        list=row["list"],
        reader=row["reader"],
        sample_id=row["sample_id"],
        label=row["label"],
        modality=Modality(row["modality"]),
        answer=row["answer"],
        confidence=row["confidence"],
        rt_ms=row["rt_ms"],
        replays=row["replays"],
        counted=bool(row["counted"]),
        rationale=_rationale(rationale) if rationale else None,
    )


def _rationale(text: str) -> Rationale:
    found = json.loads(text)
    spans, boxes = found.get("spans", ()), found.get("boxes", ())
    return Rationale(tuple((a, b) for a, b in spans), tuple((a, b, c, d) for a, b, c, d in boxes))
