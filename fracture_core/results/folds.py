"""Cross-validation as one measurement: the test films of all folds together, each scored by the model that had not
seen it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fracture_core.metrics import Estimate, summarise
from fracture_core.results.records import data_of, scored_films

RANKED = ("auc", "average_precision", "brier", "ece")
POINT = "balanced"
"""The operating point whose threshold each fold chose on its own validation films."""


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """All folds of one cross-validation.

    Attributes:
        recipe, model, data: names.
        seed: of the trainings; None where the records do not hold it.
        runs: ids of the folds' records, in the order of the folds.
        films, fractured: counts over all folds.
        metrics: by the names of ``metrics.summarise``. AUC, average precision, Brier score and calibration error are
            of the pooled probabilities; the rates of answers at each fold's own threshold. Intervals by group.
    """

    recipe: str
    model: str
    data: str
    seed: int | None
    runs: tuple[str, ...]
    films: int
    fractured: int
    metrics: Mapping[str, Estimate]


def complete_folds(records: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The cross-validations of which every fold was run, each in the order of its folds; the newest run of a fold.

    Args:
        records: outlines will do; in the order of their ids.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        split = record.get("split") or {}
        if split.get("folds") and split.get("fold") is not None:
            key = json.dumps(
                [
                    record.get("recipe"),
                    record.get("model"),
                    (record.get("data") or {}).get("fingerprint"),
                    (record.get("also") or {}).get("fingerprint"),
                    split["folds"],
                    split.get("seed"),
                    record.get("seed"),
                    record.get("pretrained"),
                ],
                sort_keys=True,
            )
            found.setdefault(key, {})[split["fold"]] = record
    return [
        [folds[fold] for fold in sorted(folds)]
        for folds in found.values()
        if len(folds) == next(iter(folds.values()))["split"]["folds"]
    ]


def pool(records: Iterable[Mapping[str, Any]]) -> OutOfFold:
    """One measurement of the whole records of a cross-validation's folds.

    Raises:
        FractureError: a record does not hold its films' labels.
    """
    folds = list(records)
    scored = [scored_films(record) for record in folds]
    ids = [name for films in scored for name in films.ids]
    assert len(set(ids)) == len(ids), "no film is tested by two folds"
    labels, scores, groups = (
        np.concatenate([getattr(films, column) for films in scored]) for column in ("labels", "scores", "groups")
    )
    called = np.concatenate(
        [
            films.scores >= record["operating_points"][POINT]["threshold"]
            for films, record in zip(scored, folds, strict=True)
        ]
    )
    ranked = summarise(labels, scores, threshold=0.5, groups=groups)
    rates = summarise(labels, called.astype(float), threshold=0.5, groups=groups)
    first = folds[0]
    return OutOfFold(
        recipe=str((first.get("recipe") or {}).get("key") or ""),
        model=str(first.get("model") or ""),
        data=data_of(first),
        seed=first.get("seed"),
        runs=tuple(str(record["id"]) for record in folds),
        films=len(labels),
        fractured=int(labels.sum()),
        metrics=rates | {name: ranked[name] for name in RANKED},
    )
