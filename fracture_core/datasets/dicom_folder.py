"""A folder of DICOM files with a table of labels and, if there are any, outlines in COCO's form."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from fracture_core.datasets.cases import Case, DataSet
from fracture_core.datasets.class_folders import NOT_STATED, files_below
from fracture_core.datasets.coco import CocoOutlines, read_coco
from fracture_core.datasets.label_table import LABEL_TABLE, LabelRow, read_label_table
from fracture_core.dicom.elements import quiet_pydicom, text_of
from fracture_core.dicom.parsing import is_dicom, parse
from fracture_core.errors import DataSetError, UnreadableImage
from fracture_core.imaging import read_bytes

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

log = logging.getLogger(__name__)

OUTLINES: Final = "annotations.json"
_TAGS = ("SOPInstanceUID", "PatientID", "IssuerOfPatientID", "BodyPartExamined", "Rows")
_PROBE = 1 << 16  # bytes in which a header without preamble tells what it is


class _Film(NamedTuple):
    """What is kept of a header."""

    name: str  # path below the root
    path: Path
    uid: str
    patient: str | None
    region: str


def read_dicom_folder(root: str | Path, labels: str | Path | None = None) -> DataSet:
    """Read DICOM files, wherever they lie below ``root``, that a table labels; no pixels are decoded.

    ``labels`` (by default ``labels.csv`` in ``root``; see ``read_label_table``) names each film by its path below
    ``root`` or by its SOP Instance UID. ``annotations.json`` in ``root``, in COCO's form, gives outlines by the
    same paths. What finds no partner is counted in the notes. A patient is kept as a pseudonym alone.

    Raises:
        DataSetError: the table is missing or wrong, the outlines are damaged, or no DICOM file has a label.
    """
    root = Path(root)
    table = root / LABEL_TABLE if labels is None else Path(labels)
    rows = read_label_table(table)
    outlines = read_coco(root / OUTLINES) if (root / OUTLINES).is_file() else CocoOutlines({}, "")
    apart = {table.resolve(), (root / OUTLINES).resolve()}
    files = (path for path in files_below(root) if path.resolve() not in apart)
    films, notes = _films(root, files)
    matched = _matched(films, rows)
    cases = tuple(
        Case(
            id=film.name,
            path=film.path,
            label=row.label,
            region=row.region.lower() or film.region,
            polygons=outlines.polygons.get(film.name, ()),
            patient=pseudonym(row.patient) if row.patient else film.patient,
            split=row.split,
        )
        for film, row in matched
        if row.label is not None
    )
    if not cases:
        raise DataSetError(
            f"Of {len(films)} DICOM images below '{root}' none has a label in '{table.name}'. Check that its column "
            "'file' holds paths below that folder, or 'sop_instance_uid' the files' own."
        )
    notes += _counted(
        (len(films) - len(matched), f"DICOM files have no row in {table.name}"),
        (_lone_rows(films, rows), f"rows of {table.name} have no DICOM image"),
        (len(matched) - len(cases), f"DICOM files have a row in {table.name} without an answer"),
        (
            sum(1 for film, row in matched if row.uid and row.uid != film.uid),
            "files carry another SOP Instance UID than their row",
        ),
        (sum(1 for case in cases if case.polygons and not case.label), "films are outlined and yet not fractured"),
        (len(outlines.polygons.keys() - {case.id for case in cases}), f"outlined files of {OUTLINES} are no cases"),
        (_crossing_patients(cases), "patients have films in more than one split"),
    )
    return DataSet(
        "dicom", root, cases, outlines.source or "DICOM files; source and licence not stated", tuple(notes)
    )


def pseudonym(patient_id: str, issuer: str = "") -> str:
    """12 hexadecimal digits that a patient's films share, and that do not show who it is.

    The first of the sha256 over Patient ID and its issuer. Who knows the numbers can compute them again: it
    keeps identities out of sight, it does not make data anonymous.
    """
    return hashlib.sha256(f"{patient_id}\n{issuer}".encode()).hexdigest()[:12]


def _films(root: Path, paths: Iterable[Path]) -> tuple[list[_Film], list[str]]:
    """The DICOM images among files, and what the others are."""
    films, strangers, blind = [], 0, 0
    for path in paths:
        header = _header(path)
        if header is None:
            strangers += 1
        elif not text_of(header, "Rows"):
            blind += 1
        else:
            films.append(_film(header, path, root))
    return films, _counted((strangers, "files are no DICOM"), (blind, "DICOM objects hold no image"))


def _header(path: Path) -> Dataset | None:
    """A file's header, None where it is no DICOM or damaged beyond reading."""
    pydicom = quiet_pydicom()
    try:
        return cast("Dataset", pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS)))
    except Exception:  # no preamble, or a damaged element: the parser raises anything
        log.debug("not an ordinary DICOM file: %s", path.name)
    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.read(_PROBE)):
                return None
        return parse(read_bytes(path))[0]
    except (OSError, UnreadableImage):
        return None


def _film(header: Dataset, path: Path, root: Path) -> _Film:
    patient = text_of(header, "PatientID")
    return _Film(
        path.relative_to(root).as_posix(),
        path,
        text_of(header, "SOPInstanceUID"),
        pseudonym(patient, text_of(header, "IssuerOfPatientID")) if patient else None,
        text_of(header, "BodyPartExamined").lower() or NOT_STATED,
    )


def _matched(films: list[_Film], rows: Iterable[LabelRow]) -> list[tuple[_Film, LabelRow]]:
    """Each film with its row, by path before UID; films without one are left out."""
    by_file = {row.file: row for row in rows if row.file}
    by_uid = {row.uid: row for row in rows if row.uid}
    pairs = ((film, by_file.get(film.name) or by_uid.get(film.uid)) for film in films)
    return [(film, row) for film, row in pairs if row is not None]


def _lone_rows(films: list[_Film], rows: Iterable[LabelRow]) -> int:
    names, uids = {film.name for film in films}, {film.uid for film in films}
    return sum(1 for row in rows if row.file not in names and row.uid not in uids)


def _crossing_patients(cases: Iterable[Case]) -> int:
    """How many patients lie in two published splits or more: a leak to be told."""
    homes: dict[str, set[str]] = {}
    for case in cases:
        if case.patient and case.split:
            homes.setdefault(case.patient, set()).add(case.split)
    return sum(1 for splits in homes.values() if len(splits) > 1)


def _counted(*pairs: tuple[int, str]) -> list[str]:
    return [f"{count} {words}" for count, words in pairs if count]
