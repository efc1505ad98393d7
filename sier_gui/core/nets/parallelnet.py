"""ParallelNet and its family: two networks for each modality, criss-crossed, three heads.

Journal version §3.2 and §4.4.2, with the choices the papers leave open as options. `family` names the
configurations that the papers compare; docs/adr/0004-family.md says how their words were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.fusing import HEADS, Fusing, HybridFusing, OneStream, head
from sier_gui.core.nets.inputs import PairNetwork, chosen_streams
from sier_gui.core.nets.networks import SHAPES, NetworkConfig
from sier_gui.core.nets.trunks import TRUNKS, VGG
from sier_gui.core.nets.trunks.base import Trunk, scaled
from sier_gui.core.nets.trunks.vgg import plain

if TYPE_CHECKING:
    from torch import Tensor, nn

CONV = ((64, 64), (128, 128), (256, 256))  # channels of the convolution network, by block
DENSE = 512  # width of the embeddings
HEAD = 1024
AFTER_TRUNK = 5  # layers of a column behind its trunk: batch-norm, flatten, dropout, dense, ReLU
# a log-mel in [0, 1] lies around .5 ± .25
MEL_MEAN, MEL_STD = 0.5, 0.25

OPTIONS: Mapping[str, Any] = {
    "speech_trunk": "vgg16",
    "image_trunk": "vgg19",
    "streams": ("image", "speech"),
    "cross_at": "after",
    "fusion": "crisscross",
    "fusion_op": "product",
    "dropout": 0.0,
}


class Family:
    """What all networks of the kind are built of; ``config.width`` scales every channel and dense size.

    With trunk and conv the two networks of a modality (the papers' N1 and N2, whose names they swap).

    Options
    -------
    speech_trunk, image_trunk : a name of `trunks.TRUNKS`.
    streams : ["image", "speech"], or one of the two alone, then without fusion: its head on trunk + conv.
    cross_at : where the modalities' networks meet: "after" the trunks, "before" them, or "both".
    fusion : "crisscross": F_i = trunk_i + conv_s, F_s = trunk_s + conv_i; "printed": equation 1 as it stands,
        F_s = trunk_s + trunk_i (conv_i is then unused).
    fusion_op : F_mul = F_i ⊙ F_s ("product") or F_i + F_s ("sum").
    dropout : before the dense layers, while training.

    O = w₁ O_sp + w₂ O_img + w₃ O_mul, w = softmax of three learned scalars (equation 2).
    """

    options = OPTIONS

    def __call__(self, config: NetworkConfig) -> FamilyNetwork:
        """The network of ``config``: separable where it can be, with a prefix where its columns are VGG's.

        Raises
        ------
        SierError : an option has a value that it cannot have, or not beside another one.
        """
        streams = chosen_streams(config)
        for modality in SHAPES:
            _choice(config, f"{modality}_trunk", tuple(TRUNKS))
        cross_at = _choice(config, "cross_at", ("after", "before", "both"))
        fusion = _choice(config, "fusion", ("crisscross", "printed"))
        _choice(config, "fusion_op", ("product", "sum"))
        if len(streams) == 1 and any(config.options[key] != OPTIONS[key] for key in _FOR_TWO):
            raise SierError(
                f"A ParallelNet of {streams[0]} alone has nothing to fuse.",
                f"Leave out {', '.join(_FOR_TWO)}.",
            )
        if cross_at == "before" and fusion == "printed":
            raise SierError(
                'fusion = "printed" adds networks after the trunks, cross_at = "before" does not.',
                'Use cross_at = "after" or "both".',
            )
        if cross_at != "after":
            return EarlyCrossed(config, streams)
        plain_columns = all(config.options[f"{modality}_trunk"] in VGG for modality in streams)
        return PlainParallelNet(config, streams) if plain_columns else ParallelNet(config, streams)


PARALLELNET = Family()
_FOR_TWO = ("cross_at", "fusion", "fusion_op")


class FamilyNetwork(PairNetwork):
    """The parts: ``<modality>_trunk``, ``<modality>_conv`` and heads, named as `fusing` reads them."""

    parts: ClassVar[Sequence[str]] = ("trunk", "conv")

    def __init__(self, config: NetworkConfig, streams: Sequence[Modality]) -> None:
        import torch
        from torch import nn

        self.classes, self.config, self.streams = config.classes, config, tuple(streams)
        self.dense = scaled(DENSE, config.width)
        self._dropout = _dropout(config)
        own = [m for m in (Modality.SPEECH, Modality.IMAGE) if m in streams]
        modules = {f"{m}_{part}": self._part(m, part) for part in self.parts for m in own}
        heads = HEADS if len(streams) > 1 else [f"head_{streams[0]}"]
        for name in heads:
            modules[name] = head(self.dense, scaled(HEAD, config.width), len(self.classes), self._dropout)
        self.module = nn.ModuleDict(modules)
        if len(streams) > 1:
            self.module.register_parameter("late_weights", nn.Parameter(torch.zeros(3)))
        self._register_inputs()
        _initialise(self.module)
        with torch.no_grad():  # start near equal probabilities: the product's scale would make a loud guess
            for name in heads:
                self.module.get_parameter(f"{name}.6.weight").mul_(0.1)
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._fusing = self._made_fusing()

    def _part(self, modality: Modality, part: str) -> nn.Module:
        from torch import nn

        channels, _, _ = SHAPES[modality]
        if part == "conv":
            return self._column(plain(CONV, self.config.width, channels))
        if part == "cross":
            return nn.Conv2d(scaled(CONV[0][-1], self.config.width), 3, 1)
        column = self._column(TRUNKS[self.config.options[f"{modality}_trunk"]](self.config.width))
        return column if channels == 3 else nn.Sequential(nn.Conv2d(channels, 3, 1), column)

    def _column(self, trunk: Trunk) -> nn.Module:
        """The trunk, batch-norm, flatten, dense with ReLU: → (B, dense)."""
        from torch import nn

        return nn.Sequential(
            *trunk.layers,
            nn.BatchNorm2d(trunk.channels),
            nn.Flatten(),
            nn.Dropout(self._dropout),
            nn.Linear(trunk.channels * trunk.side**2, self.dense),
            nn.ReLU(),
        )

    def _made_fusing(self) -> Fusing:
        if len(self.streams) == 1:
            return OneStream(self.module, self.dense, self.streams[0])
        by_product = self.config.options["fusion_op"] == "product"
        return HybridFusing(self.module, self.dense, self._crossing(), product=by_product)

    def _crossing(self) -> str:
        return str(self.config.options["fusion"])

    def load_pretrained(self, sources: Mapping[str, str]) -> None:
        """``{"speech_trunk": "vgg16", "image_trunk": "vgg19"}``, either or both; see `weights`.

        Raises
        ------
        SierError : a part that is no trunk of this network, or weights that do not fit (they need
            ``width = 1``).
        """
        from torch import nn

        from sier_gui.core.nets.weights import copy_trunk

        trunks = [f"{modality}_trunk" for modality in self.streams]
        for part, source in sources.items():
            if part not in trunks:
                raise SierError(
                    f"[init] of ParallelNet names {part}.",
                    f"Its parts that can start from published weights: {' and '.join(trunks)}.",
                )
            column = self.module.get_submodule(part)
            layers = column if part == "image_trunk" else column.get_submodule("1")
            own = nn.Sequential(*list(layers.children())[:-AFTER_TRUNK])
            copy_trunk(source, str(self.config.options[part]), own)

    def _prepared(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) in [0, 1] → the same, standardised."""
        import torch

        x = self._standardised(batch) if modality is Modality.IMAGE else (batch - MEL_MEAN) / MEL_STD
        return x.contiguous(memory_format=torch.channels_last)


class ParallelNet(FamilyNetwork):
    """Modalities that meet after their trunks, if at all: coalitions can be factorised."""

    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, 2·dense): outputs of the trunk, then of the convolution network.

        (B, 1) zeros for a modality that the network does not look at.
        """
        import torch

        if modality not in self.streams:
            return batch.new_zeros(len(batch), 1)
        x = self._prepared(modality, batch)
        return torch.cat([self.module.get_submodule(f"{modality}_{part}")(x) for part in self.parts], dim=1)

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → logits (B, C)."""
        return self._fusing.fuse(embeddings)

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, D) per modality → (B, 3·dense): F_s, F_i, F_mul; of one stream alone F, (B, dense)."""
        return self._fusing.fused(embeddings)

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """(K, D), (L, D) → logits (K, L, C): `fuse` of all pairs."""
        return self._fusing.fuse_grid(images, speech)


class PlainParallelNet(ParallelNet):
    """With VGG trunks: all columns begin alike, and see little of the input (`core.explain.prefix`)."""

    def prefix(self, modality: Modality, batch: Tensor) -> Sequence[Tensor]:
        """(B, 3|1, 128, 128) → first two blocks of trunk and convolution network, (B, channels, 32, 32) each.

        One constant cell for a modality that the network does not look at.
        """
        if modality not in self.streams:
            return [batch.new_zeros(len(batch), 1, 1, 1)]
        x = self._prepared(modality, batch)
        return [first(x) for first, _ in self._cut(modality)]

    def columns(self, modality: Modality) -> Sequence[nn.Sequential]:
        """Trunk and convolution network from their third block on: (B, dense) each."""
        from torch import nn

        if modality not in self.streams:
            return [nn.Sequential()]
        return [rest for _, rest in self._cut(modality)]

    def join(self, modality: Modality, outputs: Sequence[Tensor]) -> Tensor:
        """What `columns` gave → (B, D)."""
        import torch

        return torch.cat([output.flatten(1) for output in outputs], dim=1)

    def prefix_window(self, modality: Modality) -> tuple[int, int, int]:
        """Size, stride and start of the window that an output of `prefix` sees along an axis.

        Two 3×3 convolutions and a pool see 6 cells every 2, from −2; two more and a pool 16 every 4, from −6.
        """
        return (16, 4, -6) if modality in self.streams else (1, SHAPES[modality][1], 0)

    def _cut(self, modality: Modality) -> Sequence[tuple[nn.Sequential, nn.Sequential]]:
        """Trunk and convolution network, cut after their second max-pool."""
        trunk, conv = (
            list(self.module.get_submodule(f"{modality}_{part}").children()) for part in self.parts
        )
        if modality is Modality.SPEECH:  # its 1×1 convolution, then the column
            trunk = [trunk[0], *trunk[1].children()]
        return [_split(layers, _pools(layers)[1] + 1) for layers in (trunk, conv)]


class EarlyCrossed(FamilyNetwork):
    """Modalities that meet before their trunks (`cross_at` "before" or "both": Baselines 2 and 1).

    The convolution network is divided before its first pool, where its maps are as large as the input. Its
    first part, brought to three channels by a 1×1 convolution, is added to what the *other* modality's trunk
    sees; its second part goes on from there. After the trunks F_i and F_s are formed as ever ("both"), or of
    each modality's own two networks ("before").
    """

    parts = ("trunk", "conv", "cross")
    separable = False

    def _crossing(self) -> str:
        return super()._crossing() if self.config.options["cross_at"] == "both" else "own"

    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, D): the input itself, flattened; nothing comes from one modality alone."""
        return batch.flatten(1)

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """The whole network, on flattened inputs: → logits (B, C)."""
        return self._fusing.fuse(self._columns(embeddings))

    def fused(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """Flattened inputs → (B, 3·dense): F_s, F_i, F_mul."""
        return self._fusing.fused(self._columns(embeddings))

    def _columns(self, embeddings: Mapping[Modality, Tensor]) -> Mapping[Modality, Tensor]:
        """Flattened inputs → each modality's trunk and convolution network, crossed: (B, 2·dense)."""
        import torch

        part = self.module.get_submodule
        seen, carried, conv = {}, {}, {}  # by a modality's trunk; from its first part; by its second part
        for m, flat in embeddings.items():
            x = self._prepared(m, flat.unflatten(1, SHAPES[m]))
            layers = list(part(f"{m}_conv").children())
            first, second = _split(layers, _pools(layers)[0])
            maps = first(x)
            seen[m] = part(f"{m}_trunk.0")(x) if m is Modality.SPEECH else x
            carried[m], conv[m] = part(f"{m}_cross")(maps), second(maps)
        seen[Modality.IMAGE] = seen[Modality.IMAGE] + carried[Modality.SPEECH]
        seen[Modality.SPEECH] = seen[Modality.SPEECH] + carried[Modality.IMAGE]
        columns = {Modality.IMAGE: part("image_trunk"), Modality.SPEECH: part("speech_trunk.1")}
        return {m: torch.cat([columns[m](seen[m]), conv[m]], dim=1) for m in seen}


def _pools(layers: Sequence[nn.Module]) -> list[int]:
    from torch import nn

    return [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]


def _split(layers: Sequence[nn.Module], place: int) -> tuple[nn.Sequential, nn.Sequential]:
    from torch import nn

    return nn.Sequential(*layers[:place]), nn.Sequential(*layers[place:])


def _choice(config: NetworkConfig, key: str, allowed: Sequence[str]) -> str:
    value = config.options[key]
    if value not in allowed:
        raise SierError(f"{key} = {value!r} is not an option of ParallelNet.", f"Use {' or '.join(allowed)}.")
    return str(value)


def _dropout(config: NetworkConfig) -> float:
    value = config.options["dropout"]
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise SierError(f"dropout = {value!r} of ParallelNet is not a share in [0, 1).", "Correct [network].")
    return float(value)


def _initialise(module: nn.Module) -> None:
    """He's initialisation (arXiv:1502.01852 §2.2): the deep trunks have no batch-norm inside."""
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
