"""Several networks of one kind that answer together: the mean of their logits, and of their maps' logits.

Each is trained alone (``Recipe.committee``); together they are one network with one file of weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Committee(nn.Module):
    """Networks that point, and answer as one.

    Args:
        members: networks of one architecture, each with ``evidence``.

    Shape: (N, 3, H, W) -> features (N, members * C, h, w), a member's after another's -> logits (N, 2).
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members: Any = nn.ModuleList(members)

    def forward_features(self, x: Tensor) -> Tensor:
        return torch.cat([member.forward_features(x) for member in self.members], dim=1)

    def forward_head(self, features: Tensor) -> Tensor:
        return self._mean("forward_head", features)

    def evidence(self, features: Tensor) -> Tensor:
        """The logit of every place of lying in a fracture, (N, 1, h, w)."""
        return self._mean("evidence", features)

    def _mean(self, part: str, features: Tensor) -> Tensor:
        shares = features.chunk(len(self.members), dim=1)
        answers = [getattr(member, part)(share) for member, share in zip(self.members, shares, strict=True)]
        return torch.stack(answers).mean(dim=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Linear:
        """The last member's."""
        classifier: nn.Linear = self.members[-1].get_classifier()
        return classifier
