"""Networks that answer together answer the mean of what each would."""

from __future__ import annotations

import pytest
import torch

from fracture_core.models import MODELS, build_model, count_parameters

NAME = "mobilenetv2_evidence_pair"


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return build_model(NAME).eval()


def test_the_answer_and_the_map_are_the_members_means(pair):
    films = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        features = pair.forward_features(films)
        apart = [member.forward_features(films) for member in pair.members]
        logits = torch.stack([member(films) for member in pair.members]).mean(0)
        places = torch.stack([m.evidence(f) for m, f in zip(pair.members, apart, strict=True)]).mean(0)
        assert torch.equal(features, torch.cat(apart, dim=1))
        assert torch.allclose(pair(films), logits, atol=1e-6)
        assert torch.allclose(pair.evidence(features), places, atol=1e-6)
    assert places.shape == (2, 1, 8, 12)


def test_its_members_differ_and_it_counts_both(pair):
    first, second = pair.members
    assert not torch.equal(first.place.weight, second.place.weight)
    assert MODELS[NAME].points
    assert count_parameters(pair) == MODELS[NAME].parameters == 2 * MODELS["mobilenetv2_evidence"].parameters


def test_the_answer_can_be_explained_from_the_features(pair):
    features = pair.forward_features(torch.randn(1, 3, 64, 64)).detach().requires_grad_(True)
    pair.forward_head(features)[0, 1].backward()
    halves = features.grad.chunk(2, dim=1)
    assert all(half.abs().sum() > 0 for half in halves)
