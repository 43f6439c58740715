"""A U-Net that classifies, which abirami2024 compares without describing it.

The network is Ronneberger et al. 2015, figure 1, with a classifier where the segmentation was: the last 1x1
convolution becomes global average pooling and one linear layer.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad

from fracture_core.models import CLASSES

LEVELS = 5  # Ronneberger et al. 2015, figure 1: four poolings
WIDTH = 32  # not stated; ours: half of Ronneberger's 64, so that it trains on a CPU at 224 pixels


class UNetClassifier(nn.Module):
    """Encoder and decoder with skip connections, then global average pooling and one linear layer.

    Batch normalisation and padded convolutions are today's custom and not Ronneberger's. # not stated; ours
    The skips let a side that 16 does not divide pass; a side must have 16 pixels at least.

    Args:
        width: channels of the first level; each level below has twice as many.
        drop_rate: dropout before the linear layer.

    Shape: (N, 3, H, W) -> features (N, ``width``, H, W) -> logits (N, 2).
    """

    def __init__(self, *, width: int = WIDTH, drop_rate: float = 0.0) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.encoder = nn.ModuleList(_double_convolution(*pair) for pair in pairwise([3, *widths]))
        rising = widths[-2::-1]
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in rising)
        self.decoder = nn.ModuleList(_double_convolution(2 * w, w) for w in rising)
        self.drop = nn.Dropout(drop_rate)
        self.fc = nn.Linear(width, len(CLASSES))

    def forward_features(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level in self.encoder:
            x = level(max_pool2d(x, 2) if skips else x)
            skips.append(x)
        skips.pop()
        for upsample, level in zip(self.upsample, self.decoder, strict=True):
            skip = skips.pop()
            x = level(torch.cat([skip, _grow(upsample(x), skip)], dim=1))
        return x

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.drop(features.mean(dim=(2, 3))))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.fc


def _double_convolution(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def _grow(x: Tensor, like: Tensor) -> Tensor:
    """Add the row or column that pooling an odd side lost."""
    return pad(x, (0, like.shape[3] - x.shape[3], 0, like.shape[2] - x.shape[2]))
