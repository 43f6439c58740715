"""A CT data set on disk, of patients that do not exist, in the form of wang2024's."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from fracture_core.datasets.dicom_folder import OUTLINES
from fracture_core.datasets.label_table import LABEL_TABLE
from fracture_core.errors import DataSetError
from fracture_core.phantom.ct import VIEWS, CTSlice, ct_series
from fracture_core.phantom.fracture import KINDS

FRACTURED_SHARE: Final = 255 / 987  # wang2024, Methods: images with a fracture, of all
SOURCE: Final = "SYNTHETIC ankle CT, computed by fracture_core.phantom: no patient exists"


def write_phantom_ct(
    folder: str | Path, *, patients: int, slices: int, seed: int = 0, size: tuple[int, int] = (160, 160)
) -> Path:
    """Write an ankle CT data set that ``read_dicom_folder`` reads: DICOM files, labels, outlines.

    Each patient has ``slices`` images in each of the three views. A patient is fractured while the images so far
    fall short of wang2024's share of fractured ones (a quarter); of a fractured patient's series, cut twice as
    finely, the run of slices is kept that shows most of the fracture. The same arguments write the same bytes.

    Args:
        folder: new or empty.
        patients: how many, at least 1.
        slices: images per view, at least 1.
        seed: decides all.
        size: (rows, columns) of a slice, at least 64 each.

    Raises:
        DataSetError: the folder holds something already, or cannot be written.
    """
    assert patients >= 1 and slices >= 1
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataSetError(f"'{folder}' is not empty. Name a new folder for the synthetic data set.")
        _write(folder, patients, slices, np.random.default_rng([seed, *b"ct"]), size)
    except OSError as error:
        raise DataSetError(f"'{folder}' cannot be written: {error.strerror}. Choose another.") from error
    return folder


def _write(folder: Path, patients: int, slices: int, rng: np.random.Generator, size: tuple[int, int]) -> None:
    rows: list[dict[str, Any]] = []
    outlines: list[tuple[str, np.ndarray]] = []
    fractured = 0
    for number in range(1, patients + 1):
        kind = str(rng.choice(KINDS)) if fractured <= FRACTURED_SHARE * len(rows) else None
        name, person = f"PHANTOM-{number:03d}", int(rng.integers(2**31))
        (folder / name).mkdir()
        for view in VIEWS:
            for index, image in enumerate(_series(person, name, slices, kind, view, size), 1):
                file = f"{name}/{view}-{index:02d}.dcm"
                (folder / file).write_bytes(image.data)
                label = int(image.fractured)
                rows.append(
                    {"file": file, "sop_instance_uid": image.sop_instance_uid, "fractured": label, "view": view}
                )
                fractured += label
                if image.polygon is not None:
                    outlines.append((file, image.polygon))
    (folder / OUTLINES).write_text(json.dumps(_coco(outlines, size)), encoding="utf-8")
    with (folder / LABEL_TABLE).open("w", newline="", encoding="utf-8") as stream:  # last: what it names is there
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _series(
    seed: int, patient: str, slices: int, kind: str | None, view: str, size: tuple[int, int]
) -> tuple[CTSlice, ...]:
    if kind is None:
        return ct_series(seed=seed, patient_id=patient, slices=slices, view=view, size=size)
    fine = ct_series(seed=seed, patient_id=patient, slices=2 * slices, fracture=kind, view=view, size=size)
    shown = [sum(image.fractured for image in fine[start : start + slices]) for start in range(slices + 1)]
    best = np.flatnonzero(np.array(shown) == max(shown))
    start = int(best[len(best) // 2])
    return fine[start : start + slices]


def _coco(outlines: list[tuple[str, np.ndarray]], size: tuple[int, int]) -> dict[str, Any]:
    images, annotations = [], []
    for number, (file, polygon) in enumerate(outlines, 1):
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        x, y = polygon.T
        area = 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))
        images.append({"id": number, "width": size[1], "height": size[0], "file_name": file})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "area": round(area, 2),
                "bbox": [round(float(v), 2) for v in (*low, *(high - low))],
                "segmentation": [[round(float(v), 2) for v in polygon.ravel()]],
            }
        )
    return {
        "info": {"description": SOURCE},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "fracture"}],
    }
