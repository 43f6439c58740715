"""What readers marked on a film as a DICOM grayscale presentation state (GSPS): a layer for each reading.

Outlines are closed POLYLINEs, points POINTs, in the image's own pixels; words stand as text beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fracture_core.annotations.readings import Reading
from fracture_core.errors import FractureError
from fracture_core.interchange.dicom_source import (
    SourceImage,
    as_single,
    built,
    closed,
    equipment,
    frames_without_groups,
    outline_in,
    person_name,
    plain_text,
    refer_back,
    tracking_uid,
)
from fracture_core.interchange.fields import reading_id
from fracture_core.interchange.picture import colour, legend_line
from fracture_core.marks import Mark

if TYPE_CHECKING:
    from highdicom.pr import GrayscaleSoftcopyPresentationState
    from pydicom.dataset import Dataset

LINE = 0.04  # of the film's height, for a line of the legend; not stated; ours


def write_gsps(source: SourceImage, readings: Sequence[Reading]) -> bytes:
    """One presentation state with every reading's marks, finding and words.

    Raises:
        FractureError: the film is in colour, which a grayscale state cannot present, or its header does not allow it.
    """
    if source.header.get("SamplesPerPixel", 1) != 1:
        raise FractureError(
            f"'{source.film.name}' is in colour; a grayscale presentation state cannot refer to it. "
            "Export its readings as DICOM SR, COCO or CSV."
        )
    return built(source, lambda: _state(source, readings))


def _state(source: SourceImage, readings: Sequence[Reading]) -> GrayscaleSoftcopyPresentationState:
    from highdicom import PresentationLUTTransformation
    from highdicom.pr import GrayscaleSoftcopyPresentationState

    header = as_single(source) if frames_without_groups(source.header) else source.header
    inverse = source.header.get("PhotometricInterpretation") == "MONOCHROME1"
    layers = [_layer(number, reading) for number, reading in enumerate(readings, 1)]
    made = GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        content_label="FRACTURE",
        content_description="Readings with their marks",
        content_creator_name=person_name(readings[0].reader) if readings else None,
        graphic_layers=layers or None,
        graphic_annotations=[
            _annotation(source, header, layer, number, reading)
            for number, (layer, reading) in enumerate(zip(layers, readings, strict=True), 1)
        ]
        or None,
        # The state's own shape of the presentation LUT takes the place of the photometric interpretation.
        presentation_lut_transformation=PresentationLUTTransformation(
            presentation_lut_shape="INVERSE" if inverse else "IDENTITY"
        ),
        series_description="Fracture readings",
        **equipment(source, "PR", readings),
    )
    _keep_shape(made, source)
    if header is not source.header:
        refer_back(made, source)
    return made


def _keep_shape(made: Dataset, source: SourceImage) -> None:
    """Have the state show pixels in the film's own proportions: highdicom calls them all square."""
    from fracture_core.dicom.display import functional_groups, spacing_of

    spacing = spacing_of(functional_groups(source.header, (source.frame or 1) - 1), [])
    for area in made.DisplayedAreaSelectionSequence:
        if spacing is not None:
            del area.PresentationPixelAspectRatio
            area.PresentationPixelSpacing = list(spacing)
        elif ratio := source.header.get("PixelAspectRatio"):
            area.PresentationPixelAspectRatio = ratio


def _layer(number: int, reading: Reading) -> Any:
    from highdicom.color import CIELabColor
    from highdicom.pr import GraphicLayer

    return GraphicLayer(
        layer_name=f"READER {number}",
        order=number,
        description=plain_text(reading.reader) or "unnamed",
        display_color=CIELabColor.from_rgb(*colour(number)),
    )


def _annotation(source: SourceImage, header: Dataset, layer: Any, number: int, reading: Reading) -> Any:
    from highdicom.pr import GraphicAnnotation

    words = [_text(source, (0.0, (number - 1) * LINE * source.film.height), legend_line(number, reading))]
    for mark in reading.marks:
        if told := "; ".join(plain for plain in (mark.label if mark.label != "fracture" else "", mark.note) if plain):
            words.append(_text(source, tuple(outline_in(source.film, mark).min(axis=0)), told))
    return GraphicAnnotation(
        referenced_images=[header],
        graphic_layer=layer,
        referenced_frame_number=source.frame if header is source.header else None,
        graphic_objects=[_graphic(source, reading, mark, place) for place, mark in enumerate(reading.marks)] or None,
        text_objects=words,
    )


def _graphic(source: SourceImage, reading: Reading, mark: Mark, place: int) -> Any:
    from highdicom.pr import GraphicObject

    outline = outline_in(source.film, mark)
    return GraphicObject(
        graphic_type="POLYLINE" if mark.is_region else "POINT",
        graphic_data=closed(outline) if mark.is_region else outline,
        units="PIXEL",
        tracking_id=plain_text(mark.id) or str(place + 1),
        tracking_uid=tracking_uid(reading_id(reading), str(place), mark.id),
    )


def _text(source: SourceImage, corner: Sequence[float], words: str) -> Any:
    """Words in a box as high as a line, from a corner to the film's right border, anchored nowhere."""
    from highdicom.pr import TextObject

    film = source.film
    left, top = min(corner[0], film.width - 1), min(corner[1], film.height - 1)
    bottom = min(top + LINE * film.height, film.height)
    return TextObject(
        text_value=words[:1024],
        units="PIXEL",
        text_justification="LEFT",
        bounding_box=(float(left), float(top), float(film.width), float(bottom)),
    )
