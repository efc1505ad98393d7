"""What a release says to one stream: its own answer with the other stream at zeros, whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import make_image, make_speech

from sier_gui.core.construct.pipeline.answers import (
    StreamAnswers,
    check_stream,
    limits_of,
    load_answers,
    tensor,
)
from sier_gui.core.domain import FrontEnd, Modality
from sier_gui.core.errors import SierError
from sier_gui.core.nets.networks import NetworkConfig, build
from sier_gui.core.nets.prediction import Predictor, softmax
from sier_gui.core.nets.releases import Release, choose_release, write_release

CLASSES = ("anger", "happy", "sad")


def small_release(folder: Path, **options: Any) -> Release:
    import torch

    torch.manual_seed(0)
    network = build(NetworkConfig("parallelnet", CLASSES, 1 / 64, options))
    network.module.get_buffer("absence_image").fill_(0.5)
    tables = {
        "release": {"schema": 1, "name": folder.name, "version": "1"},
        "network": NetworkConfig("parallelnet", CLASSES, 1 / 64, options).to_table(),
        "front": {"image_fit": "pad"},
    }
    card = "# A card\n\n## Limits\n\n- It is small.\n- It is untrained.\n\n## More\n\n- Not this.\n"
    return write_release(folder, network, tables, card)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Modality, list[Path]]:
    folder = tmp_path_factory.mktemp("files")
    for i in range(3):
        make_image(folder / f"{i}.png", size=(60, 50), index=i, seed=i)
        make_speech(folder / f"{i}.wav", seconds=0.4, rate=11_025, pitch=150 + 90 * i, seed=i)
    return {
        Modality.IMAGE: [folder / f"{i}.png" for i in range(3)],
        Modality.SPEECH: [folder / f"{i}.wav" for i in range(3)],
    }


@pytest.mark.parametrize(
    "options", [{}, {"cross_at": "before"}, {"streams": ["image"]}, {"streams": ["speech"]}], ids=str
)
@pytest.mark.parametrize("modality", list(Modality))
def test_the_other_stream_is_zeros(
    modality: Modality, options: dict[str, Any], files: dict[Modality, list[Path]], tmp_path: Path
) -> None:
    import torch

    release = small_release(tmp_path / "small", **options)
    predictor = Predictor(release, "cpu")
    if "streams" in options and str(modality) not in options["streams"]:
        with pytest.raises(SierError, match=f"small/1 takes .*, not {modality}"):
            StreamAnswers(predictor, modality)
        return
    answers = StreamAnswers(predictor, modality)
    front = FrontEnd(image_fit="pad")
    given = torch.from_numpy(np.stack([tensor(file, modality, front) for file in files[modality]]))
    inputs = {Modality.IMAGE: torch.zeros(3, 3, 128, 128), Modality.SPEECH: torch.zeros(3, 1, 128, 128)}
    inputs[modality] = given
    with torch.inference_mode():
        logits = predictor.network.forward(inputs[Modality.IMAGE], inputs[Modality.SPEECH])
    found = answers.answer(files[modality])
    np.testing.assert_allclose(found, softmax(logits.double().numpy()), atol=1e-6)
    assert found.dtype == np.float64
    assert answers.classes == CLASSES
    assert (found[0] != found[1]).any()
    assert (answers.answer(files[modality]) == found).all()


def test_one_release_for_both_is_loaded_once(
    monkeypatch: pytest.MonkeyPatch, files: dict[Modality, list[Path]]
) -> None:
    from sier_gui.core.construct.pipeline import answers as module

    made: list[str] = []

    class Counted(Predictor):
        def __init__(self, release: Release, device: str = "auto") -> None:
            made.append(release.label)
            super().__init__(release, device)

    monkeypatch.setattr(module, "Predictor", Counted)
    emodb, demo = choose_release((), name="emodb_fer/2"), choose_release((), name="demo/1")
    found = load_answers(emodb, emodb, "cpu")
    assert made == ["emodb_fer/2"]
    for modality, answers in found.items():
        p = answers.answer(files[modality])
        assert p.shape == (3, 4)
        np.testing.assert_allclose(p.sum(axis=1), 1)
    load_answers(emodb, demo, "cpu")
    assert made == ["emodb_fer/2", "emodb_fer/2", "demo/1"]


def test_numbers_that_are_none_are_refused(tmp_path: Path, files: dict[Modality, list[Path]]) -> None:
    predictor = Predictor(small_release(tmp_path / "small"), "cpu")
    answers = StreamAnswers(predictor, Modality.IMAGE)
    for name, parameter in predictor.network.module.named_parameters():
        if name.endswith("6.bias"):
            parameter.data.fill_(float("nan"))
    with pytest.raises(SierError, match=r"does not answer with numbers to one of 0\.png to 2\.png"):
        answers.answer(files[Modality.IMAGE])


def test_limits_are_those_of_the_card(tmp_path: Path) -> None:
    assert limits_of(small_release(tmp_path / "small")) == ["It is small.", "It is untrained."]
    shipped = choose_release((), name="emodb_fer/2")
    check_stream(shipped, Modality.SPEECH)
    assert len(limits_of(shipped)) >= 3
