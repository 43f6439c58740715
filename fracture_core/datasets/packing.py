"""A small copy of a data set: each different film once, as small gray lossy WebP, the tables beside them.

For a machine behind a narrow line. The copy is read by ``open_data`` as its source is, with the same ids, labels,
regions, splits and outlines; a ``packed.json`` says what was done to the films. Files that differ by less than
packing keeps become equal: the "clean" division then counts them once, and comes out otherwise than from the source.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np

from fracture_core.datasets.cases import DataSet
from fracture_core.datasets.fracatlas import FRACATLAS_COCO
from fracture_core.datasets.multiregion import is_packed_multiregion
from fracture_core.datasets.opening import open_data
from fracture_core.datasets.packed import PACKED
from fracture_core.errors import DataSetError, UnreadableImage
from fracture_core.imaging import read_image

PACKABLE: Final = "FracAtlas as published, and the multi-region set as published or with index.csv and unique/"
DECIMALS: Final = 3  # of a packed pixel, in outlines

Progress = Callable[[int, int], None]


class Shrunk(NamedTuple):
    """One film as packed: (height, width) before and after in px, and whether a part of it was missing."""

    before: tuple[int, int]
    after: tuple[int, int]
    truncated: bool


class Packed(NamedTuple):
    """What ``pack`` wrote.

    Attributes:
        films: different films written.
        truncated: of these, how many were written only as far as they go.
        unreadable: films left out.
        size: bytes of all files.
        note: what was done, in words.
    """

    films: int
    truncated: int
    unreadable: int
    size: int
    note: str


def pack(
    source: str | Path,
    output: str | Path,
    *,
    side: int,
    quality: int,
    progress: Progress | None = None,
) -> Packed:
    """Write a small copy of a data set; ``output`` appears only when it is whole.

    Args:
        source: FracAtlas or the multi-region set.
        output: a new or empty folder.
        side: px that a film's longer side has at most, up to WebP's 16383; no film is enlarged.
        quality: of lossy WebP, 1 to 100.
        progress: told the films that are done, and of how many.

    Raises:
        DataSetError: the source is another data set, packed already or without a film that can be read; or the
            output is in use or cannot be written.
    """
    assert 1 <= side <= 16_383 and 1 <= quality <= 100
    source, output = Path(source), Path(output)
    data = open_data(source)
    _check(data, output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as partial:
            folder = Path(partial) / output.name
            folder.mkdir()
            packed = _write(data, folder, side=side, quality=quality, progress=progress)
            if output.exists():
                output.rmdir()
            folder.rename(output)
    except OSError as error:
        raise DataSetError(f"'{output}' cannot be written: {error.strerror}. Make room or name another.") from error
    return packed


def shrink(source: Path, target: Path, *, side: int, quality: int) -> Shrunk | None:
    """Write one film as 8-bit gray lossy WebP; None, and no file, when it cannot be read."""
    try:
        film = read_image(source)
    except UnreadableImage:
        return None
    pixels = np.rint(_at_most(film.pixels, side) * 255).astype(np.uint8)
    _, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, quality])
    target.write_bytes(data.tobytes())
    truncated = any(note.startswith("truncated:") for note in film.notes)
    return Shrunk(film.shape, (int(pixels.shape[0]), int(pixels.shape[1])), truncated)


def _at_most(pixels: np.ndarray, side: int) -> np.ndarray:
    """A plane (H, W) whose longer side is at most ``side`` px; as it is when it was that before."""
    height, width = pixels.shape
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _check(data: DataSet, output: Path) -> None:
    if data.name not in ("fracatlas", "multiregion"):
        raise DataSetError(f"'{data.root}' is a data set that cannot be packed. These can: {PACKABLE}.")
    if (data.root / PACKED).is_file():
        raise DataSetError(f"'{data.root}' is packed already. Name the folder that it was packed from.")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise DataSetError(f"'{output}' is in use. Name a new or an empty folder.")


def _write(data: DataSet, folder: Path, *, side: int, quality: int, progress: Progress | None) -> Packed:
    places = _fracatlas_places(data) if data.name == "fracatlas" else _multiregion_places(data)
    sources = _one_of_each(places)
    for parent in {place.parent for place in sources}:
        (folder / parent).mkdir(parents=True, exist_ok=True)

    def one(place: Path) -> Shrunk | None:
        return shrink(sources[place], folder / place, side=side, quality=quality)

    films = {place: shrunk for place, shrunk in _in_threads(one, list(sources), progress) if shrunk is not None}
    if not films:
        raise DataSetError(f"'{data.root}' holds no film that can be read. Restore its films.")
    if data.name == "fracatlas":
        _write_fracatlas(data.root, folder, {place.name: shrunk for place, shrunk in films.items()})
    else:
        _write_index(data, folder, places)
    truncated, unreadable = sum(film.truncated for film in films.values()), len(sources) - len(films)
    note = _note(side, quality, truncated, unreadable)
    facts = {"films": len(films), "truncated": truncated, "unreadable": unreadable}
    about = {"note": note, "source_fingerprint": data.fingerprint(), "side": side, "quality": quality, **facts}
    (folder / PACKED).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Packed(**facts, size=size, note=note)


def _note(side: int, quality: int, truncated: int, unreadable: int) -> str:
    parts = [f"films packed: at most {side} px, gray, WebP quality {quality}"]
    parts += [f"{truncated} truncated, packed as far as they go"] if truncated else []
    parts += [f"{unreadable} unreadable, left out"] if unreadable else []
    return "; ".join(parts)


def _in_threads(
    work: Callable[[Path], Shrunk | None], places: list[Path], progress: Progress | None
) -> list[tuple[Path, Shrunk | None]]:
    """Each place with what became of it, in order; when stopped, work that has not begun is dropped."""
    done: list[tuple[Path, Shrunk | None]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for place, shrunk in zip(places, pool.map(work, places), strict=True):
                done.append((place, shrunk))
                if progress is not None:
                    progress(len(done), len(places))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return done


# ----------------------------------------------------------------------------------------------------- places


def _as_webp(name: str) -> str:
    return f"{Path(name).stem}.webp" if name else ""


def _fracatlas_places(data: DataSet) -> dict[Path, Path]:
    """Each film's file → its place in the copy."""
    return {case.path: Path("images") / case.path.parent.name / _as_webp(case.path.name) for case in data.cases}


def _multiregion_places(data: DataSet) -> dict[Path, Path]:
    """Each film's file → its place in the copy; of the published tree, named by content."""
    packed = is_packed_multiregion(data.root)
    return {
        path: Path("unique") / _as_webp(path.name if packed else _by_content(path))
        for path in {case.path: None for case in data.cases}
    }


def _by_content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _one_of_each(places: Mapping[Path, Path]) -> dict[Path, Path]:
    """Place in the copy → one file to make it from; ``DataSetError`` when different files ask for one place."""
    sources: dict[Path, Path] = {}
    for path, place in places.items():
        first = sources.setdefault(place, path)
        if first != path and first.read_bytes() != path.read_bytes():
            raise DataSetError(f"'{first}' and '{path}' differ only in their endings. Rename one, in the table too.")
    return sources


# ----------------------------------------------------------------------------------------------------- tables


def _write_fracatlas(root: Path, folder: Path, films: Mapping[str, Shrunk]) -> None:
    _rename_column(root / "dataset.csv", folder / "dataset.csv", "image_id")
    if (root / FRACATLAS_COCO).is_file():
        coco = json.loads((root / FRACATLAS_COCO).read_text(encoding="utf-8-sig"))
        (folder / FRACATLAS_COCO).parent.mkdir(parents=True)
        (folder / FRACATLAS_COCO).write_text(json.dumps(shrink_coco(coco, films)), encoding="utf-8")


def _write_index(data: DataSet, folder: Path, places: Mapping[Path, Path]) -> None:
    if is_packed_multiregion(data.root):
        _rename_column(data.root / "index.csv", folder / "index.csv", "image")
    else:
        rows = [[*case.id.split("/", 2), places[case.path].name] for case in data.cases]
        _write_rows(folder / "index.csv", [["split", "class", "file", "image"], *rows])


def _rename_column(source: Path, target: Path, column: str) -> None:
    """Copy a table whose ``column`` names films, these names ending in ``.webp``."""
    with source.open(newline="", encoding="utf-8-sig") as stream:
        head, *rows = csv.reader(stream)
    place = head.index(column)
    for row in rows:
        if len(row) > place:
            row[place] = _as_webp(row[place])
    _write_rows(target, [head, *rows])


def _write_rows(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def shrink_coco(coco: Mapping[str, Any], films: Mapping[str, Shrunk]) -> dict[str, Any]:
    """A COCO file's content for packed films; what belongs to no film of ``films`` is left out.

    Args:
        coco: as read from its file, with polygons.
        films: file name in the copy → how the film shrank.
    """
    images, factors = [], {}
    for image in coco["images"]:
        film = films.get(_as_webp(str(image["file_name"])))
        if film is not None:
            height, width = film.after
            name = _as_webp(str(image["file_name"]))
            images.append({**image, "width": width, "height": height, "file_name": name})
            factors[image["id"]] = width / film.before[1], height / film.before[0]
    annotations = [
        _shrink_annotation(annotation, *factors[annotation["image_id"]])
        for annotation in coco["annotations"]
        if annotation["image_id"] in factors
    ]
    return {**coco, "images": images, "annotations": annotations}


def _shrink_annotation(annotation: Mapping[str, Any], across: float, down: float) -> dict[str, Any]:
    shrunk = dict(annotation)
    if annotation.get("segmentation"):
        shrunk["segmentation"] = [_scaled(ring, across, down) for ring in annotation["segmentation"]]
    if annotation.get("bbox"):
        shrunk["bbox"] = _scaled(annotation["bbox"], across, down)
    if annotation.get("area") is not None:
        shrunk["area"] = round(float(annotation["area"]) * across * down, DECIMALS)
    return shrunk


def _scaled(values: Iterable[float], across: float, down: float) -> list[float]:
    """x, y, x, y, ... (or x, y, width, height) times the factors of their axes."""
    return [round(float(value) * (down if index % 2 else across), DECIMALS) for index, value in enumerate(values)]
