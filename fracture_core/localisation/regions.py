"""Expert regions on a film: outlines as masks, and how far each pixel is from them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fracture_core.errors import FractureError
from fracture_core.marks import rasterise

Regions = np.ndarray | Sequence[np.ndarray]
"""One bool mask (H, W), or a list of masks and outlines: float (N, 2) vertices (x, y) in source pixels."""


def masks(regions: Regions, shape: tuple[int, int]) -> list[np.ndarray]:
    """Each region as bool (H, W).

    An outline too thin to hold a pixel's centre gives the pixels that its vertices lie in. A region that lies wholly
    beyond the film is left out.
    """
    listed = [regions] if isinstance(regions, np.ndarray) and regions.dtype == bool else list(regions)
    return [mask for region in listed if (mask := _mask(np.asarray(region), shape)).any()]


def union(regions: Regions, shape: tuple[int, int]) -> np.ndarray:
    """All regions as one mask, bool (H, W).

    Raises:
        FractureError: no region lies on the film.
    """
    if isinstance(regions, np.ndarray) and regions.dtype == bool and regions.any():
        assert regions.shape == shape, "a mask has the film's size"
        return regions
    found = masks(regions, shape)
    if not found:
        raise FractureError("No region lies on the film. Mark one, or check that the outlines belong to this film.")
    return np.logical_or.reduce(found)


def area_share(regions: Regions, shape: tuple[int, int]) -> float:
    """Share of the film that the regions cover together, in (0, 1]."""
    return float(union(regions, shape).mean())


def distance_map(mask: np.ndarray, *, spacing: tuple[float, float] | None = None) -> np.ndarray:
    """From each pixel's centre to the nearest centre in the mask, float (H, W); 0 inside.

    Args:
        mask: bool (H, W), not empty.
        spacing: (row, column) distance of neighbouring pixels in mm; the result then is in mm, else in pixels.
    """
    if spacing is not None and spacing[0] != spacing[1]:
        from scipy.ndimage import distance_transform_edt

        return np.asarray(distance_transform_edt(~mask, sampling=spacing))
    distances = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distances if spacing is None else distances * spacing[0]


def top_to_bottom(found: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Masks by the row of their centre, then the column: the order of "area 1", "area 2" (wang2024, Fig. 5)."""
    return sorted(found, key=lambda mask: tuple(float(places.mean()) for places in np.nonzero(mask)))


def _mask(region: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if region.dtype == bool:
        assert region.shape == shape, "a mask has the film's size"
        return region
    mask = rasterise([region], shape)
    if not mask.any():
        columns, rows = np.floor(region).astype(int).T
        on_film = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
        mask[rows[on_film], columns[on_film]] = True
    return mask
