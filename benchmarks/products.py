"""Products of many rows with one matrix: torch's own beside core/nets/rows.py: python benchmarks/products.py

One thread, best of five, GMAC per second of CPU time. The sizes are those of ParallelNet's heads and of its
convolutions as products, at 1/8 width and at full width.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.nn.functional import linear

from sier_gui.core.nets.rows import product

ROWS = 4096


def best(run: Callable[[], object], repeats: int) -> float:
    """CPU seconds of one call."""
    run()
    found = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(repeats):
            run()
        found.append((time.process_time() - started) / repeats)
    return min(found)


def main() -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {ROWS} rows, one thread, GMAC/s")
    print("| inputs | outputs | linear | rows.product | ratio |\n|---|---|---|---|---|")
    with torch.inference_mode():
        for inputs, outputs in ((64, 128), (128, 128), (288, 32), (576, 64), (1024, 1024), (4608, 512)):
            x, w, b = torch.randn(ROWS, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
            repeats = max(1, int(2e9 / (ROWS * inputs * outputs)))
            macs = ROWS * inputs * outputs / 1e9
            ours = macs / best(lambda x=x, w=w, b=b: product(x, w, b), repeats)
            peer = macs / best(lambda x=x, w=w, b=b: linear(x, w, b), repeats)
            print(f"| {inputs} | {outputs} | {peer:.0f} | {ours:.0f} | {ours / peer:.1f} |")


if __name__ == "__main__":
    main()
