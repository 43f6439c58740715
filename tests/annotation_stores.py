"""Fixtures: annotation stores on SQLite and on a private PostgreSQL. Asked for by ``pytest_plugins``."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from annotation_writers import FILM, OTHER, READERS

from fracture_core.annotations import Store, open_store

_numbers = itertools.count()


@dataclass(frozen=True)
class Cluster:
    """A private PostgreSQL server; ``control`` runs one of its programs as the user it belongs to."""

    port: int
    control: Callable[..., None]
    start: Callable[[], None]

    def database(self) -> str:
        """The URL of a fresh, empty database."""
        import pg8000.native

        name = f"annotations_{next(_numbers)}"
        server = pg8000.native.Connection("tester", host="127.0.0.1", port=self.port, database="postgres")
        try:
            server.run(f"CREATE DATABASE {name}")
        finally:
            server.close()
        return f"postgresql://tester@127.0.0.1:{self.port}/{name}"


def _programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs: Debian keeps them off the PATH, by version."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(versions, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A server of this test run's own; tests that need it are skipped where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)")
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser to run it as 'postgres'")
    as_owner = ["runuser", "-u", "postgres", "--"] if is_root else []
    folder = Path(tempfile.mkdtemp(prefix="fracture-postgresql-"))
    try:
        if is_root:
            shutil.chown(folder, "postgres")

        def control(program: str, *arguments: str) -> None:
            command = [*as_owner, str(programs / program), "-D", str(folder / "data"), *arguments]
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

        port = _free_port()
        control("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -k {folder}"

        def start() -> None:
            control("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)

        start()
        try:
            yield Cluster(port, control, start)
        finally:
            control("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for annotations, on either engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'annotations.db'}"
    return str(request.getfixturevalue("postgresql").database())


@pytest.fixture
def opened(store_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the store of ``store_url`` again, on connections of its own."""
    with ExitStack() as stores:
        yield lambda: stores.enter_context(open_store(store_url))


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """A store with two films and two readers."""
    store = opened()
    store.add_films([FILM, OTHER])
    for reader in READERS:
        store.add_reader(reader)
    return store
