"""Films decoded and resized once, as the trainer reads them."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import numpy as np

from fracture_core.datasets import Case, DataSet
from fracture_core.errors import FractureError, UnreadableImage
from fracture_core.imaging import read_image
from fracture_core.preprocessing import Pipeline, apply_affine

log = logging.getLogger(__name__)

REGION_SCALE = 4  # input pixels per cell of the region masks; fine enough for any network's last feature map


@dataclass(frozen=True, eq=False)
class Films:
    """Decoded films: ``pixels`` uint8 (N, S, S) before normalisation, ``labels`` int64 (N,), 1 fractured.

    ``damaged`` counts films that were truncated or could not be read at all (those stay black). ``regions`` is
    uint8 (N, S/4, S/4), 1 inside the experts' polygons; all 0 where the data set has none.
    """

    pixels: np.ndarray
    labels: np.ndarray
    damaged: int
    regions: np.ndarray


def decode_films(
    data: DataSet, pipeline: Pipeline, *, cache: Path | None = None, workers: int | None = None
) -> Films:
    """Decode and resize every film once, each different file once.

    As many threads are used as there are processors or, with trainings side by side, as ``$OMP_NUM_THREADS`` grants.

    With ``cache``, a folder, the films are written there and read through a memory map, so that the next run and the
    other processes of this one share them. The caller names the folder after all that decides what is in it: the
    data's fingerprint, when its films were written, its polygons and the pipeline.
    """
    if cache is not None and (cache / "damaged.npy").is_file():
        return _mapped(cache, data.labels)
    granted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # one number for each level of nesting
    workers = workers or int(granted or os.cpu_count() or 1)
    side, cells = pipeline.size, pipeline.size // REGION_SCALE
    shapes = {"pixels": (len(data.cases), side, side), "regions": (len(data.cases), cells, cells)}
    if cache is None:
        arrays = {name: np.zeros(shape, np.uint8) for name, shape in shapes.items()}
        return Films(arrays["pixels"], data.labels, _fill(arrays, data, pipeline, workers), arrays["regions"])

    # named at random: in containers every process may have the number of one that was killed, or that still runs
    partial = cache.with_name(f"{cache.name}.{token_hex(4)}.partial")
    partial.mkdir(parents=True)
    try:
        _require_room(partial.parent, sum(map(math.prod, shapes.values())))
        arrays = {
            name: np.lib.format.open_memmap(partial / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape)
            for name, shape in shapes.items()
        }
        damaged = _fill(arrays, data, pipeline, workers)
        for array in arrays.values():
            array.flush()  # type: ignore[attr-defined]
        np.save(partial / "damaged.npy", damaged)
        if not cache.exists():  # another run may have been first
            partial.replace(cache)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _mapped(cache, data.labels)


def _require_room(folder: Path, needed: int) -> None:
    """Ask before a map is written to: where the disk ends, the system kills the process."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FractureError(
            f"The decoded films take {needed / 1e6:.0f} MB, and '{folder}' has {free / 1e6:.0f} MB left. "
            "Make room there, or name another folder with --work."
        )


def joined(films: Films, more: Films) -> Films:
    """The films of two data sets, one behind the other, in memory."""
    pixels, labels, regions = (
        np.concatenate([getattr(films, name), getattr(more, name)]) for name in ("pixels", "labels", "regions")
    )
    return Films(pixels, labels, films.damaged + more.damaged, regions)


def _mapped(cache: Path, labels: np.ndarray) -> Films:
    pixels, regions = (np.load(cache / f"{name}.npy", mmap_mode="r") for name in ("pixels", "regions"))
    return Films(pixels, labels, int(np.load(cache / "damaged.npy")), regions)


def _fill(arrays: dict[str, np.ndarray], data: DataSet, pipeline: Pipeline, workers: int) -> int:
    """Decode every film into the arrays; how many were damaged."""
    same: dict[tuple[int, int], list[int]] = {}
    for index, case in enumerate(data.cases):
        place = case.path.stat()
        same.setdefault((place.st_dev, place.st_ino), []).append(index)
    groups = list(same.values())

    def decode(indices: list[int]) -> tuple[np.ndarray, np.ndarray, bool]:
        return _decode(data.cases[indices[0]], pipeline)

    damaged = 0
    with ThreadPoolExecutor(workers) as pool:
        for indices, (pixels, regions, broken) in zip(groups, _in_turn(pool, decode, groups), strict=True):
            arrays["pixels"][indices], arrays["regions"][indices] = pixels, regions
            damaged += broken * len(indices)
    return damaged


def _in_turn(pool: ThreadPoolExecutor, work, items: Sequence, ahead: int = 64) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
    """``pool.map`` that holds few results at a time, so that memory stays small however many films there are."""
    for start in range(0, len(items), ahead):
        yield from pool.map(work, items[start : start + ahead])


def _decode(case: Case, pipeline: Pipeline) -> tuple[np.ndarray, np.ndarray, bool]:
    try:
        film = read_image(case.path)
    except UnreadableImage:
        log.warning("unreadable film left black: %s", case.path.name)
        side = pipeline.size
        return np.zeros((side, side), np.uint8), _rasterise((), pipeline, (side, side)), True
    broken = any(note.startswith("truncated") for note in film.notes)
    return pipeline.cached(film.pixels), _rasterise(case.polygons, pipeline, film.shape), broken


def _rasterise(polygons: Sequence[np.ndarray], pipeline: Pipeline, shape: tuple[int, int]) -> np.ndarray:
    """Polygons in source pixels as a mask over the input, uint8 (S/4, S/4)."""
    import cv2

    side = pipeline.size // REGION_SCALE
    mask = np.zeros((side, side), np.uint8)
    to_input = pipeline.geometry(shape)
    for polygon in polygons:
        # corner coordinates to OpenCV's pixel centres
        corners = apply_affine(to_input, polygon) / REGION_SCALE - 0.5
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask
