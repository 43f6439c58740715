"""Affine maps between source and input pixels, and the one warp that brings a coarse map home.

Coordinates are continuous pixels: the origin is the top-left *corner* of the top-left pixel, x runs right,
y down, so pixel (row i, column j) covers [j, j + 1) x [i, i + 1) and its centre is (j + 0.5, i + 0.5).
An affine is a float64 array (2, 3) that maps (x, y, 1).
"""

from __future__ import annotations

import cv2
import numpy as np

Shape = tuple[int, int]


def identity() -> np.ndarray:
    """The map that moves nothing, float64 (2, 3)."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def scaling(x: float, y: float) -> np.ndarray:
    """Scale by ``x`` and ``y`` about the origin, float64 (2, 3)."""
    return np.array([[x, 0.0, 0.0], [0.0, y, 0.0]])


def translation(x: float, y: float) -> np.ndarray:
    """Move by ``x`` pixels to the right and ``y`` pixels down, float64 (2, 3)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y]])


def about_centre(linear: np.ndarray, shape: Shape) -> np.ndarray:
    """The linear map (2, 2), applied about the centre of an image of ``shape`` (H, W): float64 (2, 3)."""
    centre = np.array([shape[1] / 2, shape[0] / 2])
    return np.column_stack([linear, centre - linear @ centre])


def compose(*matrices: np.ndarray) -> np.ndarray:
    """One affine that applies ``matrices`` in the order given, the first one first."""
    result = np.eye(3)
    for matrix in matrices:
        result = np.vstack([matrix, [0.0, 0.0, 1.0]]) @ result
    return result[:2]


def invert(matrix: np.ndarray) -> np.ndarray:
    """The affine that undoes ``matrix``. Raises ``numpy.linalg.LinAlgError`` where none exists."""
    return np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))[:2]


def apply_affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map ``points`` (N, 2), columns x and y, through ``matrix`` (2, 3): float64 (N, 2)."""
    return np.asarray(points, dtype=np.float64).reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]


def warp(image: np.ndarray, matrix: np.ndarray, shape: Shape, *, nearest: bool = False) -> np.ndarray:
    """Resample ``image`` through ``matrix`` (image → result) to ``shape`` (H, W), black outside.

    Bilinear, or nearest neighbour for masks. The result keeps the dtype of ``image``.
    """
    # OpenCV counts from pixel centres: c' = A (c + ½) + t - ½.
    centred = matrix.astype(np.float64)
    centred[:, 2] += 0.5 * centred[:, :2].sum(axis=1) - 0.5
    flags = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    return cv2.warpAffine(image, centred, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_CONSTANT)


def warp_mask(mask: np.ndarray, to_input: np.ndarray, input_size: int) -> np.ndarray:
    """A source mask (H, W), bool, seen on the input square: bool (input_size, input_size), nearest pixel."""
    return warp(mask.astype(np.uint8), to_input, (input_size, input_size), nearest=True).astype(bool)


def warp_to_source(grid: np.ndarray, to_input: np.ndarray, input_size: int, source_shape: Shape) -> np.ndarray:
    """Bring a coarse map over the input square to source pixels by a single bilinear interpolation.

    ``grid`` is (h, w); its cells evenly cover the ``input_size`` square and hold the value at their centre.
    ``to_input`` maps source to input pixels. Returns float32 ``source_shape`` (H, W). Beyond the outermost
    cell centres the nearest edge value is repeated, also for source pixels that a crop kept from the network.
    """
    grid = np.asarray(grid, dtype=np.float32)
    rows, columns = grid.shape
    # Source pixels → grid cells, both counted from their centres.
    matrix = compose(
        translation(0.5, 0.5),
        to_input,
        scaling(columns / input_size, rows / input_size),
        translation(-0.5, -0.5),
    )
    if matrix[0, 1] == 0.0 and matrix[1, 0] == 0.0:
        # No rotation: bilinear interpolation is then a product of two small matrices. OpenCV's warp rounds
        # positions to 1/32 cell, which shows as steps when one cell covers hundreds of film pixels.
        across = _interpolation(matrix[0, 0] * np.arange(source_shape[1]) + matrix[0, 2], columns)
        down = _interpolation(matrix[1, 1] * np.arange(source_shape[0]) + matrix[1, 2], rows)
        return (down @ grid) @ across.T
    return _sample(grid, matrix, source_shape)


def _interpolation(positions: np.ndarray, cells: int) -> np.ndarray:
    """Weights float32 (len(positions), cells) of linear interpolation at ``positions``, edges repeated."""
    positions = np.clip(positions, 0.0, cells - 1.0)
    return np.maximum(0.0, 1.0 - np.abs(positions[:, None] - np.arange(cells))).astype(np.float32)


def _sample(grid: np.ndarray, matrix: np.ndarray, shape: Shape) -> np.ndarray:
    """Bilinear samples of ``grid`` at ``matrix`` · (column, row, 1) for each pixel of ``shape``."""
    columns, rows = np.arange(shape[1]), np.arange(shape[0])[:, None]
    x = np.clip(matrix[0, 0] * columns + matrix[0, 1] * rows + matrix[0, 2], 0, grid.shape[1] - 1)
    y = np.clip(matrix[1, 0] * columns + matrix[1, 1] * rows + matrix[1, 2], 0, grid.shape[0] - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, grid.shape[1] - 1), np.minimum(top + 1, grid.shape[0] - 1)
    x, y = (x - left).astype(np.float32), (y - top).astype(np.float32)
    above = grid[top, left] * (1 - x) + grid[top, right] * x
    below = grid[bottom, left] * (1 - x) + grid[bottom, right] * x
    return above * (1 - y) + below * y
