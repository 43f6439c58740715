"""Agreement on marks: overlap, matching lesion by lesion, consensus and outlines, against hand counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fracture_core.agreement import (
    NOT_READ,
    Column,
    agreement_matrix,
    lesion_agreement,
    majority_findings,
    majority_mask,
    match_marks,
    model_column,
    outline_marks,
    outlines,
    reader_masks,
    region_overlap,
    shared_regions,
    staple,
    staple_pixels,
)
from fracture_core.errors import FractureError
from fracture_core.marks import Mark, rasterise, region_mask

SHAPE = (40, 60)


def box(left, top, right, bottom):
    return Mark("box", ((left, top), (right, bottom)))


def point(x, y):
    return Mark("point", ((x, y),))


def test_overlap_by_hand():
    found = region_overlap([box(0, 0, 10, 10)], [box(5, 0, 15, 10)], SHAPE)
    assert (found.both, found.first, found.second) == (50, 100, 100)
    assert (found.iou, found.dice) == (50 / 150, 100 / 200)
    union = region_overlap([box(0, 0, 10, 10), box(5, 0, 15, 10)], [box(0, 0, 15, 10)], SHAPE)
    assert union.iou == 1  # what two marks share counts once


def test_what_lies_off_the_film_is_cut_off():
    assert region_overlap([box(-10, 0, 5, 5)], [box(0, 0, 5, 5)], SHAPE).iou == 1
    assert region_overlap([box(-10, 0, 5, 5)], [box(0, 0, 5, 5)]).iou == pytest.approx(1 / 3)


def test_no_region_has_no_overlap():
    assert math.isnan(region_overlap([], [point(3, 3)], SHAPE).iou)
    assert region_overlap([], [box(0, 0, 4, 4)], SHAPE).dice == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.floats(-5, 45)] * 4), min_size=1, max_size=4), st.integers(0, 4))
def test_the_window_changes_no_count(edges, cut):
    marks = [box(*edge) for edge in edges]
    first, second = marks[:cut], marks[cut:]
    found = region_overlap(first, second, SHAPE)
    a, b = region_mask(first, SHAPE), region_mask(second, SHAPE)
    assert (found.both, found.first, found.second) == ((a & b).sum(), a.sum(), b.sum())


def test_marks_match_one_to_one():
    """The second reader's wide box overlaps both of the first's, but can mean only one: the one it fits better."""
    first = [box(0, 0, 10, 10), box(12, 0, 20, 10)]
    found = match_marks(first, [box(0, 0, 16, 10), box(40, 20, 50, 30)], SHAPE)
    assert (found.pairs, found.only_first, found.only_second) == (((0, 0),), (1,), (1,))


def test_more_matches_come_before_better_ones():
    """Greedily (1, 0) would be taken first, at an IoU of 1, and leave the other two marks alone."""
    first, second = [box(0, 0, 20, 10), box(0, 0, 10, 10)], [box(0, 0, 10, 10), box(2, 0, 12, 10)]
    assert match_marks(first, second, SHAPE).pairs == ((0, 1), (1, 0))
    narrow = match_marks(
        [box(0, 0, 10, 10), box(0, 0, 4, 10)], [box(0, 0, 10, 10), box(8, 0, 26, 10)], SHAPE, threshold=0.05
    )
    assert narrow.pairs == ((0, 1), (1, 0))


def test_the_threshold_is_met_at_its_value():
    first, second = [box(0, 0, 10, 10)], [box(5, 0, 15, 10)]
    assert match_marks(first, second, threshold=1 / 3).pairs
    assert not match_marks(first, second, threshold=0.34).pairs
    assert not match_marks(first, [box(20, 20, 30, 30)], threshold=0).pairs  # apart is apart


def test_points_match_regions_and_points():
    triangle = Mark("polygon", ((0.0, 0.0), (20.0, 0.0), (0.0, 20.0)))
    assert match_marks([point(5, 5)], [triangle]).pairs == ((0, 0),)
    assert not match_marks([point(15, 15)], [triangle]).pairs  # within its bounds, beyond its side
    assert match_marks([point(0, 0)], [point(12, 16)]).pairs  # 20 pixels
    assert not match_marks([point(0, 0)], [point(12, 16)], tolerance=19.9).pairs
    nearest = match_marks([point(0, 0), point(10, 0)], [point(9, 0), point(1, 0)])
    assert nearest.pairs == ((0, 1), (1, 0))


def test_lesions_over_films_by_hand():
    same, other = box(0, 0, 10, 10), box(30, 20, 40, 30)
    first = [(same, other), (same,), (), None, (same,)]
    second = [(same,), (other,), (), (same,), None]
    found = lesion_agreement(first, second, [SHAPE] * 5)
    assert (found.matched, found.only_first, found.only_second) == (1, 2, 1)
    assert found.f1.value == pytest.approx(2 / 5)
    assert found.f1.n == 2 and found.f1.low == 0 and found.f1.high == pytest.approx(2 / 3)
    nobody = lesion_agreement([(), None], [(), ()])
    assert math.isnan(nobody.f1.value) and nobody.f1.n == 0


def test_readers_and_model_in_one_matrix_by_hand():
    heat = np.zeros(SHAPE, dtype=bool)
    heat[0:10, 5:15] = True
    model = model_column("model", [0.9, 0.2, math.nan], threshold=0.5, regions=[heat, heat, heat])
    assert model.findings.tolist() == [2, 0, NOT_READ] and model.kind == "model"
    assert model.marks[1] == () and model.marks[2] is None
    ann = Column("ann", np.array([2, 0, 2]), [(box(0, 0, 10, 10),), (), (box(0, 0, 4, 4),)])
    bob = Column("bob", np.array([2, 2, 2]), [(box(0, 0, 10, 10),), (box(0, 0, 9, 9),), (box(0, 0, 4, 2),)])
    iou = agreement_matrix([ann, bob, model], statistic="iou", shapes=[SHAPE] * 3, rounds=50)
    assert iou.estimate("ann", "bob").value == pytest.approx((1 + 0 + 0.5) / 3)
    assert iou.estimate("model", "ann").value == pytest.approx(1 / 3)
    assert iou.estimate("model", "bob").value == pytest.approx((1 / 3 + 0) / 2)
    assert iou.films.tolist() == [[2, 3, 1], [3, 3, 2], [1, 2, 1]]
    dice = agreement_matrix([ann, bob, model], statistic="dice", shapes=[SHAPE] * 3, rounds=0)
    assert dice.estimate("model", "ann").value == pytest.approx(0.5)
    f1 = agreement_matrix([ann, bob, model], statistic="lesion_f1", shapes=[SHAPE] * 3, rounds=50)
    assert f1.estimate("ann", "bob").value == pytest.approx(4 / 5)
    assert f1.estimate("model", "bob").value == pytest.approx(2 / 3)
    assert f1.estimate("ann", "bob") == lesion_agreement(ann.marks, bob.marks, [SHAPE] * 3, rounds=50).f1


def test_identical_regions_agree_wholly_and_may_yet_not():
    column = Column("ann", np.full(10, 2), [(box(0, 0, 5, 5),)] * 10)
    found = agreement_matrix([column, column], statistic="iou").estimate("ann", "ann")
    assert found.value == 1
    twin = Column("bob", column.findings, column.marks)
    found = agreement_matrix([column, twin], statistic="iou").estimate("ann", "bob")
    assert found.value == found.high == 1 and 0.6 < found.low < 0.8


def test_one_film_of_two_readers_has_no_interval():
    """Nor where others share more films: resamples without that film say nothing of the two."""
    ann = Column("ann", np.full(4, 2), [(box(0, 0, 9, 9),)] * 4)
    bob = Column("bob", np.array([2, NOT_READ, NOT_READ, NOT_READ]), [(box(0, 0, 9, 5),), None, None, None])
    cy = Column("cy", np.full(4, 2), [(box(0, 0, 9, edge),) for edge in (1, 3, 5, 7)])
    for columns in ([ann, bob], [ann, bob, cy]):
        found = agreement_matrix(columns, statistic="iou")
        alone = found.estimate("ann", "bob")
        assert alone.value == pytest.approx(5 / 9) and alone.n == 1 and math.isnan(alone.low + alone.high)
    assert found.estimate("ann", "cy").low < found.estimate("ann", "cy").high
    f1 = lesion_agreement([(box(0, 0, 9, 9), box(20, 20, 30, 30))], [(box(0, 0, 9, 9),)]).f1
    assert f1.value == pytest.approx(2 / 3) and math.isnan(f1.low)


def test_an_uncertain_band_of_the_model():
    found = model_column("model", [0.1, 0.45, 0.55, 0.9], threshold=0.5, uncertain=(0.4, 0.6))
    assert found.findings.tolist() == [0, 1, 1, 2] and found.marks is None


masks = st.integers(0, 2**30).map(lambda seed: np.random.default_rng(seed).random((9, 12)) < 0.5)


@settings(deadline=None, max_examples=60)
@given(masks)
def test_outlines_give_the_mask_back(mask):
    np.testing.assert_array_equal(rasterise(outlines(mask), mask.shape), ndimage.binary_fill_holes(mask))
    marks = outline_marks(mask)
    np.testing.assert_array_equal(region_mask(marks, mask.shape), ndimage.binary_fill_holes(mask))


def test_outlines_lie_in_the_corner_convention():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[10:20, 30:50] = True
    (outline,) = outlines(mask)
    assert outline.min(axis=0).tolist() == [30.25, 10.25] and outline.max(axis=0).tolist() == [49.75, 19.75]
    assert outlines(np.zeros(SHAPE, dtype=bool)) == ()


def test_majority_of_findings_and_pixels():
    codes = np.array([[2, 2, 0], [2, 0, -1], [-1, -1, -1], [1, -1, -1], [0, 1, 2], [0, 0, 2]])
    assert majority_findings(codes).tolist() == [2, 1, NOT_READ, 1, 1, 0]
    stacked = reader_masks([(box(0, 0, 4, 4),), (box(2, 0, 6, 4),), None, ()], SHAPE)
    assert stacked.shape == (3, *SHAPE)
    assert majority_mask(stacked).sum() == 8  # two of three
    assert not majority_mask(stacked[:2] & ~stacked[1::-1]).any()  # one of two is a tie


def test_staple_finds_the_readers_out(rng):
    """Warfield's model itself: each reader errs on each pixel alone, at rates of their own."""
    truth = np.zeros((120, 120), dtype=bool)
    truth[40:80, 30:90] = True
    rates = [(0.95, 0.98), (0.8, 0.95), (0.6, 0.99), (0.9, 0.85)]
    readers = np.stack([np.where(truth, rng.random(truth.shape) < p, rng.random(truth.shape) >= q) for p, q in rates])
    found = staple(readers)
    assert found.window == (0, 120, 0, 120) and found.probability.dtype == np.float32
    assert found.sensitivity == pytest.approx([p for p, _ in rates], abs=0.03)
    assert found.specificity == pytest.approx([q for _, q in rates], abs=0.03)
    assert (found.mask != truth).mean() < 0.02
    assert (majority_mask(readers) != truth).mean() > (found.mask != truth).mean()


@pytest.mark.parametrize("seed", range(6))
def test_staple_is_that_of_simpleitk(seed):
    sitk = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(seed)
    truth = rng.random((1, 3000)) < 0.3
    rates = rng.uniform(0.55, 0.97, (3 + seed, 2))
    readers = [np.where(truth, rng.random(truth.shape) < p, rng.random(truth.shape) >= q) for p, q in rates]
    filter_ = sitk.STAPLEImageFilter()
    filter_.SetForegroundValue(1)
    filter_.SetMaximumIterations(5000)
    theirs = sitk.GetArrayFromImage(filter_.Execute([sitk.GetImageFromArray(r.astype(np.uint8)) for r in readers]))
    probability, sensitivity, specificity = staple_pixels(np.concatenate(readers))
    assert probability == pytest.approx(theirs[0], abs=1e-3)
    assert sensitivity == pytest.approx(filter_.GetSensitivity(), abs=1e-3)
    assert specificity == pytest.approx(filter_.GetSpecificity(), abs=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_staple_of_overlapping_boxes_is_that_of_simpleitk(seed):
    """Boxes of one fracture have several optima; which is found follows from the start."""
    sitk = pytest.importorskip("SimpleITK")
    if seed:
        rng = np.random.default_rng(seed)
        boxes = np.column_stack([rng.integers(20, 30, (2 + seed % 4, 2)), rng.integers(8, 15, (2 + seed % 4, 2))])
    else:
        boxes = np.array([(28, 32, 11, 14), (25, 22, 11, 12), (22, 22, 12, 11), (25, 28, 12, 14)])
    masks = reader_masks([(box(left, top, left + w, top + h),) for top, left, h, w in boxes], (60, 60))
    found = staple(masks)
    top, bottom, left, right = found.window
    window = np.s_[top:bottom, left:right]
    filter_ = sitk.STAPLEImageFilter()
    filter_.SetForegroundValue(1)
    filter_.SetMaximumIterations(5000)
    seen = [sitk.GetImageFromArray(np.ascontiguousarray(mask[window]).astype(np.uint8)) for mask in masks]
    theirs = sitk.GetArrayFromImage(filter_.Execute(seen))
    assert found.probability[window] == pytest.approx(theirs, abs=2e-3)
    assert found.sensitivity == pytest.approx(filter_.GetSensitivity(), abs=2e-3)
    assert seed or found.mask.sum() == 206


def test_staple_looks_around_the_marks_alone():
    small = reader_masks([(box(100, 100, 140, 120),), (box(104, 100, 140, 120),)], (400, 500))
    found = staple(small)
    assert found.window == (84, 136, 80, 160)
    large = staple(reader_masks([(box(100, 100, 140, 120),), (box(104, 100, 140, 120),)], (4000, 5000)[::-1]))
    assert found.specificity == large.specificity and found.sensitivity == large.sensitivity
    assert found.mask.sum() in (36 * 20, 40 * 20)


def test_staple_where_there_is_little_to_go_by():
    one = staple(reader_masks([(box(3, 3, 9, 9),)], SHAPE))
    assert one.mask.sum() == 36 and math.isnan(one.sensitivity[0])
    nothing = staple(reader_masks([(), ()], SHAPE))
    assert not nothing.mask.any() and nothing.window == (0, 0, 0, 0) and np.isnan(nothing.specificity).all()
    everything = staple(np.ones((2, 8, 8), dtype=bool))
    assert everything.mask.all()
    alike = staple(reader_masks([(box(3, 3, 9, 9),)] * 3, SHAPE))
    assert alike.mask.sum() == 36 and alike.sensitivity == (1, 1, 1) and alike.specificity == (1, 1, 1)
    apart = staple(reader_masks([(box(3, 3, 9, 9),), ()], SHAPE))
    assert not apart.mask.any()  # one says yes and one no: a tie
    with pytest.raises(FractureError, match="Nobody"):
        staple(np.zeros((0, 8, 8), dtype=bool))


def test_staple_over_pixels_of_many_films(rng):
    truth = rng.random(6000) < 0.3
    readers = np.stack([np.where(truth, rng.random(6000) < p, rng.random(6000) >= 0.95) for p in (0.9, 0.7, 0.5)])
    probability, sensitivity, _ = staple_pixels(readers)
    assert sensitivity == pytest.approx((0.9, 0.7, 0.5), abs=0.05)
    assert np.corrcoef(probability, truth)[0, 1] > 0.8


# Places that anybody marked ---------------------------------------------------------------------------------


def test_regions_that_touch_are_one_place_and_others_are_not():
    readers = {
        "Anna": [Mark("box", ((0, 0), (4, 4))), Mark("box", ((20, 20), (24, 24)))],
        "Ben": [Mark("box", ((2, 0), (6, 4))), Mark("point", ((21, 21),))],
        "Cleo": [],
    }
    above, below = shared_regions(readers, (30, 30))
    assert (above.readers, above.shares) == (("Anna", "Ben"), (16 / 24, 16 / 24))
    assert (int(above.mask.sum()), int(below.mask.sum())) == (24, 16)
    assert (below.readers, below.shares) == (("Anna",), (1.0,))  # a point marks no region


def test_nothing_marked_is_no_place():
    assert shared_regions({}, (5, 5)) == []
    assert shared_regions({"Anna": []}, (5, 5)) == []
