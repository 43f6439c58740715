"""Several networks of one kind that answer together: the mean of their logits, and of their maps' logits.

Each is trained alone (``Recipe.committee``); together they are one network with one file of weights.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def take(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Fill the members with the weights of networks trained apart; what they share must be equal in all."""
        for member, state in zip(self.members, states, strict=True):
            own = member.state_dict()
            shared = state.keys() - own.keys()
            assert all(torch.equal(state[name], states[0][name]) for name in shared), "members begin differently"
            member.load_state_dict({name: state[name] for name in own})

    def alone(self, number: int) -> nn.Module:
        """One member by itself; its weights are the committee's."""
        return _Alone(self, number)

    def features_of(self, number: int, x: Tensor) -> Tensor:
        """One member's features."""
        features: Tensor = self.members[number].forward_features(x)
        return features

    def forward_features(self, x: Tensor) -> Tensor:
        return torch.cat([self.features_of(number, x) for number in range(len(self.members))], dim=1)

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


class SharedBeginning(Committee):
    """A committee whose networks begin alike: their first layers were left as they were, and are run once.

    Args:
        members: networks of one architecture with ``begin`` and ``finish``; the first one's beginning is kept.
        mirrored: members, by number, that look at the film mirrored left to right (it begins once more for them
            all); their features are turned back, so that every place of the film keeps its own.
    """

    def __init__(self, members: Sequence[nn.Module], *, mirrored: Collection[int] = ()) -> None:
        super().__init__(members)
        self.mirrored = frozenset(mirrored)
        for member in self.members[1:]:
            member.drop_beginning()

    def features_of(self, number: int, x: Tensor) -> Tensor:
        return self._finished(number, self._begun(x, number in self.mirrored))

    def forward_features(self, x: Tensor) -> Tensor:
        sides = [number in self.mirrored for number in range(len(self.members))]
        begun = {side: self._begun(x, side) for side in set(sides)}
        return torch.cat([self._finished(number, begun[side]) for number, side in enumerate(sides)], dim=1)

    def _begun(self, x: Tensor, mirrored: bool) -> Tensor:
        begun: Tensor = self.members[0].begin(x.flip(-1) if mirrored else x)
        return begun

    def _finished(self, number: int, begun: Tensor) -> Tensor:
        features: Tensor = self.members[number].finish(begun)
        return features.flip(-1) if number in self.mirrored else features


class _Alone(nn.Module):
    def __init__(self, committee: Committee, number: int) -> None:
        super().__init__()
        self.committee, self.number = committee, number

    def forward_features(self, x: Tensor) -> Tensor:
        return self.committee.features_of(self.number, x)

    def forward_head(self, features: Tensor) -> Tensor:
        answer: Tensor = self.committee.members[self.number].forward_head(features)
        return answer

    def evidence(self, features: Tensor) -> Tensor:
        places: Tensor = self.committee.members[self.number].evidence(features)
        return places

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))
