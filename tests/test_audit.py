"""Duplicates are found however they were turned or re-compressed, and nothing else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.audit import RUN, film_groups, near_duplicates, neighbour_links, sketch
from fracture_core.datasets import read_fracatlas
from fracture_core.imaging import read_image
from fracture_core.overlay import encode_jpeg, encode_png
from fracture_core.phantom import radiograph

TURNS = {
    "as it is": lambda film: film,
    "mirrored": lambda film: film[:, ::-1],
    "upside down": lambda film: film[::-1],
    "quarter turn": lambda film: np.rot90(film),
    "half turn": lambda film: np.rot90(film, 2),
    "three quarters": lambda film: np.rot90(film, 3),
    "transposed": lambda film: film.T,
    "transposed the other way": lambda film: np.rot90(film, 2).T,
}


def _film(seed: int, shape: tuple[int, int] = (150, 120)) -> np.ndarray:
    """A uint8 film that resembles no film of another seed."""
    clouds = np.random.default_rng(seed).random((7, 6), dtype=np.float32)
    return np.uint8(255 * np.clip(cv2.resize(clouds, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1))


def _sketches(folder, pictures):
    """Sketches of encoded pictures, by way of files."""
    found = []
    for index, content in enumerate(pictures):
        path = folder / f"{index}.film"
        path.write_bytes(content)
        found.append(sketch(path))
    return np.stack(found)


def test_a_sketch_is_standardised(tmp_path):
    (drawn,) = _sketches(tmp_path, [encode_png(_film(0))])
    assert (drawn.shape, drawn.dtype) == ((64, 64), np.float32)
    assert drawn.mean() == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(drawn) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("turn", TURNS)
def test_turned_copies_are_found(tmp_path, turn):
    film = _film(0)
    others = [encode_png(_film(seed)) for seed in (1, 2)]
    copy = encode_png(np.ascontiguousarray(TURNS[turn](film)))
    (pair,) = near_duplicates(_sketches(tmp_path, [encode_png(film), *others, copy]))
    assert (pair.first, pair.second) == (0, 3)
    assert pair.correlation > 0.99
    assert pair.turned == (turn != "as it is")


@pytest.mark.parametrize(
    "change",
    [
        lambda film: encode_jpeg(film, quality=20),
        lambda film: encode_png(cv2.resize(film, (90, 110), interpolation=cv2.INTER_AREA)),
        lambda film: encode_png(np.uint8(film * 0.7 + 40)),
    ],
    ids=["re-compressed", "resized", "re-windowed"],
)
def test_changed_copies_are_found(tmp_path, change):
    films = [encode_png(_film(0)), encode_png(_film(1)), change(_film(0))]
    (pair,) = near_duplicates(_sketches(tmp_path, films))
    assert (pair.first, pair.second, pair.turned) == (0, 2, False)


def test_different_films_are_left_alone(tmp_path):
    assert near_duplicates(_sketches(tmp_path, [encode_png(_film(seed)) for seed in range(30)])) == []


def test_different_bones_are_left_alone(tmp_path):
    """Films of one region look alike far more than clouds do."""
    films = [encode_png(np.uint8(255 * radiograph(seed=seed, size=(256, 192)).pixels)) for seed in range(6)]
    assert near_duplicates(_sketches(tmp_path, films)) == []


def test_three_copies_make_three_pairs(tmp_path):
    films = [encode_png(_film(0)), encode_png(_film(0)), encode_png(_film(1)), encode_jpeg(_film(0))]
    pairs = near_duplicates(_sketches(tmp_path, films))
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 1), (0, 3), (1, 3)]


@pytest.mark.parametrize("gray", [0, 1, 77, 128, 200, 255])
def test_even_films_are_no_duplicates(tmp_path, gray):
    """An even film has no detail to compare; rounding must not be taken for some."""
    even = encode_png(np.full((454, 373), gray, np.uint8))
    assert near_duplicates(_sketches(tmp_path, [even, even, encode_png(_film(0))])) == []


def test_unreadable_films_resemble_nothing(tmp_path):
    sketches = _sketches(tmp_path, [b"no picture", b"", b"no picture", encode_png(_film(0))])
    assert not sketches[:3].any()
    assert sketches[3].any()
    assert near_duplicates(sketches) == []


# Neighbours --------------------------------------------------------------------------------------------


def test_neighbours_of_one_region_are_linked():
    numbers = [10, 11, 12, 14, 15, 16]
    regions = ["hand", "hand", "leg", "leg", "leg", "leg"]
    assert neighbour_links(numbers, regions) == [(0, 1), (3, 4), (4, 5)]


def test_neighbours_are_told_by_number_and_not_by_place():
    assert neighbour_links([7, 3, 8, 4], ["hand"] * 4) == [(1, 3), (0, 2)]


def test_films_without_a_number_are_not_linked():
    assert neighbour_links([-1, -1, 0], ["hand"] * 3, run=1) == []
    assert neighbour_links([-1, -1], ["hand"] * 2) == []


def test_no_films_no_links():
    assert neighbour_links([], []) == []


@given(st.integers(1, 60), st.integers(1, 10))
@settings(deadline=None)
def test_long_runs_are_cut(count, run):
    links = neighbour_links(range(count), ["hand"] * count, run=run)
    assert links == [(film, film + 1) for film in range(count - 1) if (film + 1) % run]


# Groups ------------------------------------------------------------------------------------------------


def test_groups_join_neighbours_and_duplicates(made_fracatlas):
    root = made_fracatlas(12)
    sound = root / "images" / "Non_fractured"
    # number 0 again as number 20, re-compressed and mirrored; number 8 cannot be read
    mirrored = read_image(sound / "IMG0000000.jpg").pixels[:, ::-1]
    (sound / "IMG0000020.jpg").write_bytes(encode_jpeg(np.uint8(mirrored * 255), quality=80))
    (sound / "IMG0000008.jpg").write_bytes(b"no picture")
    groups, pairs = film_groups(read_fracatlas(root))
    assert [(pair.first, pair.second, pair.turned) for pair in pairs] == [(0, 10, True)]
    assert groups.dtype == np.int64
    assert groups[0] == groups[10]
    assert len(set(groups)) == 11

    neighbours = root / "images" / "Fractured"
    (neighbours / "IMG0000002.jpg").rename(neighbours / "IMG0000005.jpg")
    table = root / "dataset.csv"
    table.write_text(table.read_text().replace("IMG0000002.jpg,0,1,0,0", "IMG0000005.jpg,0,0,1,0"))
    data = read_fracatlas(root)
    ids = {case.id: group for case, group in zip(data.cases, film_groups(data)[0], strict=True)}
    assert ids["IMG0000004"] == ids["IMG0000005"]  # numbers 4 and 5, both of the hip
    assert ids["IMG0000005"] != ids["IMG0000006"]


@pytest.mark.slow
def test_real_fracatlas(fracture_data):
    data = read_fracatlas(fracture_data / "fracatlas")
    groups, pairs = film_groups(data)
    assert len(pairs) == pytest.approx(103, abs=5)
    labels = data.labels
    assert sum(labels[pair.first] != labels[pair.second] for pair in pairs) == pytest.approx(5, abs=3)
    assert all(groups[pair.first] == groups[pair.second] for pair in pairs)
    assert np.bincount(groups).max() < 10 * RUN  # no group swallows the set
