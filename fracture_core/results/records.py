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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core.errors import FractureError

RUNS = Path(__file__).resolve().parents[2] / "results" / "runs"
SCHEMA = 2
"""The newest generation of records that is read."""

HEAVY = ("cases", "scores", "membership")
"""The parts of a record that hold something for every film."""

_MAPPINGS = ("recipe", "data", "split", "metrics", "argmax", "cases", "scores", "membership", "comparable")
_CASE = ("id", "split", "score", "label", "group", "region")

log = logging.getLogger(__name__)


# Writing ----------------------------------------------------------------------------------------------


def to_json(data: dict[str, Any], *, indent: int | None = None) -> str:
    """Strict JSON, ending in a newline: what is not a number (a rate over no films) becomes null.

    Of a name that is not UTF-8 Python has characters that no file can hold: they are written as JSON's escapes.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(_finite(data), indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


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
    try:
        partial.write_text(to_json(record), encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


# Reading ----------------------------------------------------------------------------------------------


def data_of(record: Mapping[str, Any]) -> str:
    """Name of a run's data set, and of the one that trained along if there was one: "fracatlas + multiregion"."""
    names = [(record.get(part) or {}).get("name") for part in ("data", "also")]
    return " + ".join(str(name) for name in names if name)


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
    return _read(folder, _whole)


def read_outlines(folder: Path = RUNS) -> Records:
    """As ``read_folder``, each run without the long parts that name its films: ``HEAVY``, and the split's letters.

    A file is read once for as long as it stays the same. Nothing that is returned may be changed.
    """
    return _read(folder, _outline)


def read_run(run: str, *, folder: Path = RUNS) -> dict[str, Any]:
    """One whole record by its id.

    Raises:
        FractureError: there is none of that id, or it cannot be read.
    """
    path = folder / f"{run}.json"
    if path.parent != folder or not path.is_file():
        raise FractureError(f"There is no run record '{run}'. Choose another run.")
    try:
        return _whole(path)
    except (OSError, ValueError, RecursionError) as error:
        raise FractureError(f"The run record '{path.name}' cannot be read: restore or remove it.") from error


def _read(folder: Path, read: Callable[[Path], dict[str, Any]]) -> Records:
    runs: list[dict[str, Any]] = []
    damaged: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            runs.append(read(path))
        except (OSError, ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _NoRecord) else "it cannot be read"
            damaged[path.name] = f"The run record '{path.name}' is passed over: {reason}. Restore or remove it."
            log.warning("%s", damaged[path.name])
    return Records(tuple(runs), damaged)


def _whole(path: Path) -> dict[str, Any]:
    return _checked(json.loads(path.read_text(encoding="utf-8")))


def _outline(path: Path) -> dict[str, Any]:
    status = path.stat()
    return _kept_outline(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _kept_outline(path: Path, _changed: int, _size: int) -> dict[str, Any]:
    record = {name: value for name, value in _whole(path).items() if name not in HEAVY}
    if record.get("split"):
        record["split"] = {name: value for name, value in record["split"].items() if name != "letters"}
    return record


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


def rotates(split: Mapping[str, Any]) -> bool:
    """Whether a split is of a committee each of whose networks was validated on what the others learnt from."""
    return split.get("parts") is not None and split.get("part") is None


def scored_cases(record: Mapping[str, Any]) -> list[ScoredCase]:
    """A record's validation and test films, whichever generation it is of, in the record's order."""
    columns = record.get("cases")
    if columns is not None:
        return [ScoredCase(*values) for values in zip(*(columns[name] for name in _CASE), strict=True)]
    scores, membership = record.get("scores") or {}, record.get("membership") or {}
    return [ScoredCase(name, split, scores[name]) for split, names in membership.items() for name in names]


@dataclass(frozen=True, eq=False)
class ScoredFilms:
    """The films of one split as columns, in the record's order.

    Attributes:
        ids: the films' names in their data set.
        labels: int64 (N,) 1 fractured, 0 not fractured.
        scores: float64 (N,) calibrated probabilities, in [0, 1].
        groups: int64 (N,) films of one patient or duplicate group share it.
        regions: body regions; empty where not stated.
    """

    ids: tuple[str, ...]
    labels: np.ndarray
    scores: np.ndarray
    groups: np.ndarray
    regions: tuple[str, ...]


def scored_films(record: Mapping[str, Any], *, split: str = "test") -> ScoredFilms:
    """The validation ("val") or test films of a whole record.

    Raises:
        FractureError: the record does not hold its films' labels (an outline, or one of the first generation).
    """
    films = [case for case in scored_cases(record) if case.split == split and case.label is not None]
    if not films:
        raise FractureError(f"The record of the run '{record.get('id')}' does not hold its films' labels.")
    return ScoredFilms(
        ids=tuple(case.id for case in films),
        labels=np.array([case.label for case in films], np.int64),
        scores=np.array([case.score for case in films], np.float64),
        groups=np.array([-1 if case.group is None else case.group for case in films], np.int64),
        regions=tuple(case.region for case in films),
    )
