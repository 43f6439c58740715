"""W3C Web Annotation, out only: an annotation per mark and one per reading (https://www.w3.org/TR/annotation-model/).

A film is named by its content, ``ni:///sha-256;...`` (RFC 6920). A box of whole pixels is a ``FragmentSelector``
(media fragments know no fractions), every other mark an ``SvgSelector`` in pixels.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.interchange.fields import as_text, reading_id
from fracture_core.interchange.films import FilmReadings, within_reach
from fracture_core.marks import Mark

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"


def write_web_annotation(films: FilmReadings) -> bytes:
    """One ``AnnotationCollection`` with all its items on one page, JSON-LD, UTF-8."""
    items = [item for film, readings in films for reading in readings for item in _annotations(film, reading)]
    document = {
        "@context": CONTEXT,
        "id": _urn("collection", *(item["id"] for item in items)),
        "type": "AnnotationCollection",
        "label": "Readings of radiographs",
        "total": len(items),
        "first": {"id": _urn("page", *(item["id"] for item in items)), "type": "AnnotationPage", "items": items},
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _annotations(film: FilmEntry, reading: Reading) -> list[dict[str, Any]]:
    """The reading itself, on the whole film, and its marks."""
    bodies = [_words(reading.finding, "classifying")]
    if reading.confidence is not None:
        bodies.append(_words(f"confidence {reading.confidence} of 100", "assessing"))
    if reading.shown != "nothing":
        bodies.append(_words(f"shown before: {reading.shown}", "describing"))
    if reading.note:
        bodies.append(_words(reading.note, "commenting"))
    found = [_annotation(reading, "reading", "classifying", bodies, source_of(film))]
    for place, mark in enumerate(reading.marks):
        bodies = [_words(mark.label, "tagging")]
        if mark.note:
            bodies.append(_words(mark.note, "commenting"))
        target = {"source": source_of(film), "selector": selector(mark)}
        found.append(_annotation(reading, f"mark {place}", "identifying", bodies, target))
    return found


def _annotation(
    reading: Reading, part: str, motivation: str, bodies: list[dict[str, str]], target: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": _urn(reading.film, reading_id(reading), part),
        "type": "Annotation",
        "motivation": motivation,
        "creator": {"type": "Person", "name": reading.reader},
        "created": reading.committed.isoformat().replace("+00:00", "Z"),
        "body": bodies,
        "target": target,
    }


def _words(value: str, purpose: str) -> dict[str, str]:
    return {"type": "TextualBody", "value": value, "purpose": purpose, "format": "text/plain"}


def source_of(film: FilmEntry) -> dict[str, str]:
    """The film as a resource named by its content."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(film.sha256)).rstrip(b"=").decode()
    return {"id": f"ni:///sha-256;{digest}", "type": "Image", "label": film.name}


def selector(mark: Mark) -> dict[str, str]:
    """The part of the film that a mark means."""
    mark = within_reach(mark)
    left, top, right, bottom = mark.bounds
    sides = (left, top, right - left, bottom - top)
    if mark.kind == "box" and all(side >= 0 and float(side).is_integer() for side in sides):
        value = "xywh=pixel:" + ",".join(as_text(side) for side in sides)
        return {"type": "FragmentSelector", "conformsTo": MEDIA_FRAGMENTS, "value": value}
    if mark.kind == "point":
        x, y = (as_text(value) for value in mark.points[0])
        shape = f'<circle cx="{x}" cy="{y}" r="0.5"/>'
    else:
        shape = '<polygon points="' + " ".join(f"{as_text(x)},{as_text(y)}" for x, y in mark.outline.tolist()) + '"/>'
    return {"type": "SvgSelector", "value": f'<svg xmlns="http://www.w3.org/2000/svg">{shape}</svg>'}


def _urn(*parts: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts)).urn
