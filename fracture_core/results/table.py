"""One row per run, and beside it what the paper prints for the same model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from fracture_core.metrics import Estimate
from fracture_core.results.published import METRICS, Paper, PublishedRow
from fracture_core.results.records import data_of

_METRICS = ("auc", "accuracy", "sensitivity", "specificity", "precision", "f1")
_ARGMAX = ("accuracy", "precision", "sensitivity", "f1")
_NESTED = ("metrics", "argmax", "published")
_ESTIMATE = {field.name for field in fields(Estimate)}


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """A run as a table shows it; what its record does not hold is empty or None.

    Attributes:
        id: of the run record.
        date: "2026-11-20", the day the run began.
        recipe, paper, model, data: names; ``paper`` is empty for a recipe of no paper.
        split: "grouped", "published" or "folds".
        fold: "1 of 5" for a run of a cross-validation, "part 1 of 5" for the one that a member of a committee was
            validated on, else empty.
        epochs: that were run.
        n: test films.
        metrics: statistics on test at the threshold chosen on validation, by the names of ``metrics.summarise``.
        argmax: "accuracy", "precision", "sensitivity", "f1" and more at probability one half, as the papers count.
        commit: first 7 digits.
        published: the paper's own row for the model; None if it has none.
        comparable: whether data, split and recipe are the paper's.
        why: the reason, in words.
    """

    id: str
    date: str
    recipe: str
    paper: str
    model: str
    data: str
    split: str
    fold: str
    epochs: int | None
    n: int | None
    metrics: Mapping[str, Estimate]
    argmax: Mapping[str, Estimate]
    commit: str
    published: PublishedRow | None
    comparable: bool
    why: str

    @property
    def fold_in_words(self) -> str:
        return self.fold if not self.fold or self.fold.startswith("part") else f"fold {self.fold}"


def table(records: Iterable[Mapping[str, Any]], published: Mapping[str, Paper]) -> list[ResultRow]:
    """The rows of some run records, in their order; records of both generations, as ``read_records`` gives them."""
    return [_row(record, published) for record in records]


def _row(record: Mapping[str, Any], published: Mapping[str, Paper]) -> ResultRow:
    recipe, split, comparable = (record.get(name) or {} for name in ("recipe", "split", "comparable"))
    metrics, argmax = (_estimates(record.get(name) or {}) for name in ("metrics", "argmax"))
    paper, model = str(recipe.get("paper") or ""), str(record.get("model") or "")
    counts = (split.get("counts") or {}).get("test") or {}
    return ResultRow(
        id=record["id"],
        date=str(record.get("date") or ""),
        recipe=str(recipe.get("key") or ""),
        paper=paper,
        model=model,
        data=data_of(record),
        split=str(split.get("kind") or ("grouped" if split else "")),  # the first generation knew no other
        fold=_fold(split),
        epochs=record.get("epochs_run") or len(record.get("curves") or ()) or None,
        n=counts.get("films"),
        metrics=metrics,
        argmax=argmax,
        commit=str(record.get("commit") or "")[:7],
        published=published[paper].result(model) if paper in published else None,
        comparable=comparable.get("value") is True,
        why=str(comparable.get("why") or ""),
    )


def _fold(split: Mapping[str, Any]) -> str:
    """Which of how many: a cross-validation's fold, or the part that a committee's member was validated on."""
    if split.get("folds"):
        return f"{split.get('fold')} of {split['folds']}"
    return f"part {split['part']} of {split['parts']}" if split.get("part") is not None else ""


def _estimates(stored: Mapping[str, Any]) -> dict[str, Estimate]:
    """Estimates by name from a record or card, where a value that was no number is null; others are left out."""
    found: dict[str, Estimate] = {}
    for name, value in stored.items():
        if isinstance(value, Mapping) and value.keys() == _ESTIMATE:
            numbers: dict[str, Any] = {key: math.nan if number is None else number for key, number in value.items()}
            found[name] = Estimate(**numbers)
    return found


def flat_run(row: ResultRow) -> dict[str, Any]:
    """A run as one line of a CSV file: every statistic with the ends of its interval, None where there is none."""
    statistics = {name: row.metrics.get(name) for name in _METRICS}
    statistics |= {f"argmax_{name}": row.argmax.get(name) for name in _ARGMAX}
    return {
        **{field.name: getattr(row, field.name) for field in fields(row) if field.name not in _NESTED},
        **{
            name if end == "value" else f"{name}_{end}": getattr(estimate, end, None)
            for name, estimate in statistics.items()
            for end in ("value", "low", "high")
        },
        "published_split": row.published.split if row.published else None,
        **{f"published_{name}": row.published.metrics.get(name) if row.published else None for name in METRICS},
    }


def flat_published(paper: str, row: PublishedRow) -> dict[str, Any]:
    """A paper's figures as one line of a CSV file: each as a number and as printed, None where there is none."""
    return {
        "paper": paper,
        **{name: getattr(row, name) for name in ("model", "model_key", "split", "epoch", "cited")},
        **{name: row.metrics.get(name) for name in METRICS},
        **{f"printed_{name}": row.as_printed(name) if name in row.metrics else None for name in METRICS},
        "where": row.where,
        "note": row.note,
    }
