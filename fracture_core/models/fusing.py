"""Each convolution with the activation after it in one pass over memory, for answering on a CPU.

A network of small convolutions spends most of its time on memory: an activation of its own reads and writes all that
the convolution has just written. oneDNN applies it while a result is still in a register, to weights laid out once
(torch's own compiler uses the same operation); the answers stay the same but for rounding.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from timm.layers import Conv2dSame, pad_same
from torch import Tensor, nn

_ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {  # in oneDNN's words
    nn.Identity: ("none", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
}


def fuse_activations(model: nn.Module) -> nn.Module:
    """Join every convolution to the activation that is the next layer of its parent.

    Where this build of torch lacks the operation the model is left as it is.

    Args:
        model: in evaluation mode, batch norm folded; changed in place.
    """
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return model
    for parent in list(model.modules()):
        if isinstance(parent, Fused):
            continue
        children = [*parent.named_children(), ("", None)]
        for (name, layer), (next_name, follower) in pairwise(children):
            if isinstance(layer, nn.Conv2d):
                joins = type(follower) in _ACTIVATIONS
                setattr(parent, name, Fused(layer, follower if joins and follower else nn.Identity()))
                if joins:
                    setattr(parent, next_name, nn.Identity())
    return model


class Fused(nn.Module):
    """A convolution and its activation.

    With gradients, in another precision than float32 or elsewhere than on a CPU they run one after the other.

    Shape: as the convolution's.
    """

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.convolution, self.activation = convolution, activation
        self.packed: Any = None

    def forward(self, x: Tensor) -> Tensor:
        layer = self.convolution
        elsewhere = x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
        if elsewhere or torch.is_grad_enabled():
            after: Tensor = self.activation(layer(x))
            return after
        padding = list(layer.padding)
        if isinstance(layer, Conv2dSame):
            x = pad_same(x, list(layer.kernel_size), list(layer.stride), list(layer.dilation))
            padding = [0, 0]
        place = padding, list(layer.stride), list(layer.dilation), layer.groups
        if self.packed is None:
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(layer.weight, *place, list(x.shape))
        name, scalars = _ACTIVATIONS[type(self.activation)]
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(x, self.packed, layer.bias, *place, name, scalars, "")
        return fused
