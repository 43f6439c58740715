"""Synthetic films and CT series: repeatable, valid DICOM, and true to the fracture they claim."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from fracture_core import phantom
from fracture_core.errors import FractureError, UnknownName
from fracture_core.phantom import KINDS, REGIONS, VIEWS, ct_series, radiograph, samples, to_dicom, to_png


def every_pair(rows: tuple[str, ...], columns: tuple[str, ...]) -> list:
    """All pairs as parameters; but for a diagonal that holds every value of both, they are marked slow."""
    quick = {(rows[k % len(rows)], columns[k % len(columns)]) for k in range(max(len(rows), len(columns)))}
    pairs = [(row, column) for row in rows for column in columns]
    return [pytest.param(*pair, marks=() if pair in quick else pytest.mark.slow) for pair in pairs]


EVERY_FRACTURE = every_pair(REGIONS, KINDS)
EVERY_REGION = [
    pytest.param(region, marks=() if region in ("leg", "finger") else pytest.mark.slow) for region in REGIONS
]


def inside(polygon: np.ndarray, shape: tuple[int, int], *, grow: int = 0) -> np.ndarray:
    """Pixels whose centre lies in the polygon, ``grow`` pixels wider."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round((polygon - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8)).astype(bool)


def changed(film: phantom.Phantom) -> np.ndarray:
    """How far a fractured film lies from its whole twin."""
    whole = radiograph(seed=film.seed, region=film.region, size=film.pixels.shape)
    return np.abs(film.pixels - whole.pixels)


def dataset(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


# ----------------------------------------------------------------------------------------------- films


def test_default_film():
    film = radiograph(seed=0)
    assert film.pixels.shape == (454, 373) and film.pixels.dtype == np.float32
    assert not film.pixels.flags.writeable
    assert (film.region, film.fractured, film.kind, film.polygon, film.bone) == (
        "forearm",
        False,
        None,
        None,
        None,
    )
    assert film.side in ("L", "R")
    assert 0.2 < film.spacing[0] < 1.5 and film.spacing[0] == film.spacing[1]  # a plate of 35 x 43 cm or less


@pytest.mark.parametrize(("region", "kind"), EVERY_FRACTURE)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_every_fracture_in_every_region(region: str, kind: str, seed: int):
    film = radiograph(seed=seed, region=region, fracture=kind)
    height, width = film.pixels.shape
    assert film.fractured and film.kind == kind and film.region == region and film.bone
    assert np.isfinite(film.pixels).all() and film.pixels.min() >= 0 and film.pixels.max() <= 1
    assert film.polygon.ndim == 2 and film.polygon.shape[1] == 2 and len(film.polygon) >= 3
    assert (film.polygon >= 0).all() and (film.polygon <= (width, height)).all()
    assert cv2.isContourConvex(film.polygon.astype(np.float32))
    difference = changed(film)
    reach = round(1.25 * np.ptp(film.polygon, axis=0).max())  # displaced ends bend back within a bone's width
    near = inside(film.polygon, film.pixels.shape, grow=max(3, reach))
    assert (difference**2)[near].sum() > 0.9 * (difference**2).sum(), "the change lies away from the polygon"


@pytest.mark.parametrize(("region", "kind"), EVERY_FRACTURE)
def test_fracture_shows_and_only_where_it_is(region: str, kind: str):
    """Averaged over films, inside the polygon the change is large against the change anywhere else."""
    ratios, largest = [], []
    for seed in range(4):
        film = radiograph(seed=seed, region=region, fracture=kind)
        difference, region_mask = changed(film), inside(film.polygon, film.pixels.shape)
        ratios.append(difference[region_mask].mean() / max(difference[~region_mask].mean(), 1e-9))
        largest.append(np.percentile(difference[region_mask], 95))
    assert np.median(ratios) > 15
    assert np.median(largest) > (0.03 if kind == "hairline" else 0.08)


@pytest.mark.parametrize("region", EVERY_REGION)
def test_polygon_lies_on_bone(region: str):
    """Bone outshines its surroundings: on the whole twin, the polygon is brighter than a ring around it."""
    gains = []
    for seed in range(6):
        film = radiograph(seed=seed, region=region, fracture="transverse")
        whole = radiograph(seed=seed, region=region).pixels
        mask = inside(film.polygon, whole.shape)
        ring = inside(film.polygon, whole.shape, grow=12) & ~inside(film.polygon, whole.shape, grow=3)
        centre = film.polygon.mean(axis=0).astype(int)
        gains.append(whole[mask].mean() - whole[ring].mean())
        assert whole[centre[1], centre[0]] > 1.5 * np.median(whole), "the polygon's middle is not on bone"
    assert np.mean(gains) > 0.02


def test_same_seed_same_bytes_in_another_process():
    code = (
        "import sys, hashlib; from fracture_core.phantom import *; f = radiograph(seed=5, fracture='comminuted');"
        "assert 'torch' not in sys.modules;"
        "d = f.pixels.tobytes() + f.polygon.tobytes() + to_png(f) + to_dicom(f);"
        "d += b''.join(s.data for s in ct_series(seed=5, patient_id='A', slices=2, size=(64, 64)));"
        "print(hashlib.sha256(d).hexdigest())"
    )
    env = {**os.environ, "PYTHONHASHSEED": "random"}
    digests = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_seeds_differ():
    first, second = radiograph(seed=1), radiograph(seed=2)
    assert np.abs(first.pixels - second.pixels).mean() > 0.01


@pytest.mark.parametrize("region", REGIONS)
def test_looks_like_a_film(region: str):
    """Dark air, gray tissue, bright bone; noise everywhere, saturation almost nowhere."""
    pixels = np.concatenate([radiograph(seed=seed, region=region).pixels.ravel() for seed in range(5)])
    dark, middle, bright = np.percentile(pixels, [10, 75, 99])
    assert dark < 0.15 and bright > 0.55 and dark < middle < bright
    assert (pixels >= 0.999).mean() < 0.01


@pytest.mark.parametrize("size", [(454, 373), (373, 454), (256, 256), (91, 640), (1200, 900)])
def test_sizes(size: tuple[int, int]):
    film = radiograph(seed=3, region="leg", fracture="oblique", size=size)
    assert film.pixels.shape == size
    assert (film.polygon <= (size[1], size[0])).all() and film.pixels.std() > 0.05


def test_spacing_follows_size():
    small, large = radiograph(seed=3), radiograph(seed=3, size=(908, 746))
    assert small.spacing[0] == pytest.approx(2 * large.spacing[0], rel=0.01)


def test_unknown_names():
    with pytest.raises(UnknownName, match="forearm"):
        radiograph(seed=0, region="skull")
    with pytest.raises(UnknownName, match="transverse"):
        radiograph(seed=0, fracture="greenstick")
    with pytest.raises(FractureError, match="axial"):
        ct_series(seed=0, patient_id="A", view="oblique")


def test_samples():
    whole, tibia, radius = samples()
    assert [sample.title for sample in (whole, tibia, radius)] == [
        "Humerus, no fracture",
        "Tibia, oblique fracture",
        "Radius, hairline fracture",
    ]
    assert not whole.phantom.fractured
    assert (tibia.phantom.bone, tibia.phantom.kind) == ("tibia", "oblique")
    assert (radius.phantom.bone, radius.phantom.kind) == ("radius", "hairline")
    names = [sample.filename for sample in (whole, tibia, radius)]
    assert len(set(names)) == 3 and all(name.endswith("_synthetic.png") for name in names)


def test_png_round_trip():
    film = radiograph(seed=4, region="hand")
    decoded = cv2.imdecode(np.frombuffer(to_png(film), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.dtype == np.uint8 and decoded.shape == film.pixels.shape
    assert np.abs(decoded / 255 - film.pixels).max() <= 0.5 / 255 + 1e-6


# ----------------------------------------------------------------------------------------------- DICOM

COMMON = {  # PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1, C.7.6.1, C.7.6.3, C.12.1: attribute -> type
    "PatientName": 2, "PatientID": 2, "PatientBirthDate": 2, "PatientSex": 2, "StudyInstanceUID": 1,
    "StudyDate": 2, "StudyTime": 2, "ReferringPhysicianName": 2, "StudyID": 2, "AccessionNumber": 2,
    "Modality": 1, "SeriesInstanceUID": 1, "SeriesNumber": 2, "Manufacturer": 2, "InstanceNumber": 2,
    "SamplesPerPixel": 1, "PhotometricInterpretation": 1, "Rows": 1, "Columns": 1, "BitsAllocated": 1,
    "BitsStored": 1, "HighBit": 1, "PixelRepresentation": 1, "PixelData": 1, "SOPClassUID": 1,
    "SOPInstanceUID": 1, "SpecificCharacterSet": 1,
}  # fmt: skip
DX = {  # PS3.3 C.8.11.1 to 4 (DX series, anatomy imaged, image, detector), C.7.6.14
    "PresentationIntentType": 1, "AnatomicRegionSequence": 2, "ImageLaterality": 1, "ImageType": 1,
    "PixelIntensityRelationship": 1, "PixelIntensityRelationshipSign": 1, "RescaleIntercept": 1, "RescaleSlope": 1,
    "RescaleType": 1, "PresentationLUTShape": 1, "LossyImageCompression": 1, "PatientOrientation": 1,
    "BurnedInAnnotation": 1, "WindowCenter": 1, "WindowWidth": 1, "DetectorType": 2, "ImagerPixelSpacing": 1,
    "AcquisitionContextSequence": 2,
}  # fmt: skip
CT = {  # PS3.3 C.7.4.1 Frame of Reference, C.7.6.2 Image Plane, C.8.2.1 CT Image, C.7.3.1 (patient position)
    "FrameOfReferenceUID": 1, "PositionReferenceIndicator": 2, "PixelSpacing": 1, "ImageOrientationPatient": 1,
    "ImagePositionPatient": 1, "SliceThickness": 2, "ImageType": 1, "RescaleIntercept": 1, "RescaleSlope": 1,
    "KVP": 2, "AcquisitionNumber": 2, "PatientPosition": 1, "WindowCenter": 1, "WindowWidth": 1,
}  # fmt: skip


def check_attributes(ds: Dataset, required: dict[str, int]) -> None:
    """Every type 1 attribute holds a value, every type 2 attribute is there, and every value fits its VR."""
    for keyword, kind in {**COMMON, **required}.items():
        assert keyword in ds, f"{keyword} (type {kind}) is missing"
        assert kind == 2 or ds[keyword].value not in (None, "", b"", []), f"{keyword} (type 1) is empty"
    for element in ds.iterall():
        if isinstance(element.value, str):
            pydicom.valuerep.validate_value(element.VR, element.value, pydicom.config.RAISE)
    assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert pydicom.uid.UID(ds[keyword].value).is_valid
    assert len(ds.PixelData) == ds.Rows * ds.Columns * ds.BitsAllocated // 8 + len(ds.PixelData) % 2
    assert ds.HighBit == ds.BitsStored - 1
    assert ds.PatientName == "PHANTOM^SYNTHETIC" and ds.BurnedInAnnotation == "NO"
    assert "SYNTHETIC" in ds.SeriesDescription and "SYNTHETIC" in ds.ImageComments


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_dx_is_valid(photometric: str, bits: int):
    ds = dataset(to_dicom(radiograph(seed=9, fracture="oblique"), photometric=photometric, bits=bits))
    check_attributes(ds, DX)
    assert ds.SOPClassUID == pydicom.uid.DigitalXRayImageStorageForPresentation
    assert (ds.Modality, ds.PresentationIntentType) == ("DX", "FOR PRESENTATION")
    assert (ds.PresentationLUTShape == "INVERSE") == (photometric == "MONOCHROME1")
    assert ds.BitsStored == bits and ds.BitsAllocated == (8 if bits == 8 else 16)
    code = ds.AnatomicRegionSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("14975008", "SCT")


def test_dx_pixels_and_their_inverse_twin():
    film = radiograph(seed=9, region="finger")
    plain, inverse = (dataset(to_dicom(film, photometric=f"MONOCHROME{k}")) for k in (2, 1))
    np.testing.assert_array_equal(plain.pixel_array, 4095 - inverse.pixel_array)
    assert np.abs(plain.pixel_array / 4095 - film.pixels).max() <= 0.5 / 4095 + 1e-6
    assert plain.SOPInstanceUID != inverse.SOPInstanceUID and plain.StudyInstanceUID == inverse.StudyInstanceUID


def test_dx_tells_neither_kind_nor_bone():
    """A reader's header view must not give the answer away."""
    text = str(dataset(to_dicom(radiograph(seed=9, fracture="oblique"))))
    assert "oblique" not in text and "fracture " not in text and "radius" not in text and "ulna" not in text


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_dx_reads_back(photometric: str):
    imaging = pytest.importorskip("fracture_core.imaging")
    film = radiograph(seed=11, region="humerus", fracture="transverse")
    read = imaging.read_image(to_dicom(film, photometric=photometric), name="phantom.dcm")
    assert (read.format, read.modality) == ("DICOM", "DX")
    assert read.spacing == pytest.approx(film.spacing, abs=1e-3)
    assert np.abs(read.pixels - film.pixels).max() < 0.002


def test_png_reads_back():
    imaging = pytest.importorskip("fracture_core.imaging")
    film = samples()[1]
    read = imaging.read_image(to_png(film.phantom), name=film.filename)
    assert read.format == "PNG" and np.abs(read.pixels - film.phantom.pixels).max() < 0.003


# ----------------------------------------------------------------------------------------------- CT


@pytest.mark.parametrize("view", VIEWS)
def test_ct_series_is_consistent(view: str):
    series = ct_series(seed=2, patient_id="P-7", slices=5, fracture="oblique", view=view, size=(128, 128))
    headers = [dataset(part.data) for part in series]
    for ds in headers:
        check_attributes(ds, CT)
        assert ds.SOPClassUID == pydicom.uid.CTImageStorage and ds.Modality == "CT" and ds.PatientID == "P-7"
    for keyword in (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "ImageOrientationPatient",
    ):
        assert len({str(ds[keyword].value) for ds in headers}) == 1
    assert len({ds.SOPInstanceUID for ds in headers}) == len(series)
    assert [ds.SOPInstanceUID for ds in headers] == [part.sop_instance_uid for part in series]
    assert [ds.InstanceNumber for ds in headers] == [1, 2, 3, 4, 5]
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[view]
    positions = [float(ds.ImagePositionPatient[axis]) for ds in headers]
    assert positions == sorted(positions) and np.allclose(positions, [part.position for part in series], atol=1e-3)
    assert np.allclose(np.diff(positions), float(headers[0].SpacingBetweenSlices), atol=1e-3)
    row, column = np.array(headers[0].ImageOrientationPatient, float).reshape(2, 3)
    assert row @ column == 0 and abs(np.cross(row, column)[axis]) == 1


def test_ct_views_share_the_study():
    headers = [dataset(ct_series(seed=2, patient_id="P", slices=1, view=v, size=(64, 64))[0].data) for v in VIEWS]
    assert len({ds.StudyInstanceUID for ds in headers}) == 1 and len({ds.FrameOfReferenceUID for ds in headers}) == 1
    assert len({ds.SeriesInstanceUID for ds in headers}) == 3


def test_ct_hounsfield_units():
    part = ct_series(seed=4, patient_id="P", slices=3)[1]
    ds = dataset(part.data)
    assert (ds.Rows, ds.Columns, ds.BitsStored) == (512, 512, 12)
    units = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    assert units.min() >= -1024 and units.max() <= 3071
    assert abs(np.median(units[:40, :40]) + 1000) < 30, "air is -1000 HU"
    assert 900 < np.percentile(units, 99.5) < 1600, "compact bone is about 1200 HU"
    tissue = units[(units > -300) & (units < 120)]
    assert -130 < np.median(tissue) < 80


@pytest.mark.parametrize(("kind", "view"), every_pair(KINDS, VIEWS))
def test_ct_truth_is_true(view: str, kind: str):
    """Slices called fractured differ from the whole twin inside their polygon; the others hardly differ."""
    broken = ct_series(seed=6, patient_id="P", slices=13, fracture=kind, view=view, size=(256, 256))
    whole = ct_series(seed=6, patient_id="P", slices=13, view=view, size=(256, 256))
    assert any(part.fractured for part in broken) and not all(part.fractured for part in broken)
    assert not any(part.fractured for part in whole)
    for part, twin in zip(broken, whole, strict=True):
        first, second = (dataset(p.data).pixel_array.astype(float) for p in (part, twin))
        difference = np.abs(first - second)
        assert part.fractured == (part.polygon is not None)
        if part.fractured:
            assert (part.polygon >= 0).all() and (part.polygon <= 256).all()
            mask = inside(part.polygon, first.shape)
            assert difference[mask].mean() > 10 * difference[~mask].mean()
            assert difference[mask].max() > 60
    calm = [
        np.mean(dataset(a.data).pixel_array != dataset(b.data).pixel_array)
        for a, b in zip(broken, whole, strict=True)
        if not a.fractured
    ]
    assert np.median(calm) < 0.01


def test_ct_reads_back():
    imaging = pytest.importorskip("fracture_core.imaging")
    part = ct_series(seed=1, patient_id="P", slices=3)[1]
    read = imaging.read_image(part.data, name="slice.dcm")
    assert read.shape == (512, 512) and read.modality == "CT"
    assert read.pixels[:20, :20].max() < 0.05 and read.pixels.max() > 0.9, "air black, bone white in its window"
