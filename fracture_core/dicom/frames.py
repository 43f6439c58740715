"""One frame's stored values, uncompressed or out of its code stream, and how much of it the file holds."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.dicom.codestreams import (
    CODECS,
    END_OF_IMAGE,
    by_imagecodecs,
    by_pydicom,
    guess_syntax,
    mended,
    refuse_bombs,
)
from fracture_core.dicom.elements import quiet_pydicom, value_of
from fracture_core.dicom.layout import Layout, decoder_options
from fracture_core.dicom.parsing import PixelElement
from fracture_core.dicom.uids import NATIVE, RLE, is_compressed, uid_name
from fracture_core.errors import UnreadableImage, UnsupportedSyntax
from fracture_core.imaging import check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Decoded:
    """One frame's stored values (rows, columns) or (rows, columns, 3).

    ``photometric`` holds after decoding; the first ``known`` pixels, row by row, were in the file.
    """

    values: np.ndarray
    photometric: str
    known: int
    notes: tuple[str, ...] = ()


class FrameMissing(UnreadableImage):
    """The file ends before the frame."""


def native_frame(data: bytes, element: PixelElement, layout: Layout, frame: int, header: Dataset) -> Decoded:
    """Uncompressed values of one frame, zeros where the file ends too early."""
    if is_compressed(layout.syntax):
        raise UnreadableImage(
            f"The header says {uid_name(layout.syntax)}, but the pixel data is not compressed. "
            "Export the image again."
        )
    if layout.syntax not in NATIVE:
        raise _unsupported(layout.syntax)
    known = layout.rows * layout.columns
    notes: list[str] = []
    needed = ceil(layout.frame_bits * (frame + 1) / 8)
    end = min(element.end, element.start + needed + needed % 2)
    source: memoryview | bytes = memoryview(data)[element.start : end]
    if len(source) < needed:
        frame_bytes = ceil(layout.frame_bits / 8)
        there = len(source) - (needed - frame_bytes)
        if there * 100 < frame_bytes:  # less than a hundredth is no picture
            raise FrameMissing("The file is truncated: this picture's pixels are missing. Copy it again.")
        share = there / frame_bytes
        known = int(known * share)
        notes.append(f"truncated: only {share:.1%} of the picture is in the file, the rest is black")
        source = bytes(source) + bytes(needed - len(source) + needed % 2)
    decoder = quiet_pydicom().pixels.get_decoder(layout.syntax)
    options = decoder_options(layout, element) | {"number_of_frames": frame + 1}
    values, properties = decoder.as_array(source, index=frame, **options)
    values = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    values = _shifted_down(values, layout, notes)
    return Decoded(values, str(properties["photometric_interpretation"]), known, tuple(notes))


def _shifted_down(values: np.ndarray, layout: Layout, notes: list[str]) -> np.ndarray:
    """Values out of the upper bits of their cells, with their signs."""
    if layout.shift == 0:
        return values
    high = layout.stored + layout.shift - 1
    notes.append(f"values in bits {layout.shift} to {high} of {layout.allocated}: shifted down by {layout.shift}")
    return values >> layout.shift


def encapsulated_frame(data: bytes, element: PixelElement, layout: Layout, frame: int, header: Dataset) -> Decoded:
    """Values of one compressed frame: by pydicom's plug-ins, or by imagecodecs where they refuse."""
    if is_compressed(layout.syntax) and layout.syntax not in CODECS:
        raise _unsupported(layout.syntax)
    stream, cut = _frame_stream(data, element, layout, frame, header)
    syntax = layout.syntax if is_compressed(layout.syntax) else guess_syntax(stream)
    refuse_bombs(stream, syntax, layout)
    if syntax != RLE:  # which packs whole cells (PS3.5, G.2); all others code the values alone, wherever they lay
        layout = replace(layout, shift=0)
    notes: list[str] = []
    if cut:
        notes.append("truncated: the end of the compressed picture is missing, what could not be read is filled in")
        stream = mended(stream)
    try:
        values, photometric = by_pydicom(stream, syntax, layout, element)
    except Exception:  # each plug-in raises its own kinds
        try:
            values, photometric = by_imagecodecs(stream, syntax, layout)
        except Exception as error:
            raise UnreadableImage(
                f"The compressed pixel data ({uid_name(syntax)}) is {'truncated' if cut else 'damaged'} "
                "and cannot be decoded. Copy the file again, or export it uncompressed."
            ) from error
    if values.shape[:2] != (layout.rows, layout.columns):
        check_size(values.shape[1], values.shape[0])
        notes.append("the header's Rows and Columns contradict the picture: the picture's own size is used")
    values = _shifted_down(values, layout, notes)
    return Decoded(values, photometric, values.shape[0] * values.shape[1], tuple(notes))


def _unsupported(syntax: str) -> UnsupportedSyntax:
    return UnsupportedSyntax(
        f"The transfer syntax '{uid_name(syntax)}' cannot be decoded. Export the image uncompressed "
        "(Explicit VR Little Endian) or as JPEG 2000."
    )


def _frame_stream(
    data: bytes, element: PixelElement, layout: Layout, frame: int, header: Dataset
) -> tuple[bytes, bool]:
    """The code stream of one frame, and whether its end is missing."""
    fragments, cut = _fragments(data, element.start)
    if layout.frames == 1:
        stream = b"".join(fragments[1:])
    elif len(fragments) - 1 == layout.frames or (cut and frame + 1 < len(fragments)):
        stream = bytes(fragments[frame + 1])  # one fragment for one frame
    else:
        stream = _fragmented_frame(fragments, layout, frame, header)
    if not stream:
        raise FrameMissing(
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


def _fragmented_frame(fragments: list[memoryview], layout: Layout, frame: int, header: Dataset) -> bytes:
    """A frame that may lie in several fragments, found by the offset table or by markers; empty if it is not."""
    from pydicom.encaps import get_frame

    items = b"".join(_ITEM + struct.pack("<L", len(fragment)) + fragment for fragment in fragments)
    offsets = (value_of(header, "ExtendedOffsetTable"), value_of(header, "ExtendedOffsetTableLengths"))
    extended = offsets if None not in offsets else None
    try:
        return bytes(get_frame(items, frame, number_of_frames=layout.frames, extended_offsets=extended))
    except Exception:  # fewer fragments than frames, or offsets beyond them
        return b""
