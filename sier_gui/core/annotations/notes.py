"""One sample's annotations, as its head shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from sier_gui.core.annotations.records import Entry, Kind, Value


@dataclass(frozen=True, slots=True)
class Notes:
    """What holds of a sample, by everybody."""

    sample_id: str
    entries: tuple[Entry, ...] = ()

    def of(self, who: str, kind: Kind) -> Value:
        """The label, flag or comment of ``who``; None where there is none."""
        found = (e.value for e in self.entries if e.who == who and e.kind is kind)
        return next(found, None)

    def label_of(self, who: str) -> str:
        """The label that ``who`` gave; "" for none."""
        return str(self.of(who, Kind.LABEL) or "")

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(e.who for e in self.entries))

    @property
    def marks(self) -> tuple[Entry, ...]:
        return tuple(e for e in self.entries if e.kind is Kind.MARK)

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels that people gave."""
        return tuple(dict.fromkeys(str(e.value) for e in self.entries if e.kind is Kind.LABEL))

    def with_entry(self, entry: Entry) -> Notes:
        """As after ``entry``, which replaces what it is about."""
        slot = (entry.who, entry.kind, entry.item)
        kept = [e for e in self.entries if (e.who, e.kind, e.item) != slot]
        if entry.value is not None:
            kept.append(entry)
        kept.sort(key=lambda e: (e.who, e.kind, e.item))
        return replace(self, entries=tuple(kept))

    def line(self, who: str, me: str, zone: tzinfo | None = None) -> str:
        """Who, since when, and what: "you, 12 Nov 18:40: sad ⚑ “too quiet”"; no time before it is saved."""
        label, flag, comment = (self.of(who, kind) for kind in (Kind.LABEL, Kind.FLAG, Kind.COMMENT))
        words = [str(label)] if label else []
        words += ["⚑"] if flag else []
        words += [f"“{comment}”"] if comment else []
        marks = sum(e.who == who for e in self.marks)
        words += [f"{marks} marked"] if marks else []
        times = [e.at for e in self.entries if e.who == who]
        when = "" if "" in times else f", {_when(max(times), zone)}"
        return f"{'you' if who == me else who}{when}: {' '.join(words)}"


def _when(at: str, zone: tzinfo | None) -> str:
    """Local day and minute."""
    there = datetime.fromisoformat(at).astimezone(zone)
    return f"{there.day} {there:%b %H:%M}"


def place_text(entry: Entry) -> str:
    """Where a mark lies: "0.31–0.62 s, 300–2,000 Hz", "12, 40 to 96, 120 px"."""
    where = entry.mark.where
    if where.modality == "image":
        return f"{where.left:.0f}, {where.top:.0f} to {where.right:.0f}, {where.bottom:.0f} px"
    band = f", {where.low_hz:,.0f}–{where.high_hz:,.0f} Hz" if where.banded else ""
    return f"{where.start_s:.2f}–{where.end_s:.2f} s{band}"
