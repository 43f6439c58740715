"""Folded networks answer as they did."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fracture_core.models import MODELS, build_model
from fracture_core.models.folding import fold_batch_norm


def _trained(name: str) -> nn.Module:
    """A network whose batch norms have something to say."""
    torch.manual_seed(3)
    model = build_model(name).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
    return model


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("resnet152", "efficientnet_b6")])
def test_every_architecture_answers_the_same(name: str) -> None:
    model = _trained(name).double()  # in float32 a deep network's rounding would hide a small mistake
    size = MODELS[name].native_size if MODELS[name].fixed_size else 64
    films = torch.randn(2, 3, size, size, dtype=torch.float64)
    with torch.inference_mode():
        features, logits = model.forward_features(films), model(films)
        folded = fold_batch_norm(model)
        assert torch.allclose(folded.forward_features(films), features, rtol=1e-6, atol=1e-6 * float(features.std()))
        assert torch.allclose(folded(films), logits, rtol=1e-6)


def test_the_mobile_networks_keep_no_batch_norm() -> None:
    for name in ("mobilenetv2_100", "mobilenetv2_evidence", "resnet50"):
        folded = fold_batch_norm(build_model(name).eval())
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(AssertionError, match="evaluation mode"):
        fold_batch_norm(build_model("resnet18").train())
