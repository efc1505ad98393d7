"""Training one network: stages, epochs, early stopping, checkpoints.

Device, precision and accumulation are Lightning Fabric's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, HasStreamLogits, Network
from sier_gui.core.nets.training import checkpoint as checkpoints
from sier_gui.core.nets.training.augment import dropped
from sier_gui.core.nets.training.checkpoint import State
from sier_gui.core.nets.training.config import Stage, TrainingConfig
from sier_gui.core.nets.training.data import Indices, Source
from sier_gui.core.nets.training.losses import balanced_weights, loss_of
from sier_gui.core.tasks import CancelToken, Progress, Report

if TYPE_CHECKING:
    from torch import Tensor, nn, optim

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Task:
    """What one network is to learn. ``train``, ``validation``: indices; ``streams``: those present."""

    source: Source
    labels: Indices
    train: Indices
    validation: Indices
    streams: frozenset[Modality]
    seed: int


class Fit:
    """One training run of ``network``, stopped and resumed at epochs.

    All randomness of an epoch comes from (seed, stage, epoch): a resumed run repeats an uninterrupted one.
    """

    def __init__(self, network: Network, task: Task, config: TrainingConfig, device: str) -> None:
        import torch
        from lightning_fabric import Fabric

        self.network = network
        self.task = task
        self.config = config
        self.fabric = Fabric(accelerator=device, devices=1, precision=config.optimiser.precision)
        self.device = self.fabric.device
        self.weights: Tensor | None = None
        if config.loss.class_weights == "balanced":
            by_class = balanced_weights(task.labels[task.train], len(network.classes))
            self.weights = torch.from_numpy(by_class).to(self.device)
        self.absent = {m: task.source.absent(m) for m in SHAPES}

    def run(self, file: Path, *, report: Report, token: CancelToken) -> list[dict[str, float]]:
        """Train all stages; the network ends with the best weights of the last one.

        ``file`` holds the checkpoint, written after each epoch; where it exists, training goes on from it.
        Returns the history, one entry for each epoch.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            state, parts = checkpoints.load(file) if file.is_file() else (State(), None)
            if parts is not None:
                self.network.module.load_state_dict(parts["model"])
            stages = self._stages()
            while state.stage < len(stages):
                self._run_stage(stages[state.stage], state, parts, file, report, token)
                parts = None
                state.stage, state.epoch = state.stage + 1, 0
                state.best, state.waited, state.scheduler = math.inf, 0, None
                checkpoints.save(file, state, self.network.module, None, None)
        self.network.module.eval()
        return state.history

    def _stages(self) -> list[Stage]:
        """Stages for a stream that is not there are left out."""
        return [
            s for s in self.config.stages if s.stream == "fused" or Modality(s.stream) in self.task.streams
        ]

    def _run_stage(
        self,
        stage: Stage,
        state: State,
        parts: dict[str, dict[str, Tensor]] | None,
        file: Path,
        report: Report,
        token: CancelToken,
    ) -> None:
        from torch.optim.lr_scheduler import ReduceLROnPlateau

        o = self.config.optimiser
        epochs = stage.epochs or o.epochs
        module = self.network.module
        plain = self._optimiser(stage)
        model, optimiser = self.fabric.setup(
            _step_module(self.network, self.task.source, stage.stream), plain
        )
        scheduler = ReduceLROnPlateau(plain, patience=o.plateau, factor=o.plateau_factor)
        best: dict[str, Tensor] | None = None
        if parts is not None and state.epoch:
            checkpoints.restore_optimiser(plain, module, parts["optimiser"])
            best = parts["best"] or None
            scheduler.load_state_dict(state.scheduler or {})
            plain.param_groups[0]["lr"] = state.learning_rate
        while state.epoch < epochs and not (o.early_stopping and state.waited >= o.early_stopping):
            entry = {"stage": state.stage, "epoch": state.epoch, "learning_rate": plain.param_groups[0]["lr"]}
            entry["train_loss"] = self._epoch(model, optimiser, stage, state, token)
            if len(self.task.validation):
                entry |= self._validate(model, stage)
                if o.plateau:
                    scheduler.step(entry["validation_loss"])
                state.waited += 1
                if entry["validation_loss"] < state.best:
                    state.best, state.waited = entry["validation_loss"], 0
                    best = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
            state.history.append(entry)
            state.epoch += 1
            state.scheduler, state.learning_rate = scheduler.state_dict(), plain.param_groups[0]["lr"]
            checkpoints.save(file, state, module, best, plain)
            report(Progress(state.epoch, epochs, _epoch_text(stage, entry)))
        if best is not None:
            module.load_state_dict(best)

    def _optimiser(self, stage: Stage) -> optim.Optimizer:
        """Adam over the stage's parameters; those of other stages do not move."""
        import torch

        o = self.config.optimiser
        chosen = [
            parameter
            for name, parameter in self.network.module.named_parameters()
            if parameter.requires_grad and (not stage.train or name.startswith(stage.train))
        ]
        if not chosen:
            raise SierError(
                f"No parameter starts with {', '.join(stage.train)}.", "Correct train in [[stages]]."
            )
        kind = torch.optim.AdamW if o.name == "adamw" else torch.optim.Adam
        return kind(chosen, lr=stage.learning_rate or o.learning_rate, weight_decay=o.weight_decay)

    def _epoch(self, model: Any, optimiser: Any, stage: Stage, state: State, token: CancelToken) -> float:
        """One pass over the training part; returns the mean loss."""
        import torch

        o = self.config.optimiser
        rng = np.random.default_rng([self.task.seed, 1, state.stage, state.epoch])
        torch.manual_seed(int(rng.integers(2**62)))  # dropout
        model.train()
        order = rng.permutation(self.task.train)
        batches = np.array_split(order, math.ceil(len(order) / o.batch))  # of like size: none of one sample
        total = 0.0
        optimiser.zero_grad()
        for number, index in enumerate(batches, 1):
            token.check()
            last = number % o.accumulate == 0 or number == len(batches)
            with self.fabric.no_backward_sync(model, enabled=not last):
                logits = model(*self._inputs(index, stage, rng))
                loss = loss_of(logits, self._targets(index), self.config.loss, self.weights)
                self.fabric.backward(loss / o.accumulate)
            if last:
                if o.clip:
                    self.fabric.clip_gradients(model, optimiser, max_norm=o.clip, error_if_nonfinite=False)
                optimiser.step()
                optimiser.zero_grad()
            total += float(loss.detach()) * len(index)
        if not math.isfinite(total):
            raise SierError(
                f"The loss is not a number after epoch {state.epoch + 1}.", "Use a lower learning_rate."
            )
        return total / len(order)

    def _validate(self, model: Any, stage: Stage) -> dict[str, float]:
        import torch

        model.eval()
        index = self.task.validation
        with torch.no_grad():
            logits = torch.cat([model(*self._inputs(part, stage, None)).float() for part in _parts(index)])
            loss = float(loss_of(logits, self._targets(index), self.config.loss, self.weights))
        hits = logits.argmax(1).cpu().numpy() == self.task.labels[index]
        recalls = [hits[self.task.labels[index] == c].mean() for c in np.unique(self.task.labels[index])]
        return {"validation_loss": loss, "validation_balanced_accuracy": float(np.mean(recalls))}

    def _inputs(self, index: Indices, stage: Stage, rng: np.random.Generator | None) -> list[Tensor]:
        """The streams of a batch, image first; changed at random where ``rng`` is given."""
        gone = dropped(len(index), self.config.augment, rng) if rng is not None else {}
        streams = self.task.streams if stage.stream == "fused" else frozenset({Modality(stage.stream)})
        single = len(streams) == 1
        batches = []
        for m in SHAPES:
            if m not in streams:
                batch = _expanded(self.absent[m], len(index))
            elif rng is None:
                batch = self.task.source.clean(m, index)
            else:
                batch = self.task.source.training(m, index, rng)
                if not single:  # a network with one stream has nothing to learn from its absence
                    batch[gone[m]] = self.absent[m]
            batches.append(batch.to(self.device))
        return batches

    def _targets(self, index: Indices) -> Tensor:
        import torch

        return torch.from_numpy(self.task.labels[index]).to(self.device)


def probabilities(
    network: Network, source: Source, index: Indices, streams: frozenset[Modality], device: str
) -> NDArray[np.float64]:
    """(n, C) of the unchanged samples ``index``, streams outside ``streams`` absent."""
    import torch

    network.module.to(device).eval()
    found = []
    with torch.inference_mode():
        for part in _parts(index):
            embeddings = {}
            for m in SHAPES:
                batch = source.clean(m, part) if m in streams else _expanded(source.absent(m), len(part))
                embeddings[m] = source.embed(network, m, batch.to(device))
            found.append(network.fuse(embeddings).double().softmax(1).cpu().numpy())
    return np.concatenate(found) if found else np.empty((0, len(network.classes)))


def _step_module(network: Network, source: Source, stream: str) -> nn.Module:
    """The forward pass of a stage as a module, which is what Fabric wraps for devices and precision."""
    from torch import nn

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = network.module

        def forward(self, image: Tensor, speech: Tensor) -> Tensor:
            inputs: Mapping[Modality, Tensor] = {Modality.IMAGE: image, Modality.SPEECH: speech}
            if stream != "fused" and isinstance(network, HasStreamLogits):
                own = Modality(stream)
                return network.stream_logits(own, source.embed(network, own, inputs[own]))
            return network.fuse({m: source.embed(network, m, inputs[m]) for m in SHAPES})

    return Step()


def _parts(index: Indices) -> Sequence[Indices]:
    return [index[start : start + EVALUATION_BATCH] for start in range(0, len(index), EVALUATION_BATCH)]


def _expanded(one: Tensor, count: int) -> Tensor:
    return one.expand(count, *one.shape[1:])


def _epoch_text(stage: Stage, entry: Mapping[str, float]) -> str:
    text = f"{stage.stream} epoch {int(entry['epoch']) + 1}: loss {entry['train_loss']:.3f}"
    if "validation_loss" in entry:
        text += f", validation {entry['validation_loss']:.3f}"
    return text
