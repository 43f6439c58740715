"""Data sets as tables of cases, and how they are split.

A reader turns a folder in its publisher's layout into a ``DataSet`` of ``Case``: where the film lies, its
label, what the table says of it and, where experts outlined the fracture, their polygons in source pixels.
Splits are drawn over groups (see ``audit.film_groups``), never over single films; no group crosses a split.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fracture_core.errors import DataSetError

FRACATLAS_REGIONS = ("hand", "leg", "hip", "shoulder")
FRACATLAS_FLAGS = ("hardware", "multiscan", "frontal", "lateral", "oblique")
FRACATLAS_COCO = Path("Annotations/COCO JSON/COCO_fracture_masks.json")
FRACATLAS_LICENCE = "FracAtlas, CC BY 4.0: Abedeen et al., Sci. Data 10:521 (2023), doi 10.1038/s41597-023-02432-4"


@dataclass(frozen=True, eq=False)
class Case:
    """One film of a data set.

    Attributes:
        id: the film's name without folders, unique in its data set.
        path: where the file lies.
        label: 1 fractured, 0 not fractured, by the data set's table.
        region: body region in the data set's words; "mixed" when several are flagged.
        flags: the table's further yes/no columns that are set, of ``FRACATLAS_FLAGS``.
        polygons: expert fracture outlines, each float64 (N, 2) in source pixels (x, y).
    """

    id: str
    path: Path
    label: int
    region: str
    flags: frozenset[str] = frozenset()
    polygons: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, eq=False)
class DataSet:
    """Cases in a fixed order, with what their publisher asks to be said and what does not add up.

    ``notes`` lists contradictions inside the publisher's own files, in words.
    """

    name: str
    root: Path
    cases: tuple[Case, ...]
    attribution: str
    notes: tuple[str, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,), 1 fractured."""
        return np.array([case.label for case in self.cases], dtype=np.int64)

    def fingerprint(self) -> str:
        """sha256 over ids, labels and file sizes: changes when a film is added, removed or relabelled."""
        digest = hashlib.sha256(self.name.encode())
        for case in self.cases:
            digest.update(f"{case.id}\t{case.label}\t{case.path.stat().st_size}\n".encode())
        return digest.hexdigest()


def read_fracatlas(root: str | Path) -> DataSet:
    """Read FracAtlas in its publisher's layout (``images/``, ``dataset.csv``, COCO annotations).

    The table's label is taken; where the folder says otherwise a note is made. Films that the table names and
    the folders lack are noted too.

    Raises:
        DataSetError: the layout is not there, the table lacks a column, or none of its films is on disk.
    """
    root = Path(root)
    table, images = root / "dataset.csv", root / "images"
    if not table.is_file() or not images.is_dir():
        raise DataSetError(
            f"'{root}' is not FracAtlas as published: it must hold dataset.csv and images/Fractured, "
            "images/Non_fractured. Unpack the publisher's archive and name its top folder."
        )
    on_disk = {path.name: path for folder in ("Fractured", "Non_fractured") for path in (images / folder).glob("*")}
    polygons = _coco_polygons(root / FRACATLAS_COCO)
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
            label = int(row["fractured"])
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
    return DataSet("fracatlas", root, tuple(sorted(cases, key=lambda case: case.id)), FRACATLAS_LICENCE, tuple(notes))


def _coco_polygons(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    if not path.is_file():
        return {}
    coco = json.loads(path.read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    found: dict[str, list[np.ndarray]] = {}
    for annotation in coco["annotations"]:
        for ring in annotation["segmentation"]:
            found.setdefault(names[annotation["image_id"]], []).append(np.asarray(ring, float).reshape(-1, 2))
    return {name: tuple(rings) for name, rings in found.items()}


def grouped_split(
    groups: Sequence[int] | np.ndarray,
    strata: Sequence[str],
    *,
    shares: Mapping[str, float],
    seed: int,
) -> np.ndarray:
    """Divide films so that no group crosses a split and every stratum is shared out alike.

    Groups go, largest first (ties shuffled by ``seed``), to the split that lacks most of what the group
    brings, measured stratum by stratum against its share.

    Args:
        groups: (N,) group of each film.
        strata: (N,) what to balance, such as ``"fractured/hand"``.
        shares: split name → share of the films; the shares add up to 1.

    Returns:
        (N,) array of split names.
    """
    assert abs(sum(shares.values()) - 1) < 1e-9, "shares must add up to 1"
    group_ids, member = np.unique(np.asarray(groups), return_inverse=True)
    kinds, kind = np.unique(np.asarray(strata), return_inverse=True)
    content = np.zeros((len(group_ids), len(kinds)))
    np.add.at(content, (member, kind), 1)

    names, share = list(shares), np.array(list(shares.values()))
    wanted = share[:, None] * content.sum(axis=0)
    lacking = wanted.copy()
    order = np.random.default_rng(seed).permutation(len(group_ids))
    order = order[np.argsort(-content.sum(axis=1)[order], kind="stable")]
    chosen = np.zeros(len(group_ids), dtype=int)
    for group in order:
        # relative lack, so that small splits and rare strata count as much as large ones
        need = (lacking / np.maximum(wanted, 1)) @ (content[group] / np.maximum(content.sum(axis=0), 1))
        chosen[group] = int(np.argmax(need))
        lacking[chosen[group]] -= content[group]
    split = np.array(names)[chosen][member]
    assert_no_group_crosses(groups, split)
    return split


def assert_no_group_crosses(groups: Sequence[int] | np.ndarray, split: Sequence[str] | np.ndarray) -> None:
    """Fail loudly when one group lies in two splits: a leak is our mistake, not the user's."""
    home: dict[int, str] = {}
    for group, name in zip(groups, split, strict=True):
        assert home.setdefault(int(group), str(name)) == str(name), f"group {group} crosses a split"
