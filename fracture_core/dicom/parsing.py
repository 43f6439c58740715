"""A file's bytes, whole or damaged, to its header and the place of its pixel data."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fracture_core.dicom.elements import int_of, quiet_pydicom, text_of
from fracture_core.dicom.uids import DEFLATED, EXPLICIT_LITTLE, STANDARD_ROOT
from fracture_core.errors import ImageTooLarge, UnreadableImage
from fracture_core.imaging import MAX_BYTES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class PixelElement:
    """Where the pixel data lies: ``data[start:end]``; ``missing`` when the file ends before the element."""

    keyword: str
    vr: str
    start: int
    end: int
    encapsulated: bool
    missing: bool


def is_dicom(data: bytes) -> bool:
    """Whether bytes are a DICOM file, by content: its mark after the preamble, or what only DICOM has."""
    start = _dataset_start(data)
    if start is None:
        return False
    if start:
        return True
    try:
        header, _, _ = parse(data)
        class_uid = text_of(header, "SOPClassUID") or text_of(header.file_meta, "MediaStorageSOPClassUID")
        return class_uid.startswith(STANDARD_ROOT) or bool(int_of(header, "Rows") and int_of(header, "Columns"))
    except Exception:  # arbitrary bytes make the parser raise anything: no DICOM then
        return False


NO_DICOM = "This is not a DICOM file: it has no DICOM header. Open the original file."

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


def parse(data: bytes) -> tuple[Dataset, bytes, PixelElement | None]:
    """The header, the bytes it was read from (inflated if need be), and where in them the pixel data lies."""
    pydicom = quiet_pydicom()
    start = _dataset_start(data)
    if start is None:
        raise UnreadableImage(NO_DICOM)
    if start == 4:
        data = bytes(128) + data
    data = _inflated(data, 132 if start else 0)
    stream = io.BytesIO(data)
    try:
        header = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
    except Exception as error:  # a damaged element makes the parser raise anything
        raise UnreadableImage(
            "The DICOM header is damaged and cannot be read. Export the image again from its archive."
        ) from error
    return header, data, _find_pixels(header, data, stream.tell())


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


def _find_pixels(header: Dataset, data: bytes, position: int) -> PixelElement | None:
    """The pixel data element at a position of the file, where reading the header stopped."""
    order: Literal["little", "big"] = "big" if header.original_encoding[1] is False else "little"

    def number(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], order)

    keyword = _PIXEL_KEYWORDS.get(number(position + 2, 2))
    if len(data) - position < 8 or number(position, 2) != 0x7FE0 or keyword is None:
        return None
    vr = data[position + 4 : position + 6]
    if vr in _LONG_VRS:
        start, length = position + 12, number(position + 8, 4)
    elif vr.isalpha() and vr.isupper() and not header.original_encoding[0]:
        start, length = position + 8, number(position + 6, 2)
    else:
        start, length, vr = position + 8, number(position + 4, 4), b"OW"
    encapsulated = length == 0xFFFFFFFF
    end = len(data) if encapsulated else min(start + length, len(data))
    missing = not encapsulated and start + length > len(data)
    return PixelElement(keyword, vr.decode("ascii"), start, end, encapsulated, missing)
