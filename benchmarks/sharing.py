"""How alike the masks of exact Owen values look to each layer: python benchmarks/sharing.py [--grid 8]

For each later layer of the image trunk (VGG19): its share of a whole pass's multiplications, and different
local patterns per mask and tile, over all masks and within the steps that the engine computes together. No
network runs: the masks and the windows decide.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.explain.game import corners_of
from sier_gui.core.explain.owen import MASKS_PER_STEP, owen_values
from sier_gui.core.explain.patterns import Bools, MaskSet, Window
from sier_gui.core.explain.sharing import tile_side
from sier_gui.core.nets.trunks.base import SIDE
from sier_gui.core.nets.trunks.vgg import VGG19

PREFIX = 2  # blocks before the first layer that is shared


class MasksOnly:
    """A game that notes which masks it is asked about."""

    def __init__(self, grid: int) -> None:
        self.shapes = {Modality.IMAGE: (grid, grid), Modality.SPEECH: (1,)}
        self.corners = corners_of(self.shapes)
        self.asked: list[Bools] = []

    def values(self, masks: dict, index: dict) -> np.ndarray:
        if masks[Modality.IMAGE] is not self.corners[Modality.IMAGE]:
            self.asked.append(masks[Modality.IMAGE])
        return np.zeros((len(index[Modality.IMAGE]), 1))


def layers() -> Iterator[tuple[str, Window, float]]:
    """Name, window and multiplications of each later layer, these as a share of a whole pass."""
    window, side, channels = Window(1, 1, 0), SIDE, 3
    found, total = [], 0
    for block, sizes in enumerate(VGG19, 1):
        for number, size in enumerate(sizes, 1):
            window = window.after_convolution()
            macs = 9 * channels * size * side * side
            found.append((f"conv{block}_{number}", window, macs, block))
            total, channels = total + macs, size
        window, side = window.after_pool(), side // 2
    yield from ((name, window, macs / total) for name, window, macs, block in found if block > PREFIX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=int, nargs="*", default=[4, 8, 16])
    for grid in parser.parse_args().grid:
        game = MasksOnly(grid)
        for _ in owen_values(game):
            pass
        masks = np.concatenate(game.asked).reshape(-1, grid, grid)
        owners = np.arange(SIDE) * grid // SIDE
        print(f"\n{grid}×{grid}: {len(masks)} masks")
        print(f"| layer | share of a pass | patterns per mask | in steps of ≤ {MASKS_PER_STEP} |")
        print("|---|---|---|---|")
        for name, window, share in layers():
            ends = window.players(owners, tile_side(window, (owners, owners)))
            tiles = len(ends[0]) ** 2
            whole = len(MaskSet(masks).seen(ends, ends).tile) / (len(masks) * tiles)
            steps = sum(
                len(MaskSet(step.reshape(-1, grid, grid)).seen(ends, ends).tile) for step in game.asked
            )
            print(f"| {name} | {share:.1%} | {whole:.3f} | {steps / (len(masks) * tiles):.3f} |", flush=True)


if __name__ == "__main__":
    main()
