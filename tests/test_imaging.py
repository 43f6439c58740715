"""Rasters: every format and depth, truncated and damaged files, refusals in words."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from fracture_core import imaging
from fracture_core.errors import EmptyFile, FractureError, ImageTooLarge, UnreadableImage
from fracture_core.imaging import read_image

DATA = os.environ.get("FRACTURE_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set FRACTURE_DATA to the folder of real data")


def ramp(height: int = 40, width: int = 60, *, top: int = 255, dtype: str = "u1") -> np.ndarray:
    """A smooth picture that differs in every direction."""
    rows, columns = np.mgrid[:height, :width]
    return ((rows * width + columns * 3) / (height * width + width * 3) * top).astype(dtype)


def encoded(image: Image.Image | np.ndarray, format_: str, **options: object) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    picture.save(stream, format_, **options)
    return stream.getvalue()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    """Values that compress badly, so that a cut file ends within the pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# ----------------------------------------------------------------------------------------------- the contract


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_every_format_gives_the_same_picture(format_: str) -> None:
    gray = ramp()
    options = {"lossless": True} if format_ == "WEBP" else {"quality": 100} if format_ == "JPEG" else {}
    data = encoded(gray, format_, **options)
    radiograph = read_image(data, name="wrist.xyz")
    assert radiograph.format == format_
    assert radiograph.name == "wrist.xyz"
    assert radiograph.sha256 == hashlib.sha256(data).hexdigest()
    assert radiograph.pixels.dtype == np.float32
    assert not radiograph.pixels.flags.writeable
    assert radiograph.shape == (radiograph.height, radiograph.width) == gray.shape
    assert (radiograph.frame, radiograph.frames, radiograph.spacing, radiograph.modality) == (
        0,
        1,
        None,
        None,
    )
    assert radiograph.colourfulness == 0.0
    assert not [note for note in radiograph.notes if note.startswith("truncated")]
    assert np.abs(radiograph.pixels * 255 - gray).max() <= (2 if format_ == "JPEG" else 1e-3)


def test_path_and_bytes_agree_whatever_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "folder with ü" / "really_a_png.jpg"
    path.parent.mkdir()
    path.write_bytes(encoded(ramp(), "PNG"))
    by_path, by_bytes = read_image(path), read_image(path.read_bytes(), name=r"C:\films\wrist.png")
    assert by_path.format == "PNG"
    assert by_path.name == "really_a_png.jpg"
    assert by_bytes.name == "wrist.png"
    assert by_path.sha256 == by_bytes.sha256
    assert np.array_equal(by_path.pixels, by_bytes.pixels)
    assert read_image(str(path)).name == "really_a_png.jpg"


# ------------------------------------------------------------------------------------------- depths and modes


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_depth(format_: str) -> None:
    deep = ramp(top=65535, dtype="u2")
    radiograph = read_image(encoded(deep, format_))
    assert np.allclose(radiograph.pixels, deep / 65535, atol=1e-6)
    assert radiograph.notes == ()


def test_a_detectors_twelve_bits_in_sixteen_are_not_shown_black() -> None:
    deep = ramp(top=4095, dtype="u2")
    radiograph = read_image(encoded(deep, "PNG"))
    assert np.allclose(radiograph.pixels, deep / 4095, atol=1e-6)
    assert radiograph.notes == ("16-bit values use 12 bits: scaled by 4095",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF in planes"])
@pytest.mark.parametrize("samples", [2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_a_detectors_bits_are_told_of_every_kind_of_colour_and_not_of_its_alpha(
    kind: str, samples: int, bits: int
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    top = 2**bits - 1
    gray = ramp(top=top, dtype="u2")
    gray[-1, -1] = top
    alpha = np.full_like(gray, 65535)
    alpha[:, :20] = 0
    values = np.dstack([*[gray] * (3 if samples > 2 else 1), alpha][:samples])
    planes = kind == "TIFF in planes"
    data = imagecodecs.png_encode(values) if kind == "PNG" else _tiff_samples(values, planes=planes)
    radiograph = read_image(data)
    expected = gray / top * (alpha > 0 if samples != 3 else 1)
    assert np.allclose(radiograph.pixels, expected, atol=1e-6)
    notes = [f"16-bit values use {bits} bits: scaled by {top}"] if bits < 16 else []
    notes += ["transparent parts shown on black"] if samples != 3 else []
    assert list(radiograph.notes) == notes
    assert radiograph.colourfulness == 0


@pytest.mark.parametrize("bits", [8, 16])
def test_colour_becomes_luma_and_is_measured(bits: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    top = 2**bits - 1
    colour = np.zeros((6, 8, 3), f"u{bits // 8}")
    colour[..., 0], colour[..., 1], colour[..., 2] = top, top // 3, 0
    radiograph = read_image(imagecodecs.png_encode(colour))
    shares = colour[0, 0] / top
    assert np.allclose(radiograph.pixels, shares @ [0.299, 0.587, 0.114], atol=1e-5)
    assert radiograph.colourfulness == pytest.approx(1.0)


def test_gray_stored_as_colour_is_exactly_gray() -> None:
    gray = ramp()
    radiograph = read_image(encoded(np.dstack([gray] * 3), "PNG"))
    assert np.array_equal(radiograph.pixels, read_image(encoded(gray, "PNG")).pixels)
    assert radiograph.colourfulness == 0.0


def test_one_bit_and_palette() -> None:
    mask = ramp() > 127
    assert np.array_equal(read_image(encoded(Image.fromarray(mask), "PNG")).pixels, mask.astype(np.float32))
    palette = Image.fromarray(ramp()).convert("P", palette=Image.Palette.ADAPTIVE)
    radiograph = read_image(encoded(palette, "PNG"))
    assert np.allclose(radiograph.pixels * 255, np.asarray(palette.convert("L")), atol=1.5)
    assert "palette colours" in radiograph.notes[0]


def test_transparent_parts_are_black_like_film() -> None:
    rgba = np.dstack([np.full((4, 6, 3), 200, np.uint8), np.full((4, 6), 255, np.uint8)])
    rgba[:, :3, 3] = 0
    radiograph = read_image(encoded(rgba, "PNG"))
    assert np.all(radiograph.pixels[:, :3] == 0)
    assert np.allclose(radiograph.pixels[:, 3:], 200 / 255)
    assert radiograph.notes == ("transparent parts shown on black",)


def test_a_wholly_transparent_picture_still_shows_its_colours() -> None:
    radiograph = read_image(encoded(Image.merge("LA", [Image.new("L", (4, 4), 90), Image.new("L", (4, 4))]), "PNG"))
    assert np.allclose(radiograph.pixels, 90 / 255)


def test_cmyk_jpeg() -> None:
    radiograph = read_image(encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 128)), "JPEG"))
    assert np.allclose(radiograph.pixels, 127 / 255, atol=0.02)
    assert "converted from CMYK to RGB" in radiograph.notes


@pytest.mark.parametrize("low, high, windowed", [(0.0, 1.0, False), (-500.0, 3000.0, True)])
def test_float_tiff(low: float, high: float, windowed: bool) -> None:
    values = np.linspace(low, high, 2400, dtype=np.float32).reshape(40, 60)
    values[0, 0] = np.nan
    radiograph = read_image(encoded(Image.fromarray(values), "TIFF"))
    assert np.isfinite(radiograph.pixels).all()
    assert bool(radiograph.notes) is windowed
    expected = np.clip((values - low) / (high - low), 0, 1)
    assert np.allclose(radiograph.pixels[1:], expected[1:], atol=0.012 if windowed else 1e-6)


def test_32_bit_and_16_bit_colour_tiff() -> None:
    pytest.importorskip("imagecodecs")
    wide = read_image(encoded(Image.fromarray(ramp(top=1_000_000, dtype="i4")), "TIFF"))
    assert (wide.pixels.min(), wide.pixels.max()) == (0, 1)
    assert "percentiles" in wide.notes[0]
    colour = ramp(20, 30 * 3, top=65535, dtype="u2").reshape(20, 30, 3)
    assert np.allclose(read_image(_tiff_samples(colour)).pixels, colour / 65535 @ LUMA, atol=1e-5)


def _tiff_samples(
    values: np.ndarray,
    order: str = "II",
    *,
    planes: bool = False,
    deflated: bool = False,
    jpeg: bool = False,
    tile: int = 0,
    tags: dict[int, int | None] | None = None,
) -> bytes:
    """A minimal TIFF of (H, W, samples), in strips of seven rows or in tiles, its channels mixed or in planes."""
    mark = "<" if order == "II" else ">"
    height, width, samples = values.shape
    rows, columns = (tile, tile) if tile else (7, width)
    padded = np.pad(values, ((0, -height % tile), (0, -width % tile), (0, 0))) if tile else values
    parts = [
        plane[row : row + rows, column : column + columns].astype(values.dtype.newbyteorder(mark))
        for plane in (np.split(padded, samples, axis=2) if planes else [padded])
        for row in range(0, height, rows)
        for column in range(0, width, columns)
    ]
    blocks = [zlib.compress(part.tobytes()) if deflated else part.tobytes() for part in parts]
    if jpeg:
        import imagecodecs

        blocks = [imagecodecs.jpeg8_encode(np.squeeze(part), level=98) for part in parts]
    starts = 8 + np.cumsum([0, *map(len, blocks)])
    entries = {
        256: [width],
        257: [height],
        258: [8 * values.dtype.itemsize] * samples,
        259: [7 if jpeg else 8 if deflated else 1],
        262: [2 if samples >= 3 else 1],
        277: [samples],
        284: [2 if planes else 1],
        339: [{"u": 1, "i": 2, "f": 3}[values.dtype.kind]] * samples,
        **({322: [tile], 323: [tile]} if tile else {278: [rows]}),
        **({338: [2]} if samples in (2, 4) else {}),
        **{tag: [value] for tag, value in (tags or {}).items()},
        324 if tile else 273: starts[:-1],
        325 if tile else 279: [len(block) for block in blocks],
    }
    entries = {tag: numbers for tag, numbers in entries.items() if numbers[0] is not None}
    after = int(starts[-1]) + 2 + 12 * len(entries) + 4
    directory, tail = struct.pack(f"{mark}H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        packed = struct.pack(f"{mark}{len(numbers)}L", *numbers)
        far = len(numbers) > 1
        directory += struct.pack(f"{mark}HHL", tag, 4, len(numbers))
        directory += struct.pack(f"{mark}L", after + len(tail)) if far else packed
        tail += packed if far else b""
    return order.encode() + struct.pack(f"{mark}HL", 42, starts[-1]) + b"".join(blocks) + directory + bytes(4) + tail


STORED = {  # how a picture lies in a file that is to be turned
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.T,
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].T,
    8: lambda upright: np.rot90(upright, -1),
}
LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("tile", [0, 16])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_tiff_in_planes_is_the_same_picture(order: str, tile: int, deflated: bool, planes: bool) -> None:
    pytest.importorskip("imagecodecs")
    colour = noise(20, 30, 3) / 255
    colour[0, 0] = 1  # all the bits are in use
    for dtype, samples in (("u1", 3), ("u2", 2), ("u2", 3), ("u2", 4), ("f4", 3), ("f8", 3), ("u4", 3), ("u4", 4)):
        top = 1 if dtype[0] == "f" else np.iinfo(dtype).max
        opaque = np.full((20, 30, 1), top)
        shown = colour[..., :1] if samples == 2 else colour
        values = np.concatenate([shown * top, opaque][: 2 - samples % 2], axis=2).astype(dtype)
        data = _tiff_samples(values, order, planes=planes, deflated=deflated, tile=tile)
        expected = shown[..., 0] if samples == 2 else shown @ LUMA
        radiograph = read_image(data)
        assert radiograph.shape == (20, 30)
        coarse = dtype == "u4"  # by percentiles
        assert np.abs(radiograph.pixels - expected).max() < (0.02 if coarse else 1e-5), (dtype, samples)
        assert len(radiograph.notes) == coarse


def test_a_tiff_of_jpeg_planes_keeps_its_shape():
    """imagecodecs gives these with the channels last already; Pillow reads them right."""
    down, across = np.mgrid[:64, :96]
    colour = np.stack([down * 3, across * 2, 200 - down], axis=2).astype(np.uint8)
    opened = read_image(_tiff_samples(colour, planes=True, jpeg=True, tile=32)).pixels
    assert opened.shape == (64, 96)
    assert np.allclose(opened, colour / 255 @ LUMA, atol=0.02)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("planes", [False, True])
def test_16_bit_colour_of_a_turned_page_keeps_its_depth(planes: bool, orientation: int) -> None:
    pytest.importorskip("imagecodecs")
    colour = ramp(20, 30 * 3, top=65535, dtype="u2").reshape(20, 30, 3)
    stored = np.stack([STORED[orientation](colour[..., channel]) for channel in range(3)], axis=2)
    page = _tiff_samples(stored, planes=planes, tags={274: orientation})
    stream = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream, new=True) as writer:
        for data in (_tiff_samples(colour // 2), page):
            writer.write(data)
            writer.newFrame()
    for radiograph in (read_image(page), read_image(stream.getvalue(), frame=1)):
        assert radiograph.shape == (20, 30)
        assert np.allclose(radiograph.pixels, colour / 65535 @ LUMA, atol=1e-5)
        assert radiograph.colourfulness > 0


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_alpha_of_a_tiff(dtype: str, deflated: bool, planes: bool) -> None:
    pytest.importorskip("imagecodecs")
    top = np.iinfo(dtype).max
    alpha = np.tile(np.array([0, top // 2, top], dtype).reshape(3, 1), (6, 10, 1)).reshape(6, 30, 1)
    colour = np.full((6, 30, 3), top, dtype)
    for shown in (colour, colour[..., :1]):
        multiplied = np.minimum(shown, alpha)  # ExtraSamples 1: the colours hold their alpha already
        for kind, stored in ((2, shown), (1, multiplied)):
            values = np.concatenate([stored, alpha], axis=2)
            data = _tiff_samples(values, planes=planes, deflated=deflated, tags={338: kind})
            radiograph = read_image(data)
            assert np.abs(radiograph.pixels - alpha[..., 0] / top).max() < 1e-5
        if dtype == "u2":
            values = np.concatenate([shown, alpha], axis=2)
            data = _tiff_samples(values, planes=planes, deflated=deflated, tags={338: 0})
            assert np.all(read_image(data).pixels == 1)  # 0: no alpha


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_single_channel_is_the_same_in_planes_and_deflated(
    order: str, deflated: bool, planes: bool, photometric: int
) -> None:
    pytest.importorskip("imagecodecs")
    shares = np.linspace(0, 1, 600).reshape(20, 30, 1) ** 2
    expected = shares[..., 0] if photometric else 1 - shares[..., 0]
    for dtype in ("u1", "u2", "i2", "u4", "i4", "f4", "f8"):
        top = 1 if dtype[0] == "f" else np.iinfo(dtype).max
        values = (shares * top).astype(dtype)
        data = _tiff_samples(values, order, planes=planes, deflated=deflated, tags={262: photometric})
        radiograph = read_image(data)
        windowed = dtype in ("i2", "u4", "i4")  # by percentiles
        assert np.abs(radiograph.pixels - expected).max() < (0.02 if windowed else 0.004), dtype


def test_a_deep_tiff_is_refused_rather_than_misread() -> None:
    inks = np.full((20, 30, 4), 10_000, np.uint16)
    inks[:10] = 60_000
    assert read_image(_tiff_samples(inks, tags={262: 5, 338: None})).pixels[0, 0] < 0.02
    with pytest.raises(UnreadableImage):
        read_image(_tiff_samples(inks, planes=True, tags={262: 5, 338: None}))
    data = _tiff_samples(noise(20, 30, 1).astype("f4"), "MM", deflated=True)
    second = data.index(b"\x78\x9c", 10)
    with pytest.raises(UnreadableImage):
        read_image(data[:second] + bytes(2) + data[second + 2 :])


def test_white_is_zero_tiff_is_shown_as_its_maker_meant() -> None:
    deep = ramp(top=65535, dtype="u2")
    data = encoded(deep, "TIFF", tiffinfo={262: 0})
    assert np.allclose(read_image(data).pixels, 1 - deep / 65535, atol=1e-6)


def _tiff_gray(values: np.ndarray, order: str, *, photometric: int = 1, orientation: int = 1) -> bytes:
    """A minimal uncompressed gray TIFF in either byte order, "II" or "MM"."""
    mark = "<" if order == "II" else ">"
    height, width = values.shape
    strip = values.astype(values.dtype.newbyteorder(mark)).tobytes()
    kinds = {"u": 1, "i": 2, "f": 3}
    entries = {
        256: width,
        257: height,
        258: 8 * values.dtype.itemsize,
        259: 1,
        262: photometric,
        273: 8,
        274: orientation,
        277: 1,
        278: height,
        279: len(strip),
        339: kinds[values.dtype.kind],
    }
    directory = b"".join(struct.pack(f"{mark}HHLHH", tag, 3, 1, value, 0) for tag, value in entries.items())
    head = order.encode() + struct.pack(f"{mark}HL", 42, 8 + len(strip))
    return head + strip + struct.pack(f"{mark}H", len(entries)) + directory + bytes(4)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_gray_tiff_is_bone_bright_and_upright_whatever_its_bytes(
    order: str, dtype: str, photometric: int, orientation: int
) -> None:
    pytest.importorskip("imagecodecs")
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    upright = np.round(255 * np.linspace(0, 1, 48).reshape(6, 8) ** 2) / 255  # unlike its negative in every turn
    stored = np.round(upright * top) if top > 1 else upright
    stored = STORED[orientation](top - stored if photometric == 0 else stored).astype(dtype)
    radiograph = read_image(_tiff_gray(stored, order, photometric=photometric, orientation=orientation))
    assert radiograph.shape == upright.shape
    assert np.abs(radiograph.pixels - upright).max() < (0.02 if dtype == "u4" else 1e-5)  # u4: by percentiles
    notes = ["inverted WhiteIsZero"] if photometric == 0 and dtype != "u1" else []  # u1: by Pillow, without a word
    notes += ["turned upright as its EXIF orientation says"] if orientation != 1 else []
    assert [note for note in radiograph.notes if "percentiles" not in note] == notes


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("dtype", ["?", "u1"])
def test_what_pillow_inverts_itself_is_not_inverted_again(dtype: str, photometric: int) -> None:
    picture = ramp(8, 8) > 127 if dtype == "?" else ramp(8, 8)
    data = encoded(Image.fromarray(picture), "TIFF", tiffinfo={262: photometric})  # inverted in the file too
    assert np.allclose(read_image(data).pixels, picture / (1 if dtype == "?" else 255), atol=1e-6)


def test_both_byte_orders_tell_the_same_of_a_detectors_bits() -> None:
    pytest.importorskip("imagecodecs")
    deep = ramp(top=4095, dtype="u2")
    little, big = (read_image(_tiff_gray(deep, order, photometric=0)) for order in ("II", "MM"))
    assert np.array_equal(little.pixels, big.pixels) and np.allclose(big.pixels, 1 - deep / 4095, atol=1e-6)
    assert little.notes == big.notes == ("16-bit values use 12 bits: scaled by 4095", "inverted WhiteIsZero")


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF"])
def test_exif_orientation_turns_upright(format_: str, orientation: int) -> None:
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :16] = 255  # the top left corner
    stored = STORED[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    radiograph = read_image(encoded(np.ascontiguousarray(stored), format_, exif=exif))
    assert radiograph.shape == upright.shape
    assert np.abs(radiograph.pixels - upright / 255).max() < 0.1
    assert any("EXIF" in note for note in radiograph.notes) is (orientation != 1)


def test_of_several_pictures_the_first_or_the_one_asked_for() -> None:
    pages = [Image.new("L", (8, 6), value) for value in (10, 20, 30)]
    for format_ in ("TIFF", "PNG", "WEBP"):
        lossless = {"lossless": True} if format_ == "WEBP" else {}
        data = encoded(pages[0], format_, save_all=True, append_images=pages[1:], **lossless)
        first, last = read_image(data), read_image(data, frame=2)
        assert (first.frame, first.frames, last.frame) == (0, 3, 2)
        assert first.pixels.mean() * 255 == pytest.approx(10, abs=0.6)
        assert last.pixels.mean() * 255 == pytest.approx(30, abs=0.6)
        assert "frame 0 of 3 (counted from 0)" in first.notes
        with pytest.raises(UnreadableImage, match=r"Frame 3 does not exist: the file has 3 \(0 to 2\)"):
            read_image(data, frame=3)
    with pytest.raises(UnreadableImage, match="single picture"):
        read_image(encoded(ramp(), "PNG"), frame=1)


# -------------------------------------------------------------------------------------------- truncated files


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
def test_truncated_jpeg_opens_as_far_as_it_goes(share: float, progressive: bool) -> None:
    data = encoded(noise(128, 128), "JPEG", quality=90, progressive=progressive)
    whole, cut = read_image(data), read_image(data[: int(len(data) * share)])
    assert cut.notes[0].startswith("truncated:")
    assert cut.shape == whole.shape
    rows = 8 if progressive else int(128 * share) // 16 * 16 - 16
    if not progressive:
        assert np.array_equal(cut.pixels[:rows], whole.pixels[:rows])
    else:
        assert np.corrcoef(cut.pixels.ravel(), whole.pixels.ravel())[0, 1] > 0.3


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF"])
def test_other_truncated_files_keep_the_rows_they_hold(format_: str) -> None:
    picture = noise(64, 64)
    data = encoded(picture, format_)
    if format_ == "TIFF":  # with its directory before the pixels, as most writers do
        assert data.index(picture.tobytes()[:64]) > 8
    whole, cut = read_image(data), read_image(data[: len(data) * 3 // 4])
    assert [note for note in cut.notes if note.startswith("truncated:")] and len(cut.notes) == 1
    rows = slice(40, 64) if format_ == "BMP" else slice(0, 24)  # BMP begins with the lowest row
    assert np.array_equal(cut.pixels[rows], whole.pixels[rows])


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("trailing", [b"\0" * 7, b"\xff\xd8\xff trailing", b"some vendor's footer"])
def test_bytes_after_a_whole_file_are_no_alarm(format_: str, trailing: bytes) -> None:
    whole = encoded(noise(32, 32), format_)
    assert not [note for note in read_image(whole + trailing).notes if note.startswith("truncated")]


def test_the_end_marker_of_a_thumbnail_is_not_the_pictures() -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff\xd9 thumbnail \xff\xd9".encode("latin1")
    data = encoded(noise(64, 64), "JPEG", exif=exif, comment=b"\xff\xd9")
    assert not read_image(data).notes
    assert read_image(data[:-200]).notes[0].startswith("truncated:")


def test_threads_do_not_disturb_each_other() -> None:
    from PIL import ImageFile

    good = encoded(noise(96, 96), "JPEG")
    jobs = [good, good[:-300], encoded(noise(64, 64), "PNG")[:-900]] * 20
    with ThreadPoolExecutor(8) as pool:
        notes = [radiograph.notes for radiograph in pool.map(read_image, jobs)]
    assert [bool(note) for note in notes] == [False, True, True] * 20
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


# --------------------------------------------------------------------------------------------------- refusals


def test_refusals_say_what_and_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("Patient record, not a picture. " * 20)
    with pytest.raises(EmptyFile, match="0 bytes"):
        read_image(b"")
    with pytest.raises(EmptyFile):
        read_image(tmp_path / "empty.png")
    with pytest.raises(UnreadableImage, match="not an image, whatever its file name says"):
        read_image(tmp_path / "text.png")
    with pytest.raises(UnreadableImage, match=r"no file 'missing\.png'"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(UnreadableImage, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(UnreadableImage):
        read_image("a\0b")
    with pytest.raises(UnreadableImage, match="GIF"):
        read_image(encoded(ramp(), "GIF"))
    with pytest.raises(UnreadableImage, match="PDF"):
        read_image(b"%PDF-1.7 ...")
    with pytest.raises(UnreadableImage, match="PNG file is damaged"):
        read_image(encoded(ramp(), "PNG")[:30])


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(imaging.MAX_BYTES + 1)
    with pytest.raises(ImageTooLarge, match="200 MB"):
        read_image(path)


@pytest.mark.parametrize("width, height", [(10_001, 10_000), (100_000, 100_000), (0, 10)])
def test_size_is_told_by_the_header_before_decoding(width: int, height: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(ImageTooLarge if width else UnreadableImage):
        read_image(bomb + chunk(b"IEND", b""))


def test_nothing_is_warned_of() -> None:
    odd = encoded(ramp(), "TIFF")
    odd = odd.replace(struct.pack("<HH", 282, 5), struct.pack("<HH", 282, 5) + b"")[: len(odd)]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        imaging.quieten()
        for data in (odd[:-20], encoded(ramp(), "PNG")[:-20], encoded(noise(64, 64), "JPEG")[:-100]):
            try:
                read_image(data)
            except FractureError:
                continue
    assert [str(warning.message) for warning in seen] == []


# ------------------------------------------------------------------------------------------- any bytes at all


def only_fracture_errors(data: bytes) -> None:
    try:
        radiograph = read_image(data)
    except FractureError as error:
        assert str(error).endswith(".")
        return
    assert radiograph.pixels.dtype == np.float32 and radiograph.pixels.ndim == 2
    assert radiograph.pixels.min() >= 0 and radiograph.pixels.max() <= 1


SMALL = [
    encoded(noise(12, 10), "PNG"),
    encoded(Image.fromarray(noise(12, 10)).convert("P"), "PNG"),
    encoded(noise(16, 16, 3), "JPEG"),
    encoded(noise(16, 16), "JPEG", progressive=True),
    encoded(noise(9, 7), "BMP"),
    encoded(noise(9, 7, 3), "TIFF"),
    encoded(noise(9, 7), "TIFF", compression="tiff_lzw"),
    encoded(noise(9, 7, 3), "WEBP"),
]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    only_fracture_errors(data)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(imaging._SIGNATURES)), st.binary(max_size=300))
def test_random_bytes_after_a_signature(format_: str, body: bytes) -> None:
    starts = {"PNG": 8, "JPEG": 3, "TIFF": 8, "WEBP": 16, "BMP": 18}
    sample = next(data for data in SMALL if imaging._SIGNATURES[format_].match(data))
    only_fracture_errors(sample[: starts[format_]] + body)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SMALL), st.floats(0, 1))
def test_truncation_anywhere(data: bytes, share: float) -> None:
    only_fracture_errors(data[: int(len(data) * share)])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=6),
)
def test_bit_flips(data: bytes, flips: list[tuple[float, int]]) -> None:
    damaged = bytearray(data)
    for place, bit in flips:
        damaged[int(place * len(data))] ^= 1 << bit
    only_fracture_errors(bytes(damaged))


# ------------------------------------------------------------------------------------------------- real films


@needs_data
def test_truncated_films_of_fracatlas_open_with_a_note() -> None:
    films = sorted(Path(str(DATA), "fracatlas", "images").glob("*/*.jpg"))
    odd = [film for film in films if not film.read_bytes().endswith(b"\xff\xd9")]
    assert odd
    for film in odd + films[:200]:  # some hold whole pictures followed by other bytes
        assert any("truncated:" in note for note in read_image(film).notes) is _pillow_balks(film), film.name


def _pillow_balks(film: Path) -> bool:
    try:
        with Image.open(film) as picture:
            picture.load()
    except OSError:
        return True
    return False
