"""What is made small, checked by hand and against torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from tiny import SIDE, TINY, VAL, easy_films, fit_tiny
from torch import nn

from fracture_core.errors import UnknownName
from fracture_core.preprocessing import build_pipeline
from fracture_core.training import FitResult, evidence_losses, film_losses, guidance_losses, normalise
from fracture_core.training.losses import QUIET, total_weight

pytestmark = pytest.mark.usefixtures("one_thread")

LOGITS = torch.tensor([[2.0, -1.0], [0.3, 0.1], [-1.5, 1.0], [0.0, 3.0]])
LABELS = torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_torchs(smoothing):
    recipe = replace(TINY, fracture_weight=2.5, label_smoothing=smoothing)
    mean = film_losses(LOGITS, LABELS, recipe).sum() / total_weight(LABELS.numpy(), recipe)
    weight = torch.tensor([1.0, 2.5])
    expected = functional.cross_entropy(LOGITS, LABELS, weight=weight, label_smoothing=smoothing)
    torch.testing.assert_close(mean, expected)


def test_focal_loss_by_hand():
    recipe = replace(TINY, loss="focal", focal_gamma=2.0, fracture_weight=1.0)
    p = torch.softmax(LOGITS, dim=1)[torch.arange(4), LABELS]
    torch.testing.assert_close(film_losses(LOGITS, LABELS, recipe), -((1 - p) ** 2) * p.log())


def test_focal_loss_without_focus_is_cross_entropy():
    recipe = replace(TINY, fracture_weight=1.7, label_smoothing=0.0)
    focal = film_losses(LOGITS, LABELS, replace(recipe, loss="focal", focal_gamma=0.0))
    torch.testing.assert_close(focal, film_losses(LOGITS, LABELS, recipe))


def test_an_unknown_loss_is_told():
    with pytest.raises(UnknownName, match="Unknown loss 'other'"):
        film_losses(LOGITS, LABELS, replace(TINY, loss="other"))


def test_guidance_by_hand():
    """Two places with map values 0 and log 3: three quarters of the weight lie on the second."""
    features = torch.tensor([[[[0.0, 1.0]]]])
    classifier = nn.Linear(1, 2)
    with torch.no_grad():
        classifier.weight.copy_(torch.tensor([[0.0], [np.log(3.0)]]))
    right = torch.tensor([[[[0.0, 1.0]]]])
    assert float(guidance_losses(features, classifier, right)[0].detach()) == pytest.approx(-np.log(0.75), abs=1e-6)
    assert float(guidance_losses(features, classifier, right.flip(-1))[0].detach()) == pytest.approx(
        -np.log(0.25), abs=1e-6
    )
    assert float(guidance_losses(features, classifier, torch.zeros_like(right))[0].detach()) == 0


def test_films_without_regions_say_nothing_to_the_guidance():
    classifier = nn.Linear(1, 2)
    features = torch.tensor([[[[0.3, 1.0]]], [[[2.0, -1.0]]]], requires_grad=True)
    regions = torch.tensor([[[[0.0, 1.0]]], [[[0.0, 0.0]]]])
    alone, _ = guidance_losses(features[:1], classifier, regions[:1])
    loss, count = guidance_losses(features, classifier, regions)
    assert int(count) == 1
    assert float(loss.detach()) == pytest.approx(float(alone.detach()), abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, features)
    assert gradient[0].abs().sum() > 0
    assert torch.equal(gradient[1], torch.zeros_like(gradient[1]))

    loss, count = guidance_losses(features, classifier, torch.zeros_like(regions))
    (gradient,) = torch.autograd.grad(loss, features)
    assert (float(loss.detach()), int(count)) == (0, 0)
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_guidance_draws_the_map_into_the_regions(tiny):
    films = easy_films()

    def share_inside(result: FitResult) -> float:
        pixels = torch.from_numpy(films.pixels[VAL])[:, None].float() / 255
        regions = torch.from_numpy(films.regions[VAL])[:, None].float()
        with torch.no_grad():
            features = result.model.forward_features(normalise(pixels, build_pipeline("ours", size=SIDE)))
            loss, count = guidance_losses(features, result.model.get_classifier(), regions)
            return float(torch.exp(-loss / count))

    assert share_inside(fit_tiny(replace(TINY, guidance=1.0))) > share_inside(fit_tiny())


FRACTURED, WHOLE = torch.tensor([1]), torch.tensor([0])


def test_evidence_by_hand():
    """Four places with logits 0 and log 3, one of them in the region; regions are twice as fine."""
    places = torch.tensor([[[[0.0, np.log(3.0)], [0.0, 0.0]]]], dtype=torch.float32)
    regions = torch.zeros(1, 1, 4, 4)
    regions[..., :2, 2:] = 1
    loss, count = evidence_losses(places, regions, FRACTURED)
    entropy = 3 * np.log(2) - np.log(0.75)
    dice = 1 - (2 * 0.75 + 1) / (3 * 0.5 + 0.75 + 1 + 1)
    assert (float(loss), count) == (pytest.approx(entropy / (1 + QUIET) + dice, abs=1e-6), 1)
    loss, count = evidence_losses(places, torch.zeros_like(regions), WHOLE)
    assert (float(loss), count) == (pytest.approx((3 * np.log(2) - np.log(0.25)) / QUIET, abs=1e-6), 1)


def test_a_fractured_film_without_outlines_says_nothing_of_any_place():
    places = torch.randn(2, 1, 4, 4, requires_grad=True)
    loss, count = evidence_losses(places, torch.zeros(2, 1, 8, 8), torch.tensor([1, 0]))
    loss.backward()
    assert count == 1
    assert not places.grad[0].any()
    assert places.grad[1].all()
    loss, count = evidence_losses(places, torch.zeros(2, 1, 8, 8), torch.tensor([1, 1]))
    assert (float(loss.detach()), count) == (0, 0)


def test_evidence_is_summed_over_films_so_that_parts_of_a_batch_add_up():
    torch.manual_seed(0)
    places, labels = torch.randn(6, 1, 4, 4), torch.tensor([0, 1, 1, 0, 1, 0])
    regions = (torch.rand(6, 1, 8, 8) > 0.8).float() * labels.view(-1, 1, 1, 1)
    whole, count = evidence_losses(places, regions, labels)
    parts = [evidence_losses(places[rows], regions[rows], labels[rows]) for rows in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(whole, sum(part for part, _ in parts))
    assert count == sum(number for _, number in parts) == 6
