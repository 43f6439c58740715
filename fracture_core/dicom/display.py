"""Stored values to display values: modality LUT, VOI, inversion (PS3.3, C.11); and the pixel spacing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.dicom.elements import float_of, floats_of, items_of, quiet_pydicom, text_of
from fracture_core.dicom.frames import Decoded
from fracture_core.dicom.layout import Layout
from fracture_core.errors import UnreadableImage
from fracture_core.imaging import window_percentiles

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def functional_groups(header: Dataset, frame: int) -> list[Dataset]:
    """Where LUTs and spacing may be: this frame's groups, the shared ones (PS3.3, C.7.6.16), the top."""
    per_frame = items_of(header, "PerFrameFunctionalGroupsSequence")
    return [*per_frame[frame : frame + 1], *items_of(header, "SharedFunctionalGroupsSequence")[:1], header]


def _within(groups: list[Dataset], sequence: str) -> Iterator[Dataset]:
    """The macro's item in each group that has one, and the top level, where the elements lie bare."""
    for group in groups[:-1]:
        yield from items_of(group, sequence)[:1]
    yield groups[-1]


def colour_plane(decoded: Decoded, layout: Layout, header: Dataset) -> np.ndarray:
    """float32 (H, W, 3) in [0, 1] of colour values; no VOI applies to them (PS3.3, C.11.2)."""
    values, photometric = decoded.values, decoded.photometric
    if photometric == "PALETTE COLOR":
        values = quiet_pydicom().pixels.apply_color_lut(values, header)
        top = 255 if values.dtype == np.uint8 or values.max() <= 255 else 65535
    else:
        if photometric.startswith("YBR_FULL"):
            values = quiet_pydicom().pixels.convert_color_space(values, photometric, "RGB")
        top = 2**layout.stored - 1
    pixels = values[..., :3].astype(np.float32)
    pixels *= np.float32(1 / top)
    if layout.planar == 0:
        pixels.reshape(-1, 3)[decoded.known :] = 0.0
    return np.clip(pixels, 0, 1, out=pixels)


def gray_plane(decoded: Decoded, layout: Layout, groups: list[Dataset], notes: list[str]) -> np.ndarray:
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
        if tables := items_of(item, "ModalityLUTSequence"):
            table, first, _ = _lut(tables[0], groups[-1])
            notes.append("modality LUT sequence")
            return lambda values: _apply_lut(values, table, first)
        slope, intercept = float_of(item, "RescaleSlope"), float_of(item, "RescaleIntercept")
        if slope is not None and intercept is not None and slope != 0:
            if (slope, intercept) != (1.0, 0.0):
                notes.append(f"rescaled: {slope:g} x value {intercept:+g}")
            return lambda values: values * slope + intercept
    return np.asarray


def _voi(groups: list[Dataset], layout: Layout, notes: list[str]) -> Step | None:
    """The modality's values to [0, 1] (PS3.3, C.11.2): the VOI LUT, else the window, else None."""
    for item in _within(groups, "FrameVOILUTSequence"):
        if tables := items_of(item, "VOILUTSequence"):
            table, first, bits = _lut(tables[0], groups[-1])
            notes.append("VOI LUT sequence" + _of_several(len(tables)))
            return lambda values: _apply_lut(values, table, first) / (2**bits - 1)
        centres, widths = floats_of(item, "WindowCenter"), floats_of(item, "WindowWidth")
        if centres and widths:
            function = text_of(item, "VOILUTFunction").upper() or "LINEAR"
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


def _lut(item: Dataset, header: Dataset) -> tuple[np.ndarray, int, int]:
    """A LUT's entries, the value its first entry stands for, and its bits (PS3.3, C.11.1.1.1)."""
    count, first, bits = (int(part) for part in item["LUTDescriptor"].value)
    count = count or 65536  # zero stands for 2^16
    raw = item["LUTData"].value
    if isinstance(raw, bytes):
        order = ">" if header.original_encoding[1] is False else "<"
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


def _padding(header: Dataset) -> tuple[float, float] | None:
    """The stored values that pad the picture to its rectangle (PS3.3, C.7.5.1.1.2), from ... to."""
    value = float_of(header, "PixelPaddingValue")
    if value is None:
        return None
    limit = float_of(header, "PixelPaddingRangeLimit")
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def spacing_of(groups: list[Dataset], notes: list[str]) -> tuple[float, float] | None:
    """(row, column) distance of the pixels in mm, None when unknown."""
    for keyword, remark in _SPACINGS.items():
        for item in _within(groups, "PixelMeasuresSequence"):
            spacing = floats_of(item, keyword)
            if len(spacing) == 2 and all(isfinite(edge) and edge > 0 for edge in spacing):
                notes.append(f"spacing from {keyword}{remark}")
                return spacing[0], spacing[1]
    return None


_SPACINGS = {
    "PixelSpacing": "",
    "ImagerPixelSpacing": " (at the detector: not corrected for magnification)",
    "NominalScannedPixelSpacing": " (of the scanned film)",
}
