"""The custom CNN of multiregion2024 (Models, section 1, and its table "Architecture of Custom CNN")."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from fracture_core.errors import FractureError
from fracture_core.models import CLASSES

SIZE = 224  # multiregion2024, table: input 224x224x3
CHANNELS = (32, 64, 128, 256)  # multiregion2024, table: convolutions 1 to 4
HIDDEN = (1024, 512, 128)  # multiregion2024, table: fully connected layers 1 to 3


class CustomCNN(nn.Module):
    """Four convolutions, each halved by max pooling, then four fully connected layers.

    Each convolution is followed by batch normalisation and ReLU, as the text says (its table leaves the
    normalisation out); it needs no bias before a normalisation. Initial weights are torch's own, and no
    dropout unless asked for. # not stated; ours

    The feature map is the last convolution's, before the last pooling: the layer Grad-CAM is defined on
    (Selvaraju et al. 2017, section 3), with twice the resolution of the pooled one.

    Args:
        drop_rate: dropout after each hidden fully connected layer.

    Shape: (N, 3, 224, 224) -> features (N, 256, 28, 28) -> logits (N, 2).

    Raises:
        FractureError: on an input of another size; the first fully connected layer fixes it.
    """

    def __init__(self, *, drop_rate: float = 0.0) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (channels, width) in enumerate(pairwise([3, *CHANNELS]), start=1):
            layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers[f"bn{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        self.pool4 = layers.pop("pool4")
        self.features = nn.Sequential(layers)

        flat = CHANNELS[-1] * (SIZE // 2 ** len(CHANNELS)) ** 2  # 50176
        hidden: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (inputs, outputs) in enumerate(pairwise([flat, *HIDDEN]), start=1):
            hidden[f"fc{number}"] = nn.Linear(inputs, outputs)
            hidden[f"relu{number}"] = nn.ReLU(inplace=True)
            hidden[f"drop{number}"] = nn.Dropout(drop_rate)
        self.hidden = nn.Sequential(hidden)
        self.output = nn.Linear(HIDDEN[-1], len(CLASSES))

    def forward_features(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (3, SIZE, SIZE):
            given = " x ".join(map(str, x.shape[1:]))
            raise FractureError(
                f"The custom CNN takes images of 3 x {SIZE} x {SIZE} only, not {given}: its first fully "
                f"connected layer fixes the size. Prepare the radiograph with size={SIZE} or choose another "
                "model."
            )
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.output(self.hidden(self.pool4(features).flatten(1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        return self.output
