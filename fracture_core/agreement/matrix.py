"""Everyone against everyone: readers and models in one matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fracture_core.agreement.columns import Column, stack
from fracture_core.agreement.findings import PAIR_STATISTICS, pair_estimates
from fracture_core.agreement.lesions import MATCH_IOU, POINT_TOLERANCE, f1_formula, lesion_counts, likeness, match
from fracture_core.agreement.regions import Shape, overlap, patches_of
from fracture_core.agreement.sums import Disagreement, Formula, film_bootstrap, share
from fracture_core.errors import UnknownName
from fracture_core.marks import Mark
from fracture_core.metrics import Estimate

MARK_STATISTICS = ("iou", "dice", "lesion_f1")
MATRIX_ROUNDS = 1000


@dataclass(frozen=True, eq=False)
class AgreementMatrix:
    """A statistic of every two columns, symmetric, with 95 % intervals.

    Attributes:
        values, low, high: float (C, C); nan where two columns share no film or the statistic is undefined, the
            ends also where they share but one (or one group's). The diagonal is 1 without an interval.
        films: int (C, C) behind each value; on the diagonal the column's own.
    """

    statistic: str
    names: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    films: np.ndarray

    def estimate(self, first: str, second: str) -> Estimate:
        """The statistic of two columns by name."""
        place = self.names.index(first), self.names.index(second)
        value, low, high = (float(part[place]) for part in (self.values, self.low, self.high))
        return Estimate(value, low, high, int(self.films[place]))

    @property
    def means(self) -> np.ndarray:
        """Float (C,) mean agreement of each with the others; nan where there is none."""
        others = np.where(np.eye(len(self.names), dtype=bool) | np.isnan(self.values), 0, self.values)
        known = (~np.isnan(self.values) & ~np.eye(len(self.names), dtype=bool)).sum(axis=1)
        return share(others.sum(axis=1), known)

    @property
    def order(self) -> tuple[str, ...]:
        """Names by mean agreement with the others, the highest first, those without any last."""
        means = self.means
        places = sorted(range(len(self.names)), key=lambda place: (np.isnan(means[place]), -means[place]))
        return tuple(self.names[place] for place in places)

    @property
    def pairs(self) -> list[dict[str, str | float | int | None]]:
        """Every two columns once: their names, the statistic with its interval (None where there is none), and the
        films behind it."""
        rows = []
        for first, second in combinations(self.names, 2):
            found = self.estimate(first, second)
            figures = {self.statistic: found.value, "low": found.low, "high": found.high}
            known = {name: None if math.isnan(figure) else figure for name, figure in figures.items()}
            rows.append({"first": first, "second": second, **known, "films": found.n})
        return rows

    def arranged(self, names: Sequence[str] | None = None) -> AgreementMatrix:
        """The same matrix with its names in another order; None takes ``order``."""
        names = self.order if names is None else tuple(names)
        cells = np.ix_(*[[self.names.index(name) for name in names]] * 2)
        return AgreementMatrix(
            self.statistic, names, *(part[cells] for part in (self.values, self.low, self.high, self.films))
        )


def agreement_matrix(
    columns: Sequence[Column],
    *,
    statistic: str = "kappa",
    shapes: Sequence[Shape] | None = None,
    threshold: float = MATCH_IOU,
    tolerance: float = POINT_TOLERANCE,
    groups: np.ndarray | None = None,
    rounds: int = MATRIX_ROUNDS,
    seed: int = 0,
) -> AgreementMatrix:
    """Agreement of every two columns, readers and models alike, each over the films that both read.

    Intervals are bootstrapped over films, all cells from the same resamples.

    Args:
        statistic: of findings, a key of ``PAIR_STATISTICS``; or of marks: the mean "iou" or "dice" of films on
            which at least one of the two marked a region, or the pooled "lesion_f1".
        shapes: N films' (H, W), for marks; what lies outside a film is cut off.
        threshold, tolerance: of ``match_marks``, for "lesion_f1".
        groups: (N,) films of one patient or duplicate group share a number.
        rounds: resamples; 0 leaves the intervals nan, and is quick.

    Raises:
        UnknownName: a statistic that does not exist.
    """
    if statistic in PAIR_STATISTICS:
        codes = stack(columns)
        found = pair_estimates(codes, PAIR_STATISTICS[statistic], groups=groups, rounds=rounds, seed=seed)
        own = (codes >= 0).sum(axis=0)
    elif statistic in MARK_STATISTICS:
        features, formula = _mark_features(columns, statistic, shapes, threshold, tolerance)
        films = features.any(axis=2).sum(axis=0)
        flat = features.reshape(len(features), math.prod(features.shape[1:]))
        found = film_bootstrap(flat, formula, films, groups=groups, rounds=rounds, seed=seed)
        own = np.array([sum(map(bool, column.marks or ())) for column in columns])
    else:
        raise UnknownName("statistic", statistic, (*PAIR_STATISTICS, *MARK_STATISTICS))
    return _assemble(statistic, columns, found, own)


def _assemble(
    statistic: str, columns: Sequence[Column], found: Sequence[Estimate], own: np.ndarray
) -> AgreementMatrix:
    size = len(columns)
    parts = [np.eye(size), np.diag([math.nan] * size), np.diag([math.nan] * size), np.diag(own.astype(int))]
    pairs = np.stack(np.triu_indices(size, 1), axis=1)
    for (a, b), cell in zip(pairs, found, strict=True):
        for part, value in zip(parts, (cell.value, cell.low, cell.high, cell.n), strict=True):
            part[a, b] = part[b, a] = value
    return AgreementMatrix(statistic, tuple(column.name for column in columns), *parts)


def _mark_features(
    columns: Sequence[Column], statistic: str, shapes: Sequence[Shape] | None, threshold: float, tolerance: float
) -> tuple[np.ndarray, Formula]:
    """(N, P, F) of every film and pair of columns; zero where one of the two did not read the film."""
    pairs = list(zip(*np.triu_indices(len(columns), 1), strict=True))
    films = len(columns[0].findings)
    width = 3 if statistic == "lesion_f1" else 2
    features = np.zeros((films, len(pairs), width))

    def lesions(marks: list[Sequence[Mark]], shape: Shape | None) -> Callable[[int, int], tuple[float, ...]]:
        everyone = [mark for found in marks for mark in found]
        whole = likeness(everyone, shape, threshold=threshold, tolerance=tolerance)
        ends = np.cumsum([len(found) for found in marks])
        own = [slice(end - len(found), end) for end, found in zip(ends, marks, strict=True)]
        return lambda a, b: lesion_counts(match(whole[own[a], own[b]]))

    def regions(marks: list[Sequence[Mark]], shape: Shape | None) -> Callable[[int, int], tuple[float, ...]]:
        patches = [patches_of(found, shape) for found in marks]

        def measure(a: int, b: int) -> tuple[float, ...]:
            found = getattr(overlap(patches[a], patches[b]), statistic)
            return (0.0, 0.0) if math.isnan(found) else (found, 1.0)  # neither marked a region

        return measure

    of_film = lesions if statistic == "lesion_f1" else regions
    for film in range(films):
        marks = [None if column.marks is None else column.marks[film] for column in columns]
        if not any(marks):  # nobody marked anything
            continue
        measure = of_film([found or () for found in marks], None if shapes is None else shapes[film])
        for pair, (a, b) in enumerate(pairs):
            if marks[a] is not None and marks[b] is not None:
                features[film, pair] = measure(int(a), int(b))

    def formula(sums: np.ndarray) -> Disagreement:
        sums = sums.reshape(*sums.shape[:-1], len(pairs), width)
        if statistic == "lesion_f1":
            observed, expected = f1_formula(sums)
            return observed[..., 0], expected[..., 0]
        observed = 1 - share(sums[..., 0], sums[..., 1])
        return observed, np.ones_like(observed)

    return features, formula
