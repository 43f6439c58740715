"""FracAtlas's own outlines as a reader's, through every format and back."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
from interchange_made import AT, assert_same
from PIL import Image

from fracture_core.datasets import FRACATLAS_COCO, read_fracatlas
from fracture_core.imaging import read_image
from fracture_core.interchange import FORMATS, export_readings, fracatlas_readings, import_readings, readable
from fracture_core.marks import Mark


def test_a_small_data_set(made_fracatlas):
    dataset = read_fracatlas(made_fracatlas(4))
    pairs = fracatlas_readings(dataset)
    assert [reading.finding for _, reading in pairs] == ["none", "fracture", "none", "fracture"]
    film, reading = pairs[1]
    assert film.sha256 == hashlib.sha256(dataset.cases[1].path.read_bytes()).hexdigest() == reading.film
    assert (film.name, film.width, film.height) == ("IMG0000002.jpg", 64, 64)
    ring = ((16, 24), (48, 24), (48, 40), (16, 40))
    assert reading.marks == (Mark("polygon", tuple((float(x), float(y)) for x, y in ring), id="1"),)
    assert reading.reader == "FracAtlas" and "CC BY 4.0" in reading.origin and not reading.aided
    assert fracatlas_readings(dataset) == pairs  # the same ids again


def test_copies_are_one_film_and_contradictions_are_said(made_fracatlas):
    root = made_fracatlas(6)
    folder = root / "images"
    shutil.copy(folder / "Fractured/IMG0000002.jpg", folder / "Fractured/IMG0000006.jpg")
    shutil.copy(folder / "Non_fractured/IMG0000000.jpg", folder / "Fractured/IMG0000010.jpg")
    coco = root / FRACATLAS_COCO
    document = json.loads(coco.read_text())
    document["images"].append({"id": 99, "width": 64, "height": 64, "file_name": "IMG0000004.jpg"})
    document["annotations"].append({"id": 99, "image_id": 99, "segmentation": [[1, 1, 9, 1, 9, 9]]})
    coco.write_text(json.dumps(document))
    by_name = {film.name: reading for film, reading in fracatlas_readings(read_fracatlas(root))}
    assert len(by_name) == 4
    assert by_name["IMG0000002.jpg"].note == "the same film as IMG0000006.jpg"
    assert by_name["IMG0000000.jpg"].finding == "uncertain" and "labels differ" in by_name["IMG0000000.jpg"].note
    assert by_name["IMG0000004.jpg"].finding == "none" and by_name["IMG0000004.jpg"].marks == ()
    assert "1 regions are outlined" in by_name["IMG0000004.jpg"].note


def test_a_turned_film_has_its_upright_size(made_fracatlas):
    root = made_fracatlas(2)
    path = root / "images/Fractured/IMG0000002.jpg"
    picture, exif = Image.fromarray(np.zeros((40, 64), np.uint8)), Image.Exif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    film = next(film for film, _ in fracatlas_readings(read_fracatlas(root)) if film.name == path.name)
    assert (film.height, film.width) == read_image(path).shape == (64, 40)


@pytest.fixture(scope="module")
def whole(fracture_data):
    return fracatlas_readings(read_fracatlas(fracture_data / "fracatlas"))


@pytest.mark.parametrize("name", readable())
def test_all_of_fracatlas_comes_back(whole, name):
    made = [(film, [reading]) for film, reading in whole]
    files = export_readings(name, made).files
    content = files[FORMATS[name].file] if FORMATS[name].file else files
    found = import_readings(name, content, [film for film, _ in whole], at=AT)
    assert_same(found.readings, [reading for _, reading in whole], within=0.01 if name == "yolo" else 1e-6)
    assert found.notes == ()
    assert sum(len(reading.marks) for reading in found.readings) > 500


def test_the_publishers_own_coco_file_gives_the_same_outlines(whole, fracture_data):
    content = (fracture_data / "fracatlas" / FRACATLAS_COCO).read_bytes()
    films = [film for film, _ in whole]
    found = import_readings("coco", content, films, reader="FracAtlas", at=AT)
    outlined = {reading.film: reading for _, reading in whole if reading.marks}
    assert {reading.film for reading in found.readings} >= outlined.keys()
    for reading in found.readings:
        if reading.film in outlined:
            ours = outlined[reading.film].marks
            assert [mark.points for mark in reading.marks] == [mark.points for mark in ours]
    turned = [note for note in found.notes if "other way round" in note]
    assert turned == [
        "Width and height are stated the other way round; taken as for the film upright: IMG0002628.jpg"
    ]


def test_sizes_from_headers_are_those_of_the_pictures(whole):
    for film, _ in whole[::173]:
        assert read_image(film.source).shape == (film.height, film.width)
