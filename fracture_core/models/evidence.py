"""MobileNetV2 that points: a fine map of where the fracture is, and an answer that reads it.

A top-down path (Lin et al., Feature pyramid networks, CVPR 2017, figure 3) brings the coarse features down to one
eighth of the input. A 1x1 convolution makes a logit of every place, trained on the experts' outlines. The answer adds
up the pooled features and the strongest places. # the head is ours

Layers of the backbone carry timm's names, so that ImageNet weights of ``mobilenetv2_100`` fit.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from fracture_core.models import CLASSES

WIDTH = 64  # channels of the top-down path
CONTEXT = 128  # channels of the coarse features that the answer reads
STRONGEST = 12  # places whose mean the answer reads: about one outlined fracture at 448 px
TRUNK = 2  # first blocks, which our recipes leave as they were (``Recipe.frozen``): a committee runs them once
LEVELS = ((2, 32), (4, 96), (6, 320))  # blocks of the backbone whose outputs are taken, and their channels
PRIOR = -4.0  # logit at which every place begins: 2 %, about what outlines cover of a fractured film
GAIN = 0.25  # how much the strongest places count at first


class EvidenceMobileNetV2(nn.Module):
    """MobileNetV2, a top-down path, a map of evidence and an answer.

    Args:
        drop_rate: dropout before the classifier.

    Shape: (N, 3, H, W) -> features (N, 192, H/8, W/8) -> logits (N, 2).
    """

    replaced_layers = ("lateral.", "smooth.", "context.", "place.", "gain", "conv_head.", "bn2.")
    """New on a pretrained backbone, the classifier apart; the backbone's own last convolution is not used."""

    def __init__(self, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        import timm

        backbone: Any = timm.create_model("mobilenetv2_100", pretrained=False, pad_type="same")
        self.conv_stem: nn.Module = backbone.conv_stem
        self.bn1: nn.Module = backbone.bn1
        self.blocks: nn.Sequential = backbone.blocks
        self.lateral = nn.ModuleList(_convolution(channels, WIDTH, 1) for _, channels in LEVELS)
        self.smooth = nn.ModuleList(_convolution(WIDTH, WIDTH, 3) for _ in LEVELS[1:])
        self.context = _convolution(LEVELS[-1][1], CONTEXT, 1)
        self.place = nn.Conv2d(WIDTH, 1, 1)
        nn.init.constant_(cast("Tensor", self.place.bias), PRIOR)
        self.gain = nn.Parameter(torch.tensor(GAIN))
        self.drop = nn.Dropout(drop_rate)
        self.classifier = nn.Linear(WIDTH + CONTEXT, len(CLASSES))

    def begin(self, x: Tensor) -> Tensor:
        """Stem and first ``TRUNK`` blocks: (N, 3, H, W) -> (N, 24, H/4, W/4)."""
        x = self.bn1(self.conv_stem(x))
        for block in self.blocks[:TRUNK]:
            x = block(x)
        return x

    def drop_beginning(self) -> None:
        """Leave ``begin`` to another network of the same beginning."""
        del self.conv_stem, self.bn1
        for number in range(TRUNK):
            self.blocks[number] = nn.Identity()

    def finish(self, x: Tensor) -> Tensor:
        """From what ``begin`` gives to the features."""
        levels = []
        for number, block in enumerate(self.blocks[TRUNK:], start=TRUNK):
            x = block(x)
            if number in dict(LEVELS):
                levels.append(x)
        fine, middle, coarse = levels
        path = self.lateral[2](coarse)
        path = self.smooth[1](self.lateral[1](middle) + _grown(path, middle))
        path = self.smooth[0](self.lateral[0](fine) + _grown(path, fine))
        return torch.cat([path, _grown(self.context(coarse), fine)], dim=1)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.finish(self.begin(x))

    def evidence(self, features: Tensor) -> Tensor:
        """The logit of every place of lying in a fracture, (N, 1, h, w)."""
        return cast("Tensor", self.place(features[:, :WIDTH]))

    def forward_head(self, features: Tensor) -> Tensor:
        places = self.evidence(features).flatten(1)
        strongest = places.topk(min(STRONGEST, places.shape[1]), dim=1).values.mean(dim=1)
        seen = self.gain * (strongest - PRIOR)
        pooled = self.classifier(self.drop(features.mean(dim=(2, 3))))
        return cast("Tensor", pooled + torch.stack([torch.zeros_like(seen), seen], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.classifier


def _grown(x: Tensor, like: Tensor) -> Tensor:
    return interpolate(x, size=like.shape[-2:], mode="nearest")


def _convolution(channels: int, out: int, side: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out, side, padding=side // 2, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )
