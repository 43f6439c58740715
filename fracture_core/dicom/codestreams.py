"""One compressed frame's code stream to its values: by pydicom's plug-ins, by imagecodecs, or by hand (RLE)."""

from __future__ import annotations

import re
import struct
from math import ceil

import numpy as np

from fracture_core.dicom.elements import quiet_pydicom
from fracture_core.dicom.layout import Layout, decoder_options
from fracture_core.dicom.parsing import PixelElement
from fracture_core.dicom.uids import COMPRESSED_ROOT, RLE
from fracture_core.errors import UnreadableImage
from fracture_core.imaging import MAX_BYTES, MAX_PIXELS

END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike


def mended(stream: bytes) -> bytes:
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


def guess_syntax(stream: bytes) -> str:
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


def by_pydicom(stream: bytes, syntax: str, layout: Layout, element: PixelElement) -> tuple[np.ndarray, str]:
    from pydicom.encaps import encapsulate

    decoder = quiet_pydicom().pixels.get_decoder(syntax)
    available = decoder.available_plugins
    plugin = next(name for name in _PLUGINS if name in available)
    values, properties = decoder.as_array(
        encapsulate([stream], has_bot=False),
        index=0,
        decoding_plugin=plugin,
        **decoder_options(layout, element) | {"number_of_frames": 1},
    )
    return values, str(properties["photometric_interpretation"])


def by_imagecodecs(stream: bytes, syntax: str, layout: Layout) -> tuple[np.ndarray, str]:
    """What is left: 12-bit, progressive and lossless JPEG, HTJ2K, JPEG XL, 1-bit or damaged RLE."""
    codec = CODECS[syntax]
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


CODECS = {RLE: "rle"} | {
    f"{COMPRESSED_ROOT}{number}": codec
    for codec, numbers in {
        "jpeg8": (50, 51, 53, 55, 57, 70),
        "jpegls": (80, 81),
        "jpeg2k": (90, 91, 201, 202, 203),  # OpenJPEG reads HTJ2K too; OpenJPH lets damage pass
        "jpegxl": (110, 111, 112),
    }.items()
    for number in numbers
}


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


def refuse_bombs(stream: bytes, syntax: str, layout: Layout) -> None:
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
