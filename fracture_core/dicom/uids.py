"""Unique identifiers, those of the transfer syntaxes above all (PS3.6, Annex A), and their names."""

from __future__ import annotations

from fracture_core.dicom.elements import quiet_pydicom

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = {EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE}
RLE = "1.2.840.10008.1.2.5"
COMPRESSED_ROOT = "1.2.840.10008.1.2.4."  # the JPEG family and video
STANDARD_ROOT = "1.2.840.10008."  # UIDs below it name parts of the standard, never a person or a thing


def is_compressed(syntax: str) -> bool:
    """Whether a transfer syntax stores its pixels as a code stream."""
    return syntax == RLE or syntax.startswith(COMPRESSED_ROOT)


def uid_name(uid: str) -> str:
    """The standard's name for a UID; the UID itself when the dictionary knows none."""
    return str(quiet_pydicom().uid.UID(uid).name)
