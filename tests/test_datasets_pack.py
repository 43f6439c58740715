"""Small copies of data sets: ``fracture_core.datasets.packing`` and ``data pack``."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_films import made_film
from test_datasets_command import call

from fracture_core.datasets import FRACATLAS_COCO, DataSet, distinct, open_data
from fracture_core.datasets.packed import PACKED
from fracture_core.datasets.packing import pack, shrink, shrink_coco
from fracture_core.errors import DataSetError, FractureError
from fracture_core.imaging import read_image
from fracture_core.overlay import encode_jpeg

NOTE = "films packed: at most 32 px, gray, WebP quality 90"


def known(data: DataSet) -> list[tuple[object, ...]]:
    """What must not change when a data set is packed."""
    return [(case.id, case.label, case.region, case.flags, case.split, len(case.polygons)) for case in data.cases]


@pytest.fixture
def multiregion(tmp_path: Path) -> Path:
    """The published tree with a picture that lies in two splits."""
    root, rng = tmp_path / "published", np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for name in ("fractured", "not fractured"):
            (root / split / name).mkdir(parents=True)
            film = encode_jpeg(made_film(rng, fractured=name == "fractured"), quality=95)
            (root / split / name / "1-rotated1.jpg").write_bytes(film)
    again = (root / "train/fractured/1-rotated1.jpg").read_bytes()
    (root / "test/fractured/7.png").write_bytes(again)
    return root


def packed_form(published: Path, root: Path) -> Path:
    """The same data set with ``index.csv`` and ``unique/``."""
    (root / "unique").mkdir(parents=True)
    rows = []
    for case in open_data(published).cases:
        data = case.path.read_bytes()
        image = hashlib.sha256(data).hexdigest()[:12] + ".jpg"
        (root / "unique" / image).write_bytes(data)
        rows.append([*case.id.split("/"), image])
    with (root / "index.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["split", "class", "file", "image"], *rows])
    return root


def test_fracatlas_keeps_all_but_the_pixels(made_fracatlas, tmp_path):
    root = made_fracatlas(8, size=100)
    before = open_data(root)
    told: list[tuple[int, int]] = []
    packed = pack(root, tmp_path / "out", side=32, quality=90, progress=lambda *done: told.append(done))
    after = open_data(tmp_path / "out")
    assert known(after) == known(before)
    assert after.notes == (NOTE,) == (packed.note,)
    assert (packed.films, packed.truncated, packed.unreadable) == (8, 0, 0)
    assert told == [(done, 8) for done in range(1, 9)]
    for old, new in zip(before.cases, after.cases, strict=True):
        film = read_image(new.path)
        assert (film.format, film.shape, film.notes) == ("WEBP", (32, 32), ())
        assert film.colourfulness < 0.001
        wanted = cv2.resize(read_image(old.path).pixels, (32, 32), interpolation=cv2.INTER_AREA)
        assert np.abs(film.pixels - wanted).mean() < 4 / 255
        for ring, small in zip(old.polygons, new.polygons, strict=True):
            np.testing.assert_allclose(small, ring * 0.32, atol=1e-3)
    table = (root / "dataset.csv").read_text().splitlines()
    assert (tmp_path / "out/dataset.csv").read_text().splitlines() == [
        line.replace(".jpg", ".webp") for line in table
    ]
    about = json.loads((tmp_path / "out" / PACKED).read_text())
    assert about["source_fingerprint"] == before.fingerprint()
    assert about["films"] == 8
    assert packed.size == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_outlines_shrink_by_each_axis(tmp_path):
    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.full((100, 41), 128, np.uint8))
    film = shrink(path, tmp_path / "film.webp", side=50, quality=90)
    assert film == ((100, 41), (50, 20), False)
    coco = {
        "info": {"description": "kept"},
        "images": [
            {"id": 3, "width": 41, "height": 100, "file_name": "film.png"},
            {"id": 4, "width": 9, "height": 9, "file_name": "lost.png"},
        ],
        "annotations": [
            {"id": 1, "image_id": 3, "segmentation": [[0, 0, 41, 0, 41, 100]], "bbox": [0, 0, 41, 100], "area": 2050},
            {"id": 2, "image_id": 3, "bbox": [41, 50, 20.5, 10]},
            {"id": 3, "image_id": 4, "segmentation": [[0, 0, 9, 0, 9, 9]]},
        ],
    }
    assert shrink_coco(coco, {"film.webp": film}) == {
        "info": {"description": "kept"},
        "images": [{"id": 3, "width": 20, "height": 50, "file_name": "film.webp"}],
        "annotations": [
            {"id": 1, "image_id": 3, "segmentation": [[0, 0, 20, 0, 20, 50]], "bbox": [0, 0, 20, 50], "area": 500},
            {"id": 2, "image_id": 3, "bbox": [20, 25, 10, 5]},
        ],
    }


def test_no_film_is_enlarged(tmp_path):
    cv2.imwrite(str(tmp_path / "film.png"), np.full((10, 20), 77, np.uint8))
    shrink(tmp_path / "film.png", tmp_path / "film.webp", side=500, quality=90)
    film = read_image(tmp_path / "film.webp")
    assert film.shape == (10, 20)
    assert np.abs(film.pixels * 255 - 77).max() <= 2


@pytest.mark.parametrize("form", ["published", "packed"])
def test_multiregion_keeps_ids_labels_splits_and_copies(multiregion, tmp_path, form):
    root = multiregion if form == "published" else packed_form(multiregion, tmp_path / "unique_form")
    packed = pack(root, tmp_path / "out", side=32, quality=90)
    before, after = open_data(root), open_data(tmp_path / "out")
    assert known(after) == known(before)
    assert packed.films == len(list((tmp_path / "out/unique").glob("*.webp"))) == 6
    assert distinct(after).tolist() == distinct(before).tolist()
    assert after.notes[-1] == NOTE


def test_damaged_films_are_counted(made_fracatlas, tmp_path):
    root = made_fracatlas(6, size=100)
    cut, broken = sorted((root / "images/Fractured").iterdir())[:2]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 2 // 3])
    broken.write_bytes(b"no picture")
    packed = pack(root, tmp_path / "out", side=32, quality=90)
    assert (packed.films, packed.truncated, packed.unreadable) == (5, 1, 1)
    assert packed.note == f"{NOTE}; 1 truncated, packed as far as they go; 1 unreadable, left out"
    after = open_data(tmp_path / "out")
    assert {case.id for case in open_data(root).cases} - {case.id for case in after.cases} == {broken.stem}
    assert after.notes == ("1 films of the table are not on disk", packed.note)
    assert f"{broken.stem}.webp" not in (tmp_path / "out" / FRACATLAS_COCO).read_text()
    assert np.any(read_image(next((tmp_path / "out").rglob(f"{cut.stem}.webp"))).pixels)


def test_what_cannot_be_packed_is_told(made_fracatlas, tmp_path):
    folders = tmp_path / "films"
    for name in ("fractured", "normal"):
        (folders / name).mkdir(parents=True)
        cv2.imwrite(str(folders / name / "film.png"), np.zeros((9, 9), np.uint8))
    with pytest.raises(FractureError, match="These can: FracAtlas as published, and the multi-region set"):
        pack(folders, tmp_path / "out", side=32, quality=90)
    root = made_fracatlas(4)
    with pytest.raises(FractureError, match="Name a new or an empty folder"):
        pack(root, folders, side=32, quality=90)
    with pytest.raises(FractureError, match="Name a new or an empty folder"):
        pack(root, root / "dataset.csv", side=32, quality=90)
    with pytest.raises(FractureError, match="cannot be written"):
        pack(root, root / "dataset.csv" / "out", side=32, quality=90)
    pack(root, tmp_path / "out", side=32, quality=90)
    with pytest.raises(FractureError, match="packed already"):
        pack(tmp_path / "out", tmp_path / "twice", side=32, quality=90)
    for film in (root / "images").glob("*/*"):
        film.write_bytes(b"no picture")
    with pytest.raises(FractureError, match="no film that can be read"):
        pack(root, tmp_path / "third", side=32, quality=90)


def test_two_films_of_one_name_are_told(multiregion, tmp_path):
    root = packed_form(multiregion, tmp_path / "unique_form")
    first, second = sorted((root / "unique").iterdir())[:2]
    index = (root / "index.csv").read_text()
    (root / "index.csv").write_text(index.replace(second.name, f"{first.stem}.png"))
    second.rename(second.with_name(f"{first.stem}.png"))
    with pytest.raises(DataSetError, match="differ only in their endings"):
        pack(root, tmp_path / "out", side=32, quality=90)


def test_a_stopped_run_leaves_nothing(made_fracatlas, tmp_path):
    root = made_fracatlas(6)

    def stop(done: int, films: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(root, tmp_path / "new" / "out", side=32, quality=90, progress=stop)
    assert not list((tmp_path / "new").iterdir())


def test_a_damaged_note_is_told(made_fracatlas):
    root = made_fracatlas(4)
    (root / PACKED).write_text("[]")
    with pytest.raises(DataSetError, match="Pack the data set again"):
        open_data(root)


def test_the_command_packs_into_an_empty_folder(made_fracatlas, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    root = made_fracatlas(4)
    assert call("pack", root, "--output", tmp_path / "out", "--side", 32) == 0
    told = capsys.readouterr().out
    assert told.startswith("4 different films, 0.0 MB, lie in")
    assert NOTE in told
    assert call("show", tmp_path / "out") == 0
    assert NOTE in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [("--side", "0"), ("--side", "16384"), ("--quality", "101"), ("--quality", "x")])
def test_sizes_and_qualities_out_of_range_are_told(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call("pack", tmp_path, "--output", tmp_path / "out", *wrong)
    assert "is no whole number from 1 to" in capsys.readouterr().err


def test_a_stop_of_the_command_says_that_nothing_was_written(made_fracatlas, tmp_path, capsys, monkeypatch):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fracture_core.datasets.packing.pack", stopped)
    assert call("pack", made_fracatlas(4), "--output", tmp_path / "out") == 130
    assert "Nothing was written" in capsys.readouterr().err
