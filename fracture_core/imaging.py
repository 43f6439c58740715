"""Bytes to a radiograph: one gray plane, bone bright, with the steps taken in words.

>>> radiograph = read_image("wrist.png")                     # doctest: +SKIP
>>> radiograph.pixels.dtype, radiograph.shape                # doctest: +SKIP
(dtype('float32'), (2304, 2880))

The format is told by the content, never by the file's ending. Rasters (PNG, JPEG, BMP, TIFF, WebP) are read
here, DICOM in ``fracture_core.dicom``. Whatever the bytes hold, only ``FractureError`` leaves this module.
No reader flag of Pillow is changed, so any number of threads may read at once.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fracture_core.errors import EmptyFile, FractureError, ImageTooLarge, UnreadableImage

if TYPE_CHECKING:
    from PIL import Image, ImageFile

MAX_BYTES = 200 * 1024**2
MAX_PIXELS = 100_000_000

_HELD = (bytes, bytearray, memoryview)
Source = bytes | bytearray | memoryview | str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One picture as it was read.

    Attributes:
        pixels: float32 (H, W) in [0, 1], bone bright, not writeable.
        name: the file's name as given, without folders.
        sha256: of the source bytes, hexadecimal.
        format: "PNG", "JPEG", "BMP", "TIFF", "WEBP" or "DICOM".
        spacing: (row, column) distance of neighbouring pixels' centres in mm, or None when unknown.
        notes: the steps taken, in words; one that begins "truncated:" says that a part of it is missing.
        modality: DICOM Modality (0008,0060), None for other formats.
        colourfulness: mean over the pixels of max - min of red, green and blue, in [0, 1]; 0 when gray.
        frame: which picture of the file this is, from 0.
        frames: how many pictures the file holds.
    """

    pixels: np.ndarray
    name: str
    sha256: str
    format: str
    spacing: tuple[float, float] | None
    notes: tuple[str, ...]
    modality: str | None = None
    colourfulness: float = 0.0
    frame: int = 0
    frames: int = 1

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width


@dataclass(frozen=True, eq=False)
class Plane:
    """What a decoder hands back: float32 (H, W) or (H, W, 3) in [0, 1], and what is known of it."""

    pixels: np.ndarray
    notes: tuple[str, ...] = ()
    spacing: tuple[float, float] | None = None
    modality: str | None = None
    frame: int = 0
    frames: int = 1


def read_image(source: Source, *, name: str | None = None, frame: int | None = None) -> Radiograph:
    """Read a radiograph from a file's bytes or its path.

    Args:
        source: the bytes of a file, or a path.
        name: what to call it; the path's last part by default.
        frame: which picture of a file that holds several, from 0. By default the first one, of a DICOM series
            of frames the middle one.

    Raises:
        UnreadableImage: or one of its children (``EmptyFile``, ``ImageTooLarge``, ``NoPixelData``,
            ``UnsupportedSyntax``), with a sentence that names the trouble and the remedy. Nothing else.
    """
    data = read_bytes(source)
    if name is None:
        name = "" if isinstance(source, _HELD) else os.fspath(source)
    format_ = sniff(data)
    try:
        plane = _decode(data, format_, frame)
        pixels, colourfulness = to_gray(plane.pixels)
    except FractureError:
        raise
    except MemoryError as error:
        raise ImageTooLarge("The picture does not fit in the memory that is free. Crop or downscale it.") from error
    except Exception as error:  # decoders of damaged bytes raise anything
        raise UnreadableImage(
            f"The {format_} file is damaged or of a rare kind and cannot be opened. "
            "Save it again as PNG, or open another copy."
        ) from error
    pixels.flags.writeable = False
    return Radiograph(
        pixels=pixels,
        name=_base_name(name),
        sha256=hashlib.sha256(data).hexdigest(),
        format=format_,
        spacing=plane.spacing,
        notes=plane.notes,
        modality=plane.modality,
        colourfulness=colourfulness,
        frame=plane.frame,
        frames=plane.frames,
    )


def read_bytes(source: Source) -> bytes:
    """The file's bytes, read once; a child of ``UnreadableImage`` says why they cannot be had."""
    data = bytes(source) if isinstance(source, _HELD) else _read_path(Path(source))
    if not data:
        raise EmptyFile("The file is empty (0 bytes). Export or copy it again.")
    _refuse_large(len(data))
    return data


def sniff(data: bytes) -> str:
    """The format the bytes hold, by content alone; ``UnreadableImage`` when it is none that is read."""
    from fracture_core import dicom  # at call time: dicom builds on this module

    if data[128:132] == b"DICM":  # first: a DICOM file's preamble may hold another format's signature
        return "DICOM"
    for format_, pattern in _SIGNATURES.items():
        if pattern.match(data):
            return format_
    if dicom.is_dicom(data):
        return "DICOM"
    for kind, pattern in _STRANGERS.items():
        if pattern.match(data):
            raise UnreadableImage(f"This is {kind}, not a radiograph that can be opened. {_REMEDY}")
    raise UnreadableImage(f"This is not an image, whatever its file name says. {_REMEDY}")


def to_gray(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Gray (H, W) and colourfulness of a plane (H, W) or (H, W, 3), all in [0, 1].

    Luma weights of ITU-R BT.601; a gray picture stored as colour keeps its values exactly.
    """
    if pixels.ndim == 2:
        return pixels, 0.0
    red, green, blue = (pixels[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue)
    spread -= np.minimum(np.minimum(red, green), blue)
    colourfulness = float(spread.mean(dtype=np.float64))
    if colourfulness == 0.0:
        return np.ascontiguousarray(red), 0.0
    gray = red * np.float32(0.299)
    gray += green * np.float32(0.587)
    gray += blue * np.float32(0.114)
    return np.clip(gray, 0.0, 1.0, out=gray), colourfulness


def check_size(width: int, height: int) -> None:
    """Raise before a picture is decoded that holds no pixels or too many."""
    if width <= 0 or height <= 0:
        raise EmptyFile(f"The picture has no pixels ({width} x {height}). Export it again.")
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} megapixels "
            "that are opened. Crop or downscale it."
        )


def choose_frame(frame: int | None, *, frames: int, default: int) -> int:
    """The frame asked for, or ``default``; ``UnreadableImage`` when the file has no such frame."""
    if frame is None:
        return default
    if not 0 <= frame < frames:
        raise UnreadableImage(
            f"Frame {frame} does not exist: the file has {frames} (0 to {frames - 1})."
            if frames > 1
            else f"Frame {frame} does not exist: the file has a single picture, frame 0."
        )
    return frame


def window_percentiles(values: np.ndarray) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile of some values, apart from each other; a window where none is given."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.reshape(-1)
    if finite.size == 0:
        return 0.0, 1.0
    # A million values estimate the percentiles as well as all of them, and much faster.
    sample = finite[:: max(1, finite.size // 1_000_000)]
    low, high = (float(edge) for edge in np.percentile(sample, (0.5, 99.5)))  # ours
    if not high > low:
        low, high = float(finite.min()), float(finite.max())
    return low, high if high > low else low + 1.0


# ------------------------------------------------------------------------------------------------- the source

_REMEDY = "Open a PNG, JPEG, BMP, TIFF, WebP or DICOM file."

_SIGNATURES = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "TIFF": re.compile(rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "BMP": re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL),
}

_STRANGERS = {
    "a GIF picture": re.compile(rb"GIF8[79]a"),
    "a PDF document": re.compile(rb"%PDF-"),
    "a ZIP archive or an Office document": re.compile(rb"PK\x03\x04"),
    "a gzip archive": re.compile(rb"\x1f\x8b"),
    "a bare JPEG 2000 picture": re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    "a HEIF or AVIF picture": re.compile(rb"....ftyp(?:hei|hev|mif|avi)", re.DOTALL),
    "a web page or XML text": re.compile(rb"\s*<(?:!DOCTYPE|html|\?xml|svg)", re.IGNORECASE),
    "an HDF5 file": re.compile(rb"\x89HDF\r\n"),
    "a NIfTI volume": re.compile(rb"\x5c\x01\x00\x00.{340}n[+i]1\x00", re.DOTALL),
}


def _read_path(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableImage(f"'{path.name}' is a folder. Choose a file in it.")
        if path.exists() and not path.is_file():
            raise UnreadableImage(f"'{path.name}' is not an ordinary file. Choose an image file.")
        with path.open("rb") as file:
            _refuse_large(os.fstat(file.fileno()).st_size)
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableImage(f"There is no file '{path.name}' at that place. Check the path.") from error
    except PermissionError as error:
        raise UnreadableImage(f"The file '{path.name}' may not be read. Ask for the right to read it.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise UnreadableImage(f"The file '{path.name}' cannot be read from its disk. Copy it again.") from error


def _refuse_large(size: int) -> None:
    if size > MAX_BYTES:
        raise ImageTooLarge(
            f"The file has {size / 1024**2:.0f} MB, more than the {MAX_BYTES // 1024**2} MB that are opened. "
            "Export the single picture, or compress it."
        )


def _base_name(name: str) -> str:
    """The last part of a path of any system (a browser on Windows may send backslashes)."""
    return re.split(r"[/\\]", name)[-1]


def _decode(data: bytes, format_: str, frame: int | None) -> Plane:
    if format_ == "DICOM":
        from fracture_core import dicom

        return dicom.decode(data, frame=frame)
    return decode_raster(data, format_, frame=frame)


# ---------------------------------------------------------------------------------------------------- rasters


def decode_raster(data: bytes, format_: str, *, frame: int | None = None) -> Plane:
    """Decode a PNG, JPEG, BMP, TIFF or WebP, as far as it goes when its end is missing."""
    notes = _missing_end(data, format_)
    if notes and format_ == "JPEG":
        # With its end marker libjpeg fills in what is missing instead of waiting for more.
        data += b"\xff\xd9"
    try:
        image = _open(data, format_)
    except SyntaxError as error:
        if str(error) != "unknown pixel mode":
            raise
        return Plane(pixels=_rare_tiff(data, notes), notes=tuple(notes))
    check_size(*image.size)
    frames = _count_frames(image)
    chosen = choose_frame(frame, frames=frames, default=0)
    if chosen:
        image.seek(chosen)
        check_size(*image.size)
    if frames > 1:
        notes.append(f"frame {chosen} of {frames} (counted from 0)")
    orientation = _orientation(image)
    pixels = _full_depth(data, image, format_, chosen, notes)
    by_pillow = pixels is None
    if pixels is None:
        # Of 1 to 8 bits Pillow inverts them itself.
        white_is_zero = format_ == "TIFF" and image.mode[0] in "IF" and _tiff_tag(image, 262) == 0
        notes += [note for note in _load(image) if not notes or not notes[0].startswith("truncated:")]
        pixels = _as_float(image, notes)
        if white_is_zero:
            pixels = _inverted(pixels, notes)
    if orientation != 1:
        already = by_pillow and format_ == "TIFF"  # Pillow turns these itself
        pixels = _turned(pixels, orientation, notes, already=already)
    return Plane(pixels=pixels, notes=tuple(notes), frame=chosen, frames=frames)


def _open(data: bytes, format_: str) -> ImageFile.ImageFile:
    """Pillow's reader of that one format, without the global limits and the guessing of ``Image.open``."""
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    class TiffImageFile(TiffImagePlugin.TiffImageFile):
        def _setup(self) -> None:
            if self.tag_v2.get(277, 1) == 1:  # SamplesPerPixel: a single plane, whose depth and
                self.tag_v2[284] = 1  # inversion Pillow forgets where PlanarConfiguration speaks of planes
            super()._setup()

    quieten()
    readers: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "TIFF": TiffImageFile,
        "WEBP": WebPImagePlugin.WebPImageFile,
    }
    return readers[format_](io.BytesIO(data))


def _count_frames(image: ImageFile.ImageFile) -> int:
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # a damaged second page is no reason to refuse the first
        return 1


def _load(image: ImageFile.ImageFile) -> list[str]:
    """Decode; what was decoded before a missing or damaged end stays, the rest is black."""
    try:
        image.load()
    except (OSError, SyntaxError, struct.error, IndexError):
        if image._im is None:
            raise
        image.tile = []  # nothing is left to decode: the rows read so far are the picture
        image.load()
        if image.getbbox() is None:  # all zero
            raise
        return ["truncated: a part of the picture is missing or damaged, what could not be read is black"]
    return []


def _missing_end(data: bytes, format_: str) -> list[str]:
    """A note when the end of a JPEG or PNG is missing; bytes after the end are no trouble."""
    if format_ == "JPEG" and _jpeg_is_cut(data):
        return ["truncated: the end of the JPEG file is missing, what could not be read is filled in"]
    if format_ == "PNG" and _png_is_cut(data):
        return ["truncated: the end of the PNG file is missing, what could not be read is black"]
    return []


_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def _jpeg_is_cut(data: bytes) -> bool:
    """Whether the picture's own end marker is missing (thumbnails' lie in segments, which are skipped)."""
    position = 2
    while found := _JPEG_MARKER.search(data, position):
        if data[found.start() + 1] == 0xD9:
            return False
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return True


def _png_is_cut(data: bytes) -> bool:
    position = 8
    while position + 8 <= len(data):
        if data[position + 4 : position + 8] == b"IEND":
            return False
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return True


def _rare_tiff(data: bytes, notes: list[str]) -> np.ndarray:
    """The first page of a TIFF that Pillow does not read, bone bright and upright.

    16-bit colour, 32-bit unsigned, 64-bit float, and 16-bit WhiteIsZero whose bytes lie the other way round.
    """
    from PIL import TiffImagePlugin

    stream = io.BytesIO(data)
    directory = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
    stream.seek(directory.next)
    directory.load(stream)
    check_size(int(directory[256]), int(directory[257]))  # ImageWidth, ImageLength
    pixels = _tiff_page(data, 0, directory, notes)
    orientation = directory.get(274)
    return _turned(pixels, orientation, notes) if orientation in _ORIENT else pixels


def _tiff_page(data: bytes, page: int, tags: Mapping[int, Any], notes: list[str]) -> np.ndarray:
    """One page of a TIFF in full depth, bone bright, as it lies in the file: not turned upright."""
    import imagecodecs  # only what Pillow does not read in full needs it

    photometric = tags.get(262)  # PhotometricInterpretation
    if photometric in (3, 5, 6, 8):
        raise ValueError("samples of a palette, of CMYK, YCbCr or Lab are no gray and no red, green and blue")
    values = np.asarray(imagecodecs.tiff_decode(data, index=page))
    if tags.get(284) == 2 and values.ndim == 3:  # PlanarConfiguration: one plane of the picture after the other
        values = np.moveaxis(values, 0, -1)
    if values.shape[:2] != (tags[257], tags[256]):  # ImageLength, ImageWidth
        raise ValueError("not one picture of the size that is told")
    values = values.reshape(*values.shape[:2], -1)
    # ExtraSamples: 1 is an alpha that the colours are multiplied by already, 2 one that they are not.
    alpha = tags.get(338, (2,) if photometric == 2 else ())[:1] == (2,)
    return _of_samples(values, notes, alpha=alpha, white_is_zero=photometric == 0)


def _of_samples(
    values: np.ndarray, notes: list[str], *, alpha: bool = True, white_is_zero: bool = False
) -> np.ndarray:
    """float32 (H, W) or (H, W, 3) in [0, 1] of (H, W, samples): gray or red, green and blue, perhaps an alpha."""
    colours = 3 if values.shape[2] >= 3 else 1
    shown = values[..., :3] if colours == 3 else values[..., 0]
    if values.dtype == np.uint8:
        pixels = _scaled(shown, 255)
    elif values.dtype == np.uint16:
        pixels = _wide(shown, notes)
    else:
        pixels = _unscaled(shown, notes)
    if white_is_zero:
        pixels = _inverted(pixels, notes)
    if alpha and values.shape[2] > colours and values.dtype.kind == "u":
        pixels = _over_black(pixels, values[..., colours], notes)
    return pixels


def _full_depth(
    data: bytes, image: ImageFile.ImageFile, format_: str, page: int, notes: list[str]
) -> np.ndarray | None:
    """More than 8 bits as imagecodecs reads them, not turned upright; None for Pillow to read the picture.

    Pillow keeps 8 bits of a colour's 16. Of a TIFF it misreads planes of 16 bits, swaps the bytes of compressed
    big-endian numbers twice, and stumbles over 8-bit gray with an alpha in planes or multiplied by it.
    """
    if format_ == "TIFF":
        planes = _tiff_tag(image, 284) == 2 and _tiff_tag(image, 259) not in (6, 7)  # those of JPEG are Pillow's
        deep = _tiff_is_deep(image) or planes or image.mode == "La"
    else:
        # Bit depth 16; colour type RGB, gray with alpha, or RGB with alpha.
        deep = format_ == "PNG" and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06") and page == 0
    if not deep:
        return None
    try:
        if format_ == "TIFF":
            return _tiff_page(data, page, image.tag_v2, notes)  # type: ignore[attr-defined]
        import imagecodecs

        return _of_samples(np.asarray(imagecodecs.png_decode(data)), notes)
    except Exception:  # cut or damaged, or no such package: what Pillow reads of it, where it reads it right
        if format_ == "TIFF" and _misread(image):
            raise
        return None


def _misread(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow takes the planes of a deep TIFF for 8 bits, or swaps its bytes twice."""
    if _tiff_tag(image, 259, 1) == 1:  # uncompressed
        return bool(_tiff_tag(image, 284) == 2) and _tiff_is_deep(image)
    return image.mode in ("I", "F") and image.tag_v2.prefix == b"MM"  # type: ignore[attr-defined]


def _tiff_is_deep(image: ImageFile.ImageFile) -> bool:
    return bool(_tiff_tag(image, 258, (1,))[0] > 8)  # BitsPerSample: of each channel, or once for all


def _tiff_tag(image: Image.Image, tag: int, default: object = None) -> Any:
    return image.tag_v2.get(tag, default)  # type: ignore[attr-defined]


_ORIENT = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}


def _turned(pixels: np.ndarray, orientation: int, notes: list[str], *, already: bool = False) -> np.ndarray:
    notes.append("turned upright as its EXIF orientation says")
    return pixels if already else np.ascontiguousarray(_ORIENT[orientation](pixels))


def _inverted(pixels: np.ndarray, notes: list[str]) -> np.ndarray:
    notes.append("inverted WhiteIsZero")
    return 1 - pixels


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a damaged EXIF block is no reason to refuse the picture
        return 1
    return value if value in _ORIENT else 1


def _as_float(image: Image.Image, notes: list[str]) -> np.ndarray:
    """float32 (H, W) or (H, W, 3) in [0, 1] of a loaded picture of any mode."""
    if image.mode == "1":
        return np.asarray(image).astype(np.float32)
    if image.mode == "L" and "transparency" not in image.info:
        return _scaled(np.asarray(image), 255)
    if image.mode.startswith("I;16"):
        return _wide(np.asarray(image), notes)
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        if image.format == "TIFF" and _tiff_tag(image, 258) == (32,) and _tiff_tag(image, 339, (1,)) == (1,):
            values = values.view(np.uint32)  # which Pillow takes for signed
        return _unscaled(values, notes)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return _over_black(_scaled(rgba[..., :3], 255), rgba[..., 3], notes)
    if image.mode != "RGB":
        notes.append(f"converted from {_MODE_WORDS.get(image.mode, image.mode)} to RGB")
        image = image.convert("RGB")
    return _scaled(np.asarray(image), 255)


_MODE_WORDS = {"P": "palette colours", "CMYK": "CMYK", "YCbCr": "YCbCr", "LAB": "Lab"}


def _scaled(values: np.ndarray, top: int) -> np.ndarray:
    pixels = values.astype(np.float32)
    pixels *= np.float32(1 / top)
    return np.minimum(pixels, 1, out=pixels)


def _wide(values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Sixteen-bit values; a detector's 10 to 15 bits in them would else come out nearly black."""
    bits = max(8, int(values.max()).bit_length())
    if bits < 16:
        notes.append(f"16-bit values use {bits} bits: scaled by {2**bits - 1}")
    return _scaled(values, 2**bits - 1)


def _unscaled(values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Float or 32-bit values: [0, 1] as it is, any other range by its percentiles."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.reshape(-1)
    if values.dtype.kind == "f" and finite.size and finite.min() >= 0 and 0 < finite.max() <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = window_percentiles(finite)
        notes.append(f"no display range given: shown from {low:g} to {high:g} (0.5 and 99.5 percentiles)")
    with np.errstate(all="ignore"):  # infinite and not-a-number pixels
        pixels = ((values - low) / (high - low)).astype(np.float32)
    return np.clip(np.nan_to_num(pixels), 0, 1)


def _over_black(pixels: np.ndarray, alpha: np.ndarray, notes: list[str]) -> np.ndarray:
    """Transparent parts become black, the film's own background; white would look like bone."""
    opaque = np.iinfo(alpha.dtype).max
    if alpha.min() == opaque:
        return pixels
    if alpha.max() == 0:
        notes.append("transparency ignored: the whole picture is transparent")
        return pixels
    notes.append("transparent parts shown on black")
    shares = _scaled(alpha, opaque)
    return pixels * (shares if pixels.ndim == 2 else shares[..., None])


# ---------------------------------------------------------------------------------------------- quiet readers


def quieten() -> None:
    """Keep Pillow's and pydicom's remarks on odd files off the console; the notes say what matters.

    A narrow filter, put in once, and not ``warnings.catch_warnings``: that swaps the filters of all threads.
    """
    if _HUSH not in warnings.filters:
        warnings.filterwarnings("ignore", module=_HUSH_MODULES)


_HUSH_MODULES = r"(PIL|pydicom|pylibjpeg|openjpeg|jpeg_ls)(\.|$)"
_HUSH = ("ignore", None, Warning, re.compile(_HUSH_MODULES), 0)
