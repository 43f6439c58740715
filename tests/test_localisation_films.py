from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fracture_core.errors import FractureError
from fracture_core.localisation import (
    MAPPED,
    SCORES,
    average_precision,
    chance,
    dice,
    energy,
    from_plain,
    iou,
    markdown_table,
    otsu,
    score_film,
    summarise_localisation,
    text_table,
    to_plain,
)
from fracture_core.results import to_json

HIGH = np.array([[2, 2], [6, 2], [6, 4], [2, 4]], float)  # 8 pixels
LOW = np.array([[10, 14], [14, 14], [14, 18], [10, 18]], float)  # 16 pixels


def lit_above() -> np.ndarray:
    """Warm over the upper region, warmest at one pixel in it; the rest nearly cold."""
    heat = np.full((20, 20), 0.05, np.float32)
    heat[2:4, 2:6] = 0.8
    heat[3, 3] = 1.0
    return heat


def test_areas_are_named_from_the_top_and_judged_one_by_one():
    """As in the paper's figure: area 1 overlaps, area 2 is missed."""
    row = score_film(lit_above(), [LOW, HIGH], film="a", method="gradcam", reader="r", spacing=(0.5, 0.5))
    first, second = row.regions
    assert [region.name for region in row.regions] == ["area 1", "area 2"]
    assert (first.covered, first.share, first.hit, first.peak, first.distance) == (True, 1, 1, 1, 0)
    assert first.centre == (4, 3)
    assert not second.covered
    assert second.share == 0
    assert second.peak == pytest.approx(0.05)
    assert second.distance == pytest.approx(math.hypot(10 - 3, 14 - 3))  # from (3, 3) to (14, 10), row and column
    assert second.distance_mm == pytest.approx(second.distance / 2)
    assert row.covered == 1
    assert (row.distance, row.distance_mm) == (0, 0)
    assert row.peak == (3.5, 3.5)


def test_a_region_is_covered_by_the_peak_or_by_half_of_its_area():
    heat = np.full((20, 20), 0.05, np.float32)
    heat[14:16, 10:14] = 0.8  # half of the lower region
    heat[0, 0] = 1.0
    assert [region.covered for region in score_film(heat, [HIGH, LOW]).regions] == [False, True]
    heat[14, 10] = 0.05
    assert [region.covered for region in score_film(heat, [HIGH, LOW]).regions] == [False, False]
    heat[16, 12] = 1.01  # the peak
    heat[14:16] = 0.05
    assert [region.covered for region in score_film(heat, [HIGH, LOW]).regions] == [False, True]


def test_a_films_scores_are_those_of_the_functions(rng):
    heat = rng.random((20, 20)).astype(np.float32)
    row = score_film(heat, [HIGH, LOW], threshold=0.7)
    assert row.area == pytest.approx(24 / 400)
    assert row.energy == pytest.approx(energy(heat, [HIGH, LOW]))
    assert row.average_precision == pytest.approx(average_precision(heat, [HIGH, LOW]))
    assert row.iou == pytest.approx(iou(heat, [HIGH, LOW], threshold=0.7))
    assert row.dice == pytest.approx(dice(heat, [HIGH, LOW], threshold=0.7))
    assert row.otsu == otsu(heat)
    assert row.dice_otsu == pytest.approx(dice(heat, [HIGH, LOW], threshold=row.otsu))
    assert row.lit == pytest.approx((heat >= 0.7).mean(), abs=0.01)
    assert math.isnan(score_film(heat, [HIGH]).iou)
    assert row.distance_mm is None


def test_a_flat_map_scores_nothing_and_says_why():
    row = score_film(np.zeros((20, 20), np.float32), [HIGH, LOW], film="a")
    assert row.flat
    assert "flat" in row.reason
    assert row.peak is None
    for name in ("pointing", "energy", "average_precision", "auroc", "iou_otsu", "distance", "lit"):
        assert math.isnan(getattr(row, name)), name
    assert row.area == pytest.approx(24 / 400)
    assert [region.covered for region in row.regions] == [False, False]


def test_a_film_without_a_region_on_it_is_told():
    with pytest.raises(FractureError, match="No region"):
        score_film(lit_above(), [HIGH + 100])


# Summaries --------------------------------------------------------------------------------------------


def films(count: int = 6, *, flat: int = 0) -> list:
    """Every other film hits; the last ones are flat."""
    missed = lit_above()[::-1, ::-1]
    heats = [lit_above() if index % 2 == 0 else missed for index in range(count)]
    rows = [
        score_film(heat, [HIGH], film=f"f{index}", method="gradcam", reader="r", threshold=0.5)
        for index, heat in enumerate(heats)
    ]
    mute = score_film(np.zeros((20, 20), np.float32), [HIGH, LOW], method="gradcam", reader="r", threshold=0.5)
    return rows + [replace(mute, film=f"m{index}", group=f"m{index}") for index in range(flat)]


def test_a_summary_holds_means_with_intervals_and_chance():
    found = summarise_localisation(films())
    assert found["pointing"].value == pytest.approx(0.5)
    assert 0 <= found["pointing"].low < 0.5 < found["pointing"].high <= 1
    assert found["pointing"].n == 6
    assert found["dice"].value == pytest.approx(0.5)
    assert chance("pointing", found).value == pytest.approx(8 / 400)
    assert chance("auroc", found).value == 0.5
    assert chance("distance_share", found) is None
    assert found["dice_lit"].value == pytest.approx(2 * 8 / 408)
    assert found["covered"].n == 6
    assert found["distance_share"].value == pytest.approx(np.median([row.distance for row in films()]) / 20)
    assert set(SCORES) <= set(found)
    assert not any(name.endswith(MAPPED) for name in found)
    assert "distance_mm" not in found


def test_a_flat_map_counts_as_a_miss_and_both_figures_are_said():
    found = summarise_localisation(films(6, flat=2))
    assert found["flat"].value == pytest.approx(2 / 8)
    assert found["pointing"].value == pytest.approx(3 / 8)
    assert found["pointing" + MAPPED].value == pytest.approx(3 / 6)
    assert found["pointing" + MAPPED].n == 6
    assert found["auroc"].value == pytest.approx((found["auroc" + MAPPED].value * 6 + 0.5 * 2) / 8)
    assert found["covered"].value == pytest.approx(3 / 10)  # the flat films have two regions each
    assert found["distance"].n == 6
    assert "flat maps, counted as misses: 2 of 8" in text_table({"gradcam": found})


def test_films_of_one_group_widen_the_interval():
    rows = films(40)
    alone = summarise_localisation(rows)["energy"]
    paired = [replace(row, group=f"g{index // 2 % 5}-{index % 2}") for index, row in enumerate(rows)]
    together = summarise_localisation(paired)["energy"]
    assert together.value == alone.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_where_all_films_agree_the_interval_is_the_exact_one():
    rows = [row for row in films(20) if row.pointing == 1]
    found = summarise_localisation(rows)["pointing"]
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 10))  # ten of ten, Clopper and Pearson


def test_scores_at_a_threshold_are_left_out_where_none_was_given():
    found = summarise_localisation(
        [score_film(lit_above(), [HIGH], film="a"), score_film(lit_above(), [LOW], film="b")]
    )
    assert "dice" not in found
    assert "dice_otsu" in found


def test_one_method_and_one_reader_at_a_time():
    mixed = [films()[0], replace(films()[0], method="hirescam")]
    for rows in (mixed, []):
        with pytest.raises(ValueError, match="one method"):
            summarise_localisation(rows)


def test_the_median_of_resamples_is_the_median():
    from fracture_core.localisation.summary import _median

    values, times = np.array([5.0, 1.0, math.nan, 3.0]), np.array([[1.0, 2, 7, 1], [1, 1, 0, 1], [0, 0, 4, 0]])
    found = _median(values, times[:1])
    assert (found.value, found.n) == (3, 3)
    assert found.low == found.high == np.median([5, 1, 1, 3])
    assert _median(values, times[1:2]).low == 3
    assert math.isnan(_median(values, times[2:]).low)


def test_tables_and_their_storage():
    summary = {"gradcam": summarise_localisation(films(6, flat=1))}
    lines = markdown_table(summary).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| `gradcam` | 7 | 42.9 % [")
    assert lines[3].startswith(
        "| chance |  | 2.6 % |"
    )  # flat films have two regions: (6 x 8 + 24) / (7 x 400) = 2.6 %
    assert len({line.count("|") for line in lines}) == 1
    restored = from_plain(json.loads(to_json(to_plain(summary))))
    assert restored["gradcam"]["energy"] == summary["gradcam"]["energy"]
    assert markdown_table(restored) == markdown_table(summary)
