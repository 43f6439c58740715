"""Run records on disk: one immutable JSON file per run. Tables and charts derive from them, never typed.

Two generations are read. The first has no ``schema``: its ``membership`` names the validation and test films
and its ``scores`` their probabilities. The second says ``"schema": 2`` and holds both, with every film's label,
group and region, in ``cases``. ``scored_cases`` reads either.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError

RUNS = Path(__file__).resolve().parents[2] / "results" / "runs"
SCHEMA = 2
"""The newest generation of records that is read."""

_MAPPINGS = ("recipe", "data", "split", "metrics", "argmax", "cases", "scores", "membership", "comparable")
_CASE = ("id", "split", "score", "label", "group", "region")

log = logging.getLogger(__name__)


# Writing ----------------------------------------------------------------------------------------------


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


# Reading ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Records:
    """A folder of run records.

    Attributes:
        runs: the records as written, by file name.
        damaged: file name → a sentence on why it was passed over.
    """

    runs: tuple[dict[str, Any], ...]
    damaged: dict[str, str]


def read_folder(folder: Path = RUNS) -> Records:
    """All records of a folder, both generations; a damaged file is passed over, logged and reported."""
    runs: list[dict[str, Any]] = []
    damaged: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            runs.append(_checked(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _NoRecord) else "it cannot be read"
            damaged[path.name] = f"The run record '{path.name}' is passed over: {reason}. Restore or remove it."
            log.warning("%s", damaged[path.name])
    return Records(tuple(runs), damaged)


def read_records(folder: Path = RUNS) -> list[dict[str, Any]]:
    """The runs of ``read_folder``."""
    return list(read_folder(folder).runs)


class _NoRecord(ValueError):
    """Whole JSON, but no run record."""


def _checked(record: Any) -> dict[str, Any]:
    """The record itself, if its outline is one's."""
    if not isinstance(record, dict) or not isinstance(record.get("id"), str):
        raise _NoRecord("it is no run record")
    if record.get("schema", 1) not in range(1, SCHEMA + 1):
        raise _NoRecord("another version of this program wrote it")
    for name in _MAPPINGS:
        if not isinstance(record.get(name), dict | None):
            raise _NoRecord(f"its '{name}' is damaged")
    if record.get("cases") is not None and not _even(record["cases"]):
        raise _NoRecord("its 'cases' is damaged")
    return record


def _even(cases: dict[str, Any]) -> bool:
    """Whether every column is there and they are of one length."""
    columns = [cases.get(name) for name in _CASE]
    return all(isinstance(column, list) for column in columns) and len({len(column or ()) for column in columns}) == 1


@dataclass(frozen=True)
class ScoredCase:
    """One validation or test film and what the model said of it.

    Attributes:
        id: the film's name in its data set.
        split: "val" or "test".
        score: calibrated probability of a fracture, in [0, 1].
        label: 1 fractured, 0 not fractured; None where the record does not hold it (first generation).
        group: films of one patient or duplicate group share it; None as above.
        region: body region; empty as above.
    """

    id: str
    split: str
    score: float
    label: int | None = None
    group: int | None = None
    region: str = ""


def scored_cases(record: Mapping[str, Any]) -> list[ScoredCase]:
    """A record's validation and test films, whichever generation it is of, in the record's order."""
    columns = record.get("cases")
    if columns is not None:
        return [ScoredCase(*values) for values in zip(*(columns[name] for name in _CASE), strict=True)]
    scores, membership = record.get("scores") or {}, record.get("membership") or {}
    return [ScoredCase(name, split, scores[name]) for split, names in membership.items() for name in names]
