"""The window's figures, with a bare PySide6 window and labelme timed in the same run.

    python benchmarks/window.py [--quick] [--json FILE] [--only start,demo,rows,latency,survey,truth]

Needs Xvfb and the `bench` extra. labelme is installed into its own
environment, build/peers, at the first run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from xserver import seconds_to_window, x_server

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))
PEERS = ROOT / "build" / "peers"

BARE = """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([])
window = QMainWindow()
window.resize(1400, 900)
window.show()
app.exec()
"""


def labelme() -> Path | None:
    """The peer's program; None (and a line that says so) where it cannot be installed."""
    program = PEERS / "bin" / "labelme"
    if not program.exists():
        done = subprocess.run([sys.executable, "-m", "venv", PEERS], check=False).returncode == 0
        install = [PEERS / "bin" / "python", "-m", "pip", "install", "--quiet", "labelme"]
        if not done or subprocess.run(install, check=False).returncode != 0:
            print("labelme cannot be installed here: its rows are left out", file=sys.stderr)
            return None
    return program


def median_start(
    command: list[str], display: str, environment: dict[str, str], runs: int
) -> dict[str, float]:
    """The first start warms the disk and is not counted."""
    both = [seconds_to_window(command, display, environment) for _ in range(runs + 1)][1:]
    times, cpu = zip(*both, strict=True)
    return {
        "median_s": statistics.median(times),
        "min_s": min(times),
        "max_s": max(times),
        "cpu_median_s": statistics.median(cpu),
    }


def measure_start(display: str, home: Path, quick: bool) -> dict[str, Any]:
    runs = 3 if quick else 9
    environment = dict(os.environ, SIER_GUI_HOME=str(home), QT_QPA_PLATFORM="xcb")
    result = {
        "bare PySide6": median_start([sys.executable, "-c", BARE], display, environment, runs),
        "sier-gui": median_start([sys.executable, "-m", "sier_gui"], display, environment, runs),
        "sier-gui --demo": median_start(
            [sys.executable, "-m", "sier_gui", "--demo"], display, environment, runs
        ),
    }
    peer = labelme()
    if peer is not None:
        peer_environment = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
        try:
            result["labelme"] = median_start([str(peer)], display, peer_environment, runs)
        except RuntimeError as error:
            print(f"labelme: {error}", file=sys.stderr)
    return result


def probe(display: str, home: Path, *arguments: str) -> dict[str, Any]:
    environment = dict(os.environ, SIER_GUI_HOME=str(home), DISPLAY=display, QT_QPA_PLATFORM="xcb")
    command = [sys.executable, str(HERE / "window_probe.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)}: status {done.returncode}\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure_rows(display: str, home: Path, work: Path, quick: bool) -> dict[str, Any]:
    from fixtures.datasets import make_large_table

    options = ["--quick"] if quick else []
    result = {}
    for rows in (2_000, 80_893):
        folder = make_large_table(work / str(rows), rows=rows)
        result[f"{rows} rows, first open"] = probe(display, home, "rows", "--dataset", str(folder), *options)
        result[f"{rows} rows, again"] = probe(display, home, "rows", "--dataset", str(folder), *options)
    return result


def full_width_release(folder: Path) -> Path:
    """ParallelNet at full width with random weights: what is timed does not depend on them."""
    code = f"""
import torch
from pathlib import Path
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.releases import write_release
torch.manual_seed(0)
config = NetworkConfig("parallelnet", ("anger", "happy", "hate", "sad"))
tables = {{"release": {{"schema": 1, "name": "full", "version": "1"}}, "network": config.to_table(),
          "front": {{}}, "training": {{}}}}
write_release(Path({str(folder)!r}), build(config), tables, "# full width, random weights", half=True)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", default="start,demo,rows,latency,survey,truth")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    seconds = "10" if arguments.quick else "60"
    results: dict[str, Any] = {
        "schema": 1,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory() as folder, x_server() as display:
        work = Path(folder)
        # an installed program has its bytecode; a checkout may be told to write none
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(work / "bytecode")
        home = work / "home"
        if "start" in wanted:
            results["start to window"] = measure_start(display, work / "home-start", arguments.quick)
        if "demo" in wanted:
            results["demo, nothing cached"] = probe(display, home, "demo")
            results["demo, cached"] = probe(display, home, "demo")
        if "rows" in wanted:
            results |= measure_rows(display, home, work, arguments.quick)
        if "latency" in wanted:
            shutil.rmtree(home, ignore_errors=True)
            results["latency, demo release"] = probe(display, home, "latency", "--seconds", seconds)
            shutil.rmtree(home, ignore_errors=True)
            full = full_width_release(work / "full" / "1")
            demo = str(ROOT / "resources" / "demo")
            results["latency, full width"] = probe(
                display, home, "latency", "--seconds", seconds, "--dataset", demo, "--release", str(full)
            )
        for what in ("survey", "truth"):
            if what in wanted:
                shutil.rmtree(home, ignore_errors=True)
                results[f"latency, {what}, demo release"] = probe(display, home, what, "--seconds", seconds)
    show(results)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def show(results: dict[str, Any]) -> None:
    for name, value in results.items():
        if not isinstance(value, dict):
            print(f"{name}: {value}")
            continue
        print(f"\n{name}")
        for key, figure in value.items():
            if isinstance(figure, dict):
                text = "  ".join(f"{k} {v:.3f}" for k, v in figure.items())
            else:
                text = f"{figure:.3f}" if isinstance(figure, float) else str(figure)
            print(f"  {key:<34} {text}")


if __name__ == "__main__":
    main()
