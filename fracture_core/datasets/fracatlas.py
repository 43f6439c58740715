"""FracAtlas in its publisher's layout: ``images/``, ``dataset.csv`` and the experts' outlines in COCO's form."""

from __future__ import annotations

import csv
from pathlib import Path

from fracture_core.datasets.cases import Case, DataSet
from fracture_core.datasets.coco import read_coco
from fracture_core.datasets.packed import packed_notes
from fracture_core.datasets.vocabulary import label_of
from fracture_core.errors import DataSetError

FRACATLAS_REGIONS = ("hand", "leg", "hip", "shoulder")
FRACATLAS_FLAGS = ("hardware", "multiscan", "frontal", "lateral", "oblique")
FRACATLAS_FILMS = 4083  # Abedeen et al. 2023, abstract
FRACATLAS_COCO = Path("Annotations/COCO JSON/COCO_fracture_masks.json")
FRACATLAS_LICENCE = "FracAtlas, CC BY 4.0: Abedeen et al., Sci. Data 10:521 (2023), doi 10.1038/s41597-023-02432-4"


def is_fracatlas(folder: Path) -> bool:
    """Whether a folder is laid out as the publisher's archive is."""
    return (folder / "dataset.csv").is_file() and (folder / "images").is_dir()


def read_fracatlas(root: str | Path) -> DataSet:
    """Read FracAtlas in its publisher's layout (``images/``, ``dataset.csv``, COCO annotations).

    The table's label is taken; where the folder says otherwise a note is made. Films that the table names and
    the folders lack are noted too.

    Raises:
        DataSetError: the layout is not there, the table lacks a column or a label, or none of its films is on disk.
    """
    root = Path(root)
    table, images = root / "dataset.csv", root / "images"
    if not is_fracatlas(root):
        raise DataSetError(
            f"'{root}' is not FracAtlas as published: it must hold dataset.csv and images/Fractured, "
            "images/Non_fractured. Unpack the publisher's archive and name its top folder."
        )
    on_disk = {path.name: path for folder in ("Fractured", "Non_fractured") for path in (images / folder).glob("*")}
    coco = root / FRACATLAS_COCO
    polygons = read_coco(coco).polygons if coco.is_file() else {}
    cases, notes, missing = [], [], 0
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        needed = {"image_id", "fractured", *FRACATLAS_REGIONS, *FRACATLAS_FLAGS}
        if absent := needed.difference(rows.fieldnames or ()):
            raise DataSetError(
                f"'{table}' lacks columns: {', '.join(sorted(absent))}. Restore it from the publisher's archive."
            )
        for row in rows:
            path = on_disk.get(row["image_id"])
            if path is None:
                missing += 1
                continue
            cell = row["fractured"] or ""
            label = label_of(cell)
            if label is None:
                raise DataSetError(
                    f"'{table}', line {rows.line_num}: 'fractured' is neither 0 nor 1 but '{cell}'. Correct the cell."
                )
            if label != int(path.parent.name == "Fractured"):
                notes.append(f"{path.name}: the table says {label}, the folder {path.parent.name}")
            regions = [name for name in FRACATLAS_REGIONS if row[name] == "1"]
            cases.append(
                Case(
                    id=path.stem,
                    path=path,
                    label=label,
                    region=regions[0] if len(regions) == 1 else "mixed",
                    flags=frozenset(name for name in FRACATLAS_FLAGS if row[name] == "1"),
                    polygons=polygons.get(path.name, ()),
                )
            )
    if not cases:
        raise DataSetError(
            f"'{images}' holds none of the {missing} films that dataset.csv names: "
            "unpack the folders Fractured and Non_fractured there."
        )
    if missing:
        notes.append(f"{missing} films of the table are not on disk")
    return DataSet(
        "fracatlas",
        root,
        tuple(sorted(cases, key=lambda case: case.id)),
        FRACATLAS_LICENCE,
        (*notes, *packed_notes(root)),
        missing=missing,
        published=FRACATLAS_FILMS,
        neighbours=True,
    )
