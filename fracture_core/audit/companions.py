"""Films of a second data set that may train along with a first one: none that the first one holds too."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fracture_core.audit.groups import film_groups
from fracture_core.datasets import DataSet, distinct, grouped_split

HELD = 0.3
"""Share of a companion's exposures that are kept out of training, to be asked about afterwards; ours."""


@dataclass(frozen=True, eq=False)
class Companion:
    """What of a second data set is used, and how.

    Attributes:
        data: the second data set, one film of each different file, without what the first one holds.
        exposures: films that train along, as indices into ``data.cases``: all copies of an exposure together.
        held: likewise, exposures that nothing is trained on.
        shared: exposures of the second data set that are in the first one too; they are left out.
        contradictory: exposures left out because their copies' labels differ.
    """

    data: DataSet
    exposures: tuple[np.ndarray, ...]
    held: tuple[np.ndarray, ...]
    shared: int
    contradictory: int

    @property
    def held_films(self) -> np.ndarray:
        """One copy of each held exposure: int64 indices into ``data.cases``."""
        return np.array([copies[0] for copies in self.held], dtype=np.int64)


def groups_across(data: DataSet, other: DataSet) -> np.ndarray:
    """int64 (N + M,) group of each film of two data sets together: copies of one exposure share theirs."""
    both = replace(data, cases=data.cases + other.cases, neighbours=False)
    return film_groups(both)[0]


def companion(data: DataSet, other: DataSet, groups: np.ndarray, *, held: float = HELD) -> Companion:
    """Choose what of ``other`` trains along with ``data``.

    Args:
        groups: of both, from ``groups_across``.
        held: share of the exposures that is kept out, stratified by label.
    """
    ours, theirs = set(groups[: len(data.cases)].tolist()), groups[len(data.cases) :]
    kept = distinct(other)
    free = [index for index in kept if int(theirs[index]) not in ours]
    used = replace(other, cases=tuple(other.cases[index] for index in free))
    exposures: dict[int, list[int]] = {}
    for place, index in enumerate(free):
        exposures.setdefault(int(theirs[index]), []).append(place)
    labels = used.labels
    alike = [np.array(copies) for copies in exposures.values() if len(set(labels[copies].tolist())) == 1]
    strata = [str(labels[copies[0]]) for copies in alike]
    shares = {"out": held, "in": 1 - held}
    part = grouped_split(np.arange(len(alike)), strata, shares=shares, seed=0) if alike else np.array([])
    return Companion(
        data=used,
        exposures=tuple(copies for copies, name in zip(alike, part, strict=True) if name == "in"),
        held=tuple(copies for copies, name in zip(alike, part, strict=True) if name == "out"),
        shared=len({int(theirs[index]) for index in kept} & ours),
        contradictory=len(exposures) - len(alike),
    )


def fingerprint_of(sets: Sequence[DataSet]) -> str:
    """Of several data sets in order; sha256 hex."""
    return hashlib.sha256("\n".join(one.fingerprint() for one in sets).encode()).hexdigest()
