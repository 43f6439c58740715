"""Phantoms as files: PNG, and DICOM as PS3.3 has it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from fracture_core.phantom.anatomy import PLANS
from fracture_core.phantom.radiographs import Phantom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

BODY_PARTS: Final = {  # BodyPartExamined (PS3.16 annex L) and its SNOMED CT code
    "forearm": ("FOREARM", "14975008", "Forearm"),
    "hand": ("HAND", "85562004", "Hand"),
    "finger": ("FINGER", "7569003", "Finger"),
    "humerus": ("HUMERUS", "85050009", "Humerus"),
    "leg": ("LEG", "30021000", "Lower leg"),
    "ankle": ("ANKLE", "70258002", "Ankle joint"),
}


def to_png(phantom: Phantom) -> bytes:
    """An 8-bit gray PNG."""
    done, data = cv2.imencode(".png", np.round(phantom.pixels * 255).astype(np.uint8))
    assert done
    return data.tobytes()


def to_dicom(
    phantom: Phantom, *, patient_id: str = "PHANTOM", photometric: str = "MONOCHROME2", bits: int = 12
) -> bytes:
    """A Digital X-Ray Image, For Presentation (PS3.3 A.26), explicit little endian, uncompressed.

    Args:
        phantom: What ``radiograph`` made.
        patient_id: Goes into Patient ID and the study's UID: one patient, one study.
        photometric: "MONOCHROME2", or "MONOCHROME1" with the stored values inverted; both show the same film.
        bits: Bits stored, 8 to 16.
    """
    assert photometric in ("MONOCHROME1", "MONOCHROME2") and 8 <= bits <= 16
    from pydicom.uid import DigitalXRayImageStorageForPresentation

    inverse = photometric == "MONOCHROME1"
    top = 2**bits - 1
    values = np.round(phantom.pixels * top)
    values = (top - values if inverse else values).astype("<u1" if bits == 8 else "<u2")
    study = (patient_id, phantom.seed)
    series = (*study, phantom.region, phantom.kind, photometric, bits, *phantom.pixels.shape)
    ds = image_dataset(DigitalXRayImageStorageForPresentation, "DX", patient_id, study, series, (*series, "1"))
    ds.SeriesDescription = f"SYNTHETIC {phantom.region}"
    ds.ImageComments = "SYNTHETIC: computed, not a patient."
    ds.DerivationDescription = "SYNTHETIC: simulated radiograph"
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.InstanceNumber = 1
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.BodyPartExamined = BODY_PARTS[phantom.region][0]
    ds.AnatomicRegionSequence = [_code(*BODY_PARTS[phantom.region][1:])]
    ds.ImageLaterality = phantom.side
    ds.ViewPosition = PLANS[phantom.region].view
    ds.PatientOrientation = ["L" if ds.ViewPosition == "AP" else "R", "F"]
    ds.AcquisitionContextSequence = []
    ds.DetectorType = "STORAGE"
    ds.ImagerPixelSpacing = ds.PixelSpacing = [f"{v:.4f}" for v in phantom.spacing]
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    ds.LossyImageCompression = "00"
    ds.WindowCenter, ds.WindowWidth = 2 ** (bits - 1), 2**bits
    return encode(ds, values, photometric, bits)


def _code(value: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def make_uid(*sources: object) -> str:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["fracture_core.phantom", *map(str, sources)])


def image_dataset(
    sop_class: str,
    modality: str,
    patient_id: str,
    study: tuple[object, ...],
    series: tuple[object, ...],
    instance: tuple[object, ...],
) -> Dataset:
    """What every image carries: patient, study, series, equipment, SOP common (PS3.3 C.7, C.12)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, make_uid(modality, "instance", *instance)
    ds.StudyInstanceUID = make_uid("study", *study)
    ds.SeriesInstanceUID = make_uid(modality, "series", *series)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "PHANTOM^SYNTHETIC", patient_id, "", ""
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "SYNTHETIC: no patient exists"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = "20250101"  # fixed: the same bytes every run
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "120000"
    ds.ReferringPhysicianName, ds.StudyID, ds.AccessionNumber = "", "1", ""
    ds.StudyDescription = "SYNTHETIC phantom"
    ds.Modality, ds.SeriesNumber = modality, 1
    ds.Manufacturer, ds.ManufacturerModelName = "fracture_core", "phantom"
    ds.BurnedInAnnotation = "NO"
    return ds


def encode(ds: Dataset, values: np.ndarray, photometric: str, bits: int) -> bytes:
    """Attach the pixels and write the file (PS3.10)."""
    from pydicom import dcmwrite

    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, photometric, 0
    ds.Rows, ds.Columns = values.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = values.dtype.itemsize * 8, bits, bits - 1
    data = np.ascontiguousarray(values).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return buffer.getvalue()
