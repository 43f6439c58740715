from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from fracture_core.errors import FractureError
from fracture_core.localisation import (
    THRESHOLDS,
    area_share,
    auroc,
    average_precision,
    dice,
    dice_curve,
    distance_map,
    energy,
    energy_ratio,
    iou,
    is_flat,
    otsu,
    peak_distance,
    peak_point,
    pointing,
    pointing_chance,
    tune_threshold,
)
from fracture_core.localisation.regions import masks, top_to_bottom, union


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def hot(shape: tuple[int, int], *pixels: tuple[int, int], value: float = 1.0) -> np.ndarray:
    heat = np.zeros(shape, np.float32)
    for pixel in pixels:
        heat[pixel] = value
    return heat


SQUARE = box(2, 2, 4, 4)  # the pixels of rows 2-3 and columns 2-3


# Regions ----------------------------------------------------------------------------------------------


def test_outlines_and_masks_count_as_their_union():
    mask = np.zeros((10, 10), bool)
    mask[2:4, 3:5] = True
    assert union([SQUARE, mask], (10, 10)).sum() == 6
    assert area_share([SQUARE, mask], (10, 10)) == pytest.approx(0.06)
    assert union(mask, (10, 10)) is mask


def test_an_outline_without_a_pixels_centre_still_has_pixels():
    sliver = np.array([[2.1, 2.1], [2.3, 2.1], [2.2, 2.3]])
    (mask,) = masks([sliver], (10, 10))
    assert list(zip(*np.nonzero(mask), strict=True)) == [(2, 2)]


def test_regions_beyond_the_film_are_left_out_and_none_at_all_is_told():
    assert len(masks([SQUARE, box(20, 20, 30, 30)], (10, 10))) == 1
    with pytest.raises(FractureError, match="No region"):
        union([box(20, 20, 30, 30)], (10, 10))
    with pytest.raises(FractureError, match="No region"):
        union(np.zeros((10, 10), bool), (10, 10))


def test_distances_are_between_pixels_centres():
    mask = hot((5, 9), (2, 2)) > 0
    distances = distance_map(mask)
    assert distances[2, 2] == 0
    assert distances[2, 8] == pytest.approx(6)
    assert distances[4, 4] == pytest.approx(math.hypot(2, 2))
    assert distance_map(mask, spacing=(0.5, 0.5))[2, 8] == pytest.approx(3)
    assert distance_map(mask, spacing=(0.5, 0.25))[4, 6] == pytest.approx(math.hypot(2 * 0.5, 4 * 0.25))


def test_areas_are_ordered_from_top_to_bottom():
    low, high = hot((9, 9), (7, 1)) > 0, hot((9, 9), (1, 7)) > 0
    assert top_to_bottom([low, high])[0] is high


# The peak ---------------------------------------------------------------------------------------------


def test_pointing_hits_where_the_peak_lies_in_a_region():
    assert pointing(hot((10, 10), (3, 3)), [SQUARE]) == 1
    assert pointing(hot((10, 10), (3, 4)), [SQUARE]) == 0
    assert pointing(hot((10, 10), (3, 4)), [SQUARE], tolerance=0.1) == 1  # one pixel off on a side of ten
    assert pointing(hot((10, 10), (3, 5)), [SQUARE], tolerance=0.1) == 0


def test_tied_peaks_score_their_mean():
    heat = hot((10, 10), (3, 3), (3, 4), (3, 5), (9, 9))
    assert pointing(heat, [SQUARE]) == pytest.approx(1 / 4)
    assert peak_distance(heat, [SQUARE]) == pytest.approx((0 + 1 + 2 + math.hypot(6, 6)) / 4)
    assert peak_point(hot((10, 10), (3, 3), (3, 5))) == (4.5, 3.5)


def test_chance_of_pointing_is_the_area_within_the_tolerance():
    assert pointing_chance([SQUARE], (10, 10)) == pytest.approx(4 / 100)
    # one pixel around the square, without its corners' diagonals
    assert pointing_chance([SQUARE], (10, 10), tolerance=0.1) == pytest.approx(12 / 100)


def test_distance_in_millimetres():
    assert peak_distance(hot((10, 10), (3, 8)), [SQUARE]) == pytest.approx(5)
    assert peak_distance(hot((10, 10), (3, 8)), [SQUARE], spacing=(0.2, 0.2)) == pytest.approx(1)
    assert peak_distance(hot((10, 10), (3, 8)), [SQUARE], spacing=(0.7, 0.2)) == pytest.approx(1)


# The whole map ----------------------------------------------------------------------------------------


def test_energy_is_the_maps_share_inside():
    heat = hot((10, 10), (2, 2), (3, 3), (9, 9), (8, 8))
    assert energy(heat, [SQUARE]) == pytest.approx(0.5)
    assert energy_ratio(heat, [SQUARE]) == pytest.approx(0.5 / 0.04)
    assert math.isnan(energy(np.zeros((10, 10), np.float32), [SQUARE]))


def test_average_precision_by_hand():
    mask = np.array([[True, False, True, False]])
    heat = np.array([[0.9, 0.8, 0.7, 0.1]], np.float32)
    assert average_precision(heat, mask) == pytest.approx((1 / 1 + 2 / 3) / 2)
    tied = np.array([[0.9, 0.9, 0.7, 0.1]], np.float32)
    assert average_precision(tied, mask) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_auroc_by_hand():
    mask = np.array([[True, False, True, False]])
    assert auroc(np.array([[0.9, 0.8, 0.7, 0.1]], np.float32), mask) == pytest.approx(3 / 4)
    assert auroc(np.array([[0.9, 0.9, 0.7, 0.1]], np.float32), mask) == pytest.approx(2.5 / 4)
    assert math.isnan(auroc(np.ones((2, 2), np.float32), np.ones((2, 2), bool)))


# Cut maps ---------------------------------------------------------------------------------------------


def test_iou_and_dice_by_hand():
    heat = hot((10, 10), (2, 2), (2, 3), (0, 0), value=0.8)
    assert iou(heat, [SQUARE], threshold=0.5) == pytest.approx(2 / 5)
    assert dice(heat, [SQUARE], threshold=0.5) == pytest.approx(4 / 7)
    assert iou(heat, [SQUARE], threshold=0.9) == 0
    assert iou(heat, [SQUARE], threshold=0.0) == pytest.approx(0.04)  # lit everywhere
    assert iou(heat, [SQUARE], threshold=0.8) == pytest.approx(2 / 5)  # at the threshold counts as lit


def test_otsu_parts_two_levels_in_their_middle():
    heat = np.full((10, 10), 0.2, np.float32)
    heat[:3] = 0.8
    assert otsu(heat) == pytest.approx(0.5, abs=0.01)
    assert math.isnan(otsu(np.full((4, 4), 0.3, np.float32)))


def test_otsu_agrees_with_opencv(rng):
    import cv2

    levels = np.clip(np.concatenate([rng.normal(60, 20, 3000), rng.normal(170, 25, 1000)]), 0, 255).astype(np.uint8)
    theirs, _ = cv2.threshold(levels[None], 0, 255, cv2.THRESH_OTSU)
    assert otsu(levels[None].astype(np.float32) / 255) * 255 == pytest.approx(theirs + 0.5, abs=0.51)


def test_the_tuned_threshold_has_the_highest_mean_dice(rng):
    heats = [rng.random((20, 30)).astype(np.float32) ** 2 for _ in range(4)]
    marked = [rng.random((20, 30)) < 0.2 for _ in range(4)]
    for heat, mask in zip(heats, marked, strict=True):
        heat[mask] += (1 - heat[mask]) * 0.6
    chosen = tune_threshold(heats, marked)
    means = [
        np.mean([dice(heat, mask, threshold=level) for heat, mask in zip(heats, marked, strict=True)])
        for level in THRESHOLDS
    ]
    assert chosen == THRESHOLDS[int(np.argmax(means))]
    assert max(means) > 0.5
    # a flat map has no say
    assert tune_threshold([*heats, np.ones((20, 30), np.float32)], [*marked, marked[0]]) == chosen
    with pytest.raises(ValueError, match="at least one film"):
        tune_threshold([], [])


# Properties -------------------------------------------------------------------------------------------

SHAPE = (6, 9)
HEATS = arrays(np.float32, SHAPE, elements=st.integers(0, 12).map(lambda level: level / 12))
MASKS = arrays(bool, SHAPE).filter(lambda mask: mask.any() and not mask.all())


@settings(deadline=None)
@given(HEATS, MASKS, st.floats(0, 1))
def test_shares_stay_in_bounds_and_iou_below_dice(heat, mask, threshold):
    overlap, agreement = iou(heat, mask, threshold=threshold), dice(heat, mask, threshold=threshold)
    assert 0 <= overlap <= agreement <= 1
    assert agreement == pytest.approx(2 * overlap / (1 + overlap))
    assert 0 <= pointing(heat, mask) <= pointing(heat, mask, tolerance=0.2) <= 1
    assert 0 < average_precision(heat, mask) <= 1


@settings(deadline=None)
@given(HEATS, MASKS)
def test_rankings_are_scikit_learns(heat, mask):
    assert average_precision(heat, mask) == pytest.approx(average_precision_score(mask.ravel(), heat.ravel()))
    assert auroc(heat, mask) == pytest.approx(roc_auc_score(mask.ravel(), heat.ravel()))


@settings(deadline=None)
@given(HEATS, MASKS)
def test_the_dice_curve_is_dice_at_each_threshold(heat, mask):
    curve = dice_curve(heat, mask)
    assert curve == pytest.approx([dice(heat, mask, threshold=level) for level in THRESHOLDS])


@settings(deadline=None)
@given(MASKS, st.sampled_from([0.25, 0.5, 1.0]))
def test_a_uniform_map_scores_what_chance_does(mask, value):
    heat = np.full(SHAPE, value, np.float32)
    share = mask.mean()
    assert is_flat(heat)
    assert energy(heat, mask) == pytest.approx(share)
    assert energy_ratio(heat, mask) == pytest.approx(1)
    assert average_precision(heat, mask) == pytest.approx(share)
    assert auroc(heat, mask) == pytest.approx(0.5)
    for tolerance in (0.0, 0.2):
        chance = pointing_chance(mask, SHAPE, tolerance=tolerance)
        assert pointing(heat, mask, tolerance=tolerance) == pytest.approx(chance)


@settings(deadline=None)
@given(HEATS, MASKS)
def test_the_distance_is_zero_exactly_where_the_peak_hits(heat, mask):
    assert (peak_distance(heat, mask) == 0) == (pointing(heat, mask) == 1)


@settings(deadline=None)
@given(HEATS, MASKS, st.sampled_from([(slice(None, None, -1), slice(None)), (slice(None), slice(None, None, -1))]))
def test_scores_do_not_change_when_film_and_regions_are_flipped(heat, mask, flip):
    scores = (
        lambda h, m: pointing(h, m),
        lambda h, m: pointing(h, m, tolerance=0.2),
        lambda h, m: peak_distance(h, m),
        lambda h, m: iou(h, m, threshold=0.5),
        average_precision,
        auroc,
        lambda h, m: otsu(h),
    )
    for score in scores:
        assert score(heat, mask) == pytest.approx(score(heat[flip], mask[flip]), rel=1e-5, nan_ok=True)
    assert energy(heat, mask) == pytest.approx(energy(heat[flip], mask[flip]), rel=1e-5, nan_ok=True)
