"""Run records on disk: one immutable JSON file per run. Tables and charts derive from them, never typed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError

RUNS = Path(__file__).resolve().parent.parent / "results" / "runs"


def to_json(data: dict[str, Any], *, indent: int | None = None) -> str:
    """Strict JSON, ending in a newline: what is not a number (a rate over no films) becomes null."""
    separators = (",", ":") if indent is None else None
    return json.dumps(_finite(data), indent=indent, separators=separators, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
    partial.write_text(to_json(record), encoding="utf-8")
    partial.replace(path)
    return path


def read_records(folder: Path = RUNS) -> list[dict[str, Any]]:
    """All records, by id."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
