"""Stage 7: the dataset's files. The table of samples comes last: a folder that has it is whole."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sier_gui import __version__
from sier_gui.core.construct.pipeline.answers import limits_of
from sier_gui.core.construct.pipeline.figure import draw_summary
from sier_gui.core.construct.pipeline.labels import (
    DISAGREE,
    LOW,
    Answers,
    Labels,
    left_out,
    relabel,
)
from sier_gui.core.construct.pipeline.request import BUILD_VERSION, BuildRequest
from sier_gui.core.construct.pipeline.texts import Finding, Text
from sier_gui.core.dataset.answered import PREFIXES
from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.releases import Release
from sier_gui.core.paths import write_bytes, write_json

TABLE, DROPPED, FINDINGS, SUMMARY, REPORT = (
    "samples.csv", "dropped.csv", "problems.csv", "summary.json", "report.md",
)  # fmt: skip
FROM_NETWORKS = (
    "The labels came from networks: they say what these networks answer, not what a person feels, and the"
    " labelling networks themselves would score near 100 % on them (000 §5.4).",
    "A voice of a synthesizer says every text alike: what the SER network hears in it is the voice and the"
    " words' sounds, hardly their meaning.",
    "Where networks know other classes, what is left of theirs after mapping is renormalised: a network that"
    " is almost sure of a dropped class can seem sure of another one. The table keeps the raw probabilities.",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sample with all that was made of it, before it has a label. Files are relative to the dataset."""

    text: Text
    picture: str
    image: str
    speech: str
    program: str
    voice: str
    version: str  # of the program


@dataclass(frozen=True, slots=True)
class Built:
    """Everything that the files say. ``answers`` and ``labels`` are in the order of ``candidates``."""

    request: BuildRequest
    releases: Mapping[Modality, Release]
    candidates: Sequence[Candidate]
    answers: Mapping[Modality, Answers]
    labels: Labels
    findings: Sequence[Finding]
    counts: Mapping[str, int]  # of the stages before
    versions: Mapping[str, str]  # of the synthesizers, by name
    missing_voices: Sequence[tuple[str, str]]  # label, reason


def write_dataset(folder: Path, built: Built) -> dict[str, Any]:
    """Write tables, report and figure; returns the summary.

    Raises
    ------
    SierError : the folder cannot be written, or no sample has a label.
    """
    summary = summarise(built)
    rows = [_row(built, i) for i in range(len(built.candidates))]
    dropped = [{**row, "reason": str(r)} for row, r in zip(rows, built.labels.reason, strict=True) if r]
    columns = _columns(built)
    write_bytes(folder / DROPPED, csv_bytes([*columns, "reason"], dropped))
    write_bytes(folder / FINDINGS, csv_bytes([f.name for f in fields(Finding)], map(asdict, built.findings)))
    write_json(folder / SUMMARY, summary)
    for suffix in ("png", "svg"):
        write_bytes(folder / f"summary.{suffix}", draw_summary(summary, suffix))
    write_bytes(folder / REPORT, report(built, summary).encode())
    kept = [row for row, keep in zip(rows, built.labels.kept, strict=True) if keep]
    if not kept:
        raise SierError(
            f"None of the {len(rows)} samples gets a label by rule {built.request.rule} with threshold"
            f" {built.request.threshold:g}; {folder / DROPPED} has their probabilities.",
            "Build into another folder with a lower threshold or other releases.",
        )
    write_bytes(folder / TABLE, csv_bytes(columns, kept))
    return summary


def _columns(built: Built) -> list[str]:
    return [
        "sample_id", "image", "speech", "text", "label", "speaker", "language", "decided_by", "confidence",
        *(f"{prefix}{name}" for m, prefix in PREFIXES.items() for name in built.answers[m].classes),
        "synthesizer", "synthesizer_version", "voice", *asdict(built.request.prosody),
        "text_line", "source_image",
    ]  # fmt: skip


def _row(built: Built, i: int) -> dict[str, Any]:
    one, labels = built.candidates[i], built.labels
    probabilities = {
        f"{prefix}{name}": float(p)
        for m, prefix in PREFIXES.items()
        for name, p in zip(built.answers[m].classes, built.answers[m].values[i], strict=True)
    }
    return {
        "sample_id": one.text.sample_id,
        "image": one.image,
        "speech": one.speech,
        "text": one.text.text,
        "label": "" if labels.reason[i] else labels.classes[labels.best[i]],
        "speaker": f"{one.program} {one.voice}",
        "language": built.request.language,
        "decided_by": labels.decided_by[i],
        "confidence": float(labels.confidence[i]),
        **probabilities,
        "synthesizer": one.program,
        "synthesizer_version": one.version,
        "voice": one.voice,
        **asdict(built.request.prosody),
        "text_line": one.text.line,
        "source_image": one.picture,
    }


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """UTF-8, commas, a header; every value as Python writes it, so that numbers come back as they were."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


# ---------------------------------------------------------------- the report


def summarise(built: Built) -> dict[str, Any]:
    """What summary.json says; the same for the same build."""
    labels, request = built.labels, built.request
    names, kept = labels.names(), labels.kept
    by_class = {
        c: {
            str(m): sum(n == c and d == str(m) for n, d in zip(names, labels.decided_by, strict=True))
            for m in PREFIXES
        }
        for c in labels.classes
    }
    return {
        "schema": 1,
        "version": __version__,
        "build_version": BUILD_VERSION,
        "seed": request.seed,
        "rule": request.rule,
        "threshold": request.threshold,
        "mapping": dict(request.mapping),
        "counts": {
            **built.counts,
            "samples": int(kept.sum()),
            "dropped_below_threshold": int((labels.reason == LOW).sum()),
            "dropped_disagree": int((labels.reason == DISAGREE).sum()),
        },
        "classes": {c: sum(split.values()) for c, split in by_class.items()},
        "decided_by": {str(m): sum(split[str(m)] for split in by_class.values()) for m in PREFIXES},
        "decided_by_class": by_class,
        "classes_by_voice": _by_voice(built, names),
        "agree": _agreement(built),
        "synthesizers": {
            "spoken": dict(sorted(Counter(f"{c.program} {c.voice}" for c in built.candidates).items())),
            "versions": dict(built.versions),
            "missing": dict(built.missing_voices),
        },
        "networks": {
            name: {
                "release": r.label,
                "weights_sha256": r.weights_hash,
                "classes": list(r.classes),
                "left_out": left_out(r.classes, request.mapping),
            }
            for name, r in (("ser", built.releases[Modality.SPEECH]), ("ier", built.releases[Modality.IMAGE]))
        },
        "limits": _limits(built),
        "problems": _problems(built.findings),
    }  # fmt: skip


def _by_voice(built: Built, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Samples by voice and class: a label that goes with the voice says little about the text."""
    voices = [f"{c.program} {c.voice}" for c in built.candidates]
    counts = Counter(zip(voices, names, strict=True))
    return {voice: {c: counts[voice, c] for c in built.labels.classes} for voice in sorted(set(voices))}


def _problems(findings: Iterable[Finding]) -> dict[str, int]:
    """Rows and files by stage and kind; a text that no voice can say counts once."""
    each = {(f"{f.stage}: {f.kind}", f.line, f.item) for f in findings}
    return dict(sorted(Counter(kind for kind, _, _ in each).items()))


def _agreement(built: Built) -> float | None:
    """Share of all samples on whose most probable class both networks agree; None without samples."""
    if not len(built.labels):
        return None
    both = relabel(built.answers, "agree", 0.0, built.request.mapping)
    return float(both.kept.mean())


def _network(one: Mapping[str, Any]) -> str:
    """Its name, and what of its answers counts for no class here."""
    dropped = ", ".join(one["left_out"])
    return f"{one['release']}; its {dropped} count for no class" if dropped else one["release"]


def _limits(built: Built) -> list[str]:
    limits = list(FROM_NETWORKS)
    for release in {r.label: r for r in built.releases.values()}.values():
        limits += [f"{release.label}: {line}" for line in limits_of(release)]
    return limits


def report(built: Built, summary: Mapping[str, Any]) -> str:
    """report.md, for people."""
    counts, samples = summary["counts"], summary["counts"]["samples"]

    def share(n: int) -> str:
        return f"{n} ({n / samples:.1%})" if samples else str(n)

    networks = summary["networks"]
    lines = [
        "# How this dataset was made\n",
        f"By sier-gui {summary['version']}, seed {summary['seed']}: texts said by synthesizers, pictures, and"
        f" the label that two networks give (rule {summary['rule']}, threshold {summary['threshold']:g}).\n",
        "![classes and deciding modality](summary.svg)\n",
        "| | |", "|---|---|",
        f"| rows of text read, used | {counts['rows']}, {counts['texts']} |",
        f"| pictures, different and readable | {counts['pictures_found']}, {counts['pictures']} |",
        f"| pairs, said | {counts['pairs']}, {counts['spoken']} |",
        f"| **samples** | **{samples}** |",
        f"| dropped below the threshold | {counts['dropped_below_threshold']} |",
        f"| dropped since the networks disagree | {counts['dropped_disagree']} |",
        *(f"| label {name} | {share(n)} |" for name, n in summary["classes"].items()),
        *(f"| decided by {name} | {share(n)} |" for name, n in summary["decided_by"].items()),
        *(f"| said by {name} | {n} |" for name, n in summary["synthesizers"]["spoken"].items()),
        *(
            f"| labels said by {name} | {', '.join(f'{c} {n}' for c, n in split.items())} |"
            for name, split in summary["classes_by_voice"].items()
        ),
        *(f"| version of {name} | {v} |" for name, v in summary["synthesizers"]["versions"].items() if v),
        *(f"| not used: {name} | {reason} |" for name, reason in summary["synthesizers"]["missing"].items()),
        f"| speech heard by | {_network(networks['ser'])} |",
        f"| pictures seen by | {_network(networks['ier'])} |",
        "\n## Limits\n",
        *(f"- {line}" for line in summary["limits"]),
        "\n## Left out\n",
        f"`{FINDINGS}` names each with its line; `{DROPPED}` has the samples without a label.\n",
        *([f"- {kind}: {n}" for kind, n in summary["problems"].items()] or ["- nothing"]),
        "",
    ]  # fmt: skip
    return "\n".join(lines)
