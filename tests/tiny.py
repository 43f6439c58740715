"""A recipe, a network and films that train in a second, for the tests of the trainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from fracture_core.recipes import Augmentation, Recipe
from fracture_core.training import Films, FitResult, fit, loop

SIDE = 32
TINY = Recipe(
    key="tiny",
    title="A tiny model",
    citation="made up for tests",
    model="tiny",
    pipeline="ours",
    size=SIDE,
    epochs=4,
    batch=8,
    optimiser="adamw",
    lr=0.02,
    weight_decay=0.01,
    schedule="onecycle",
    fracture_weight=1.5,
    label_smoothing=0.02,
    ema=0.8,
    clip=5.0,
    augmentation=Augmentation(
        rotation=10, scale=0.1, shift=0.05, horizontal_flip=0.5, brightness=0.05, contrast=0.1, noise=0.02
    ),
)


class TinyModel(nn.Module):
    """Two convolutions, batch norm and dropout: all that a checkpoint has to keep, in a thousand weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.pool = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.classifier = nn.Linear(8, 2)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.pool(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.classifier


def tiny_model(*_: object, **__: object) -> nn.Module:
    return TinyModel()


def easy_films(count: int = 60) -> Films:
    """Dim noise; a fractured film has a bright square somewhere."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 90, (count, SIDE, SIDE), dtype=np.uint8)
    labels = np.arange(count) % 2
    regions = np.zeros((count, SIDE // 4, SIDE // 4), np.uint8)
    for index in np.flatnonzero(labels):
        row, column = rng.integers(4, SIDE - 12, 2)
        pixels[index, row : row + 8, column : column + 8] = 230
        regions[index, row // 4 : row // 4 + 2, column // 4 : column // 4 + 2] = 1
    return Films(pixels, labels, 0, regions)


TRAIN, VAL = np.arange(0, 40), np.arange(40, 60)


def fit_tiny(recipe: Recipe = TINY, **options: object) -> FitResult:
    return fit(recipe, easy_films(), train=TRAIN, val=VAL, accelerator="cpu", **options)


def with_tiny() -> None:
    """Make ``tiny_model`` the network of every recipe, for good: for processes of their own."""
    loop.build_model = tiny_model


def assert_same(first: FitResult, second: FitResult) -> None:
    """Equal to the last bit: weights, and curves but for their clock."""
    expected = first.model.state_dict()
    assert expected.keys() == second.model.state_dict().keys()
    for name, tensor in second.model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    assert first.best_epoch == second.best_epoch
    curves = [[replace(row, seconds=0, images_per_second=0) for row in run.history] for run in (first, second)]
    assert curves[0] == curves[1]
