"""What training makes small. Every loss is summed over films and divided by a weight that all processes agree on."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from fracture_core.errors import UnknownName
from fracture_core.recipes.base import Recipe

LOSSES = ("cross_entropy", "focal")
QUIET = 32.0  # places; ours
"""How many places a film without a region is taken to be about in ``evidence_losses``."""


def film_losses(logits: Tensor, labels: Tensor, recipe: Recipe) -> Tensor:
    """The classification loss of each film, weighted by its class: (N,), float32 or finer.

    "cross_entropy" may smooth its targets; "focal" is -(1 - p)^γ log p of the true class (Lin et al.,
    ICCV 2017, eq. 4).

    Raises:
        UnknownName: the recipe's loss is not one of ``LOSSES``.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))  # half precision is too coarse for a sum
    weight = torch.ones(2, device=logits.device, dtype=logits.dtype)
    weight[1] = recipe.fracture_weight  # filled in on the device: a copy from the CPU would wait for it
    if recipe.loss == "cross_entropy":
        return functional.cross_entropy(
            logits, labels, weight=weight, label_smoothing=recipe.label_smoothing, reduction="none"
        )
    if recipe.loss == "focal":
        log_p = functional.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
        return -weight[labels] * (1 - log_p.exp()) ** recipe.focal_gamma * log_p
    raise UnknownName("loss", recipe.loss, LOSSES)


def total_weight(labels: Tensor, recipe: Recipe) -> float:
    """What the summed ``film_losses`` of a batch are divided by: its films, weighted by class."""
    fractured = int(labels.sum())
    return len(labels) - fractured + fractured * recipe.fracture_weight


def guidance_losses(features: Tensor, classifier: nn.Linear, regions: Tensor) -> tuple[Tensor, Tensor]:
    """How little of the class-activation map's weight lies in the experts' regions: the sum over marked films.

    The map of a network that ends in average pooling and one linear layer is that layer applied at every place
    (Zhou et al., CVPR 2016, eq. 2). Its softmax over the places says where the answer would be read off; the loss is
    minus the logarithm of the share inside the regions. It leaves the size of the answer to the classification loss.

    Args:
        features: float (N, C, h, w), last feature map.
        regions: float (N, 1, R, R), 1 inside the experts' regions; films without any are passed over.

    Returns:
        The sum and the number of films it is over, both scalars on the device: reading one waits for a GPU.
    """
    inside = functional.adaptive_max_pool2d(regions, features.shape[-2:]).flatten(1) > 0.5
    marked = inside.any(dim=1)
    direction = classifier.weight[1] - classifier.weight[0]
    places = torch.einsum("nchw,c->nhw", features.float(), direction.float()).flatten(1)
    counted = inside | ~marked[:, None]  # all places of a film passed over: its logarithm is then 0, not infinite
    weights = functional.log_softmax(places, dim=1).masked_fill(~counted, -torch.inf)
    return -(torch.logsumexp(weights, dim=1) * marked).sum(), marked.sum()


def evidence_losses(places: Tensor, regions: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """How far a map of evidence is from the experts' regions: the sum over films.

    Of each film the cross-entropy over all places, divided by the number of places in the regions and ``QUIET`` more,
    so that a small region weighs as much as a large one; and for films with regions the Dice loss (Milletari et al.,
    V-Net, 3DV 2016, section 3). A fractured film without outlines says nothing of any place and is passed over.

    Args:
        places: float (N, 1, h, w), the logit of every place.
        regions: float (N, 1, R, R), 1 inside the experts' regions.
        labels: int64 (N,), 1 fractured.

    Returns:
        The sum and the number of films it is over, both scalars on the device: reading one waits for a GPU.
    """
    height, width = places.shape[-2:]
    wanted = functional.adaptive_avg_pool2d(regions, (height, width)).flatten(1)
    marked = wanted.amax(dim=1) > 0
    told = marked | (labels == 0)
    logits = places.flatten(1).to(torch.promote_types(places.dtype, torch.float32))
    inside = wanted.sum(dim=1)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(dim=1)
    chances = logits.sigmoid()
    dice = 1 - (2 * (chances * wanted).sum(dim=1) + 1) / (chances.sum(dim=1) + inside + 1)
    losses = entropy / (inside + QUIET) + dice * marked
    return (losses * told).sum(), told.sum()
