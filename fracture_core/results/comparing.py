"""Two runs on the films that both were tested on, and the worst errors of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fracture_core.errors import FractureError
from fracture_core.metrics import Comparison, compare
from fracture_core.results.records import rotates, scored_films

FEWEST: Final = 2
"""Common test films of each class below which nothing is compared: DeLong's variance needs two."""

_SPLITS: Final = {"x": "test", "v": "val", "t": "train", "-": ""}  # as train.py writes them


@dataclass(frozen=True)
class ComparedFilm:
    """A film that both runs were tested on.

    Attributes:
        id: its name in the data set.
        label: 1 fractured, 0 not fractured.
        region: body region; empty where not stated.
        first, second: calibrated probabilities of a fracture, in [0, 1].
        first_right, second_right: whether the call at the run's own threshold is the label.
    """

    id: str
    label: int
    region: str
    first: float
    second: float
    first_right: bool
    second_right: bool

    @property
    def apart(self) -> float:
        """How far the two scores lie apart, in [0, 1]."""
        return abs(self.first - self.second)

    @property
    def wrong_by(self) -> float:
        """How far both scores together lie from the label, in [0, 2]."""
        return abs(self.label - self.first) + abs(self.label - self.second)


@dataclass(frozen=True, eq=False)
class RunComparison:
    """Two runs, the first against the second, on the films that were test films in both.

    Attributes:
        films: the common test films, by id.
        thresholds: of the first and of the second run.
        statistics: of these films; every difference is the first minus the second.
        tested: test films of the first and of the second run, common or not.
        first_in_second: where the first run's test films were in the second run ("train", "val", "test", or "" for
            left out) → how many; None where the records cannot tell. What one network of a committee was validated
            on, others learnt from: that is "train".
        second_in_first: the other way round.
        contradictory: common films left out because the two records label them differently.
        same_data: whether both runs read the data set in the same state.
    """

    films: tuple[ComparedFilm, ...]
    thresholds: tuple[float, float]
    statistics: Comparison
    tested: tuple[int, int]
    first_in_second: Mapping[str, int] | None
    second_in_first: Mapping[str, int] | None
    contradictory: int
    same_data: bool

    @property
    def better(self) -> int | None:
        """0 or 1 for the run that ranks better; None unless DeLong's interval and that by group both say so.

        Films that all hang together in one group show nothing: there is nothing to draw from.
        """
        by_group = self.statistics.by_group
        told = [self.statistics.difference, *([by_group["auc"]] if by_group is not None else [])]
        if any(not one.low < one.high for one in told):
            return None
        if all(one.low > 0 for one in told):
            return 0
        return 1 if all(one.high < 0 for one in told) else None

    @property
    def first_only(self) -> tuple[ComparedFilm, ...]:
        """Films that only the first run calls right; the scores furthest apart first."""
        return _furthest(film for film in self.films if film.first_right and not film.second_right)

    @property
    def second_only(self) -> tuple[ComparedFilm, ...]:
        """Films that only the second run calls right; the scores furthest apart first."""
        return _furthest(film for film in self.films if film.second_right and not film.first_right)

    @property
    def both_wrong(self) -> tuple[ComparedFilm, ...]:
        """Films that neither run calls right; those that both are surest about first."""
        wrong = (film for film in self.films if not film.first_right and not film.second_right)
        return tuple(sorted(wrong, key=lambda film: (-film.wrong_by, film.id)))

    @property
    def both_right(self) -> tuple[ComparedFilm, ...]:
        """Films that both runs call right, by id."""
        return tuple(film for film in self.films if film.first_right and film.second_right)


def _furthest(films: Iterable[ComparedFilm]) -> tuple[ComparedFilm, ...]:
    return tuple(sorted(films, key=lambda film: (-film.apart, film.id)))


def compare_runs(first: Mapping[str, Any], second: Mapping[str, Any], *, point: str = "balanced") -> RunComparison:
    """Compare two runs on the films that are test films in both, each at its own threshold.

    A film that one of them was trained on says nothing about which is better, so it is not compared.

    Args:
        first, second: whole records.
        point: the operating point by whose rule each run's threshold was chosen.

    Raises:
        FractureError: the runs are of different data, a record lacks labels or thresholds, or too few test films
            are common to both.
    """
    thresholds = threshold_of(first, point), threshold_of(second, point)
    names = [str((record.get("data") or {}).get("name") or "") for record in (first, second)]
    if names[0] != names[1]:
        raise FractureError(
            f"The runs were tested on different data sets ('{names[0]}' and '{names[1]}') and share no film. "
            "Choose two runs of one data set."
        )
    one, other = scored_films(first), scored_films(second)
    shared, rows, columns = np.intersect1d(one.ids, other.ids, return_indices=True)
    agreed = one.labels[rows] == other.labels[columns]
    contradictory = int((~agreed).sum())
    where = _where(first, second, common=len(shared))
    rows, columns = rows[agreed], columns[agreed]
    labels = one.labels[rows]
    _refuse_too_few(labels, (len(one.ids), len(other.ids)))
    scores = one.scores[rows], other.scores[columns]
    films = tuple(
        ComparedFilm(one.ids[row], int(label), one.regions[row], float(a), float(b), right_a, right_b)
        for row, label, a, b, right_a, right_b in zip(
            rows,
            labels,
            *scores,
            *(((score >= line) == (labels == 1)).tolist() for score, line in zip(scores, thresholds, strict=True)),
            strict=True,
        )
    )
    return RunComparison(
        films=films,
        thresholds=thresholds,
        statistics=compare(
            labels,
            *scores,
            groups=_joined(one.groups[rows], other.groups[columns]),
            threshold_first=thresholds[0],
            threshold_second=thresholds[1],
        ),
        tested=(len(one.ids), len(other.ids)),
        first_in_second=where,
        second_in_first=_where(second, first, common=len(shared)),
        contradictory=contradictory,
        same_data=_fingerprint(first) == _fingerprint(second) != "",
    )


def threshold_of(record: Mapping[str, Any], point: str) -> float:
    """A run's threshold at an operating point, chosen on its validation films.

    Raises:
        FractureError: the record holds none of that name.
    """
    try:
        return float(record["operating_points"][point]["threshold"])
    except (LookupError, TypeError) as error:
        raise FractureError(
            f"The record of the run '{record.get('id')}' holds no threshold '{point}'. Choose another run."
        ) from error


def _refuse_too_few(labels: np.ndarray, tested: tuple[int, int]) -> None:
    fractured, films = int(labels.sum()), len(labels)
    if min(fractured, films - fractured) >= FEWEST:
        return
    way_out = "Choose two runs with the same division of the films."
    if not films:
        raise FractureError(
            f"None of the {tested[0]} test films of the first run is among the {tested[1]} of the second: they "
            f"divided the films differently, and a film that a run learnt from proves nothing. {way_out}"
        )
    raise FractureError(
        f"Too few test films are common to both runs to compare them: {films} ({fractured} fractured), of "
        f"{tested[0]} and {tested[1]}. {way_out}"
    )


def _fingerprint(record: Mapping[str, Any]) -> str:
    return str((record.get("data") or {}).get("fingerprint") or "")


def _where(first: Mapping[str, Any], second: Mapping[str, Any], *, common: int) -> dict[str, int] | None:
    """Where the first run's test films were in the second: split → films. The letters are in the data's order."""
    if not _fingerprint(first) or _fingerprint(first) != _fingerprint(second):
        return None
    one, other = (str((record.get("split") or {}).get("letters") or "") for record in (first, second))
    if len(one) != len(other):
        return None
    parts = _SPLITS | ({"v": "train"} if rotates(second.get("split") or {}) else {})
    counts = Counter(parts.get(b, "") for a, b in zip(one, other, strict=True) if a == "x")
    return dict(counts) if counts["test"] == common else None


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) groups of films that belong together by either run's groups, or by a chain of both."""
    groups = np.arange(len(first))
    while True:
        before = groups.copy()
        for names in (first, second):
            _, member = np.unique(names, return_inverse=True)
            lowest = np.full(int(member.max()) + 1, len(groups))
            np.minimum.at(lowest, member, groups)
            groups = np.where(names >= 0, lowest[member], groups)  # -1: the record knows no group
        if np.array_equal(groups, before):
            return groups


@dataclass(frozen=True)
class FilmError:
    """A test film that a run calls wrongly.

    Attributes:
        id, label, region: as of ``ComparedFilm``.
        score: calibrated probability of a fracture, in [0, 1].
    """

    id: str
    label: int
    region: str
    score: float


def worst_errors(record: Mapping[str, Any], threshold: float) -> tuple[tuple[FilmError, ...], tuple[FilmError, ...]]:
    """A run's false negatives and its false positives among its test films, the worst first.

    Raises:
        FractureError: the record does not hold its films' labels.
    """
    films = scored_films(record)
    called = films.scores >= threshold

    def errors(label: int) -> tuple[FilmError, ...]:
        places = np.flatnonzero((films.labels == label) & (called != (label == 1)))
        found = [FilmError(films.ids[i], label, films.regions[i], float(films.scores[i])) for i in places]
        return tuple(sorted(found, key=lambda film: (-abs(label - film.score), film.id)))

    return errors(1), errors(0)
