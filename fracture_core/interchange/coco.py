"""COCO, object detection: polygons and boxes in pixels, the rest in ``attributes``.

A box has its ``bbox`` alone, an outline its ``segmentation`` too, a point a ``bbox`` without width and height.
Each annotation's ``attributes`` hold ``kind``, ``id``, ``note``, ``reader``, ``reading``, ``finding`` and
``confidence``; each image's ``attributes`` its ``readings``, so that films without marks keep their finding.
Coordinates in COCO count from the top-left corner of the top-left pixel, as ours do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError
from fracture_core.interchange.fields import area, as_number, mark_of, number, reading_fields, reading_id, words
from fracture_core.interchange.films import FilmReadings, Imported, InvalidFile, Notes, Sheet, assemble, within_reach
from fracture_core.marks import KINDS, LABEL, Mark

TITLE = "COCO"


def write_coco(films: FilmReadings) -> bytes:
    """One JSON file, UTF-8; films that nobody marked or read are in it too."""
    labels = {mark.label for _, readings in films for reading in readings for mark in reading.marks} | {LABEL}
    categories = {label: number_ for number_, label in enumerate(sorted(labels), 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (film, readings) in enumerate(films, 1):
        images.append(
            {
                "id": image_id,
                "file_name": film.name,
                "width": film.width,
                "height": film.height,
                "sha256": film.sha256,
                "attributes": {"readings": [reading_fields(reading) for reading in readings]},
            }
        )
        for reading in readings:
            for mark in reading.marks:
                head = {"id": len(annotations) + 1, "image_id": image_id, "category_id": categories[mark.label]}
                annotations.append({**head, **_annotation(mark, reading)})
    document = {
        "info": {"description": "Readings of radiographs; attributes hold what COCO has no place for"},
        "licenses": [],
        "categories": [{"id": id_, "name": label, "supercategory": ""} for label, id_ in categories.items()],
        "images": images,
        "annotations": annotations,
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _annotation(mark: Mark, reading: Reading) -> dict[str, Any]:
    mark = within_reach(mark)
    left, top, right, bottom = mark.bounds
    outlined = mark.kind in ("polygon", "freehand")
    return {
        "bbox": [as_number(value) for value in (left, top, right - left, bottom - top)],
        "area": as_number(area(mark)),
        "segmentation": [[as_number(value) for point in mark.points for value in point]] if outlined else [],
        "iscrowd": 0,
        "attributes": {
            "kind": mark.kind,
            "id": mark.id,
            "note": mark.note,
            "reader": reading.reader,
            "reading": reading_id(reading),
            "finding": reading.finding,
            "confidence": reading.confidence,
        },
    }


def read_coco(
    content: bytes, films: Iterable[FilmEntry], *, reader: str | None = None, at: datetime | None = None
) -> Imported:
    """Readings from COCO instances, our own or another tool's; see ``assemble`` for the arguments.

    Of another tool's, an annotation of several polygons becomes one mark for each, a run-length mask its box.

    Raises:
        InvalidFile: this is no COCO JSON with images and annotations.
    """
    notes = Notes()
    try:
        document = json.loads(content)
        sheets = {image["id"]: _sheet(image) for image in document["images"]}
        names = {category["id"]: words(category["name"]) for category in document.get("categories") or []}
        for annotation in document["annotations"]:
            sheet = sheets[annotation["image_id"]]
            sheet.marks += _marks(annotation, names, sheet, notes)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidFile(
            "This is no COCO JSON with images and annotations. Export it again as COCO instances."
        ) from error
    return assemble(sheets.values(), films, title=TITLE, notes=notes, reader=reader, at=at)


def _sheet(image: Mapping[str, Any]) -> Sheet:
    width, height = number(image.get("width")), number(image.get("height"))
    readings = (image.get("attributes") or {}).get("readings")
    return Sheet(
        name=str(image["file_name"]),
        sha256=words(image.get("sha256")),
        size=(width, height) if width and height else None,
        readings=[dict(fields) for fields in readings] if readings is not None else None,
    )


def _marks(
    annotation: Mapping[str, Any], names: Mapping[Any, str], sheet: Sheet, notes: Notes
) -> Iterator[tuple[Mark, Mapping[str, Any]]]:
    attributes = annotation.get("attributes") or {}
    fields = {**attributes, "label": names.get(annotation.get("category_id")) or LABEL}
    if annotation.get("keypoints"):
        notes.lose("Keypoints left out", sheet.name)
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, Mapping):
        notes.add("Run-length masks taken as their boxes", sheet.name)
        segmentation = []
    if segmentation and len(segmentation) > 1:
        notes.add("Annotations of several polygons taken as a mark for each", sheet.name)
    shapes = [_polygon(ring, attributes) for ring in segmentation or ()]
    if not shapes and annotation.get("bbox"):
        shapes = [_box(annotation["bbox"], attributes)]
    if not shapes and not annotation.get("keypoints"):
        notes.lose("Annotations with neither outline nor box left out", sheet.name)
    for kind, points in shapes:
        try:
            yield mark_of(kind, points, fields), attributes
        except FractureError:
            notes.lose(f"A {kind} without the points it needs left out", sheet.name)


def _polygon(ring: list[float], attributes: Mapping[str, Any]) -> tuple[str, list[tuple[float, float]]]:
    kind = attributes.get("kind")
    return kind if kind in KINDS and kind == "freehand" else "polygon", list(zip(ring[::2], ring[1::2], strict=True))


def _box(bbox: list[float], attributes: Mapping[str, Any]) -> tuple[str, list[tuple[float, float]]]:
    """A box; a point where it has no size, unless it says itself that it is a box."""
    x, y, width, height = (float(value) for value in bbox)
    point = width == height == 0 and attributes.get("kind") != "box"
    return ("point", [(x, y)]) if point else ("box", [(x, y), (x + width, y + height)])
