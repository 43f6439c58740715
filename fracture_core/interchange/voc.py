"""Pascal VOC: one XML file per film, a folder per reader.

A box is a ``bndbox``. An outline has its box and a ``polygon`` (``x1``, ``y1``, ``x2``, ...) beside it, the
extension that annotation tools share; a point has a box without extent. Coordinates are written as they are, with
their fractions, from the top-left corner of the top-left pixel, as today's tools write them (the first VOC counted
pixels from 1). What VOC has no place for lies as JSON in ``attributes``: ``reading`` and ``film`` of the file,
``mark`` of each object.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError
from fracture_core.interchange.fields import as_text, mark_of, number, reading_fields
from fracture_core.interchange.films import (
    FilmReadings,
    Imported,
    InvalidFile,
    Notes,
    Sheet,
    assemble,
    distinct_stems,
    layers,
)
from fracture_core.marks import LABEL, Mark

TITLE = "Pascal VOC"
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2; CR does not last


def write_voc(films: FilmReadings) -> dict[str, bytes]:
    """``reader/film.xml`` for every reading; films that nobody read have none."""
    stems = distinct_stems(film for film, _ in films)
    return {
        f"{folder}/{stems[film.sha256]}.xml": _document(film, reading)
        for folder, members in layers(films).items()
        for film, reading in members
    }


def _document(film: FilmEntry, reading: Reading) -> bytes:
    root = ElementTree.Element("annotation")
    _text(root, "filename", film.name)
    _text(ElementTree.SubElement(root, "source"), "annotation", reading.reader)
    size = ElementTree.SubElement(root, "size")
    for name, value in (("width", film.width), ("height", film.height), ("depth", 1)):
        _text(size, name, str(value))
    _text(root, "segmented", "0")
    _attributes(root, {"film": {"name": film.name, "sha256": film.sha256}, "reading": reading_fields(reading)})
    for mark in reading.marks:
        _object(root, mark)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _object(root: ElementTree.Element, mark: Mark) -> None:
    item = ElementTree.SubElement(root, "object")
    _text(item, "name", mark.label)
    for name, word in (("pose", "Unspecified"), ("truncated", "0"), ("difficult", "0")):
        _text(item, name, word)
    box = ElementTree.SubElement(item, "bndbox")
    for name, value in zip(_CORNERS, mark.bounds, strict=True):
        _text(box, name, as_text(value))
    if mark.kind in ("polygon", "freehand"):
        polygon = ElementTree.SubElement(item, "polygon")
        for place, (x, y) in enumerate(mark.points, 1):
            _text(polygon, f"x{place}", as_text(x))
            _text(polygon, f"y{place}", as_text(y))
    _attributes(item, {"mark": {"kind": mark.kind, "label": mark.label, "note": mark.note, "id": mark.id}})


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _fit(text)


def _fit(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _attributes(parent: ElementTree.Element, values: Mapping[str, Any]) -> None:
    """Name and value, as CVAT has them; JSON in ASCII, which keeps every character through XML."""
    attributes = ElementTree.SubElement(parent, "attributes")
    for name, value in values.items():
        attribute = ElementTree.SubElement(attributes, "attribute")
        _text(attribute, "name", name)
        _text(attribute, "value", json.dumps(value))


def read_voc(
    content: bytes | Mapping[str, bytes],
    films: Iterable[FilmEntry],
    *,
    reader: str | None = None,
    at: datetime | None = None,
) -> Imported:
    """Readings from one file or a folder of them, our own or another tool's; see ``assemble`` for the arguments.

    Files of a folder that do not end in ``.xml`` are passed over.

    Raises:
        InvalidFile: a file is no Pascal VOC annotation, or the folder holds none.
    """
    files = {"the file": content} if isinstance(content, bytes) else content
    chosen = {path: data for path, data in files.items() if isinstance(content, bytes) or _is_xml(path)}
    if not chosen:
        raise InvalidFile("The folder holds no .xml file. Name the folder of the Pascal VOC annotations.")
    notes = Notes()
    sheets = {path: _sheet(path, data, notes) for path, data in sorted(chosen.items())}
    if reader is None:
        _readers_by_folder(sheets, notes)
    return assemble(sheets.values(), films, title=TITLE, notes=notes, reader=reader, at=at)


def _readers_by_folder(sheets: Mapping[str, Sheet], notes: Notes) -> None:
    """Give the marks of nobody to their folders, where several folders hold one film: they are several people's."""
    nobodys = {path: sheet for path, sheet in sheets.items() if sheet.readings is None}
    held = Counter(name for name, _ in {(sheet.name, _folder(path)) for path, sheet in nobodys.items()})
    several = sorted(name for name, folders in held.items() if folders > 1)
    for name in several:
        notes.add("In several folders, so each folder was taken for a reader", name)
    for path, sheet in nobodys.items() if several else ():
        sheet.reader = _folder(path)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent).removeprefix(".")


def _is_xml(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() == ".xml"


def _sheet(path: str, data: bytes, notes: Notes) -> Sheet:
    try:
        if b"<!ENTITY" in data:
            raise ValueError("entities have no place in an annotation")
        root = ElementTree.fromstring(data)
        told = _told(root)
        film, reading = told.get("film", {}), told.get("reading")
        name = str(film.get("name") or root.findtext("filename") or PurePosixPath(path).stem)
        width, height = number(root.findtext("size/width")), number(root.findtext("size/height"))
        sheet = Sheet(
            name=name,
            sha256=str(film.get("sha256", "")),
            size=(width, height) if width and height else None,
            readings=[reading] if reading else None,
        )
        owner = {"reading": reading.get("id")} if reading else {}
        for item in root.iterfind("object"):
            fields = _fields(item)
            try:
                sheet.marks.append((_mark(item, fields), owner))
            except FractureError:
                notes.lose("An object without the points it needs left out", name)
        return sheet
    except (ElementTree.ParseError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidFile(f"'{path}' is no Pascal VOC annotation. Export it again, or take it out.") from error


def _told(element: ElementTree.Element) -> dict[str, Any]:
    """Our own attributes; those of other tools hold no JSON objects and are left aside."""
    found: dict[str, Any] = {}
    for attribute in element.iterfind("attributes/attribute"):
        name, value = attribute.findtext("name") or "", attribute.findtext("value") or ""
        if name in ("film", "reading", "mark") and value.startswith("{"):
            found[name] = json.loads(value)
    return found


def _fields(item: ElementTree.Element) -> dict[str, Any]:
    """What is told of a mark; its name as the object has it now, for another tool may have changed that."""
    fields, name = _told(item).get("mark", {}), item.findtext("name") or ""
    return (
        fields if _fit(str(fields.get("label", ""))) == name and name else {**fields, "label": name.strip() or LABEL}
    )


def _mark(item: ElementTree.Element, fields: Mapping[str, Any]) -> Mark:
    kind = fields.get("kind")
    polygon = item.find("polygon")
    if polygon is not None and len(polygon):
        points = _polygon(polygon)
        return mark_of("freehand" if kind == "freehand" else "polygon", points, fields)
    box = [number(item.findtext(f"bndbox/{name}")) for name in _CORNERS]
    left, top, right, bottom = (float("nan") if value is None else value for value in box)
    if kind == "point":
        return mark_of("point", [(left, top)], fields)
    return mark_of("box", [(left, top), (right, bottom)], fields)


def _polygon(polygon: ElementTree.Element) -> list[tuple[float, float]]:
    """``x1``, ``y1``, ``x2``, ... in any order, or LabelMe's ``pt`` with ``x`` and ``y``."""
    if polygon.find("pt") is not None:
        return [(float(pt.findtext("x", "")), float(pt.findtext("y", ""))) for pt in polygon.iterfind("pt")]
    values = {child.tag: float(child.text or "") for child in polygon if re.fullmatch(r"[xy]\d+", child.tag)}
    places = sorted(int(tag[1:]) for tag in values if tag[0] == "x")
    return [(values[f"x{place}"], values.get(f"y{place}", float("nan"))) for place in places]
