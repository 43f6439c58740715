"""Kaggle's multi-region fracture radiographs, in the published folder tree or packed by content."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

from fracture_core.datasets.cases import Case, DataSet
from fracture_core.datasets.class_folders import NOT_STATED, ClassFolder, films_in, stranger_notes
from fracture_core.datasets.packed import packed_notes
from fracture_core.errors import DataSetError

MULTIREGION_SPLITS: Final = ("train", "val", "test")
MULTIREGION_CLASSES: Final = {"fractured": 1, "not fractured": 0}
MULTIREGION_FILMS: Final = 10_580  # multiregion2024: 9,246 / 828 / 506
MULTIREGION_LICENCE: Final = (
    "Fracture Multi-Region X-ray Data (Kaggle, bmadushanirodrigo/fracture-multi-region-x-ray-data), ODC-By 1.0"
)


def read_multiregion(root: str | Path) -> DataSet:
    """Read the data set as its publisher divided it; a case's id is ``split/class/file``.

    Two forms are read and give the same ids and labels: the published tree
    ``{train,val,test}/{fractured,not fractured}/FILE``, up to three folders deep in ``root``; and the packed
    form, ``index.csv`` (split, class, file, image) with each different picture once in ``unique/``.

    Raises:
        DataSetError: neither form is there, the index is wrong, or no film is on disk.
    """
    root = Path(root)
    if is_packed_multiregion(root):
        return _read_packed(root)
    base = _published_tree(root)
    if base is None:
        raise DataSetError(
            f"'{root}' is not the multi-region data set as published: it must hold train, val and test, each with "
            "the folders 'fractured' and 'not fractured'. Unpack the publisher's archive and name its top folder."
        )
    folders = [
        ClassFolder(base / split / name, label, split)
        for split in MULTIREGION_SPLITS
        for name, label in MULTIREGION_CLASSES.items()
    ]
    cases, strangers = films_in(folders, base)
    return _data_set(root, cases, MULTIREGION_FILMS - len(cases), stranger_notes(strangers))


def is_multiregion(root: Path) -> bool:
    """Whether a folder holds this data set and not another with folders of the same names.

    Nine in ten of its files are turned copies, which their names say ("12-rotated3.jpg").
    """
    base = _published_tree(root)
    return is_packed_multiregion(root) or (base is not None and any(base.glob("train/*/*-rotated*")))


def is_packed_multiregion(root: Path) -> bool:
    """Whether a folder is the packed form."""
    return (root / "index.csv").is_file() and (root / "unique").is_dir()


def _published_tree(root: Path) -> Path | None:
    for depth in range(4):
        for found in sorted(root.glob("*/" * depth + "train/not fractured")):
            base = found.parent.parent
            if all((base / split / name).is_dir() for split in MULTIREGION_SPLITS for name in MULTIREGION_CLASSES):
                return base
    return None


def _read_packed(root: Path) -> DataSet:
    table = root / "index.csv"
    on_disk = {path.name: path for path in (root / "unique").iterdir()}
    cases: dict[str, Case] = {}
    missing = 0
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        if absent := {"split", "class", "file", "image"}.difference(rows.fieldnames or ()):
            raise DataSetError(f"'{table}' lacks columns: {', '.join(sorted(absent))}. Restore it.")
        for row in rows:
            split, name = row["split"], row["class"]
            identifier = f"{split}/{name}/{row['file']}"
            if split not in MULTIREGION_SPLITS or name not in MULTIREGION_CLASSES or identifier in cases:
                raise DataSetError(
                    f"'{table}', line {rows.line_num}: '{identifier}' is unknown or repeated. Restore it."
                )
            path = on_disk.get(row["image"])
            if path is None:
                missing += 1
                continue
            cases[identifier] = Case(identifier, path, MULTIREGION_CLASSES[name], NOT_STATED, split=split)
    return _data_set(root, tuple(cases[identifier] for identifier in sorted(cases)), missing, [])


def _data_set(root: Path, cases: tuple[Case, ...], missing: int, notes: list[str]) -> DataSet:
    if not cases:
        raise DataSetError(f"'{root}' holds none of the data set's films. Unpack the publisher's archive there.")
    if missing > 0:
        notes = [*notes, f"{missing} published files are not on disk"]
    notes = [*notes, *packed_notes(root)]
    return DataSet("multiregion", root, cases, MULTIREGION_LICENCE, tuple(notes), missing=max(missing, 0))
