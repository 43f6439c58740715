"""Pictures of films and maps: colours, blending, encoding."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fracture_core.overlay import (
    COLOUR_MAPS,
    blend,
    colourise,
    encode_jpeg,
    encode_png,
    fit_within,
    to_uint8,
)

RAMP = np.tile(np.arange(256, dtype=np.float32) / 255, (4, 1))


def test_uint8_rounds_and_clips():
    values = np.array([[-1.0, 0.0, 0.4 / 255, 0.6 / 255, 0.5, 1.0, 2.0]])
    assert to_uint8(values).tolist() == [[0, 0, 0, 1, 128, 255, 255]]
    assert (to_uint8(RAMP) == np.arange(256)).all()


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
@settings(deadline=None, max_examples=60)
def test_fitting_never_enlarges(height, width, longest):
    film = np.zeros((height, width), np.float32)
    fitted = fit_within(film, longest)
    assert max(fitted.shape) == min(max(height, width), longest)
    assert min(fitted.shape) >= 1
    assert fitted.shape[0] == pytest.approx(max(1, height * max(fitted.shape) / max(height, width)), abs=0.51)
    assert fitted.shape[1] == pytest.approx(max(1, width * max(fitted.shape) / max(height, width)), abs=0.51)


def test_fitting_keeps_kind_and_level():
    film = np.full((400, 300, 3), 77, np.uint8)
    fitted = fit_within(film, 100)
    assert (fitted.shape, fitted.dtype) == ((100, 75, 3), np.uint8)
    assert (fitted == 77).all()
    assert fit_within(film, 400) is film


@pytest.mark.parametrize("colours", COLOUR_MAPS)
def test_alpha_follows_the_value(colours):
    rgba = colourise(RAMP, colours=colours)
    assert (rgba.shape, rgba.dtype) == ((4, 256, 4), np.uint8)
    assert (rgba[..., 3] == np.arange(256)).all()


def test_values_below_the_threshold_are_clear():
    alpha = colourise(RAMP, threshold=0.5)[0, :, 3]
    assert not alpha[:127].any()
    assert (alpha[128:] == np.arange(128, 256)).all()
    assert (colourise(RAMP, threshold=0.0)[..., 3] == colourise(RAMP)[..., 3]).all()


def test_colours_are_red_green_blue():
    """Viridis runs from purple (68, 1, 84) to yellow (253, 231, 37): red and blue are not swapped."""
    rgba = colourise(RAMP, colours="viridis")
    assert rgba[0, 0, :3] == pytest.approx([68, 1, 84], abs=2)
    assert rgba[0, 255, :3] == pytest.approx([253, 231, 37], abs=2)


def test_blend_without_opacity_is_the_film(rng):
    film = rng.random((20, 30), dtype=np.float32)
    blended = blend(film, rng.random((20, 30)), opacity=0)
    assert (blended.shape, blended.dtype) == ((20, 30, 3), np.uint8)
    assert (blended == to_uint8(film)[..., None]).all()


def test_blend_where_the_map_is_clear_is_the_film(rng):
    film = rng.random((20, 30), dtype=np.float32)
    heat = np.zeros((20, 30))
    heat[:10] = 0.3
    heat[5, 5] = 0.9
    blended = blend(film, heat, threshold=0.5, opacity=1)
    untouched = np.ones((20, 30), bool)
    untouched[5, 5] = False
    assert (blended[untouched] == to_uint8(film)[untouched][:, None]).all()
    assert (blended[5, 5] == colourise(heat)[5, 5, :3]).mean() < 1  # 0.9, not 1: the film shows through


def test_blend_at_full_opacity_is_the_map():
    heat = np.ones((4, 4))
    blended = blend(np.zeros((4, 4)), heat, opacity=1)
    assert (blended == colourise(heat)[..., :3]).all()
    assert (blend(np.ones((4, 4)), heat, opacity=1) == blended).all()


def test_blend_by_hand():
    film, heat = np.full((1, 1), 100 / 255), np.full((1, 1), 128 / 255)
    share = 128 / 255 * 0.5
    colour = colourise(heat)[0, 0, :3].astype(float)
    assert blend(film, heat, opacity=0.5)[0, 0] == pytest.approx(100 * (1 - share) + colour * share, abs=0.51)


@pytest.mark.parametrize(("shape", "mode"), [((9, 7), "L"), ((9, 7, 3), "RGB"), ((9, 7, 4), "RGBA")])
def test_png_is_lossless(rng, shape, mode):
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    opened = Image.open(io.BytesIO(encode_png(picture)))
    assert (opened.format, opened.mode) == ("PNG", mode)
    assert (np.asarray(opened) == picture).all()


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3)])
def test_jpeg_is_close(rng, shape):
    coarse = rng.integers(0, 256, (6, 8, *shape[2:]), dtype=np.uint8)
    picture = cv2.resize(coarse, (64, 48), interpolation=cv2.INTER_CUBIC)
    opened = Image.open(io.BytesIO(encode_jpeg(picture, quality=95)))
    assert opened.format == "JPEG"
    assert opened.size == (64, 48)
    assert np.abs(np.asarray(opened, int) - picture).mean() < 6
    assert len(encode_jpeg(picture, quality=30)) < len(encode_jpeg(picture, quality=95))


def test_jpeg_keeps_red_red():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    opened = np.asarray(Image.open(io.BytesIO(encode_jpeg(red))))
    assert opened[..., 0].min() > 240
    assert opened[..., 1:].max() < 15
