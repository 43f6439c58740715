"""The DICOM image that exported objects refer to, and what all of them share.

PS3.3 has image-relative coordinates from 0.0 at the top-left corner of the top-left pixel to columns and rows at
the bottom-right corner of the last one, for SCOORD (C.18.6) and for graphic annotations in PIXEL units (C.10.5)
alike: marks go out as they are, as 32-bit floats, and what lies outside the film is moved to its border.
"""

from __future__ import annotations

import io
import logging
import re
import uuid
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fracture_core import __version__
from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.dicom import is_dicom
from fracture_core.errors import FractureError
from fracture_core.imaging import quieten
from fracture_core.interchange.fields import reading_id
from fracture_core.marks import Mark

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

MANUFACTURER, MODEL = "fracture_core", "fracture reading room"
FRACTURE = ("125605004", "SCT", "Fracture of bone")  # SNOMED CT, disorder
FINDING_VALUES = {  # CID 240, Present-Absent
    "fracture": ("52101004", "SCT", "Present"),
    "none": ("272519000", "SCT", "Absent"),
    "uncertain": ("373068000", "SCT", "Undetermined"),
}
_REMEDY = "Export its readings as COCO or CSV."
_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_BLANK = (  # type 2 of the patient and study modules: present, if need be empty
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
_PATTERNS = {  # of what may stand in them; before 1993 dates had dots and times colons, and some files still do
    "PatientBirthDate": r"(\d{8})?",
    "StudyDate": r"(\d{8})?",
    "StudyTime": r"(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?",
    "PatientSex": "[MFO]?",
}


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A film's header, fit to be referred to.

    Attributes:
        film: the film.
        header: of its DICOM file, without pixels, all text decoded.
        frame: of the file, from 1; None when it holds one picture.
    """

    film: FilmEntry
    header: Dataset
    frame: int | None


def source_image(film: FilmEntry, content: bytes, *, frame: int | None = None) -> SourceImage:
    """The header of a film's DICOM file, its missing type 2 elements filled with blanks.

    Args:
        content: the file's bytes.
        frame: the one that was read, from 0; by default the one that ``read_image`` shows, the middle one.

    Raises:
        FractureError: the film is no DICOM image, or its header lacks what a reference needs; the remedy is named.
    """
    from fracture_core.dicom.elements import int_of, text_of
    from fracture_core.dicom.parsing import parse

    if not is_dicom(content):
        raise FractureError(f"'{film.name}' is no DICOM file, so no DICOM object can refer to it. {_REMEDY}")
    header, _, pixels = parse(content)
    if pixels is None or (int_of(header, "Columns"), int_of(header, "Rows")) != (film.width, film.height):
        raise FractureError(f"'{film.name}' holds no picture of the size that was read. {_REMEDY}")
    if lacking := [name for name in _NEEDED if not text_of(header, name)]:
        raise FractureError(f"'{film.name}' has no {', '.join(lacking)}, so nothing can refer to it. {_REMEDY}")
    frames = int_of(header, "NumberOfFrames") or 1
    chosen = frames // 2 if frame is None else frame
    if not 0 <= chosen < frames:
        raise FractureError(f"'{film.name}' has no frame {chosen}: it has {frames}, counted from 0.")
    return SourceImage(film, _fit(header), chosen + 1 if frames > 1 else None)


def _fit(header: Dataset) -> Dataset:
    """Text in Unicode, blanks where elements of type 2 are absent or bad, no element that cannot be read."""
    from pydicom.dataset import Dataset

    fit = Dataset()
    with suppress(Exception):  # one bad value raises, whatever its kind; it is left out below
        header.decode()
    for tag in list(header.keys()):
        try:
            if not tag.is_private:
                fit.add(header[tag])
        except Exception:  # as above
            continue
    for name in _BLANK:
        if fit.get(name) is None:
            setattr(fit, name, "")
    for name, pattern in _PATTERNS.items():
        plain = re.sub("[.:]", "", str(fit.get(name))) if name != "StudyTime" else str(fit.get(name)).replace(":", "")
        setattr(fit, name, plain if re.fullmatch(pattern, plain) else "")
    fit.walk(_pack_lut)
    fit.SpecificCharacterSet = "ISO_IR 192"
    return fit


def _pack_lut(dataset: Dataset, element: DataElement) -> None:
    """A LUT's data as bytes, where the file has them as numbers: highdicom takes the one kind only."""
    if element.keyword == "LUTData" and not isinstance(element.value, bytes):
        values = np.asarray(element.value, np.int64) & 0xFFFF
        dataset.add_new(element.tag, "OW", values.astype("<u2").tobytes())


def frames_without_groups(header: Dataset) -> bool:
    """Whether an image counts frames without functional groups, as old multi-frame classes do."""
    return "NumberOfFrames" in header and "SharedFunctionalGroupsSequence" not in header


def as_single(source: SourceImage) -> Dataset:
    """The header as a secondary capture of one frame, for what highdicom makes of that kind alone."""
    alone = deepcopy(source.header)
    alone.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    for name in ("NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator"):
        if name in alone:
            delattr(alone, name)
    return alone


def refer_back(made: Dataset, source: SourceImage) -> None:
    """Give all references of an object made from ``as_single`` the true class, and the frame."""

    def correct(dataset: Dataset, element: DataElement) -> None:
        for item in element.value if element.VR == "SQ" else ():
            if item.get("ReferencedSOPInstanceUID") == source.header.SOPInstanceUID:
                item.ReferencedSOPClassUID = source.header.SOPClassUID
                if source.frame is not None and element.keyword in ("SourceImageSequence", "ReferencedImageSequence"):
                    item.ReferencedFrameNumber = source.frame

    made.walk(correct)


def built(source: SourceImage, make: Callable[[], Dataset]) -> bytes:
    """The file of the object that ``make`` returns; a header that it cannot be made from is told in words."""
    _quieten()
    try:
        made = make()
        stream = io.BytesIO()
        made.save_as(stream, enforce_file_format=True)
        return stream.getvalue()
    except FractureError:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, NotImplementedError) as error:
        raise FractureError(
            f"The header of '{source.film.name}' does not allow a DICOM object that refers to it. {_REMEDY}"
        ) from error


def _quieten() -> None:
    """Keep highdicom's remarks to itself: they quote patients' names. A narrow filter, put in once."""
    quieten()
    if _HUSH not in warnings.filters:
        warnings.filterwarnings("ignore", module=_HUSH_MODULES)
    logging.getLogger("highdicom").setLevel(logging.CRITICAL)


_HUSH_MODULES = r"highdicom(\.|$)"
_HUSH = ("ignore", None, Warning, re.compile(_HUSH_MODULES), 0)


def equipment(source: SourceImage, kind: str, readings: Sequence[Reading], *, number: int = 1) -> dict[str, Any]:
    """What every object is made with; UIDs follow from the content, so the same export gives the same ones."""
    from pydicom.uid import generate_uid

    film, ids = source.film.sha256, [_content_of(reading) for reading in readings]
    return {
        "series_instance_uid": generate_uid(entropy_srcs=["fracture_core", kind, film]),
        "sop_instance_uid": generate_uid(entropy_srcs=["fracture_core", kind, "object", __version__, film, *ids]),
        "series_number": {"SR": 9001, "SEG": 9002, "PR": 9003}[kind],
        "instance_number": number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": __version__,
        "device_serial_number": "none",
        "specific_character_set": "ISO_IR 192",
    }


def tracking_uid(*parts: str) -> str:
    """A UID that follows from its parts."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["fracture_core", "tracking", *parts]))


def _content_of(reading: Reading) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{reading_id(reading)} {reading!r}"))


def outline_in(film: FilmEntry, mark: Mark) -> np.ndarray:
    """float64 (N, 2): the mark's outline, what lies outside the film moved to its border."""
    return np.clip(mark.outline, 0, [film.width, film.height])


def reaches_outside(film: FilmEntry, mark: Mark) -> bool:
    """Whether a mark has points outside its film."""
    return bool((outline_in(film, mark) != mark.outline).any())


def closed(outline: np.ndarray) -> np.ndarray:
    """(N + 1, 2), the first point again at the end, as DICOM has closed polylines."""
    return np.vstack([outline, outline[:1]])


def person_name(reader: str) -> str:
    """A reader's name as a family name; what DICOM gives a meaning to in names becomes a space."""
    return (plain_text(re.sub(r"[\^=]", " ", reader), longest=63) or "unnamed") + "^"


def plain_text(words: str, *, longest: int = 64) -> str:
    """Text fit for a short DICOM element: no backslash, no control characters, at most ``longest`` characters."""
    return " ".join("".join(" " if c == "\\" or ord(c) < 32 else c for c in words).split())[:longest]
