"""Copies are found under any turn, and films that only look alike are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fracture_core.audit import rotated_copies
from fracture_core.audit.sketches import views_of
from fracture_core.phantom import radiograph


def film(seed: int, shape: tuple[int, int] = (224, 224)) -> np.ndarray:
    """float32 (H, W): soft clouds with some grain that no film of another seed shares."""
    rng = np.random.default_rng(seed)
    clouds = cv2.resize(rng.random((8, 8), dtype=np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    grain = cv2.resize(rng.random((40, 40), dtype=np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(0.2 + 0.5 * clouds + 0.2 * grain, 0, 1)


def turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Anticlockwise about the centre, black where nothing is."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(pixels, matrix, (width, height))


def copies(*films: np.ndarray, joined: np.ndarray | None = None):
    return rotated_copies(np.stack([views_of(pixels) for pixels in films]), joined=joined)


@pytest.mark.parametrize("degrees", [-170, -90, -33, -5, 0, 7, 20, 45, 100, 180])
def test_the_turn_is_found(degrees):
    (copy,) = copies(film(0), film(1), turned(film(0), degrees))
    assert (copy.first, copy.second, copy.mirrored) == (0, 2, False)
    assert abs((copy.degrees - degrees + 180) % 360 - 180) < 1.5
    assert copy.correlation > 0.85


@pytest.mark.parametrize("degrees", [-60, 0, 25, 130])
def test_a_mirrored_turn_is_found(degrees):
    (copy,) = copies(film(0), turned(np.ascontiguousarray(film(0)[:, ::-1]), degrees))
    assert copy.mirrored
    assert abs((copy.degrees - degrees + 180) % 360 - 180) < 1.5


def test_a_turn_before_and_after_the_film_was_made_square():
    tall = film(0, (300, 200))
    (before,) = copies(tall, turned(tall, 30))
    (after,) = copies(tall, turned(cv2.resize(tall, (224, 224), interpolation=cv2.INTER_AREA), 30))
    assert before.degrees == pytest.approx(30, abs=1.5)
    assert after.degrees == pytest.approx(30, abs=1.5)


def test_a_film_cut_at_its_end_is_found():
    cut = film(0).copy()
    cut[-12:] = 0.5
    (copy,) = copies(film(0), film(1), cut)
    assert (copy.first, copy.second, copy.degrees, copy.mirrored) == (0, 2, 0, False)


def test_a_rewindowed_and_noisy_turn_is_found():
    noise = np.random.default_rng(5).normal(0, 0.01, (224, 224)).astype(np.float32)
    assert len(copies(film(0), np.clip(turned(film(0), 20) * 0.6 + 0.2 + noise, 0, 1))) == 1


def test_as_many_pairs_as_join_all_copies():
    found = copies(*(turned(film(0), degrees) for degrees in (0, 10, 25, 50, 80)), film(1))
    assert len(found) == 4
    assert {place for copy in found for place in (copy.first, copy.second)} == set(range(5))


def test_what_is_joined_already_is_not_reported():
    films = (film(0), turned(film(0), 12), turned(film(0), 40))
    assert copies(*films, joined=np.zeros(3, int)) == []
    assert len(copies(*films, joined=np.array([0, 0, 1]))) == 1


def test_different_films_are_left_alone():
    assert copies(*(film(seed) for seed in range(20))) == []


def test_different_bones_are_left_alone():
    assert copies(*(radiograph(seed=seed, size=(256, 192)).pixels for seed in range(6))) == []


def test_even_films_are_no_copies():
    assert copies(*(np.full((100, 80), gray, np.float32) for gray in (0, 0, 0.5, 0.5, 1))) == []


def test_no_films_no_copies():
    assert rotated_copies(np.zeros((0, 2, 128, 128), np.uint8)) == []


def test_nearly_all_films_are_found_at_whatever_angle():
    """A search by features misses a film now and then; what it finds, it finds at the right angle."""
    rng, found = np.random.default_rng(0), 0
    for seed in range(60):
        degrees = float(rng.uniform(-180, 180))
        for copy in copies(film(seed), turned(film(seed), degrees)):
            found += 1
            assert abs((copy.degrees - degrees + 180) % 360 - 180) < 1.5
    assert found >= 57
