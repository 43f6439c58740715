"""The card's charts as data, without a drawing library: pages, HTML and PDF each draw them in their own way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fracture_core.metrics import Estimate, Subgroup, reliability
from fracture_core.results import ScoredFilms

BINS = 20


@dataclass(frozen=True)
class Chart:
    """What all charts have in common: nothing but being one."""


@dataclass(frozen=True)
class Reliability(Chart):
    """Observed share of fractures against probability: ``points`` are (mean probability, share)."""

    points: tuple[tuple[float, Estimate], ...]


@dataclass(frozen=True)
class Forest(Chart):
    """Estimates one below the other, each in its row and series; ``overall`` by series are those of all films.

    ``rows`` are (name with its numbers, series name → estimate); what is not defined is left out.
    """

    rows: tuple[tuple[str, dict[str, Estimate]], ...]
    overall: dict[str, float]


@dataclass(frozen=True)
class Histogram(Chart):
    """Films by probability in ``BINS`` equal bins of [0, 1], for each label, with the thresholds over them."""

    fractured: tuple[int, ...]
    not_fractured: tuple[int, ...]
    thresholds: dict[str, float]


def reliability_chart(films: ScoredFilms) -> Reliability:
    """The reliability curve of test films, in ten equally filled bins."""
    bins = reliability(films.labels, films.scores)
    return Reliability(tuple((each.mean_probability, each.share) for each in bins))


def forest_chart(groups: tuple[Subgroup, ...], overall: dict[str, Estimate]) -> Forest:
    """Sensitivity and specificity of subgroups beside those of all films."""
    rows = []
    for group in groups:
        found = {"sensitivity": group.sensitivity, "specificity": group.specificity}
        rows.append((group.name, {name: value for name, value in found.items() if value.n}))
    return Forest(
        tuple(rows), {name: overall[name].value for name in ("sensitivity", "specificity") if name in overall}
    )


def histogram_chart(films: ScoredFilms, thresholds: dict[str, float]) -> Histogram:
    """How the probabilities of test films spread, by label."""
    fractured, others = (
        tuple(int(count) for count in np.histogram(films.scores[films.labels == label], BINS, (0, 1))[0])
        for label in (1, 0)
    )
    return Histogram(fractured, others, thresholds)
