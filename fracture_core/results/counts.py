"""The four counts of a run's test films, from the rates that its record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fracture_core.metrics import ConfusionMatrix

HALF = "0.5"
"""The point at which the papers count: the larger logit."""


def matrix_at(outline: Mapping[str, Any], point: str) -> ConfusionMatrix | None:
    """A run's counts on test, at ``HALF`` or at an operating point by name; None where its record does not hold them.

    A record keeps rates and how many films each is of; the counts follow exactly.
    """
    if point == HALF:
        report = {line["name"]: line for line in outline.get("class_report") or ()}
        whole, fractured = report.get("not fractured"), report.get("fractured")
        if whole is None or fractured is None:
            return None
        return _counts(
            fractured["recall"], fractured["support"], specificity=whole["recall"], negatives=whole["support"]
        )
    operating = (outline.get("operating_points") or {}).get(point) or {}
    found, cleared = operating.get("sensitivity"), operating.get("specificity")
    if not found or not cleared:
        return None
    return _counts(found["value"], found["n"], specificity=cleared["value"], negatives=cleared["n"])


def _counts(
    sensitivity: float | None, positives: int, *, specificity: float | None, negatives: int
) -> ConfusionMatrix:
    tp, tn = _share_of(sensitivity, positives), _share_of(specificity, negatives)
    return ConfusionMatrix(tp=tp, fp=negatives - tn, fn=positives - tp, tn=tn)


def _share_of(rate: float | None, films: int) -> int:
    return round(rate * films) if rate is not None and films else 0  # a rate of no films is no number
