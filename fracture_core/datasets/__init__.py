"""Data sets as tables of cases, and how they are split.

A reader turns a folder in its publisher's layout into a ``DataSet`` of ``Case``: where the film lies, its
label, what the table says of it and, where experts outlined the fracture, their polygons in source pixels.
``open_data`` tells the layout by itself; fetching is in ``datasets.download``, which brings in the network.
"""

from __future__ import annotations

from fracture_core.datasets.cases import Case, DataSet
from fracture_core.datasets.class_folders import read_class_folders
from fracture_core.datasets.dicom_folder import read_dicom_folder
from fracture_core.datasets.fracatlas import (
    FRACATLAS_COCO,
    FRACATLAS_FLAGS,
    FRACATLAS_LICENCE,
    FRACATLAS_REGIONS,
    read_fracatlas,
)
from fracture_core.datasets.multiregion import MULTIREGION_LICENCE, read_multiregion
from fracture_core.datasets.opening import LAYOUTS, open_data
from fracture_core.datasets.splits import (
    TEST,
    TRAIN,
    VAL,
    Division,
    assert_no_group_crosses,
    distinct,
    divide,
    grouped_split,
    rotated,
)

__all__ = [
    "FRACATLAS_COCO",
    "FRACATLAS_FLAGS",
    "FRACATLAS_LICENCE",
    "FRACATLAS_REGIONS",
    "LAYOUTS",
    "MULTIREGION_LICENCE",
    "TEST",
    "TRAIN",
    "VAL",
    "Case",
    "DataSet",
    "Division",
    "assert_no_group_crosses",
    "distinct",
    "divide",
    "grouped_split",
    "open_data",
    "read_class_folders",
    "read_dicom_folder",
    "read_fracatlas",
    "read_multiregion",
    "rotated",
]
