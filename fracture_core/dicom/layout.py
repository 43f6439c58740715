"""How the header says the pixels are stored; and of a file without any, what it holds instead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fracture_core.dicom.elements import int_of, text_of
from fracture_core.dicom.parsing import PixelElement
from fracture_core.dicom.uids import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, uid_name
from fracture_core.errors import FractureError, NoPixelData, UnreadableImage, UnsupportedSyntax

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Layout:
    """What the header says of the pixels' storage (PS3.3, C.7.6.3).

    ``shift`` is how many bits of a pixel cell lie below the value: none in files as the standard has them now,
    HighBit + 1 - BitsStored in those of its earlier editions (PS3.5, 8.1.1).
    """

    syntax: str
    keyword: str
    rows: int
    columns: int
    samples: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    signed: bool
    frames: int
    shift: int = 0

    @property
    def frame_bits(self) -> int:
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples  # two of three are shared, C.7.6.3.1.2
        return self.rows * self.columns * samples * self.allocated


def layout_of(header: Dataset, element: PixelElement, notes: list[str]) -> Layout:
    """The layout by the header, with the usual values where it is silent; an error for one no decoder reads."""
    rows, columns = int_of(header, "Rows"), int_of(header, "Columns")
    if rows is None or columns is None:
        raise NoPixelData("The DICOM header gives no picture size (Rows, Columns): there is no image to show.")
    widths = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
    allocated = int_of(header, "BitsAllocated") or widths.get(element.keyword, 16)
    samples = int_of(header, "SamplesPerPixel") or 1
    layout = Layout(
        syntax=_syntax(header),
        keyword=element.keyword,
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=text_of(header, "PhotometricInterpretation") or ("RGB" if samples == 3 else "MONOCHROME2"),
        planar=int_of(header, "PlanarConfiguration") or 0,
        allocated=allocated,
        stored=int_of(header, "BitsStored") or allocated,
        signed=int_of(header, "PixelRepresentation") == 1,
        frames=1,
    )
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= layout.stored <= allocated or samples not in (1, 3):
        raise UnsupportedSyntax(
            f"The pixel layout is not supported: {samples} sample(s) per pixel, {layout.stored} of "
            f"{allocated} bits. Export the image as MONOCHROME2 with 8 or 16 bits."
        )
    return replace(layout, frames=_frames(header, element, layout, notes), shift=_shift(header, layout))


def _shift(header: Dataset, layout: Layout) -> int:
    """See ``Layout``; 0 where HighBit is absent or cannot be."""
    high = int_of(header, "HighBit")
    if high is None or layout.keyword != "PixelData" or not layout.stored <= high < layout.allocated:
        return 0
    return high + 1 - layout.stored


def _frames(header: Dataset, element: PixelElement, layout: Layout, notes: list[str]) -> int:
    said = text_of(header, "NumberOfFrames")
    if not said:
        return 1
    count = int_of(header, "NumberOfFrames")
    if count is not None and count >= 1:
        return count
    whole = 1 if element.encapsulated else (element.end - element.start) * 8 // max(1, layout.frame_bits)
    notes.append(f"the number of frames given is not valid: {max(1, whole)} by the size of the pixel data")
    return max(1, whole)


def _syntax(header: Dataset) -> str:
    """The transfer syntax; of a file that names none, the one its header was read with."""
    named = text_of(header.file_meta, "TransferSyntaxUID")
    if named:
        return named
    implicit, little = header.original_encoding
    return IMPLICIT_LITTLE if implicit else EXPLICIT_BIG if little is False else EXPLICIT_LITTLE


def decoder_options(layout: Layout, element: PixelElement) -> dict[str, Any]:
    """pydicom's names for the layout."""
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": layout.frames,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored + layout.shift,  # pydicom clears the bits above, and knows no others
        "pixel_keyword": layout.keyword,
        "pixel_vr": element.vr,
        "pixel_representation": int(layout.signed),
    }
    return options | ({"planar_configuration": layout.planar} if layout.samples > 1 else {})


def no_pixels(header: Dataset, *, cut: bool) -> FractureError:
    """The error for a file without pixels, which says what it is; ``cut`` when it ends before them."""
    if cut:
        return UnreadableImage("The DICOM file ends before its pixel data. Copy or export it again.")
    modality = text_of(header, "Modality")
    class_uid = text_of(header, "SOPClassUID") or text_of(header.file_meta, "MediaStorageSOPClassUID")
    kind = _KINDS.get(modality) or _class_name(class_uid)
    if not kind or kind.endswith("Image Storage'") or int_of(header, "Rows"):
        return NoPixelData(
            "This DICOM file is a header without pixel data. Copy the file again, or export it with its pixels."
        )
    return NoPixelData(f"This is {kind}: it carries no image. Open the image series it belongs to.")


_KINDS = {
    "SR": "a structured report (SR)",
    "RTPLAN": "a radiotherapy plan (RTPLAN)",
    "RTSTRUCT": "a set of radiotherapy contours (RTSTRUCT)",
    "RTRECORD": "a radiotherapy treatment record (RTRECORD)",
    "PR": "a presentation state (PR)",
    "KO": "a list of key images (KO)",
    "DOC": "an encapsulated document (DOC)",
    "REG": "a spatial registration (REG)",
    "ECG": "an electrocardiogram (ECG)",
    "PLAN": "a plan (PLAN)",
}


def _class_name(uid: str) -> str:
    if not uid:
        return ""
    name = uid_name(uid)
    if name == uid:  # unknown to the dictionary
        return ""
    return "a DICOM directory (DICOMDIR)" if uid == "1.2.840.10008.1.3.10" else f"an object of the kind '{name}'"
