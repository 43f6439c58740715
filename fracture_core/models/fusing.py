"""Each convolution with the activation after it in one pass over memory, for answering on a CPU.

A network of small convolutions spends most of its time on memory: an activation of its own reads and writes all that
the convolution has just written. oneDNN applies it while a result is still in a register, to weights laid out once
(torch's own compiler uses the same operation); the answers stay the same but for rounding.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from timm.layers import Conv2dSame, get_same_padding
from torch import Tensor, nn
from torch.nn.functional import pad

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

    TensorFlow's padding of a stride of two adds a line at the lower right alone, for which the film is copied into a
    larger one. Here the kernel grows a line of zeros at its upper left instead, and what is added is the same on both
    sides: the same sums, without the copy (a tenth of the time of MobileNetV2 at 448 px).

    Shape: as the convolution's.
    """

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.convolution, self.activation = convolution, activation
        self.packed: dict[tuple[int, ...], Tensor] = {}  # weights, by how many lines the kernel has grown
        self.calls: dict[torch.Size, tuple[Any, ...]] = {}  # all that follows x, by its height and width

    def forward(self, x: Tensor) -> Tensor:
        elsewhere = x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu")
        if elsewhere or torch.is_grad_enabled():
            after: Tensor = self.activation(self.convolution(x))
            return after
        call = self.calls.get(x.shape[-2:]) or self._laid_out(x)
        fused: Tensor = torch.ops.mkldnn._convolution_pointwise(x, *call)
        return fused

    def _laid_out(self, x: Tensor) -> tuple[Any, ...]:
        layer = self.convolution
        padding, grown = _padding(layer, x)
        place = padding, list(layer.stride), list(layer.dilation), layer.groups
        if grown not in self.packed:
            weight = pad(layer.weight, (grown[1], 0, grown[0], 0))
            self.packed[grown] = torch.ops.mkldnn._reorder_convolution_weight(weight, *place, list(x.shape))
        call = (self.packed[grown], layer.bias, *place, *_ACTIVATIONS[type(self.activation)], "")
        self.calls[x.shape[-2:]] = call
        return call


def _padding(layer: nn.Conv2d, x: Tensor) -> tuple[list[int], tuple[int, ...]]:
    """What is added to x on both sides of each axis, and by how many lines the kernel grows at its beginning."""
    if not isinstance(layer, Conv2dSame):
        return list(layer.padding), (0, 0)  # type: ignore[arg-type]
    assert tuple(layer.dilation) == (1, 1)
    axes = zip(x.shape[-2:], layer.kernel_size, layer.stride, strict=True)
    added = [get_same_padding(length, kernel, stride, 1) for length, kernel, stride in axes]
    return [(lines + 1) // 2 for lines in added], tuple(lines % 2 for lines in added)
