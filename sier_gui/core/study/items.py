"""Which samples raters meet: equal per class, seeded, and only where every modality exists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sier_gui.core.errors import SierError
from sier_gui.core.seeds import stream
from sier_gui.core.study.records import Item, Kind, Protocol, Response

GOLD_AGREEMENT, GOLD_ANSWERS = (
    0.95,
    5,
)  # of a pilot: share that agrees with the label, and of how many at least


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sample that might become an item; ``readers``: whose passed, accepted take it has."""

    sample_id: str
    label: str
    picture: bool
    synthetic: bool
    readers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Quota:
    """How many samples of one class the protocol asks for; ``gold`` only as far as a pilot names any."""

    main: int
    reserve: int
    practice: int
    gold: int

    @property
    def wanted(self) -> int:
        """Without gold items, which other samples cannot stand for."""
        return self.main + self.reserve + self.practice


def quotas(protocol: Protocol, classes: int) -> list[Quota]:
    """Each class's share of the protocol's items, in the order of the classes."""
    rules = protocol.items
    main, reserve = rules.lists * rules.per_class, rules.lists * rules.reserve
    return [
        Quota(main, reserve, _share(rules.practice, place, classes), _share(rules.gold, place, classes))
        for place in range(classes)
    ]


def eligible(candidates: Iterable[Candidate], readers: Collection[str]) -> Iterator[Candidate]:
    """Those with picture, synthetic speech and a passed take of each of ``readers``."""
    wanted = frozenset(readers)
    return (c for c in candidates if c.label and c.picture and c.synthetic and wanted <= c.readers)


def select_items(
    candidates: Iterable[Candidate], classes: Sequence[str], protocol: Protocol, gold: Collection[str] = ()
) -> tuple[Item, ...]:
    """Main, reserve, practice and gold items, drawn by the protocol's seed; traps are no samples.

    The draw depends on the set of candidates, not on their order. Gold items come from ``gold`` (sample ids;
    see `gold_samples`) and are as many as there are, up to the protocol's number.

    Raises
    ------
    SierError : a class has too few candidates.
    """
    by_class: dict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        by_class[candidate.label].append(candidate.sample_id)
    return tuple(
        item
        for label, quota in zip(classes, quotas(protocol, len(classes)), strict=True)
        for item in _of_class(label, quota, sorted(by_class[label]), protocol, set(gold))
    )


def _of_class(
    label: str, quota: Quota, samples: list[str], protocol: Protocol, gold: set[str]
) -> Iterator[Item]:
    rules = protocol.items
    stream(protocol.seed, f"items/{label}").shuffle(samples)
    golden = [s for s in samples if s in gold][: quota.gold]
    rest = iter([s for s in samples if s not in golden])
    main = [(Kind.MAIN, on, k) for on in range(rules.lists) for k in range(rules.per_class)]
    reserve = [(Kind.RESERVE, on, k) for on in range(rules.lists) for k in range(rules.reserve)]
    practice = [(Kind.PRACTICE, -1, 0)] * quota.practice
    if len(samples) - len(golden) < quota.wanted:
        raise SierError(
            f"Class {label} has {len(samples)} samples that can be used; the protocol needs "
            f"{quota.wanted + len(golden)}.",
            "Record more of its texts, or use a protocol with fewer items.",
        )
    yield from (Item(sample, label, Kind.GOLD) for sample in golden)
    yield from (Item(next(rest), label, kind, on, k) for kind, on, k in (*main, *reserve, *practice))


def _share(total: int, place: int, classes: int) -> int:
    """Of ``total`` dealt out to the classes in turn, how many the one at ``place`` gets."""
    return len(range(place, total, classes))


def gold_samples(pilot: Iterable[Response]) -> set[str]:
    """Samples on whose label at least `GOLD_AGREEMENT` of a pilot's `GOLD_ANSWERS` or more answers agree."""
    asked: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for response in pilot:
        if response.counted:
            asked[response.sample_id] += 1
            agreed[response.sample_id] += response.correct
    return {
        sample for sample, n in asked.items() if n >= GOLD_ANSWERS and agreed[sample] >= GOLD_AGREEMENT * n
    }
