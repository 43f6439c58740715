"""An audit on disk: ``audit.json`` for pages and programs, ``groups.csv`` for splitting."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fracture_core.audit.copies import members
from fracture_core.audit.leaks import split_names
from fracture_core.audit.outline import first_trouble
from fracture_core.errors import DataSetError, FractureError
from fracture_core.results import to_json

if TYPE_CHECKING:
    from fracture_core.audit.findings import Audit

REPORT: Final = "audit.json"
GROUPS: Final = "groups.csv"
FORMAT: Final = 1
"""Grows when ``audit.json`` changes so that older readers would misread it."""
REMEDY: Final = "Make it anew with 'python -m fracture_core audit DIR'."


def as_dict(audit: Audit) -> dict[str, Any]:
    """The findings as plain data; cases are named by their ids."""
    data, copies = audit.data, audit.copies
    ids = [case.id for case in data.cases]
    labels = Counter(case.label for case in data.cases)
    splits = Counter(case.split for case in data.cases)
    sizes = [len(group) for group in members(audit.groups)]
    return {
        "format": FORMAT,
        "name": data.name,
        "attribution": data.attribution,
        "notes": list(data.notes),
        "films": len(ids),
        "missing": data.missing,
        "fractured": labels[1],
        "not_fractured": labels[0],
        "splits": {name: splits[name] for name in split_names([case.split for case in data.cases])},
        "patients": len({case.patient for case in data.cases} - {None}),
        "files": {"stored": audit.stored, "different": audit.different},
        "pictures": {
            "different_pixels": _count(copies.by_pixels),
            "without_near_duplicates": _count(copies.by_near),
            "without_rotated_copies": _count(copies.by_rotation),
        },
        "groups": {"count": len(sizes), "largest": max(sizes, default=0)},
        "pairs": {**asdict(audit.pairs), "total": audit.pairs.total},
        "exact": [[ids[case] for case in same] for same in members(copies.by_pixels) if len(same) > 1],
        "near": [{**asdict(pair), "first": ids[pair.first], "second": ids[pair.second]} for pair in audit.near],
        "rotated": [{**asdict(copy), "first": ids[copy.first], "second": ids[copy.second]} for copy in audit.rotated],
        "conflicts": [
            {"fractured": ids[found.fractured], "not_fractured": ids[found.sound], "kind": found.kind}
            for found in audit.conflicts
        ],
        "leaks": [asdict(leak) for leak in audit.leaks],
        "patients_crossing_splits": [asdict(patient) for patient in audit.crossing],
        "damaged": [
            {"id": ids[found.case], "reason": found.reason, "rows_read": found.rows_read, "readable": found.readable}
            for found in audit.damaged
        ],
        "shortcuts": [{"feature": found.feature, **asdict(found.auc)} for found in audit.shortcuts],
    }


def _count(groups: Any) -> int:
    return len(set(groups.tolist()))


def write_audit(audit: Audit, folder: str | Path) -> Path:
    """Write ``audit.json`` and ``groups.csv``, each whole or not at all; earlier ones are replaced.

    ``groups.csv`` has a row for each case: id, label (1 fractured), split, patient (both empty where not known),
    group (as of ``film_groups``), exact_group (equal pixels), rotated_group (all copies, however turned or
    cut), damaged (1 when cut or unreadable).

    Returns:
        The path of ``audit.json``.

    Raises:
        FractureError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / GROUPS, groups_table(audit))
        replace_file(folder / REPORT, to_json(as_dict(audit), indent=1))
    except OSError as error:
        raise FractureError(f"'{folder}' cannot be written to: {error.strerror}. Choose another folder.") from error
    return folder / REPORT


def groups_table(audit: Audit) -> str:
    """``groups.csv`` as text; its columns are those of ``write_audit``."""
    damaged = {found.case for found in audit.damaged}
    copies = audit.copies
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(("id", "label", "split", "patient", "group", "exact_group", "rotated_group", "damaged"))
    for index, case in enumerate(audit.data.cases):
        numbers = (int(groups[index]) for groups in (audit.groups, copies.by_pixels, copies.by_rotation))
        table.writerow((case.id, case.label, case.split, case.patient, *numbers, int(index in damaged)))
    return stream.getvalue()


def replace_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # a file's name that is not UTF-8 must not lose the rest
        partial.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_audit(path: str | Path) -> dict[str, Any]:
    """The plain data of an ``audit.json``, named by its path or its folder's.

    Raises:
        DataSetError: there is none, or it is damaged or of a later format.
    """
    path = Path(path)
    path = path / REPORT if path.is_dir() else path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataSetError(f"There is no audit at '{path}' that can be read. {REMEDY}") from error
    return parse_audit(content, name=str(path))


def parse_audit(content: bytes, *, name: str) -> dict[str, Any]:
    """The plain data of an ``audit.json`` from its bytes; ``name`` is what messages call it.

    Raises:
        DataSetError: it is damaged, no audit, or of a later format.
    """
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataSetError(f"The audit '{name}' is damaged. {REMEDY}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataSetError(f"'{name}' is no audit of this version. {REMEDY}")
    trouble = first_trouble(found)
    if trouble:
        raise DataSetError(f"The audit '{name}' is damaged: its '{trouble}' is not as written. {REMEDY}")
    return found
