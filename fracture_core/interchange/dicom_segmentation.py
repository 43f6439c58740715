"""What readers marked on a film as a DICOM segmentation: binary, a segment for each reading with regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fracture_core.annotations.readings import Reading
from fracture_core.errors import FractureError
from fracture_core.interchange.dicom_source import (
    FRACTURE,
    SourceImage,
    as_single,
    built,
    equipment,
    frames_without_groups,
    person_name,
    plain_text,
    refer_back,
    tracking_uid,
)
from fracture_core.interchange.fields import reading_id
from fracture_core.interchange.films import within_reach
from fracture_core.marks import region_mask

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom.dataset import Dataset

_ABNORMAL = ("49755003", "SCT", "Morphologically Abnormal Structure")  # CID 7150


def has_regions(reading: Reading) -> bool:
    """Whether a reading has a mark that encloses an area, and so a segment."""
    return any(mark.is_region for mark in reading.marks)


def write_seg(source: SourceImage, readings: Sequence[Reading]) -> bytes:
    """The union of each reading's regions (``region_mask``) as a segment, in the order of the readings.

    Points, and readings without regions, have no place in it.

    Raises:
        FractureError: nobody marked a region, or the film's header does not allow it.
    """
    marked = [reading for reading in readings if has_regions(reading)]
    if not marked:
        raise FractureError(f"Nobody marked a region on '{source.film.name}': there is nothing to segment.")
    return built(source, lambda: _segmentation(source, marked))


def _segmentation(source: SourceImage, readings: Sequence[Reading]) -> Segmentation:
    from highdicom.seg import Segmentation

    shape = (source.film.height, source.film.width)
    marks = [[within_reach(mark) for mark in reading.marks] for reading in readings]
    masks = np.stack([region_mask(marked, shape) for marked in marks], axis=-1)
    header, pixels = _planes(source, masks)
    made = Segmentation(
        source_images=[header],
        pixel_array=pixels.astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[_segment(number, reading) for number, reading in enumerate(readings, 1)],
        omit_empty_frames=len(pixels) > 1,
        content_label="FRACTURE",
        content_description="Regions marked by readers",
        content_creator_name=person_name(readings[0].reader),
        series_description="Fracture regions by reader",
        **equipment(source, "SEG", readings),
    )
    if header is not source.header:
        refer_back(made, source)
    return made


def _planes(source: SourceImage, masks: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """The header and the masks (frames, H, W, segments) as highdicom takes them.

    It segments all of several frames that have places in space and, where they have none, a single one only.
    """
    if "FrameOfReferenceUID" not in source.header or frames_without_groups(source.header):
        return as_single(source), masks[None]
    if source.frame is None:
        return source.header, masks[None]
    pixels = np.zeros((int(source.header.NumberOfFrames), *masks.shape), dtype=bool)
    pixels[source.frame - 1] = masks
    return source.header, pixels


def _segment(number: int, reading: Reading) -> Any:
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept

    aided = f" (shown {reading.shown})" if reading.aided else ""
    return SegmentDescription(
        segment_number=number,
        segment_label=plain_text(reading.reader + aided) or "unnamed",
        segmented_property_category=CodedConcept(*_ABNORMAL),
        segmented_property_type=CodedConcept(*FRACTURE),
        algorithm_type="MANUAL",
        tracking_id=plain_text(reading_id(reading)),
        tracking_uid=tracking_uid(reading_id(reading)),
    )
