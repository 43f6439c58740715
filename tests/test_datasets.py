"""Readers on made-up folders and on the real one; splits that no group crosses."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.datasets import (
    FRACATLAS_COCO,
    Case,
    DataSet,
    assert_no_group_crosses,
    distinct,
    divide,
    grouped_split,
    read_fracatlas,
    rotated,
)
from fracture_core.errors import DataSetError, FractureError

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
    assert data.missing == 2


def test_films_that_a_shortened_table_no_longer_names_are_absent(made_fracatlas):
    """The table may be cut to the films that were handed on; the publisher's number stands."""
    data = read_fracatlas(made_fracatlas(6))
    assert (data.missing, data.absent) == (0, 4083 - 6)


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


@pytest.mark.parametrize("cell", ["", "x", "2"])
def test_a_label_that_says_nothing_is_told_with_its_line(made_fracatlas, cell):
    root = made_fracatlas(4)
    _rewrite(root / "dataset.csv", _with(fractured=cell))
    with pytest.raises(DataSetError, match=rf"line 2: 'fractured' is neither 0 nor 1 but '{cell}'"):
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


# Dividing ----------------------------------------------------------------------------------------------


def _published(tmp_path, contents):
    """A data set of films (bytes, label, split), all of one region."""
    cases = []
    for index, (content, label, split) in enumerate(contents):
        path = tmp_path / f"{index}.png"
        path.write_bytes(content)
        cases.append(Case(id=str(index), path=path, label=label, region="hand", split=split))
    return DataSet("made", tmp_path, tuple(cases), "made up")


def test_as_published_tells_what_crosses(tmp_path):
    films = [(b"a", 0, "train"), (b"b", 1, "train"), (b"a", 0, "test"), (b"c", 1, "test"), (b"d", 0, "val")]
    data = _published(tmp_path, films)
    division = divide(data, np.array([0, 1, 0, 2, 3]), kind="published", shares=SHARES)
    assert division.split.tolist() == ["train", "train", "test", "test", "val"]
    assert division.letters == "ttxxv"
    assert division.crossing == {"val": 0.0, "test": 0.5}


def test_clean_keeps_one_film_of_each_file(tmp_path):
    films = [(bytes([index // 3]), index // 3 % 2, "train") for index in range(90)]
    data = _published(tmp_path, films)
    division = divide(data, np.arange(90) // 6, kind="clean", shares=SHARES)
    assert [letter != "-" for letter in division.letters] == [index % 3 == 0 for index in range(90)]
    assert division.crossing == {"val": 0.0, "test": 0.0}
    assert distinct(data).tolist() == list(range(0, 90, 3))


@given(seed=st.integers(0, 10), folds=st.integers(3, 6))
@settings(max_examples=20, deadline=None)
def test_folds_test_every_film_once_and_part_no_group(seed, folds):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 30, 80)
    cases = tuple(Case(id=str(i), path=Path(str(i)), label=int(i % 2), region="hand") for i in range(80))
    data = DataSet("made", Path(), cases, "made up")
    tested = []
    for fold in range(folds):
        division = divide(data, groups, kind="folds", shares=SHARES, seed=seed, fold=fold, folds=folds)
        assert_no_group_crosses(groups, division.split)
        assert (division.fold, division.folds) == (fold, folds)
        tested += division.indices("test").tolist()
    assert sorted(tested) == list(range(80))


def test_what_crosses_into_a_committees_test_is_counted_over_all_its_networks():
    cases = tuple(
        Case(id=str(i), path=Path(str(i)), label=int(i % 2), region="hand", split=part)
        for i, part in enumerate(["train"] * 20 + ["val"] * 20 + ["test"] * 20)
    )
    data = DataSet("made", Path(), cases, "made up")
    groups = np.array([*range(40), *range(20)])  # each test film has a copy among the training films
    division = divide(data, groups, kind="published", shares=SHARES)
    assert division.crossing["test"] == 1
    whole, members = rotated(division, data, parts=5, members=4)
    assert whole.crossing == {"val": 0, "test": 1}
    assert max(part.crossing["test"] for part in members) < 1


@given(seed=st.integers(0, 10), parts=st.integers(2, 5), fewer=st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_a_rotation_leaves_each_part_out_once_and_the_test_films_alone(seed, parts, fewer):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 40, 120)
    cases = tuple(Case(id=str(i), path=Path(str(i)), label=int(i % 2), region="hand") for i in range(120))
    data = DataSet("made", Path(), cases, "made up")
    division = divide(data, groups, kind="grouped", shares=SHARES, seed=seed)
    members = max(1, parts - fewer)
    whole, rotations = rotated(division, data, parts=parts, members=members)
    assert [part.part for part in rotations] == list(range(members))
    assert whole.part is None
    for part in (whole, *rotations):
        assert part.indices("test").tolist() == division.indices("test").tolist()
        assert_no_group_crosses(groups, part.split)
        assert part.parts == parts
    left_out = [index for part in rotations for index in part.indices("val").tolist()]
    assert sorted(left_out) == whole.indices("val").tolist()
    trained = set.union(*(set(part.indices("train").tolist()) for part in rotations))
    if members > 1:  # together they have seen all but the test films
        assert trained == set(np.flatnonzero(division.split != "test").tolist())
        assert sorted(whole.trained.tolist()) == sorted(trained)
    # the same rotation is found again from the committee's own division
    again = rotated(whole, data, parts=parts, members=members)[1]
    assert [part.split.tolist() for part in again] == [part.split.tolist() for part in rotations]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "published"}, r"not published in training, validation and test films\. Choose --split grouped"),
        ({"kind": "folds", "fold": 5}, "There is no fold 5 of 5"),
        ({"kind": "folds", "folds": 9}, "4 groups do not make 9 folds"),
        ({"kind": "other"}, "Unknown split 'other'"),
    ],
)
def test_a_division_that_cannot_be_made_is_told(tmp_path, options, told):
    data = _published(tmp_path, [(bytes([index]), index % 2, None) for index in range(8)])
    with pytest.raises(FractureError, match=told):
        divide(data, np.arange(8) // 2, shares=SHARES, **options)


@pytest.mark.parametrize(
    ("options", "sizes", "told"),
    [
        ({"kind": "grouped"}, [8, 8], r"2 in all\. That leaves none for test\. Add films of more patients\.$"),
        ({"kind": "clean"}, [16], r"1 in all\. That leaves none for validation and test\."),
        ({"kind": "grouped"}, [1, 1, 1], r"none for .*test\. Add films of more patients, or try --folds 3"),
        ({"kind": "folds", "folds": 3, "fold": 2}, [1, 1, 1], r"3 in all\. That leaves none .* of more patients\.$"),
    ],
)
def test_a_division_with_an_empty_part_is_told_before_it_is_trained_on(tmp_path, options, sizes, told):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    data = _published(tmp_path, [(bytes([index]), index % 2, None) for index in range(len(groups))])
    with pytest.raises(DataSetError, match=told):
        divide(data, groups, shares=SHARES, **options)


def test_a_rotation_without_validation_films_is_told(tmp_path):
    data = _published(tmp_path, [(bytes([index]), index % 2, None) for index in range(30)])
    division = divide(data, np.arange(30) // 6, kind="grouped", shares=SHARES)
    with pytest.raises(DataSetError, match=r"5 in all\. That leaves none for validation\. .* of more patients\.$"):
        rotated(division, data, parts=5, members=5)
