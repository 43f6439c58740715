"""A table of labels beside the films it speaks of: ``labels.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from fracture_core.datasets.vocabulary import label_of, split_of
from fracture_core.errors import DataSetError

LABEL_TABLE: Final = "labels.csv"
_COLUMNS: Final = ("fractured", "file", "sop_instance_uid", "patient", "region", "split")


@dataclass(frozen=True)
class LabelRow:
    """One row.

    Attributes:
        file: path below the data set's folder, with forward slashes; "" when the row goes by UID.
        uid: SOP Instance UID; "" when the row goes by file.
        label: 1 fractured, 0 not fractured; None where the cell is empty.
        patient: as written, "" when not given.
        region: as written, "" when not given.
        split: "train", "val", "test" or None.
        line: in the table, the header being line 1.
    """

    file: str
    uid: str
    label: int | None
    patient: str
    region: str
    split: str | None
    line: int


def read_label_table(path: str | Path) -> tuple[LabelRow, ...]:
    """Read a table with a column ``fractured`` and a column ``file`` or ``sop_instance_uid``.

    ``patient``, ``region`` and ``split`` are read where they are; other columns are not looked at. Cells may be
    parted by commas, semicolons or tabs. A label is 0 or 1, or a word of ``vocabulary`` (yes, no, ...).

    Raises:
        DataSetError: the table is missing, lacks a column or has it twice, holds a cell that is not understood or a
            quotation mark that is not closed, or says two different things of one film (label, split, patient or
            region).
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataSetError(
            f"The table '{path}' cannot be read. Save it as CSV in UTF-8. It needs {_NEEDED}."
        ) from error
    lines = [line.replace("\0", "") for line in lines]  # csv refuses NUL, which UTF-16 taken for UTF-8 is full of
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    table = csv.DictReader(lines, delimiter=delimiter, strict=True)  # else an open quote swallows the rows below it
    rows: list[LabelRow] = []
    understood = 0  # lines
    try:
        table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
        _check_headings(table.fieldnames, path)
        understood = table.line_num
        for cells in table:
            rows.append(_row({key: cell for key, cell in cells.items() if key}, table.line_num, path))
            understood = table.line_num
    except csv.Error as error:
        raise DataSetError(
            f"'{path}' cannot be parted into cells from line {understood + 1} on: most often a quotation mark is not "
            "closed there, or something stands between it and the next separator. Mend that, or write the mark twice "
            '("") where it is part of a quoted text.'
        ) from error
    _check_agreement(rows, path)
    return tuple(rows)


_NEEDED = "a column 'fractured' (0 or 1) and a column 'file' (path below the folder) or 'sop_instance_uid'"


def _check_headings(names: Sequence[str], path: Path) -> None:
    if "fractured" not in names or not {"file", "sop_instance_uid"} & set(names):
        raise DataSetError(f"The table '{path}' lacks columns. It needs {_NEEDED}.")
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise DataSetError(f"The table '{path}' has {names.count(name)} columns '{name}'. Keep one.")


def _row(cells: dict[str, str | None], line: int, path: Path) -> LabelRow:
    def cell(name: str) -> str:
        return (cells.get(name) or "").strip()

    file, label, split = cell("file").replace("\\", "/"), cell("fractured"), cell("split")
    if not file and not cell("sop_instance_uid"):
        raise DataSetError(f"'{path}', line {line} names no film. Fill 'file' or 'sop_instance_uid'.")
    if label and label_of(label) is None:
        raise DataSetError(f"'{path}', line {line}: 'fractured' is neither 0 nor 1 but '{label}'. Correct the cell.")
    if split and split_of(split) is None:
        raise DataSetError(
            f"'{path}', line {line}: the split '{split}' is none of train, val, test. Correct the cell."
        )
    return LabelRow(
        str(PurePosixPath(file)) if file else "",
        cell("sop_instance_uid"),
        label_of(label) if label else None,
        cell("patient"),
        cell("region"),
        split_of(split) if split else None,
        line,
    )


def _said(row: LabelRow) -> dict[str, object]:
    """What a row says of its film, by column; an empty cell says something else than a filled one."""
    return {"fractured": row.label, "split": row.split, "patient": row.patient, "region": row.region.lower()}


def _check_agreement(rows: list[LabelRow], path: Path) -> None:
    said: dict[str, LabelRow] = {}
    for row in rows:
        for key in {row.file, row.uid} - {""}:
            before = said.setdefault(key, row)
            first, second = _said(before), _said(row)
            differing = [name for name in first if first[name] != second[name]]
            if differing:
                raise DataSetError(
                    f"'{path}': lines {before.line} and {row.line} say different things of one film "
                    f"({', '.join(differing)}). Keep one."
                )
