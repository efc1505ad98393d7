"""How every figure is set and written, whoever draws it: matplotlib's object API, always light.

Text stays text in vector files; equal figures give equal files; provenance lies inside the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import sier_gui
from sier_gui.core.errors import SierError
from sier_gui.core.paths import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = "DejaVu Sans"  # bundled with matplotlib: the same picture everywhere
INK, SOFT = "#1A1A1A", "#555555"
# Okabe and Ito's colours, told apart by everybody
BLUE, ORANGE, GREEN, PURPLE, RED, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"
MM = 25.4  # per inch
CUT, PAD_INCHES = "cut to what is drawn", 0.05  # a figure of this label is, with so much around
_STYLE = {
    "font.family": FONT,
    "svg.fonttype": "none",
    "svg.hashsalt": "sier-gui",  # equal figures give equal files
    "pdf.fonttype": 42,
    "axes.linewidth": 0.5,
    "axes.edgecolor": SOFT,
    "hatch.linewidth": 0.4,
    "text.hinting": "none",  # widths on pixels as measured, at any resolution
    "text.parse_math": False,  # a dollar sign in somebody's text is a dollar sign
}
_CHART: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}


@contextmanager
def light() -> Iterator[None]:
    """Our settings over matplotlib's defaults, whatever the user's own are; silent about missing glyphs."""
    import warnings

    from matplotlib import style

    with style.context(["default", _STYLE]), warnings.catch_warnings():
        # a script that the font lacks shows boxes, in the figure, where the reader sees it
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@contextmanager
def chart(width_mm: float, height_mm: float) -> Iterator[Figure]:
    """A white figure of plots, laid out by itself; draw on it inside the with block."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with light(), rc_context(_CHART):
        figure = Figure((width_mm / MM, height_mm / MM), dpi=200, facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def bare(axes: Axes) -> None:
    """Axes at the left and below only."""
    axes.spines[["top", "right"]].set_visible(False)


def render(figure: Figure, kind: str, provenance: dict[str, Any]) -> bytes:
    """The file of `save` as bytes; ``kind`` is png, svg or pdf."""
    target = io.BytesIO()
    _write(figure, target, kind, provenance)
    return target.getvalue()


def save(figure: Figure, target: Path, provenance: dict[str, Any]) -> None:
    """Write PNG, SVG or PDF (by the suffix) atomically, with ``provenance`` as JSON inside.

    PNG keeps it in the text chunk Comment, SVG in the metadata's description, PDF in the Info key Subject;
    its ``sample_id`` or ``title`` is the file's title.

    Raises
    ------
    SierError : the folder cannot be written, or another suffix.
    """
    kind = target.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise SierError(f"No figure can be written as {target.name}.", "Use png, svg or pdf.")
    with atomic_file(target) as temporary:
        _write(figure, temporary, kind, provenance)


def _write(figure: Figure, target: Path | IO[bytes], kind: str, provenance: dict[str, Any]) -> None:
    text, program = json.dumps(provenance, allow_nan=False), f"sier-gui {sier_gui.__version__}"
    title = str(provenance.get("sample_id", provenance.get("title", "")))
    metadata: dict[str, dict[str, Any]] = {
        "png": {"Title": title, "Comment": text, "Software": program},
        "svg": {"Title": title, "Description": text, "Creator": program, "Date": None},
        "pdf": {"Title": title, "Subject": text, "Creator": program, "CreationDate": None},
    }
    # zlib's lowest levels cost a tenth of the time for a few per cent of size
    extra: dict[str, Any] = {"pil_kwargs": {"compress_level": 3}} if kind == "png" else {}
    if figure.get_label() == CUT:
        extra |= {"bbox_inches": "tight", "pad_inches": PAD_INCHES}
    with light():
        figure.savefig(target, format=kind, metadata=metadata[kind], **extra)
