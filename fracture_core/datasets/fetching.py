"""Files over HTTP that survive a bad line: resumed, checked, and in place only when whole.

An unfinished file lies beside its target as ``NAME.part`` (its ETag as ``NAME.part.etag``). The next run asks
for the rest alone, and only where a splice of two different files would be noticed: by ETag or by checksum.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import logging
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import urlsplit

from fracture_core import __version__
from fracture_core.errors import DownloadError

log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there, and how many there will be where that is known."""

PAUSES: Final = [1.0, 3.0, 9.0]  # s between attempts that bring nothing new
TIMEOUT: Final = 30.0  # s without a byte
LONGEST_PAUSE: Final = 60.0  # s; a server that asks for more is given up
_CHUNK = 1 << 18

T = TypeVar("T")


class Refused(DownloadError):
    """The server is there and does not hand the file out; another address may."""


class _Passing(Exception):
    """A trouble that may be over in a moment."""

    def __init__(self, words: str, pause: float = 0.0) -> None:
        super().__init__(words)
        self.pause = pause


def fetch(
    url: str,
    target: str | Path,
    *,
    size: int | None = None,
    md5: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch a file; one that is there already, and right, is not fetched again.

    Args:
        url: http or https.
        target: where it shall lie; its folder is made.
        size: bytes it must have.
        md5: hexadecimal MD5 it must have.
        progress: told how far it is.

    Raises:
        DownloadError: the server cannot be reached or refuses, the disk is full, or what came is not what was
            announced; the message says what to do. What has arrived is kept unless it is wrong.
    """
    target = Path(target)
    if target.is_file() and _is_right(target, size, md5):
        return target
    part = _Part(target.with_name(f"{target.name}.part"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(target.parent, error) from error
    patiently(lambda: _go_on(url, part, size=size, checked=md5 is not None, progress=progress), url, part.length)
    if not _is_right(part.path, size, md5):
        part.remove()
        raise DownloadError(
            f"What came from '{url}' is damaged: its size or its checksum is not the announced one. "
            "It was removed; run again."
        )
    part.path.replace(target)
    part.remove()
    return target


def fetch_json(url: str) -> Any:
    """A JSON document.

    Raises:
        DownloadError: as ``fetch``, or the answer is no JSON.
    """

    def ask() -> bytes:
        with _open(url, {"Accept": "application/json"}) as response:
            return _read(response.read)

    try:
        return json.loads(patiently(ask, url))
    except ValueError as error:
        raise DownloadError(f"'{url}' does not answer as announced. Run again later.") from error


def patiently(attempt: Callable[[], T], url: str, reached: Callable[[], int] = lambda: 0) -> T:
    """Attempt again after growing pauses; as long as bytes arrive, it goes on."""
    failures, best = 0, reached()
    while True:
        try:
            return attempt()
        except _Passing as trouble:
            failures = 1 if reached() > best else failures + 1
            best = max(best, reached())
            if failures > len(PAUSES):
                raise DownloadError(
                    f"'{urlsplit(url).netloc}' cannot be reached ({trouble}). Check the network and the proxy "
                    "settings, then run again: what has arrived is kept."
                ) from trouble
            pause = max(PAUSES[failures - 1], min(trouble.pause, LONGEST_PAUSE))
            log.info("%s: %s; again in %.0f s", urlsplit(url).netloc, trouble, pause)
            time.sleep(pause)


@dataclass(frozen=True)
class _Part:
    """The unfinished file and the ETag of the file it is a part of."""

    path: Path

    @property
    def _etag_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def length(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def etag(self) -> str | None:
        return self._etag_path.read_text(encoding="latin-1") if self._etag_path.is_file() else None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._etag_path.unlink(missing_ok=True)

    def open(self, start: int, etag: str | None) -> BinaryIO:
        """For writing from ``start``: 0 begins a new file, of which ``etag`` is remembered."""
        if start:
            return self.path.open("ab")
        self.remove()
        if etag is not None:
            self._etag_path.write_text(etag, encoding="latin-1")
        return self.path.open("wb")


def _go_on(url: str, part: _Part, *, size: int | None, checked: bool, progress: Progress | None) -> None:
    """One attempt at what is missing of a file."""
    have, etag = part.length(), part.etag()
    if (size is not None and have > size) or (etag is None and not checked):
        part.remove()
        have = 0
    if size is not None and have == size > 0:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and etag is not None:
        headers["If-Range"] = etag
    with _open(url, headers) as response:
        if response.status == 416:  # nothing follows what is there
            if _whole_length(response) != have:
                part.remove()
                raise _Passing("the file has changed")
            return
        start = _start(response, part, have, etag)
        total = _expected(response, start, size, url)
        _save(response, part, start, total, progress)


def _start(response: http.client.HTTPResponse, part: _Part, have: int, etag: str | None) -> int:
    """Where the answer's bytes belong: behind what is there, or at 0 where the server sends everything."""
    if response.status != 206:
        return 0
    span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    other = etag is not None and response.headers.get("ETag", etag) != etag
    if span is None or int(span[1]) != have or other:
        part.remove()
        raise _Passing("the server sent another part than the one asked for")
    return have


def _whole_length(response: http.client.HTTPResponse) -> int | None:
    found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _expected(response: http.client.HTTPResponse, start: int, size: int | None, url: str) -> int | None:
    """Bytes of the whole file, None when nobody says."""
    rest = response.headers.get("Content-Length", "")
    announced = _whole_length(response) or (start + int(rest) if rest.isdecimal() else None)
    if size is not None and announced is not None and announced != size:
        raise DownloadError(
            f"'{url}' holds {announced} bytes instead of {size}: it is another file, or a page in front of it. "
            "Download it in a browser."
        )
    return announced if size is None else size


def _save(
    response: http.client.HTTPResponse, part: _Part, start: int, total: int | None, progress: Progress | None
) -> None:
    etag = response.headers.get("ETag", "")
    done = start
    try:
        if total is not None and shutil.disk_usage(part.path.parent).free < total - start:
            raise OSError(errno.ENOSPC, "No space left on device")
        with part.open(start, etag if etag.startswith('"') else None) as stream:  # RFC 9110, 13.1.5: no weak ETag
            while total is None or done <= total:
                chunk = _read(partial(response.read1, _CHUNK))
                if not chunk:
                    break
                stream.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
    except OSError as error:
        raise _cannot_write(part.path.parent, error, missing=None if total is None else total - done) from error
    if total is not None and done < total:
        raise _Passing("the connection was cut")
    if total is not None and done > total:
        part.remove()
        raise DownloadError("The server sent more than it announced. What came was removed; run again later.")


def _open(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """The answer, of status 200, 206 or 416."""
    if not url.lower().startswith(("http://", "https://")):
        raise DownloadError(f"'{url}' is no address of the web. Give one that begins with https://.")
    named = {"User-Agent": f"fracture_core/{__version__}", "Accept-Encoding": "identity"}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=named | headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and "Range" in headers:
            return error  # type: ignore[return-value]  # it has status and headers, as the answer has
        error.close()
        if error.code in (408, 425, 429) or error.code >= 500:
            wait = error.headers.get("Retry-After", "")
            raise _Passing(f"status {error.code}", float(wait) if wait.isdecimal() else 0.0) from error
        raise _refused(url, error.code) from error
    except (ValueError, http.client.InvalidURL) as error:
        raise DownloadError(f"'{url}' is no address of the web. Check it.") from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreached(url, error) from error
    if response.status not in (200, 206):
        response.close()
        raise _refused(url, response.status)
    return response  # type: ignore[no-any-return]


def _read(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(f"the connection was cut: {type(error).__name__}") from error


def _refused(url: str, status: int) -> Refused:
    why = {
        404: "There is nothing at this address (404).",
        202: "The site asks for a browser (202).",  # a bot challenge answers so, with nothing in it
    }.get(status, f"The server refuses (status {status}).")
    return Refused(f"'{url}' cannot be downloaded. {why} Download it in a browser.")


def _unreached(url: str, error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"'{urlsplit(url).netloc}' cannot be trusted: {reason.verify_message}. Check this computer's clock "
            "and certificates, or download the file in a browser."
        )
    return _Passing(str(reason) or type(reason).__name__)


def _cannot_write(folder: Path, error: OSError, missing: int | None = None) -> DownloadError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):  # Windows has no quota error
        need = "" if missing is None else f" {missing / 1e6:.0f} MB are missing."
        return DownloadError(f"The disk of '{folder}' is full.{need} Make room and run again: what arrived is kept.")
    return DownloadError(f"'{folder}' cannot be written: {error.strerror}. Choose another folder.")


def _is_right(path: Path, size: int | None, md5: str | None) -> bool:
    if size is not None and path.stat().st_size != size:
        return False
    if md5 is None:
        return True
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest() == md5.lower()
