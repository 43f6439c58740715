"""Synthetic limb radiographs and ankle CT series whose truth is known, for demos and tests.

Nothing here comes from a patient. A film is made as a film is made: solids with a cortical shell and marrow
are laid out in millimetres, their attenuation is summed along the beam, and the sum goes through blur,
quantum noise and the display curve of a digital plate. A fracture cuts one bone's attenuation along a jagged
surface and moves the pieces, so a fractured film and its whole twin (same seed, ``fracture=None``) differ
around the fracture only, and the polygon handed out is the truth by construction.

The pictures look like radiographs; they do not sample any population, and no figure measured on them says
anything about how a classifier performs on people.

Example:
    >>> film = radiograph(seed=7, region="leg", fracture="oblique")
    >>> film.pixels.shape, film.fractured, film.bone in ("tibia", "fibula")
    ((454, 373), True, True)
"""

from __future__ import annotations

from fracture_core.phantom.anatomy import REGIONS
from fracture_core.phantom.ct import VIEWS, CTSlice, ct_series
from fracture_core.phantom.files import to_dicom, to_png
from fracture_core.phantom.fracture import KINDS
from fracture_core.phantom.radiographs import Phantom, Sample, radiograph, samples
from fracture_core.phantom.series import write_phantom_ct

__all__ = [
    "KINDS",
    "REGIONS",
    "VIEWS",
    "CTSlice",
    "Phantom",
    "Sample",
    "ct_series",
    "radiograph",
    "samples",
    "to_dicom",
    "to_png",
    "write_phantom_ct",
]
