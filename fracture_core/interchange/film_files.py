"""Films' own files: which film a file is, and where a film's file lies."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from fracture_core.annotations.readings import FilmEntry
from fracture_core.errors import FractureError, UnreadableImage
from fracture_core.imaging import quieten, read_bytes, read_image, sniff

ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".dcm", ".dicom", ".ima", ""}
)


def film_entry(path: Path) -> FilmEntry:
    """A file as a film: its SHA-256 and its size as it is shown, upright, from its header where that tells.

    Raises:
        UnreadableImage: it is no picture that can be opened.
    """
    content = read_bytes(path)
    sha256 = hashlib.sha256(content).hexdigest()
    size = None if sniff(content) == "DICOM" else _size(content)
    if size is not None:
        return FilmEntry(sha256, path.name, *size, source=str(path))
    film = read_image(content, name=path.name)
    return FilmEntry(sha256, film.name, film.width, film.height, spacing=film.spacing, source=str(path))


def _size(content: bytes) -> tuple[int, int] | None:
    """(width, height) upright; None where it takes a decoder to tell."""
    from PIL import Image

    quieten()
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format == "TIFF":  # which Pillow turns itself when it decodes
                return None
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:  # a damaged header raises anything
        return None
    return (height, width) if turned else (width, height)


def films_below(folder: Path, notes: Callable[[str], None]) -> Iterator[FilmEntry]:
    """Every picture in a folder and the folders in it, by path; what cannot be read is told.

    Raises:
        FractureError: there is no such folder.
    """
    for path in picture_files(folder):
        try:
            yield film_entry(path)
        except UnreadableImage as error:
            notes(f"{path}: {error}")


def picture_files(folder: Path) -> list[Path]:
    """Files that are pictures by their endings, by path; ``FractureError`` when there is no such folder."""
    if not folder.is_dir():
        raise FractureError(f"There is no folder '{folder}'. Name the one that the films lie in.")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def film_content(film: FilmEntry, folders: dict[str, list[Path]]) -> bytes | None:
    """The film's own bytes from where it was read, or from files by name; None where none has its SHA-256."""
    places = [Path(film.source)] if film.source else []
    for path in (*places, *folders.get(film.name, [])):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == film.sha256:
            return content
    return None
