"""A small relative of ParallelNet for small datasets: one frozen VGG16 trunk that both streams share.

What it keeps of the papers: a trunk and a dense layer for each stream, F_mul as their product, and the late
fusion O = w₁ O_sp + w₂ O_img + w₃ O_mul (journal version §3.2, equation 2). What differs: the trunk is
VGG16's first three blocks with published weights, it is not trained, and there are no convolution networks,
so nothing is crossed. O_sp and O_img are therefore scores of one stream each, and a network of one stream
(``streams``) is the same without what is not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.inputs import PairNetwork, chosen_streams
from sier_gui.core.nets.networks import SHAPES, NetworkConfig
from sier_gui.core.nets.trunks.base import SIDE
from sier_gui.core.nets.trunks.vgg import VGG16

if TYPE_CHECKING:
    from torch import Tensor, nn

BLOCKS = VGG16[:3]
SETTLING = 100  # training batches that the statistics of the features are taken from
LARGEST = 4.0  # standardised features are clipped here, so that no blank input can run away
LATE = (0.6, 0.3, 0.1)
SPREAD = 1e-2  # added to a feature's variance: channels that hardly ever answer are not blown up


class TransferNet(PairNetwork):
    """Frozen trunk → pooled, standardised features → dense → head, for each stream; late fusion.

    Options
    -------
    image_side : 16, 32, 64 or 128 pixels; pictures are reduced to it before the trunk, whose cost goes with
        their area.
    image_grid : cells per side that the trunk's output on a picture is averaged over.
    speech_bands : bands of mel rows that its output on a log-mel is averaged over; time is averaged wholly,
        so that each moment adds its own share, wherever it lies.
    dense : size of a stream's embedding. dropout : of the features, while training.
    late : shares of O_sp, O_img and O_mul to start from; positive.
    streams : ["image", "speech"], or one of the two alone: then O is that stream's head, and the other one's
        embedding is (B, 1) zeros.
    """

    options: ClassVar[Mapping[str, Any]] = {
        "image_side": 64,
        "image_grid": 3,
        "speech_bands": 16,
        "dense": 64,
        "dropout": 0.5,
        "late": LATE,
        "streams": ("image", "speech"),
    }

    def __init__(self, config: NetworkConfig) -> None:
        import torch
        from torch import nn

        self.classes = config.classes
        self.config = config
        self.streams = chosen_streams(config)
        self.side = _whole(config, "image_side", 16, SIDE)
        if SIDE % self.side:  # else a reduced pixel would stand for no whole number of pixels
            raise SierError(f"image_side = {self.side} does not divide {SIDE}.", "Use 16, 32, 64 or 128.")
        self.cells = {
            Modality.IMAGE: (_whole(config, "image_grid", 1, self.side // 8),) * 2,
            Modality.SPEECH: (_whole(config, "speech_bands", 1, SIDE // 8), 1),
        }
        dense = _whole(config, "dense", 1, 4096)
        dropout = float(config.options["dropout"])
        trunk, channels = _trunk(config.width)
        parts: dict[str, nn.Module] = {"trunk": trunk}
        own = {m: channels * rows * columns for m, (rows, columns) in self.cells.items() if m in self.streams}
        for m, size in own.items():
            # only its running statistics are used, see _settle
            parts[f"{m}_statistics"] = nn.BatchNorm1d(size, eps=SPREAD, momentum=None, affine=False)
            parts[f"{m}_dense"] = nn.Sequential(nn.Dropout(dropout), _silent(nn.Linear(size, dense)))
            parts[f"{m}_head"] = nn.Linear(dense, len(self.classes))
        if len(own) > 1:
            parts["product_head"] = nn.Linear(dense, len(self.classes))
        self.module = nn.ModuleDict(parts)
        if len(own) > 1:
            self.module.register_parameter("late_weights", nn.Parameter(_log_shares(config)))
        elif tuple(config.options["late"]) != LATE:
            raise SierError(
                f"A transfer network of {self.streams[0]} alone has nothing to fuse.", "Leave out late."
            )
        for m, size in own.items():
            self.module.register_buffer(f"references_{m}", torch.zeros(2, size))
        self._register_inputs()
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def load_pretrained(self, sources: Mapping[str, str]) -> None:
        """``{"trunk": "vgg16"}``, or a file or address of VGG16's weights (see `weights`).

        Raises
        ------
        SierError : another part than ``trunk``, a width other than 1, or weights that do not fit.
        """
        from torch import nn

        from sier_gui.core.nets.weights import copy_trunk

        if set(sources) != {"trunk"}:
            raise SierError(
                f"[init] of a transfer network names {', '.join(sources)}.", 'Write trunk = "vgg16".'
            )
        trunk = self.module.get_submodule("trunk")
        assert isinstance(trunk, nn.Sequential)
        copy_trunk(sources["trunk"], "vgg16", trunk)

    def features(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) in [0, 1] → (B, channels · rows · columns): the trunk's output, averaged.

        (B, 1) zeros for a stream that the network does not look at.
        """
        (column,), (part,) = self.columns(modality), self.prefix(modality, batch)
        return self._pooled(modality, column(part))

    def prefix(self, modality: Modality, batch: Tensor) -> Sequence[Tensor]:
        """(B, 3|1, 128, 128) → the trunk's first two blocks, (B, channels, side / 4, side / 4).

        They see little of the input, so explanations look them up (`core.explain.prefix`).
        """
        import torch
        from torch.nn.functional import interpolate

        if modality not in self.streams:
            return [batch.new_zeros(len(batch), 1, 1, 1)]
        if modality is Modality.IMAGE and self.side < SIDE:
            batch = interpolate(batch, (self.side, self.side), mode="area")
        # a log-mel is shown to the trunk as a grey picture
        first, _ = self._cut()
        return [first(self._standardised(batch).contiguous(memory_format=torch.channels_last))]

    def columns(self, modality: Modality) -> Sequence[nn.Sequential]:
        """The trunk's third block: (B, channels, side / 8, side / 8)."""
        from torch import nn

        return [self._cut()[1] if modality in self.streams else nn.Sequential()]

    def join(self, modality: Modality, outputs: Sequence[Tensor]) -> Tensor:
        """What `columns` gave → (B, dense)."""
        return self.embed_features(modality, self._pooled(modality, outputs[0]))

    def prefix_window(self, modality: Modality) -> tuple[int, int, int]:
        """Size, stride and start of the window that an output of `prefix` sees along an axis.

        As ParallelNet's, in cells of the reduced picture, each of which stands for several.
        """
        if modality not in self.streams:
            return 1, SIDE, 0
        cell = SIDE // self.side if modality is Modality.IMAGE else 1
        return 16 * cell, 4 * cell, -6 * cell

    def _cut(self) -> tuple[nn.Sequential, nn.Sequential]:
        """The trunk, cut after its second max-pool."""
        from torch import nn

        trunk = self.module.get_submodule("trunk")
        assert isinstance(trunk, nn.Sequential)
        after = [i + 1 for i, layer in enumerate(trunk) if isinstance(layer, nn.MaxPool2d)][1]
        layers = list(trunk)
        return nn.Sequential(*layers[:after]), nn.Sequential(*layers[after:])

    def _pooled(self, modality: Modality, x: Tensor) -> Tensor:
        """The trunk's output (B, channels, h, w), averaged over cells and flattened."""
        from torch.nn.functional import adaptive_avg_pool2d

        if modality not in self.streams:
            return x.flatten(1)
        return adaptive_avg_pool2d(x, self.cells[modality]).flatten(1)

    def embed_features(self, modality: Modality, features: Tensor) -> Tensor:
        """(B, channels · rows · columns) → (B, dense)."""
        if modality not in self.streams:
            return features
        dense: Tensor = self.module.get_submodule(f"{modality}_dense")(self._prepared(modality, features))
        return dense

    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, dense)."""
        return self.embed_features(modality, self.features(modality, batch))

    def stream_logits(self, modality: Modality, embedding: Tensor) -> Tensor:
        """(B, dense) → (B, C): O_sp or O_img."""
        logits: Tensor = self.module.get_submodule(f"{modality}_head")(embedding)
        return logits

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, dense) per modality → logits (B, C)."""
        if len(self.streams) == 1:
            return self.stream_logits(self.streams[0], embeddings[self.streams[0]])
        image, speech = embeddings[Modality.IMAGE], embeddings[Modality.SPEECH]
        w = self.module.get_parameter("late_weights").softmax(0)
        return (
            w[0] * self.stream_logits(Modality.SPEECH, speech)
            + w[1] * self.stream_logits(Modality.IMAGE, image)
            + w[2] * self.module.get_submodule("product_head")(image * speech)
        )

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, dense) per modality → (B, 3·dense): speech, image, product; of one stream (B, dense)."""
        import torch

        if len(self.streams) == 1:
            return embeddings[self.streams[0]]
        image, speech = embeddings[Modality.IMAGE], embeddings[Modality.SPEECH]
        return torch.cat([speech, image, image * speech], dim=1)

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """(K, dense), (L, dense) → logits (K, L, C): `fuse` of all pairs; the product's head is linear."""
        if len(self.streams) == 1:
            logits = self.fuse({Modality.IMAGE: images, Modality.SPEECH: speech})
            along = logits[:, None] if self.streams[0] is Modality.IMAGE else logits[None]
            return along.expand(len(images), len(speech), -1)
        w = self.module.get_parameter("late_weights").softmax(0)
        head = self.module.get_submodule("product_head")
        weight, bias = head.get_parameter("weight"), head.get_parameter("bias")
        fused = (images[:, None] * weight) @ speech.T  # (K, C, L)
        alone = w[0] * self.stream_logits(Modality.SPEECH, speech) + w[2] * bias
        own = w[1] * self.stream_logits(Modality.IMAGE, images)
        return w[2] * fused.mT + alone + own[:, None]

    def _prepared(self, modality: Modality, features: Tensor) -> Tensor:
        """Standardised by the first `SETTLING` training batches, without what an absent stream would answer.

        Batch-norm would go on following the batches: streams made absent in a later stage, or by whoever
        explains, would move the features of those that are there.

        In each cell the directions from the mean feature to the two references (zeros, and the training set's
        mean) are projected out. So an absent stream gives the embedding 0 and the heads' biases decide; and
        as cells are averages, absent parts shrink a stream's embedding rather than turn it.
        """
        import torch

        statistics = self.module.get_submodule(f"{modality}_statistics")
        if statistics.training and int(statistics.get_buffer("num_batches_tracked")) < SETTLING:
            self._settle(modality, statistics, features.detach())
        mean, variance = statistics.get_buffer("running_mean"), statistics.get_buffer("running_var")
        scale = (variance + SPREAD).rsqrt()
        rows, columns = self.cells[modality]

        def by_cell(x: Tensor) -> Tensor:
            """(n, channels · cells) → (cells, n, channels)."""
            return ((x - mean) * scale).reshape(len(x), -1, rows * columns).permute(2, 0, 1)

        z = by_cell(features)
        basis, triangle = torch.linalg.qr(by_cell(self.module.get_buffer(f"references_{modality}")).mT)
        # equal references, or none as long as nothing is trained, span fewer directions
        basis = basis * (triangle.diagonal(dim1=1, dim2=2).abs() > SPREAD)[:, None, :]
        z = z - (z @ basis) @ basis.mT
        return z.permute(1, 2, 0).flatten(1).clamp(-LARGEST, LARGEST)

    def _settle(self, modality: Modality, statistics: nn.Module, features: Tensor) -> None:
        """Take a training batch into the statistics; before the first one, see what the references answer."""
        import torch

        if not int(statistics.get_buffer("num_batches_tracked")):
            mean = self.absence_mean[modality].expand(SHAPES[modality])
            references = self.features(modality, torch.stack([torch.zeros_like(mean), mean]))
            self.module.get_buffer(f"references_{modality}").copy_(references)
        statistics(features)


def _trunk(width: float) -> tuple[nn.Module, int]:
    """VGG16's blocks 1 to 3, frozen, and the number of its output channels."""
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for block in BLOCKS:
        for size in block:
            scaled = max(1, round(size * width))
            convolution = nn.Conv2d(channels, scaled, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = scaled
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers).requires_grad_(False), channels


def _silent(layer: nn.Linear) -> nn.Linear:
    """Start from zero: a few hundred samples would leave most of the random weights as they were."""
    from torch import nn

    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _whole(config: NetworkConfig, key: str, lowest: int, highest: int) -> int:
    value = config.options[key]
    if type(value) is not int or not lowest <= value <= highest:
        raise SierError(
            f"{key} = {value!r} of a transfer network is not a whole number from {lowest} to {highest}.",
            "Correct [network].",
        )
    return value


def _log_shares(config: NetworkConfig) -> Tensor:
    """Logits whose softmax is ``late``."""
    import torch

    late = config.options["late"]
    numbers = isinstance(late, list | tuple) and all(isinstance(v, int | float) for v in late)
    if not numbers or len(late) != 3 or not all(0 < v < math.inf for v in late):
        raise SierError(
            f"late = {late!r} of a transfer network is not three positive shares.", "Correct [network]."
        )
    return torch.tensor(late, dtype=torch.float32).log()
