"""VIA (VGG Image Annotator), project files of version 2.

A box is a "rect", outlines are "polygon", a point is "point". ``region_attributes`` hold ``label``, ``kind``,
``note``, ``mark``, ``reader`` and ``reading``, ``file_attributes`` the film's SHA-256 and size and, as JSON (VIA
keeps words only), its readings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError
from fracture_core.interchange.fields import as_number, mark_of, number, reading_fields, reading_id, words
from fracture_core.interchange.films import FilmReadings, Imported, InvalidFile, Notes, Sheet, assemble, within_reach
from fracture_core.marks import Mark

TITLE = "VIA"
VERTICES = 64  # of the polygon that stands for a circle or an ellipse
_REGION = ("label", "kind", "note", "mark", "reader", "reading")
_FILE = ("sha256", "size", "readings")


def write_via(films: FilmReadings) -> bytes:
    """One project, JSON, UTF-8. VIA asks once for the folder that the films lie in."""
    images: dict[str, Any] = {}
    for film, readings in films:
        key = film.name + "-1"  # VIA's key is the name and the size in bytes, -1 where that is not known
        while key in images:
            key += "-1"
        images[key] = {
            "filename": film.name,
            "size": -1,
            "regions": [_region(mark, reading) for reading in readings for mark in reading.marks],
            "file_attributes": {
                "sha256": film.sha256,
                "size": f"{film.width} x {film.height}",
                "readings": json.dumps([reading_fields(reading) for reading in readings], ensure_ascii=False),
            },
        }
    document = {
        "_via_settings": {
            "ui": {"image": {"region_label": "label", "region_color": "reader"}},
            "core": {"buffer_size": 18, "filepath": {}, "default_filepath": ""},
            "project": {"name": "readings"},
        },
        "_via_img_metadata": images,
        "_via_attributes": {"region": _described(_REGION), "file": _described(_FILE)},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(images),
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _described(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"type": "text", "description": name, "default_value": ""} for name in names}


def _region(mark: Mark, reading: Reading) -> dict[str, Any]:
    attributes = (mark.label, mark.kind, mark.note, mark.id, reading.reader, reading_id(reading))
    return {
        "shape_attributes": _shape(within_reach(mark)),
        "region_attributes": dict(zip(_REGION, attributes, strict=True)),
    }


def _shape(mark: Mark) -> dict[str, Any]:
    if mark.kind == "point":
        ((x, y),) = mark.points
        return {"name": "point", "cx": as_number(x), "cy": as_number(y)}
    if mark.kind == "box":
        left, top, right, bottom = mark.bounds
        values = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return {"name": "rect", **{name: as_number(value) for name, value in values.items()}}
    xs, ys = zip(*mark.points, strict=True)
    return {"name": "polygon", "all_points_x": [*map(as_number, xs)], "all_points_y": [*map(as_number, ys)]}


def read_via(
    content: bytes, films: Iterable[FilmEntry], *, reader: str | None = None, at: datetime | None = None
) -> Imported:
    """Readings from a project, or from VIA's "annotations as JSON"; see ``assemble`` for the arguments.

    A polyline is taken as a freehand outline, circles and ellipses as polygons of 64 vertices.

    Raises:
        InvalidFile: it is neither.
    """
    notes = Notes()
    try:
        document = json.loads(content)
        images = document.get("_via_img_metadata", document)
        sheets = [_sheet(image, notes) for image in images.values()]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidFile("This is no VIA project, version 2. Save the project again in VIA.") from error
    return assemble(sheets, films, title=TITLE, notes=notes, reader=reader, at=at)


def _sheet(image: Mapping[str, Any], notes: Notes) -> Sheet:
    attributes = image.get("file_attributes") or {}
    width, _, height = words(attributes.get("size")).partition(" x ")
    size = (number(width), number(height))
    told = attributes.get("readings")
    sheet = Sheet(
        name=str(image["filename"]),
        sha256=words(attributes.get("sha256")),
        size=(size[0], size[1]) if size[0] and size[1] else None,
        readings=[dict(fields) for fields in json.loads(told)] if told else None,
    )
    regions = image["regions"]
    for region in regions.values() if isinstance(regions, dict) else regions:  # version 1 numbers them
        fields = region.get("region_attributes") or {}
        try:
            kind, points = _points(region["shape_attributes"], fields.get("kind"), sheet.name, notes)
            named = {**fields, "label": _label(fields), "id": fields.get("mark")}
            sheet.marks.append((mark_of(kind, points, named), fields))
        except FractureError:
            notes.lose("A region that makes no mark left out", sheet.name)
    return sheet


def _label(fields: Mapping[str, Any]) -> str:
    """What is marked, by the attribute's usual names; "" when there is none."""
    return next((words(fields[name]) for name in ("label", "class", "name", "type") if words(fields.get(name))), "")


def _points(shape: Mapping[str, Any], kind: object, film: str, notes: Notes) -> tuple[str, list[tuple[float, float]]]:
    name = shape.get("name")
    if name == "point":
        return "point", [(shape["cx"], shape["cy"])]
    if name == "rect":
        x, y = float(shape["x"]), float(shape["y"])
        return "box", [(x, y), (x + float(shape["width"]), y + float(shape["height"]))]
    if name in ("circle", "ellipse"):
        notes.add("Circles and ellipses taken as polygons", film)
        return "polygon", _ellipse(shape)
    if name not in ("polygon", "polyline"):
        raise FractureError(f"A '{name}' is no shape of VIA's.")
    points = list(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
    return ("freehand" if kind == "freehand" or name == "polyline" else "polygon"), points


def _ellipse(shape: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Vertices on a circle (``r``) or an ellipse (``rx``, ``ry``, turned by ``theta``)."""
    turns = np.arange(VERTICES) * (2 * np.pi / VERTICES)
    theta = float(shape.get("theta", 0))
    along, across = (float(shape[side] if side in shape else shape["r"]) for side in ("rx", "ry"))
    x, y = along * np.cos(turns), across * np.sin(turns)
    xs = float(shape["cx"]) + x * np.cos(theta) - y * np.sin(theta)
    ys = float(shape["cy"]) + x * np.sin(theta) + y * np.cos(theta)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
