"""DICOM: every layout and syntax, display steps against the standard's formulas, identity, damaged files."""

from __future__ import annotations

import csv
import io
import logging
import os
import warnings
import zlib
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core import dicom
from fracture_core.dicom import masked_header, parsing
from fracture_core.errors import (
    FractureError,
    ImageTooLarge,
    NoPixelData,
    UnreadableImage,
    UnsupportedSyntax,
)
from fracture_core.imaging import Radiograph, quieten, read_image

pydicom = pytest.importorskip("pydicom")
pytestmark = pytest.mark.filterwarnings("ignore:The (value length|pixel data)")  # of pydicom, when tests write

from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402

DATA = os.environ.get("FRACTURE_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set FRACTURE_DATA to the folder of real data")

LITTLE, IMPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
)
CR = "1.2.840.10008.5.1.4.1.1.1"


def film(rows: int = 24, columns: int = 32, *, bits: int = 12, seed: int = 0) -> np.ndarray:
    """A noisy ramp over all values of some bits."""
    ramp = np.linspace(0, 2**bits - 1, rows * columns).reshape(rows, columns)
    noise = np.random.default_rng(seed).normal(0, 2**bits / 60, ramp.shape)
    return np.clip(ramp + noise, 0, 2**bits - 1).astype("u2" if bits > 8 else "u1")


def dicom_bytes(
    pixels: np.ndarray | None = None,
    *,
    syntax: str = LITTLE,
    streams: list[bytes] | None = None,
    meta: bool = True,
    preamble: bool = True,
    **elements: Any,
) -> bytes:
    """A small DICOM file as bytes; elements by keyword, None leaves one out."""
    dataset = Dataset()
    values: dict[str, Any] = {"SOPClassUID": CR, "SOPInstanceUID": "1.2.3.4", "Modality": "DX"}
    if pixels is not None:
        width = pixels.dtype.itemsize * 8
        values |= {
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "SamplesPerPixel": 3 if pixels.ndim == 3 else 1,
            "PhotometricInterpretation": "RGB" if pixels.ndim == 3 else "MONOCHROME2",
            "BitsAllocated": width,
            "BitsStored": width,
            "HighBit": width - 1,
            "PixelRepresentation": int(pixels.dtype.kind == "i"),
        }
        if pixels.ndim == 3:
            values["PlanarConfiguration"] = 0
    for keyword, value in (values | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    if streams is not None:
        dataset.PixelData = encapsulate(streams)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif pixels is not None:
        order = ">" if syntax == BIG else "<"
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData += b"\0" * (len(dataset.PixelData) % 2)
        dataset["PixelData"].VR = "OW"
    stream = io.BytesIO()
    if meta:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CR)
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    else:
        implicit, little = syntax == IMPLICIT, syntax != BIG
        pydicom.dcmwrite(stream, dataset, implicit_vr=implicit, little_endian=little)
    return stream.getvalue() if preamble or not meta else stream.getvalue()[132:]


def linear(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.clip((values.astype(float) - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


FULL = {"WindowCenter": 2048, "WindowWidth": 4096}

# ----------------------------------------------------------------------------------------------- the contract


def test_a_plain_film(tmp_path: Path) -> None:
    pixels = film()
    data = dicom_bytes(pixels, BitsStored=12, HighBit=11, **FULL, ImagerPixelSpacing=[0.15, 0.2])
    path = tmp_path / "IM000001"
    path.write_bytes(data)
    radiograph = read_image(path)
    assert (radiograph.format, radiograph.modality, radiograph.name) == ("DICOM", "DX", "IM000001")
    assert radiograph.spacing == (0.15, 0.2)
    assert radiograph.pixels.dtype == np.float32 and not radiograph.pixels.flags.writeable
    assert np.allclose(radiograph.pixels, linear(pixels, 2048, 4096), atol=1e-6)
    assert radiograph.notes == (
        "VOI window 2048/4096",
        "spacing from ImagerPixelSpacing (at the detector: not corrected for magnification)",
    )


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("form", ["whole", "without preamble", "without meta"])
def test_every_native_encoding(syntax: str, form: str) -> None:
    if form == "without meta" and syntax == DEFLATED:
        pytest.skip("a deflated file cannot be told without its meta information")
    pixels = film()
    data = dicom_bytes(pixels, syntax=syntax, meta=form != "without meta", preamble=form == "whole", **FULL)
    assert dicom.is_dicom(data)
    assert np.allclose(read_image(data).pixels, linear(pixels, 2048, 4096), atol=1e-6)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_bits_and_signs(bits: int, signed: bool) -> None:
    pixels = film(bits=bits)
    offset = 2 ** (bits - 1) if signed else 0
    stored = (pixels.astype(np.int32) - offset).astype(f"{'i' if signed else 'u'}{pixels.dtype.itemsize}")
    half = 2 ** (bits - 1)
    data = dicom_bytes(stored, BitsStored=bits, HighBit=bits - 1, WindowCenter=half - offset, WindowWidth=2 * half)
    assert np.allclose(read_image(data).pixels, linear(stored, half - offset, 2 * half), atol=1e-6)


@pytest.mark.parametrize("syntax", [LITTLE, BIG, "RLE"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high", [12, 15])
def test_values_in_the_upper_bits_of_their_cells(high: int, signed: bool, syntax: str) -> None:
    values = film().astype(np.int32)
    values.flat[:4] = 0, 1000, 2000, 4095
    values -= 2048 if signed else 0
    shift = high - 11
    cells = (values << shift) | np.random.default_rng(0).integers(0, 2**shift, values.shape)  # an old overlay below
    if high < 15:
        cells = (cells & (2 ** (high + 1) - 1)) | 0xA000  # and above
    cells = cells.astype(np.uint16).view("i2" if signed else "u2")
    streams = None
    if syntax == "RLE":
        layout = _LAYOUT | {"rows": 24, "columns": 32, "bits_stored": 16, "pixel_representation": int(signed)}
        streams = [pydicom.pixels.encoders.RLELosslessEncoder.encode(cells, **layout)]
    data = dicom_bytes(
        cells,
        syntax="1.2.840.10008.1.2.5" if syntax == "RLE" else syntax,
        streams=streams,
        BitsStored=12,
        HighBit=high,
        WindowCenter=0 if signed else 2048,
        WindowWidth=4096,
    )
    radiograph = read_image(data)
    assert np.allclose(radiograph.pixels, linear(values, 0 if signed else 2048, 4096), atol=1e-6)
    assert radiograph.notes[0] == f"values in bits {shift} to {high} of 16: shifted down by {shift}"


def test_a_code_stream_holds_the_values_alone_whatever_the_high_bit() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = film()
    stream = imagecodecs.jpegls_encode(pixels)
    data = dicom_bytes(pixels, syntax="1.2.840.10008.1.2.4.80", streams=[stream], BitsStored=12, HighBit=15, **FULL)
    assert np.allclose(read_image(data).pixels, linear(pixels, 2048, 4096), atol=1e-6)


@pytest.mark.parametrize("high", [None, 3, 16, 40])
def test_a_high_bit_that_cannot_be_is_passed_over(high: int | None) -> None:
    pixels = film()
    radiograph = read_image(dicom_bytes(pixels, BitsStored=12, HighBit=high, **FULL))
    assert np.allclose(radiograph.pixels, linear(pixels, 2048, 4096), atol=1e-6)
    assert radiograph.notes == ("VOI window 2048/4096",)


def test_monochrome1_is_inverted_so_that_bone_is_bright() -> None:
    pixels = film()
    radiograph = read_image(dicom_bytes(pixels, PhotometricInterpretation="MONOCHROME1", **FULL))
    assert np.allclose(radiograph.pixels, 1 - linear(pixels, 2048, 4096), atol=1e-6)
    assert radiograph.notes == ("VOI window 2048/4096", "inverted MONOCHROME1")


# ---------------------------------------------------------------------------------------------- display steps


def test_rescale_comes_before_the_window() -> None:
    pixels = film()
    data = dicom_bytes(pixels, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=400, WindowWidth=2000)
    radiograph = read_image(data)
    assert np.allclose(radiograph.pixels, linear(pixels * 2.0 - 1000, 400, 2000), atol=1e-6)
    assert radiograph.notes[0] == "rescaled: 2 x value -1000"


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_functions(function: str) -> None:
    pixels = film()
    data = dicom_bytes(pixels, WindowCenter=1500, WindowWidth=900, VOILUTFunction=function)
    x = pixels.astype(float)
    expected = {
        "LINEAR": linear(x, 1500, 900),
        "LINEAR_EXACT": np.clip((x - 1500) / 900 + 0.5, 0, 1),
        "SIGMOID": 1 / (1 + np.exp(-4 * (x - 1500) / 900)),
    }[function]
    assert np.allclose(read_image(data).pixels, expected, atol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_functions_agree_with_pydicom(function: str) -> None:
    values = film(bits=12)
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 1000, 700, function
    step = dicom.window(1000, 700, function=function)
    assert step is not None
    theirs = pydicom.pixels.apply_windowing(values, dataset) / 4095
    assert np.allclose(np.clip(step(values.astype(float)), 0, 1), theirs, atol=1e-9)


def test_a_window_of_width_one_is_a_threshold_and_a_bad_one_is_ignored() -> None:
    pixels = film()
    radiograph = read_image(dicom_bytes(pixels, WindowCenter=2000, WindowWidth=1))
    assert np.array_equal(radiograph.pixels, (pixels > 1999.5).astype(np.float32))
    notes = read_image(dicom_bytes(pixels, WindowCenter=2000, WindowWidth=0)).notes
    assert "not valid" in notes[0] and "percentiles" in notes[1]


def lut(table: np.ndarray, first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(table) % 65536, first, bits])
    item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
    return item


def test_lut_sequences() -> None:
    pixels = film()
    table = (np.arange(1000) ** 2 / 999**2 * 4095).astype(np.uint16)
    index = np.clip(pixels.astype(int) - 500, 0, 999)
    voi = read_image(dicom_bytes(pixels, VOILUTSequence=[lut(table, 500, 12)], **FULL))
    assert np.allclose(voi.pixels, table[index] / 4095, atol=1e-6)
    assert voi.notes == ("VOI LUT sequence",)
    modality = read_image(
        dicom_bytes(pixels, ModalityLUTSequence=[lut(table, 500, 16)], WindowCenter=2000, WindowWidth=3000)
    )
    assert np.allclose(modality.pixels, linear(table[index], 2000, 3000), atol=1e-6)
    assert modality.notes[0] == "modality LUT sequence"


def test_without_voi_percentiles_that_leave_padding_out() -> None:
    pixels = film(64, 64).astype(np.int16)
    pixels[:20] = -2000
    radiograph = read_image(dicom_bytes(pixels, PixelPaddingValue=-2000))
    low, high = np.percentile(pixels[20:], (0.5, 99.5))
    assert np.allclose(radiograph.pixels[20:], np.clip((pixels[20:] - low) / (high - low), 0, 1), atol=1e-5)
    assert np.all(radiograph.pixels[:20] == 0)
    assert "percentiles" in radiograph.notes[0]
    inverted = read_image(dicom_bytes(pixels, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1"))
    assert np.all(inverted.pixels[:20] == 0)


def test_a_constant_picture_is_finite() -> None:
    assert np.isfinite(read_image(dicom_bytes(np.full((8, 8), 7, np.uint16))).pixels).all()


def test_spacing_is_none_when_it_is_zero_or_absent() -> None:
    assert read_image(dicom_bytes(film(), **FULL)).spacing is None
    assert read_image(dicom_bytes(film(), PixelSpacing=[0, 0], **FULL)).spacing is None
    both = read_image(dicom_bytes(film(), PixelSpacing=[0.1, 0.1], ImagerPixelSpacing=[0.2, 0.2], **FULL))
    assert both.spacing == (0.1, 0.1)


# -------------------------------------------------------------------------------------- colour, frames, types


def test_colour_palette_and_wide_types() -> None:
    rgb = np.dstack([film(bits=8), film(bits=8, seed=1), film(bits=8, seed=2)])
    radiograph = read_image(dicom_bytes(rgb))
    assert np.allclose(radiograph.pixels, rgb / 255 @ [0.299, 0.587, 0.114], atol=1e-5)
    assert radiograph.colourfulness > 0

    ybr = pydicom.pixels.convert_color_space(rgb, "RGB", "YBR_FULL")
    assert np.allclose(
        read_image(dicom_bytes(ybr, PhotometricInterpretation="YBR_FULL")).pixels,
        ybr[..., 0] / 255,
        atol=0.01,
    )

    index = film(bits=8)
    ramp = (np.arange(256, dtype="<u2") * 257).tobytes()
    palette = {f"{colour}PaletteColorLookupTableData": ramp for colour in ("Red", "Green", "Blue")}
    palette |= {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in ("Red", "Green", "Blue")}
    shown = read_image(dicom_bytes(index, PhotometricInterpretation="PALETTE COLOR", **palette))
    assert np.allclose(shown.pixels, index / 255, atol=1e-6)

    wide = film(bits=16).astype(np.uint32) * 65537
    assert np.ptp(read_image(dicom_bytes(wide)).pixels) == 1


@pytest.mark.parametrize("keyword, dtype", [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_float_pixel_data(keyword: str, dtype: str) -> None:
    values = np.linspace(0, 0.8, 24 * 32).reshape(24, 32).astype(dtype)
    values[0, 0] = np.nan
    data = dicom_bytes(
        values,
        **{keyword: values.tobytes()},
        PixelData=None,
        PixelRepresentation=None,
        WindowCenter=0.5,
        WindowWidth=1,
    )
    dataset = pydicom.dcmread(io.BytesIO(data))
    del dataset.PixelData
    stream = io.BytesIO()
    dataset.save_as(stream)
    radiograph = read_image(stream.getvalue())
    assert radiograph.pixels[0, 0] == 0
    assert np.allclose(radiograph.pixels[1:], values[1:], atol=1e-6)


def test_frames_the_middle_one_by_default() -> None:
    frames = np.stack([film(seed=seed) for seed in range(5)])
    data = dicom_bytes(frames[0], NumberOfFrames=5, **FULL)
    data = data[: -frames[0].nbytes - 4] + frames.nbytes.to_bytes(4, "little") + frames.astype("<u2").tobytes()
    middle, last = read_image(data), read_image(data, frame=4)
    assert (middle.frame, middle.frames, last.frame) == (2, 5, 4)
    assert np.allclose(middle.pixels, linear(frames[2], 2048, 4096), atol=1e-6)
    assert np.allclose(last.pixels, linear(frames[4], 2048, 4096), atol=1e-6)
    assert "frame 2 of 5 (counted from 0)" in middle.notes
    with pytest.raises(UnreadableImage, match="Frame 5 does not exist"):
        read_image(data, frame=5)
    short = data[: -3 * frames[0].nbytes - 10]
    assert read_image(short).notes[0] == "truncated: frame 2 is not in the file, the first one is shown"
    with pytest.raises(UnreadableImage, match="truncated"):
        read_image(short, frame=4)


def test_an_enhanced_objects_window_lies_in_its_functional_groups() -> None:
    pixels = film()
    voi, measures, per_frame, shared = Dataset(), Dataset(), Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth, measures.PixelSpacing = 1000, 500, [0.3, 0.4]
    per_frame.FrameVOILUTSequence, shared.PixelMeasuresSequence = [voi], [measures]
    radiograph = read_image(
        dicom_bytes(
            pixels,
            PerFrameFunctionalGroupsSequence=[per_frame],
            SharedFunctionalGroupsSequence=[shared],
            **FULL,
        )
    )
    assert np.allclose(radiograph.pixels, linear(pixels, 1000, 500), atol=1e-6)
    assert radiograph.spacing == (0.3, 0.4)


def test_one_bit_segmentation() -> None:
    mask = film(16, 16) > 2000
    packed = np.packbits(mask.reshape(-1), bitorder="little").reshape(2, 16)
    data = dicom_bytes(packed, Rows=16, Columns=16, BitsAllocated=1, BitsStored=1, HighBit=0, Modality="SEG")
    assert np.array_equal(read_image(data).pixels, mask.astype(np.float32))


# ------------------------------------------------------------------------------------------ compressed pixels


@cache
def compressed(kind: str) -> tuple[bytes, bytes, float]:
    """A file of a compressed 12-bit film, the code stream in it, and the loss its codec is allowed."""
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = film(64, 64)
    syntax, stream, loss = {
        "JPEG baseline": lambda: (
            "4.50",
            imagecodecs.jpeg8_encode((pixels >> 4).astype("u1"), level=95),
            0.05,
        ),
        "JPEG extended": lambda: ("4.51", imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12), 0.05),
        "JPEG lossless": lambda: ("4.70", imagecodecs.ljpeg_encode(pixels, bitspersample=12), 0.0),
        "JPEG-LS": lambda: ("4.80", imagecodecs.jpegls_encode(pixels), 0.0),
        "JPEG 2000": lambda: (
            "4.90",
            imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12, reversible=True),
            0.0,
        ),
        "HTJ2K": lambda: ("4.201", imagecodecs.htj2k_encode(pixels, reversible=True), 0.0),
        "RLE": lambda: ("5", pydicom.pixels.encoders.RLELosslessEncoder.encode(pixels, **_LAYOUT), 0.0),
    }[kind]()
    eight = kind == "JPEG baseline"
    window = {"WindowCenter": 128, "WindowWidth": 256} if eight else FULL
    shown = (pixels >> 4).astype("u1") if eight else pixels
    bits = 8 if eight else 12
    data = dicom_bytes(
        shown,
        syntax=f"1.2.840.10008.1.2.{syntax}",
        streams=[stream],
        BitsStored=bits,
        HighBit=bits - 1,
        **window,
    )
    return data, stream, loss


_LAYOUT: dict[str, Any] = {
    "rows": 64,
    "columns": 64,
    "samples_per_pixel": 1,
    "bits_allocated": 16,
    "bits_stored": 12,
    "pixel_representation": 0,
    "number_of_frames": 1,
    "photometric_interpretation": "MONOCHROME2",
}
KINDS = ["JPEG baseline", "JPEG extended", "JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K", "RLE"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_compressed_syntax(kind: str) -> None:
    data, _, loss = compressed(kind)
    radiograph = read_image(data)
    difference = np.abs(radiograph.pixels - linear(film(64, 64), 2048, 4096))
    assert difference.mean() <= loss + (0.002 if kind == "JPEG baseline" else 1e-6)
    assert not [note for note in radiograph.notes if note.startswith("truncated")]


@pytest.mark.parametrize("kind", ["JPEG baseline", "JPEG extended", "JPEG 2000", "RLE"])
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_a_truncated_code_stream_opens_as_far_as_it_goes(kind: str, share: float) -> None:
    data, stream, _ = compressed(kind)
    cut = data[: data.index(stream) + int(len(stream) * share)]
    radiograph = read_image(cut)
    assert radiograph.notes[0].startswith("truncated:")
    assert np.corrcoef(radiograph.pixels[:24].ravel(), read_image(data).pixels[:24].ravel())[0, 1] > 0.6


def test_a_missing_delimiter_alone_is_no_alarm() -> None:
    data, _, _ = compressed("JPEG 2000")
    assert not [note for note in read_image(data[:-8]).notes if note.startswith("truncated")]


def test_frames_of_compressed_files_are_decoded_alone() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    frames = [film(seed=seed) for seed in range(3)]
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames]
    streams[0] = b"\xff\xd8\xff damaged, and never looked at"
    data = dicom_bytes(
        frames[0],
        syntax="1.2.840.10008.1.2.4.80",
        streams=streams,
        NumberOfFrames=3,
        BitsStored=12,
        HighBit=11,
        **FULL,
    )
    for index in (1, 2):
        assert np.allclose(read_image(data, frame=index).pixels, linear(frames[index], 2048, 4096), atol=1e-6)
    with pytest.raises(UnreadableImage, match="damaged"):
        read_image(data, frame=0)


def test_a_file_that_hides_its_compression_is_still_read() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = film()
    data = dicom_bytes(
        pixels,
        syntax="1.2.840.10008.1.2.4.80",
        streams=[imagecodecs.jpegls_encode(pixels)],
        BitsStored=12,
        **FULL,
    )
    hidden = data.replace(b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.1\0\0\0")
    assert np.allclose(read_image(hidden).pixels, linear(pixels, 2048, 4096), atol=1e-6)


# ----------------------------------------------------------------------------------------- truncated, refused


def test_truncated_native_pixels_open_with_black_where_they_are_missing() -> None:
    pixels = film() + 500
    data = dicom_bytes(pixels, WindowCenter=300, WindowWidth=4000, PhotometricInterpretation="MONOCHROME1")
    whole, cut = read_image(data), read_image(data[: -pixels.nbytes // 2])
    assert cut.notes[0] == "truncated: only 50.0% of the picture is in the file, the rest is black"
    assert np.array_equal(cut.pixels[:12], whole.pixels[:12])
    assert np.all(cut.pixels[12:] == 0)
    with pytest.raises(FractureError):
        read_image(data[: -pixels.nbytes + 2])


@pytest.mark.parametrize(
    "modality, uid, words",
    [
        ("SR", "1.2.840.10008.5.1.4.1.1.88.11", "structured report"),
        ("RTPLAN", "1.2.840.10008.5.1.4.1.1.481.5", "radiotherapy plan"),
        ("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3", "contours"),
        (None, "1.2.840.10008.5.1.4.1.1.66.1", "Spatial Registration Storage"),
        (None, CR, "header without pixel data"),
    ],
)
def test_objects_without_pixels_are_named(modality: str | None, uid: str, words: str) -> None:
    with pytest.raises(NoPixelData, match=words):
        read_image(dicom_bytes(Modality=modality, SOPClassUID=uid))


def test_refusals_name_the_trouble() -> None:
    with pytest.raises(UnsupportedSyntax, match="MPEG2"):
        read_image(dicom_bytes(film(), syntax="1.2.840.10008.1.2.4.100", streams=[b"\0\0\1\xb3" * 8]))
    with pytest.raises(UnsupportedSyntax, match=r"1\.2\.3\.4\.5"):
        read_image(dicom_bytes(film(), syntax=LITTLE).replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.4.5" + b"\0" * 11))
    with pytest.raises(UnsupportedSyntax, match="12 of 12 bits"):
        read_image(dicom_bytes(film(), BitsAllocated=12, BitsStored=12))
    with pytest.raises(ImageTooLarge, match="megapixels"):
        read_image(dicom_bytes(film(), Rows=65535, Columns=65535))
    with pytest.raises(FractureError, match="no pixels"):
        read_image(dicom_bytes(film(), Rows=0))
    with pytest.raises(NoPixelData, match="no picture size"):
        read_image(dicom_bytes(film(), Rows=None))
    with pytest.raises(UnreadableImage, match="not compressed"):
        read_image(dicom_bytes(film(), syntax=LITTLE).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"))


def test_bombs_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data, stream, _ = compressed("JPEG 2000")
    huge = stream[:8] + (60_000).to_bytes(4, "big") * 2 + stream[16:]
    with pytest.raises(UnreadableImage, match="claims 60000 x 60000"):
        read_image(data.replace(stream, huge))
    head = dicom_bytes(syntax=DEFLATED)
    start = 132 + 12 + int.from_bytes(head[140:144], "little")
    squeezer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = squeezer.compress(bytes(3 << 20)) + squeezer.flush()
    monkeypatch.setattr(parsing, "MAX_BYTES", 1 << 20)
    with pytest.raises(ImageTooLarge, match="inflates"):
        read_image(head[:start] + body)


def test_text_is_no_dicom() -> None:
    for text in (
        b"",
        b"DICOM",
        b"hello world " * 400,
        b"\x08\x00" * 300,
        bytes(4000),
        b"\x08\x00\x05\x00CS\x0a\x00",
    ):
        assert not dicom.is_dicom(text)
        with pytest.raises(UnreadableImage):
            dicom.header(text or b"x")


def test_a_preamble_that_looks_like_another_format() -> None:
    data = dicom_bytes(film(), **FULL)
    assert read_image(b"II*\0" + data[4:]).format == "DICOM"


def test_a_bad_number_of_frames_is_counted() -> None:
    data = dicom_bytes(film(), NumberOfFrames=10, **FULL)
    radiograph = read_image(data.replace(b"IS\x02\x0010", b"IS\x02\x001A"))
    assert radiograph.frames == 1
    assert "number of frames given is not valid" in radiograph.notes[0]


# ------------------------------------------------------------------------------------------------- the header

PERSONAL = {
    "PatientName": "Doe^Jane",
    "PatientID": "MRN-778",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "PatientAge": "070Y",
    "AccessionNumber": "ACC-91",
    "StudyDate": "20200304",
    "StudyTime": "101112",
    "InstitutionName": "General Hospital",
    "InstitutionAddress": "Main Street 7",
    "InstitutionalDepartmentName": "Dept-5",
    "ReferringPhysicianName": "House^G",
    "OperatorsName": "Op^A",
    "StationName": "ROOM-3",
    "DeviceSerialNumber": "SN-4455",
    "DetectorID": "DET-1",
    "PlateID": "PL-1",
    "CassetteID": "CAS-1",
    "StudyID": "ST-22",
    "StudyDescription": "seen for Doe",
    "SeriesDescription": "left wrist, Doe",
    "ProtocolName": "Prot-Doe",
    "ImageComments": "Doe fell",
    "PatientComments": "afraid",
    "RequestedProcedureID": "RP-1",
    "PerformedProcedureStepID": "PPS-1",
    "StudyInstanceUID": "1.2.3.777",
    "IssuerOfPatientID": "ISS-1",
    "Occupation": "carpenter",
    "TimezoneOffsetFromUTC": "+0130",
}
TECHNICAL = {
    "Modality": "DX",
    "BodyPartExamined": "WRIST",
    "ViewPosition": "PA",
    "KVP": "55",
    "ExposureTime": "12",
    "Manufacturer": "Acme",
    "ManufacturerModelName": "Model T",
    "PatientOrientation": ["L", "F"],
    "PatientPosition": "HFS",
    "WindowCenter": "2048",
    "PixelSpacing": ["0.1", "0.1"],
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "PatientIdentityRemoved": "NO",
    "LossyImageCompression": "00",
}


def test_the_header_masks_who_where_and_when() -> None:
    data = dicom_bytes(film(), **(PERSONAL | TECHNICAL))
    rows = {row.tag: row for row in dicom.header(data)}
    revealed = {row.tag: row for row in dicom.header(data, reveal=True)}

    def tag(keyword: str) -> str:
        number = pydicom.datadict.tag_for_keyword(keyword)
        return f"({number >> 16:04X},{number & 0xFFFF:04X})"

    for keyword in PERSONAL:
        assert rows[tag(keyword)].identifying, keyword
        assert rows[tag(keyword)].value == "masked"
        assert revealed[tag(keyword)].value != "masked"
    for keyword in TECHNICAL:
        assert not rows[tag(keyword)].identifying, keyword
        assert rows[tag(keyword)].value == revealed[tag(keyword)].value != ""
    assert revealed["(0010,0010)"] == dicom.HeaderRow("(0010,0010)", "Patient's Name", "Doe^Jane", True)
    assert rows["(0008,0016)"].value == "Computed Radiography Image Storage"
    assert rows["(0002,0010)"].value == "Explicit VR Little Endian"
    assert rows["(0008,0018)"].value == "masked"
    assert rows["(0028,0030)"].value == "0.1\\0.1"
    assert not [tag_ for tag_ in rows if tag_.startswith("(7FE0")]
    shown = " ".join(row.value + row.name for row in rows.values())
    assert not [value for value in PERSONAL.values() if len(value) > 4 and value in shown]


# Attributes of PS3.15 Table E.1-1 that no value representation gives away.
IN_THE_TABLE = """
    AdmissionID AdmittingDiagnosesDescription Allergies BranchOfService BarcodeValue ClinicalTrialSiteID
    ClinicalTrialSubjectID ConfidentialityConstraintOnPatientDataDescription ContrastBolusAgent
    CountryOfResidence CurrentPatientLocation CustodialOrganizationSequence DerivationDescription
    DeviceLabel DischargeDiagnosisDescription EthnicGroup FillerOrderNumberImagingServiceRequest FrameComments
    GPSLatitude GantryID GeneratorID HumanPerformerOrganization IconImageSequence InstitutionCodeSequence
    InsurancePlanIdentification InterpretationID LabelText LensSerialNumber MakerNote MedicalAlerts
    MedicalRecordLocator MilitaryRank ModifyingDeviceID NetworkID OrderEntererLocation OtherPatientIDs
    PatientState PatientTransportArrangements PatientWeight PatientSize PerformedLocation
    PerformedStationName PerformedProcedureStepDescription PersonIdentificationCodeSequence
    PersonTelephoneNumbers PreMedication PregnancyStatus ReasonForStudy ReasonForTheRequestedProcedure
    ReferencedImageSequence ReferencedPatientSequence ReferencedStudySequence RegionOfResidence
    RequestAttributesSequence RequestedProcedureDescription RequestedProcedureLocation RequestingService
    ResponsibleOrganization ScheduledProcedureStepID ScheduledStationName ServiceEpisodeID SlideIdentifier
    SmokingStatus SourceImageSequence SourceManufacturer SourceSerialNumber SpecialNeeds SpecimenIdentifier
    SpecimenAccessionNumber StructureSetLabel TopicTitle TreatmentMachineName TreatmentSite UDISequence
    VerifyingOrganization XRayDetectorID XRayDetectorLabel XRaySourceID AcquisitionContextSequence
    EncapsulatedDocument ContentSequence ModifiedAttributesSequence OriginalAttributesSequence
    CertifiedTimestamp InstanceOriginStatus TextString TransducerIdentificationSequence ROIName TelephoneNumberTrial
"""


@pytest.mark.parametrize("keyword", IN_THE_TABLE.split())
def test_attributes_of_the_basic_profile_are_identifying(keyword: str) -> None:
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = pydicom.datadict.dictionary_VR(tag)
    assert dicom.is_identifying(pydicom.DataElement(tag, vr.split(" or ")[0], [] if vr == "SQ" else None))


def test_overlays_are_identifying() -> None:
    assert dicom.is_identifying(pydicom.DataElement(0x60003000, "OW", b"\0\0"))


def test_private_nested_and_long_values() -> None:
    inner = Dataset()
    inner.ScheduledProcedureStepID = "SPS-9"
    inner.CodeValue = "113"
    outer = Dataset()
    outer.CodeValue, outer.CodeMeaning = "T-15460", "wrist " * 60
    data = dicom_bytes(film(), RequestAttributesSequence=[inner], AnatomicRegionSequence=[outer])
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.private_block(0x0029, "ACME", create=True).add_new(1, "LO", "secret")
    stream = io.BytesIO()
    dataset.save_as(stream)
    rows = dicom.header(stream.getvalue())
    private = [row for row in rows if row.tag.startswith("(0029")]
    assert len(private) == 2 and all(row.identifying and row.value == "masked" for row in private)
    by_name = {row.name: row for row in rows}
    assert by_name["Anatomic Region Sequence"].value == "1 item(s)"
    assert by_name["Anatomic Region Sequence > Code Value"].value == "T-15460"
    meaning = by_name["Anatomic Region Sequence > Code Meaning"].value
    assert len(meaning) == masked_header.MAX_SHOWN and meaning.endswith("…")
    assert by_name["Request Attributes Sequence > Code Value"].value == "masked"


def test_the_header_needs_no_pixels_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    data = dicom_bytes(film(), StudyDate="20200304", PatientID="MRN-778")
    data = data.replace(b"20200304", b"2020/3/4").replace(b"MRN-778", b"MRN\xff778")
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        quieten()
        rows = dicom.header(data[: -film().nbytes], reveal=True)
        read_image(data)
    assert "2020/3/4" in [row.value for row in rows]
    assert not caplog.records and not seen


# ------------------------------------------------------------------------------------------- any bytes at all


def only_fracture_errors(data: bytes) -> None:
    for call in (read_image, dicom.header):
        try:
            result = call(data)
        except FractureError as error:
            assert str(error).endswith(".")
            continue
        if isinstance(result, Radiograph):
            assert result.pixels.min() >= 0 and result.pixels.max() <= 1


def small(kind: str) -> bytes:
    if kind in KINDS:
        return compressed(kind)[0]
    if kind == "colour":
        return dicom_bytes(np.dstack([film(8, 8, bits=8)] * 3), PatientName="Doe^J")
    window = {"VOILUTSequence": [lut(np.arange(64), 0, 10)], "RescaleSlope": 1, "RescaleIntercept": -5}
    return dicom_bytes(film(8, 8), syntax=kind, NumberOfFrames=1, **window)


SMALL = [LITTLE, IMPLICIT, BIG, DEFLATED, "colour", *KINDS]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_after_the_mark(body: bytes) -> None:
    only_fracture_errors(bytes(128) + b"DICM" + body)
    only_fracture_errors(b"\x08\x00\x05\x00CS" + body)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SMALL), st.floats(0, 1))
def test_truncation_anywhere(kind: str, share: float) -> None:
    data = small(kind)
    only_fracture_errors(data[: ceil(len(data) * share)])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 7)), min_size=1, max_size=6),
)
def test_bit_flips(kind: str, flips: list[tuple[float, int]]) -> None:
    damaged = bytearray(small(kind))
    for place, bit in flips:
        damaged[132 + int(place * (len(damaged) - 132))] ^= 1 << bit
    only_fracture_errors(bytes(damaged))


# ------------------------------------------------------------------------------------------------- real files


def table() -> list[dict[str, str]]:
    if not DATA:
        return []
    with Path(DATA, "dicom", "TABLE.csv").open(newline="") as file:
        return list(csv.DictReader(file))


ROWS = [pytest.param(row, id=row["local"]) for row in table()] or [
    pytest.param({}, marks=pytest.mark.skip(reason="set FRACTURE_DATA to the folder of real data"))
]
READ_AFTER_ALL = {
    "edge/JPEG-lossy.dcm",
    "edge/MR_truncated.dcm",
    "edge/badVR.dcm",
    "edge/liver_rle.dcm",
    "radiograph/RG2_JPLY.dcm",
}


@pytest.mark.parametrize("row", ROWS)
def test_every_file_of_the_table(row: dict[str, str]) -> None:
    path = Path(str(DATA), "dicom", row["local"])
    if row["decode"] == "ok" or row["local"] in READ_AFTER_ALL:
        radiograph = read_image(path)
        assert radiograph.shape == (int(row["rows"]), int(row["cols"]))
        assert radiograph.modality == row["modality"]
        assert np.ptp(radiograph.pixels) > 0
        assert row["decode"] != "ok" or not [n for n in radiograph.notes if n.startswith("truncated")]
    else:
        with pytest.raises(UnreadableImage) as refusal:
            read_image(path)
        assert str(refusal.value).endswith(".")
    if row["local"] != "edge/no_meta.dcm":  # a stray byte before its first element: no DICOM
        assert dicom.header(path)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.values[0] or row.values[0]["decode"] == "ok"])
def test_display_agrees_with_pydicom(row: dict[str, str]) -> None:
    """The steps against pydicom's own, on every gray file that gives a window and that pydicom decodes."""
    path = Path(str(DATA), "dicom", row["local"])
    dataset = pydicom.dcmread(path)
    if "WindowCenter" not in dataset or not row["photometric"].startswith("MONOCHROME"):
        pytest.skip("no window to compare")
    try:
        stored = dataset.pixel_array
    except RuntimeError:
        pytest.skip("pydicom has no decoder for it")
    values = pydicom.pixels.apply_modality_lut(stored, dataset)
    shown = pydicom.pixels.apply_voi_lut(values, dataset)
    low, high = (
        float(pydicom.pixels.apply_voi_lut(np.array([edge], np.float64), dataset)[0]) for edge in (-1e9, 1e9)
    )
    expected = (shown - low) / (high - low)
    if row["photometric"] == "MONOCHROME1":
        expected = 1 - expected
    if "PixelPaddingValue" in dataset:
        expected[stored == dataset.PixelPaddingValue] = 0
    assert np.allclose(read_image(path).pixels, expected, atol=1e-5)


@needs_data
def test_the_truncated_mr_keeps_what_it_has() -> None:
    folder = Path(str(DATA), "dicom", "edge")
    whole, cut = read_image(folder / "MR_small.dcm"), read_image(folder / "MR_truncated.dcm")
    assert cut.notes[0].startswith("truncated: only 99")
    assert np.array_equal(cut.pixels[:63], whole.pixels[:63])
    assert np.all(cut.pixels[63, 34:] == 0)
