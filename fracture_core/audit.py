"""What a data set hides: films that come twice, and which films belong together.

``near_duplicates`` compares every film with every other in all eight flips and quarter turns; ``film_groups``
joins duplicates and runs of neighbouring films into the groups over which splits are drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fracture_core.datasets import DataSet
from fracture_core.errors import UnreadableImage
from fracture_core.imaging import read_image

_SKETCH = 64  # px; side of the thumbnail that confirms a pair
_COARSE = 16  # px; side of the thumbnail that proposes one
RUN = 8  # films; a longer run of neighbouring ids is cut, else one group would hold most of a data set


@dataclass(frozen=True)
class DuplicatePair:
    """Two films that show the same exposure; ``correlation`` is Pearson's, over 64×64 thumbnails."""

    first: int
    second: int
    correlation: float
    turned: bool


def sketch(path: str | Path) -> np.ndarray:
    """A film as a float32 (64, 64) thumbnail, mean 0 and norm 1; zeros when it cannot be read."""
    try:
        pixels = read_image(path).pixels
    except UnreadableImage:
        return np.zeros((_SKETCH, _SKETCH), np.float32)
    return _standardise(cv2.resize(pixels, (_SKETCH, _SKETCH), interpolation=cv2.INTER_AREA))


def _standardise(image: np.ndarray) -> np.ndarray:
    centred = image - image.mean(axis=(-2, -1), keepdims=True)
    norm = np.linalg.norm(centred, axis=(-2, -1), keepdims=True)
    # 1e-3: rounding gives an even film a norm of up to 1e-5, which must not be taken for detail
    return np.asarray(centred / np.maximum(norm, 1e-3), dtype=np.float32)


def _dihedral(images: np.ndarray) -> list[np.ndarray]:
    """The eight flips and quarter turns of (N, S, S); the first is the images as they are."""
    turns = [np.rot90(images, k, axes=(1, 2)) for k in range(4)]
    return turns + [turn[:, :, ::-1] for turn in turns]


def near_duplicates(sketches: np.ndarray, *, propose: float = 0.97, confirm: float = 0.985) -> list[DuplicatePair]:
    """Pairs of films whose thumbnails correlate in any flip or quarter turn.

    Args:
        sketches: (N, 64, 64) from ``sketch``.
        propose: correlation of 16×16 thumbnails above which a pair is looked at.
        confirm: correlation of 64×64 thumbnails above which it is reported.
    """
    count = len(sketches)
    shrunk = sketches.reshape(count, _COARSE, _SKETCH // _COARSE, _COARSE, _SKETCH // _COARSE).mean(axis=(2, 4))
    coarse = _standardise(shrunk)
    flat = coarse.reshape(count, -1)
    best: dict[tuple[int, int], DuplicatePair] = {}
    for turn, (turned_coarse, turned) in enumerate(zip(_dihedral(coarse), _dihedral(sketches), strict=True)):
        likeness = flat @ turned_coarse.reshape(count, -1).T
        for first, second in zip(*np.nonzero(np.triu(likeness, 1) > propose), strict=True):
            correlation = float((sketches[first] * turned[second]).sum())
            known = best.get((first, second))
            if correlation > confirm and (known is None or correlation > known.correlation):
                pair = DuplicatePair(int(first), int(second), correlation, turn > 0)
                best[(first, second)] = pair
    return sorted(best.values(), key=lambda pair: (pair.first, pair.second))


def film_groups(data: DataSet, *, workers: int = 2) -> tuple[np.ndarray, list[DuplicatePair]]:
    """Films that must stay on one side of a split.

    Joined are near duplicates, and runs of up to ``RUN`` neighbouring ids of one body region: FracAtlas lists
    the views of one patient one after another and names no patients.

    Returns:
        int64 (N,) group of each film, and the duplicate pairs found.
    """
    with ThreadPoolExecutor(workers) as pool:
        sketches = np.stack(list(pool.map(lambda case: sketch(case.path), data.cases)))
    pairs = near_duplicates(sketches)
    links = [(pair.first, pair.second) for pair in pairs] + neighbour_links(
        [_number(case.id) for case in data.cases], [case.region for case in data.cases]
    )
    return _components(len(data.cases), links), pairs


def _number(identifier: str) -> int:
    digits = "".join(character for character in identifier if character.isdigit())
    return int(digits) if digits else -1


def neighbour_links(numbers: Sequence[int], regions: Sequence[str], *, run: int = RUN) -> list[tuple[int, int]]:
    """Links between films with consecutive numbers and one region, cut after every ``run`` films."""
    links: list[tuple[int, int]] = []
    order = np.argsort(np.asarray(numbers), kind="stable")
    length = 1
    for before, after in itertools.pairwise(order):
        follows = numbers[after] - numbers[before] == 1 and regions[after] == regions[before]
        together = follows and length < run
        length = length + 1 if together else 1
        if together:
            links.append((int(before), int(after)))
    return links


def _components(count: int, links: Sequence[tuple[int, int]]) -> np.ndarray:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns = np.array(links, dtype=int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
