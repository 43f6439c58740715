"""What a leak is worth: one model, trained by one recipe, scored as published and on films it cannot have seen."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fracture_core.metrics import Estimate
from fracture_core.results import Paper, PublishedRow, ResultRow, table

PUBLISHED: Final = "published"
CLEAN: Final = ("clean", "grouped")
"""Divisions that no copy of a film crosses, the preferred first."""
METRICS: Final = ("accuracy", "auc")
_NOT_SETTINGS: Final = ("split", "title", "citation")


@dataclass(frozen=True)
class Half:
    """A run's test score.

    Attributes:
        run: id of the record.
        split: "published", "clean" or "grouped".
        films, fractured: test films; None where the record does not say.
        scores: of ``METRICS`` those that were measured; accuracy at probability one half, as the papers count.
        settings: of the recipe as run.
    """

    run: str
    split: str
    films: int | None
    fractured: int | None
    scores: Mapping[str, Estimate]
    settings: Mapping[str, Any]

    @property
    def majority(self) -> float | None:
        """Accuracy of always giving the commoner answer, in [0.5, 1]; None where it is not known."""
        if not self.films or self.fractured is None:
            return None
        return max(self.fractured, self.films - self.fractured) / self.films


@dataclass(frozen=True)
class LeakWorth:
    """One model on one data set, divided in two ways.

    Attributes:
        recipe, paper, model, data: names; ``paper`` is empty for a recipe of no paper.
        published, clean: the newest run of each; None where there is none.
        claim: the paper's own row for the model; None if it has none.
    """

    recipe: str
    paper: str
    model: str
    data: str
    published: Half | None
    clean: Half | None
    claim: PublishedRow | None

    @property
    def complete(self) -> bool:
        """Whether both have been run."""
        return self.published is not None and self.clean is not None

    @property
    def differs(self) -> tuple[str, ...]:
        """Settings of the recipe, but for the division, in which the two runs differ."""
        if self.published is None or self.clean is None:
            return ()
        one, other = self.published.settings, self.clean.settings
        names = sorted({*one, *other} - set(_NOT_SETTINGS))
        return tuple(name for name in names if one.get(name) != other.get(name))

    def gap(self, metric: str) -> Estimate | None:
        """The published score less the clean one; None unless both were measured."""
        if self.published is None or self.clean is None:
            return None
        one, other = (half.scores.get(metric) for half in (self.published, self.clean))
        return None if one is None or other is None else difference(one, other)

    def command(self, split: str) -> str:
        """What makes the missing half."""
        return f"python train.py {self.recipe} --model {self.model} --data DIR --split {split}"


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One less the other, of independent samples, its interval recovered from theirs.

    The square-and-add rule (Zou and Donner, Stat. Med. 27:1693, 2008), which asks for no symmetry of the
    intervals. ``n`` is of both together; not a number where either is.
    """
    values = (one.value, one.low, one.high, other.value, other.low, other.high)
    if not all(map(math.isfinite, values)):
        return Estimate(math.nan, math.nan, math.nan, one.n + other.n)
    value = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, value - below, value + above, one.n + other.n)


def leak_worths(
    records: Iterable[Mapping[str, Any]], papers: Mapping[str, Paper], *, divided: Collection[str] = ()
) -> list[LeakWorth]:
    """Every model run on a data set that its publisher divided, whole pairs first, then by recipe and model.

    Args:
        records: run records or outlines of them.
        papers: by key, for what they claim.
        divided: data sets known to have a published division; those of which a run used one are added.
    """
    rows = [(row, record) for record in records for row in table([record], papers)]
    divided = {*divided, *(row.data for row, _ in rows if row.split == PUBLISHED)}
    found: dict[tuple[str, str, str], list[tuple[ResultRow, Half]]] = {}
    for row, record in rows:
        if row.recipe and row.data in divided and row.split in (PUBLISHED, *CLEAN):
            found.setdefault((row.recipe, row.model, row.data), []).append((row, _half(row, record)))
    worths = [_worth(halves) for halves in found.values()]
    return sorted(worths, key=lambda worth: (not worth.complete, worth.recipe, worth.model, worth.data))


def _worth(halves: list[tuple[ResultRow, Half]]) -> LeakWorth:
    newest = sorted(halves, key=lambda pair: (pair[0].date, pair[0].id))
    by_split = {half.split: half for _, half in newest}  # the last of each stays
    row = newest[-1][0]
    return LeakWorth(
        recipe=row.recipe,
        paper=row.paper,
        model=row.model,
        data=row.data,
        published=by_split.get(PUBLISHED),
        clean=next((by_split[kind] for kind in CLEAN if kind in by_split), None),
        claim=row.published,
    )


def _half(row: ResultRow, record: Mapping[str, Any]) -> Half:
    counts = ((record.get("split") or {}).get("counts") or {}).get("test") or {}
    scores = {"accuracy": row.argmax.get("accuracy") or row.metrics.get("accuracy"), "auc": row.metrics.get("auc")}
    return Half(
        run=row.id,
        split=row.split,
        films=row.n,
        fractured=counts.get("fractured"),
        scores={name: score for name, score in scores.items() if score is not None},
        settings=dict(record.get("recipe") or {}),
    )
