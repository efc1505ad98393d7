"""What building a dataset costs: python benchmarks/build_dataset.py --texts CSV --images DIR [--samples N]

Builds N samples (default 1,000) into a folder of its own, which is removed afterwards unless --out names one.
Pictures serve again where there are fewer than texts. For each stage: items, wall seconds, milliseconds an
item, and cores, that is CPU time over wall time, of this process and of the synthesizers it has waited for;
beside it the cores that nobody used. Then the counts, the labels, and how many labels another rule would
change. Where something else uses the machine, wall times are too long and cores too low; CPU milliseconds an
item stay, and the share of what was left to it: cores / (cores + idle).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from sier_gui.core.construct.pipeline.labels import relabel
from sier_gui.core.construct.pipeline.provenance import read_built
from sier_gui.core.construct.pipeline.request import BuildRequest, parse_voice
from sier_gui.core.construct.pipeline.run import build
from sier_gui.core.paths import write_json
from sier_gui.core.tasks import Progress


def cpu_seconds() -> float:
    """Of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def idle_seconds() -> float:
    """Of all cores of the machine since it started; NaN where Linux does not say."""
    try:
        fields = Path("/proc/stat").read_text().split(maxsplit=6)
    except OSError:
        return float("nan")
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")  # idle, and waiting for a disk


class Watch:
    """Wall, CPU and idle seconds of each stage, from what the build reports."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self._name, self._since = "", (0.0, 0.0, 0.0)

    def report(self, progress: Progress) -> None:
        if progress.text != self._name:
            self.close()
            self._name, self._since = progress.text, _now()

    def close(self) -> None:
        if self._name:
            wall, cpu, idle = (after - before for after, before in zip(_now(), self._since, strict=True))
            cost = {"wall_s": wall, "cpu_s": cpu, "cores": cpu / wall, "idle_cores": idle / wall}
            self.stages[self._name] = cost
        self._name = ""


def _now() -> tuple[float, float, float]:
    return time.perf_counter(), cpu_seconds(), idle_seconds()


def measured(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    request = BuildRequest(
        arguments.texts,
        arguments.images,
        voices=tuple(map(parse_voice, arguments.synthesizers.split(","))),
        repeats="pictures",
        limit=arguments.samples,
    )
    watch = Watch()
    started = time.perf_counter()
    result = build(request, out, workers=arguments.workers, device="cpu", report=watch.report)
    watch.close()
    wall = time.perf_counter() - started
    answers = read_built(out).answers
    labels = relabel(answers)
    others = {
        f"{rule}, {threshold:g}": labels.changed(relabel(answers, rule, threshold))
        for rule, threshold in (("agree", 0.5), ("max", 0.4), ("max", 0.7))
    }
    return {
        "schema": 1,
        "machine": f"{platform.processor() or platform.machine()}, {platform.python_version()}",
        "workers": arguments.workers,
        "wall_s": wall,
        "stages": {name: {"items": result.computed[name], **cost} for name, cost in watch.stages.items()},
        "summary": result.summary,
        "changed_by_other_rules": others,
        "bytes": sum(file.stat().st_size for file in out.rglob("*") if file.is_file()),
    }


def show(found: dict[str, Any]) -> None:
    counts = found["summary"]["counts"]
    print(f"{'stage':<15}{'items':>7}{'wall s':>9}{'ms/item':>9}{'CPU ms/item':>13}{'cores':>7}{'idle':>7}")
    for name, cost in found["stages"].items():
        each = 1000 / max(1, counts["spoken"] if name == "probabilities" else cost["items"])
        items = counts["spoken"] if name == "probabilities" else cost["items"]
        print(
            f"{name:<15}{items:>7}{cost['wall_s']:>9.2f}{cost['wall_s'] * each:>9.1f}"
            f"{cost['cpu_s'] * each:>13.1f}{cost['cores']:>7.2f}{cost['idle_cores']:>7.2f}"
        )
    per_sample = found["wall_s"] / max(1, counts["spoken"])
    print(f"whole: {found['wall_s']:.1f} s, {per_sample:.3f} s a sample, {found['bytes'] / 1e6:.1f} MB")
    for title in ("counts", "classes", "decided_by", "problems"):
        print(
            title.replace("_", " ") + ":", ", ".join(f"{k} {v}" for k, v in found["summary"][title].items())
        )
    print(f"networks agree on {found['summary']['agree']:.1%}")
    print("labels changed by", ", ".join(f"{k}: {v}" for k, v in found["changed_by_other_rules"].items()))


def main() -> None:
    parser = argparse.ArgumentParser(description="What building a dataset costs.")
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--synthesizers", default="espeak-ng,flite,festival")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(arguments, arguments.out or Path(folder) / "dataset")
    show(found)
    if arguments.json:
        write_json(arguments.json, found)


if __name__ == "__main__":
    main()
