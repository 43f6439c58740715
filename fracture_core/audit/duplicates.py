"""Near duplicates: one exposure encoded, resized, windowed, mirrored or turned by quarters anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fracture_core.audit.sketches import SKETCH, standardise

_COARSE: Final = 16  # px; side of the thumbnail that proposes a pair
_BLOCK: Final = 4096  # films compared with all others at once: bounds the memory


@dataclass(frozen=True)
class DuplicatePair:
    """Two films that show the same exposure.

    Attributes:
        first, second: their places among the films compared, ``first`` before ``second``.
        correlation: Pearson's, over 64×64 thumbnails.
        turned: mirrored or turned by quarters; False where they agree as they are.
    """

    first: int
    second: int
    correlation: float
    turned: bool


def near_duplicates(sketches: np.ndarray, *, propose: float = 0.97, confirm: float = 0.985) -> list[DuplicatePair]:
    """Pairs of films whose thumbnails correlate in any flip or quarter turn.

    Args:
        sketches: (N, 64, 64) from ``sketch``.
        propose: correlation of 16×16 thumbnails above which a pair is looked at.
        confirm: correlation of 64×64 thumbnails above which it is reported.
    """
    count = len(sketches)
    if count < 2:
        return []
    shrunk = sketches.reshape(count, _COARSE, SKETCH // _COARSE, _COARSE, SKETCH // _COARSE).mean(axis=(2, 4))
    coarse = standardise(shrunk)
    flat = coarse.reshape(count, -1)
    best: dict[tuple[int, int], DuplicatePair] = {}
    for turn, (turned_coarse, turned) in enumerate(zip(_dihedral(coarse), _dihedral(sketches), strict=True)):
        for first, second in _alike(flat, turned_coarse.reshape(count, -1), propose):
            correlation = float((sketches[first] * turned[second]).sum())
            known = best.get((first, second))
            if correlation > confirm and (known is None or correlation > known.correlation):
                best[(first, second)] = DuplicatePair(first, second, correlation, turn > 0)
    return sorted(best.values(), key=lambda pair: (pair.first, pair.second))


def _dihedral(images: np.ndarray) -> list[np.ndarray]:
    """The eight flips and quarter turns of (N, S, S); the first is the images as they are."""
    turns = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    return turns + [turn[:, :, ::-1] for turn in turns]


def _alike(films: np.ndarray, others: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Places (i, j), i < j, where the product of row i of one and row j of the other exceeds ``least``."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(films), _BLOCK):
        rows, columns = np.nonzero(np.triu(films[start : start + _BLOCK] @ others[start:].T, 1) > least)
        found += zip((rows + start).tolist(), (columns + start).tolist(), strict=True)
    return found
