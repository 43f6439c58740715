"""timm's ImageNet weights: which belong to which model, fetched once, and clear words without a network."""

from __future__ import annotations

import pytest
import timm
import torch
from safetensors.torch import load_file

from fracture_core.errors import UnknownName, WeightsError
from fracture_core.models import MODELS, build_model, load_pretrained
from fracture_core.models.imagenet import imagenet_file

NAMED = {name: spec.imagenet for name, spec in MODELS.items() if spec.imagenet}


@pytest.fixture
def hub(monkeypatch):
    """timm's hub, with random weights in place of the published ones: how often each name was asked for."""
    asked: list[str] = []
    real = timm.create_model

    def create(name: str, *, pretrained: bool = False, **options: object) -> torch.nn.Module:
        if pretrained:
            asked.append(name)
        return real(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", create)
    return asked


@pytest.mark.parametrize("name", list(NAMED))
def test_timm_publishes_the_weights_that_are_named(name):
    assert NAMED[name] in timm.list_pretrained(NAMED[name].partition(".")[0] + ".*")


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b6", "seresnet50", "densenet121", "vgg16"])
def test_they_fit_the_model(name):
    with torch.device("meta"):  # shapes and names alone: nothing is drawn
        theirs = timm.create_model(NAMED[name].partition(".")[0], pretrained=False).state_dict()
    state = {key: torch.zeros(tensor.shape) for key, tensor in theirs.items()}
    report = load_pretrained(build_model(name), state)
    assert report.loaded == report.total
    assert report.missing == report.misshapen == ()


def test_they_are_fetched_once_and_kept_whole(hub, tmp_path):
    path = imagenet_file("resnet18", folder=tmp_path / "new")
    assert imagenet_file("resnet18", folder=tmp_path / "new") == path
    assert hub == ["resnet18.tv_in1k"]
    assert [file.name for file in path.parent.iterdir()] == ["resnet18.tv_in1k.safetensors"]
    assert load_file(path)["fc.weight"].shape == (1000, 512)


@pytest.mark.parametrize(
    "trouble", [FileNotFoundError("no hub"), ConnectionError("refused"), RuntimeError("cut off")]
)
def test_without_a_network_the_way_out_is_named(monkeypatch, tmp_path, trouble):
    def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(WeightsError, match=r"resnet34\.tv_in1k.*cannot be fetched.*--pretrained FILE"):
        imagenet_file("resnet34", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_models_without_such_weights_say_so(tmp_path):
    with pytest.raises(WeightsError, match="no ImageNet weights for U-Net as a classifier"):
        imagenet_file("unet_classifier", folder=tmp_path)
    with pytest.raises(UnknownName, match="resnet9"):
        imagenet_file("resnet9", folder=tmp_path)


def test_a_folder_that_cannot_be_written_is_named(hub, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot be written"):
        imagenet_file("resnet18", folder=tmp_path / "file" / "below")
