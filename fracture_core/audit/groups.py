"""Which films belong together: one patient's, copies of one exposure, and runs of neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from fracture_core.audit.copies import Copies, case_pairs, chain, components, find_copies
from fracture_core.audit.duplicates import DuplicatePair
from fracture_core.audit.films import survey
from fracture_core.datasets import DataSet

RUN: Final = 8
"""films; a longer run of neighbouring ids is cut, else one group would hold most of a data set."""


def film_groups(data: DataSet, *, workers: int = 2) -> tuple[np.ndarray, list[DuplicatePair]]:
    """Films that must stay on one side of a split.

    Joined are the films of one patient where patients are named, and copies of one exposure: exact ones, and where
    not every film names its patient also those turned by any angle, mirrored or cut at an edge; and, where
    ``data.neighbours``, runs of up to ``RUN`` neighbouring ids of one body region: FracAtlas lists the views of one
    patient one after another and names no patients.

    Returns:
        int64 (N,) group of each case, and the pairs of exact and near duplicates among the cases.
    """
    seen = survey(data, workers=workers)
    copies = find_copies(seen)
    return join_cases(data, copies), case_pairs(seen, copies)


def join_cases(data: DataSet, copies: Copies) -> np.ndarray:
    """int64 (N,) group of each case: cases join that are copies, of one patient, or neighbours (``film_groups``)."""
    patients = [case.patient for case in data.cases]
    # slices of two patients look alike: where all are named, likeness short of equality proves nothing
    alike = copies.by_rotation if None in patients else copies.by_pixels
    links = [*chain(alike.tolist()), *chain(patients)]
    if data.neighbours:
        links += neighbour_links([_number(case.id) for case in data.cases], [case.region for case in data.cases])
    return components(len(data.cases), links)


def neighbour_links(numbers: Sequence[int], regions: Sequence[str], *, run: int = RUN) -> list[tuple[int, int]]:
    """Links between films with consecutive numbers and one region, cut after every ``run`` films."""
    links: list[tuple[int, int]] = []
    order = np.argsort(np.asarray(numbers), kind="stable")
    length = 1
    for before, after in itertools.pairwise(order):
        follows = numbers[after] - numbers[before] == 1 and regions[after] == regions[before]
        together = follows and length < run
        length = length + 1 if together else 1
        if together:
            links.append((int(before), int(after)))
    return links


def _number(identifier: str) -> int:
    digits = "".join(character for character in identifier if character.isdigit())
    return int(digits) if digits else -1
