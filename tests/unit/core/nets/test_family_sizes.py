"""The family has the sizes that §3.2 and its trunks give; wrong options are explained."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import torch
from family_networks import small

from sier_gui.core.errors import SierError
from sier_gui.core.explain.cost import counted
from sier_gui.core.explain.prefix import HasPrefix
from sier_gui.core.nets.family import FAMILY, member_config
from sier_gui.core.nets.networks import NetworkConfig, build, parameter_count

PAGE = Path(__file__).resolve().parents[4] / "docs" / "networks.md"
# convolutions, channels and cells of the map: `test_family_trunks` derives the first
TRUNKS = {
    "vgg16": (14_714_688, 512, 16), "vgg19": (20_024_384, 512, 16),
    "resnet34": (21_284_672, 512, 16), "resnet50": (23_508_032, 2048, 16),
    "resnet101": (42_500_160, 2048, 16),
    "inception3a": (288_112, 256, 256), "inception4a": (1_053_024, 512, 64),
    "mobilenet": (3_206_976, 1024, 16), "densenet121": (6_953_856, 1024, 16),
    "efficientnet_b0": (4_007_548, 1280, 16),
}  # fmt: skip


# ---------------------------------------------------------------- sizes


def expected_size(options, classes=4):
    """From §3.2: trunks with batch-norm and dense 512, convolution networks, heads, three scalars."""
    given = {"speech_trunk": "vgg16", "image_trunk": "vgg19", "streams": ["image", "speech"], **options}
    early = options.get("cross_at") in ("before", "both")
    head = 512 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * classes + classes
    total = 0
    for m in given["streams"]:
        weights, channels, cells = TRUNKS[given[f"{m}_trunk"]]
        total += weights + 2 * channels + channels * cells * 512 + 512
        total += {"speech": 34_699_712 + 6, "image": 34_700_864}[m]  # with speech's 1×1 convolution
        total += 64 * 3 + 3 if early else 0
    return total + (3 * head + 3 if len(given["streams"]) == 2 else head)


@cache
def measured(name):
    """Parameters, multiply-adds of one pair, separable, has a prefix; at full width."""
    with torch.device("meta"):  # counts need no memory
        network = build(member_config(name, ("anger", "happy", "hate", "sad")))
        network.module.eval()
        pair = torch.empty(1, 3, 128, 128), torch.empty(1, 1, 128, 128)
        _, cost = counted(network.module, lambda: network.forward(*pair))
    return parameter_count(network), cost.macs, network.separable, isinstance(network, HasPrefix)


@pytest.mark.parametrize("name", FAMILY)
def test_full_width_has_the_expected_number_of_parameters(name):
    assert measured(name)[0] == expected_size(FAMILY[name].options)


def test_parallelnet_and_its_halves_have_the_known_figures():
    """Trunk, convolution network and head of each modality; multiply-adds as VGG's tables give them."""
    assert measured("speech-only")[0] == 18_910_534 + 34_699_712 + 1_579_012
    assert measured("image-only")[0] == 24_220_224 + 34_700_864 + 1_579_012
    parameters, macs, *_ = measured("parallelnet")
    assert parameters == 117_268_373
    assert round(macs / 1e9, 2) == 16.33


def test_the_page_lists_every_member_with_its_keys_and_figures():
    text = PAGE.read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text[text.index("| name | in the papers") :].splitlines()[2:]
        if line.startswith("|")
    ]
    assert [row[0] for row in rows] == list(FAMILY)
    for name, title, keys, *figures in rows:
        assert title == FAMILY[name].title
        assert tomllib.loads("\n".join(re.findall("`(.+?)`", keys))) == FAMILY[name].options
        parameters, macs, separable, prefix = measured(name)
        yes = {True: "yes", False: "no"}
        assert figures == [f"{parameters:,}", f"{macs / 1e9:.2f}", yes[separable], yes[prefix]]


@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_page_names_every_trunk(trunk):
    assert f"`{trunk}`" in PAGE.read_text(encoding="utf-8")


# ---------------------------------------------------------------- configs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speech_trunk": "vgg11"}, "speech_trunk = 'vgg11' is not an option"),
        ({"image_trunk": ["vgg16"]}, "image_trunk = .* is not an option"),
        ({"streams": []}, r"streams = \[\] is not an option"),
        ({"streams": ["image", "image"]}, "streams = .* is not an option"),
        ({"streams": ["video"]}, "streams = .* is not an option"),
        ({"streams": "image"}, "streams = 'image' is not an option"),
        ({"streams": 1}, "streams = 1 is not an option"),
        ({"cross_at": "during"}, "cross_at = 'during' is not an option"),
        ({"cross_at": "before", "fusion": "printed"}, "adds networks after the trunks"),
        ({"streams": ["speech"], "cross_at": "both"}, "of speech alone has nothing to fuse"),
        ({"streams": ["image"], "fusion_op": "sum"}, "of image alone has nothing to fuse"),
        ({"dropout": 1.5}, "dropout = 1.5"),
        ({"dropout": "much"}, "dropout = 'much'"),
        ({"trunk": "vgg16"}, "no option trunk"),
    ],
)
def test_a_wrong_option_is_explained(options, message):
    with pytest.raises(SierError, match=message) as caught:
        build(NetworkConfig("parallelnet", ("a", "b", "c"), 1 / 64, options))
    assert caught.value.hint


def test_there_is_one_error_for_an_unknown_member():
    with pytest.raises(SierError, match="no network 'baseline-4'") as caught:
        member_config("baseline-4", "abc")
    assert "baseline-3" in caught.value.hint


def test_only_trunks_that_are_there_start_from_published_weights():
    with pytest.raises(SierError, match="names image_trunk") as caught:
        small("speech-only").load_pretrained({"image_trunk": "vgg19"})
    assert "speech_trunk" in caught.value.hint
