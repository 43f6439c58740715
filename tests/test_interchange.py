"""Readings out of and into COCO, Pascal VOC, YOLO, VIA and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interchange_made import AT, MARKS, assert_same, film, film_readings, reading

from fracture_core.errors import UnknownName
from fracture_core.interchange import (
    FORMATS,
    InvalidFile,
    export_readings,
    import_readings,
    read_coco,
    read_csv,
    read_via,
    read_voc,
    read_yolo,
    readable,
    write_coco,
    write_csv,
    write_via,
    write_voc,
    write_web_annotation,
    write_yolo,
)
from fracture_core.interchange.films import FARTHEST, Sheet, distinct_stems, safe_name
from fracture_core.marks import Mark

WITHIN = {"yolo": 0.01}


@pytest.mark.parametrize("name", readable())
@settings(max_examples=25, deadline=None)
@given(made=film_readings())
def test_every_reading_comes_back(name, made):
    files = export_readings(name, made).files
    if not files:
        assert not any(readings for _, readings in made)
        return
    content = files[FORMATS[name].file] if FORMATS[name].file else files
    found = import_readings(name, content, [entry for entry, _ in made], at=AT)
    assert_same(found.readings, [one for _, readings in made for one in readings], within=WITHIN.get(name, 1e-6))
    assert found.left_out == 0 and found.notes == ()


@pytest.mark.parametrize("name", readable())
def test_files_are_the_same_each_time_and_readings_get_their_origin(name):
    entry = film()
    made = [(entry, [reading(entry, marks=MARKS)])]
    first = export_readings(name, made).files
    assert first == export_readings(name, made).files
    found = import_readings(name, first, [entry], at=AT).readings
    assert [one.origin for one in found] == [f"imported from {FORMATS[name].title.partition(' (')[0]}"]
    again = import_readings(name, export_readings(name, [(entry, found)]).files, [entry], at=AT).readings
    assert again == found


def test_coco_is_what_its_tools_expect():
    entry, other = film(), film("clear.png")
    document = json.loads(write_coco([(entry, [reading(entry, marks=MARKS)]), (other, [])]))
    assert [image["file_name"] for image in document["images"]] == ["wrist.png", "clear.png"]
    box, polygon, freehand, point = document["annotations"]
    assert box["bbox"] == [10.5, 20.25, 99.625, 69.75] and box["segmentation"] == [] and box["iscrowd"] == 0
    assert box["area"] == pytest.approx(99.625 * 69.75)
    assert polygon["segmentation"] == [[30.1, 40.2, 80.3, 45.4, 60.5, 99.6]]
    assert polygon["bbox"] == pytest.approx([30.1, 40.2, 50.2, 59.4])
    assert polygon["area"] == pytest.approx(0.5 * abs(50.2 * 59.4 - 30.4 * 5.2))
    assert point["bbox"] == [300.75, 111.5, 0, 0] and point["area"] == 0
    names = {category["id"]: category["name"] for category in document["categories"]}
    assert names[freehand["category_id"]] == "callus" and names[box["category_id"]] == "fracture"
    assert box["attributes"]["reader"] == "Ada" and box["attributes"]["kind"] == "box"
    assert len({annotation["id"] for annotation in document["annotations"]}) == 4


def _foreign_coco(**annotation: object) -> bytes:
    return json.dumps(
        {
            "images": [{"id": 7, "file_name": "images/wrist.png", "width": 640, "height": 480}],
            "annotations": [{"id": 1, "image_id": 7, "category_id": 3, **annotation}],
            "categories": [{"id": 3, "name": "fx"}],
        }
    ).encode()


def test_foreign_coco_polygons_and_masks():
    entry = film()
    rings = [[1, 2, 3, 4, 5, 1], [9, 9, 12, 9, 12, 12]]
    found = read_coco(_foreign_coco(segmentation=rings, bbox=[1, 1, 4, 3]), [entry], reader="Bob", at=AT)
    (one,) = found.readings
    assert (one.reader, one.finding, one.committed, one.origin) == ("Bob", "fracture", AT, "imported from COCO")
    assert [mark.points for mark in one.marks] == [((1, 2), (3, 4), (5, 1)), ((9, 9), (12, 9), (12, 12))]
    assert one.marks[0].label == "fx" and found.left_out == 0
    assert found.notes == ("Annotations of several polygons taken as a mark for each: images/wrist.png",)

    masked = _foreign_coco(segmentation={"counts": [3, 4], "size": [480, 640]}, bbox=[1, 1, 4, 3])
    found = read_coco(masked, [entry], at=AT)
    assert found.readings[0].marks[0].points == ((1, 1), (5, 4)) and "Run-length masks" in found.notes[0]
    assert read_coco(masked, [entry], at=AT).readings[0].id == found.readings[0].id

    found = read_coco(_foreign_coco(segmentation=[[1, 2, 3, 4]]), [entry], at=AT)
    assert found.left_out == 1 and "without the points it needs" in found.notes[0]


def test_a_foreign_image_without_annotations_was_read_as_clear_and_that_is_said():
    document = json.dumps({"images": [{"id": 1, "file_name": "wrist.png"}], "annotations": []}).encode()
    found = read_coco(document, [film()], at=AT)
    assert [one.finding for one in found.readings] == ["none"] and "without marks" in found.notes[0].casefold()
    ours = read_coco(write_coco([(film(), [])]), [film()], at=AT)
    assert ours.readings == () and ours.notes == ()


def test_films_are_matched_by_content_then_by_name_and_what_does_not_fit_is_said():
    entry = film()
    content = write_coco([(entry, [reading(entry, marks=MARKS)])])
    renamed = replace(entry, name="other.png")
    assert read_coco(content, [renamed]).readings[0].film == renamed.sha256
    copied = film(seed=1)
    found = read_coco(content, [copied])
    assert found.readings[0].film == copied.sha256 and "bytes are others" in found.notes[0]

    for known, word in (
        ([], "no such film is known here"),
        ([film("ankle.png")], "no such film is known here"),
        ([film(seed=1), film(seed=2)], "2 films here have that name"),
        ([replace(copied, width=320)], "640 x 480 there and 320 x 480 here"),
    ):
        found = read_coco(content, known)
        assert found.readings == () and found.left_out == 1
        assert found.notes[0].startswith("Left out with 4 marks, because ") and word in found.notes[0]

    turned = replace(copied, width=480, height=640)
    found = read_coco(content, [turned])
    assert found.readings[0].film == turned.sha256 and "the other way round" in found.notes[0]
    wide = write_coco([(entry, [reading(entry, marks=[Mark("point", ((600.0, 5.0),))])])])
    assert read_coco(wide, [turned]).readings == ()  # does not fit the film upright


@pytest.mark.parametrize("name", readable())
def test_accents_are_the_same_however_they_are_encoded(name):
    composed, apart = (unicodedata.normalize(form, "Überlänge é.png") for form in ("NFC", "NFD"))
    assert composed != apart
    for there, here in ((composed, apart), (apart, composed)):
        entry, known = film(there), film(here, seed=1)
        files = dict(export_readings(name, [(entry, [reading(entry)])]).files)
        files.pop("Ada/readings.csv", None)  # beside YOLO's labels, which are matched by their own names
        found = import_readings(name, files, [known], at=AT)
        assert [one.film for one in found.readings] == [known.sha256]
    both = read_csv(f"film,finding\n{apart},none\n".encode(), [film(composed), film(apart)])
    assert "2 films here have that name" in both.notes[0]


_FAR = [
    Mark("box", ((-1.7e308, 3.0), (1.7e308, 1e160)), id="a"),
    Mark("polygon", ((0.0, 0.0), (1e300, 1e-3), (5.0, -1e300)), id="b"),
    Mark("point", ((1e160, -1e160),), id="c"),
]


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "via", "csv", "w3c"])
def test_marks_far_outside_any_film_are_exported(name):
    entry = film()
    made = export_readings(name, [(entry, [reading(entry, marks=[*_FAR, *MARKS])])])
    assert not [path for path, data in made.files.items() if re.search(rb"\b(inf|nan|Infinity|NaN)\b", data)]
    moved = "Marks far outside any film were moved nearer to it: wrist.png"
    assert (moved in made.notes) is (name not in ("voc", "csv"))  # which keep them as they are
    near = export_readings(name, [(entry, [reading(entry, marks=MARKS)])])
    assert moved not in near.notes


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=3, max_size=6))
def test_no_outline_stops_an_export(points):
    entry = film()
    made = [(entry, [reading(entry, marks=[Mark("polygon", tuple(points), id="a"), Mark("box", tuple(points[:2]))])])]
    for write in (write_coco, write_via, write_voc, write_yolo, write_csv, write_web_annotation):
        write(made)


def test_marks_far_outside_any_film_are_not_imported():
    entry = film()
    found = read_coco(_foreign_coco(bbox=[1, 2, 1e160, 3]), [entry], at=AT)
    assert found.readings == () and found.left_out == 1, "a film that somebody marked was not found clear"
    assert "A box with a point far outside any film left out: images/wrist.png" in found.notes
    given_ = reading(entry, marks=[*_FAR, *MARKS])
    for name in ("voc", "csv"):
        found = import_readings(name, export_readings(name, [(entry, [given_])]).files, [entry])
        assert_same(found.readings, [replace(given_, marks=MARKS)])
        assert found.left_out == 3
    edge = reading(entry, marks=[Mark("point", ((FARTHEST, -FARTHEST),))])
    assert_same(read_csv(write_csv([(entry, [edge])]), [entry]).readings, [edge])


def test_marks_of_nobody_stay_apart_from_those_of_somebody():
    entry = film()
    document = json.loads(write_coco([(entry, [reading(entry, marks=MARKS[:1])])]))
    document["annotations"].append({"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]})
    found = read_coco(json.dumps(document).encode(), [entry], reader="Bob", at=AT).readings
    assert {one.reader: len(one.marks) for one in found} == {"Ada": 1, "Bob": 1}


def test_voc_files_hold_boxes_polygons_and_size():
    entry = film()
    files = write_voc([(entry, [reading(entry, marks=MARKS), reading(entry, "Bob"), reading(entry, "bob")])])
    assert sorted(files) == ["Ada/wrist.xml", "Bob/wrist.xml", "bob (2)/wrist.xml"]
    root = ElementTree.fromstring(files["Ada/wrist.xml"])
    assert [root.findtext(f"size/{side}") for side in ("width", "height", "depth")] == ["640", "480", "1"]
    box, polygon, _, point = root.iterfind("object")
    assert [box.findtext(f"bndbox/{c}") for c in ("xmin", "ymin", "xmax", "ymax")] == [
        "10.5",
        "20.25",
        "110.125",
        "90",
    ]
    assert [e.tag for e in polygon.find("polygon")] == ["x1", "y1", "x2", "y2", "x3", "y3"]
    assert polygon.findtext("bndbox/xmax") == "80.3" and point.findtext("bndbox/xmin") == "300.75"


def test_foreign_voc():
    content = b"""<annotation><filename>wrist.png</filename><size><width>640</width><height>480</height></size>
    <object><name>fx</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>15</xmax><ymax>26</ymax></bndbox>
    <attributes><attribute><name>mark</name><value>7</value></attribute></attributes></object>
    <object><name>fx</name><polygon><pt><x>1</x><y>2</y></pt><pt><x>3</x><y>4</y></pt><pt><x>5</x><y>1</y></pt></polygon>
    </object><object><name>bad</name></object></annotation>"""
    found = read_voc(content, [film()], at=AT)
    assert [(m.kind, m.points, m.label) for m in found.readings[0].marks] == [
        ("box", ((5, 6), (15, 26)), "fx"),
        ("polygon", ((1, 2), (3, 4), (5, 1)), "fx"),
    ]
    assert found.left_out == 1 and found.readings[0].reader == "Pascal VOC"
    renamed = write_voc([(film(), [reading(film(), marks=MARKS[:1])])])
    edited = renamed["Ada/wrist.xml"].replace(b"<name>fracture</name>", b"<name>avulsion</name>")
    assert read_voc(edited, [film()]).readings[0].marks[0].label == "avulsion"


def test_voc_folders_that_share_a_film_are_several_readers():
    entry = film("a.png", 64, 64)

    def of(left: int) -> bytes:
        return (
            f"<annotation><filename>a.png</filename><object><name>fracture</name><bndbox><xmin>{left}</xmin>"
            f"<ymin>1</ymin><xmax>{left + 9}</xmax><ymax>9</ymax></bndbox></object></annotation>"
        ).encode()

    two = import_readings("voc", {"Anna/a.xml": of(1), "Ben/a.xml": of(50)}, [entry])
    found = {one.reader: one.marks[0].points for one in two.readings}
    assert found == {"Anna": ((1.0, 1.0), (10.0, 9.0)), "Ben": ((50.0, 1.0), (59.0, 9.0))}
    assert two.notes == ("In several folders, so each folder was taken for a reader: a.png",)
    one = import_readings("voc", {"Annotations/a.xml": of(1)}, [entry], reader="Cleo")
    assert [each.reader for each in one.readings] == ["Cleo"]
    own = import_readings("voc", {"train/a.xml": of(1), "val/a.xml": of(50)}, [entry], reader="Cleo")
    assert {each.reader for each in own.readings} == {"Cleo"}
    broken = b"<annotation><filename>a.png</filename><object><name>fracture</name></object></annotation>"
    two = import_readings("voc", {"Anna/a.xml": of(1), "Ben/a.xml": broken}, [entry])
    assert [each.reader for each in two.readings] == ["Anna"], "Ben did mark it"
    clear = b"<annotation><filename>a.png</filename></annotation>"
    two = import_readings("voc", {"Anna/a.xml": of(1), "Ben/a.xml": clear}, [entry])
    assert {each.reader: each.finding for each in two.readings} == {"Anna": "fracture", "Ben": "none"}


def test_voc_refuses_entities():
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><annotation><filename>&b;</filename></annotation>'
    with pytest.raises(InvalidFile):
        read_voc(bomb, [film()])


def test_yolo_lines_are_detection_or_segmentation_never_both():
    entry = film()
    boxes = write_yolo([(entry, [reading(entry, marks=MARKS[:1])])])
    assert sorted(boxes) == ["Ada/data.yaml", "Ada/labels/wrist.txt", "Ada/readings.csv"]
    number, *values = boxes["Ada/labels/wrist.txt"].split()
    assert number == b"0"
    expected = [(10.5 + 110.125) / 2 / 640, (20.25 + 90) / 2 / 480, 99.625 / 640, 69.75 / 480]
    np.testing.assert_allclose([float(value) for value in values], expected, atol=1e-9)

    both = write_yolo([(entry, [reading(entry, marks=MARKS)])])
    lines = both["Ada/labels/wrist.txt"].decode().splitlines()
    assert [len(line.split()) for line in lines] == [9, 7, 9]  # a box by its corners; the point has no line
    assert [line.split()[0] for line in lines] == ["1", "1", "0"]
    assert b"segment" in both["Ada/data.yaml"] and b"detect" in boxes["Ada/data.yaml"]
    assert "Points have no place" in export_readings("yolo", [(entry, [reading(entry, marks=MARKS)])]).notes[0]


def test_yolo_lines_edited_elsewhere_are_taken():
    entry = film()
    files = write_yolo([(entry, [reading(entry, marks=MARKS)])])
    path = "Ada/labels/wrist.txt"
    lines = files[path].decode().splitlines()
    moved = "1 " + " ".join(f"{float(value) + 0.1:.6f}" for value in lines[0].split()[1:])
    (one,) = read_yolo({**files, path: "\n".join([moved, *lines[1:]]).encode()}, [entry], at=AT).readings
    assert [mark.kind for mark in one.marks] == ["box", "polygon", "freehand", "point"]
    np.testing.assert_allclose(one.marks[0].bounds, [74.5, 68.25, 174.125, 138.0], atol=0.01)
    assert one.marks[0].note == "cortex" and one.marks[1:] == MARKS[1:]

    found = read_yolo({**files, path: lines[1].encode()}, [entry], at=AT)
    assert [mark.kind for mark in found.readings[0].marks] == ["polygon", "point"]
    assert "Lines were added or removed" in found.notes[0]


def test_foreign_yolo():
    files = {
        "data.yaml": b"names: [no, fx]\nnc: 2\n",
        "labels/train/wrist.txt": b"1 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.1 0.1 0.93\n",
        "labels/train/nowhere.txt": b"0 0 0 1 1 1 0\n",
        "train.txt": b"images/wrist.png\n",
    }
    found = read_yolo(files, [film()], reader="Bob", at=AT)
    (one,) = found.readings
    assert one.marks[0].points == ((240, 120), (400, 360)) and one.marks[0].label == "fx" and one.reader == "Bob"
    assert found.left_out == 1 and any("Confidences" in note for note in found.notes)
    flat = read_yolo({"wrist.txt": b"0 0 0 1 0 1 1\n"}, [film()], at=AT).readings[0]
    assert flat.marks[0].points == ((0, 0), (640, 0), (640, 480)) and flat.marks[0].label == "fracture"


_ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{name}: &{name} [{','.join(9 * [f'*{before}'])}]\n".encode()
    for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize("names", [b"[*f]", b"{0: *f}", b"[[fx]]", b"[{fx: 1}]", b"[fx, null]", b"[2024-01-02]"])
def test_classes_of_yolo_are_named_by_words(names):
    files = {"labels/wrist.txt": b"0 0.5 0.5 0.25 0.5\n", "data.yaml": _ALIASES + b"names: " + names}
    with pytest.raises(InvalidFile, match=r"'data\.yaml' names a class by something else than a word\. Write each"):
        read_yolo(files, [film()])


@pytest.mark.parametrize("names", [b"{.inf: fx}", b"[" * 5000, b"{[1]: fx}"])
def test_odd_classes_of_yolo_are_refused(names):
    files = {"labels/wrist.txt": b"", "data.yaml": b"names: " + names}
    with pytest.raises(InvalidFile, match="names no classes"):
        read_yolo(files, [film()])


@pytest.mark.parametrize(
    ("name", "label"), [("fx", "fx"), ("7", "7"), ("1.5", "1.5"), ("no", "False"), ("'no'", "no")]
)
def test_plain_classes_of_yolo(name, label):
    files = {"labels/wrist.txt": b"0 0.5 0.5 0.25 0.5\n", "data.yaml": f"names: [{name}]".encode()}
    assert read_yolo(files, [film()]).readings[0].marks[0].label == label


def test_foreign_via():
    shapes = [
        {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
        {"name": "polyline", "all_points_x": [1, 5, 3], "all_points_y": [1, 1, 6]},
        {"name": "circle", "cx": 50, "cy": 60, "r": 10},
        {"name": "ellipse", "cx": 50, "cy": 60, "rx": 20, "ry": 10, "theta": np.pi / 2},
        {"name": "polyline", "all_points_x": [1, 5], "all_points_y": [1, 1]},
        {"name": "star"},
    ]
    regions = [{"shape_attributes": shape, "region_attributes": {"type": "fx"}} for shape in shapes]
    image = {"filename": "wrist.png", "size": 4711, "regions": regions, "file_attributes": {}}
    found = read_via(json.dumps({"wrist.png4711": image}).encode(), [film()], at=AT)
    box, freehand, circle, ellipse = found.readings[0].marks
    assert box.points == ((1, 2), (4, 6)) and freehand.kind == "freehand" and box.label == "fx"
    assert circle.bounds == pytest.approx((40, 50, 60, 70)) and ellipse.bounds == pytest.approx((40, 40, 60, 80))
    assert found.left_out == 2 and any("Circles" in note for note in found.notes)
    numbered = {**image, "regions": {"0": regions[0]}}
    assert len(read_via(json.dumps({"k": numbered}).encode(), [film()]).readings[0].marks) == 1


def test_a_copied_region_does_not_keep_the_id_of_the_first():
    entry = film()
    made = [(entry, [reading(entry, marks=[MARKS[0]])])]
    project = json.loads(export_readings("via", made).files["readings.via.json"])
    (image,) = project["_via_img_metadata"].values()
    copied = json.loads(json.dumps(image["regions"][0]))
    copied["shape_attributes"]["x"] += 50
    image["regions"].append(copied)
    (read,) = import_readings("via", json.dumps(project).encode(), [entry]).readings
    assert [mark.id for mark in read.marks] == ["a", ""]


def test_via_project_opens_in_via():
    entry = film()
    document = json.loads(write_via([(entry, [reading(entry, marks=MARKS)]), (film(seed=1), [])]))
    assert (
        document["_via_image_id_list"] == list(document["_via_img_metadata"])
        and len(document["_via_image_id_list"]) == 2
    )
    shapes = [
        region["shape_attributes"]["name"] for region in document["_via_img_metadata"]["wrist.png-1"]["regions"]
    ]
    assert shapes == ["rect", "polygon", "polygon", "point"]
    attributes = document["_via_img_metadata"]["wrist.png-1"]["regions"][0]["region_attributes"]
    assert set(attributes) == set(document["_via_attributes"]["region"])
    assert all(isinstance(value, str) for value in attributes.values())


def test_csv_has_a_row_for_each_mark_and_for_readings_without():
    entry, other = film(), film("clear.png")
    content = write_csv([(entry, [reading(entry, marks=MARKS), reading(entry, "Bob")]), (other, [])])
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [(row["reader"], row["kind"]) for row in rows] == [
        *(("Ada", mark.kind) for mark in MARKS),
        ("Bob", ""),
        ("", ""),
    ]
    assert rows[1]["points"] == "30.1 40.2;80.3 45.4;60.5 99.6"


def test_a_small_foreign_csv():
    content = b"film,kind,points\nwrist.png,box,1 2;3 4\nwrist.png,point,5 6\nwrist.png,polygon,oops\n"
    found = read_csv(content, [film()], reader="Bob", at=AT)
    (one,) = found.readings
    assert [mark.kind for mark in one.marks] == ["box", "point"] and one.reader == "Bob" and found.left_out == 1
    two = read_csv(b"film,reader,finding\nwrist.png,Ada,uncertain\nwrist.png,Bob,none\n", [film()], at=AT).readings
    assert [(one.reader, one.finding) for one in two] == [("Ada", "uncertain"), ("Bob", "none")]


_start = st.sampled_from(["=", "+", "-", "@", "'", "''", "-0"])
_name = st.builds(str.__add__, _start, st.text("=+-@'15 a", max_size=5).map(str.rstrip))
_note = st.builds(str.__add__, st.sampled_from(["\t", "\r", "\n", "="]), st.text("=\t\r\n'5a", max_size=5))


@settings(max_examples=60, deadline=None)
@given(_name, _name, _note, _name, _note)
def test_no_words_in_a_table_are_a_formula_and_all_come_back(name, reader, note, label, mark_note):
    entry = film(f"{name}.png")
    given_ = reading(entry, reader, [Mark("point", ((-3.0, 4.0),), label, mark_note)], note=note)
    content = write_csv([(entry, [given_])])
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert row.pop("points") == "-3 4"
    assert not [cell for cell in row.values() if re.match(r"[=@\t\r\n]|[+-](?!\d+$)", cell)]
    found = read_csv(content, [entry])
    assert_same(found.readings, [given_])
    copy = replace(entry, sha256="0" * 64)
    assert read_csv(content, [copy]).readings[0].film == copy.sha256  # by its name


def test_anothers_apostrophes_stay_as_they_are():
    content = b"film,reader,kind,label,note,points\nwrist.png,'Ada,point,'tis,'-5,1 2\n"
    (one,) = read_csv(content, [film()]).readings
    assert (one.reader, one.marks[0].label, one.marks[0].note) == ("'Ada", "'tis", "'-5")


def test_a_long_freehand_outline_fits_a_cell():
    points = tuple((float(x) + 0.123456789, 7.0) for x in range(20000))
    entry = film()
    given_ = reading(entry, marks=[Mark("freehand", points)])
    assert_same(read_csv(write_csv([(entry, [given_])]), [entry]).readings, [given_])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("coco", b"[]"),
        ("coco", b'{"images": [{"id": 1}], "annotations": []}'),
        ("coco", b'{"images": [], "annotations": [{"image_id": 1}]}'),
        ("coco", b"\xff\xfe"),
        ("via", b'{"a": 1}'),
        ("via", b'{"a": {"filename": "x", "regions": [{"region_attributes": {}}]}}'),
        ("csv", b"a,b\n1,2\n"),
        ("csv", b"\xff\xfe\x00"),
        ("coco", _foreign_coco(bbox=[10**400, 1, 2, 3])),
        ("via", b'{"a": {"filename": "x", "regions": [{"shape_attributes": {"name": "rect"}}]}}'),
        ("voc", b"<annotation>"),
        ("voc", b'<?xml version="1.0" encoding="utf-88"?><annotation/>'),
        ("voc", {"readme.md": b""}),
        ("yolo", b"0 0 0 1 1"),
        ("yolo", {"labels/wrist.txt": b"fracture 1 2 3 4\n"}),
        ("yolo", {"labels/wrist.txt": b"0 1 2 3\n"}),
        ("yolo", {"labels/wrist.txt": b"", "data.yaml": b"nc: 2"}),
        ("yolo", {}),
    ],
)
def test_what_is_not_the_format_is_refused_in_words(name, content):
    with pytest.raises(InvalidFile) as told:
        import_readings(name, content, [film()])
    assert str(told.value).endswith(".")


def test_unknown_formats():
    with pytest.raises(UnknownName, match="coco"):
        import_readings("png", b"", [])
    with pytest.raises(UnknownName, match="w3c"):
        export_readings("paper", [])


def test_file_names_are_safe_and_distinct():
    films = [film("x/../../etc.png"), film("Etc.jpg", seed=1), film('a<b>:"c|d?.png')]
    stems = distinct_stems(films)
    assert list(stems.values()) == [f"etc-{films[0].sha256[:8]}", f"Etc-{films[1].sha256[:8]}", "a_b___c_d_"]
    assert safe_name("..") == "film" and safe_name("\x07 ok. ") == "_ ok"
    assert Sheet("x").readings is None


def test_every_fields_default_for_a_reading_of_the_file_alone():
    head = b"film,finding,confidence,started,committed,seconds,shown\n"
    content = head + b"wrist.png,perhaps,120,x,2024-01-02T03:04:05,-3,tea\n"
    (one,) = read_csv(content, [film()], reader="Bob", at=AT).readings
    assert (one.finding, one.confidence, one.seconds, one.shown) == ("none", None, 0.0, "nothing")
    assert one.committed.isoformat() == "2024-01-02T03:04:05+00:00" == one.started.isoformat()


def test_a_box_without_size_stays_a_box_and_another_tools_becomes_a_point() -> None:
    entry = film("a.png")
    image = {"id": 1, "file_name": entry.name, "width": entry.width, "height": entry.height, "sha256": entry.sha256}
    for attributes, kind in (({"kind": "box"}, "box"), ({"kind": "point"}, "point"), ({}, "point")):
        annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [3, 4, 0, 0], "attributes": attributes}
        content = json.dumps({"images": [image], "annotations": [annotation], "categories": []}).encode()
        (reading,) = read_coco(content, [entry], reader="Ada").readings
        assert [(mark.kind, mark.points[0]) for mark in reading.marks] == [(kind, (3, 4))]
