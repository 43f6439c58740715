"""Films of one published split whose copies, or whose patients' other films, lie in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from fracture_core.audit.copies import Copies
from fracture_core.datasets import DataSet


@dataclass(frozen=True)
class Leak:
    """How many films of a split have a copy in another split.

    Attributes:
        split: whose films are counted.
        other: where the copies lie.
        label: 1 or 0 where films of that label alone are counted; None for all.
        films: number of films in ``split``.
        by_bytes, by_pixels, by_near, by_rotation: of these, with a copy in ``other``; each count holds those
            before it.
    """

    split: str
    other: str
    label: int | None
    films: int
    by_bytes: int
    by_pixels: int
    by_near: int
    by_rotation: int


@dataclass(frozen=True)
class CrossingPatient:
    """A patient with films in more than one split: split → number of films."""

    patient: str
    splits: dict[str, int]


def leaks(data: DataSet, copies: Copies) -> tuple[Leak, ...]:
    """For every ordered pair of published splits: all films, then the fractured, then the others."""
    split = np.array([case.split or "" for case in data.cases])
    return tuple(
        _leak(data.labels, split, copies, pair, label)
        for pair in permutations(split_names(split.tolist()), 2)
        for label in (None, 1, 0)
    )


def _leak(labels: np.ndarray, split: np.ndarray, copies: Copies, pair: tuple[str, str], label: int | None) -> Leak:
    here, there = split == pair[0], split == pair[1]
    if label is not None:
        here = here & (labels == label)
    partitions = (copies.by_bytes, copies.by_pixels, copies.by_near, copies.by_rotation)
    shared = [int(np.isin(groups[here], groups[there]).sum()) for groups in partitions]
    return Leak(*pair, label, int(here.sum()), *shared)


def split_names(splits: Sequence[str | None]) -> list[str]:
    """The splits in use: train, val and test first, others by name."""
    usual = {"train": 0, "val": 1, "test": 2}
    return sorted({name for name in splits if name}, key=lambda name: (usual.get(name, len(usual)), name))


def crossing_patients(data: DataSet) -> tuple[CrossingPatient, ...]:
    """Patients whose films lie in more than one published split, by pseudonym."""
    counts: dict[str, dict[str, int]] = {}
    for case in data.cases:
        if case.patient is not None and case.split is not None:
            splits = counts.setdefault(case.patient, {})
            splits[case.split] = splits.get(case.split, 0) + 1
    return tuple(CrossingPatient(patient, splits) for patient, splits in sorted(counts.items()) if len(splits) > 1)
