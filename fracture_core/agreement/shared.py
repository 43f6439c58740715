"""The places on a film that anybody marked, each with those who marked it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.agreement.regions import Shape
from fracture_core.marks import Mark, region_mask


@dataclass(frozen=True, eq=False)
class SharedRegion:
    """One place: readers' regions that touch one another are one.

    Attributes:
        mask: bool (H, W), the union of what was marked there.
        readers: who marked it, in the order given.
        shares: of the union's area that each of them marked, in (0, 1].
    """

    mask: np.ndarray
    readers: tuple[str, ...]
    shares: tuple[float, ...]


def shared_regions(readers: Mapping[str, Sequence[Mark]], shape: Shape) -> list[SharedRegion]:
    """Connected parts of all readers' regions together, top to bottom; points mark no region."""
    import cv2

    masks = {name: region_mask(marks, shape) for name, marks in readers.items()}
    if not masks:
        return []
    union = np.logical_or.reduce(list(masks.values()))
    count, parts = cv2.connectedComponents(union.astype(np.uint8), connectivity=8)
    found = []
    for number in range(1, count):
        place = parts == number
        shares = {name: float(mask[place].mean()) for name, mask in masks.items() if mask[place].any()}
        found.append(SharedRegion(place, tuple(shares), tuple(shares.values())))
    return sorted(found, key=lambda region: tuple(float(places.mean()) for places in np.nonzero(region.mask)))
