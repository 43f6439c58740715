"""Reading a data set for comparison: each different file once, however many cases point to it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fracture_core.audit.sketches import SKETCH, VIEW, sketch_of, views_of
from fracture_core.datasets import DataSet
from fracture_core.errors import UnreadableImage
from fracture_core.imaging import Radiograph, read_bytes, read_image

Progress = Callable[[int, int], None]
"""Called with the number of files done and their total."""


@dataclass(frozen=True, eq=False)
class Film:
    """One different file and what is compared of it.

    Attributes:
        size: bytes.
        pixels: sha256 over shape and values of the decoded picture; "" when it cannot be decoded.
        notes: those of the radiograph.
        error: why it cannot be read; "" when it can.
        rows_read: share of the rows, from the top, that a truncated file still holds, in [0, 1].
        sketch: float32 (64, 64) as of ``sketch``.
        views: uint8 (2, 128, 128) as of ``views_of``.
    """

    size: int = 0
    pixels: str = ""
    width: int = 0
    height: int = 0
    format: str = ""
    mean_gray: float = float("nan")
    notes: tuple[str, ...] = ()
    error: str = ""
    rows_read: float = 1.0
    sketch: np.ndarray = field(default_factory=lambda: np.zeros((SKETCH, SKETCH), np.float32))
    views: np.ndarray = field(default_factory=lambda: np.zeros((2, VIEW, VIEW), np.uint8))

    @property
    def truncation(self) -> str:
        """The note that a part is missing; "" of a whole film."""
        return next((note for note in self.notes if note.startswith("truncated:")), "")


@dataclass(frozen=True, eq=False)
class Survey:
    """The different files of a data set.

    Attributes:
        films: one for each different content, in the order in which the cases name them.
        film_of: int64 (N,) place in ``films`` of each case.
        stored: how many files there are on disk; hard links to one count once.
    """

    films: tuple[Film, ...]
    film_of: np.ndarray
    stored: int


def survey(data: DataSet, *, workers: int = 2, progress: Progress | None = None) -> Survey:
    """Read each different file of a data set once; files of equal bytes are one film.

    Files that cannot be read are films with an ``error``. Nothing is raised for them.
    """
    places: dict[object, int] = {}
    place_of = [places.setdefault(_place(case.path), len(places)) for case in data.cases]
    paths: dict[int, Path] = {}
    for place, case in zip(place_of, data.cases, strict=True):
        paths.setdefault(place, case.path)
    reader = _Reader()
    keys: list[str] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for key in pool.map(reader.read, paths.values()):
            keys.append(key)
            if progress is not None:
                progress(len(keys), len(paths))
    finally:  # stopped by the user: what waits is not begun
        pool.shutdown(cancel_futures=True)
    order: dict[str, int] = {}
    film_of = [order.setdefault(keys[place], len(order)) for place in place_of]
    return Survey(tuple(reader.films[key] for key in order), np.array(film_of, dtype=np.int64), len(paths))


def _place(path: Path) -> object:
    """What two paths to one file share."""
    try:
        found = path.stat()
    except OSError:
        return path
    return found.st_dev, found.st_ino


class _Reader:
    """Reads files from several threads; the first to meet a content decodes it."""

    def __init__(self) -> None:
        self.films: dict[str, Film] = {}
        self._met: set[str] = set()
        self._lock = threading.Lock()

    def read(self, path: Path) -> str:
        """The content's sha256, under which ``films`` holds it in the end; of no bytes at all, the path."""
        try:
            content = read_bytes(path)
        except UnreadableImage as error:
            self.films[str(path)] = Film(error=str(error))
            return str(path)
        key = hashlib.sha256(content).hexdigest()
        with self._lock:
            if key in self._met:
                return key
            self._met.add(key)
        try:
            self.films[key] = _film(read_image(content, name=path.name), len(content))
        except UnreadableImage as error:
            self.films[key] = Film(size=len(content), error=str(error))
        return key


def _film(radiograph: Radiograph, size: int) -> Film:
    pixels = radiograph.pixels
    digest = hashlib.sha256(f"{radiograph.width} x {radiograph.height}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    truncated = any(note.startswith("truncated:") for note in radiograph.notes)
    return Film(
        size=size,
        pixels=digest.hexdigest(),
        width=radiograph.width,
        height=radiograph.height,
        format=radiograph.format,
        mean_gray=float(pixels.mean(dtype=np.float64)),
        notes=radiograph.notes,
        rows_read=rows_read(pixels) if truncated else 1.0,
        sketch=sketch_of(pixels),
        views=views_of(pixels),
    )


def rows_read(pixels: np.ndarray) -> float:
    """Share of the rows above the even area with which a decoder fills what is missing at the bottom."""
    filled = np.abs(pixels - pixels[-1, -1]).max(axis=1) <= 2 / 255  # JPEG rounds the even gray it fills in
    return float(1 - np.argmin(filled[::-1]) / len(filled)) if not filled.all() else 0.0
