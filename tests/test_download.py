"""Fetching over a line that breaks, against a server in a thread; unpacking; FracAtlas from a made-up figshare."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import re
import shutil
import socket
import ssl
import stat
import threading
import urllib.error
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fracture_core.datasets import fetching, read_fracatlas, unpacking
from fracture_core.datasets.download import complete_fracatlas, download_fracatlas, fetch
from fracture_core.datasets.unpacking import unpack
from fracture_core.errors import DownloadError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MD5 = hashlib.md5(CONTENT).hexdigest()


@dataclass
class Shelf:
    """What the server hands out, how badly it behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str | None = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    statuses: list[int] = field(default_factory=list)  # of the next answers
    refused: dict[str, int] = field(default_factory=dict)  # path → status, always
    lengths: bool = True  # whether Content-Length is told
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)  # path, Range, If-Range
    url: str = ""

    @property
    def wanted(self) -> list[str | None]:
        return [span for _, span, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    shelf: Shelf

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        shelf = self.shelf
        span, if_range = self.headers.get("Range"), self.headers.get("If-Range")
        shelf.asked.append((self.path, span, if_range))
        status = shelf.statuses.pop(0) if shelf.statuses else shelf.refused.get(self.path, 200)
        content = shelf.files.get(self.path)
        if status != 200 or content is None:
            self.send_response(status if status != 200 else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if span and shelf.ranges and if_range in (None, shelf.etag):
            start = int(re.fullmatch(r"bytes=(\d+)-", span)[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if shelf.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        if shelf.etag:
            self.send_header("ETag", shelf.etag)
        self.end_headers()
        end = start + shelf.cuts.pop(0) if shelf.cuts else len(content)
        self.wfile.write(content[start:end])


@pytest.fixture
def shelf(monkeypatch) -> Iterator[Shelf]:
    monkeypatch.setattr(fetching, "PAUSES", [0.0, 0.0])
    shelf = Shelf({"/file": CONTENT})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shelf": shelf}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield shelf
    server.shutdown()
    server.server_close()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Whole -------------------------------------------------------------------------------------------------


def test_a_file_arrives_whole_and_alone(shelf, tmp_path):
    told: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "set.zip"
    got = fetch(f"{shelf.url}/file", target, size=len(CONTENT), md5=MD5, progress=lambda *at: told.append(at))
    assert got == target and target.read_bytes() == CONTENT
    assert left_in(target.parent) == ["set.zip"]
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_is_there_is_not_asked_for(shelf, tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    fetch(f"{shelf.url}/file", tmp_path / "x", size=len(CONTENT), md5=MD5.upper())
    assert shelf.asked == []


@pytest.mark.parametrize("wrong", [b"other", CONTENT[:-1] + b"\0"])
def test_a_wrong_file_in_its_place_is_replaced(shelf, tmp_path, wrong):
    (tmp_path / "x").write_bytes(wrong)
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_server_that_tells_no_length(shelf, tmp_path, size):
    shelf.lengths = False
    fetch(f"{shelf.url}/file", tmp_path / "x", size=size)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_an_empty_file(shelf, tmp_path):
    shelf.files["/file"] = b""
    assert fetch(f"{shelf.url}/file", tmp_path / "x", size=0).read_bytes() == b""


# Cut ---------------------------------------------------------------------------------------------------


def test_a_cut_connection_goes_on_with_the_rest_alone(shelf, tmp_path):
    shelf.cuts = [300_000]
    fetch(f"{shelf.url}/file", tmp_path / "x", size=len(CONTENT), md5=MD5)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert shelf.asked == [("/file", None, None), ("/file", "bytes=300000-", '"v1"')]
    assert left_in(tmp_path) == ["x"]


def test_a_later_run_goes_on_where_the_first_was_given_up(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PAUSES", [])
    shelf.cuts = [400_000]
    with pytest.raises(DownloadError, match=r"connection was cut.*what has arrived is kept"):
        fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert left_in(tmp_path) == ["x.part", "x.part.etag"]
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert shelf.wanted == [None, "bytes=400000-"]
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["x"]


def test_patience_lasts_while_bytes_arrive(shelf, tmp_path):
    shelf.cuts = [100_000] * 10
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert shelf.wanted == [None] + [f"bytes={n * 100_000}-" for n in range(1, 11)]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_patience_ends_when_nothing_arrives(shelf, tmp_path):
    shelf.cuts = [0] * 9
    with pytest.raises(DownloadError, match="connection was cut"):
        fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert len(shelf.asked) == 3


def test_a_server_without_ranges_starts_anew(shelf, tmp_path):
    shelf.ranges, shelf.cuts = False, [300_000]
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert shelf.wanted == [None, "bytes=300000-"]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_spliced(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PAUSES", [])
    shelf.cuts = [300_000]
    with pytest.raises(DownloadError):
        fetch(f"{shelf.url}/file", tmp_path / "x")
    shelf.files["/file"], shelf.etag = CONTENT[::-1], '"v2"'
    fetch(f"{shelf.url}/file", tmp_path / "x")
    assert shelf.asked[-1] == ("/file", "bytes=300000-", '"v1"')
    assert (tmp_path / "x").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_means_to_notice_a_splice_there_is_none(shelf, tmp_path, etag):
    shelf.etag, shelf.cuts = etag, [300_000]
    fetch(f"{shelf.url}/file", tmp_path / "x", size=len(CONTENT))
    assert shelf.wanted == [None, None]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_checksum_is_means_enough(shelf, tmp_path):
    shelf.etag, shelf.cuts = None, [300_000]
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert shelf.asked[-1] == ("/file", "bytes=300000-", None)


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_part_that_is_whole_already_is_taken(shelf, tmp_path, size):
    (tmp_path / "x.part").write_bytes(CONTENT)
    fetch(f"{shelf.url}/file", tmp_path / "x", size=size, md5=MD5)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert shelf.wanted == ([f"bytes={len(CONTENT)}-"] if size is None else [])


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_part_that_is_too_long_is_thrown_away(shelf, tmp_path, size):
    (tmp_path / "x.part").write_bytes(CONTENT + b"more")
    fetch(f"{shelf.url}/file", tmp_path / "x", size=size, md5=MD5)
    assert (tmp_path / "x").read_bytes() == CONTENT


@given(
    cuts=st.lists(st.integers(1, 5000), max_size=6),
    ranges=st.booleans(),
    etag=st.sampled_from([None, '"e"', 'W/"e"']),
    lengths=st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_however_the_line_breaks_the_file_is_whole_or_not_there(shelf, tmp_path, cuts, ranges, etag, lengths):
    content = CONTENT[:6000]
    shelf.files["/file"], shelf.cuts, shelf.ranges, shelf.etag, shelf.lengths = content, cuts, ranges, etag, lengths
    for path in tmp_path.iterdir():
        path.unlink()
    try:
        fetch(f"{shelf.url}/file", tmp_path / "x", size=6000, md5=hashlib.md5(content).hexdigest())
    except DownloadError:
        assert not (tmp_path / "x").exists()
    else:
        assert (tmp_path / "x").read_bytes() == content
        assert left_in(tmp_path) == ["x"]


# Refused -----------------------------------------------------------------------------------------------


def test_a_wrong_checksum_removes_what_came(shelf, tmp_path):
    with pytest.raises(DownloadError, match=r"damaged: .*checksum.*removed; run again"):
        fetch(f"{shelf.url}/file", tmp_path / "x", md5="0" * 32)
    assert left_in(tmp_path) == []


def test_another_length_than_announced(shelf, tmp_path):
    with pytest.raises(DownloadError, match=r"1048576 bytes instead of 7.*in a browser"):
        fetch(f"{shelf.url}/file", tmp_path / "x", size=7)
    shelf.lengths = False
    with pytest.raises(DownloadError, match="more than it announced"):
        fetch(f"{shelf.url}/file", tmp_path / "x", size=7)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "told"), [(404, r"nothing at this address \(404\)"), (403, "status 403"), (202, "asks for a browser")]
)
def test_a_refusal_is_told_at_once(shelf, tmp_path, status, told):
    shelf.refused["/file"] = status
    with pytest.raises(DownloadError, match=told) as caught:
        fetch(f"{shelf.url}/file", tmp_path / "x")
    assert f"{shelf.url}/file" in str(caught.value)
    assert len(shelf.asked) == 1


def test_a_server_in_trouble_is_asked_again(shelf, tmp_path):
    shelf.statuses = [503, 429]
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert len(shelf.asked) == 3
    shelf.statuses = [500] * 9
    with pytest.raises(DownloadError, match="status 500"):
        fetch(f"{shelf.url}/file", tmp_path / "y")


def test_no_server_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PAUSES", [0.01, 0.02])
    waits: list[float] = []
    monkeypatch.setattr(fetching.time, "sleep", waits.append)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match=rf"'127\.0\.0\.1:{port}' cannot be reached .*Check the network"):
        fetch(f"http://127.0.0.1:{port}/file", tmp_path / "x")
    assert waits == [0.01, 0.02]


def test_a_silent_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PAUSES", [])
    monkeypatch.setattr(fetching, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DownloadError, match="timed out"):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/file", tmp_path / "x")


def test_a_server_that_cannot_be_trusted_is_not_asked_again(tmp_path, monkeypatch):
    asked: list[object] = []

    def distrust(request, timeout):
        asked.append(request)
        trouble = ssl.SSLCertVerificationError(1, "certificate verify failed")
        trouble.verify_message = "certificate has expired"
        raise urllib.error.URLError(trouble)

    monkeypatch.setattr(fetching.urllib.request, "urlopen", distrust)
    with pytest.raises(DownloadError, match=r"'example\.org' cannot be trusted: certificate has expired.*clock"):
        fetch("https://example.org/x", tmp_path / "x")
    assert len(asked) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://example.org/x", "no address", "http://[::1/x", "http://a b/"]
)
def test_only_the_web_is_asked(tmp_path, url):
    with pytest.raises(DownloadError, match="no address of the web"):
        fetch(url, tmp_path / "x")


def test_a_full_disk_is_told_before_and_while_writing(shelf, tmp_path, monkeypatch):
    room = shutil.disk_usage(tmp_path)._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(fetching.shutil, "disk_usage", lambda _: room)
        with pytest.raises(DownloadError, match=r"disk of .* is full\. 1 MB are missing"):
            fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)

    class Full(io.FileIO):
        def write(self, data):
            if self.tell() > 100_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    with monkeypatch.context() as patch:
        patch.setattr(fetching._Part, "open", lambda self, *_: Full(self.path, "w"))
        with pytest.raises(DownloadError, match=r"is full\..*what arrived is kept"):
            fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    have = (tmp_path / "x.part").stat().st_size
    assert have > 100_000
    fetch(f"{shelf.url}/file", tmp_path / "x", md5=MD5)
    assert shelf.wanted[-1] == f"bytes={have}-"
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(shelf, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch(f"{shelf.url}/file", tmp_path / "file" / "x")


# Archives ----------------------------------------------------------------------------------------------


def archive_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_archive_is_unpacked_over_what_is_there(tmp_path):
    archive = archive_of(tmp_path / "a.zip", **{"top/b.txt": b"b", "__MACOSX/top/._b.txt": b"", "top/.DS_Store": b""})
    (tmp_path / "out" / "top").mkdir(parents=True)
    (tmp_path / "out" / "top" / "b.txt").write_text("old and longer")
    told: list[tuple[int, int]] = []
    files = unpack(archive, tmp_path / "out", progress=lambda *at: told.append(at))
    assert files == [tmp_path / "out" / "top" / "b.txt"]
    assert files[0].read_bytes() == b"b"
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["b.txt", "top"]
    assert told == [(1, 1)]


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:/evil", "..\\evil", "a/b/../../../evil"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    archive = archive_of(tmp_path / "a.zip", **{"good.txt": b"good", name: b"evil"})
    with pytest.raises(DownloadError, match="outside the folder"):
        unpack(archive, tmp_path / "deep" / "out")
    assert left_in(tmp_path) == ["a.zip"], "names are checked before anything is written"


def test_no_link_leads_out_of_the_folder(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(DownloadError, match="is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out")

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "top").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DownloadError, match="by a link"):
        unpack(archive_of(tmp_path / "b.zip", **{"top/evil": b"evil"}), tmp_path / "out")
    assert left_in(tmp_path / "elsewhere") == []


def test_a_bomb_does_not_go_off(tmp_path, monkeypatch):
    archive = archive_of(tmp_path / "a.zip", zeros=bytes(2_000_000))
    assert archive.stat().st_size < 10_000
    with pytest.raises(DownloadError, match="unpacks to more than"):
        unpack(archive, tmp_path / "out", limit=1_000_000)
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 1)
    with pytest.raises(DownloadError, match="too many files"):
        unpack(archive_of(tmp_path / "b.zip", a=b"", b=b""), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_member_that_lies_about_its_size_is_damage(tmp_path):
    archive = archive_of(tmp_path / "a.zip", zeros=bytes(2_000_000))
    content = archive.read_bytes()
    archive.write_bytes(content.replace((2_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(DownloadError, match="damaged"):
        unpack(archive, tmp_path / "out", limit=1_000_000)
    assert left_in(tmp_path / "out") == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06"])
def test_no_archive(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DownloadError, match=r"damaged ZIP archive, or none.*Delete it"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_told_or_harmless(tmp_path, data):
    original = archive_of(tmp_path / "whole.zip", **{"top/a": b"abc" * 40, "top/b": b"xyz" * 40}).read_bytes()
    damaged = bytearray(original)
    damaged[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "a.zip").write_bytes(damaged)
    before = {*tmp_path.iterdir(), tmp_path / "out"}
    try:
        files = unpack(tmp_path / "a.zip", tmp_path / "out")
    except DownloadError:
        files = []
    assert all(file.is_relative_to(tmp_path / "out") for file in files)
    assert {*tmp_path.iterdir()} <= before, "nothing beside the folder"
    shutil.rmtree(tmp_path / "out", ignore_errors=True)


# FracAtlas ---------------------------------------------------------------------------------------------


@pytest.fixture
def figshare(shelf, tmp_path, made_fracatlas) -> Shelf:
    """A figshare whose article 22363012 holds a small FracAtlas and a table beside it."""
    made = made_fracatlas(6)
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", made.parent, made.name)).read_bytes()
    shutil.rmtree(made)
    files = [
        {"id": 7, "name": "notes.csv", "size": 10**9, "computed_md5": "", "download_url": f"{shelf.url}/notes.csv"},
        {
            "id": 8,
            "name": "FracAtlas.zip",
            "size": len(packed),
            "computed_md5": hashlib.md5(packed).hexdigest(),
            "download_url": f"{shelf.url}/files/8",
        },
    ]
    article = json.dumps({"files": files}).encode()
    shelf.files |= {
        "/v2/articles/22363012": article,
        "/files/8": packed,
        "/v2/file/download/8": packed,
    }
    return shelf


def test_fracatlas_is_brought_and_then_left_alone(figshare, tmp_path, caplog):
    folder = tmp_path / "data"
    assert complete_fracatlas(folder) is None
    root = download_fracatlas(folder, api=f"{figshare.url}/v2")
    assert len(read_fracatlas(root).cases) == 6
    assert left_in(folder) == [root.name], "the archive is gone when it is unpacked"
    asked = len(figshare.asked)
    with caplog.at_level(logging.INFO):
        assert download_fracatlas(folder, api=f"{figshare.url}/v2") == root
    assert len(figshare.asked) == asked
    assert "complete" in caplog.text
    assert complete_fracatlas(root) == root


def test_what_is_missing_of_fracatlas_is_brought_again(figshare, tmp_path):
    root = download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2")
    for lost in (next(root.glob("images/Fractured/*.jpg")), root / "Annotations/COCO JSON/COCO_fracture_masks.json"):
        lost.unlink()
        assert complete_fracatlas(tmp_path / "data") is None
        assert download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2") == root
        assert lost.is_file()


def test_fracatlas_over_a_cut_line_asks_for_the_rest_alone(figshare, tmp_path):
    figshare.cuts = [10**6, 500]
    download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2")
    assert figshare.asked[1:] == [("/files/8", None, None), ("/files/8", "bytes=500-", '"v1"')]


def test_a_page_that_asks_for_a_browser_is_gone_around(figshare, tmp_path):
    figshare.refused["/files/8"] = 202
    root = download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2")
    assert complete_fracatlas(root) == root
    assert [path for path, _, _ in figshare.asked] == ["/v2/articles/22363012", "/files/8", "/v2/file/download/8"]


@pytest.mark.parametrize(
    ("article", "told"),
    [
        (None, r"\(404\)"),
        (b"<html>", "does not answer as announced"),
        (b"[]", "no longer describes"),
        (b'{"files": []}', "no longer describes"),
        (b'{"files": [{"name": "x.zip"}]}', "no longer describes"),
    ],
)
def test_without_figshare_the_way_by_hand_is_told(figshare, tmp_path, article, told):
    figshare.files["/v2/articles/22363012"] = article
    with pytest.raises(DownloadError, match=told) as caught:
        download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2")
    assert "https://doi.org/10.6084/m9.figshare.22363012" in str(caught.value)
    assert str(tmp_path / "data") in str(caught.value)


def test_without_network_the_way_by_hand_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PAUSES", [])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DownloadError, match=r"cannot be reached.*by hand from https://doi\.org"):
        download_fracatlas(tmp_path, api=f"http://127.0.0.1:{port}/v2")


def test_another_archive_is_not_taken_for_fracatlas(figshare, tmp_path):
    other = archive_of(tmp_path / "other.zip", **{"dataset.csv": b"a,b"}).read_bytes()
    file = {"id": 8, "name": "../x.zip", "size": len(other), "download_url": f"{figshare.url}/files/8"}
    figshare.files |= {"/v2/articles/22363012": json.dumps({"files": [file]}).encode(), "/files/8": other}
    with pytest.raises(DownloadError, match="does not hold FracAtlas"):
        download_fracatlas(tmp_path / "data", api=f"{figshare.url}/v2")
    assert (tmp_path / "data" / "x.zip").is_file(), "its name does not lead out of the folder"
