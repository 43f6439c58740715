"""How fast the architectures are: one small JSON file for each model, size and machine.

``results/speed`` holds how fast they answer, ``results/speed/training`` how fast they are trained, beside rivals of
the same run. Speed belongs to an architecture and a machine, not to a training: a run is as fast as its model at its
size.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fracture_core.metrics import Estimate

SPEEDS = Path(__file__).resolve().parents[2] / "results" / "speed"
TRAINING_SPEEDS = SPEEDS / "training"
SCHEMA = 1

OURS, FIXED, LOADER, FAST_LOADER = "ours", "one batch in memory", "loader, float32", "loader, bf16"
"""Who is timed in training: our trainer; the same network fed with one batch that never changes, in bf16 and channels
last; and a DataLoader with torchvision transforms in full precision, and as the fixed batch is run."""

Made = TypeVar("Made")
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


@dataclass(frozen=True, kw_only=True)
class TrainingSpeed:
    """One architecture in training on one machine.

    Attributes:
        model, size, batch: what was trained, in steps of ``batch`` films.
        hardware, threads: as of ``Speed``.
        films: the films' data set.
        rounds, steps: each rate is the median of ``rounds`` over ``steps`` batches.
        images_per_second: by who was timed: ``OURS``, ``FIXED``, ``LOADER``, ``FAST_LOADER``.
        date, commit, torch: of the measurement.
    """

    model: str
    size: int
    batch: int
    hardware: str
    threads: int | None
    films: str
    rounds: int
    steps: int
    images_per_second: dict[str, float]
    date: str
    commit: str
    torch: str

    def against(self, rival: str) -> float:
        """How many times as fast as a rival ours is."""
        return self.images_per_second[OURS] / self.images_per_second[rival]


def machine(speed: Speed | TrainingSpeed) -> str:
    """What a measurement ran on, in words."""
    return speed.hardware + (f", {speed.threads} threads" if speed.threads else "")


def read_speeds(folder: Path = SPEEDS) -> list[Speed]:
    """All measurements of a folder; a damaged file is passed over and logged."""
    return list(_read(folder, _speed))


def read_training_speeds(folder: Path = TRAINING_SPEEDS) -> list[TrainingSpeed]:
    """As ``read_speeds``, of trainings."""
    return list(_read(folder, _training_speed))


def _read(folder: Path, made: Callable[[dict[str, Any]], Made]) -> Iterator[Made]:
    for path in sorted(folder.glob("*.json")):
        try:
            yield made(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            log.warning("The measurement '%s' is passed over: it cannot be read. Restore or remove it.", path.name)


def _speed(stored: dict[str, Any]) -> Speed:
    return Speed(**_of_now(stored) | {"latency_ms": Estimate(**stored["latency_ms"])})


def _training_speed(stored: dict[str, Any]) -> TrainingSpeed:
    found = TrainingSpeed(**_of_now(stored))
    if not {OURS, FIXED, LOADER, FAST_LOADER} <= found.images_per_second.keys():
        raise ValueError("a rival is missing")
    return found


def _of_now(stored: dict[str, Any]) -> dict[str, Any]:
    if stored.pop("schema") != SCHEMA:
        raise ValueError("another version of this program wrote it")
    return stored
