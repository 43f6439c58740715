"""Whether a map depends on what the network learned: its layers are made random from the head down.

A map that stays the same though the network beneath it knows nothing any more shows the film, not the network.
Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, cascading randomisation.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fracture_core.localisation.scores import is_flat
from fracture_core.overlay import blend, fit_within

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fracture_core.explain import Heatmap
    from fracture_core.imaging import Radiograph
    from fracture_core.inference import Classifier

STAGES = 12  # looks on the way down; ours
DRAWN = 224  # side at which maps are compared; ours


@dataclass(frozen=True, eq=False)
class Stage:
    """The map after one more part of the network was made random.

    Attributes:
        name: of the part, as the network names it.
        layers: how many layers are random by now.
        grid: float (h, w) in [0, 1].
        flat: the map says nothing.
        correlation: Spearman's, with the trained network's map, in [-1, 1]; nan where either is flat.
        ssim: structural similarity with it, in [-1, 1].
    """

    name: str
    layers: int
    grid: np.ndarray
    flat: bool
    correlation: float
    ssim: float


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """The trained network's map, and the maps as the network is forgotten from the head down."""

    trained: Heatmap
    stages: tuple[Stage, ...]


def sanity_check(
    classifier: Classifier,
    radiograph: Radiograph,
    *,
    method: str = "gradcam",
    target: int = 1,
    stages: int = STAGES,
    seed: int = 0,
) -> SanityCheck:
    """Cascading randomisation of a copy of the classifier's network, on one film.

    Args:
        classifier: loaded with ``folded=False``: the batch norms keep a random network's answers finite.

    Raises:
        UnknownName: the method does not exist.
    """
    from fracture_core.explain import explain

    def map_of(model: nn.Module) -> np.ndarray:
        forgetful = copy.copy(classifier)
        forgetful.model = model
        return explain(forgetful, radiograph, method=method, target=target).grid

    trained = explain(classifier, radiograph, method=method, target=target)
    return SanityCheck(trained, cascade(classifier.model, map_of, trained=trained.grid, stages=stages, seed=seed))


def cascade(
    model: nn.Module,
    map_of: Callable[[nn.Module], np.ndarray],
    *,
    trained: np.ndarray | None = None,
    stages: int = STAGES,
    seed: int = 0,
) -> tuple[Stage, ...]:
    """The map after each part of a deep copy of the network is made random, the head first, in ``stages`` steps.

    Parts are taken in the reverse of the order in which the network registers them.

    Args:
        map_of: the map float (h, w) in [0, 1] of a network.
        trained: the map of the network as it is, when there is one already.
    """
    import torch

    reference = map_of(model) if trained is None else trained
    random = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    found, layers = [], 0
    for name, part in parts(random, stages=stages):
        for layer in part:
            _forget(layer, generator)
        layers += len(part)
        grid = np.asarray(map_of(random), dtype=np.float32)
        correlation, likeness = rank_correlation(reference, grid), ssim(_drawn(reference), _drawn(grid))
        found.append(Stage(name, layers, grid, is_flat(grid), correlation, likeness))
    return tuple(found)


def parts(model: nn.Module, *, stages: int = STAGES) -> list[tuple[str, list[nn.Module]]]:
    """The layers that hold weights, the last one first, in at most ``stages`` parts: name → layers.

    Layers of one block go together ("blocks.6", "layer4.2"); neighbouring blocks join where there are too many. The
    head stays alone.
    """
    blocks: dict[str, list[nn.Module]] = {}
    for name, layer in reversed(list(model.named_modules())):
        if next(layer.parameters(recurse=False), None) is not None:
            blocks.setdefault(_block(name), []).append(layer)
    head, *rest = blocks.items()
    joined = [
        [rest[place] for place in piece]
        for piece in np.array_split(np.arange(len(rest)), min(max(stages - 1, 1), len(rest)) or 1)
        if len(piece)
    ]
    return [head] + [(piece[-1][0], [layer for _, layers in piece for layer in layers]) for piece in joined]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of one shape, ties by mean ranks; nan where either is flat."""
    from scipy.stats import rankdata

    if is_flat(a) or is_flat(b):
        return math.nan
    return float(np.corrcoef(rankdata(a.ravel()), rankdata(b.ravel()))[0, 1])


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of two pictures in [0, 1] of one shape (Wang et al., IEEE TIP 13:600, 2004).

    Gaussian window of sigma 1.5 over 11 pixels, K1 0.01, K2 0.03.
    """

    def local(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    mean_a, mean_b = local(a), local(b)
    spread = local(a * a) - mean_a**2 + local(b * b) - mean_b**2
    together = local(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    likeness = (2 * mean_a * mean_b + c1) * (2 * together + c2) / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))
    return float(likeness.mean())


def strip(check: SanityCheck, pixels: np.ndarray, *, longest: int = 240) -> list[tuple[str, np.ndarray]]:
    """The film with each map over it, the trained network's first: names and uint8 (h, w, 3) pictures.

    Args:
        pixels: float (H, W) in [0, 1], the film.
        longest: the pictures' longer side at most, in pixels.
    """
    small = fit_within(pixels, longest)
    maps = [("as trained", check.trained)] + [
        (stage.name, replace(check.trained, grid=np.zeros_like(stage.grid) if stage.flat else stage.grid))
        for stage in check.stages
    ]
    return [(name, blend(small, heatmap.drawn(small.shape))) for name, heatmap in maps]


def _block(name: str) -> str:
    """A layer's block: its name up to the first number, else up to the last dot; a committee's go side by side."""
    pieces = re.sub(r"^members\.\d+\.?", "", name).split(".")
    numbers = [place for place, piece in enumerate(pieces) if piece.isdigit()]
    return ".".join(pieces[: numbers[0] + 1] if numbers else pieces[:-1] or pieces)


def _forget(layer: nn.Module, generator: torch.Generator) -> None:
    """Make one layer random, at the scale it has.

    Kernels and matrices are drawn from a normal distribution of their own spread. What there is once for each
    channel (biases, a batch norm's scale, shift and statistics) is shuffled among the channels, all alike: a fresh
    batch norm, without statistics, lets the signal of a deep network die, and the map would fall silent, not change.
    """
    import torch

    with torch.no_grad():
        each: list[Any] = [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]
        orders: dict[int, torch.Tensor] = {}
        for values in each:
            if values.dim() >= 2:
                drawn = torch.randn(values.shape, generator=generator)
                values.copy_(drawn * values.std())
            elif values.dim() == 1:
                order = orders.setdefault(len(values), torch.randperm(len(values), generator=generator))
                values.copy_(values[order])


def _drawn(grid: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(np.asarray(grid, np.float32), (DRAWN, DRAWN), interpolation=cv2.INTER_LINEAR))
