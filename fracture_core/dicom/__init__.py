"""DICOM: one frame of a file to a plane in [0, 1], bone bright; and its header, identity masked.

Order of the steps (PS3.3, C.11): decode, modality LUT, VOI, invert. Where a file holds both a VOI LUT
sequence and a window, PS3.3 C.11.2 calls them alternatives; the sequence is applied, as pydicom's
``apply_voi_lut`` does by default. Of several windows the first is applied.

Files without preamble, without file meta information, truncated or with bad values are read as far as they
go. Pixel data is found in the file's own bytes, so that a file cut off in its middle still shows the rows it
holds, and of a long series only the frame that is asked for is decoded.
"""

from __future__ import annotations

from fracture_core.dicom.decoding import decode
from fracture_core.dicom.display import window
from fracture_core.dicom.masked_header import HeaderRow, header, is_identifying
from fracture_core.dicom.parsing import is_dicom

__all__ = ["HeaderRow", "decode", "header", "is_dicom", "is_identifying", "window"]
