"""A real Chromium against a real server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps readings: never the user's own place."""
    return tmp_path_factory.mktemp("home")


@contextmanager
def serving(home: Path, log: Path) -> Iterator[str]:
    """A server that has just been started, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    environment = os.environ | {"FRACTURE_HOME": str(home)}
    environment.pop("FRACTURE_DB_URL", None)
    with log.open("w") as stream:
        process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).read()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[str]:
    """The app's address; its log is kept for the tests that read it."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    os.environ["SERVER_LOG"] = str(log)
    with serving(home, log) as address:
        yield address


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[str]:
    """A server that nobody has visited yet."""
    with serving(tmp_path, tmp_path / "log.txt") as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install it (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """A browser test that fails says what stood on every open page: CI keeps no screenshots."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("browser")
    if report.failed and call.when == "call" and browser is not None:
        pages = [page for context in browser.contexts for page in context.pages]
        report.sections.append(("on the screen when it failed", "\n\n".join(map(on_screen, pages))))
    return report


def on_screen(page) -> str:
    """A page's address, whether its script runs, what has the focus, and its first words."""
    try:
        state, focus = page.evaluate(
            """() => {
                const [running, at] = [document.querySelector("[data-test-script-state]"), document.activeElement];
                const focus = at === document.body ? "nothing" : at?.outerHTML.slice(0, 200);
                return [running?.dataset.testScriptState, focus];
            }"""
        )
        text = " | ".join(line for line in page.inner_text("body").splitlines() if line.strip())
    except Exception as error:  # a page that hangs or is gone must not hide what failed
        return f"{page.url}: {error}"
    return f"{page.url} ({state}, {page.viewport_size})\nfocus: {focus}\n{text[:1500]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What fails in a browser is tried once more: on a busy machine a click may wait too long, or land too early."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
