"""The network that points: what its answer reads, and how its map is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TINY, VAL, easy_films

from fracture_core.models import MODELS, build_model
from fracture_core.models.evidence import GAIN, PRIOR, STRONGEST, WIDTH, EvidenceMobileNetV2
from fracture_core.preprocessing import build_pipeline
from fracture_core.training import fit, normalise

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def model() -> EvidenceMobileNetV2:
    torch.manual_seed(0)
    return build_model("mobilenetv2_evidence").eval()


def test_the_map_is_an_eighth_of_the_input_and_begins_nearly_dark(model):
    assert MODELS["mobilenetv2_evidence"].points
    with torch.no_grad():
        places = model.evidence(model.forward_features(torch.rand(2, 3, 96, 64)))
    assert places.shape == (2, 1, 12, 8)
    assert float(places.sigmoid().mean()) < 0.1


def test_the_answer_grows_with_the_strongest_places_alone(model):
    """Half the channels of the path carry one place's logit: raising it raises the answer by gain / STRONGEST."""
    features = torch.zeros(1, WIDTH + 128, 8, 8)
    with torch.no_grad():
        model.classifier.weight.zero_()  # what is pooled says nothing
        model.place.weight.fill_(1.0)
        base = model.forward_head(features)
        features[0, 0, 3, 4] = 6.0
        raised = model.forward_head(features)
        features[0, 0] = 0.0
        features[0, 0].view(-1)[: STRONGEST + 8] = 6.0
        full = model.forward_head(features)
    answer = (raised - base)[0]
    assert float(answer[1] - answer[0]) == pytest.approx(GAIN * 6.0 / STRONGEST, abs=1e-5)
    assert float((full - base)[0, 1]) == pytest.approx(GAIN * 6.0, abs=1e-5)  # more places than it reads add nothing
    assert float((base[0, 1] - base[0, 0]).abs()) < 1  # at the prior the places are silent
    assert PRIOR < 0


@pytest.mark.slow
def test_training_lights_the_regions():
    films = easy_films()
    train = np.setdiff1d(np.arange(len(films.labels)), VAL)
    recipe = replace(TINY, model="mobilenetv2_evidence", guidance=1.0, epochs=20, lr=1e-2, size=films.pixels.shape[1])
    result = fit(recipe, films, train=train, val=VAL, accelerator="cpu")
    pixels = torch.from_numpy(films.pixels[VAL])[:, None].float() / 255
    with torch.no_grad():
        images = normalise(pixels, build_pipeline("ours", size=recipe.size))
        chances = result.model.evidence(result.model.forward_features(images)).sigmoid()
    regions = torch.nn.functional.adaptive_avg_pool2d(
        torch.from_numpy(films.regions[VAL])[:, None].float(), chances.shape[-2:]
    )
    inside = float((chances * regions).sum() / regions.sum())
    outside = float((chances * (1 - regions)).sum() / (1 - regions).sum())
    assert inside > 2 * outside
