"""Fixtures of the pages' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fracture_core.annotations import Store, open_store
from ui import loaders

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that the pages use too; no real films are at hand."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path))
    for name in ("FRACTURE_DB_URL", "FRACTURE_DATA"):
        monkeypatch.delenv(name, raising=False)
    loaders.store.cache_clear()
    with open_store() as opened:
        yield opened
    loaders.store.cache_clear()
