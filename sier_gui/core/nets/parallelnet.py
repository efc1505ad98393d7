"""ParallelNet: two networks for each modality, criss-cross fusion, three heads.

Journal version §3.2, with the choices the papers leave open as options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sier_gui.core.domain import Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import NetworkConfig
from sier_gui.core.nets.rows import product

if TYPE_CHECKING:
    from torch import Tensor, nn

# channels by block; a max-pool follows each block
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG19 = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
CONV = ((64, 64), (128, 128), (256, 256))
SIDE = 128
_PARTS = ("trunk", "conv")
DENSE = 512  # width of the embeddings
HEAD = 1024

# the statistics VGG's weights were made with; pictures are RGB in [0, 1]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# a log-mel in [0, 1] lies around .5 ± .25
MEL_MEAN, MEL_STD = 0.5, 0.25


class ParallelNet:
    """The network of the papers; ``config.width`` scales every convolution channel and dense size.

    With trunk and conv the two networks of a modality (the papers' N1 and N2, whose names they swap):

    - ``fusion = "crisscross"``: F_i = trunk_i + conv_s, F_s = trunk_s + conv_i;
      ``"printed"``: equation 1 as it stands, F_s = trunk_s + trunk_i (conv_i is then unused).
    - F_mul = F_i ⊙ F_s (``fusion_op = "product"``) or F_i + F_s (``"sum"``).
    - O = w₁ O_sp + w₂ O_img + w₃ O_mul, w = softmax of three learned scalars (equation 2).
    """

    options: ClassVar[Mapping[str, Any]] = {"fusion": "crisscross", "fusion_op": "product", "dropout": 0.0}
    separable = True

    def __init__(self, config: NetworkConfig) -> None:
        import torch
        from torch import nn

        self.classes = config.classes
        self.config = config
        self.fusion = _choice(config, "fusion", ("crisscross", "printed"))
        self.fusion_op = _choice(config, "fusion_op", ("product", "sum"))
        dropout = float(config.options["dropout"])
        self.dense = _scaled(DENSE, config.width)
        head = _scaled(HEAD, config.width)

        def make_head() -> nn.Module:
            return nn.Sequential(
                nn.Linear(self.dense, head),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(head, head),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(head, len(self.classes)),
            )

        self.module = nn.ModuleDict(
            {
                "speech_trunk": nn.Sequential(
                    nn.Conv2d(1, 3, 1), _column(3, VGG16, config.width, self.dense, dropout)
                ),
                "image_trunk": _column(3, VGG19, config.width, self.dense, dropout),
                "speech_conv": _column(1, CONV, config.width, self.dense, dropout),
                "image_conv": _column(3, CONV, config.width, self.dense, dropout),
                "head_speech": make_head(),
                "head_image": make_head(),
                "head_product": make_head(),
            }
        )
        self.module.register_parameter("late_weights", nn.Parameter(torch.zeros(3)))
        self.module.register_buffer("absence_image", torch.zeros(3, 1, 1))
        self.module.register_buffer("absence_speech", torch.zeros(1, SIDE, 1))
        for name, values in (("image_mean", IMAGENET_MEAN), ("image_std", IMAGENET_STD)):
            self.module.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        _initialise(self.module)
        with torch.no_grad():  # start near equal probabilities: the product's scale would make a loud guess
            for name in ("head_speech", "head_image", "head_product"):
                self.module.get_parameter(f"{name}.6.weight").mul_(0.1)
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def absence_mean(self) -> Mapping[Modality, Tensor]:
        return {
            Modality.IMAGE: self.module.get_buffer("absence_image"),
            Modality.SPEECH: self.module.get_buffer("absence_speech"),
        }

    def load_pretrained(self, sources: Mapping[str, str]) -> None:
        """``{"speech_trunk": "vgg16", "image_trunk": "vgg19"}``, either or both; see `weights`.

        Raises
        ------
        SierError : another part, or weights that do not fit (they need ``width = 1``).
        """
        from sier_gui.core.nets.weights import copy_convolutions

        for part, source in sources.items():
            if part not in ("speech_trunk", "image_trunk"):
                raise SierError(
                    f"[init] of ParallelNet names {part}.", "Its parts are speech_trunk and image_trunk."
                )
            copy_convolutions(source, self.module.get_submodule(part))

    def embed(self, modality: Modality, batch: Tensor) -> Tensor:
        """(B, 3|1, 128, 128) → (B, 2·dense): outputs of the trunk, then of the convolution network."""
        parts = zip(self.columns(modality), self.prefix(modality, batch), strict=True)
        return self.join(modality, [column(part) for column, part in parts])

    def prefix(self, modality: Modality, batch: Tensor) -> Sequence[Tensor]:
        """(B, 3|1, 128, 128) → first two blocks of trunk and convolution network, (B, channels, 32, 32) each.

        They see little of the input, so explanations look them up (`core.explain.prefix`).
        """
        import torch

        if modality is Modality.IMAGE:
            x = (batch - self.module.get_buffer("image_mean")) / self.module.get_buffer("image_std")
        else:
            x = (batch - MEL_MEAN) / MEL_STD
        x = x.contiguous(memory_format=torch.channels_last)
        return [first(x) for first, _ in self._columns(modality)]

    def columns(self, modality: Modality) -> Sequence[nn.Sequential]:
        """Trunk and convolution network from their third block on: (B, dense) each."""
        return [rest for _, rest in self._columns(modality)]

    def join(self, modality: Modality, outputs: Sequence[Tensor]) -> Tensor:
        """What `columns` gave → (B, 2·dense)."""
        import torch

        return torch.cat(list(outputs), dim=1)

    def prefix_window(self, modality: Modality) -> tuple[int, int, int]:
        """Size, stride and start of the window that an output of `prefix` sees along an axis.

        Two 3×3 convolutions and a pool see 6 cells every 2, from −2; two more and a pool 16 every 4, from −6.
        """
        return 16, 4, -6

    def _columns(self, modality: Modality) -> Sequence[tuple[nn.Sequential, nn.Sequential]]:
        """Trunk and convolution network, cut after their second max-pool."""
        from torch import nn

        trunk, conv = (list(self.module.get_submodule(f"{modality}_{part}").children()) for part in _PARTS)
        if modality is Modality.SPEECH:  # its 1×1 convolution, then the column
            trunk = [trunk[0], *trunk[1].children()]
        cut = []
        for layers in (trunk, conv):
            after = [i + 1 for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)][1]
            cut.append((nn.Sequential(*layers[:after]), nn.Sequential(*layers[after:])))
        return cut

    def fuse(self, embeddings: Mapping[Modality, Tensor]) -> Tensor:
        """(B, 2·dense) per modality → logits (B, C)."""
        trunk_i, conv_i = embeddings[Modality.IMAGE].split(self.dense, dim=1)
        trunk_s, conv_s = embeddings[Modality.SPEECH].split(self.dense, dim=1)
        f_image = trunk_i + conv_s
        f_speech = trunk_s + (conv_i if self.fusion == "crisscross" else trunk_i)
        f_product = f_image * f_speech if self.fusion_op == "product" else f_image + f_speech
        w = self.module.get_parameter("late_weights").softmax(0)
        part = self.module.get_submodule
        return (
            w[0] * part("head_speech")(f_speech)
            + w[1] * part("head_image")(f_image)
            + w[2] * part("head_product")(f_product)
        )

    def fuse_grid(self, images: Tensor, speech: Tensor) -> Tensor:
        """(K, 2·dense), (L, 2·dense) → logits (K, L, C): `fuse` of all pairs.

        F_i and F_s are sums of an image's and an utterance's share, so a head's first layer on them is the
        sum of its products with the shares, K + L products in place of K·L.
        """
        trunk_i, conv_i = images.split(self.dense, dim=1)
        trunk_s, conv_s = speech.split(self.dense, dim=1)
        own = conv_i if self.fusion == "crisscross" else trunk_i
        w = self.module.get_parameter("late_weights").softmax(0)
        logits = w[0] * self._head_of_sums("head_speech", own, trunk_s)
        logits += w[1] * self._head_of_sums("head_image", trunk_i, conv_s)
        if self.fusion_op == "sum":
            return logits + w[2] * self._head_of_sums("head_product", trunk_i + own, trunk_s + conv_s)
        f_product = (trunk_i[:, None] + conv_s) * (own[:, None] + trunk_s)
        weight, bias = self._dense("head_product.0")
        hidden = product(f_product.flatten(0, 1), weight, bias)
        return logits + w[2] * self._after_first("head_product", hidden).view_as(logits)

    def _head_of_sums(self, name: str, images: Tensor, speech: Tensor) -> Tensor:
        """A head on the sums of all pairs: (K, dense), (L, dense) → (K, L, C)."""
        weight, bias = self._dense(f"{name}.0")
        hidden = product(images, weight, None)[:, None] + product(speech, weight, bias)
        return self._after_first(name, hidden.flatten(0, 1)).view(len(images), len(speech), -1)

    def _after_first(self, name: str, hidden: Tensor) -> Tensor:
        """(n, head) before the first ReLU → (n, C)."""
        from torch.nn.functional import linear

        hidden = product(hidden.relu_(), *self._dense(f"{name}.3"))
        return linear(hidden.relu_(), *self._dense(f"{name}.6"))

    def _dense(self, name: str) -> tuple[Tensor, Tensor]:
        """Weight and bias."""
        return self.module.get_parameter(f"{name}.weight"), self.module.get_parameter(f"{name}.bias")

    def forward(self, images: Tensor, log_mels: Tensor) -> Tensor:
        return self.fuse(
            {
                Modality.IMAGE: self.embed(Modality.IMAGE, images),
                Modality.SPEECH: self.embed(Modality.SPEECH, log_mels),
            }
        )


def _choice(config: NetworkConfig, key: str, allowed: Sequence[str]) -> str:
    value = config.options[key]
    if value not in allowed:
        raise SierError(f"{key} = {value!r} is not an option of ParallelNet.", f"Use {' or '.join(allowed)}.")
    return str(value)


def _scaled(size: int, width: float) -> int:
    return max(1, round(size * width))


def _column(
    channels: int, blocks: Sequence[Sequence[int]], width: float, dense: int, dropout: float
) -> nn.Module:
    """3×3 convolutions with ReLU, a max-pool after each block, batch-norm, flatten, dense with ReLU."""
    from torch import nn

    layers: list[nn.Module] = []
    side = SIDE
    for block in blocks:
        for size in block:
            layers += [nn.Conv2d(channels, _scaled(size, width), 3, padding=1), nn.ReLU(inplace=True)]
            channels = _scaled(size, width)
        layers.append(nn.MaxPool2d(2))
        side //= 2
    layers += [nn.BatchNorm2d(channels), nn.Flatten(), nn.Dropout(dropout)]
    layers += [nn.Linear(channels * side * side, dense), nn.ReLU()]
    return nn.Sequential(*layers)


def _initialise(module: nn.Module) -> None:
    """He's initialisation (arXiv:1502.01852 §2.2): the deep trunks have no batch-norm inside."""
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
