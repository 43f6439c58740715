"""Batch norm folded into the convolutions before it, for answering.

In evaluation mode a batch norm is one multiplication and one addition per channel, which the convolution before it
can do with other weights and a bias (Jacob et al., CVPR 2018, section 3.2). On a CPU, where a network of small
convolutions spends most of its time on memory, the answer then takes about half the time.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Fold every batch norm that follows a convolution; the answers stay the same but for rounding.

    A layer counts as following when it is the next one in its parent, as in every network of ``MODELS`` (tested).

    Args:
        model: in evaluation mode; changed in place. It cannot be trained afterwards.
    """
    for parent in list(model.modules()):
        for (name, layer), (next_name, norm) in pairwise(list(parent.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                assert not norm.training, "batch norm is folded in evaluation mode"
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                # timm's batch norms bring their activation along
                setattr(parent, next_name, getattr(norm, "act", nn.Identity()))
    return model
