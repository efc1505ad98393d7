"""A study's whole report: Table 1, what it rests on and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sier_gui
from sier_gui.core.errors import SierError
from sier_gui.core.study.agreement import Agreement, agreement, confusion, unbiased_hit_rates
from sier_gui.core.study.caveats import Setting, caveats
from sier_gui.core.study.checks import FEW_RATERS, Flag, Printed, check_printed
from sier_gui.core.study.differences import Difference, Paired, differences, intraclass, paired_tests
from sier_gui.core.study.exclusion import excluded
from sier_gui.core.study.models import Model, bayesian, gee
from sier_gui.core.study.network import Learnt, NetworkAnswers, NetworkRow, network_row
from sier_gui.core.study.planning import Plan, make_plan
from sier_gui.core.study.protocol import fingerprint, load
from sier_gui.core.study.randomisation import Randomisation, randomisation_test
from sier_gui.core.study.records import Modality, Protocol, Response
from sier_gui.core.study.responses import Answers, columns_of
from sier_gui.core.study.rounding import percent
from sier_gui.core.study.table import Table, make_table

PLAIN = Setting()
PENDING = "Being computed."
TESTS = ("randomisation", "paired", "gee", "bayesian")
ASSUMPTIONS = {
    "percent": "Agreement with the dataset's label, called accuracy; mean over raters of each rater's share.",
    "interval": "95 % over raters and items, both as drawn at random: two-way cluster variance, Wilson form.",
    "wilson": "Ignores clustering: as if every response came from another rater on another item.",
    "mean": "Overall as the mean of unrounded class cells, as in the paper; classes weigh alike.",
    "pooled": "Every response weighs alike, so classes weigh by how often they were shown.",
    "weighted": "Classes weigh as in the whole dataset.",
    "agreement": "Nominal answers; α and AC1 over items with two answers or more, κ only with equal raters.",
    "hit_rate": "Wagner's Hᵤ from the confusion matrix pooled over raters; 0/0 is n/a.",
    "randomisation": "Redraws raters' groups, keeping their sizes; assumes only that groups were drawn.",
    "differences": "Class means; two-way cluster variance over raters and items with Student's t.",
    "equivalence": "TOST: inside ± the margin, which was set beforehand, at the 1 − 2α interval.",
    "gee": "Additive log odds; raters are clusters; ignores that items are drawn.",
    "bayesian": "Additive log odds; raters and items as normal effects; variational, Laplace covariance.",
    "paired": "Same rater on same item; only with wash-out between visits.",
    "planning": "Independent responses, z tests, base .75; times 1 + 7·ICC_rater + 5·ICC_item by default.",
}


@dataclass(frozen=True, slots=True)
class StudyReport:
    """Everything `study report` says; what could not be computed is in ``missing`` with its reason.

    ``everyone``: the table with the excluded raters, where there are any. ``times_ms``: quartiles.
    """

    protocol: Protocol
    answers: Answers
    table: Table
    flags: tuple[Flag, ...]
    agreement: Mapping[Modality, Agreement]
    confusion: Mapping[Modality, NDArray[np.int64]]
    times_ms: Mapping[Modality, tuple[float, float, float]]
    differences: tuple[Difference, ...]
    icc: tuple[float, float]
    plan: Plan
    excluded: Mapping[str, str] = field(default_factory=dict)
    everyone: Table | None = None
    randomisation: Randomisation | None = None
    gee: Model | None = None
    bayesian: Model | None = None
    paired: Paired | None = None
    network: NetworkRow | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        return any(flag.check == "simulated" for flag in self.flags)

    def hit_rates(self, modality: Modality) -> list[float | None]:
        """Wagner's Hᵤ of each class of ``answers.classes``."""
        return unbiased_hit_rates(self.confusion[modality])


def make_report(responses: Sequence[Response], setting: Setting = PLAIN) -> StudyReport:
    """Table 1 with everything beside it.

    Raises
    ------
    SierError : nothing counts, or a sample has two labels.
    """
    *_, whole = reporting(responses, setting)
    return whole


def reporting(responses: Sequence[Response], setting: Setting = PLAIN) -> Iterator[StudyReport]:
    """The report as it grows: cells and intervals at once, then one test after the other; the last is whole.

    A test that waits for its turn is in ``missing`` as `PENDING`.

    Raises
    ------
    SierError : as `make_report`.
    """
    report = _without_tests(responses, setting)
    yield report
    for name, compute in _tests(report, setting.models):
        missing = {test: why for test, why in report.missing.items() if test != name}
        try:
            report = replace(report, missing=missing, **{name: compute()})
        except SierError as error:
            report = replace(report, missing={**missing, name: str(error)})
        yield report


def _without_tests(responses: Sequence[Response], setting: Setting) -> StudyReport:
    protocol = setting.protocol or load("default")
    out = excluded(responses, protocol.exclusion, setting.raters)
    kept = [response for response in responses if response.rater not in out]
    if not any(response.counted for response in kept):
        raise SierError(
            f"All raters are excluded: {'; '.join(f'{r} {why}' for r, why in out.items())}."
            if out
            else "No response counts for Table 1.",
            "Look at the exclusion rules of the protocol.",
        )
    answers = columns_of(kept, setting.classes)
    table = make_table(answers, setting.shares)
    icc = intraclass(answers)
    flags = [
        *check_printed(printed(table)),
        *caveats(answers, responses, protocol, out, setting),
    ]
    report = StudyReport(
        protocol,
        answers,
        table,
        tuple(flags),
        {m: agreement(answers.of(m)) for m in answers.modalities},
        {m: confusion(answers.of(m)) for m in answers.modalities},
        {m: q for m in answers.modalities if (q := _quartiles(answers.of(m))) is not None},
        tuple(differences(answers, protocol.tests.margin, protocol.tests.alpha)),
        icc,
        make_plan(protocol, *icc, classes=len(table.classes)),
        out,
        make_table(columns_of(responses, setting.classes), setting.shares) if out else None,
        missing=dict.fromkeys(TESTS, PENDING),
    )
    if setting.network is None:
        return report
    return with_network(report, setting.network, setting.network_name, setting.network_learnt)


def with_network(report: StudyReport, network: NetworkAnswers, name: str, learnt: Learnt) -> StudyReport:
    """The report with a network's row, and what speaks against that."""
    row = network_row(report.answers, network, name)
    return replace(report, network=row, flags=(*report.flags, *learnt.flags(report.answers, name)))


def _tests(report: StudyReport, models: bool) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each of `TESTS`, the quick ones first, with what computes it or says why it cannot be."""
    answers, protocol = report.answers, report.protocol
    if protocol.repeats:
        yield "paired", partial(paired_tests, answers)
        why = "In a repeat design every group meets everything; see the paired tests."
        yield "randomisation", partial(_refuse, why)
    else:
        yield "paired", partial(_refuse, "McNemar and Cochran's Q need a repeat design with wash-out.")
        yield "randomisation", partial(randomisation_test, answers, protocol.tests.draws, protocol.seed)
    few = len(answers.raters) < FEW_RATERS or len(answers.modalities) < 2
    for name, compute in (("gee", gee), ("bayesian", bayesian)):
        if not models:
            yield name, partial(_refuse, "Not asked for.")
        elif few:
            yield name, partial(_refuse, f"It needs {FEW_RATERS} raters or more and two modalities.")
        else:
            yield name, partial(compute, answers)


def _refuse(why: str) -> None:
    raise SierError(why)


def _quartiles(answers: Answers) -> tuple[float, float, float] | None:
    times = answers.rt_ms[~np.isnan(answers.rt_ms)]
    return tuple(map(float, np.percentile(times, (25, 50, 75)))) if len(times) else None  # type: ignore[return-value]


def printed(table: Table) -> Printed:
    """The table as it will be read, so that it passes the checks which published ones pass."""
    return Printed(
        table.classes,
        table.modalities,
        {place: percent(cell.share) for place, cell in table.cells.items()},
        {modality: percent(overall.mean.share) for modality, overall in table.overall.items()},
        {},
        {place: cell.n for place, cell in table.cells.items()},
    )


def design_of(report: StudyReport) -> dict[str, Any]:
    """The protocol, its seed and the program's version: what makes a report repeatable."""
    protocol = report.protocol
    return {
        "protocol": asdict(protocol),
        "seed": protocol.seed,
        "fingerprint": fingerprint(protocol),
        "program": f"sier-gui {sier_gui.__version__}",
        "simulated": report.simulated,
    }
