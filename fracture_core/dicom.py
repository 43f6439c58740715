"""DICOM: one frame of a file to a plane in [0, 1], bone bright; and its header, identity masked.

Order of the steps (PS3.3, C.11): decode, modality LUT, VOI, invert. Where a file holds both a VOI LUT
sequence and a window, PS3.3 C.11.2 calls them alternatives; the sequence is applied, as pydicom's
``apply_voi_lut`` does by default. Of several windows the first is applied.

Files without preamble, without file meta information, truncated or with bad values are read as far as they
go. Pixel data is found in the file's own bytes, so that a file cut off in its middle still shows the rows it
holds, and of a long series only the frame that is asked for is decoded.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fracture_core.errors import FractureError, ImageTooLarge, NoPixelData, UnreadableImage, UnsupportedSyntax
from fracture_core.imaging import (
    MAX_BYTES,
    MAX_PIXELS,
    Plane,
    Source,
    check_size,
    choose_frame,
    quieten,
    read_bytes,
    window_percentiles,
)

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = {EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE}
RLE = "1.2.840.10008.1.2.5"
COMPRESSED_ROOT = "1.2.840.10008.1.2.4."  # the JPEG family and video
STANDARD_ROOT = "1.2.840.10008."  # UIDs below it name parts of the standard, never a person or a thing


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


@dataclass(frozen=True)
class Layout:
    """What the header says of the pixels' storage (PS3.3, C.7.6.3)."""

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

    @property
    def frame_bits(self) -> int:
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples  # two of three are shared, C.7.6.3.1.2
        return self.rows * self.columns * samples * self.allocated


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data lies: ``data[start:end]``; ``missing`` when the file ends before the element."""

    keyword: str
    vr: str
    start: int
    end: int
    encapsulated: bool
    missing: bool


# ---------------------------------------------------------------------------------------------------- finding


def is_dicom(data: bytes) -> bool:
    """Whether bytes are a DICOM file, by content: its mark after the preamble, or what only DICOM has."""
    start = _dataset_start(data)
    if start is None:
        return False
    if start:
        return True
    try:
        header_, _, _ = _parse(data)
        class_uid = _text(header_, "SOPClassUID") or _text(header_.file_meta, "MediaStorageSOPClassUID")
        return class_uid.startswith(STANDARD_ROOT) or bool(_int(header_, "Rows") and _int(header_, "Columns"))
    except Exception:  # arbitrary bytes make the parser raise anything: no DICOM then
        return False


_NO_DICOM = "This is not a DICOM file: it has no DICOM header. Open the original file."

_FIRST_ELEMENT = re.compile(
    rb"[\x02\x08]\x00..[A-Z]{2}..|\x00[\x02\x08]..[A-Z]{2}..|\x08\x00.\x00.[\x00-\x03]\x00\x00", re.DOTALL
)


def _dataset_start(data: bytes) -> int | None:
    """Where the elements begin: after preamble and mark, after the mark alone, at once; None for no DICOM."""
    if data[128:132] == b"DICM":
        return 132
    if data[:4] == b"DICM":
        return 4
    return 0 if _FIRST_ELEMENT.match(data) else None


def _parse(data: bytes) -> tuple[Dataset, bytes, PixelElement | None]:
    """The header, the bytes it was read from (inflated if need be), and where in them the pixel data lies."""
    pydicom = _pydicom()
    start = _dataset_start(data)
    if start is None:
        raise UnreadableImage(_NO_DICOM)
    if start == 4:
        data = bytes(128) + data
    data = _inflated(data, 132 if start else 0)
    stream = io.BytesIO(data)
    try:
        header_ = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
    except Exception as error:  # a damaged element makes the parser raise anything
        raise UnreadableImage(
            "The DICOM header is damaged and cannot be read. Export the image again from its archive."
        ) from error
    return header_, data, _find_pixels(header_, data, stream.tell())


def _pydicom() -> Any:
    """pydicom, its remarks silenced: they quote element values, which may name the patient."""
    import pydicom

    quieten()
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return pydicom


def _inflated(data: bytes, start: int) -> bytes:
    """A deflated file as an ordinary one (the syntax is renamed in place); any other file as it is."""
    position = start
    syntax = slice(0, 0)
    while data[position : position + 2] == b"\x02\x00":
        long = data[position + 4 : position + 6] in (b"OB", b"UN", b"UT", b"OW", b"SQ")
        head = 12 if long else 8
        length = int.from_bytes(data[position + head - (4 if long else 2) : position + head], "little")
        if data[position : position + 4] == b"\x02\x00\x10\x00":
            syntax = slice(position + head, position + head + length)
        position += head + length
    if data[syntax].rstrip(b"\0 ") != DEFLATED.encode():
        return data
    meta = data[: syntax.start] + EXPLICIT_LITTLE.encode().ljust(syntax.stop - syntax.start, b"\0")
    return meta + data[syntax.stop : position] + _inflate(data[position:])


def _inflate(compressed: bytes) -> bytes:
    """Raw deflate (PS3.5, A.5), as far as it goes and within bounds."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    room = 2 * MAX_BYTES
    for start in range(0, len(compressed), 1 << 16):
        try:
            part = inflater.decompress(compressed[start : start + (1 << 16)], room)
        except zlib.error:
            break
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise ImageTooLarge(
                f"The file inflates to more than {2 * MAX_BYTES // 1024**2} MB. Export the single picture."
            )
    return b"".join(parts)


_PIXEL_KEYWORDS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"UT", b"SQ"}


def _find_pixels(header_: Dataset, data: bytes, position: int) -> PixelElement | None:
    """The pixel data element at a position of the file, where reading the header stopped."""
    order: Literal["little", "big"] = "big" if header_.original_encoding[1] is False else "little"

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], order)

    keyword = _PIXEL_KEYWORDS.get(number(position + 2, 2))
    if len(data) - position < 8 or number(position, 2) != 0x7FE0 or keyword is None:
        return None
    vr = data[position + 4 : position + 6]
    if vr in _LONG_VRS:
        start, length = position + 12, number(position + 8, 4)
    elif vr.isalpha() and vr.isupper() and not header_.original_encoding[0]:
        start, length = position + 8, number(position + 6, 2)
    else:
        start, length, vr = position + 8, number(position + 4, 4), b"OW"
    encapsulated = length == 0xFFFFFFFF
    end = len(data) if encapsulated else min(start + length, len(data))
    missing = not encapsulated and start + length > len(data)
    return PixelElement(keyword, vr.decode("ascii"), start, end, encapsulated, missing)


# --------------------------------------------------------------------------------------------------- decoding


def decode(data: bytes, *, frame: int | None = None) -> Plane:
    """Decode one frame (the middle one by default) to a float32 plane in [0, 1], (H, W) or (H, W, 3).

    Raises:
        NoPixelData: a report, a plan, contours: the message names the kind of object.
        UnsupportedSyntax: the transfer syntax or pixel layout is one no decoder reads; the message names it.
        UnreadableImage: damaged, too large, or no such frame.
    """
    header_, data, element = _parse(data)
    if element is None or element.start >= element.end:
        raise _no_pixels(header_, cut=element is not None and element.missing)
    notes: list[str] = []
    layout = _layout(header_, element, notes)
    check_size(layout.columns, layout.rows)
    chosen = choose_frame(frame, frames=layout.frames, default=layout.frames // 2)
    read = _encapsulated if element.encapsulated else _native
    try:
        decoded = read(data, element, layout, chosen, header_)
    except _FrameMissing:
        if frame is not None or chosen == 0:
            raise
        notes.append(f"truncated: frame {chosen} is not in the file, the first one is shown")
        chosen = 0
        decoded = read(data, element, layout, chosen, header_)
    if layout.frames > 1:
        notes.append(f"frame {chosen} of {layout.frames} (counted from 0)")
    notes += decoded.notes
    groups = _functional_groups(header_, chosen)
    if decoded.values.ndim == 3 or decoded.photometric == "PALETTE COLOR":
        pixels = _colour(decoded, layout, header_)
    else:
        pixels = _gray(decoded, layout, groups, notes)
    spacing = _spacing(groups, notes)
    return Plane(
        pixels=pixels,
        notes=tuple(notes),
        spacing=spacing,
        modality=_text(header_, "Modality") or None,
        frame=chosen,
        frames=layout.frames,
    )


class _FrameMissing(UnreadableImage):
    """The file ends before the frame."""


def _layout(header_: Dataset, element: PixelElement, notes: list[str]) -> Layout:
    rows, columns = _int(header_, "Rows"), _int(header_, "Columns")
    if rows is None or columns is None:
        raise NoPixelData("The DICOM header gives no picture size (Rows, Columns): there is no image to show.")
    widths = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}
    allocated = _int(header_, "BitsAllocated") or widths.get(element.keyword, 16)
    samples = _int(header_, "SamplesPerPixel") or 1
    layout = Layout(
        syntax=_syntax(header_),
        keyword=element.keyword,
        rows=rows,
        columns=columns,
        samples=samples,
        photometric=_text(header_, "PhotometricInterpretation") or ("RGB" if samples == 3 else "MONOCHROME2"),
        planar=_int(header_, "PlanarConfiguration") or 0,
        allocated=allocated,
        stored=_int(header_, "BitsStored") or allocated,
        signed=_int(header_, "PixelRepresentation") == 1,
        frames=1,
    )
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= layout.stored <= allocated or samples not in (1, 3):
        raise UnsupportedSyntax(
            f"The pixel layout is not supported: {samples} sample(s) per pixel, {layout.stored} of "
            f"{allocated} bits. Export the image as MONOCHROME2 with 8 or 16 bits."
        )
    return replace(layout, frames=_frames(header_, element, layout, notes))


def _frames(header_: Dataset, element: PixelElement, layout: Layout, notes: list[str]) -> int:
    said = _text(header_, "NumberOfFrames")
    if not said:
        return 1
    count = _int(header_, "NumberOfFrames")
    if count is not None and count >= 1:
        return count
    whole = 1 if element.encapsulated else (element.end - element.start) * 8 // max(1, layout.frame_bits)
    notes.append(f"the number of frames given is not valid: {max(1, whole)} by the size of the pixel data")
    return max(1, whole)


def _syntax(header_: Dataset) -> str:
    """The transfer syntax; of a file that names none, the one its header was read with."""
    named = _text(header_.file_meta, "TransferSyntaxUID")
    if named:
        return named
    implicit, little = header_.original_encoding
    return IMPLICIT_LITTLE if implicit else EXPLICIT_BIG if little is False else EXPLICIT_LITTLE


def _no_pixels(header_: Dataset, *, cut: bool) -> FractureError:
    if cut:
        return UnreadableImage("The DICOM file ends before its pixel data. Copy or export it again.")
    modality = _text(header_, "Modality")
    class_uid = _text(header_, "SOPClassUID") or _text(header_.file_meta, "MediaStorageSOPClassUID")
    kind = _KINDS.get(modality) or _class_name(class_uid)
    if not kind or kind.endswith("Image Storage'") or _int(header_, "Rows"):
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
    name = str(_pydicom().uid.UID(uid).name)
    if name == uid:  # unknown to the dictionary
        return ""
    return "a DICOM directory (DICOMDIR)" if uid == "1.2.840.10008.1.3.10" else f"an object of the kind '{name}'"


# ---------------------------------------------------------------------------------------- uncompressed pixels


@dataclass(frozen=True, eq=False)
class Decoded:
    """One frame's stored values (rows, columns) or (rows, columns, 3).

    ``photometric`` holds after decoding; the first ``known`` pixels, row by row, were in the file.
    """

    values: np.ndarray
    photometric: str
    known: int
    notes: tuple[str, ...] = ()


def _native(data: bytes, element: PixelElement, layout: Layout, frame: int, header_: Dataset) -> Decoded:
    """Uncompressed values of one frame, zeros where the file ends too early."""
    if _is_compressed(layout.syntax):
        raise UnreadableImage(
            f"The header says {_syntax_name(layout.syntax)}, but the pixel data is not compressed. "
            "Export the image again."
        )
    if layout.syntax not in NATIVE:
        raise _unsupported(layout.syntax)
    known = layout.rows * layout.columns
    notes = []
    needed = ceil(layout.frame_bits * (frame + 1) / 8)
    end = min(element.end, element.start + needed + needed % 2)
    source: memoryview | bytes = memoryview(data)[element.start : end]
    if len(source) < needed:
        frame_bytes = ceil(layout.frame_bits / 8)
        there = len(source) - (needed - frame_bytes)
        if there * 100 < frame_bytes:  # less than a hundredth is no picture
            raise _FrameMissing("The file is truncated: this picture's pixels are missing. Copy it again.")
        share = there / frame_bytes
        known = int(known * share)
        notes.append(f"truncated: only {share:.1%} of the picture is in the file, the rest is black")
        source = bytes(source) + bytes(needed - len(source) + needed % 2)
    decoder = _pydicom().pixels.get_decoder(layout.syntax)
    options = _options(layout, element) | {"number_of_frames": frame + 1}
    values, properties = decoder.as_array(source, index=frame, **options)
    values = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    return Decoded(values, str(properties["photometric_interpretation"]), known, tuple(notes))


def _options(layout: Layout, element: PixelElement) -> dict[str, Any]:
    """pydicom's names for the layout."""
    options: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": layout.frames,
        "samples_per_pixel": layout.samples,
        "photometric_interpretation": layout.photometric,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_keyword": layout.keyword,
        "pixel_vr": element.vr,
        "pixel_representation": int(layout.signed),
    }
    return options | ({"planar_configuration": layout.planar} if layout.samples > 1 else {})


# ------------------------------------------------------------------------------------------ compressed pixels


def _encapsulated(data: bytes, element: PixelElement, layout: Layout, frame: int, header_: Dataset) -> Decoded:
    """Values of one compressed frame: by pydicom's plug-ins, or by imagecodecs where they refuse."""
    if _is_compressed(layout.syntax) and layout.syntax not in _CODECS:
        raise _unsupported(layout.syntax)
    stream, cut = _frame_stream(data, element, layout, frame, header_)
    syntax = layout.syntax if _is_compressed(layout.syntax) else _guess_syntax(stream)
    _refuse_bombs(stream, syntax, layout)
    notes = []
    if cut:
        notes.append("truncated: the end of the compressed picture is missing, what could not be read is filled in")
        stream = _mended(stream)
    try:
        values, photometric = _by_pydicom(stream, syntax, layout, element)
    except Exception:  # each plug-in raises its own kinds
        try:
            values, photometric = _by_imagecodecs(stream, syntax, layout)
        except Exception as error:
            raise UnreadableImage(
                f"The compressed pixel data ({_syntax_name(syntax)}) is {'truncated' if cut else 'damaged'} "
                "and cannot be decoded. Copy the file again, or export it uncompressed."
            ) from error
    if values.shape[:2] != (layout.rows, layout.columns):
        check_size(values.shape[1], values.shape[0])
        notes.append("the header's Rows and Columns contradict the picture: the picture's own size is used")
    return Decoded(values, photometric, values.shape[0] * values.shape[1], tuple(notes))


END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike


def _frame_stream(
    data: bytes, element: PixelElement, layout: Layout, frame: int, header_: Dataset
) -> tuple[bytes, bool]:
    """The code stream of one frame, and whether its end is missing."""
    fragments, cut = _fragments(data, element.start)
    if layout.frames == 1:
        stream = b"".join(fragments[1:])
    elif len(fragments) - 1 == layout.frames or (cut and frame + 1 < len(fragments)):
        stream = bytes(fragments[frame + 1])  # one fragment for one frame
    else:
        stream = _fragmented_frame(fragments, layout, frame, header_)
    if not stream:
        raise _FrameMissing(
            f"Frame {frame} is not in the file: its pixel data is truncated or damaged. "
            "Choose an earlier frame, or copy the file again."
        )
    ends = stream.rstrip(b"\0").endswith(END_OF_IMAGE)
    return stream, cut and not ends and stream.endswith(fragments[-1])


_ITEM = b"\xfe\xff\x00\xe0"


def _fragments(data: bytes, start: int) -> tuple[list[memoryview], bool]:
    """The pixel data's items (PS3.5, A.4), the offset table first; whether the file ends within the last."""
    view = memoryview(data)
    fragments: list[memoryview] = []
    while data[start : start + 4] == _ITEM:
        length = int.from_bytes(data[start + 4 : start + 8], "little")
        fragments.append(view[start + 8 : start + 8 + length])
        start += 8 + length
    return fragments, start > len(data)


def _fragmented_frame(fragments: list[memoryview], layout: Layout, frame: int, header_: Dataset) -> bytes:
    """A frame that may lie in several fragments, found by the offset table or by markers; empty if it is not."""
    from pydicom.encaps import get_frame

    items = b"".join(_ITEM + struct.pack("<L", len(fragment)) + fragment for fragment in fragments)
    offsets = (_value(header_, "ExtendedOffsetTable"), _value(header_, "ExtendedOffsetTableLengths"))
    extended = offsets if None not in offsets else None
    try:
        return bytes(get_frame(items, frame, number_of_frames=layout.frames, extended_offsets=extended))
    except Exception:  # fewer fragments than frames, or offsets beyond them
        return b""


def _mended(stream: bytes) -> bytes:
    """A code stream with its end put back, so that decoders show what is there instead of refusing.

    JPEG ends in a marker. A JPEG 2000 tile part states its length (ISO/IEC 15444-1, A.4.2): zeros up to it
    read as empty packets.
    """
    if stream.startswith(b"\xff\xd8"):
        return stream + END_OF_IMAGE
    if not stream.startswith(b"\xff\x4f"):
        return stream
    position = 2
    while position + 10 <= len(stream):
        tile_part = stream[position : position + 2] == b"\xff\x90"
        length = stream[position + 6 : position + 10] if tile_part else stream[position + 2 : position + 4]
        position += max(2, int.from_bytes(length, "big") + (0 if tile_part else 2))
    missing = position - len(stream)
    return stream + bytes(missing if 0 < missing < MAX_BYTES else 0) + END_OF_IMAGE


def _is_compressed(syntax: str) -> bool:
    return syntax == RLE or syntax.startswith(COMPRESSED_ROOT)


def _guess_syntax(stream: bytes) -> str:
    """The syntax of a code stream, for files that name none, by its first marker."""
    frame_marker = re.search(rb"\xff[\xc0\xc1\xc2\xc3\xf7]", stream[:4096])
    by_marker = {0xC0: "50", 0xC1: "51", 0xC2: "51", 0xC3: "70", 0xF7: "80"}
    if stream[:2] == b"\xff\xd8" and frame_marker:
        return f"{COMPRESSED_ROOT}{by_marker[stream[frame_marker.start() + 1]]}"
    if stream[:4] == b"\xff\x4f\xff\x51" or stream[4:8] == b"jP  ":
        return f"{COMPRESSED_ROOT}90"
    return RLE


# Of pydicom's plug-ins those that answer damaged data with an exception. GDCM, and imagecodecs' ljpeg and
# jpegsof3, end the whole process on some damaged lossless JPEGs; libjpeg-turbo (imagecodecs' jpeg8) does not.
_PLUGINS = ("pyjpegls", "pillow", "pydicom")


def _by_pydicom(stream: bytes, syntax: str, layout: Layout, element: PixelElement) -> tuple[np.ndarray, str]:
    from pydicom.encaps import encapsulate

    decoder = _pydicom().pixels.get_decoder(syntax)
    available = decoder.available_plugins
    plugin = next(name for name in _PLUGINS if name in available)
    values, properties = decoder.as_array(
        encapsulate([stream], has_bot=False),
        index=0,
        decoding_plugin=plugin,
        **_options(layout, element) | {"number_of_frames": 1},
    )
    return values, str(properties["photometric_interpretation"])


def _by_imagecodecs(stream: bytes, syntax: str, layout: Layout) -> tuple[np.ndarray, str]:
    """What is left: 12-bit, progressive and lossless JPEG, HTJ2K, JPEG XL, 1-bit or damaged RLE."""
    codec = _CODECS[syntax]
    if codec == "rle":
        return _rle(stream, layout), layout.photometric
    import imagecodecs

    values = np.asarray(getattr(imagecodecs, f"{codec}_decode")(stream))
    if layout.signed and values.dtype.kind == "u" and values.ndim == 2:
        top = 1 << (layout.stored - 1)
        values = ((values.astype(np.int64) & (2 * top - 1)) ^ top) - top
        values = values.astype(f"i{max(1, layout.allocated // 8)}")
    already_rgb = values.ndim == 3 and codec != "jpegls"
    return values, "RGB" if already_rgb else layout.photometric


_CODECS = {RLE: "rle"} | {
    f"{COMPRESSED_ROOT}{number}": codec
    for codec, numbers in {
        "jpeg8": (50, 51, 53, 55, 57, 70),
        "jpegls": (80, 81),
        "jpeg2k": (90, 91, 201, 202, 203),  # OpenJPEG reads HTJ2K too; OpenJPH lets damage pass
        "jpegxl": (110, 111, 112),
    }.items()
    for number in numbers
}


def _unsupported(syntax: str) -> UnsupportedSyntax:
    return UnsupportedSyntax(
        f"The transfer syntax '{_syntax_name(syntax)}' cannot be decoded. Export the image uncompressed "
        "(Explicit VR Little Endian) or as JPEG 2000."
    )


def _rle(stream: bytes, layout: Layout) -> np.ndarray:
    """RLE of PS3.5 Annex G, as far as it goes: byte planes, most significant first; 1-bit pixels packed."""
    import imagecodecs

    count, *offsets = struct.unpack("<16L", stream[:64])
    width = max(1, layout.allocated // 8)
    if count != width * layout.samples:
        raise ValueError("the number of RLE segments does not fit the pixel layout")
    size = ceil(layout.rows * layout.columns * (1 if layout.allocated == 1 else 8) / 8)
    planes = np.zeros((layout.samples, width, size), np.uint8)
    for index, start in enumerate(offsets[:count]):
        end = offsets[index + 1] if index + 1 < count else len(stream)
        packed = stream[start:end]
        try:
            unpacked = imagecodecs.packbits_decode(packed)
        except Exception:  # cut or damaged: the whole runs before that
            unpacked = imagecodecs.packbits_decode(packed[: _whole_runs(packed)])
        segment = np.frombuffer(unpacked, np.uint8)[:size]
        planes[index // width, index % width, : segment.size] = segment
    if layout.allocated == 1:
        bits = np.unpackbits(planes.reshape(-1), bitorder="little")
        return bits[: layout.rows * layout.columns].reshape(layout.rows, layout.columns)
    values = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(f">{'i' if layout.signed else 'u'}{width}")
    shape = (layout.rows, layout.columns, layout.samples) if layout.samples > 1 else (layout.rows, layout.columns)
    return values.astype(values.dtype.newbyteorder("=")).reshape(shape)


def _whole_runs(packed: bytes) -> int:
    """How many bytes of an RLE segment make whole runs (PS3.5, G.3.1)."""
    position = 0
    while position < len(packed):
        control = packed[position]
        following = position + (1 if control == 128 else control + 2 if control < 128 else 2)
        if following > len(packed):
            break
        position = following
    return position


def _refuse_bombs(stream: bytes, syntax: str, layout: Layout) -> None:
    """Refuse, before decoding, a code stream far larger than its header says."""
    if syntax == RLE:
        if len(stream) > layout.frame_bits // 8 * 2 + 4096:  # literal runs grow by 1/128 at most, PS3.5 G.3.1
            raise UnreadableImage(
                "The compressed pixel data is damaged: it is longer than the picture. Copy it again."
            )
        return
    width, height, components = _stream_size(stream)
    if width * height > MAX_PIXELS or components > 4:
        raise UnreadableImage(
            f"The compressed pixel data is damaged: it claims {width} x {height} pixels in {components} "
            f"channel(s), the header {layout.columns} x {layout.rows}. Copy or export the file again."
        )


def _stream_size(stream: bytes) -> tuple[int, int, int]:
    """Width, height and channels that a JPEG, JPEG-LS or JPEG 2000 stream declares; zeros for another."""
    if (found := stream.find(b"\xff\x4f\xff\x51", 0, 4096)) >= 0 and len(stream) >= found + 42:
        x, y, left, top = struct.unpack_from(">4L", stream, found + 8)
        return max(0, x - left), max(0, y - top), struct.unpack_from(">H", stream, found + 40)[0]
    position = 2
    while stream[:2] == b"\xff\xd8" and position + 10 <= len(stream) and stream[position] == 0xFF:
        marker, length = stream[position + 1], int.from_bytes(stream[position + 2 : position + 4], "big")
        if marker in _SOF:
            height, width, components = struct.unpack_from(">HHB", stream, position + 5)
            return width, height, components
        position += 1 if marker == 0xFF else 2 + length
    return 0, 0, 0


_SOF = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}


def _syntax_name(uid: str) -> str:
    return str(_pydicom().uid.UID(uid).name)


# ---------------------------------------------------------------------------------------------------- display


def _functional_groups(header_: Dataset, frame: int) -> list[Dataset]:
    """Where LUTs and spacing may be: this frame's groups, the shared ones (PS3.3, C.7.6.16), the top."""
    per_frame = _items(header_, "PerFrameFunctionalGroupsSequence")
    return [*per_frame[frame : frame + 1], *_items(header_, "SharedFunctionalGroupsSequence")[:1], header_]


def _within(groups: list[Dataset], sequence: str) -> Iterator[Dataset]:
    """The macro's item in each group that has one, and the top level, where the elements lie bare."""
    for group in groups[:-1]:
        yield from _items(group, sequence)[:1]
    yield groups[-1]


def _colour(decoded: Decoded, layout: Layout, header_: Dataset) -> np.ndarray:
    """float32 (H, W, 3) in [0, 1] of colour values; no VOI applies to them (PS3.3, C.11.2)."""
    values, photometric = decoded.values, decoded.photometric
    if photometric == "PALETTE COLOR":
        values = _pydicom().pixels.apply_color_lut(values, header_)
        top = 255 if values.dtype == np.uint8 or values.max() <= 255 else 65535
    else:
        if photometric.startswith("YBR_FULL"):
            values = _pydicom().pixels.convert_color_space(values, photometric, "RGB")
        top = 2**layout.stored - 1
    pixels = values[..., :3].astype(np.float32)
    pixels *= np.float32(1 / top)
    if layout.planar == 0:
        pixels.reshape(-1, 3)[decoded.known :] = 0.0
    return np.clip(pixels, 0, 1, out=pixels)


def _gray(decoded: Decoded, layout: Layout, groups: list[Dataset], notes: list[str]) -> np.ndarray:
    """float32 (H, W) in [0, 1], bone bright, of stored values."""
    values = decoded.values
    modality = _modality_lut(groups, notes)
    padding = _padding(groups[-1])
    voi: Step = np.asarray  # one bit: nothing to window
    if layout.stored > 1:
        voi = _voi(groups, layout, notes) or _robust_window(decoded, modality, padding, notes)
    inverted = decoded.photometric == "MONOCHROME1"
    if inverted:
        notes.append("inverted MONOCHROME1")

    def shown(stored: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # float pixels may be infinite or not a number
            display = np.clip(np.nan_to_num(voi(modality(stored.astype(np.float64)))), 0.0, 1.0)
        if inverted:
            display = 1.0 - display
        if padding is not None:
            display[(stored >= padding[0]) & (stored <= padding[1])] = 0.0
        return display.astype(np.float32)

    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        # Up to 16 bits the steps run once per possible value instead of once per pixel.
        unsigned = np.dtype(f"u{values.dtype.itemsize}")
        codes = np.arange(2 ** (8 * unsigned.itemsize), dtype=unsigned).view(values.dtype)
        pixels = _looked_up(shown(codes), np.ascontiguousarray(values).view(unsigned))
    else:
        pixels = shown(values)
    pixels.reshape(-1)[decoded.known :] = 0.0
    return pixels


def _looked_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """table[codes], by bands of rows: numpy widens indices to 64 bits, which at once would cost gigabytes."""
    pixels = np.empty(codes.shape, table.dtype)
    for start in range(0, len(codes), 128):
        np.take(table, codes[start : start + 128], out=pixels[start : start + 128], mode="clip")
    return pixels


Step = Callable[[np.ndarray], np.ndarray]


def _modality_lut(groups: list[Dataset], notes: list[str]) -> Step:
    """Stored values to the modality's own (PS3.3, C.11.1): a table or slope and intercept."""
    for item in _within(groups, "PixelValueTransformationSequence"):
        if tables := _items(item, "ModalityLUTSequence"):
            table, first, _ = _lut(tables[0], groups[-1])
            notes.append("modality LUT sequence")
            return lambda values: _apply_lut(values, table, first)
        slope, intercept = _float(item, "RescaleSlope"), _float(item, "RescaleIntercept")
        if slope is not None and intercept is not None and slope != 0:
            if (slope, intercept) != (1.0, 0.0):
                notes.append(f"rescaled: {slope:g} x value {intercept:+g}")
            return lambda values: values * slope + intercept
    return np.asarray


def _voi(groups: list[Dataset], layout: Layout, notes: list[str]) -> Step | None:
    """The modality's values to [0, 1] (PS3.3, C.11.2): the VOI LUT, else the window, else None."""
    for item in _within(groups, "FrameVOILUTSequence"):
        if tables := _items(item, "VOILUTSequence"):
            table, first, bits = _lut(tables[0], groups[-1])
            notes.append("VOI LUT sequence" + _of_several(len(tables)))
            return lambda values: _apply_lut(values, table, first) / (2**bits - 1)
        centres, widths = _floats(item, "WindowCenter"), _floats(item, "WindowWidth")
        if centres and widths:
            function = _text(item, "VOILUTFunction").upper() or "LINEAR"
            if function == "LINEAR" and layout.keyword != "PixelData":
                # LINEAR counts in whole values: a float window of width 1 would be a mere threshold.
                function = "LINEAR_EXACT"
            if step := window(centres[0], widths[0], function=function):
                kind = "" if function == "LINEAR" else f", {function}"
                notes.append(f"VOI window {centres[0]:g}/{widths[0]:g}{kind}" + _of_several(len(centres)))
                return step
            notes.append(f"VOI window {centres[0]:g}/{widths[0]:g}, {function} is not valid and was ignored")
    return None


def _robust_window(decoded: Decoded, modality: Step, padding: tuple[float, float] | None, notes: list[str]) -> Step:
    """Percentiles of what is in the file and no padding, for a file that gives no VOI."""
    known = decoded.values.reshape(-1)[: decoded.known]
    sample = known[:: max(1, known.size // 1_000_000)]
    if padding is not None:
        sample = sample[(sample < padding[0]) | (sample > padding[1])]
    low, high = window_percentiles(modality(sample.astype(np.float64)))
    notes.append(f"no VOI given: shown from {low:g} to {high:g} (0.5 and 99.5 percentiles)")
    return lambda values: (values - low) / (high - low)


def _of_several(count: int) -> str:
    return f" (the first of {count})" if count > 1 else ""


def window(centre: float, width: float, *, function: str = "LINEAR") -> Step | None:
    """The VOI function to [0, 1] of PS3.3 C.11.2.1.2 and C.11.2.1.3, or None when it is not valid.

    LINEAR: (x - (c - 0.5)) / (w - 1) + 0.5, w >= 1. LINEAR_EXACT: (x - c) / w + 0.5, w > 0.
    SIGMOID: 1 / (1 + exp(-4 (x - c) / w)), w > 0. The caller clips to [0, 1].
    """
    if function == "LINEAR" and width >= 1:
        if width == 1:
            return lambda values: (values > centre - 0.5).astype(np.float64)
        return lambda values: (values - (centre - 0.5)) / (width - 1) + 0.5
    if function == "LINEAR_EXACT" and width > 0:
        return lambda values: (values - centre) / width + 0.5
    if function == "SIGMOID" and width > 0:
        return lambda values: 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)))
    return None


def _lut(item: Dataset, header_: Dataset) -> tuple[np.ndarray, int, int]:
    """A LUT's entries, the value its first entry stands for, and its bits (PS3.3, C.11.1.1.1)."""
    count, first, bits = (int(part) for part in item["LUTDescriptor"].value)
    count = count or 65536  # zero stands for 2^16
    raw = item["LUTData"].value
    if isinstance(raw, bytes):
        order = ">" if header_.original_encoding[1] is False else "<"
        table = np.frombuffer(raw, "u1" if len(raw) < 2 * count else f"{order}u2", count=min(count, len(raw)))
    else:
        table = np.asarray(raw, np.uint16)
    if table.size == 0:
        raise UnreadableImage("A lookup table of the DICOM file is empty. Export the image again.")
    depth = max(bits if 8 <= bits <= 16 else 16, int(table.max()).bit_length())
    return table.astype(np.float64), first, depth


def _apply_lut(values: np.ndarray, table: np.ndarray, first: int) -> np.ndarray:
    """Values below the first entry take it, values above the last one take that."""
    index = np.clip(np.nan_to_num(values) - first, 0, table.size - 1)
    return table[index.astype(np.intp)]


def _padding(header_: Dataset) -> tuple[float, float] | None:
    """The stored values that pad the picture to its rectangle (PS3.3, C.7.5.1.1.2), from ... to."""
    value = _float(header_, "PixelPaddingValue")
    if value is None:
        return None
    limit = _float(header_, "PixelPaddingRangeLimit")
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _spacing(groups: list[Dataset], notes: list[str]) -> tuple[float, float] | None:
    for keyword, remark in _SPACINGS.items():
        for item in _within(groups, "PixelMeasuresSequence"):
            spacing = _floats(item, keyword)
            if len(spacing) == 2 and all(isfinite(edge) and edge > 0 for edge in spacing):
                notes.append(f"spacing from {keyword}{remark}")
                return spacing[0], spacing[1]
    return None


_SPACINGS = {
    "PixelSpacing": "",
    "ImagerPixelSpacing": " (at the detector: not corrected for magnification)",
    "NominalScannedPixelSpacing": " (of the scanned film)",
}


# -------------------------------------------------------------------------------------------- tolerant values


def _value(dataset: Dataset, keyword: str) -> Any:
    """An element's value, None when it is absent or cannot be read."""
    try:
        return dataset.get(keyword)
    except Exception:  # a bad value raises on access, whatever its kind
        return None


def _text(dataset: Dataset, keyword: str) -> str:
    value = _value(dataset, keyword)
    if value is None:
        try:  # the bytes as they stand, where they are no value of their kind
            raw = dataset.get_item(keyword)
            value = raw.value.decode("ascii", "replace") if raw is not None and isinstance(raw.value, bytes) else ""
        except Exception:
            return ""
    return str(value[0] if _is_multiple(value) and len(value) else value).strip("\0 ")


def _floats(dataset: Dataset, keyword: str) -> list[float]:
    value = _value(dataset, keyword)
    if value is None or value == "":
        return []
    try:
        return [float(part) for part in (value if _is_multiple(value) else [value])]
    except (TypeError, ValueError):
        return []


def _float(dataset: Dataset, keyword: str) -> float | None:
    values = _floats(dataset, keyword)
    return values[0] if values and isfinite(values[0]) else None


def _int(dataset: Dataset, keyword: str) -> int | None:
    value = _float(dataset, keyword)
    return None if value is None else int(value)


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = _value(dataset, keyword)
    return list(value) if _is_multiple(value) else []


def _is_multiple(value: object) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__") and hasattr(value, "__getitem__")


# ------------------------------------------------------------------------------------------------- the header

MAX_SHOWN = 120
MASKED = "masked"


def header(source: Source, *, reveal: bool = False) -> list[HeaderRow]:
    """Every element of a DICOM file but its pixel data, sequences flattened; no pixels are decoded.

    Values that identify a person, a place or a time read "masked" unless ``reveal``.

    Raises:
        UnreadableImage: not a DICOM file, damaged beyond reading, empty or too large.
    """
    data = read_bytes(source)
    if not is_dicom(data):
        raise UnreadableImage(_NO_DICOM)
    header_, _, _ = _parse(data)
    return [*_rows(header_.file_meta, "", False, reveal), *_rows(header_, "", False, reveal)]


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
    if element.VR == "UI" and not _is_multiple(value):
        text = _pydicom().uid.UID(str(value)).name
    else:
        text = "\\".join(str(part) for part in value) if _is_multiple(value) else str(value)
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
        parts = element.value if _is_multiple(element.value) else [element.value]
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
    r"(?<!U)IDs?(Sequence)?$|Identif|Issuer|Names?(CodeSequence)?$|Serial|Accession|Address|Phone|Telecom|Order"
    r"|Physician|Operator|Person|Patient|Performer|Performed|Observer|Participant|Organization|Institution|Department"
    r"|Station|Location|Residence|Recipient|Requesting|Requested|Request|Scheduled|Author|Creator|Interpreter"
    r"|Reviewer|Owner|Originator|Comment|Description|Label|Notes|Reason|Diagnos|Medication|Admi(ssion|tting)"
    r"|Discharge|Episode|Timezone|Barcode|GPS|Lens|Maker|Source(Manufacturer|OfPrevious)|TreatmentSite|UniqueDevice"
    r"|UDISequence|EncapsulatedDocument|IconImage|(Context|Template).*Version|Selector.*Value|ContrastBolusAgent$"
    r"|(Study|Image|Content|AcquisitionContext|GraphicAnnotation)Sequence$|Topic|TextString|Overlay(Data|Comments)"
    r"|Instance.*Status|Timestamp|TreatmentMachine|Custodial|Verif|Verbal"
)
