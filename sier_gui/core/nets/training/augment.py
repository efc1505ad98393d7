"""Random changes of training inputs: drawn with numpy's generator, applied to whole batches with torch.

A draw depends on the generator alone, so the same seed gives the same batch on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.nets.training.config import Augment

if TYPE_CHECKING:
    from torch import Tensor

GRID = 8  # patches per side, as explaining uses them
SEGMENTS = 16


def augment(modality: Modality, batch: Tensor, config: Augment, rng: np.random.Generator) -> Tensor:
    """A changed copy of (B, 3|1, 128, 128) in [0, 1], made on the batch's device."""
    change = _picture if modality is Modality.IMAGE else _log_mel
    return change(batch, config, rng).clamp(0, 1)


def dropped(count: int, config: Augment, rng: np.random.Generator) -> dict[Modality, NDArray[np.bool_]]:
    """For each of ``count`` samples, which stream is absent: never both."""
    draw = rng.random(count)
    image = draw < config.drop_image
    return {Modality.IMAGE: image, Modality.SPEECH: ~image & (draw < config.drop_image + config.drop_speech)}


def _picture(batch: Tensor, config: Augment, rng: np.random.Generator) -> Tensor:
    import torch

    count, _, side, _ = batch.shape
    batch = _moved(batch, config, rng)
    light = _factors(rng, count, config.contrast, batch)
    shade = _factors(rng, count, config.brightness, batch) - 1
    batch = (batch - 0.5) * light + 0.5 + shade
    if config.saturation > 0:
        grey = batch.mean(1, keepdim=True)
        batch = grey + (batch - grey) * _factors(rng, count, config.saturation, batch)
    keep = np.ones((count, side, side), np.float32)
    if config.cutout > 0:
        sizes = np.rint(rng.uniform(0, config.cutout, count) * side).astype(int)
        corners = (rng.random((count, 2)) * (side - sizes + 1)[:, None]).astype(int)
        for mask, size, (top, left) in zip(keep, sizes, corners, strict=True):
            mask[top : top + size, left : left + size] = 0
    if config.image_patches > 0:
        gone = rng.random((count, GRID, GRID)) < rng.uniform(0, config.image_patches, (count, 1, 1))
        keep *= np.kron(~gone, np.ones((1, side // GRID, side // GRID))).astype(np.float32)
    return batch * torch.from_numpy(keep)[:, None].to(batch.device)


def _moved(batch: Tensor, config: Augment, rng: np.random.Generator) -> Tensor:
    """Flip, shift, zoom and rotation in one resampling; what comes from outside is the border's colour."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    if not (config.flip or config.shift or config.zoom or config.rotate):
        return batch
    count = len(batch)
    mirror = np.where(config.flip & (rng.random(count) < 0.5), -1.0, 1.0)
    scale = _around_one(rng, count, config.zoom)
    angle = np.deg2rad(rng.uniform(-1, 1, count) * config.rotate)
    # affine_grid counts from -1 to 1: a share of the side is twice as much
    shift = 2 * rng.uniform(-1, 1, (count, 2)) * config.shift
    theta = np.empty((count, 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * scale * np.cos(angle), -scale * np.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = mirror * scale * np.sin(angle), scale * np.cos(angle)
    theta[:, :, 2] = shift
    grid = affine_grid(torch.from_numpy(theta).to(batch.device), list(batch.shape), align_corners=False)
    return grid_sample(batch, grid, padding_mode="border", align_corners=False)


def _log_mel(batch: Tensor, config: Augment, rng: np.random.Generator) -> Tensor:
    import torch

    count, _, mels, frames = batch.shape
    batch = batch.clone()
    shifts = np.rint(rng.uniform(-1, 1, count) * config.time_shift * frames).astype(int)
    gains = _factors(rng, count, config.gain, batch) - 1
    # cells at the floor stay silent whatever the gain
    batch = torch.where(batch > 0, batch + gains, batch)
    if config.noise > 0:
        noise = rng.normal(0, config.noise, batch.shape).astype(np.float32)
        batch = batch + torch.from_numpy(noise).to(batch.device)
    keep = np.ones((count, mels, frames), np.float32)
    for index, shift in enumerate(shifts):
        batch[index] = batch[index].roll(int(shift), dims=-1)
        # what was rolled over the end is silence
        keep[index, :, : max(shift, 0)] = 0
        keep[index, :, frames + min(shift, 0) :] = 0
    # SpecAugment, arXiv:1904.08779 §2: one band and one span
    _blank(keep, config.frequency_mask, rng)
    _blank(keep.transpose(0, 2, 1), config.time_mask, rng)
    if config.speech_segments > 0:
        gone = rng.random((count, SEGMENTS)) < rng.uniform(0, config.speech_segments, (count, 1))
        keep *= np.repeat(~gone, frames // SEGMENTS, axis=1).astype(np.float32)[:, None, :]
    return batch * torch.from_numpy(keep)[:, None].to(batch.device)


def _blank(keep: NDArray[np.float32], share: float, rng: np.random.Generator) -> None:
    """Zero a run of rows, up to ``share`` of them, in each of ``keep`` (B, rows, columns), in place."""
    if share <= 0:
        return
    rows = keep.shape[1]
    for mask in keep:
        size = round(rng.uniform(0, share) * rows)
        start = int(rng.integers(0, rows - size + 1))
        mask[start : start + size] = 0


def _factors(rng: np.random.Generator, count: int, spread: float, batch: Tensor) -> Tensor:
    """(count, 1, 1, 1) around 1, on the batch's device."""
    import torch

    return torch.from_numpy(_around_one(rng, count, spread))[:, None, None, None].to(batch.device)


def _around_one(rng: np.random.Generator, count: int, spread: float) -> NDArray[np.float32]:
    return rng.uniform(1 - spread, 1 + spread, count).astype(np.float32)
