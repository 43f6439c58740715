"""Transforms against independent computations; geometry against where bright discs really land."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fracture_core.errors import UnknownName
from fracture_core.preprocessing import (
    PIPELINES,
    REJECTED,
    TRANSFORMS,
    Pipeline,
    apply_affine,
    augmentations,
    before_after,
    build_pipeline,
    compose,
    geometry,
    invert,
    regions,
    transforms,
    warp_mask,
    warp_to_source,
)

FEW = settings(max_examples=25, deadline=None)
SIDES = st.integers(120, 420)
NAMES = sorted(PIPELINES)
AWKWARD_SHAPES = [(1, 1), (1, 7), (9, 1), (2, 2), (30, 4000), (4000, 30), (373, 454)]


def film(shape: tuple[int, int] = (97, 131), seed: int = 0) -> np.ndarray:
    """Smooth random gray with a little noise, float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((5, 6), dtype=np.float32)
    smooth = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(smooth + rng.normal(0, 0.03, shape).astype(np.float32), 0, 1)


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    """A bright disc with a soft rim, centred on the continuous point (x, y), on black."""
    columns, rows = np.arange(shape[1]) + 0.5, (np.arange(shape[0]) + 0.5)[:, None]
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)


def centroid(image: np.ndarray) -> np.ndarray:
    """(x, y) of what is brighter than half the brightest, in corner coordinates."""
    weight = np.clip(image.astype(np.float64) - image.max() / 2, 0, None)
    columns, rows = np.arange(image.shape[1]) + 0.5, np.arange(image.shape[0]) + 0.5
    return np.array([weight.sum(0) @ columns, weight.sum(1) @ rows]) / weight.sum()


@st.composite
def discs(draw: st.DrawFn, *, low: float = 0.15, high: float = 0.85) -> np.ndarray:
    shape = draw(SIDES), draw(SIDES)
    radius = 0.11 * min(shape)
    x, y = (side * draw(st.floats(low, high)) for side in shape[::-1])
    return disc(shape, x, y, radius)


# Gray values ------------------------------------------------------------------------------------------------


def test_gray_weighs_the_channels_as_rec_601_does() -> None:
    colour = np.random.default_rng(0).random((5, 6, 3), dtype=np.float32)
    expected = colour @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(transforms.Gray()(colour), expected, atol=1e-6)


def test_gray_passes_a_gray_film_through() -> None:
    gray = film()
    assert transforms.Gray()(gray) is gray
    np.testing.assert_array_equal(transforms.Gray()(gray[:, :, None]), gray)


def test_gray_refuses_what_is_no_image() -> None:
    with pytest.raises(TypeError, match="shape"):
        transforms.Gray()(np.zeros((4, 4, 7), np.float32))


def test_uint8_rounds_and_clips() -> None:
    values = np.array([[-0.1, 0.0, 0.4 / 255, 0.6 / 255, 0.5, 1.0, 1.2]], np.float32)
    np.testing.assert_array_equal(transforms.ToUint8()(values), [[0, 0, 0, 1, 128, 255, 255]])


def test_copied_channels_are_alike() -> None:
    gray = film()
    copied = transforms.CopyChannels()(gray)
    assert copied.shape == (*gray.shape, 3)
    assert all(np.array_equal(copied[:, :, channel], gray) for channel in range(3))


@pytest.mark.parametrize(
    ("step", "mean", "std"),
    [
        (transforms.ImageNetNormalise(), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (transforms.UnitNormalise(), (0, 0, 0), (1, 1, 1)),
        (transforms.SymmetricNormalise(), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ],
)
def test_normalisation_and_its_way_back(step: transforms.Normalise, mean: tuple, std: tuple) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour = np.repeat(levels[:, :, None], 3, axis=2)
    result = step(colour)
    assert result.dtype == np.float32
    for channel in range(3):
        expected = (levels / 255 - mean[channel]) / std[channel]
        np.testing.assert_allclose(result[:, :, channel], expected, atol=1e-5)
    np.testing.assert_allclose(step.display(result), colour / 255, atol=1e-6)


# Size -------------------------------------------------------------------------------------------------------


def test_resize_is_pils_antialiased_bilinear() -> None:
    levels = transforms.as_uint8(film((300, 200)))
    expected = Image.fromarray(levels).resize((224, 224), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(transforms.Resize()(levels), np.asarray(expected))


@pytest.mark.parametrize("shape", [(454, 373), (373, 454), (1000, 90), (100, 80), (224, 500)])
def test_thumbnail_is_pils(shape: tuple[int, int]) -> None:
    levels = transforms.as_uint8(film(shape))
    picture = Image.fromarray(levels)
    picture.thumbnail((224, 224), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(transforms.Thumbnail()(levels), np.asarray(picture))


@FEW
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 600))
def test_thumbnail_shape_is_pils(height: int, width: int, size: int) -> None:
    picture = Image.new("1", (width, height))
    picture.thumbnail((size, size), Image.Resampling.NEAREST)
    assert transforms.thumbnail_shape((height, width), size) == (picture.height, picture.width)


def test_pad_centres_on_black() -> None:
    padded = transforms.Pad(size=10)(np.full((4, 7), 9, np.uint8))
    expected = np.zeros((10, 10), np.uint8)
    expected[3:7, 1:8] = 9
    np.testing.assert_array_equal(padded, expected)


def test_letterbox_averages_areas_and_keeps_the_aspect() -> None:
    gray = film((80, 40))
    blocks = gray.reshape(20, 4, 10, 4).mean(axis=(1, 3))
    result = transforms.Letterbox(size=20)(gray)
    np.testing.assert_allclose(result[:, 5:15], blocks, atol=1e-5)
    assert not result[:, :5].any() and not result[:, 15:].any()


def test_letterbox_grows_by_bicubic_within_the_gray_range() -> None:
    step = np.zeros((8, 8), np.float32)
    step[:, 4:] = 1
    cubic = cv2.resize(step, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert cubic.min() < 0 and cubic.max() > 1
    np.testing.assert_array_equal(transforms.Letterbox(size=64)(step), np.clip(cubic, 0, 1))


def test_central_crop_is_the_middle() -> None:
    gray = film((100, 60))
    np.testing.assert_array_equal(transforms.CentralCrop(fraction=0.5)(gray), gray[25:75, 15:45])
    assert transforms.CentralCrop(fraction=0.01)(film((1, 1))).shape == (1, 1)


# Contrast, noise, edges -------------------------------------------------------------------------------------


def test_clahe_is_opencvs_with_the_papers_constants() -> None:
    levels = transforms.as_uint8(film((300, 260)))
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(levels)
    np.testing.assert_array_equal(transforms.Clahe()(levels), expected)
    assert not np.array_equal(expected, levels)


def slow_diffusion(field: np.ndarray, kappa: float, step: float, conduction: str) -> np.ndarray:
    """One iteration of Perona and Malik's scheme, pixel by pixel."""
    result = field.copy()
    for row, column in np.ndindex(field.shape):
        for neighbour in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= neighbour[0] < field.shape[0] and 0 <= neighbour[1] < field.shape[1]:
                d = field[neighbour] - field[row, column]
                g = math.exp(-((d / kappa) ** 2)) if conduction == "exponential" else 1 / (1 + (d / kappa) ** 2)
                result[row, column] += step * g * d
    return result


@pytest.mark.parametrize("conduction", ["exponential", "rational"])
def test_diffusion_is_perona_and_maliks(conduction: transforms.Conduction) -> None:
    field = film((9, 11)).astype(np.float64)
    expected = field
    for _ in range(3):
        expected = slow_diffusion(expected, 0.1, 0.2, conduction)
    diffuse = transforms.AnisotropicDiffusion(iterations=3, kappa=0.1, step=0.2, conduction=conduction)
    np.testing.assert_allclose(diffuse(field.astype(np.float32)), expected, atol=1e-5)


def test_diffusion_smooths_regions_keeps_the_edge_and_the_mean() -> None:
    clean = np.full((64, 64), 0.3, np.float32)
    clean[:, 32:] = 0.7
    noisy = clean + np.random.default_rng(0).normal(0, 0.01, clean.shape).astype(np.float32)
    result = transforms.AnisotropicDiffusion()(noisy)
    assert result.mean() == pytest.approx(noisy.mean(), abs=1e-5)
    assert result[:, :31].std() < 0.4 * noisy[:, :31].std()
    assert np.mean(result[:, 32] - result[:, 31]) > 0.38


def test_canny_draws_the_edge_and_nothing_else() -> None:
    levels = np.full((60, 60), 90, np.uint8)
    levels[:, 30:] = 110
    edges = transforms.CannyEdges()(levels)
    rows, columns = np.nonzero(edges)
    assert set(np.unique(edges)) == {0, 255}
    assert set(columns) <= {29, 30} and set(range(3, 57)) <= set(rows)
    assert not transforms.CannyEdges()(np.full((60, 60), 90, np.uint8)).any()


# Regions ----------------------------------------------------------------------------------------------------


def test_otsu_thresholds_minimise_the_variance_within_classes() -> None:
    rng = np.random.default_rng(0)
    levels = np.concatenate([rng.integers(0, 9, 300), rng.integers(12, 18, 150), rng.integers(22, 30, 90)])

    def within(low: int, high: int) -> float:
        parts = levels[levels <= low], levels[(levels > low) & (levels <= high)], levels[levels > high]
        return sum(part.var() * part.size for part in parts if part.size)

    best = min(within(low, high) for low in range(30) for high in range(low, 30))
    assert within(*regions.otsu_thresholds(levels.astype(np.uint8))) == pytest.approx(best)


def arm() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A synthetic arm: film, limb, bones."""
    limb, bones = np.zeros((300, 240), bool), np.zeros((300, 240), bool)
    limb[:, 70:170] = True
    bones[:, 92:110] = bones[:, 132:150] = True
    gray = np.select([bones, limb], [0.7, 0.35], 0.05).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.01, gray.shape).astype(np.float32)
    return np.clip(cv2.GaussianBlur(gray, (0, 0), 1.5) + noise, 0, 1), limb, bones


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_roi_mask_keeps_the_limb_and_blackens_the_rest() -> None:
    gray, limb, _ = arm()
    kept = regions.RoiMask()(gray)
    assert overlap(kept > 0, limb) > 0.9
    np.testing.assert_array_equal(kept[limb], gray[limb])


def test_segmentation_keeps_the_bones_alone() -> None:
    gray, _, bones = arm()
    assert overlap(regions.Segmentation()(gray) > 0, bones) > 0.8


def test_an_unexposed_border_is_no_bone() -> None:
    gray, _, _ = arm()
    gray[-12:] = 0.95
    bones = regions.Segmentation().mask(gray)
    assert bones[:-12].any() and not bones[-10:].any()


# Augmentations ----------------------------------------------------------------------------------------------


def test_flips_mirror() -> None:
    gray = film()
    np.testing.assert_array_equal(augmentations.Flip(axis="horizontal")(gray), np.fliplr(gray))
    np.testing.assert_array_equal(augmentations.Flip(axis="vertical")(gray), np.flipud(gray))


def test_rotation_is_counter_clockwise_about_the_centre() -> None:
    gray = film((40, 40))
    np.testing.assert_allclose(augmentations.Rotate(degrees=90)(gray), np.rot90(gray), atol=1e-4)


def test_scaling_keeps_the_centre() -> None:
    half = augmentations.Scale(factor=0.5)(np.ones((40, 40), np.float32))
    np.testing.assert_allclose(half.sum(), 400, rtol=0.01)
    np.testing.assert_allclose(centroid(half), [20, 20], atol=1e-3)


def test_tone_is_a_factor_on_gray_and_on_its_distance_from_the_mean() -> None:
    gray = 0.4 + 0.2 * film()
    darker = augmentations.AdjustTone(brightness=0.5)(gray)
    np.testing.assert_allclose(darker, gray * 0.5, atol=1e-6)
    stronger = augmentations.AdjustTone(contrast=1.3)(gray)
    np.testing.assert_allclose(stronger, gray.mean() + 1.3 * (gray - gray.mean()), atol=1e-5)


def test_noise_has_the_deviation_asked_for() -> None:
    gray = np.full((200, 200), 0.5, np.float32)
    noisy = augmentations.AddNoise(sigma=0.05, seed=1)(gray)
    assert noisy.std() == pytest.approx(0.05, rel=0.03) and noisy.mean() == pytest.approx(0.5, abs=2e-3)
    assert not np.array_equal(noisy, augmentations.AddNoise(sigma=0.05, seed=2)(gray))


@pytest.mark.parametrize(
    ("augmentation", "value", "low", "high"),
    [
        (augmentations.RandomRotation(degrees=20), "degrees", -20, 20),
        (augmentations.RandomScaling(factor=(0.8, 1.3)), "factor", 0.8, 1.3),
        (augmentations.RandomContrast(contrast=(0.7, 1.1)), "contrast", 0.7, 1.1),
        (augmentations.ColourJitter(brightness=(0.6, 1.2)), "brightness", 0.6, 1.2),
        (augmentations.ColourJitter(contrast=(0.5, 1.5)), "contrast", 0.5, 1.5),
        (augmentations.GaussianNoise(sigma=(0.0, 0.1)), "sigma", 0, 0.1),
        (augmentations.RandomCentralCrop(fraction=(0.5, 1.0)), "factor", 1, 2),
    ],
)
def test_draws_fill_their_range(
    augmentation: augmentations.RandomTransform, value: str, low: float, high: float
) -> None:
    rng = np.random.default_rng(0)
    drawn = [getattr(augmentation.draw(rng), value) for _ in range(400)]
    assert low <= min(drawn) < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < max(drawn) <= high


@pytest.mark.parametrize(
    "flip", [augmentations.RandomHorizontalFlip(), augmentations.RandomVerticalFlip(probability=0.25)]
)
def test_flips_come_as_often_as_said(
    flip: augmentations.RandomHorizontalFlip | augmentations.RandomVerticalFlip,
) -> None:
    rng = np.random.default_rng(0)
    flipped = sum(isinstance(flip.draw(rng), augmentations.Flip) for _ in range(2000))
    assert flipped / 2000 == pytest.approx(flip.probability, abs=0.04)


def test_random_central_crop_shows_the_middle_at_full_size() -> None:
    gray = cv2.GaussianBlur(film((200, 200)), (0, 0), 4)
    drawn = augmentations.RandomCentralCrop(fraction=(0.5, 0.5)).draw(np.random.default_rng(0))
    expected = cv2.resize(gray[50:150, 50:150], (200, 200), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(drawn(gray)[4:-4, 4:-4], expected[4:-4, 4:-4], atol=5e-3)


# Geometry ---------------------------------------------------------------------------------------------------

MOVING = [
    transforms.Resize(),
    transforms.Thumbnail(),
    transforms.Pad(size=450),
    transforms.Letterbox(size=300),
    transforms.CentralCrop(fraction=0.85),
    augmentations.Flip(axis="horizontal"),
    augmentations.Flip(axis="vertical"),
    augmentations.Rotate(degrees=-13.0),
    augmentations.Rotate(degrees=77.0),
    augmentations.Scale(factor=1.2),
    augmentations.Scale(factor=0.7),
]


@pytest.mark.parametrize("step", MOVING, ids=repr)
@FEW
@given(discs(low=0.42, high=0.58))  # no farther out, or a turned disc leaves a narrow film
def test_every_moving_transform_moves_a_disc_where_its_matrix_says(
    step: transforms.Transform, source: np.ndarray
) -> None:
    result = step(source)
    assert result.shape == step.result_shape(source.shape)
    expected = apply_affine(step.matrix(source.shape), centroid(source)[None])[0]
    np.testing.assert_allclose(centroid(result), expected, atol=0.2)


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(discs())
def test_every_pipeline_moves_a_disc_where_its_affine_says(name: str, source: np.ndarray) -> None:
    pipeline = build_pipeline(name)
    prepared = pipeline(source)
    expected = apply_affine(prepared.to_input, centroid(source)[None])[0]
    shown = pipeline.steps[-1].display(prepared.input.transpose(1, 2, 0))[:, :, 1]
    # Local equalisation brightens one side of a disc more than the other.
    np.testing.assert_allclose(centroid(shown), expected, atol=2.0 if name == "lisbon2023" else 0.3)


@pytest.mark.parametrize(
    "pipeline",
    [
        *(build_pipeline(name) for name in NAMES),
        build_pipeline("gupta2024", extra=("central_crop", "random_crop")),
    ],
    ids=lambda pipeline: f"{pipeline.name}-{len(pipeline.steps)}",
)
@FEW
@given(discs(low=0.4, high=0.6), st.integers(0, 2**32 - 1))
def test_every_augmented_disc_lands_where_the_affine_says(pipeline: Pipeline, source: np.ndarray, seed: int) -> None:
    prepared = pipeline(source, seed=seed)
    expected = apply_affine(prepared.to_input, centroid(source)[None])[0]
    shown = pipeline.steps[-1].display(prepared.input.transpose(1, 2, 0))[:, :, 1]
    np.testing.assert_allclose(centroid(shown), expected, atol=2.0 if pipeline.name == "lisbon2023" else 0.6)


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(st.integers(1, 4000), st.integers(1, 4000), st.data())
def test_points_come_back_from_the_input(name: str, height: int, width: int, data: st.DataObject) -> None:
    to_input = build_pipeline(name).geometry((height, width))
    inside = st.tuples(st.floats(0, width), st.floats(0, height))
    points = np.array(data.draw(st.lists(inside, min_size=1, max_size=5)))
    moved = apply_affine(to_input, points)
    assert moved.shape == points.shape and moved.dtype == np.float64
    assert moved.min() >= -1e-6 and moved.max() <= build_pipeline(name).size + 1e-6
    np.testing.assert_allclose(apply_affine(invert(to_input), moved), points, atol=1e-6)


def test_compose_applies_the_first_first() -> None:
    points = np.array([[1.0, 2.0]])
    both = compose(geometry.scaling(2, 3), geometry.translation(5, 7))
    np.testing.assert_array_equal(apply_affine(both, points), [[7, 13]])
    np.testing.assert_array_equal(compose(), geometry.identity())


ROTATED = compose(build_pipeline("ours").geometry((90, 70)), augmentations.Rotate(degrees=30).matrix((384, 384)))


@pytest.mark.parametrize(
    "to_input",
    [build_pipeline("ours").geometry((90, 70)), build_pipeline("wang2024").geometry((90, 70)), ROTATED],
)
def test_a_plane_over_the_input_comes_back_to_the_source_exactly(to_input: np.ndarray) -> None:
    """Bilinear interpolation reproduces a plane, so any shift by a fraction of a pixel would show."""
    size = 224 if to_input[0, 0] == 224 / 70 else 384
    centres = (np.arange(12) + 0.5) * size / 12
    grid = (0.3 * centres[None, :] - 0.2 * centres[:, None] + 5).astype(np.float32)
    result = warp_to_source(grid, to_input, size, (90, 70))
    assert result.shape == (90, 70) and result.dtype == np.float32
    rows, columns = np.mgrid[:90, :70] + 0.5
    x, y = apply_affine(to_input, np.column_stack([columns.ravel(), rows.ravel()])).T.reshape(2, 90, 70)
    inside = (np.minimum(x, y) >= centres[0]) & (np.maximum(x, y) <= centres[-1])
    assert inside.mean() > 0.5
    np.testing.assert_allclose(result[inside], (0.3 * x - 0.2 * y + 5)[inside], atol=1e-3)


def test_beyond_the_outer_cells_the_edge_is_repeated() -> None:
    grid = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    result = warp_to_source(grid, geometry.identity(), 8, (8, 8))
    np.testing.assert_allclose(result[0], [1, 1, 1.125, 1.375, 1.625, 1.875, 2, 2], atol=1e-6)
    assert (result[0, 0], result[-1, -1]) == (1, 4)
    np.testing.assert_array_equal(warp_to_source(grid[:1, :1], geometry.identity(), 8, (3, 5)), np.ones((3, 5)))


def test_a_hot_cell_comes_back_over_its_own_place_on_the_film() -> None:
    shape = (454, 373)
    to_input = build_pipeline("ours").geometry(shape)
    grid = np.zeros((12, 12), np.float32)
    grid[4, 7] = 1
    warped = warp_to_source(grid, to_input, 384, shape)
    peak = np.array([np.unravel_index(warped.argmax(), shape)[::-1]]) + 0.5
    np.testing.assert_allclose(apply_affine(to_input, peak), [[7.5 * 32, 4.5 * 32]], atol=1.0)


def test_a_mask_is_warped_with_its_film() -> None:
    source = disc((300, 200), 120, 80, 40) > 0.5
    to_input = build_pipeline("ours").geometry(source.shape)
    warped = warp_mask(source, to_input, 384)
    assert warped.dtype == bool
    expected = apply_affine(to_input, np.array([[120, 80]]))[0]
    np.testing.assert_allclose(centroid(warped.astype(float)), expected, atol=0.5)
    assert warped.sum() == pytest.approx(source.sum() * (384 / 300) ** 2, rel=0.02)


# Pipelines --------------------------------------------------------------------------------------------------


def test_lisbon2023_step_by_step() -> None:
    gray = film((454, 373))
    levels = np.rint(gray * 255).astype(np.uint8)
    picture = Image.fromarray(cv2.createCLAHE(2.0, (8, 8)).apply(levels))
    picture.thumbnail((224, 224), Image.Resampling.LANCZOS)
    canvas = Image.new("L", (224, 224))
    canvas.paste(picture, ((224 - picture.width) // 2, (224 - picture.height) // 2))
    np.testing.assert_array_equal(build_pipeline("lisbon2023").cached(gray), np.asarray(canvas))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, 96])
def test_the_cache_and_the_input_agree(name: str, size: int | None) -> None:
    pipeline = build_pipeline(name, size=size)
    gray = film((211, 333))
    cached = pipeline.cached(gray)
    assert cached.dtype == np.uint8 and cached.shape == (pipeline.size, pipeline.size)
    assert size is None or pipeline.size == size
    mean, std = np.array(pipeline.mean)[:, None, None], np.array(pipeline.std)[:, None, None]
    prepared = pipeline(gray)
    assert prepared.input.dtype == np.float32 and prepared.input.flags.c_contiguous
    np.testing.assert_allclose(prepared.input, (cached[None] / 255 - mean) / std, atol=1e-5)
    np.testing.assert_array_equal(pipeline.geometry((211, 333)), prepared.to_input)


@pytest.mark.parametrize("shape", AWKWARD_SHAPES, ids=str)
@pytest.mark.parametrize("name", [*NAMES, *(f"gupta2024+{extra}" for extra in REJECTED)])
def test_any_shape_and_any_constant_film_works(name: str, shape: tuple[int, int]) -> None:
    name, _, extra = name.partition("+")
    pipeline = build_pipeline(name, extra=(extra,)) if extra else build_pipeline(name)
    for gray in (film(shape), np.zeros(shape, np.float32), np.ones(shape, np.float32)):
        for seed in (None, 1):
            prepared = pipeline(gray, seed=seed)
            assert prepared.input.shape == (3, pipeline.size, pipeline.size)
            assert np.isfinite(prepared.input).all() and np.isfinite(prepared.to_input).all()
    assert pipeline.geometry(shape) == pytest.approx(pipeline(film(shape)).to_input)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_reproduce_and_no_seed_means_no_chance(name: str) -> None:
    pipeline, gray = build_pipeline(name), film((120, 100))
    plain = pipeline(gray).input
    np.testing.assert_array_equal(plain, pipeline(gray).input)
    np.testing.assert_array_equal(pipeline(gray, seed=3).input, pipeline(gray, seed=3).input)
    if pipeline.augmentations:
        assert not np.array_equal(pipeline(gray, seed=3).input, pipeline(gray, seed=4).input)
        assert not np.array_equal(pipeline(gray, seed=3).input, plain)
    else:
        np.testing.assert_array_equal(pipeline(gray, seed=3).input, plain)


@pytest.mark.parametrize("name", NAMES)
def test_stages_show_every_step(name: str) -> None:
    pipeline, gray = build_pipeline(name), film((120, 100))
    assert pipeline(gray).stages == ()
    stages = pipeline(gray, keep_stages=True).stages
    assert [stage.name for stage in stages] == [step.name for step in pipeline.steps]
    augmented = pipeline(gray, seed=0, keep_stages=True).stages
    assert len(augmented) == len(pipeline.steps) + len(pipeline.augmentations)
    for stage in (*stages, *augmented):
        assert stage.source and displayable(stage.image)
    np.testing.assert_allclose(stages[-1].image[:, :, 0], pipeline.cached(gray) / 255, atol=1e-6)


def displayable(image: np.ndarray) -> bool:
    if image.dtype == np.uint8:
        return True
    return image.dtype == np.float32 and image.min() >= 0 and image.max() <= 1


def test_the_film_is_never_written_to() -> None:
    gray = film((90, 80))
    gray.flags.writeable = False
    before = gray.copy()
    for name in NAMES:
        build_pipeline(name)(gray, seed=0, keep_stages=True)
    for name in TRANSFORMS:
        before_after(name, gray)
    np.testing.assert_array_equal(gray, before)


def test_colour_and_uint8_films_are_taken_too() -> None:
    pipeline, gray = build_pipeline("ours"), film((90, 80))
    expected = pipeline(gray).input
    colour = np.repeat(gray[:, :, None], 3, axis=2)
    np.testing.assert_allclose(pipeline(colour).input, expected, atol=2.1 / 255)
    np.testing.assert_allclose(pipeline(transforms.as_uint8(gray)).input, expected, atol=4.1 / 255)
    np.testing.assert_allclose(pipeline(gray.astype(np.float64)).input, expected)


@pytest.mark.parametrize("wrong", [np.zeros((0, 5)), np.zeros(5), np.zeros((2, 3, 4, 5))])
def test_what_is_no_image_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="with pixels in it"):
        build_pipeline("ours")(wrong)


def test_integers_of_unknown_range_are_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        build_pipeline("ours").cached(np.zeros((4, 4), np.int64))


def test_gupta2024_switches_rejected_transforms_on() -> None:
    gray = film((200, 160))
    plain = build_pipeline("gupta2024")
    assert plain.size == 528 and not plain.augmentations
    for extra in REJECTED:
        changed = build_pipeline("gupta2024", extra=(extra,))
        assert not np.array_equal(changed(gray, seed=0).input, plain(gray).input), extra
    clahe = build_pipeline("gupta2024", extra=("clahe",)).cached(gray)
    np.testing.assert_array_equal(clahe, cv2.createCLAHE(2.0, (8, 8)).apply(plain.cached(gray)))
    with pytest.raises(UnknownName, match="clahe"):
        build_pipeline("gupta2024", extra=("sharpen",))


def test_an_unknown_pipeline_names_those_there_are() -> None:
    with pytest.raises(UnknownName, match=r"'nobody2020'.*lisbon2023.*ours"):
        build_pipeline("nobody2020")


def test_a_pipeline_that_ends_in_no_square_is_our_own_mistake() -> None:
    tail = (transforms.CopyChannels(), transforms.UnitNormalise())
    with pytest.raises(AssertionError, match="square"):
        Pipeline("crooked", (transforms.Thumbnail(size=32), *tail))
    with pytest.raises(AssertionError, match="normalises"):
        Pipeline("raw", (transforms.Resize(), transforms.CopyChannels(), transforms.Gray()))


# The table for display --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_is_a_frozen_dataclass_with_a_name_and_a_source(name: str) -> None:
    step = TRANSFORMS[name]()
    assert step.name and step.source
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.source = "elsewhere"  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        TRANSFORMS[name]("elsewhere")  # type: ignore[call-arg, misc]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_before_and_after_are_pictures(name: str) -> None:
    gray = film((300, 700))
    before, after = before_after(name, gray, seed=2)
    again = before_after(name, gray, seed=2)[1]
    assert displayable(before.image) and displayable(after.image)
    assert max(before.image.shape) <= 528 and after.source
    np.testing.assert_array_equal(after.image, again.image)


@pytest.mark.parametrize("name", ["clahe", "diffusion", "canny", "rotation", "noise", "segmentation"])
def test_after_differs_from_before(name: str) -> None:
    before, after = before_after(name, arm()[0])
    assert not np.array_equal(transforms.as_uint8(after.image), transforms.as_uint8(before.image))


def test_an_unknown_transform_names_those_there_are() -> None:
    with pytest.raises(UnknownName, match="clahe"):
        before_after("sharpen", film())


# The house --------------------------------------------------------------------------------------------------


def test_importing_loads_no_heavy_library() -> None:
    code = (
        "import sys, fracture_core.preprocessing;"
        "print([m for m in ('torch', 'streamlit', 'pydicom', 'pandas') if m in sys.modules])"
    )
    root = Path(__file__).parents[1]
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert outcome.stdout.strip() == "[]"


@pytest.mark.skipif("FRACTURE_DATA" not in os.environ, reason="set FRACTURE_DATA to the data sets' folder")
def test_regions_are_sensible_on_real_films() -> None:
    paths = sorted(Path(os.environ["FRACTURE_DATA"], "fracatlas", "images").glob("*/*.jpg"))[::300]
    assert len(paths) > 5
    for path in paths:
        # OpenCV reads the data set's truncated files too.
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
        levels = build_pipeline("gupta2024").cached(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
        bones, limb = regions.Segmentation().mask(levels), regions.RoiMask().mask(levels)
        assert 0.01 < bones.mean() < 0.6 and bones.mean() < limb.mean(), path.name
        assert levels[bones].mean() > levels[~bones].mean(), path.name
