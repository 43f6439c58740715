"""ZIP archives from strangers, unpacked so that nothing lands outside the folder and no bomb goes off."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from fracture_core.errors import DownloadError

MAX_UNPACKED: Final = 4 * 1024**3  # bytes; FracAtlas has less than a tenth of it
MAX_MEMBERS: Final = 100_000


def unpack(
    archive: str | Path,
    folder: str | Path,
    *,
    limit: int = MAX_UNPACKED,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Unpack a ZIP archive; every file appears under its name only when it is whole, in place of one of that name.

    Args:
        archive: the file.
        folder: made if need be.
        limit: bytes that its files may come to, unpacked.
        progress: told the files that are done, and of how many.

    Returns:
        The files, in the archive's order; what macOS adds to archives is left out.

    Raises:
        DownloadError: the archive is damaged, is none, names places outside the folder, holds links, is
            encrypted, comes to more than ``limit``, or the disk is full. Names are checked before any is unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive, limit)
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < sum(info.file_size for info, _ in members):
                raise DownloadError(f"The disk of '{folder}' has no room for what '{archive}' holds. Make room.")
            done = []
            for info, place in members:
                done.append(_unpack_one(opened, info, folder, place))
                if progress is not None:
                    progress(len(done), len(members))
            return done
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DownloadError(
            f"'{archive}' is a damaged ZIP archive, or none. Delete it and download it again."
        ) from error
    except OSError as error:
        raise DownloadError(
            f"'{folder}' cannot be written: {error.strerror}. Make room or choose another."
        ) from error


def _checked(opened: zipfile.ZipFile, archive: Path, limit: int) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files of an archive and their places below the folder, all of them harmless."""
    files = [info for info in opened.infolist() if not info.is_dir()]
    if len(files) > MAX_MEMBERS or sum(info.file_size for info in files) > limit:
        raise DownloadError(
            f"'{archive}' unpacks to more than {limit / 1e9:.1f} GB or too many files. Unpack it by hand."
        )
    members = []
    for info in files:
        place = PurePosixPath(info.filename)
        outside = place.is_absolute() or ".." in place.parts or "\\" in info.filename or ":" in info.filename
        if outside or stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise DownloadError(
                f"'{archive}' holds '{info.filename}', which is a link, encrypted or outside the folder. "
                "It was not unpacked: download it again from its publisher."
            )
        if "__MACOSX" not in place.parts and place.name != ".DS_Store":
            members.append((info, place))
    return members


def _unpack_one(opened: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, place: PurePosixPath) -> Path:
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise DownloadError(f"'{target.parent}' leads out of '{folder}' by a link. Remove the link and run again.")
    partial = target.with_name(f".{target.name}.part")
    try:
        with opened.open(info) as source, partial.open("wb") as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
        return partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
