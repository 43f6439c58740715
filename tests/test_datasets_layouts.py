"""Class folders, the multi-region set, and telling layouts apart."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.datasets import LAYOUTS, open_data, read_class_folders, read_multiregion
from fracture_core.datasets.vocabulary import FRACTURED, NOT_FRACTURED, SPLITS, label_of, split_of
from fracture_core.errors import DataSetError
from fracture_core.phantom import radiograph, to_dicom


def make_tree(root: Path, *names: str) -> Path:
    """Files of a few bytes under these paths."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def labels_of(data) -> dict[str, int]:
    return {case.id: case.label for case in data.cases}


# Words -------------------------------------------------------------------------------------------------


def test_no_word_means_two_things():
    assert not set(FRACTURED) & set(NOT_FRACTURED)
    words = [word for names in SPLITS.values() for word in names]
    assert len(words) == len(set(words))
    assert not set(words) & {*FRACTURED, *NOT_FRACTURED}


@given(
    st.sampled_from([(word, 1) for word in FRACTURED] + [(word, 0) for word in NOT_FRACTURED]),
    st.sampled_from(["-", "_", " ", "__", " - "]),
    st.sampled_from([str.upper, str.lower, str.title, lambda word: f" {word}_"]),
)
def test_case_and_separators_do_not_matter(known, between, change):
    word, label = known
    assert label_of(change(word.replace(" ", between))) == label


@given(st.text(max_size=12))
def test_a_word_is_a_label_or_a_split_or_neither(word):
    assert label_of(word) in (0, 1, None)
    assert label_of(word) is None or split_of(word) is None


# Class folders -----------------------------------------------------------------------------------------


def test_plain_class_folders(tmp_path):
    data = read_class_folders(
        make_tree(tmp_path, "Fractured/b.png", "Non-Fractured/a.JPG", "Non-Fractured/deep/a.JPG")
    )
    assert data.name == "class_folders"
    assert labels_of(data) == {"Fractured/b.png": 1, "Non-Fractured/a.JPG": 0, "Non-Fractured/deep/a.JPG": 0}
    assert {(case.region, case.split, case.patient) for case in data.cases} == {("not stated", None, None)}
    assert all(case.path.is_file() for case in data.cases)
    assert data.notes == ()
    assert not data.neighbours


def test_splits_above_the_classes(tmp_path):
    data = read_class_folders(
        make_tree(tmp_path, "Train/0/a.png", "Train/1/a.png", "valid/1/a.png", "TESTING/0/a.png")
    )
    assert Counter((case.split, case.label) for case in data.cases) == {
        ("train", 0): 1,
        ("train", 1): 1,
        ("val", 1): 1,
        ("test", 0): 1,
    }
    assert len({case.id for case in data.cases}) == 4


def test_folders_that_an_archive_adds_are_entered(tmp_path):
    make_tree(tmp_path, "Set/Set/positive/a.png", "Set/Set/negative/b.png", "__MACOSX/Set/positive/._a.png")
    data = read_class_folders(tmp_path)
    assert labels_of(data) == {"positive/a.png": 1, "negative/b.png": 0}
    assert data.notes == ("1 files lie outside the class folders and are passed over",)


def test_files_that_are_no_images_are_counted(tmp_path):
    make_tree(
        tmp_path,
        *("normal/a.png", "normal/Thumbs.db", "normal/.DS_Store", "normal/._a.png", "abnormal/b.webp"),
        *("abnormal/desktop.ini", "readme.txt"),
    )
    data = read_class_folders(tmp_path)
    assert len(data.cases) == 2
    passed, outside = data.notes
    assert passed.startswith("4 files are no images")
    assert ".db" in passed and ".ini" in passed
    assert outside.startswith("1 files lie outside")


def test_dicom_without_ending_is_an_image(tmp_path):
    film = to_dicom(radiograph(seed=1, size=(64, 64)))
    for name in ("IM0001", "1.2.840.5"):
        path = make_tree(tmp_path, f"fractured/{name}", "healthy/a.png") / "fractured" / name
        path.write_bytes(film)
    assert labels_of(read_class_folders(tmp_path)) == {
        "fractured/1.2.840.5": 1,
        "fractured/IM0001": 1,
        "healthy/a.png": 0,
    }


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("fractured/a.png", "maybe/b.png"), r"maybe' names no class.*not fractured.*healthy"),
        (("train/fractured/a.png", "train/odd/b.png"), r"odd' names no class"),
        (("train/fractured/a.png", "fractured/b.png"), r"fractured' lies beside folders of splits"),
        (("train/fractured/a.png", "test/b.png"), r"test' holds no class folders"),
        (("only/a.png",), r"only' names no class"),
        (("a.png",), r"holds no class folders.*fractured"),
        (("fractured/a.txt", "normal/b.txt"), r"hold no image"),
    ],
)
def test_folders_that_are_not_understood_are_named(tmp_path, names, told):
    with pytest.raises(DataSetError, match=told):
        read_class_folders(make_tree(tmp_path, *names))


# Multi-region ------------------------------------------------------------------------------------------

TREE = [
    f"{split}/{kind}/{number}{turn}.jpg"
    for split in ("train", "val", "test")
    for kind in ("fractured", "not fractured")
    for number, turn in ((1, ""), (2, "-rotated1"))
]


def packed(root: Path, names: list[str], *, without: int = 0) -> Path:
    """The packed form: all films of one class are one picture."""
    pictures = {"fractured": "aa.jpg", "not fractured": "bb.jpg"}
    (root / "unique").mkdir(parents=True)
    for picture in list(pictures.values())[without:]:
        (root / "unique" / picture).write_bytes(picture.encode())
    with (root / "index.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("split", "class", "file", "image"))
        table.writerows((*name.split("/"), pictures[name.split("/")[1]]) for name in names)
    return root


@pytest.mark.parametrize("wrapping", ["", "Bone/", "Bone/Bone/", "a/Bone/Bone/"])
def test_the_published_tree_is_found_however_it_is_wrapped(tmp_path, wrapping):
    make_tree(tmp_path, *(wrapping + name for name in TREE))
    data = read_multiregion(tmp_path)
    assert sorted(labels_of(data)) == sorted(TREE)
    assert all(case.label == (case.path.parent.name == "fractured") for case in data.cases)
    assert all(case.split == case.id.split("/")[0] for case in data.cases)
    assert data.name == "multiregion"
    assert "ODC-By 1.0" in data.attribution
    assert data.notes == ("10568 published files are not on disk",)
    assert data.missing == 10568
    assert open_data(tmp_path).name == "multiregion"


def test_both_forms_are_one_data_set(tmp_path):
    tree = read_multiregion(make_tree(tmp_path / "tree", *TREE))
    unmade = read_multiregion(packed(tmp_path / "packed", TREE))
    assert [(c.id, c.label, c.split, c.region) for c in tree.cases] == [
        (c.id, c.label, c.split, c.region) for c in unmade.cases
    ]
    assert len({case.path for case in unmade.cases}) == 2
    assert unmade.notes == ()
    assert len(unmade.fingerprint()) == 64


def test_pictures_missing_from_the_packed_form_are_counted(tmp_path):
    data = read_multiregion(packed(tmp_path / "some", TREE, without=1))
    assert set(data.labels.tolist()) == {0}
    assert data.notes == ("6 published files are not on disk",)
    with pytest.raises(DataSetError, match=r"none of the data set's films"):
        read_multiregion(packed(tmp_path / "none", TREE, without=2))


@pytest.mark.parametrize(
    "row", ["train,broken,a.png,aa.jpg", "dev,fractured,a.png,aa.jpg", "train,fractured,1.jpg,aa.jpg"]
)
def test_a_wrong_row_of_the_index_is_named(tmp_path, row):
    root = packed(tmp_path, TREE)
    with (root / "index.csv").open("a") as stream:
        stream.write(f"{row}\n")
    with pytest.raises(DataSetError, match=r"index\.csv', line 14.*unknown or repeated"):
        read_multiregion(root)


def test_an_index_without_its_columns_and_a_folder_without_the_set(tmp_path):
    root = packed(tmp_path / "packed", TREE)
    (root / "index.csv").write_text("split,file\n")
    with pytest.raises(DataSetError, match=r"lacks columns: class, image"):
        read_multiregion(root)
    with pytest.raises(DataSetError, match=r"not the multi-region data set"):
        read_multiregion(make_tree(tmp_path / "tree", *TREE[:8]))


def test_real_multiregion(fracture_data):
    data = read_multiregion(fracture_data / "multi_region")
    assert Counter(case.split for case in data.cases) == {"train": 9246, "val": 828, "test": 506}
    assert Counter((case.split, case.label) for case in data.cases) == {
        ("train", 1): 4606,
        ("train", 0): 4640,
        ("val", 1): 336,
        ("val", 0): 492,
        ("test", 1): 238,
        ("test", 0): 268,
    }
    assert len({case.id for case in data.cases}) == 10580
    assert len({case.path for case in data.cases}) == 3869
    assert data.notes == ()


def test_real_multiregion_laid_out(fracture_data, tmp_path):
    """The published names, as links to the pictures: the tree gives the cases of the packed form."""
    known = read_multiregion(fracture_data / "multi_region")
    for case in known.cases:
        path = tmp_path / "Bone" / case.id
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(case.path, path)
    laid = open_data(tmp_path)
    assert laid.name == "multiregion"
    assert labels_of(laid) == labels_of(known)
    assert laid.fingerprint() == known.fingerprint()
    assert laid.notes == ()


# Layouts -----------------------------------------------------------------------------------------------


def test_every_layout_is_told_by_itself(tmp_path, made_fracatlas):
    root = made_fracatlas(4)
    assert (open_data(root).name, open_data(root).neighbours) == ("fracatlas", True)
    assert open_data(root.parent).name == "fracatlas", "a folder around it is entered"
    assert open_data(packed(tmp_path / "packed", TREE)).name == "multiregion"
    own = make_tree(tmp_path / "own", *(name for name in TREE if "rotated" not in name))
    data = open_data(own)
    assert (data.name, data.neighbours) == ("class_folders", False), "folders of those names are not yet Kaggle's"
    assert sorted(labels_of(data)) == sorted(name for name in TREE if "rotated" not in name)


def test_an_unknown_class_beside_a_known_one_is_named(tmp_path):
    with pytest.raises(DataSetError, match="maybe"):
        open_data(make_tree(tmp_path, "fractured/a.png", "maybe/a.png"))


def test_an_unknown_layout_lists_those_that_are_known(tmp_path):
    for root in (tmp_path, make_tree(tmp_path, "cats/a.png", "dogs/a.png")):
        with pytest.raises(DataSetError) as caught:
            open_data(root)
        assert all(layout in str(caught.value) for layout in LAYOUTS)
        assert str(root) in str(caught.value)


def test_no_folder(tmp_path):
    with pytest.raises(DataSetError, match=r"Check the path"):
        open_data(tmp_path / "nowhere")
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(DataSetError, match=r"Unpack it first"):
        open_data(tmp_path / "set.zip")
