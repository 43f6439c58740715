"""VGG-16 with a new classifier (multiregion2024, Models, section 3)."""

from __future__ import annotations

from timm.models.vgg import VGG, cfgs
from torch import Tensor

from fracture_core.models import CLASSES


class VGG16(VGG):
    """timm's VGG-16, whose feature map is the last convolution's instead of the last pooling's.

    That is the layer Grad-CAM is defined on (Selvaraju et al. 2017, section 3), with twice the resolution.
    The last pooling opens the head, and 4096, 4096 and 2 units follow, with ReLU and dropout after the first
    two: the text says only that "a custom sequence of fully connected layers" replaces the classifier, and
    describes VGG's own. timm keeps them as convolutions, so that any input of 32 pixels or more will do.

    Shape: (N, 3, H, W) -> features (N, 512, H/16, W/16) -> logits (N, 2).
    """

    replaced_layers = ("pre_logits.", "head.")  # new on a pretrained backbone

    def __init__(self, *, drop_rate: float = 0.5) -> None:
        super().__init__(cfgs["vgg16"], num_classes=len(CLASSES), drop_rate=drop_rate)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.features[:-1](x)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        return super().forward_head(self.features[-1](x), pre_logits)
