"""Readings as DICOM SR, SEG and GSPS, read back with pydicom."""

from __future__ import annotations

import hashlib
import io
import warnings

import numpy as np
import pytest
from interchange_made import MARKS, film, reading

from fracture_core.annotations import FilmEntry
from fracture_core.errors import FractureError
from fracture_core.imaging import read_image
from fracture_core.interchange import export_readings, source_image, write_gsps, write_seg, write_sr
from fracture_core.marks import Mark, region_mask
from fracture_core.phantom import ct_series, radiograph, to_dicom

DERIVED = (
    *("1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.66.4"),
    "1.2.840.10008.5.1.4.1.1.11.1",
)


def _entry(content: bytes, name: str = "leg.dcm") -> FilmEntry:
    picture = read_image(content)
    return FilmEntry(hashlib.sha256(content).hexdigest(), name, picture.width, picture.height)


@pytest.fixture(scope="module")
def content() -> bytes:
    return to_dicom(radiograph(seed=3, region="leg", fracture="oblique"))


@pytest.fixture(scope="module")
def entry(content) -> FilmEntry:
    return _entry(content)


def _changed(content: bytes, **elements: object) -> bytes:
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(content))
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def test_marks_far_outside_any_film_are_exported(content, entry):
    far = [
        Mark("box", ((-1.7e308, 3.0), (1.7e308, 1e160)), id="a"),
        Mark("polygon", ((0.0, 0.0), (1.7e308, 1e-3), (5.0, -1.7e308)), id="b"),
        Mark("freehand", ((1.7e308, -1e308), (-1e160, -9.0), (-1.7e308, 1.7e308)), id="c"),
    ]
    for name in ("dicom-sr", "dicom-seg", "dicom-gsps", "png"):
        made = export_readings(name, [(entry, [reading(entry, marks=far)])], content=lambda _: content)
        assert made.left_out == 0 and len(made.files) == 1


def _read(data: bytes):
    import pydicom

    return pydicom.dcmread(io.BytesIO(data))


def _all_made(film_: FilmEntry, content: bytes, readings) -> list:
    """SR of the first reading, SEG and GSPS of all, as files, read again."""
    source = source_image(film_, content)
    return [
        _read(made)
        for made in (write_sr(source, readings[0]), write_seg(source, readings), write_gsps(source, readings))
    ]


def _groups(report):
    container = next(item for item in report.ContentSequence if item.ValueType == "CONTAINER")
    return list(container.ContentSequence)


def _item(group, code: str):
    return next(item for item in group.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == code)


def test_a_report_says_who_what_and_where(content, entry):
    original = _read(content)
    given = reading(entry, "Ångström, Eva=^2", MARKS, confidence=70, note="zwei\nZeilen, 骨折", shown="heatmap")
    report = _read(write_sr(source_image(entry, content), given))
    assert report.SOPClassUID == DERIVED[0] and report.Modality == "SR" and report.CompletionFlag == "COMPLETE"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.StudyInstanceUID == original.StudyInstanceUID and report.PatientID == original.PatientID
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == original.StudyInstanceUID
    assert evidence.ReferencedSeriesSequence[0].SeriesInstanceUID == original.SeriesInstanceUID
    referenced = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert (referenced.ReferencedSOPClassUID, referenced.ReferencedSOPInstanceUID) == (
        original.SOPClassUID,
        original.SOPInstanceUID,
    )
    observer = next(item for item in report.ContentSequence if item.ValueType == "PNAME")
    assert str(observer.PersonName) == "Ångström, Eva 2^"

    whole, *regions = _groups(report)
    finding = _item(whole, "125605004")
    assert finding.ConceptNameCodeSequence[0].CodingSchemeDesignator == "SCT"
    assert finding.ConceptCodeSequence[0].CodeValue == "52101004"
    certainty = _item(whole, "111012").MeasuredValueSequence[0]
    assert certainty.NumericValue == 70 and certainty.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    assert _item(whole, "121106").TextValue == "zwei\nZeilen, 骨折\nshown before: heatmap"

    assert len(regions) == len(MARKS)
    for group, mark in zip(regions, MARKS, strict=True):
        assert group.ContentTemplateSequence[0].TemplateIdentifier == "1410"
        region = _item(group, "111030")
        assert region.GraphicType == ("POLYLINE" if mark.is_region else "POINT")
        points = np.array(region.GraphicData).reshape(-1, 2)
        outline = np.vstack([mark.outline, mark.outline[:1]]) if mark.is_region else mark.outline
        np.testing.assert_array_equal(points.astype(np.float32), outline.astype(np.float32))
        image = region.ContentSequence[0].ReferencedSOPSequence[0]
        assert image.ReferencedSOPInstanceUID == original.SOPInstanceUID and "ReferencedFrameNumber" not in image
        assert _item(group, "112039").TextValue == mark.id
        assert f"drawn as {mark.kind}" in _item(group, "121106").TextValue


@pytest.mark.parametrize(("finding", "code"), [("none", "272519000"), ("uncertain", "373068000")])
def test_findings_without_marks(content, entry, finding, code):
    given = reading(entry, finding=finding, confidence=None)
    (whole,) = _groups(_read(write_sr(source_image(entry, content), given)))
    assert _item(whole, "125605004").ConceptCodeSequence[0].CodeValue == code
    assert [item.ValueType for item in whole.ContentSequence] == ["TEXT", "UIDREF", "CODE", "IMAGE"]


def test_a_segmentation_holds_each_readers_mask(content, entry):
    original = _read(content)
    readings = [
        reading(entry, "Ada", MARKS),
        reading(entry, "Nobody"),
        reading(entry, "Eva", [MARKS[3]]),
        reading(entry, "Bob", MARKS[:2], shown="heatmap"),
    ]
    made = _read(write_seg(source_image(entry, content), readings))
    assert made.SOPClassUID == DERIVED[1] and made.SegmentationType == "BINARY"
    assert [segment.SegmentLabel for segment in made.SegmentSequence] == ["Ada", "Bob (shown heatmap)"]
    assert made.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue == "125605004"
    shape = (entry.height, entry.width)
    expected = np.stack([region_mask(MARKS, shape), region_mask(MARKS[:2], shape)])
    np.testing.assert_array_equal(made.pixel_array.astype(bool), expected)
    assert expected.any()
    series = made.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == original.SeriesInstanceUID
    for group, number in zip(made.PerFrameFunctionalGroupsSequence, (1, 2), strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == original.SOPInstanceUID
        assert group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
    with pytest.raises(FractureError, match="Nobody marked a region"):
        write_seg(source_image(entry, content), readings[1:3])


def test_a_presentation_state_draws_in_pixels(content, entry):
    original = _read(content)
    readings = [reading(entry, "Ada", MARKS), reading(entry, "佐藤", MARKS[:1]), reading(entry, "Bob")]
    made = _read(write_gsps(source_image(entry, content), readings))
    assert made.SOPClassUID == DERIVED[2] and made.PresentationLUTShape == "IDENTITY"
    relation = made.ReferencedSeriesSequence[0]
    assert relation.SeriesInstanceUID == original.SeriesInstanceUID
    assert relation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    area = made.DisplayedAreaSelectionSequence[0]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [entry.width, entry.height]
    assert [layer.GraphicLayerDescription for layer in made.GraphicLayerSequence] == ["Ada", "佐藤", "Bob"]
    first, _, third = made.GraphicAnnotationSequence
    assert first.ReferencedImageSequence[0].ReferencedSOPClassUID == original.SOPClassUID
    for drawn, mark in zip(first.GraphicObjectSequence, MARKS, strict=True):
        assert drawn.GraphicAnnotationUnits == "PIXEL"
        assert drawn.GraphicType == ("POLYLINE" if mark.is_region else "POINT")
        outline = np.vstack([mark.outline, mark.outline[:1]]) if mark.is_region else mark.outline
        points = np.array(drawn.GraphicData).reshape(-1, 2)
        np.testing.assert_array_equal(points.astype(np.float32), outline.astype(np.float32))
    words = [text.UnformattedTextValue for text in first.TextObjectSequence]
    assert words == ["1  Ada: fractured, 80 of 100, 4 marks", "cortex", "callus"]
    assert "GraphicObjectSequence" not in third and len(third.TextObjectSequence) == 1


def test_monochrome1_stays_inverted():
    content = to_dicom(radiograph(seed=3, region="hand"), photometric="MONOCHROME1")
    entry = _entry(content)
    made = _read(write_gsps(source_image(entry, content), [reading(entry)]))
    assert made.PresentationLUTShape == "INVERSE"


@pytest.mark.parametrize(
    ("given", "spacing", "ratio"),
    [
        ({"PixelSpacing": [0.3, 0.15]}, [0.3, 0.15], None),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.1]}, [0.2, 0.1], None),
        ({"PixelSpacing": None, "PixelAspectRatio": [2, 1]}, None, [2, 1]),
        ({"PixelSpacing": None}, None, [1, 1]),
    ],
)
def test_a_presentation_state_shows_pixels_in_the_films_proportions(content, entry, given, spacing, ratio):
    changed = _changed(_changed(content, PixelSpacing=[1, 1], ImagerPixelSpacing=[1, 1]), ImagerPixelSpacing=None)
    changed = _changed(changed, **given)
    made = _read(write_gsps(source_image(entry, changed), [reading(entry)]))
    (area,) = made.DisplayedAreaSelectionSequence
    assert area.get("PresentationPixelSpacing") == spacing
    assert area.get("PresentationPixelAspectRatio") == ratio


def test_marks_outside_the_film_go_to_its_border(content, entry):
    mark = Mark("polygon", ((-5.0, 3.0), (9000.0, 4.0), (7.0, 8.5)))
    given = reading(entry, marks=[mark])
    region = _item(_groups(_read(write_sr(source_image(entry, content), given)))[1], "111030")
    assert list(region.GraphicData) == [0, 3, entry.width, 4, 7, 8.5, 0, 3]
    made = export_readings("dicom-sr", [(entry, [given])], content=lambda _: content)
    assert made.notes == ("Marks that reach outside the film were moved to its border: leg.dcm",)


def test_a_frame_of_many_is_named():
    """A multi-frame image has no place for one reading but its frame."""
    plain = to_dicom(radiograph(seed=3, region="finger"), bits=8)
    pixels = _read(plain).PixelData
    content = _changed(plain, NumberOfFrames=3, PixelData=pixels * 3, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2")
    entry = _entry(content)
    report, segmentation, state = _all_made(entry, content, [reading(entry, marks=MARKS)])
    frame = _item(_groups(report)[1], "111030").ContentSequence[0].ReferencedSOPSequence[0].ReferencedFrameNumber
    assert frame == 2  # read_image shows the middle one
    group = segmentation.PerFrameFunctionalGroupsSequence[0]
    assert group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == 2
    shape = (entry.height, entry.width)
    np.testing.assert_array_equal(np.squeeze(segmentation.pixel_array).astype(bool), region_mask(MARKS, shape))
    assert state.GraphicAnnotationSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber == 2
    assert {item.ReferencedSOPClassUID for item in segmentation.SourceImageSequence} == {
        "1.2.840.10008.5.1.4.1.1.7.2"
    }
    last = source_image(entry, content, frame=2)
    assert last.frame == 3
    with pytest.raises(FractureError, match="no frame 3"):
        source_image(entry, content, frame=3)


def test_a_slice_with_a_frame_of_reference():
    content = ct_series(seed=1, patient_id="P", slices=2)[1].data
    entry, mark = _entry(content), Mark("box", ((10, 12), (40, 33)))
    _, segmentation, _ = _all_made(entry, content, [reading(entry, marks=[mark])])
    original = _read(content)
    assert segmentation.FrameOfReferenceUID == original.FrameOfReferenceUID
    position = segmentation.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    np.testing.assert_allclose(position, original.ImagePositionPatient)
    assert np.squeeze(segmentation.pixel_array).sum() == 30 * 21


def test_headers_with_blanks_and_old_dates(content, entry):
    bare = _changed(
        content,
        **dict.fromkeys(("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber")),
        ReferringPhysicianName=None,
    )
    entry = _entry(bare)
    for made in _all_made(entry, bare, [reading(entry, marks=MARKS)]):
        assert made.PatientID in ("", None) and str(made.PatientName or "") == ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd = _changed(content, StudyDate="1993.05.06", StudyTime="14:04:38", PatientBirthDate="pseudonym")
    entry = _entry(odd)
    for made in _all_made(entry, odd, [reading(entry, marks=MARKS)]):
        assert (made.StudyDate, made.StudyTime, made.PatientBirthDate) == ("19930506", "140438", "")


def test_patients_names_of_other_character_sets_stay_right(content):
    changed = _changed(content, SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    entry = _entry(changed)
    for made in _all_made(entry, changed, [reading(entry, "佐藤", MARKS)]):
        assert str(made.PatientName) == "Müller^Jörg"


def test_no_remark_names_the_patient(content, capfd, recwarn, caplog):
    changed = _changed(content, PatientName="SECRETNAME")
    entry = _entry(changed)
    recwarn.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        _all_made(entry, changed, [reading(entry, "Ada", MARKS)])
    said = capfd.readouterr()
    assert "SECRETNAME" not in said.out + said.err + caplog.text + "".join(str(one.message) for one in recwarn)


def test_the_same_readings_give_the_same_identifiers(content, entry):
    one, two = (_all_made(entry, content, [reading(entry, marks=MARKS)]) for _ in range(2))
    other = _all_made(entry, content, [reading(entry, marks=MARKS[:2])])
    assert [made.SOPInstanceUID for made in one] == [made.SOPInstanceUID for made in two]
    assert not {made.SOPInstanceUID for made in one} & {made.SOPInstanceUID for made in other}
    assert len({made.SOPInstanceUID for made in one}) == 3


def test_films_that_are_no_dicom_are_told_with_the_remedy(content, entry):
    for data, word in (
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "is no DICOM file"),
        (_changed(content, StudyInstanceUID=None), "has no StudyInstanceUID"),
        (_changed(content, PixelData=None), "holds no picture"),
    ):
        with pytest.raises(FractureError, match=f"{word}.*COCO or CSV"):
            source_image(entry, data)
    with pytest.raises(FractureError, match="no DICOM file"):
        export_readings("dicom-seg", [(film(), [reading(film(), marks=MARKS)])], content=lambda _: b"GIF89a")
    with pytest.raises(FractureError, match="not at hand"):
        export_readings("dicom-sr", [(entry, [reading(entry)])])

    readings = [(entry, [reading(entry, marks=MARKS), reading(entry, "Bob")]), (film(), [reading(film())])]
    made = export_readings("dicom-sr", readings, content=lambda one: content if one == entry else b"text")
    assert sorted(made.files) == ["leg-sr-1.dcm", "leg-sr-2.dcm"] and made.left_out == 1
    assert "wrist.png" in made.notes[-1]
    assert [_read(data).InstanceNumber for data in made.files.values()] == [1, 2]


def test_colour_films_have_no_grayscale_state(content):
    pixels = np.frombuffer(_read(to_dicom(radiograph(seed=3, region="finger"), bits=8)).PixelData, np.uint8)
    changed = _changed(
        to_dicom(radiograph(seed=3, region="finger"), bits=8),
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        PixelData=np.repeat(pixels, 3).tobytes(),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
    )
    entry = _entry(changed)
    with pytest.raises(FractureError, match="in colour"):
        write_gsps(source_image(entry, changed), [reading(entry)])


def _radiographs(folder) -> list:
    return sorted((folder / "dicom/radiograph").glob("*.dcm"))


def test_real_radiographs_take_all_three(fracture_data):
    paths = _radiographs(fracture_data)
    assert len(paths) >= 8
    for path in paths:
        content = path.read_bytes()
        original = _read_header(content)
        entry = FilmEntry(hashlib.sha256(content).hexdigest(), path.name, int(original.Columns), int(original.Rows))
        mark = Mark("polygon", ((100.5, 200.25), (400.0, 210.0), (300.125, 600.75)))
        report, segmentation, state = _all_made(entry, content, [reading(entry, marks=[mark])])
        for made, place in zip((report, segmentation, state), DERIVED, strict=True):
            assert made.SOPClassUID == place and made.StudyInstanceUID == original.StudyInstanceUID
        image = _item(_groups(report)[1], "111030").ContentSequence[0].ReferencedSOPSequence[0]
        assert image.ReferencedSOPInstanceUID == original.SOPInstanceUID
        mask = region_mask([mark], (entry.height, entry.width))
        np.testing.assert_array_equal(np.squeeze(segmentation.pixel_array).astype(bool), mask)
        drawn = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
        assert list(drawn.GraphicData) == [100.5, 200.25, 400.0, 210.0, 300.125, 600.75, 100.5, 200.25]


def _read_header(content: bytes):
    import pydicom

    return pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, force=True)
