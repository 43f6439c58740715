"""Everything that can go wrong and that a user can mend.

Every error says what happened, why, and the way out, in plain words: it is shown to people as it is.
Programming mistakes stay ``AssertionError`` or ``TypeError`` and are never caught.
"""

from __future__ import annotations

from collections.abc import Iterable


class FractureError(Exception):
    """A trouble a user can mend; ``str(error)`` is a sentence fit to show."""


class UnreadableImage(FractureError):
    """The bytes are no picture that can be opened."""


class EmptyFile(UnreadableImage):
    """The file holds no bytes, or the picture holds no pixels."""


class ImageTooLarge(UnreadableImage):
    """The file or the picture is beyond what is opened (see ``imaging.MAX_BYTES``, ``MAX_PIXELS``)."""


class NoPixelData(UnreadableImage):
    """A DICOM object that carries no image: a report, a plan, a directory."""


class UnsupportedSyntax(UnreadableImage):
    """A DICOM transfer syntax or pixel layout that no installed decoder reads; the message names it."""


class UnknownName(FractureError):
    """A model, method, pipeline or recipe that does not exist; the message lists those that do."""

    def __init__(self, kind: str, name: object, choices: Iterable[str]) -> None:
        super().__init__(f"Unknown {kind} '{name}'. Choose from: {', '.join(sorted(choices))}.")


class WeightsError(FractureError):
    """A weight file or its card is missing, damaged, or does not fit its architecture."""


class DataSetError(FractureError):
    """A data set's folder does not hold what its layout promises."""


class DownloadError(FractureError):
    """A file could not be fetched, or is not the one that was announced."""
