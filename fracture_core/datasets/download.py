"""FracAtlas from its publisher: asked for, fetched, unpacked, read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final, NamedTuple

from fracture_core.datasets.fetching import Progress, Refused, fetch, fetch_json
from fracture_core.datasets.fracatlas import FRACATLAS_COCO, is_fracatlas, read_fracatlas
from fracture_core.datasets.unpacking import unpack
from fracture_core.errors import DataSetError, DownloadError

__all__ = ["FIGSHARE", "FRACATLAS_DOI", "complete_fracatlas", "download_fracatlas", "fetch"]

log = logging.getLogger(__name__)

FIGSHARE: Final = "https://api.figshare.com/v2"
FRACATLAS_DOI: Final = "https://doi.org/10.6084/m9.figshare.22363012"
_ARTICLE: Final = 22363012


class _Archive(NamedTuple):
    """What figshare says of the archive; it is handed out at any of the addresses."""

    name: str
    size: int
    md5: str | None
    addresses: tuple[str, ...]


def download_fracatlas(folder: str | Path, *, api: str = FIGSHARE, progress: Progress | None = None) -> Path:
    """Bring FracAtlas (CC BY 4.0) into a folder; a complete one is left as it is, and nothing is asked for.

    Args:
        folder: made if need be; the archive lies there until it is unpacked.
        api: figshare's public API.
        progress: told the bytes of the archive that are there.

    Returns:
        The folder that ``read_fracatlas`` reads.

    Raises:
        DownloadError: nothing came, or not what was announced; run again, it goes on where it stopped.
    """
    folder = Path(folder)
    present = complete_fracatlas(folder)
    if present is not None:
        log.info("FracAtlas is complete in %s", present)
        return present
    try:
        archive = _ask(api)
        path = _fetch_any(archive, folder, progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error} FracAtlas can also be downloaded by hand from {FRACATLAS_DOI}: unpack it into '{folder}'."
        ) from error
    unpacked = unpack(path, folder)
    tables = sorted((file.parent for file in unpacked if file.name == "dataset.csv"), key=lambda top: len(top.parts))
    root = next(filter(is_fracatlas, tables), None)
    if root is None:
        raise DownloadError(f"'{path}' does not hold FracAtlas as it was published. Get it by hand: {FRACATLAS_DOI}")
    read_fracatlas(root)
    path.unlink()
    return root


def complete_fracatlas(folder: str | Path) -> Path | None:
    """Where FracAtlas lies in a folder or one step below, with every film of its table and the outlines."""
    folder = Path(folder)
    if not folder.is_dir():
        return None
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    return next(filter(_is_complete, places), None)


def _is_complete(root: Path) -> bool:
    if not is_fracatlas(root) or not (root / FRACATLAS_COCO).is_file():
        return False
    try:
        return read_fracatlas(root).missing == 0
    except DataSetError:
        return False


def _ask(api: str) -> _Archive:
    """figshare's description of the archive: the largest ZIP of the article."""
    url = f"{api}/articles/{_ARTICLE}"
    try:
        files: list[dict[str, Any]] = [
            file for file in fetch_json(url)["files"] if file["name"].lower().endswith(".zip")
        ]
        chosen = max(files, key=lambda file: int(file["size"]))
        # figshare's pages ask scripts for a browser at times; its API hands out the same file
        addresses = (str(chosen["download_url"]), f"{api}/file/download/{chosen['id']}")
        name = Path(chosen["name"]).name
        return _Archive(name, int(chosen["size"]), chosen.get("computed_md5") or None, addresses)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadError(f"'{url}' no longer describes the archive as it did.") from error


def _fetch_any(archive: _Archive, folder: Path, progress: Progress | None) -> Path:
    *others, last = archive.addresses
    target = folder / archive.name
    for address in others:
        try:
            return fetch(address, target, size=archive.size, md5=archive.md5, progress=progress)
        except Refused as refusal:
            log.info("%s; trying another address", refusal)
    return fetch(last, target, size=archive.size, md5=archive.md5, progress=progress)
