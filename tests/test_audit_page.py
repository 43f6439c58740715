"""The data audit page's lists, charts and pictures, without the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.datasets import Case
from fracture_core.overlay import encode_png
from ui.data_audit import listing
from ui.data_audit.charts import later_leaks, leak_figure, leak_rows, shortcut_figure
from ui.data_audit.films_at_hand import SIDE, pictured


def test_pairs_come_by_kind_and_those_across_splits_first():
    plain: dict = {"exact": [["train/a", "train/b"], ["train/fractured/c", "test/c"]]}
    plain["near"] = [{"first": "test/b", "second": "test/c", "correlation": 0.99, "turned": True}]
    plain["rotated"] = [
        {"first": "val/fractured/a", "second": "train/d", "degrees": 30.2, "mirrored": True, "correlation": 0.97},
        {"first": "train/a", "second": "train/d", "degrees": -4, "mirrored": False, "correlation": 0.97},
    ]
    found = listing.pairs(plain, {})
    assert [entry.kind for entry in found] == ["exact", "exact", "turned", "rotated", "rotated"]
    assert [entry.crosses for entry in found] == [True, False, False, True, False]
    assert found[-2].labels == (1, None)
    assert found[-2].finding.endswith("turned by 30°, mirrored; correlation of fine detail 0.970")


def test_a_set_of_equal_films_shows_one_of_another_split():
    plain = {"exact": [["train/a", "train/b", "test/c"]], "near": [], "rotated": []}
    (entry,) = listing.pairs(plain, {})
    assert entry.films == ("train/a", "test/c")
    assert "3 films are equal" in entry.words
    known = {"train/a": Case("train/a", Path("x"), 1, "hand", split="val")}
    assert listing.pairs(plain, known)[0].splits[0] == "val"


@given(st.lists(st.integers(0, 40), min_size=4, max_size=4).map(sorted), st.integers(40, 60))
def test_the_parts_of_a_leak_add_up(counts, films):
    names = ("by_bytes", "by_pixels", "by_near", "by_rotation")
    leak = {"split": "test", "other": "train", "label": None, "films": films, **dict(zip(names, counts, strict=True))}
    (row,) = leak_rows([leak])
    assert sum(row[kind] for kind in ("equal bytes", "equal pixels only", "near", "turned or cut")) == counts[-1]
    assert row["contaminated"] == counts[-1]
    assert leak_figure([leak]).layout.barmode == "stack"
    assert later_leaks([leak, leak | {"split": "train", "other": "test"}]) == [leak]


def test_a_shortcut_that_was_not_measured_is_left_out():
    entry = {"feature": "width", "value": 0.6, "low": 0.5, "high": 0.7, "n": 10}
    figure = shortcut_figure([entry, {"feature": "height", "value": None, "low": None, "high": None, "n": 0}])
    assert list(figure.data[0].y) == ["width"]


def test_films_lie_side_by_side_and_an_unreadable_one_is_gray(tmp_path):
    case = Case("a", tmp_path / "a.png", 1, "hand")
    case.path.write_bytes(encode_png(np.random.default_rng(0).integers(0, 255, (64, 56), dtype=np.uint8)))
    picture = pictured([case, None])
    assert picture.shape == (SIDE, 2 * SIDE + 8)
    assert set(np.unique(picture[:, -SIDE:])) == {96}
    assert picture[:, :SIDE].std() > 20
