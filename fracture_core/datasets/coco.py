"""Outlines in COCO's object-detection form: ``images``, ``annotations`` with polygons or boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fracture_core.errors import DataSetError


class CocoOutlines(NamedTuple):
    """What a COCO file says.

    Attributes:
        polygons: file name as written there → its outlines, each float64 (N, 2) in source pixels (x, y).
        source: the file's own description and licence, "" where it gives none.
    """

    polygons: dict[str, tuple[np.ndarray, ...]]
    source: str


def read_coco(path: str | Path) -> CocoOutlines:
    """Read the outlines of every category; an annotation with a box alone gives the box's four corners.

    Raises:
        DataSetError: the file is no COCO JSON, or holds run-length masks instead of polygons.
    """
    path = Path(path)
    try:
        coco = json.loads(path.read_text(encoding="utf-8-sig"))
        names = {image["id"]: str(image["file_name"]) for image in coco["images"]}
        found: dict[str, list[np.ndarray]] = {}
        for annotation in coco["annotations"]:
            found.setdefault(names[annotation["image_id"]], []).extend(_rings(annotation, path))
        source = _source(coco)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataSetError(
            f"'{path}' is no COCO JSON with images and annotations. Export it again, or remove it: "
            "the films are read without outlines then."
        ) from error
    return CocoOutlines({name: tuple(rings) for name, rings in found.items() if rings}, source)


def _rings(annotation: dict[str, Any], path: Path) -> list[np.ndarray]:
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        raise DataSetError(f"'{path}' holds run-length masks, which are not read. Export the outlines as polygons.")
    if segmentation:
        return [np.asarray(ring, float).reshape(-1, 2) for ring in segmentation]
    if "bbox" not in annotation:
        return []
    x, y, width, height = (float(value) for value in annotation["bbox"])
    return [np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])]


def _source(coco: dict[str, Any]) -> str:
    parts = [(coco.get("info") or {}).get("description"), *(item.get("name") for item in coco.get("licenses") or [])]
    return "; ".join(str(part) for part in parts if part)
