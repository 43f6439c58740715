"""How fast the architectures are: one small JSON file for each model, size and machine under ``results/speed``.

Speed belongs to an architecture and a machine, not to a training: a run is as fast as its model at its size.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fracture_core.metrics import Estimate

SPEEDS = Path(__file__).resolve().parents[2] / "results" / "speed"
SCHEMA = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One architecture on one machine.

    Attributes:
        model: a name of ``models.MODELS``.
        size: the input's side in pixels.
        parameters: how many the model has.
        hardware, threads, precision: what it ran on; ``threads`` is None on a GPU.
        latency_ms: one film from tensor to logits; value and interval are the median and its 95 % interval.
        batch: films at once for ``films_per_second``.
        films_per_second: throughput at that batch.
        peak_memory_mb: largest memory of the process (CPU) or of the device (GPU), model included.
        date, commit, torch: of the measurement.
    """

    model: str
    size: int
    parameters: int
    hardware: str
    threads: int | None
    precision: str
    latency_ms: Estimate
    batch: int
    films_per_second: float
    peak_memory_mb: float
    date: str
    commit: str
    torch: str


def read_speeds(folder: Path = SPEEDS) -> list[Speed]:
    """All measurements of a folder; a damaged file is passed over and logged."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_speed(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            log.warning("The measurement '%s' is passed over: it cannot be read. Restore or remove it.", path.name)
    return found


def _speed(stored: dict[str, Any]) -> Speed:
    if stored.pop("schema") != SCHEMA:
        raise ValueError("another version of this program wrote it")
    return Speed(**stored | {"latency_ms": Estimate(**stored["latency_ms"])})
