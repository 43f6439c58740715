"""A reading as a DICOM structured report: Comprehensive SR, measurement report (PS3.16, TID 1500).

The reader is the person observer. The finding is a qualitative evaluation of the whole image: fracture of bone
(SCT 125605004) present, absent or undetermined (CID 240), the confidence a measurement, "Certainty of Finding" in
percent. Each mark is a planar region (TID 1410): a closed POLYLINE or a POINT in the image's own pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fracture_core.annotations.readings import Reading
from fracture_core.interchange.dicom_source import (
    FINDING_VALUES,
    FRACTURE,
    SourceImage,
    built,
    closed,
    equipment,
    outline_in,
    person_name,
    plain_text,
    tracking_uid,
)
from fracture_core.interchange.fields import reading_id
from fracture_core.marks import Mark

if TYPE_CHECKING:
    from highdicom.sr import MeasurementReport


def write_sr(source: SourceImage, reading: Reading, *, number: int = 1) -> bytes:
    """One report of one reading, a DICOM file.

    Args:
        source: of ``source_image``.
        number: of the report among those of this film, from 1.

    Raises:
        FractureError: the film's header does not allow it.
    """
    from highdicom.sr import ComprehensiveSR

    def make() -> ComprehensiveSR:
        committed = reading.committed.astimezone()  # DICOM's times are local ones
        about = equipment(source, "SR", [reading], number=number)
        for name in ("manufacturer_model_name", "software_versions", "device_serial_number"):
            about.pop(name)
        return ComprehensiveSR(
            evidence=[source.header],
            content=_report(source, reading)[0],
            is_complete=True,
            content_date=committed.date(),
            content_time=committed.time(),
            series_description=plain_text(f"Fracture reading by {reading.reader}"),
            **about,
        )

    return built(source, make)


def _report(source: SourceImage, reading: Reading) -> MeasurementReport:
    from highdicom.sr import (
        MeasurementReport,
        ObservationContext,
        ObserverContext,
        PersonObserverIdentifyingAttributes,
    )
    from pydicom.sr.codedict import codes

    observer = ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(name=person_name(reading.reader)),
    )
    regions = [_region(source, reading, place) for place in range(len(reading.marks))]
    return MeasurementReport(
        observation_context=ObservationContext(observer_person_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=[_whole(source, reading), *regions],
    )


def _whole(source: SourceImage, reading: Reading) -> Any:
    """The finding, its certainty and the reader's words, of the image as a whole (TID 1501)."""
    from highdicom.sr import (
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    certainty = []
    if reading.confidence is not None:
        certainty = [Measurement(codes.DCM.CertaintyOfFinding, value=reading.confidence, unit=codes.UCUM.Percent)]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=tracking_uid(reading_id(reading)), identifier=plain_text(reading_id(reading))
        ),
        qualitative_evaluations=[QualitativeEvaluation(_code(*FRACTURE), _code(*FINDING_VALUES[reading.finding]))],
        measurements=certainty,
        source_images=[SourceImageForMeasurementGroup(**_reference(source))],
    )
    aided = f"shown before: {reading.shown}" if reading.aided else ""
    _comment(group, "\n".join(words for words in (reading.note, aided) if words))
    return group


def _region(source: SourceImage, reading: Reading, place: int) -> Any:
    """One mark (TID 1410)."""
    from highdicom.sr import (
        ImageRegion,
        PlanarROIMeasurementsAndQualitativeEvaluations,
        SourceImageForRegion,
        TrackingIdentifier,
    )

    mark = reading.marks[place]
    outline = outline_in(source.film, mark)
    identifier = plain_text(mark.id) or str(place + 1)
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=tracking_uid(reading_id(reading), str(place), mark.id), identifier=identifier
        ),
        referenced_region=ImageRegion(
            graphic_type="POLYLINE" if mark.is_region else "POINT",
            graphic_data=closed(outline) if mark.is_region else outline,
            source_image=SourceImageForRegion(**_reference(source)),
        ),
        finding_type=_code(*FRACTURE),
    )
    _comment(group, _words(mark))
    return group


def _words(mark: Mark) -> str:
    """What the codes do not say: another label, how it was drawn, the note."""
    drawn = f"drawn as {mark.kind}"
    return "\n".join(words for words in (mark.label if mark.label != "fracture" else "", drawn, mark.note) if words)


def _reference(source: SourceImage) -> dict[str, Any]:
    return {
        "referenced_sop_class_uid": source.header.SOPClassUID,
        "referenced_sop_instance_uid": source.header.SOPInstanceUID,
        "referenced_frame_numbers": None if source.frame is None else [source.frame],
    }


def _comment(group: Any, words: str) -> None:
    from highdicom.sr import RelationshipTypeValues, TextContentItem
    from pydicom.sr.codedict import codes

    if words:
        item = TextContentItem(codes.DCM.Comment, words, RelationshipTypeValues.CONTAINS)
        group[0].ContentSequence.append(item)


def _code(value: str, scheme: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value, scheme, meaning)
