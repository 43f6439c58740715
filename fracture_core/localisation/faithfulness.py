"""Whether a map names what the network used: cells of the input are taken away and the network is asked again.

All work on the network's input square. The map's own cells are the units: cell (i, j) of a grid (h, w) owns the
input pixels that lie under it, and cells go in order of their value, equal ones shuffled by ``seed``. A score
function is any callable from inputs (N, C, S, S) to scores (N,); ``probability_of`` makes one of a network with two
logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from fracture_core.localisation.imputation import NOISE, impute

if TYPE_CHECKING:
    from torch import Tensor

ScoreFunction = Callable[["Tensor"], "Tensor"]

BLUR = 5 / 224  # sigma over the input's side: RISE's code takes 5 px of 224; ours is not cut off at 11 px as that is
STEPS = 24  # looks along a deletion curve; ours: the paper steps pixel by pixel in chunks
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # removed, as ROAD's figures have them


@dataclass(frozen=True, eq=False)
class Curve:
    """The score as cells are taken away or put back.

    Attributes:
        share: (K,) of the cells changed, rising from 0 to 1.
        score: (K,) of the network.
    """

    share: np.ndarray
    score: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the curve by trapezoids; a score in [0, 1] gives one in [0, 1]."""
        return float(np.trapezoid(self.score, self.share))


@dataclass(frozen=True, eq=False)
class Road:
    """The network's score with part of the film imputed.

    Attributes:
        share: (K,) of the cells removed.
        most, least: (K,) score with the warmest, or the coldest, cells removed.
    """

    share: np.ndarray
    most: np.ndarray
    least: np.ndarray

    @property
    def score(self) -> float:
        """Half the mean gap between ``least`` and ``most``; 0 of a map that knows nothing, higher is better.

        As pytorch-grad-cam's ``ROADCombined`` has it.
        """
        return float((self.least - self.most).mean()) / 2


def probability_of(model: Any, target: int = 1) -> ScoreFunction:
    """The softmax probability of a class, as a score function over a network that is left as it is."""
    import torch

    def score(inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            logits = model(inputs.contiguous(memory_format=torch.channels_last))
            return torch.softmax(logits.float(), dim=1)[:, target]

    return score


def deletion(
    score: ScoreFunction,
    inputs: np.ndarray,
    grid: np.ndarray,
    *,
    steps: int = STEPS,
    batch: int = 8,
    seed: int = 0,
) -> Curve:
    """The score as the warmest cells are blurred away first: a faithful map's falls early, its area is small.

    Petsiuk et al., RISE, BMVC 2018, which sets pixels to a constant; blurred as its insertion does,
    because a black square on a film is an edge like no film has.

    Args:
        inputs: float32 (C, S, S), one prepared film.
        grid: float (h, w), the map over it.
        batch: pictures per call of ``score``.
    """
    inputs = np.asarray(inputs, dtype=np.float32)
    return _walk(score, inputs, _blurred(inputs), grid, steps=steps, batch=batch, seed=seed)


def insertion(
    score: ScoreFunction,
    inputs: np.ndarray,
    grid: np.ndarray,
    *,
    steps: int = STEPS,
    batch: int = 8,
    seed: int = 0,
) -> Curve:
    """The score as the warmest cells are put back first into the blurred film: a faithful map's rises early.

    Petsiuk et al., RISE, BMVC 2018. Arguments as of ``deletion``.
    """
    inputs = np.asarray(inputs, dtype=np.float32)
    return _walk(score, _blurred(inputs), inputs, grid, steps=steps, batch=batch, seed=seed)


def road(
    score: ScoreFunction,
    inputs: np.ndarray,
    grid: np.ndarray,
    *,
    shares: Iterable[float] = SHARES,
    noise: float = NOISE,
    batch: int = 8,
    seed: int = 0,
) -> Road:
    """The score with the warmest, and with the coldest, cells imputed from their surroundings.

    Rong et al., ICML 2022: removal that leaves no trace of its shape, so that no retraining is needed. Our own
    implementation of their imputation: that of pytorch-grad-cam draws its noise unseeded, removes single pixels of
    the enlarged map where the map knows cells alone, and takes twice as long.

    Args:
        shares: of the cells to remove, each below 1.
        noise: standard deviation, in the input's units.
    """
    inputs, shares = np.asarray(inputs, dtype=np.float32), list(shares)
    rng = np.random.default_rng(seed)
    rank = rank_image(grid, inputs.shape[-1], seed=seed)
    cells = grid.size
    counts = [min(round(share * cells), cells - 1) for share in shares]
    removed = [rank < count for count in counts] + [rank >= cells - count for count in counts]
    found = _scores(score, (impute(inputs, part, rng=rng, noise=noise) for part in removed), batch=batch)
    return Road(np.array(counts) / cells, found[: len(counts)], found[len(counts) :])


def rank_image(grid: np.ndarray, side: int, *, seed: int = 0) -> np.ndarray:
    """int (S, S): the rank of each input pixel's cell, 0 for the warmest; equal cells in random order."""
    values = np.asarray(grid, dtype=np.float64).ravel()
    shuffled = np.random.default_rng(seed).permutation(values.size)
    rank = np.empty(values.size, dtype=np.int64)
    rank[shuffled[np.argsort(-values[shuffled], kind="stable")]] = np.arange(values.size)
    rows, columns = (np.arange(side) * cells // side for cells in grid.shape)
    return rank.reshape(grid.shape)[np.ix_(rows, columns)]


def _walk(
    score: ScoreFunction,
    before: np.ndarray,
    after: np.ndarray,
    grid: np.ndarray,
    *,
    steps: int,
    batch: int,
    seed: int,
) -> Curve:
    """The score on the way from one picture to the other, warmest cells first."""
    rank = rank_image(grid, before.shape[-1], seed=seed)
    counts = np.unique(np.linspace(0, grid.size, min(steps, grid.size) + 1).round().astype(int))
    pictures = (np.where(rank < count, after, before) for count in counts)
    return Curve(counts / grid.size, _scores(score, pictures, batch=batch))


def _scores(score: ScoreFunction, pictures: Iterator[np.ndarray], *, batch: int) -> np.ndarray:
    import torch

    found = []
    while part := list(islice(pictures, batch)):
        found.append(score(torch.from_numpy(np.stack(part).astype(np.float32))).detach().cpu().double().numpy())
    return np.concatenate(found)


def _blurred(inputs: np.ndarray) -> np.ndarray:
    sigma = BLUR * inputs.shape[-1]
    return np.stack([cv2.GaussianBlur(channel, (0, 0), sigma) for channel in inputs])
