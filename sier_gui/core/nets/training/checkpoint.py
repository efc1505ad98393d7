"""Where a training stands after an epoch: one safetensors file, numbers as JSON in its header, no pickle.

Everything random in an epoch is drawn from (seed, stage, epoch), so their numbers are the whole state of the
sampler and of the generators.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sier_gui.core.errors import SierError
from sier_gui.core.nets.release_files import read_tensors
from sier_gui.core.paths import atomic_file

if TYPE_CHECKING:
    from torch import Tensor, nn, optim


@dataclass
class State:
    """``stage`` and ``epoch``: the next to run; ``best``: lowest validation loss, ``waited`` epochs ago.

    ``schedule`` and ``scaler``: states of the learning rate's schedule and of mixed precision's loss scale.
    """

    stage: int = 0
    epoch: int = 0
    best: float = float("inf")
    waited: int = 0
    schedule: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    learning_rate: float = 0.0
    stopped: bool = False  # by the user, before its end
    history: list[dict[str, Any]] = field(default_factory=list)


def save(
    file: Path,
    state: State,
    module: nn.Module,
    best: dict[str, Tensor] | None,
    optimiser: optim.Optimizer | None,
) -> None:
    """Write everything the next epoch needs, in one atomic step."""
    tensors = {f"model/{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in (best or {}).items()}
    if optimiser is not None:
        for name, parameter in module.named_parameters():
            for key, value in optimiser.state.get(parameter, {}).items():
                if value is not None:  # SGD without momentum
                    tensors[f"optimiser/{name}/{key}"] = value
    _write(file, tensors, {"state": json.dumps(vars(state))})


def _write(file: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Streamed: serialised in memory a wide network's state would be there twice."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_file(file) as temporary:
        try:
            save_file(plain, temporary, metadata)
        except SafetensorError as error:
            raise SierError(
                f"Cannot write {file}: {error}.", "Make space; the last finished epoch is kept."
            ) from error


def load(file: Path) -> tuple[State, dict[str, dict[str, Tensor]]]:
    """The state, and the tensors by part: "model", "best", "optimiser" (``parameter/key``).

    Raises
    ------
    SierError : the file is damaged.
    """
    from safetensors import safe_open

    tensors = read_tensors(file)
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata() or {}
    try:
        state = State(**json.loads(metadata["state"]))
    except (KeyError, ValueError, TypeError) as error:
        raise SierError(f"{file} is no checkpoint: {error!r}.", "Delete it and train again.") from error
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = tensor
    return state, parts


def restore_optimiser(optimiser: optim.Optimizer, module: nn.Module, saved: dict[str, Tensor]) -> None:
    """Put moments and step counts back beside their parameters."""
    import torch

    for name, parameter in module.named_parameters():
        own = {
            key.rpartition("/")[2]: value for key, value in saved.items() if key.rpartition("/")[0] == name
        }
        if own:
            optimiser.state[parameter] = {
                # moments lie in memory as their parameter does, the step count stays a number on the CPU
                key: torch.empty_like(parameter, dtype=value.dtype).copy_(value) if value.ndim else value
                for key, value in own.items()
            }
