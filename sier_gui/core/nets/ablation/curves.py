"""Accuracy, F1 and κ over epochs, for each network (journal version §4.4.1).

The paper reads them so: where accuracy and F1 do not go together and κ stays low, a network has learned a
class and not a difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.charts import BLUE, GREEN, ORANGE, SOFT, bare, chart
from sier_gui.core.errors import SierError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

History = Sequence[Mapping[str, Any]]
SHOWN = {"accuracy": BLUE, "macro_f1": ORANGE, "kappa": GREEN}
WORDS = {"accuracy": "accuracy", "macro_f1": "macro F1", "kappa": "κ"}
LAST = 5  # epochs over which the end is averaged


def curves(histories: Sequence[History]) -> dict[str, Any]:
    """Mean over ``histories`` (a network's parts) at each epoch that all of them reached.

    Returns
    -------
    ``accuracy``, ``macro_f1``, ``kappa``: (epochs,) on the validation part; ``gap``: |accuracy − F1|, and
    ``end``: κ, both averaged over the last `LAST` epochs.

    Raises
    ------
    SierError : they have no validation figures.
    """
    if not all(f"validation_{name}" in line for history in histories for line in history for name in SHOWN):
        raise SierError(
            "The training had no validation part, so there are no curves of F1 and κ.",
            "Train with split.validation above 0.",
        )
    shortest = min(map(len, histories))
    found = {
        name: np.mean([[line[f"validation_{name}"] for line in h[:shortest]] for h in histories], axis=0)
        for name in SHOWN
    }
    gap = np.abs(found["accuracy"] - found["macro_f1"])
    return {
        **{name: values.tolist() for name, values in found.items()},
        "gap": float(gap[-LAST:].mean()),
        "end": float(found["kappa"][-LAST:].mean()),
    }


def draw_curves(networks: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A panel for each network; ``networks``: title → `curves`."""
    columns = min(3, len(networks))
    rows = -(-len(networks) // columns)
    with chart(max(80, 56 * columns), 52 * rows + 8) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, (title, found) in zip(grid.flat, networks.items(), strict=False):
            epochs = np.arange(1, len(found["accuracy"]) + 1)
            for name, colour in SHOWN.items():
                axes.plot(epochs, found[name], color=colour, linewidth=1, label=WORDS[name])
            axes.axhline(0, color=SOFT, linewidth=0.5, linestyle=":")
            ends = f"|accuracy − F1| {found['gap']:.2f}, κ {found['end']:.2f}".replace("-", "−")
            axes.set_title(f"{title}\n{ends}")
            axes.set_xlabel("epoch")
            bare(axes)
        for axes in grid.flat[len(networks) :]:
            axes.set_axis_off()
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", frameon=False, ncols=3)
    return figure
