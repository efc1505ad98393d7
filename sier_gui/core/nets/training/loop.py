"""Training one network: stages, epochs, early stopping, checkpoints.

Devices, precision and accumulation are Lightning Fabric's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import SHAPES, HasStreamLogits, Network
from sier_gui.core.nets.training import checkpoint as checkpoints
from sier_gui.core.nets.training.augment import dropped
from sier_gui.core.nets.training.checkpoint import State
from sier_gui.core.nets.training.config import Stage, TrainingConfig
from sier_gui.core.nets.training.data import Indices, Source
from sier_gui.core.nets.training.devices import Team, make_fabric
from sier_gui.core.nets.training.evaluation import (
    ALL,
    epoch_figures,
    probabilities,
    softmax,
    split,
    view_logits,
    views_of,
)
from sier_gui.core.nets.training.history import Board, EpochProgress, epoch_line, write_history
from sier_gui.core.nets.training.losses import balanced_weights, loss_of, losses_of
from sier_gui.core.nets.training.signals import Stopped, never
from sier_gui.core.nets.training.steps import Schedule, make_optimiser, only_stage, sampled, stepped
from sier_gui.core.tasks import CancelToken, Report

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor, nn

__all__ = ["Fit", "Stopped", "Task", "probabilities"]

Parts = dict[str, dict[str, "Tensor"]]


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

    Parameters
    ----------
    device : "cpu" or "cuda"; ``fabric`` instead where several processes share the work.
    stop : asked between steps; True ends the training, which keeps the best it has.
    board : folder for TensorBoard's logs.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        config: TrainingConfig,
        device: str = "cpu",
        *,
        fabric: Fabric | None = None,
        name: str = "",
        stop: Callable[[], bool] = never,
        board: Path | None = None,
    ) -> None:
        self.network = network
        self.task = task
        self.config = config
        self.fabric = fabric or make_fabric(config, device)
        self.team = Team(self.fabric)
        self.device = self.fabric.device
        self.name = name
        self._stop = stop
        self._board = board if self.team.first else None
        classes = len(network.classes)
        balanced = config.loss.class_weights == "balanced"
        self.class_weights = (
            balanced_weights(task.labels[task.train], classes) if balanced else np.ones(classes, np.float32)
        )
        self.absent = {m: task.source.absent(m) for m in SHAPES}

    def run(self, file: Path, *, report: Report, token: CancelToken) -> State:
        """Train all stages; the network ends with the best weights of the last one.

        ``file`` holds the checkpoint, written after each epoch, with the history beside it; where it exists,
        training goes on from it. Returns where it ended, with one entry of history for each epoch.

        Raises
        ------
        Stopped : stopped before there was anything to keep.
        Cancelled : ``token`` was cancelled.
        SierError : the loss diverges.
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            state, parts = checkpoints.load(file) if file.is_file() else (State(), None)
            if parts is not None:
                self.network.module.load_state_dict(parts["model"])
                self._write_history(file, state)
            stages = self._stages()
            with closing(Board(self._board, len(state.history))) as board:
                try:
                    while state.stage < len(stages):
                        self._run_stage(stages[state.stage], state, parts, file, board, report, token)
                        parts = None
                        state.stage, state.epoch = state.stage + 1, 0
                        state.best, state.waited, state.schedule = math.inf, 0, {}
                        self._save(file, state, None, None)
                except Stopped:
                    state = self._keep_best(file, len(stages))
        self.network.module.eval()
        return state

    def _keep_best(self, file: Path, stages: int) -> State:
        """As the last checkpoint has it: an unfinished epoch is forgotten."""
        if not file.is_file():
            raise Stopped
        state, parts = checkpoints.load(file)
        self.network.module.load_state_dict(parts["best"] or parts["model"])
        self.team.wait()  # until all have read it
        state.stage, state.stopped = stages, True
        self._save(file, state, None, None)
        return state

    def _stages(self) -> list[Stage]:
        """Stages for a stream that is not there are left out."""
        return [
            s for s in self.config.stages if s.stream == "fused" or Modality(s.stream) in self.task.streams
        ]

    def _run_stage(
        self,
        stage: Stage,
        state: State,
        parts: Parts | None,
        file: Path,
        board: Board,
        report: Report,
        token: CancelToken,
    ) -> None:
        o = self.config.optimiser
        epochs = stage.epochs or o.epochs
        module = self.network.module
        with only_stage(module, stage):
            plain = make_optimiser(module, stage, o)
            step = _step_module(self.network, self.task.source, stage.stream)
            model, optimiser = self.fabric.setup(step, plain)
            schedule = Schedule(plain, o, epochs)
            best: dict[str, Tensor] | None = None
            if parts is not None and state.epoch:
                checkpoints.restore_optimiser(plain, module, parts["optimiser"])
                best = parts["best"] or None
                schedule.restore(state.schedule, state.learning_rate)
                self.team.restore_scaler(state.scaler)
            while state.epoch < epochs and not (o.early_stopping and state.waited >= o.early_stopping):
                entry: dict[str, Any] = {"stage": state.stage, "stream": stage.stream, "epoch": state.epoch}
                entry["learning_rate"] = schedule.rate
                entry |= self._epoch(model, optimiser, stage, state, token)
                if len(self.task.validation):
                    entry |= self._validate(stage)
                    state.waited += 1
                    if entry["validation_loss"] < state.best:
                        state.best, state.waited = entry["validation_loss"], 0
                        best = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
                schedule.step(state.epoch, entry.get("validation_loss"))
                state.history.append(entry)
                state.epoch += 1
                state.schedule, state.learning_rate = schedule.state(), schedule.rate
                state.scaler = self.team.scaler()
                self._save(file, state, best, plain)
                board.add(len(state.history) - 1, entry)
                if self.team.first:
                    text = epoch_line(self.name, entry)
                    report(EpochProgress(state.epoch, epochs, text, self.name, entry))
        if best is not None:
            module.load_state_dict(best)

    def _epoch(
        self, model: Any, optimiser: Any, stage: Stage, state: State, token: CancelToken
    ) -> dict[str, float]:
        """One pass over the training part; its mean loss, and how long it took."""
        import torch

        o, team, started = self.config.optimiser, self.team, time.perf_counter()
        rng = np.random.default_rng([self.task.seed, 1, state.stage, state.epoch])
        torch.manual_seed(int(rng.integers(2**62)) + team.rank)  # dropout
        order = sampled(self.task.labels, self.task.train, self.config.loss.sampling, rng)
        changes = team.own_generator(rng, self.task.seed, state.stage, state.epoch)
        model.train()
        total = torch.zeros((), device=self.device)
        weight = 0.0
        optimiser.zero_grad()
        for number, step in enumerate(stepped(order, o, team.size)):
            team.obey(number, token, self._stop)
            whole = float(sum(self.class_weights[self.task.labels[batch]].sum() for batch in step))
            for batch in step:
                own = batch[team.rank :: team.size]
                with self.fabric.no_backward_sync(model, enabled=batch is not step[-1]):
                    logits = model(*self._inputs(own, stage, changes))
                    loss = self._weighted(logits, own) / whole
                    # devices average their gradients, where the parts of a batch are to add up
                    self.fabric.backward(loss * team.size)
                total += loss.detach() * whole
            weight += whole
            if o.clip:
                self.fabric.clip_gradients(model, optimiser, max_norm=o.clip, error_if_nonfinite=False)
            optimiser.step()
            optimiser.zero_grad()
        mean = team.sum(total) / weight
        if not math.isfinite(mean):
            raise SierError(
                f"The loss is not a number after epoch {state.epoch + 1}.", "Use a lower learning_rate."
            )
        seconds = time.perf_counter() - started
        return {"train_loss": mean, "seconds": seconds, "samples_per_second": len(order) / seconds}

    def _weighted(self, logits: Tensor, index: Indices) -> Tensor:
        """Sum of the samples' losses, each times its class's weight."""
        import torch

        targets = self._targets(index)
        each = losses_of(logits.float(), targets, self.config.loss)
        return (each * torch.from_numpy(self.class_weights).to(self.device)[targets]).sum()

    def _validate(self, stage: Stage) -> dict[str, float]:
        """Loss and figures of the validation part; of each stream alone too, where the stage trains both."""
        import torch

        team, index = self.team, self.task.validation
        team.share_buffers(self.network.module)
        own = team.share_of(index)
        if stage.stream == "fused":
            views = views_of(self.task.streams)
            answers = view_logits(
                self.network, self.task.source, own, views, self.device, self.fabric.autocast()
            )
        else:
            answers = {ALL: self._stream_logits(stage, own)}
        gathered = {view: team.gathered(logits, len(index)) for view, logits in answers.items()}
        weights = torch.from_numpy(self.class_weights).to(self.device)
        loss = loss_of(gathered[ALL], self._targets(index), self.config.loss, weights)
        shares = {view: softmax(logits) for view, logits in gathered.items()}
        figures = epoch_figures(self.task.labels[index], shares, len(self.network.classes))
        return {"validation_loss": float(loss), **figures}

    def _stream_logits(self, stage: Stage, index: Indices) -> Tensor:
        """(n, C) of one stream's own classifier; without one, of the network with that stream alone."""
        import torch

        modality, source = Modality(stage.stream), self.task.source
        if not isinstance(self.network, HasStreamLogits):
            views = {ALL: frozenset({modality})}
            return view_logits(self.network, source, index, views, self.device, self.fabric.autocast())[ALL]
        self.network.module.eval()
        found = []
        with torch.no_grad(), self.fabric.autocast():
            for part in split(index):
                batch = source.clean(modality, part).to(self.device)
                embedding = source.embed(self.network, modality, batch)
                found.append(self.network.stream_logits(modality, embedding).float())
        return torch.cat(found)

    def _inputs(self, index: Indices, stage: Stage, rng: np.random.Generator) -> list[Tensor]:
        """The streams of a training batch, image first, changed at random."""
        gone = dropped(len(index), self.config.augment, rng)
        streams = self.task.streams if stage.stream == "fused" else frozenset({Modality(stage.stream)})
        batches = []
        for m in SHAPES:
            if m not in streams:
                batch = self.absent[m].expand(len(index), *self.absent[m].shape[1:])
            else:
                batch = self.task.source.training(m, index, rng)
                if len(streams) > 1:  # a network with one stream has nothing to learn from its absence
                    batch[gone[m]] = self.absent[m].to(batch.device)
            batches.append(batch.to(self.device))
        return batches

    def _targets(self, index: Indices) -> Tensor:
        import torch

        return torch.from_numpy(self.task.labels[index]).to(self.device)

    def _save(self, file: Path, state: State, best: dict[str, Tensor] | None, optimiser: Any) -> None:
        if self.team.first:
            checkpoints.save(file, state, self.network.module, best, optimiser)
            self._write_history(file, state)
        self.team.wait()

    def _write_history(self, file: Path, state: State) -> None:
        if self.team.first:
            write_history(file.parent, state.history)


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
