"""Readers against a reference: sensitivity and specificity, never against their own vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.agreement.columns import NOT_READ, ORDER, Column
from fracture_core.agreement.consensus import consensus_column
from fracture_core.agreement.sums import Disagreement, film_bootstrap, share
from fracture_core.errors import FractureError, UnknownName
from fracture_core.metrics import ConfusionMatrix, Estimate, clustered


@dataclass(frozen=True)
class ReaderAccuracy:
    """A reader, or a model, against a reference; ``films`` is how many both have an answer to."""

    name: str
    reference: str
    sensitivity: Estimate
    specificity: Estimate
    films: int


def called(findings: np.ndarray, *, positive: str = "fracture") -> np.ndarray:
    """Bool: findings that count as a call of a fracture, at or above ``positive`` in ``ORDER``.

    Raises:
        UnknownName: ``positive`` is neither "fracture" nor "uncertain".
    """
    if positive not in ORDER[1:]:
        raise UnknownName("positive finding", positive, ORDER[1:])
    return np.asarray(findings) >= ORDER.index(positive)


def reader_accuracy(
    columns: Sequence[Column],
    *,
    reference: str | None = None,
    positive: str = "fracture",
    groups: np.ndarray | None = None,
) -> list[ReaderAccuracy]:
    """Sensitivity and specificity of each column against a reference.

    Films count where the reference says "fracture" or "none": an uncertain one, or a tie, refers to nothing.
    Intervals are exact (Clopper and Pearson) and take films as independent; where films share groups they are
    bootstrapped by group, nan where all films of a kind are of one group. They do not hold the doubt about the
    reference itself.

    Args:
        reference: the name of a column, which is then left out of the answer; None takes the majority of the
            readers (not of the models), and for a reader the majority of the others, since who votes on the
            truth agrees with it too well.
        positive: "fracture", or "uncertain" to count doubt as a call as well.

    Raises:
        FractureError: no column has the name, or there is no reader to refer to.
    """
    names = [column.name for column in columns]
    if reference is not None and reference not in names:
        raise UnknownName("reader", reference, names)
    rows = []
    for column in columns:
        if column.name == reference:
            continue
        against = _reference(columns, column, reference)
        rows.append(_accuracy(column, against, positive, groups))
    return rows


def _reference(columns: Sequence[Column], column: Column, reference: str | None) -> Column:
    if reference is not None:
        return next(other for other in columns if other.name == reference)
    others = [other for other in columns if other.kind == "reader" and other is not column]
    if not others:
        raise FractureError("There is no other reader to refer to: add a reader, or name a reference.")
    return consensus_column(others, name="the other readers" if column.kind == "reader" else "the readers")


def _accuracy(column: Column, reference: Column, positive: str, groups: np.ndarray | None) -> ReaderAccuracy:
    known = np.isin(reference.findings, (ORDER.index("fracture"), ORDER.index("none")))
    films = known & (np.asarray(column.findings) != NOT_READ)
    truth = np.asarray(reference.findings)[films] == ORDER.index("fracture")
    calls = called(np.asarray(column.findings)[films], positive=positive)
    cells = np.stack([calls & truth, calls & ~truth, ~calls & truth, ~calls & ~truth], axis=1)
    matrix = ConfusionMatrix(*map(int, cells.sum(axis=0)))
    rates = [matrix.sensitivity, matrix.specificity]
    if groups is not None and clustered(np.asarray(groups)[films]):
        positives, negatives = int(matrix.positives), int(matrix.negatives)
        counts = np.array([positives, negatives])
        rates = film_bootstrap(cells, _rates, counts, groups=np.asarray(groups)[films])
    return ReaderAccuracy(column.name, reference.name, rates[0], rates[1], int(films.sum()))


def _rates(sums: np.ndarray) -> Disagreement:
    tp, fp, fn, tn = np.moveaxis(sums, -1, 0)
    observed = np.stack([share(fn, tp + fn), share(fp, tn + fp)], axis=-1)
    return observed, np.ones_like(observed)
