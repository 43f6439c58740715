"""Random changes of films: of the asked-for size, from one generator, and alike for films and regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import SIDE

from fracture_core.preprocessing import PIPELINES, build_pipeline
from fracture_core.recipes import RECIPES, Augmentation
from fracture_core.training import apply_changes, draw_changes, normalise

FULL = RECIPES["ours"].augmentation


def _batch(count: int = 4, side: int = 24) -> torch.Tensor:
    return torch.rand((count, 1, side, side), generator=torch.Generator().manual_seed(0))


def _augmented(images: torch.Tensor, augmentation: Augmentation, seed: int = 1) -> torch.Tensor:
    return _both(images, torch.zeros(len(images), 1, 6, 6), augmentation, seed)[0]


def _both(images: torch.Tensor, regions: torch.Tensor, augmentation: Augmentation, seed: int):
    changes = draw_changes(regions, augmentation, generator=torch.Generator().manual_seed(seed))
    return apply_changes(images, regions, changes)


def test_augmentation_keeps_shape_and_range():
    changed = _augmented(_batch(), replace(FULL, brightness=0.9, contrast=0.9))
    assert changed.shape == (4, 1, 24, 24)
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() < changed.max() <= 1


def test_augmentation_without_settings_is_the_identity():
    images = _batch()
    torch.testing.assert_close(_augmented(images, Augmentation()), images, atol=2e-4, rtol=0)
    assert np.all(np.round(_augmented(images, Augmentation()).numpy() * 255) == np.round(images.numpy() * 255))


def test_augmentation_follows_its_generator():
    first, again, other = (_augmented(_batch(), FULL, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_every_film_has_its_own_draw():
    changed = _augmented(_batch(1).expand(6, -1, -1, -1), FULL)
    assert all(not torch.allclose(changed[i], changed[j]) for i in range(6) for j in range(i))


def test_augmentation_leaves_its_input_alone():
    images = _batch()
    _augmented(images, FULL)
    assert torch.equal(images, _batch())


@pytest.mark.parametrize(("setting", "axis"), [("horizontal_flip", 3), ("vertical_flip", 2)])
def test_flips(setting, axis):
    images = _batch(40)
    always = _augmented(images, Augmentation(**{setting: 1.0}))
    torch.testing.assert_close(always, images.flip(axis), atol=2e-4, rtol=0)
    halves = _augmented(images, Augmentation(**{setting: 0.5}))
    flipped = (halves - images.flip(axis)).abs().amax(dim=(1, 2, 3)) < 1e-3
    kept = (halves - images).abs().amax(dim=(1, 2, 3)) < 1e-3
    assert torch.equal(flipped, ~kept)
    assert 8 < flipped.sum() < 32


def _centre(film: torch.Tensor) -> np.ndarray:
    """Centre of gravity (x, y), pixels."""
    values = film[0].numpy()
    rows, columns = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
    return np.array([(values * columns).sum(), (values * rows).sum()]) / values.sum()


def _spot(side: int = 65, x: int = 32, y: int = 32) -> torch.Tensor:
    film = torch.zeros(200, 1, side, side)
    film[:, :, y - 2 : y + 3, x - 2 : x + 3] = 1
    return film


def test_shift_is_a_share_of_the_side():
    moved = (_augmented(_spot(), Augmentation(shift=0.2)) - 1e-3).clamp(0)
    offsets = np.array([_centre(film) for film in moved]) - 32.5
    assert np.abs(offsets).max() <= 0.2 * 65 + 0.1
    assert np.abs(offsets).max(axis=0) == pytest.approx(0.2 * 65, rel=0.1)  # 200 draws come near the edge


def test_rotation_turns_within_its_degrees_and_keeps_distance():
    turned = (_augmented(_spot(x=52), Augmentation(rotation=30)) - 1e-3).clamp(0)
    arms = np.array([_centre(film) for film in turned]) - 32.5
    assert np.hypot(*arms.T) == pytest.approx(np.full(200, 20), abs=0.3)
    degrees = np.degrees(np.arctan2(arms[:, 1], arms[:, 0]))
    assert np.abs(degrees).max() <= 30.5
    assert degrees.min() < -25
    assert degrees.max() > 25


def test_scale_zooms_within_its_factor():
    zoomed = (_augmented(_spot(x=52), Augmentation(scale=0.25)) - 1e-3).clamp(0)
    factors = np.array([_centre(film)[0] - 32.5 for film in zoomed]) / 20
    assert 1 / 1.26 < factors.min() < 0.85
    assert 1.2 < factors.max() < 1.26


def test_tone_changes_stay_within_their_widths():
    gray = torch.full((200, 1, 8, 8), 0.5)
    brighter = _augmented(gray, Augmentation(brightness=0.1)).mean(dim=(1, 2, 3))
    assert 0.4 - 1e-4 <= brighter.min() < 0.42
    assert 0.58 < brighter.max() <= 0.6 + 1e-4
    curved = _augmented(gray, Augmentation(gamma=0.25)).mean(dim=(1, 2, 3))
    assert 0.5**1.25 - 1e-4 <= curved.min() < curved.max() <= 0.5 ** (1 / 1.25) + 1e-4
    torch.testing.assert_close(_augmented(gray, Augmentation(contrast=0.9)), gray)  # an even film has none
    noise = _augmented(gray, Augmentation(noise=0.05)) - gray
    assert 0.045 < noise.std(dim=(1, 2, 3)).max() < 0.08


def test_normalisation_is_the_pipelines():
    pipeline = build_pipeline("ours", size=SIDE)
    film = np.random.default_rng(0).random((50, 40), dtype=np.float32)
    cached = torch.from_numpy(pipeline.cached(film))[None, None].float() / 255
    expected = torch.from_numpy(pipeline(film).input)
    torch.testing.assert_close(normalise(cached, pipeline)[0], expected, atol=1e-5, rtol=0)


def test_a_window_keeps_a_region_in_view():
    images, regions = torch.zeros(64, 1, 48, 48), torch.zeros(64, 1, 24, 24)
    for index in range(64):
        row, column = divmod(index * 7 % 529, 23)
        regions[index, 0, row : row + 2, column : column + 2] = 1
    for seed in range(5):
        _, moved = _both(images, regions, Augmentation(zoom=1.0), seed)
        assert (moved.flatten(1).max(dim=1).values > 0.5).all()


def test_films_and_regions_move_alike():
    images = torch.zeros(16, 1, 48, 48)
    images[:, :, 20:32, 8:20] = 1
    regions = images[:, :, ::2, ::2].clone()
    geometry = Augmentation(rotation=30, scale=0.2, shift=0.05, horizontal_flip=0.5, vertical_flip=0.5, zoom=0.8)
    moved, with_it = _both(images, regions, geometry, 3)
    shrunk = torch.nn.functional.avg_pool2d(moved, 2)
    assert (shrunk - with_it).abs().mean() < 0.02


def test_parts_of_a_batch_change_as_the_whole_does():
    images, regions = _batch(6), torch.zeros(6, 1, 6, 6)
    strong = replace(FULL, noise=0.1, gain=0.2)
    changes = draw_changes(regions, strong, generator=torch.Generator().manual_seed(0))
    whole, _ = apply_changes(images, regions, changes)
    parts = [apply_changes(images[rows], regions[rows], changes.part(rows))[0] for rows in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_gain_multiplies_every_gray_level():
    films = torch.tensor([0.1, 0.4]).view(1, 1, 1, 2).repeat(200, 1, 2, 1)
    brighter = _augmented(films, Augmentation(gain=0.2))
    ratios = brighter / films
    torch.testing.assert_close(ratios[..., 0], ratios[..., 1], atol=1e-3, rtol=0)
    assert 0.8 - 1e-3 <= ratios.min() < 0.82
    assert 1.18 < ratios.max() <= 1.2 + 1e-3


def test_a_central_crop_enlarges_about_the_centre():
    factors = []
    for film in (_augmented(_spot(x=40), Augmentation(central_crop=0.4)) - 1e-3).clamp(0):
        factors.append((_centre(film)[0] - 32.5) / 8)
    assert 0.98 < min(factors) < 1.05
    assert 1.55 < max(factors) < 1 / 0.6 + 0.02


@pytest.mark.parametrize("key", ["multiregion2024", "wang2024"])
def test_recipes_augment_as_their_pipelines_show(key):
    """The page shows a pipeline's own random steps; the trainer draws the recipe's: the strengths are the same."""
    recipe = RECIPES[key].augmentation
    shown = {type(step).__name__: step for step in PIPELINES[key]().augmentations}
    assert recipe.rotation == shown["RandomRotation"].degrees
    if key == "multiregion2024":
        assert recipe.horizontal_flip == shown["RandomHorizontalFlip"].probability
        assert recipe.vertical_flip == shown["RandomVerticalFlip"].probability
        assert (1 - recipe.gain, 1 + recipe.gain) == pytest.approx(shown["ColourJitter"].brightness)
        assert (1 - recipe.contrast, 1 + recipe.contrast) == pytest.approx(shown["ColourJitter"].contrast)
    else:
        assert (0.0, recipe.noise) == shown["GaussianNoise"].sigma
        assert 1 + recipe.scale == pytest.approx(shown["RandomScaling"].factor[1])
        assert 1 + recipe.contrast == pytest.approx(shown["RandomContrast"].contrast[1])
