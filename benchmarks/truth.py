"""Are Owen maps true? python benchmarks/truth.py [--samples 24] [--grid 8] [--value logit] [--json FILE]

The demo release on its test split, whose voices and some of whose emoji training never met: deletion and
insertion beside Grad-CAM, integrated gradients, occlusion and chance; maps of the release with weights drawn
anew; maps under other absences; the pointing game on the planted evidence. Prints Markdown: tables with 95 %
bootstrap intervals over samples, then what they decide.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sier_gui.core import paths
from sier_gui.core.dataset.catalogue import open_dataset
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import ExplainRequest
from sier_gui.core.explain.truth.case import BOTH
from sier_gui.core.explain.truth.report import check_dataset
from sier_gui.core.explain.truth.sanity import WHOLE
from sier_gui.core.explain.truth.summary import Interval, Section, TruthTable, sections, summarise
from sier_gui.core.nets.prediction import Predictor
from sier_gui.core.nets.releases import choose_release

SMALL = 0.1  # a mean rank correlation that says the maps have nothing to do with each other


def checked(arguments: argparse.Namespace, request: ExplainRequest) -> tuple[list[Any], str]:
    """Reports on evenly spread samples of the test split, and the release's name."""
    catalogue = open_dataset(arguments.data)
    predictor = Predictor(choose_release(catalogue.classes, catalogue.dataset_hash, arguments.release), "cpu")
    test = np.flatnonzero(catalogue.column("split") == "test")
    chosen = test[np.linspace(0, len(test), min(arguments.samples, len(test)), endpoint=False).astype(int)]
    reports = []
    for row, answer in check_dataset(predictor, catalogue, chosen, request):
        if isinstance(answer, SierError):
            raise answer
        reports.append(answer)
        print(f"<!-- {len(reports)}/{len(chosen)} {catalogue.cell(row, 'sample_id')} -->", flush=True)
    return reports, predictor.release.label


def markdown(section: Section) -> list[str]:
    rows = [section.header, *section.rows]
    table = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    table.insert(1, "|" + "---|" * len(section.header))
    return ["", f"**{section.title}**", "", *table]


def decided(difference: Interval) -> str:
    """What an interval of a difference says."""
    return "yes" if difference.low > 0 else "no" if difference.high < 0 else "undecided"


def verdicts(table: TruthTable) -> Section:
    """Claims, each with the figure that decides it."""
    ours = table.ours
    found = [
        (f"{ours}: larger insertion − deletion than {rival}", by_scope[BOTH]["faithfulness"])
        for rival, by_scope in table.differences.items()
    ]
    for m, figures in table.pointing[ours].items():
        anew = table.pointing[WHOLE][m]
        found += [
            (f"{ours} hits the {m}'s evidence more often than chance", figures["above_chance"]),
            (f"{ours} hits it more often than on the wholly randomised network", anew["ahead"]),
            ("the wholly randomised network's maps hit it more often than chance", anew["above_chance"]),
        ]
    rows = [(claim, str(figure), decided(figure)) for claim, figure in found]
    rho = table.randomised[WHOLE][BOTH]
    decorrelated = (
        "yes" if max(-rho.low, rho.high) < SMALL else "no" if abs(rho.mean) > SMALL else "undecided"
    )
    rows.append((f"|mean ρ| with the wholly randomised network below {SMALL}", str(rho), decorrelated))
    return Section("What this decides", ("claim", "measured", "holds"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--release", default="demo")
    parser.add_argument("--data", type=Path, default=paths.resources() / "demo")
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--grid", type=int, default=8)
    parser.add_argument("--segments", default="16")
    parser.add_argument("--absence", default="zeros")
    parser.add_argument("--value", default="probability")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    request = ExplainRequest(
        grid=chosen.grid,
        segments=chosen.segments,
        absence=chosen.absence,
        value=chosen.value,
        seed=chosen.seed,
    )
    started = time.perf_counter()
    reports, release = checked(chosen, request)
    seconds = time.perf_counter() - started
    table = summarise(reports, chosen.seed)
    print(
        f"\nRelease {release}, {len(reports)} samples of the test split, {chosen.grid}×{chosen.grid} + "
        f"{chosen.segments} players, absence {chosen.absence}, value {chosen.value}, seed {chosen.seed}; "
        f"{seconds:.0f} s on {chosen.threads} threads."
    )
    for section in [*sections(table), verdicts(table)]:
        print("\n".join(markdown(section)))
    if chosen.json:
        about = {"python": platform.python_version(), "torch": str(torch.__version__), "seconds": seconds}
        reports_json = [report.to_json() for report in reports]
        paths.write_json(
            chosen.json,
            {"schema": 1, "machine": about, "summary": table.to_json(), "samples": reports_json},
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
