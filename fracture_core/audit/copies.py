"""Copies among the films of a survey, as nested partitions: by bytes, by pixels, near, and under rotation."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.audit.duplicates import DuplicatePair, near_duplicates
from fracture_core.audit.films import Survey
from fracture_core.audit.rotations import RotatedCopy, rotated_copies
from fracture_core.audit.sketches import SKETCH, VIEW


@dataclass(frozen=True, eq=False)
class Copies:
    """Which cases show one exposure, each partition coarser than the one before it.

    Attributes:
        near: pairs of near duplicates between the survey's films, those of equal pixels among them.
        rotated: pairs beyond those, enough to join all films of an exposure.
        by_bytes, by_pixels, by_near, by_rotation: int64 (N,) number that copies among the cases share.
    """

    near: tuple[DuplicatePair, ...]
    rotated: tuple[RotatedCopy, ...]
    by_bytes: np.ndarray
    by_pixels: np.ndarray
    by_near: np.ndarray
    by_rotation: np.ndarray


def find_copies(seen: Survey) -> Copies:
    """Compare all films with each other."""
    count = len(seen.films)
    near = near_duplicates(np.array([film.sketch for film in seen.films]).reshape(count, SKETCH, SKETCH))
    links = list(chain(film.pixels or None for film in seen.films))
    by_pixels = components(count, links)
    links += [(pair.first, pair.second) for pair in near]
    by_near = components(count, links)
    views = np.array([film.views for film in seen.films]).reshape(count, 2, VIEW, VIEW)
    rotated = rotated_copies(views, joined=by_near)
    links += [(copy.first, copy.second) for copy in rotated]
    by_rotation = components(count, links)
    return Copies(
        near=tuple(near),
        rotated=tuple(rotated),
        by_bytes=seen.film_of,
        by_pixels=by_pixels[seen.film_of],
        by_near=by_near[seen.film_of],
        by_rotation=by_rotation[seen.film_of],
    )


def case_pairs(seen: Survey, copies: Copies) -> list[DuplicatePair]:
    """Every pair of cases that are exact copies or near duplicates of one another."""
    cases = cases_of(seen)
    found = {
        (min(first, second), max(first, second)): DuplicatePair(
            min(first, second), max(first, second), pair.correlation, pair.turned
        )
        for pair in copies.near
        for first, second in itertools.product(cases[pair.first], cases[pair.second])
    }
    for same in members(copies.by_pixels):
        for first, second in itertools.combinations(same, 2):
            found[first, second] = DuplicatePair(first, second, 1.0, False)
    return [found[key] for key in sorted(found)]


def cases_of(seen: Survey) -> list[list[int]]:
    """The places of each film's cases, ascending."""
    return members(seen.film_of)


def members(groups: np.ndarray) -> list[list[int]]:
    """The places that share a number, ascending, by that number; of numbers 0 to some largest, all in use."""
    order = np.argsort(groups, kind="stable")
    return [part.tolist() for part in np.split(order, np.cumsum(np.bincount(groups))[:-1])] if len(groups) else []


def chain(keys: Iterable[Hashable | None]) -> Iterator[tuple[int, int]]:
    """Links from each place to the last one before it with the same key; None is no key."""
    last: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        if key is None:
            continue
        if key in last:
            yield last[key], place
        last[key] = place


def components(count: int, links: Sequence[tuple[int, int]]) -> np.ndarray:
    """int64 (count,) number that linked places share, from 0 in the order of the places."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if not count:
        return np.empty(0, np.int64)
    rows, columns = np.array(links, dtype=int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
