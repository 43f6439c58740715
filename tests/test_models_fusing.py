"""Networks whose activations are fused answer as they did, and explain as they did."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from timm.layers import Conv2dSame
from torch import nn

from fracture_core.models import MODELS, build_model
from fracture_core.models.folding import fold_batch_norm
from fracture_core.models.fusing import Fused, fuse_activations

pytestmark = pytest.mark.usefixtures("one_thread")


def _pair(name: str) -> tuple[nn.Module, nn.Module]:
    """A folded network, and the same one fused."""
    torch.manual_seed(3)
    model = build_model(name).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    folded = fold_batch_norm(model).requires_grad_(False).to(memory_format=torch.channels_last)
    return folded, fuse_activations(copy.deepcopy(folded))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("resnet152", "efficientnet_b6")])
def test_every_architecture_answers_the_same(name: str) -> None:
    folded, fused = _pair(name)
    size = MODELS[name].native_size if MODELS[name].fixed_size else 64
    assert any(isinstance(layer, Fused) for layer in fused.modules())
    for films, side in ((1, size), (2, size if MODELS[name].fixed_size else 96)):  # laid out once, for all
        inputs = torch.randn(films, 3, side, side).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            features, expected = fused.forward_features(inputs), folded.forward_features(inputs)
            assert torch.allclose(features, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
            assert torch.allclose(fused(inputs), folded(inputs), rtol=1e-3, atol=1e-3)


def test_an_activation_is_run_once_and_only_where_it_follows() -> None:
    _, fused = _pair("mobilenetv2_evidence")
    block = fused.blocks[1][0]
    assert isinstance(block.conv_pw.activation, nn.ReLU6)
    assert isinstance(block.bn1, nn.Identity)
    assert isinstance(block.conv_pwl.activation, nn.Identity)  # a linear bottleneck
    _, residual = _pair("resnet50")
    last = residual.layer1[0]
    assert isinstance(last.conv3.activation, nn.Identity)  # the sum comes before the activation
    assert isinstance(last.act3, nn.ReLU)


@given(
    height=st.integers(5, 24),
    width=st.integers(5, 24),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    depthwise=st.booleans(),
)
def test_tensorflow_s_padding_is_kept_without_a_copy(
    height: int, width: int, kernel: int, stride: int, depthwise: bool
) -> None:
    torch.manual_seed(height)
    layer = Conv2dSame(4, 4, kernel, stride, groups=4 if depthwise else 1).requires_grad_(False)
    fused = Fused(layer, nn.ReLU())
    with torch.inference_mode():
        for size in ((height, width), (height + 1, width)):  # one layer may meet both kinds
            film = torch.randn(1, 4, *size).contiguous(memory_format=torch.channels_last)
            assert torch.allclose(fused(film), torch.relu(layer(film)), atol=1e-5)


def test_gradients_pass_as_before() -> None:
    folded, fused = _pair("resnet18")
    inputs = torch.randn(1, 3, 64, 64)
    gradients = []
    for model in (folded, fused):
        own = inputs.clone().requires_grad_()
        model(own)[0, 1].backward()
        gradients.append(own.grad)
    assert torch.equal(*gradients)


def test_without_the_operation_a_network_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    _, left = _pair("resnet18")
    assert not any(isinstance(layer, Fused) for layer in left.modules())


def test_autocast_takes_the_plain_way() -> None:
    folded, fused = _pair("resnet18")
    inputs = torch.randn(1, 3, 64, 64)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert fused.conv1(inputs).dtype == torch.bfloat16
        assert torch.equal(fused(inputs), folded(inputs))


def test_double_precision_takes_the_plain_way() -> None:
    folded, fused = _pair("resnet18")
    inputs = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.equal(fused.double()(inputs), folded.double()(inputs))
