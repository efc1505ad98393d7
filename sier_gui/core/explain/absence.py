"""What stands in for a removed player: a registry of policies over [0, 1] inputs (explain.md §1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

import numpy as np

from sier_gui.core.domain import FloatArray, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.explain.attribution import Floats
from sier_gui.core.seeds import stream


@dataclass(frozen=True, slots=True)
class AbsenceInput:
    """What a policy may look at.

    ``tensor``: float32 (channels, height, width) in [0, 1], before the network normalises it; ``mean``:
    the training set's mean, broadcastable to it; ``parameter``: the number after the colon, if any.
    """

    modality: Modality
    tensor: FloatArray
    mean: FloatArray
    parameter: float | None
    rng: np.random.Generator


GROUP = "sier_gui.absences"  # entry points: installed packages that bring policies
Policy = Callable[[AbsenceInput], FloatArray]


def zeros(given: AbsenceInput) -> FloatArray:
    """Black, and silence (the paper's text)."""
    return np.zeros_like(given.tensor)


def mean(given: AbsenceInput) -> FloatArray:
    """The training set's mean for each colour channel, and for each mel band."""
    return np.broadcast_to(given.mean, given.tensor.shape).astype(np.float32)


def blur(given: AbsenceInput) -> FloatArray:
    """The input itself through a Gaussian of ``parameter`` cells (default 8): colours stay, shapes go."""
    sigma = 8.0 if given.parameter is None else given.parameter
    if sigma <= 0:
        raise SierError(f"A blur of {sigma:g} cells removes nothing.", "Use for example blur:8.")
    radius = min(int(np.ceil(3 * sigma)), min(given.tensor.shape[-2:]) - 1)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    blurred: Floats = given.tensor.astype(np.float64)
    for axis in (-2, -1):
        padding = [(0, 0)] * blurred.ndim
        padding[axis] = (radius, radius)
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(blurred, padding, mode="reflect"), len(kernel), axis=axis
        )
        blurred = windows @ kernel
    return blurred.astype(np.float32)


def noise(given: AbsenceInput) -> FloatArray:
    """Uniform in [0, 1) (``np.random.rand`` of 000's algorithm 1), the same for every coalition."""
    return given.rng.random(given.tensor.shape, np.float32)


POLICIES: dict[str, Policy] = {"zeros": zeros, "mean": mean, "blur": blur, "noise": noise}


def names() -> tuple[str, ...]:
    """Built-in policies, then those of installed packages (entry points ``sier_gui.absences``)."""
    installed = {point.name for point in entry_points(group=GROUP)}
    return (*POLICIES, *sorted(installed - set(POLICIES)))


def parse(absence: str) -> tuple[Policy, float | None]:
    """ "name" or "name:number" → the policy and its parameter.

    Raises
    ------
    SierError : no such policy, or the parameter is no number.
    """
    name, colon, number = absence.partition(":")
    if name not in names():
        raise SierError(f"There is no absence {name!r}.", f"Use {', '.join(names())}.")
    try:
        parameter = float(number) if colon else None
    except ValueError:
        parameter = math.nan
    if parameter is not None and not math.isfinite(parameter):
        raise SierError(f"{number!r} is no number for {name}.", f"Use for example {name}:8.")
    return _policy(name), parameter


def _policy(name: str) -> Policy:
    if name in POLICIES:
        return POLICIES[name]
    (point, *_) = entry_points(group=GROUP, name=name)
    try:
        policy: Policy = point.load()
    except (ImportError, AttributeError) as error:
        raise SierError(
            f"The package that brings absence {name!r} does not load: {error}.", "Install it again."
        ) from error
    return policy


def stand_ins(
    absence: str, tensors: Mapping[Modality, FloatArray], means: Mapping[Modality, FloatArray], seed: int
) -> dict[Modality, FloatArray]:
    """What an input looks like with all its players removed, by modality; shapes as ``tensors``."""
    policy, parameter = parse(absence)
    return {
        m: policy(AbsenceInput(m, tensor, means[m], parameter, stream(seed, f"absence/{m}")))
        for m, tensor in tensors.items()
    }
