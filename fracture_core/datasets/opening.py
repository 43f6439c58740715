"""Any folder of films to a data set, by its layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fracture_core.datasets.cases import DataSet
from fracture_core.datasets.class_folders import looks_like_class_folders, read_class_folders, subfolders
from fracture_core.datasets.dicom_folder import read_dicom_folder
from fracture_core.datasets.fracatlas import is_fracatlas, read_fracatlas
from fracture_core.datasets.label_table import LABEL_TABLE
from fracture_core.datasets.multiregion import is_multiregion, read_multiregion
from fracture_core.errors import DataSetError

LAYOUTS = (
    "FracAtlas as published (dataset.csv, images/Fractured, images/Non_fractured)",
    "the Kaggle multi-region set as published (train, val, test, each with fractured and not fractured)",
    f"DICOM files, in folders or not, with a table {LABEL_TABLE} (columns file or sop_instance_uid; fractured)",
    "films in class folders (fractured/..., not fractured/...), with or without train, val and test above them",
)


def open_data(root: str | Path) -> DataSet:
    """Read a folder in whichever of ``LAYOUTS`` it is; a folder that only wraps another is entered.

    Raises:
        DataSetError: there is no such folder, its layout is none of those, or what it promises is not there.
    """
    root = Path(root)
    if not root.is_dir():
        hint = "Unpack it first and name the folder." if root.is_file() else "Check the path."
        raise DataSetError(f"'{root}' is no folder. {hint}")
    for folder in _wrapped(root):
        if is_fracatlas(folder):
            return read_fracatlas(folder)
        if is_multiregion(folder):
            return read_multiregion(folder)
        if (folder / LABEL_TABLE).is_file():
            return read_dicom_folder(folder)
    if looks_like_class_folders(root):
        return read_class_folders(root)
    raise DataSetError(f"The layout of '{root}' is not known. Understood are: {'; '.join(LAYOUTS)}.")


def _wrapped(root: Path) -> Iterator[Path]:
    """The folder, and while it holds a single one, that one."""
    yield root
    for _ in range(3):
        inside = subfolders(root)
        if len(inside) != 1:
            return
        root = inside[0]
        yield root
