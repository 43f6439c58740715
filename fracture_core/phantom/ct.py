"""CT series of an ankle: planes cut through it, as Hounsfield units and as DICOM files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from fracture_core.errors import UnknownName
from fracture_core.phantom.ankle import (
    TENDONS,
    Ankle,
    Cleft,
    build_ankle,
    column_depth,
    fracture_clefts,
    open_cleft,
    solid_box,
    solid_depth,
)
from fracture_core.phantom.files import BODY_PARTS, encode, image_dataset, make_uid
from fracture_core.phantom.fracture import KINDS
from fracture_core.phantom.numerics import grown_hull, smooth_noise, soft_step, stream

VIEWS: Final = ("axial", "coronal", "sagittal")


@dataclass(frozen=True, eq=False)
class CTSlice:
    """One slice of a CT series, with its truth.

    Attributes:
        data: The DICOM file's bytes (CT Image Storage).
        fractured: Whether the fracture crosses this slice.
        polygon: float64 (N, 2), its outline as (x, y) in continuous source pixels; None when it misses.
        position: Millimetres on the patient's axis across the slices: z, y or x by view.
        sop_instance_uid: The file's own identifier.
    """

    data: bytes
    fractured: bool
    polygon: np.ndarray | None
    position: float
    sop_instance_uid: str


class _Plane(NamedTuple):
    """A slice's place in the patient."""

    view: str
    position: float  # mm
    spacing: float  # mm per pixel, both ways
    step: float  # mm to the next slice
    size: tuple[int, int]

    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(x, y, z) of every pixel's centre, broadcastable float32 arrays."""
        down, right = ((np.arange(n, dtype=np.float32) + 0.5 - n / 2) * np.float32(self.spacing) for n in self.size)
        rows, cols, here = down[:, None], right[None], np.full((1, 1), self.position, np.float32)
        if self.view == "axial":
            return cols, rows + 8, here
        return (cols, here, 12 - rows) if self.view == "coronal" else (here, cols + 6, 12 - rows)


def ct_series(
    *,
    seed: int,
    patient_id: str,
    slices: int = 24,
    fracture: str | None = None,
    view: str = "axial",
    size: tuple[int, int] = (512, 512),
) -> tuple[CTSlice, ...]:
    """One CT series of an ankle in the form wang2024 (Methods) used: 512 x 512 slices, three views.

    The same seed gives the same ankle in all three views, in one study and one frame of reference. Slices
    come in order of ``position``; a fracture can fall between the slices of a coarse series. Hounsfield units
    are stored in 12 bits with rescale intercept -1024.

    Args:
        seed: The ankle and its fracture; non-negative.
        patient_id: Goes into Patient ID and the study's UID.
        slices: How many.
        fracture: One of ``KINDS``, or None.
        view: One of ``VIEWS``.
        size: (rows, columns) of a slice.

    Raises:
        UnknownName: If ``fracture`` or ``view`` is none of those.
    """
    if fracture is not None and fracture not in KINDS:
        raise UnknownName("fracture", fracture, KINDS)
    if view not in VIEWS:
        raise UnknownName("view", view, VIEWS)
    assert slices >= 1 and min(size) >= 64
    person, breaking = (stream(seed, f"ct/{part}") for part in ("person", fracture))
    ankle = build_ankle(person)
    clefts = [] if fracture is None else fracture_clefts(fracture, breaking)
    spacing = round(float(person.uniform(0.3, 0.34)) * 512 / min(size), 4)
    low, high = {"axial": (-24.0, 42.0), "coronal": (-26.0, 26.0), "sagittal": (-30.0, 36.0)}[view]
    step = round((high - low) / max(slices - 1, 1), 4)
    out = []
    for number in range(slices):
        plane = _Plane(view, round(low + number * step, 4), spacing, step, size)
        hounsfield, polygon = _cut_plane(ankle, clefts, plane, stream(seed, f"ct/{view}/{number}"))
        study = (patient_id, seed, fracture)
        data, uid = _ct_file(hounsfield, plane, number, study, "L" if ankle.mirror > 0 else "R")
        out.append(CTSlice(data, polygon is not None, polygon, plane.position, uid))
    return tuple(out)


def _cut_plane(
    ankle: Ankle, clefts: list[Cleft], plane: _Plane, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Hounsfield units of one plane, float32 (H, W), and the fracture's outline on it."""
    x, y, z = plane.points()
    x = x * np.float32(ankle.mirror)
    size, spacing = plane.size, plane.spacing
    grain = smooth_noise(rng, size, (0.55 / spacing, 0.55 / spacing))
    hounsfield = _flesh(ankle, (x, y, z), plane, rng)
    crossing = np.zeros(size, np.uint8)
    for solid in ankle.solids:
        window = solid_box(solid, x, y, z)
        if window is None:
            continue
        here = _part_of(x, window), _part_of(y, window), _part_of(z, window)
        texture = grain[window]
        depth = np.broadcast_to(solid_depth(solid, *here), texture.shape)
        open_to = np.full(texture.shape, np.inf, np.float32)  # mm from the nearest cleft's wall
        for cleft in (c for c in clefts if c.bone == solid.name):
            depth, gap, near = open_cleft(solid, cleft, depth, here)
            open_to = np.minimum(open_to, gap)
            crossing[window] |= near
        height = here[2]
        cortex = np.float32(solid.cortex) * np.clip(0.35 + 0.65 * (height - 5) / 40, 0.35, 1)
        shaft = np.clip((height - 25) / 40, 0, 1)
        sponge = (1 - shaft) * (ankle.sponge + 55 * texture) + shaft * (-20 + 15 * texture)
        wall = soft_step(depth - cortex, 0.22)  # 0 in the shell, 1 in the marrow
        bone = (1 - wall) * (1150 + 40 * texture) + wall * sponge
        bone = 45 + soft_step(np.minimum(open_to, 9), 0.12) * (bone - 45)  # blood fills the cleft
        hounsfield[window] += soft_step(depth, 0.12) * (bone - hounsfield[window])
    hounsfield = cv2.GaussianBlur(hounsfield, (0, 0), 0.35 / spacing)
    noise = smooth_noise(rng, size, (0.9, 0.9)) - 0.8 * smooth_noise(rng, size, (2.2, 2.2))
    hounsfield = np.clip(hounsfield + np.float32(13) * noise, -1024, 3071).astype(np.float32)
    return hounsfield, _outline(crossing)


def _part_of(v: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The window of a broadcastable coordinate."""
    rows, cols = (w if n > 1 else slice(None) for w, n in zip(window, v.shape, strict=True))
    return v[rows, cols]


def _flesh(
    ankle: Ankle, where: tuple[np.ndarray, np.ndarray, np.ndarray], plane: _Plane, rng: np.random.Generator
) -> np.ndarray:
    """Air, table, skin, fat, muscle and tendons."""
    x, y, z = where
    depth = np.broadcast_to(column_depth(ankle.skin, x, y, z, 0.02), plane.size)
    a, b, c, d = ankle.phase.astype(np.float32)
    planes = np.sin(0.16 * x + 0.05 * z + a) + np.sin(0.15 * y - 0.04 * z + b)
    planes = planes + np.sin(0.11 * (x + y) + c) + np.sin(0.13 * (x - y) + d)
    muscle = np.clip((z + 10) / 50, 0.05, 1)  # muscle gives way to fat and tendons at the joint
    septa = soft_step(np.abs(planes) - 0.9 * (1 - muscle) - 0.12, 0.08)
    belly = soft_step(depth - 6.5 + 1.2 * planes, 0.3) * septa * muscle
    streaks = 12 * smooth_noise(rng, plane.size, (1.2 / plane.spacing, 1.2 / plane.spacing))
    tissue = -95 + streaks + belly * (150 - 0.5 * streaks)
    for tx, ty, rx, ry, value, bottom in TENDONS:
        rho = np.hypot((x - np.float32(tx)) / np.float32(rx), (y - np.float32(ty)) / np.float32(ry))
        tissue = tissue + soft_step((1 - rho) * min(rx, ry), 0.25) * soft_step(z - bottom, 1.0) * (value - tissue)
    tissue = tissue + soft_step(1.6 - depth, 0.2) * (40 - tissue)
    table = np.abs(y - (72 - x * x / 500))
    air = np.float32(-1000) + 700 * soft_step(1.0 - table, 0.2)
    return (air + soft_step(depth, 0.2) * (tissue - air)).astype(np.float32)


def _outline(crossing: np.ndarray) -> np.ndarray | None:
    """The hull of the pixels a fracture crosses, two pixels wider; None for fewer than twelve pixels."""
    rows, cols = np.nonzero(crossing)
    if len(rows) < 12:
        return None
    polygon = grown_hull(np.stack([cols + 0.5, rows + 0.5], axis=1), 2.5)
    polygon = np.clip(polygon, 0, crossing.shape[::-1])
    polygon.flags.writeable = False
    return polygon


def _ct_file(
    hounsfield: np.ndarray, plane: _Plane, number: int, study: tuple[object, ...], side: str
) -> tuple[bytes, str]:
    """A CT Image (PS3.3 A.3) of one plane, and its SOP Instance UID."""
    from pydicom.uid import CTImageStorage

    view, step = plane.view, plane.step
    series = (*study, view, *plane.size, step)
    ds = image_dataset(CTImageStorage, "CT", str(study[0]), study, series, (*series, number))
    ds.SeriesNumber, ds.Laterality = 1 + VIEWS.index(view), side
    ds.SeriesDescription = f"SYNTHETIC ankle {view}"
    ds.ImageComments = "SYNTHETIC: computed, not a patient."
    # PS3.3 C.8.2.1.1.1 knows AXIAL and LOCALIZER only; planes cut across are told by MPR behind it
    kind = ["ORIGINAL", "PRIMARY", "AXIAL"] if view == "axial" else ["DERIVED", "SECONDARY", "AXIAL", "MPR"]
    ds.ImageType = kind
    ds.InstanceNumber, ds.AcquisitionNumber = number + 1, 1
    ds.BodyPartExamined, ds.PatientPosition = BODY_PARTS["ankle"][0], "FFS"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = make_uid("frame", *study), ""
    ds.ImagePositionPatient = [round(float(v.flat[0]), 4) for v in plane.points()]
    ds.ImageOrientationPatient = {
        "axial": [1, 0, 0, 0, 1, 0],
        "coronal": [1, 0, 0, 0, 0, -1],
        "sagittal": [0, 1, 0, 0, 0, -1],
    }[view]
    ds.PixelSpacing, ds.SliceThickness = [plane.spacing, plane.spacing], step
    ds.SpacingBetweenSlices, ds.SliceLocation = step, plane.position
    ds.KVP, ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 120, -1024, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = 400, 1800  # a bone window
    return encode(ds, np.round(hounsfield + 1024).astype("<u2"), "MONOCHROME2", 12), str(ds.SOPInstanceUID)
