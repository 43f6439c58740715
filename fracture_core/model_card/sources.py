"""What a card is written from: the weights' card, its run record, the record of its maps, and the gate.

Everything but the card may be missing. A record joins a card where both are of the same training and the same
measurement; a record of maps where it names the weights' sha256.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fracture_core.errors import FractureError
from fracture_core.metrics import Calibration, Estimate, OperatingPoint, Subgroup
from fracture_core.model_card.data_sets import DATA_SETS, DataSetFacts, title_of
from fracture_core.results import ScoredFilms, scored_films
from fracture_core.results.records import rotates
from fracture_core.weights import Card, weights_root

LOCALISATION = Path(__file__).resolve().parents[2] / "results" / "localisation"

_JOINED = (
    "model",
    "recipe",
    "seed",
    "commit",
    "date",
    "best_epoch",
    "calibration",
    "operating_points",
    "metrics",
)
VIEWS = ("frontal view", "lateral view", "oblique view", "with hardware")
"""Subgroups that are no body region, as ``evaluation.traits`` names them."""


@dataclass(frozen=True, eq=False)
class Sources:
    """The card and what belongs to it; what is not there is None or empty."""

    card: Card
    record: Mapping[str, Any] | None = None
    localisation: Mapping[str, Any] | None = None
    gate: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        assert self.record is None or belongs(self.record, self.card), "the record is of another run"
        assert self.localisation is None or self.localisation["weights"] == self.card.sha256, "maps of other weights"

    def get(self, *names: str) -> Any:
        """A value of the card by its path, None where any part is missing."""
        value: Any = self.card.data
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        return {name: estimate(stored) for name, stored in (self.get("metrics") or {}).items()}

    @cached_property
    def points(self) -> dict[str, OperatingPoint]:
        return {
            name: OperatingPoint(
                threshold=float(stored["threshold"]),
                rule=str(stored.get("rule") or ""),
                sensitivity=estimate(stored["sensitivity"]),
                specificity=estimate(stored["specificity"]),
            )
            for name, stored in (self.get("operating_points") or {}).items()
        }

    @cached_property
    def calibration(self) -> Calibration | None:
        stored = self.get("calibration")
        return Calibration(**stored) if stored else None

    @cached_property
    def subgroups(self) -> tuple[Subgroup, ...]:
        """The subgroups that name something: a lone "not stated" says no more than all films."""
        found = [
            Subgroup(**{**stored, **{name: estimate(stored[name]) for name in ("auc", "sensitivity", "specificity")}})
            for stored in self.get("subgroups") or ()
        ]
        return tuple(group for group in found if group.name not in ("", "not stated"))

    @property
    def regions(self) -> tuple[Subgroup, ...]:
        """The subgroups that are body regions."""
        return tuple(group for group in self.subgroups if group.name not in VIEWS)

    @cached_property
    def films(self) -> ScoredFilms | None:
        """The test films' scores, where the record holds them."""
        if self.record is None:
            return None
        try:
            return scored_films(self.record)
        except FractureError:
            return None  # an outline, or a record of the first generation

    @property
    def data_set(self) -> DataSetFacts | None:
        """What the publisher says of the data; None for data that is not known here."""
        return DATA_SETS.get(str(self.get("data", "name")))

    @property
    def data_title(self) -> str:
        return title_of(str(self.get("data", "name") or "data that the card does not name"))

    @property
    def rotates(self) -> bool:
        """Whether this is a committee each of whose networks was validated on what the others learnt from."""
        return rotates(self.get("split") or {})

    def count(self, part: str, what: str = "films") -> int | None:
        """Films, or fractured films, of "train", "val" or "test"."""
        value = self.get("split", "counts", part, what)
        return None if value is None else int(value)


def estimate(stored: Mapping[str, Any]) -> Estimate:
    """An estimate as written: null is a value that was no number."""
    value, low, high = (math.nan if stored[key] is None else float(stored[key]) for key in ("value", "low", "high"))
    return Estimate(value, low, high, int(stored["n"]))


def belongs(record: Mapping[str, Any], card: Card) -> bool:
    """Whether a run record (or its outline) is of the training and the measurement that a card tells of.

    A card carries its run's facts; the fitted calibration and thresholds, to the last digit, are like no other's.
    """
    return card.data.get("metrics") is not None and all(record.get(name) == card.data.get(name) for name in _JOINED)


def find_record(card: Card, outlines: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The outline that belongs to a card; None if there is none."""
    return next((outline for outline in outlines if belongs(outline, card)), None)


def find_localisation(card: Card, *, folder: Path = LOCALISATION) -> Mapping[str, Any] | None:
    """The record of a model's maps against experts; None if there is none of these very weights."""
    record = _read(folder / f"{card.name}.json")
    return record if record is not None and record.get("weights") == card.sha256 and record.get("parts") else None


def find_gate(*, root: Path | None = None) -> Mapping[str, Any] | None:
    """The card of the gate before the models; None if no gate is installed."""
    return _read((root or weights_root()) / "gate" / "gate.json")


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FractureError(f"The record '{path.name}' cannot be read: restore or remove it.") from error
    if not isinstance(record, dict):
        raise FractureError(f"The record '{path.name}' cannot be read: restore or remove it.")
    return record
