"""Films are decoded once, kept, and never silently dropped."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import SIDE

from fracture_core.datasets import read_fracatlas
from fracture_core.errors import FractureError
from fracture_core.imaging import read_image
from fracture_core.preprocessing import apply_affine, build_pipeline
from fracture_core.training import decode_films, films


def test_decoding_counts_damaged_films_and_goes_on(made_fracatlas, caplog):
    root = made_fracatlas(8)
    cut, broken = (root / "images" / "Non_fractured" / name for name in ("IMG0000004.jpg", "IMG0000008.jpg"))
    cut.write_bytes(cut.read_bytes()[:-200])
    broken.write_bytes(b"no picture")
    data = read_fracatlas(root)
    decoded = decode_films(data, build_pipeline("ours", size=SIDE))
    assert (decoded.pixels.shape, decoded.pixels.dtype) == ((8, SIDE, SIDE), np.uint8)
    assert decoded.damaged == 2
    assert decoded.labels.tolist() == data.labels.tolist()
    assert not decoded.pixels[4].any()
    assert all(decoded.pixels[index].any() for index in range(8) if index != 4)
    assert "IMG0000008.jpg" in caplog.text
    assert str(root) not in caplog.text


def test_decoding_where_no_film_can_be_read(made_fracatlas):
    root = made_fracatlas(4)
    for path in root.glob("images/*/*.jpg"):
        path.write_bytes(b"no picture")
    decoded = decode_films(read_fracatlas(root), build_pipeline("ours", size=SIDE))
    assert (decoded.pixels.shape, decoded.pixels.any(), decoded.damaged) == ((4, SIDE, SIDE), False, 4)


def test_the_cache_gives_back_what_was_decoded(made_fracatlas, tmp_path, monkeypatch):
    root = made_fracatlas(6)
    (root / "images" / "Non_fractured" / "IMG0000004.jpg").write_bytes(b"no picture")
    data, pipeline, cache = read_fracatlas(root), build_pipeline("ours", size=SIDE), tmp_path / "new" / "films"
    first = decode_films(data, pipeline, cache=cache)
    monkeypatch.setattr(films, "read_image", lambda path: pytest.fail("decoded again"))
    again = decode_films(data, pipeline, cache=cache)
    assert (again.pixels == first.pixels).all()
    assert (again.regions == first.regions).all()
    assert again.labels.tolist() == first.labels.tolist()
    assert again.damaged == first.damaged == 1
    assert not list(cache.parent.glob("*.partial*"))


def test_a_cache_cut_short_is_not_used(made_fracatlas, tmp_path, monkeypatch):
    data, pipeline, cache = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE), tmp_path / "films"

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(films, "_decode", full_disk)
    with pytest.raises(OSError, match="No space"):
        decode_films(data, pipeline, cache=cache)
    monkeypatch.undo()
    assert not list(tmp_path.glob("films*"))
    assert decode_films(data, pipeline, cache=cache).pixels.any()


def test_a_decoding_that_was_killed_hinders_no_later_one(made_fracatlas, tmp_path):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    (tmp_path / f"films.{os.getpid()}.partial").mkdir()  # by a process of this number, in a container of its own
    assert decode_films(data, pipeline, cache=tmp_path / "films").pixels.any()


def test_a_disk_without_room_for_the_films_is_told(made_fracatlas, tmp_path, monkeypatch):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    needed = 4 * (SIDE**2 + (SIDE // 4) ** 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    with pytest.raises(FractureError, match=r"0 MB left\. Make room there, or name another folder with --work"):
        decode_films(data, pipeline, cache=tmp_path / "work" / "films")
    assert not list((tmp_path / "work").iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed))
    assert decode_films(data, pipeline, cache=tmp_path / "work" / "films").pixels.any()


def test_a_film_that_comes_twice_is_decoded_once(made_fracatlas, monkeypatch):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    twice = replace(data, cases=(*data.cases, replace(data.cases[1], id="again", label=0)))
    read, real = [], films.read_image
    monkeypatch.setattr(films, "read_image", lambda path: read.append(path) or real(path))
    decoded = decode_films(twice, pipeline)
    assert len(read) == 4
    assert (decoded.pixels[4] == decoded.pixels[1]).all()
    assert decoded.labels.tolist() == [0, 1, 0, 1, 0]


def test_regions_lie_on_the_decoded_film_where_the_experts_drew_them(made_fracatlas):
    data, pipeline = read_fracatlas(made_fracatlas(4)), build_pipeline("ours", size=SIDE)
    case = next(case for case in data.cases if case.label)
    height, width = read_image(case.path).shape
    square = np.array([[0.25, 0.5], [0.75, 0.5], [0.75, 1.0], [0.25, 1.0]]) * (width, height)
    mask = films._rasterise([square], pipeline, (height, width))
    low, high = (
        apply_affine(pipeline.geometry((height, width)), np.array([[0.25, 0.5], [0.75, 1.0]]) * (width, height)) / 4
    )
    rows, columns = np.nonzero(mask)
    assert abs(columns.min() - low[0]) <= 1 and abs(columns.max() + 1 - high[0]) <= 1
    assert abs(rows.min() - low[1]) <= 1 and abs(rows.max() + 1 - high[1]) <= 1
