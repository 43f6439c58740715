"""Marks keep their points, and are filled pixel by pixel as a hand count says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.errors import FractureError
from fracture_core.marks import Mark, rasterise, region_mask

number = st.floats(-20, 40, allow_nan=False)
points = st.tuples(number, number)


def test_a_box_fills_the_pixels_whose_centres_it_holds():
    box = Mark("box", ((4.0, 3.0), (1.0, 1.0)))
    assert box.bounds == (1, 1, 4, 3)
    assert np.argwhere(region_mask([box], (5, 6))).tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
    assert not region_mask([Mark("box", ((1.6, 1.6), (2.4, 2.4)))], (5, 5)).any()  # no centre inside


def test_a_triangle_by_hand():
    mask = rasterise([np.array([[0, 0], [4, 0], [0, 4]])], (4, 4))
    assert mask.astype(int).tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_outlines_that_cross_themselves_keep_their_inside():
    loop = np.array([[0, 0], [6, 0], [6, 6], [0, 6], [0, 0], [6, 0], [6, 6], [0, 6]])  # drawn around twice
    assert rasterise([loop], (6, 6)).all()


def test_points_enclose_nothing():
    assert not region_mask([Mark("point", ((2.0, 2.0),))], (5, 5)).any()


@given(low=points, high=points)
def test_a_box_is_its_polygon(low, high):
    box = Mark("box", (low, high))
    polygon = Mark("polygon", tuple(map(tuple, box.outline.tolist())))
    assert (region_mask([box], (20, 30)) == region_mask([polygon], (20, 30))).all()


@given(vertices=st.lists(points, min_size=3, max_size=8))
def test_direction_and_start_do_not_matter(vertices):
    outline = np.array(vertices)
    mask = rasterise([outline], (20, 20))
    assert (rasterise([outline[::-1]], (20, 20)) == mask).all()
    assert (rasterise([np.roll(outline, 1, axis=0)], (20, 20)) == mask).all()


@given(
    kind=st.sampled_from(["polygon", "freehand"]), vertices=st.lists(points, min_size=3, max_size=9), note=st.text()
)
def test_marks_survive_as_plain_data(kind, vertices, note):
    mark = Mark(kind, tuple(vertices), note=note, id="a")
    assert Mark.from_dict(mark.to_dict()) == mark


@pytest.mark.parametrize(
    ("kind", "given_points", "told"),
    [
        ("circle", [(0, 0)], "Unknown kind of mark 'circle'"),
        ("box", [(0, 0)], "A box has 2 points: mark it again"),
        ("box", [(0, 0)] * 3, "A box has 2 points"),
        ("polygon", [(0, 0)] * 2, "A polygon has 3 points or more"),
        ("point", [(np.nan, 0)], "no number"),
    ],
)
def test_what_is_no_mark_is_told(kind, given_points, told):
    with pytest.raises(FractureError, match=told):
        Mark(kind, tuple(given_points))


@pytest.mark.parametrize(
    "data", [{}, {"kind": "box"}, {"kind": "box", "points": 3}, {"kind": "box", "points": [["a", 1]]}]
)
def test_data_that_is_no_mark_is_told(data):
    with pytest.raises(FractureError, match="This is no mark"):
        Mark.from_dict(data)
