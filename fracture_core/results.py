"""Run records on disk: one immutable JSON file per run. Tables and charts derive from them, never typed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError

RUNS = Path(__file__).resolve().parent.parent / "results" / "runs"


def write_record(record: dict[str, Any], *, folder: Path = RUNS) -> Path:
    """Write a run's record as ``<id>.json``; an existing one is never replaced.

    Raises:
        FractureError: a record of that id is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['id']}.json"
    if path.exists():
        raise FractureError(f"A record '{path.name}' is there already; records are never changed.")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def read_records(folder: Path = RUNS) -> list[dict[str, Any]]:
    """All records, by id."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
