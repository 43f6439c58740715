"""A DICOM file's header as rows to show, with all that identifies a person, a place or a time masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fracture_core.dicom.elements import is_multiple
from fracture_core.dicom.parsing import NO_DICOM, is_dicom, parse
from fracture_core.dicom.uids import STANDARD_ROOT, uid_name
from fracture_core.errors import UnreadableImage
from fracture_core.imaging import Source, read_bytes

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset


MAX_SHOWN = 120
MASKED = "masked"


@dataclass(frozen=True)
class HeaderRow:
    """One element of a header, ready to show.

    Attributes:
        tag: "(0010,0010)".
        name: the element's name; in a sequence, the path to it ("Request Attributes Sequence > Study ID").
        value: as shown, cut to ``MAX_SHOWN`` characters; "masked" when identifying, unless revealed.
        identifying: whether PS3.15 Annex E (Basic Profile) removes or replaces it: persons, places, times.
    """

    tag: str
    name: str
    value: str
    identifying: bool


def header(source: Source, *, reveal: bool = False) -> list[HeaderRow]:
    """Every element of a DICOM file but its pixel data, sequences flattened; no pixels are decoded.

    Values that identify a person, a place or a time read "masked" unless ``reveal``.

    Raises:
        UnreadableImage: not a DICOM file, damaged beyond reading, empty or too large.
    """
    data = read_bytes(source)
    if not is_dicom(data):
        raise UnreadableImage(NO_DICOM)
    dataset, _, _ = parse(data)
    return [*_rows(dataset.file_meta, "", False, reveal), *_rows(dataset, "", False, reveal)]


def _rows(dataset: Dataset, path: str, inherited: bool, reveal: bool) -> Iterator[HeaderRow]:
    for tag in sorted(dataset.keys()):
        if tag.group == 0x7FE0 or tag.element == 0:  # pixel data; group lengths
            continue
        try:
            element = dataset[tag]
            identifying = inherited or is_identifying(element)
            name = f"{path}{element.name if not tag.is_private else 'Private element'}"
            items = list(element.value) if element.VR == "SQ" else []
            shown = f"{len(items)} item(s)" if element.VR == "SQ" else _shown(element)
        except Exception:  # a bad value raises on access, whatever its kind
            yield HeaderRow(_tag(tag), f"{path}Unreadable element", "unreadable", True)
            continue
        yield HeaderRow(_tag(tag), name, MASKED if identifying and not reveal else shown, identifying)
        for item in items:
            yield from _rows(item, f"{name} > ", identifying, reveal)


def _tag(tag: Any) -> str:
    return f"({tag.group:04X},{tag.element:04X})"


def _shown(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if element.VR == "UI" and not is_multiple(value):
        text = uid_name(str(value))
    else:
        text = "\\".join(str(part) for part in value) if is_multiple(value) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def is_identifying(element: DataElement) -> bool:
    """Whether the Basic Profile of PS3.15 Annex E (Table E.1-1) removes, empties or replaces an element.

    Told by kind rather than by a copy of the table: persons, dates, times, free text and application entities
    by value representation, whole groups such as patient and visit, the rest by the words of the keyword.
    Where a word covers more than the table, more is masked.
    """
    tag, vr, keyword = element.tag, str(element.VR), element.keyword
    if tag.is_private or not keyword:
        return True
    if keyword in _TECHNICAL:
        return False
    if vr == "UI":
        parts = element.value if is_multiple(element.value) else [element.value]
        return any(not str(part).startswith(STANDARD_ROOT) for part in parts if part)
    return vr in _IDENTIFYING_VRS or tag.group in _IDENTIFYING_GROUPS or bool(_IDENTIFYING_WORDS.search(keyword))


_TECHNICAL = {
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "FileMetaInformationVersion",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "LongitudinalTemporalInformationModified",
    "ManufacturerModelName",
    "PatientIdentityRemoved",
    "PatientOrientation",
    "PatientPosition",
}

_IDENTIFYING_VRS = {"AE", "AS", "DA", "DT", "LT", "PN", "ST", "TM", "UN", "UR", "UT"}

# patient, clinical trial, study, visit, digital signature, retired text and interpretation, curves, padding
_IDENTIFYING_GROUPS = {
    *(0x0010, 0x0012, 0x0032, 0x0038, 0x0400, 0x4000, 0x4008, 0xFFFA, 0xFFFC),
    *range(0x5000, 0x5100, 2),
}

_IDENTIFYING_WORDS = re.compile(
    r"(?<!U)IDs?(Sequence)?$|Identif|Issuer|Names?(CodeSequence)?$|Serial|Accession|Address|[Pp]hone|Telecom|Order"
    r"|Physician|Operator|Person|Patient|Performer|Performed|Observer|Participant|Organization|Institution|Department"
    r"|Station|Location|Residence|Recipient|Requesting|Requested|Request|Scheduled|Author|Creator|Interpreter"
    r"|Reviewer|Owner|Originator|Comment|Description|Label|Notes|Reason|Diagnos|Medication|Admi(ssion|tting)"
    r"|Discharge|Episode|Timezone|Barcode|GPS|Lens|Maker|Source(Manufacturer|OfPrevious)|TreatmentSite|UniqueDevice"
    r"|UDISequence|EncapsulatedDocument|IconImage|(Context|Template).*Version|Selector.*Value|ContrastBolusAgent$"
    r"|(Study|Image|Content|AcquisitionContext|GraphicAnnotation)Sequence$|Topic|TextString|Overlay(Data|Comments)"
    r"|Instance.*Status|Timestamp|TreatmentMachine|Custodial|Verif|Verbal"
)
