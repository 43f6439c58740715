"""Readers on made-up folders and on the real one; splits that no group crosses."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.datasets import (
    FRACATLAS_COCO,
    DataSet,
    assert_no_group_crosses,
    grouped_split,
    read_fracatlas,
)
from fracture_core.errors import DataSetError

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


def _rewrite(table, change):
    """Change the rows of a table on disk."""
    with table.open(newline="") as stream:
        rows = change(list(csv.DictReader(stream)))
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _with(**cells):
    """A change of a table's first row."""
    return lambda rows: [{**rows[0], **cells}, *rows[1:]]


# FracAtlas ---------------------------------------------------------------------------------------------


def test_fracatlas_as_made(made_fracatlas):
    data = read_fracatlas(made_fracatlas(12))
    assert (data.name, len(data.cases), data.notes) == ("fracatlas", 12, ())
    assert [case.id for case in data.cases] == [f"IMG{2 * index:07d}" for index in range(12)]
    assert data.labels.tolist() == [0, 1] * 6
    assert data.labels.dtype == np.int64
    assert Counter(case.region for case in data.cases) == {"hand": 3, "leg": 3, "hip": 3, "shoulder": 3}
    assert all(case.flags == {"frontal"} for case in data.cases)
    assert all(case.path.is_file() for case in data.cases)
    assert "CC BY 4.0" in data.attribution


def test_polygons_in_source_pixels(made_fracatlas):
    data = read_fracatlas(made_fracatlas(4, size=64))
    assert [len(case.polygons) for case in data.cases] == [0, 1, 0, 1]
    outline = data.cases[1].polygons[0]
    assert outline.tolist() == [[16, 24], [48, 24], [48, 40], [16, 40]]
    assert outline.dtype == np.float64


def test_without_annotations_there_are_no_polygons(made_fracatlas):
    root = made_fracatlas(4)
    (root / FRACATLAS_COCO).unlink()
    assert all(case.polygons == () for case in read_fracatlas(root).cases)


def test_the_table_decides_and_a_conflict_is_noted(made_fracatlas):
    root = made_fracatlas(4)
    _rewrite(root / "dataset.csv", _with(fractured=1))
    data = read_fracatlas(root)
    assert data.cases[0].label == 1
    assert data.notes == ("IMG0000000.jpg: the table says 1, the folder Non_fractured",)


def test_films_missing_on_disk_are_noted(made_fracatlas):
    root = made_fracatlas(6)
    for name in ("IMG0000000.jpg", "IMG0000004.jpg"):
        (root / "images" / "Non_fractured" / name).unlink()
    data = read_fracatlas(root)
    assert len(data.cases) == 4
    assert data.notes == ("2 films of the table are not on disk",)


def test_regions_and_flags(made_fracatlas):
    root = made_fracatlas(4)
    _rewrite(root / "dataset.csv", _with(hand=1, leg=1, hardware=1, frontal=0, oblique=1))
    first, *others = read_fracatlas(root).cases
    assert first.region == "mixed"
    assert first.flags == {"hardware", "oblique"}
    assert [case.region for case in others] == ["leg", "hip", "shoulder"]


def test_a_byte_order_mark_is_no_part_of_a_column(made_fracatlas):
    root = made_fracatlas(4)
    table = root / "dataset.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert len(read_fracatlas(root).cases) == 4


def test_a_wrong_folder_is_told_with_the_way_out(tmp_path):
    with pytest.raises(DataSetError, match=r"not FracAtlas as published.*dataset\.csv.*Unpack") as caught:
        read_fracatlas(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_table_without_its_columns_is_told(made_fracatlas):
    root = made_fracatlas(4)
    _rewrite(
        root / "dataset.csv",
        lambda rows: [{k: row[k] for k in row if k not in ("hip", "fractured")} for row in rows],
    )
    with pytest.raises(DataSetError, match=r"lacks columns: fractured, hip\. Restore"):
        read_fracatlas(root)


def test_an_empty_table_is_told(made_fracatlas):
    root = made_fracatlas(4)
    (root / "dataset.csv").write_bytes(b"")
    with pytest.raises(DataSetError, match="lacks columns"):
        read_fracatlas(root)


def test_a_folder_with_none_of_its_films_is_told(made_fracatlas):
    root = made_fracatlas(4)
    for path in root.glob("images/*/*.jpg"):
        path.unlink()
    with pytest.raises(DataSetError, match="none of the 4 films"):
        read_fracatlas(root)


def test_fingerprint_follows_films_and_labels(made_fracatlas):
    root = made_fracatlas(6)
    data = read_fracatlas(root)
    before = data.fingerprint()
    assert before == read_fracatlas(root).fingerprint()

    _rewrite(root / "dataset.csv", _with(fractured=1))
    relabelled = read_fracatlas(root).fingerprint()
    with (root / "images" / "Fractured" / "IMG0000002.jpg").open("ab") as stream:
        stream.write(b"\0")
    resized = read_fracatlas(root).fingerprint()
    fewer = DataSet(data.name, data.root, data.cases[1:], data.attribution).fingerprint()
    assert len({before, relabelled, resized, fewer}) == 4


def test_real_fracatlas(fracture_data):
    data = read_fracatlas(fracture_data / "fracatlas")
    assert len(data.cases) == 3469
    assert data.labels.sum() == 606
    assert any(note.startswith("IMG0003298") for note in data.notes)
    assert len({case.id for case in data.cases}) == 3469
    assert {case.region for case in data.cases} <= {"hand", "leg", "hip", "shoulder", "mixed"}
    outlined = [case for case in data.cases if case.polygons]
    assert len(outlined) == pytest.approx(607, abs=1)
    assert sum(len(case.polygons) for case in data.cases) == pytest.approx(787, abs=5)


# Splits ------------------------------------------------------------------------------------------------


@st.composite
def grouped_films(draw):
    """Groups of up to eight films, at least sixty of them, with strata that need not follow the groups."""
    sizes = draw(st.lists(st.integers(1, 8), min_size=60, max_size=120))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    kinds = draw(st.sampled_from([("a",), ("0/hand", "1/hand"), ("0/hand", "1/hand", "0/leg", "1/leg")]))
    seed = draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(groups))
    return groups[shuffled], rng.choice(kinds, len(groups)), seed


@given(grouped_films())
@settings(deadline=None, max_examples=60)
def test_no_group_crosses_and_shares_are_kept(films):
    groups, strata, seed = films
    split = grouped_split(groups, strata, shares=SHARES, seed=seed)
    assert split.shape == groups.shape
    assert set(split) <= set(SHARES)
    assert all(len(set(split[groups == group])) == 1 for group in np.unique(groups))
    for name, share in SHARES.items():
        assert (split == name).mean() == pytest.approx(share, abs=0.06)


def test_every_stratum_is_shared_out_alike(rng):
    groups = np.repeat(np.arange(300), rng.integers(1, 8, 300))
    strata = rng.choice(["0/hand", "0/leg", "1/hand", "1/leg"], len(groups), p=[0.5, 0.3, 0.14, 0.06])
    split = grouped_split(groups, strata, shares=SHARES, seed=0)
    for kind in np.unique(strata):
        for name, share in SHARES.items():
            assert (split[strata == kind] == name).mean() == pytest.approx(share, abs=0.05), (kind, name)


def test_the_seed_alone_decides(rng):
    groups = np.repeat(np.arange(80), 3)
    strata = rng.choice(["a", "b"], 240)
    first, again, other = (grouped_split(groups, strata, shares=SHARES, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_shares_must_add_up():
    with pytest.raises(AssertionError, match="add up to 1"):
        grouped_split([0, 1], ["a", "a"], shares={"train": 0.7, "test": 0.2}, seed=0)


def test_a_crossing_group_is_refused():
    assert_no_group_crosses([0, 0, 1], ["train", "train", "test"])
    with pytest.raises(AssertionError, match="group 0 crosses"):
        assert_no_group_crosses([0, 1, 0], ["train", "train", "test"])
