"""SE-ResNet-50 with the gates that abirami2024 writes (section 3, equations 1 to 8), on the ResNet-50 bottleneck.

The paper's block has two convolutions (under its figure 1) and its depth is not stated; the bottleneck is ours.
Layers carry timm's names, so that ImageNet weights of timm's ``seresnet50`` fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fracture_core.models import CLASSES

REDUCTION = 16  # abirami2024, section 3: "a factor r (usually 16)"
DEPTHS = (3, 4, 6, 3)  # ResNet-50: He et al. 2016, table 1; abirami2024 does not state its depth
EXPANSION = 4  # He et al. 2016, table 1: a bottleneck's output is four times its width


class SqueezeExcitation(nn.Module):
    """Weigh each channel by what the whole map holds (abirami2024, equations 1 to 6).

    The equations have no biases. The paper prints C/r x C as the size of W2 too; it restores the C channels,
    so it is C x C/r.

    Args:
        channels: C, the channels of the map.
        reduction: r, by which the hidden layer is narrower.

    Shape: (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, channels: int, *, reduction: int = REDUCTION) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // reduction, bias=False)
        self.fc2 = nn.Linear(channels // reduction, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = x.mean(dim=(2, 3))  # equation 1
        hidden = torch.relu(self.fc1(squeezed))  # equation 2
        scale = torch.sigmoid(self.fc2(hidden))  # equations 3 and 4
        return x * scale[:, :, None, None]  # equations 5 and 6


class SEBottleneck(nn.Module):
    """A residual block: 1x1, 3x3 and 1x1 convolutions, squeeze-and-excitation, then the skip addition.

    Shape: (N, ``channels``, H, W) -> (N, 4 ``width``, H / ``stride``, W / ``stride``).
    """

    def __init__(self, channels: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        out = width * EXPANSION
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.se = SqueezeExcitation(out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            projection = nn.Conv2d(channels, out, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        residual = torch.relu(self.bn1(self.conv1(x)))
        residual = torch.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        return torch.relu(self.downsample(x) + self.se(residual))  # equations 7 and 8; the ReLU is He et al.'s


class SEResNet50(nn.Module):
    """ResNet-50 with a squeeze-and-excitation block in each of its sixteen residual blocks.

    Shape: (N, 3, H, W) -> features (N, 2048, H/32, W/32) -> logits (N, 2).
    """

    def __init__(self, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(64, 64, depth=DEPTHS[0], stride=1)
        self.layer2 = _stage(256, 128, depth=DEPTHS[1], stride=2)
        self.layer3 = _stage(512, 256, depth=DEPTHS[2], stride=2)
        self.layer4 = _stage(1024, 512, depth=DEPTHS[3], stride=2)
        self.drop = nn.Dropout(drop_rate)
        self.fc = nn.Linear(2048, len(CLASSES))
        _initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.drop(features.mean(dim=(2, 3))))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.fc


def _stage(channels: int, width: int, *, depth: int, stride: int) -> nn.Sequential:
    first = SEBottleneck(channels, width, stride=stride)
    return nn.Sequential(first, *(SEBottleneck(width * EXPANSION, width) for _ in range(depth - 1)))


def _initialise(model: nn.Module) -> None:
    """As timm begins its ResNets, so that the two SE-ResNets start alike. # not stated; ours"""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, SEBottleneck):
            nn.init.zeros_(module.bn3.weight)  # each block begins as its skip connection
