"""Formats that readings only leave by: W3C Web Annotation and pictures."""

from __future__ import annotations

import base64
import json
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from interchange_made import MARKS, film, reading

from fracture_core.annotations import FilmEntry
from fracture_core.errors import FractureError
from fracture_core.interchange import export_readings, write_png, write_web_annotation
from fracture_core.interchange.picture import COLOURS, colour, fitted, legend_line
from fracture_core.interchange.web_annotation import selector
from fracture_core.marks import Mark
from fracture_core.overlay import encode_png


def test_web_annotations():
    entry = film()
    given = reading(entry, "Ada", MARKS, note='see "left" <side>', shown="prediction")
    document = json.loads(write_web_annotation([(entry, [given])]))
    assert document["@context"] == "http://www.w3.org/ns/anno.jsonld" and document["type"] == "AnnotationCollection"
    whole, *marks = document["first"]["items"]
    assert document["total"] == 5 and len(marks) == 4
    assert len({item["id"] for item in (whole, *marks)}) == 5 and whole["id"].startswith("urn:uuid:")
    assert {body["purpose"]: body["value"] for body in whole["body"]} == {
        "classifying": "fracture",
        "assessing": "confidence 80 of 100",
        "describing": "shown before: prediction",
        "commenting": 'see "left" <side>',
    }
    assert whole["creator"] == {"type": "Person", "name": "Ada"} and whole["created"] == "2024-05-06T07:08:09Z"
    scheme, digest = whole["target"]["id"].split(";")
    assert scheme == "ni:///sha-256" and base64.urlsafe_b64decode(digest + "=").hex() == entry.sha256
    assert all(item["target"]["source"]["id"] == whole["target"]["id"] for item in marks)


def test_selectors_are_exact():
    whole_pixels = selector(Mark("box", ((30, 40), (10, 20))))
    assert whole_pixels["type"] == "FragmentSelector" and whole_pixels["value"] == "xywh=pixel:10,20,20,20"
    for mark in MARKS[:3]:
        svg = ElementTree.fromstring(selector(mark)["value"])
        points = [[float(v) for v in pair.split(",")] for pair in svg[0].get("points", "").split()]
        np.testing.assert_array_equal(points, mark.outline)
    circle = ElementTree.fromstring(selector(MARKS[3])["value"])[0]
    assert (circle.get("cx"), circle.get("cy")) == ("300.75", "111.5")
    assert selector(Mark("box", ((-1, 2), (3, 4))))["type"] == "SvgSelector"  # media fragments know no minus


def _picture(data: bytes) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def test_a_picture_has_outlines_where_they_were_drawn():
    pixels = np.zeros((480, 640), np.float32)
    box = Mark("box", ((100, 200), (300, 400)))
    picture = _picture(write_png(pixels, [reading(film(), "Ada", [box]), reading(film(), "Bob", [MARKS[3]])]))
    assert picture.shape[1] == 640 and picture.shape[0] > 480
    drawn = (picture[:480] == COLOURS[0]).all(axis=-1)
    drawn[:200, :] = False  # the reader's number stands above
    rows, columns = np.nonzero(drawn)
    # the outline runs along pixel edges, so the pixels on either side of one may carry it
    assert abs(rows.min() - 200) <= 1 and abs(rows.max() - 400) <= 1
    assert abs(columns.min() - 100) <= 1 and abs(columns.max() - 300) <= 1
    assert not drawn[210:390, 110:290].any()
    assert (picture[111, 290:312] == COLOURS[1]).all(axis=-1).any()
    assert (picture[480:] == COLOURS[0]).all(axis=-1).any() and (picture[480:] == COLOURS[1]).all(axis=-1).any()


def test_the_legend_says_it_in_words_and_fits():
    given = reading(film(), "Ada", MARKS[:1], shown="heatmap")
    assert legend_line(1, given) == "1  Ada: fractured, 80 of 100, 1 mark (shown heatmap before)"
    assert legend_line(2, reading(film(), confidence=None)) == "2  Ada: not fractured, 0 marks"
    cut = fitted("a very long name " * 9, 90, 12)
    assert cut.endswith("…") and 2 < len(cut) < 30 and fitted("a", 90, 12) == "a"
    assert colour(1) == colour(1 + len(COLOURS))


def test_pictures_of_odd_sizes_and_marks_far_outside():
    far = Mark("polygon", ((-1e9, 3), (1e9, 4), (2, 1e9)))
    for shape in ((1, 1), (3, 500), (40, 7)):
        picture = _picture(write_png(np.zeros(shape, np.uint8), [reading(film(), marks=[far, MARKS[3]])]))
        assert picture.shape[1] == shape[1]
    assert _picture(write_png(np.zeros((50, 60)), [])).shape[1] == 60


def test_pictures_of_a_work_list():
    content = encode_png(np.zeros((48, 64), np.uint8))
    entry, unread = FilmEntry("ab" * 32, "hand.png", 64, 48), film("unread.png")
    made = export_readings("png", [(entry, [reading(entry)]), (unread, [])], content=lambda _: content)
    assert list(made.files) == ["hand.png"] and made.notes == ()
    broken = export_readings(
        "png",
        [(entry, [reading(entry)]), (film(), [reading(film())])],
        content=lambda one: content if one == entry else b"text",
    )
    assert broken.left_out == 1 and "wrist.png" in broken.notes[0]
    with pytest.raises(FractureError, match="no readings"):
        export_readings("png", [(unread, [])])
