"""What an ablation says: a line for each row, as CSV, LaTeX in the paper's layout, Markdown and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sier_gui.core.nets.ablation.rows import ROWS
from sier_gui.core.nets.ablation.significance import Comparison, spoken_p

_ESCAPES = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "§": r"\S", "{": r"\{", "}": r"\}"}


@dataclass(frozen=True)
class Line:
    """``figures`` as `over_seeds` with ``intervals`` and ``runs``; {} where the row has ``problems`` only.

    ``epoch_s``, ``epoch_cpu_s``: median seconds of an epoch over one part's training samples, wall and CPU.
    """

    name: str
    figures: Mapping[str, Any]
    epochs: float = 0.0
    epoch_s: float = 0.0
    epoch_cpu_s: float = 0.0
    parameters: int = 0
    problems: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return ROWS[self.name].title

    def to_json(self) -> dict[str, Any]:
        return {
            "row": self.name,
            "title": self.title,
            "figures": dict(self.figures),
            "epochs": self.epochs,
            "epoch_s": self.epoch_s,
            "epoch_cpu_s": self.epoch_cpu_s,
            "parameters": self.parameters,
            "problems": list(self.problems),
        }


def lines_csv(lines: Sequence[Line], comparisons: Sequence[Comparison]) -> str:
    """All of it: a column for each figure, shares not percentages."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = ("balanced_accuracy", "accuracy", "macro_f1", "kappa")
    ends = [f"{name}_{end}" for name in names for end in ("low", "high")]
    writer.writerow(
        ["row", "model", *names, *ends, "standard_error", "seed_sd", "seeds", "n", "epochs", "epoch_s",
         "epoch_cpu_s", "parameters", "ahead", "ahead_low", "ahead_high", "bootstrap_p_holm",
         "mcnemar_p_holm", "problems"]
    )  # fmt: skip
    against = {c.second: c for c in comparisons}
    for line in lines:
        f = line.figures
        if not f:
            writer.writerow([line.name, line.title, *[""] * 25, "; ".join(line.problems)])
            continue
        c = against.get(line.name)
        values = [f[name] for name in names] + [end for name in names for end in f["intervals"][name]]
        values += [f["standard_error"], f["seed_sd"]]
        ahead: list[Any] = [""] * 5
        if c is not None:
            d = c.bootstrap
            ahead = [f"{x:.6g}" for x in (d.difference, d.low, d.high, c.bootstrap_holm, c.mcnemar_holm)]
        writer.writerow(
            [line.name, line.title, *(f"{v:.6f}" for v in values), f["seeds"], f["n"], f"{line.epochs:g}",
             f"{line.epoch_s:.4f}", f"{line.epoch_cpu_s:.4f}", line.parameters, *ahead,
             "; ".join(line.problems)]
        )  # fmt: skip
    return stream.getvalue()


def latex(lines: Sequence[Line], caption: str) -> str:
    """Table 2 of the journal version: model, accuracy, average time per epoch; needs booktabs."""
    body = []
    for line in lines:
        cells = ["--", "--"]
        if line.figures:
            cells = [rf"{100 * line.figures['balanced_accuracy']:.2f}\%", duration(line.epoch_s)]
        body.append(" & ".join([_tex(line.title), *cells]) + r" \\")
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_tex(caption)}}}",
            r"\begin{tabular}{lrr}",
            r"\toprule",
            r"Model & Accuracy & Avg.\ time per epoch \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def markdown(lines: Sequence[Line], comparisons: Sequence[Comparison], reference: str) -> list[str]:
    """For README and terminal: accuracy is balanced accuracy with its 95 % interval."""
    against = {c.second: c for c in comparisons}
    text = [
        "| model | accuracy (balanced) | plain | macro F1 | κ | s per epoch (CPU s) | parameters "
        f"| {ROWS[reference].title} ahead by | p (bootstrap, McNemar; Holm) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        f = line.figures
        if not f:
            text.append(f"| {line.title} | not trained: {'; '.join(line.problems)} | | | | | | | |")
            continue
        low, high = f["intervals"]["balanced_accuracy"]
        ahead, p = ("", "")
        if line.name in against:
            c = against[line.name]
            d = c.bootstrap
            ahead = f"{d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
            p = f"{spoken_p(c.bootstrap_holm)}, {spoken_p(c.mcnemar_holm)}"
        text.append(
            f"| {line.title} | {f['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}] | {f['accuracy']:.3f} "
            f"| {f['macro_f1']:.3f} | {f['kappa']:.3f} | {line.epoch_s:.2f} ({line.epoch_cpu_s:.2f}) "
            f"| {line.parameters:,} | {ahead} | {p} |"
        )
    return text


def duration(seconds: float) -> str:
    """Minutes as in the paper; seconds where a minute would say nothing."""
    if math.isnan(seconds) or seconds <= 0:
        return "--"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.2f} s"


def _tex(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
