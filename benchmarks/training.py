"""Training: samples a second and memory, ours beside a plain PyTorch loop over the same network.

    python benchmarks/training.py --width 0.125                  # a processor
    python benchmarks/training.py --width 1 --device cuda --precision bf16-mixed --batch 64

Both train the same network on the same generated samples with Adam and the paper's loss; each runs in a
process of its own, so that its memory is its own. The plain loop has its samples in memory as tensors, no
augmentation, no validation, no checkpoints: what it takes is what torch takes. Ours reads from the cache,
as `sier-gui train` does; ``--augment`` adds the preset's changes of inputs. The first epoch warms up and is
not counted. With ``--json FILE`` the figures are written there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("anger", "happy", "hate", "sad")
KINDS = ("plain loop", "ours", "ours, augmented")


def config_of(arguments: argparse.Namespace, *, augmented: bool) -> Any:
    from sier_gui.core.nets.training import TrainingConfig
    from sier_gui.core.nets.training.config import Augment

    off = {name: type(value)() for name, value in vars(Augment()).items() if isinstance(value, bool | float)}
    return TrainingConfig.from_tables(
        {
            "network": {"kind": "parallelnet", "classes": list(CLASSES), "width": arguments.width},
            "optimiser": {
                "batch": arguments.batch,
                "epochs": arguments.epochs + 1,
                "early_stopping": 0,
                "precision": arguments.precision,
            },
            "augment": {} if augmented else off,
        }
    )


def generated(folder: Path, count: int) -> Any:
    """Random inputs in a cache as `decode` leaves it."""
    from sier_gui.core.domain import Modality
    from sier_gui.core.nets.training.data import TrainingData

    rng = np.random.default_rng(0)
    arrays: dict[Modality, Any] = {
        Modality.IMAGE: np.memmap(folder / "image.bin", np.uint8, "w+", shape=(count, 3, 128, 128)),
        Modality.SPEECH: np.memmap(folder / "speech.bin", np.float32, "w+", shape=(count, 1, 128, 128)),
    }
    arrays[Modality.IMAGE][:] = rng.integers(0, 256, arrays[Modality.IMAGE].shape, np.uint8)
    arrays[Modality.SPEECH][:] = rng.random(arrays[Modality.SPEECH].shape, np.float32)
    nothing = np.array([], object)
    labels = rng.integers(0, len(CLASSES), count)
    ids = tuple(map(str, range(count)))
    return TrainingData(ids, labels, nothing, nothing, arrays, np.arange(count), (), "generated")


def fresh(config: Any) -> Any:
    import torch

    from sier_gui.core.nets.networks import NetworkConfig, build

    torch.manual_seed(0)
    return build(NetworkConfig.from_table(config.network))


def ours(arguments: argparse.Namespace, folder: Path, *, augmented: bool) -> list[float]:
    """Seconds of each epoch's training part."""
    from sier_gui.core.nets.training.data import RawSource
    from sier_gui.core.nets.training.evaluation import BOTH
    from sier_gui.core.nets.training.loop import Fit, Task
    from sier_gui.core.tasks import CancelToken, silent

    config = config_of(arguments, augmented=augmented)
    data = generated(folder, arguments.samples)
    rows = np.arange(len(data))
    source = RawSource(data, config.augment, arguments.device)
    task = Task(source, data.labels, rows, rows[:0], BOTH, 0)
    fit = Fit(fresh(config), task, config, arguments.device)
    state = fit.run(folder / "checkpoint.safetensors", report=silent, token=CancelToken())
    return [entry["seconds"] for entry in state.history]


def plain(arguments: argparse.Namespace, folder: Path) -> list[float]:
    """The same network in a dozen lines of torch."""
    import torch

    from sier_gui.core.domain import Modality

    config = config_of(arguments, augmented=False)
    data = generated(folder, arguments.samples)
    network = fresh(config)
    device, o = torch.device(arguments.device), config.optimiser
    images = data.batch(Modality.IMAGE, np.arange(len(data)))
    speech = data.batch(Modality.SPEECH, np.arange(len(data)))
    labels = torch.from_numpy(data.labels)
    module = network.module.to(device).train()
    optimiser = torch.optim.Adam(module.parameters(), lr=o.learning_rate)
    kind = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(o.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=o.precision == "16-mixed")
    seconds = []
    for _ in range(o.epochs):
        started = time.perf_counter()
        for index in torch.randperm(len(data)).split(o.batch):
            with torch.autocast(device.type, kind, enabled=kind is not None):
                logits = network.forward(images[index].to(device), speech[index].to(device))
            log_p = logits.float().log_softmax(1).gather(1, labels[index].to(device)[:, None])
            loss = -(log_p + 0.5 * (1 - log_p.exp()) ** 2 * log_p).mean()
            optimiser.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimiser)
            scaler.update()
        float(loss)  # waits for the device
        seconds.append(time.perf_counter() - started)
    return seconds


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """In this process: one kind."""
    import torch

    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu = time.process_time()
        if arguments.kind == KINDS[0]:
            seconds = plain(arguments, folder)
        else:
            seconds = ours(arguments, folder, augmented=arguments.kind == KINDS[2])
        cpu = time.process_time() - cpu
    counted = sorted(seconds[1:])
    found = {
        "kind": arguments.kind,
        "samples_per_second": arguments.samples / counted[len(counted) // 2],
        "seconds": seconds,
        "cpu_seconds_a_sample": cpu / (arguments.samples * len(seconds)),
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if arguments.device != "cpu":
        found["gpu_memory_mib"] = torch.cuda.max_memory_allocated() / 2**20
        found["gpu"] = torch.cuda.get_device_name()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3, help="counted ones; their median is printed")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="32-true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3, help="of each kind, in turn; the best is printed")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        print(json.dumps(measure(arguments)))
        return 0
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.runs):
        for kind in KINDS:
            command = [sys.executable, __file__, *sys.argv[1:], "--kind", kind]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            found[kind].append(json.loads(answer.stdout.splitlines()[-1]))
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {vars(arguments)}")
    print(f"{'':18}{'samples/s':>10}{'CPU ms/sample':>15}{'MiB':>8}{'GPU MiB':>9}")
    for kind, runs in found.items():
        best = max(runs, key=lambda run: run["samples_per_second"])
        cpu = min(run["cpu_seconds_a_sample"] for run in runs)
        gpu = f"{best['gpu_memory_mib']:9.0f}" if "gpu_memory_mib" in best else "        –"
        print(f"{kind:18}{best['samples_per_second']:10.1f}{1000 * cpu:15.1f}{best['memory_mib']:8.0f}{gpu}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
