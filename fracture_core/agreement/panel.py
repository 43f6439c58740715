"""Chance-corrected agreement of a whole panel of readers on findings.

Codes are whole numbers (N films, R readers) from 0, below 0 where a film was not read. Coefficients are nan where
chance leaves nothing to disagree about, as when all readers said the same of every film.
"""

from __future__ import annotations

import numpy as np

from fracture_core.agreement.columns import ORDER
from fracture_core.agreement.findings import ac1_chance, alpha_formula
from fracture_core.agreement.sums import Disagreement, film_bootstrap, share
from fracture_core.metrics import ROUNDS, Estimate


def agreement(
    codes: np.ndarray,
    *,
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Share of agreeing pairs of readers, mean over films with two readings or more; codes (N, R).

    ``percent()`` of the estimate gives the per cent agreement.
    """
    counts = category_counts(codes, categories)
    features = np.stack([_pairwise(counts), counts.sum(axis=1) >= 2], axis=1)
    films = features[:, 1].sum(keepdims=True)

    def formula(sums: np.ndarray) -> Disagreement:
        observed = 1 - share(sums[..., :1], sums[..., 1:])
        return observed, np.ones_like(observed)

    return film_bootstrap(features, formula, films, groups=groups, rounds=rounds, seed=seed)[0]


def fleiss_kappa(
    codes: np.ndarray,
    *,
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Fleiss' kappa (Psychol. Bull. 76:378, 1971) of R readers, codes (N, R), over the films that all of them read.

    The readers need not be the same for each film, only as many; films with fewer readings count in
    ``krippendorff_alpha`` and ``gwet_ac1`` alone. nan of a single reader, who has nobody to agree with.
    """
    counts = category_counts(codes, categories)
    complete = (counts.sum(axis=1) == max(codes.shape[1], 2))[:, None]
    features = np.concatenate([_pairwise(counts)[:, None], counts], axis=1) * complete

    def formula(sums: np.ndarray) -> Disagreement:
        films = sums[..., 1:].sum(axis=-1) / codes.shape[1]
        shares = share(sums[..., 1:], (films * codes.shape[1])[..., None])
        return 1 - share(sums[..., :1], films[..., None]), 1 - (shares**2).sum(axis=-1, keepdims=True)

    return film_bootstrap(features, formula, complete.sum(keepdims=True)[0], groups=groups, rounds=rounds, seed=seed)[
        0
    ]


def krippendorff_alpha(
    codes: np.ndarray,
    *,
    metric: str = "nominal",
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Krippendorff's alpha of codes (N, R), missing readings allowed.

    "Computing Krippendorff's Alpha-Reliability" (University of Pennsylvania, 2011), sections C to E.

    Args:
        metric: "nominal" or "ordinal" (which depends on how often each value occurs); "quadratic" is its interval
            metric, on codes.
    """
    counts = category_counts(codes, categories)
    readings = counts.sum(axis=1)[:, None, None]
    within = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(categories)
    # half of each, for the formula adds the transpose
    features = np.where(readings >= 2, within / np.maximum(readings - 1, 1), 0).reshape(len(codes), -1) / 2
    alpha = alpha_formula(metric)

    def formula(sums: np.ndarray) -> Disagreement:
        observed, expected = alpha(sums.reshape(*sums.shape[:-1], categories, categories))
        return observed[..., None], expected[..., None]

    films = (readings >= 2).sum(keepdims=True).ravel()
    return film_bootstrap(features, formula, films, groups=groups, rounds=rounds, seed=seed)[0]


def gwet_ac1(
    codes: np.ndarray,
    *,
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Gwet's AC1 (Br. J. Math. Stat. Psychol. 61:29, 2008) of codes (N, R), missing readings allowed.

    Chance agreement comes from the categories' shares over all films read, also by one reader; unlike kappa it
    does not collapse where nearly all films are of one kind.
    """
    counts = category_counts(codes, categories)
    readings = counts.sum(axis=1, keepdims=True)
    parts = [_pairwise(counts)[:, None], readings >= 2, counts / np.maximum(readings, 1), readings >= 1]
    features = np.concatenate(parts, axis=1)

    def formula(sums: np.ndarray) -> Disagreement:
        shares = share(sums[..., 2:-1], sums[..., -1:])
        return 1 - share(sums[..., :1], sums[..., 1:2]), ac1_chance(shares)[..., None]

    return film_bootstrap(
        features, formula, features[:, 1].sum(keepdims=True), groups=groups, rounds=rounds, seed=seed
    )[0]


def category_counts(codes: np.ndarray, categories: int) -> np.ndarray:
    """Float (N, K): readings of each film in each category, from codes (N, R)."""
    codes = np.asarray(codes)
    assert codes.ndim == 2 and codes.max(initial=-1) < categories, "codes are (films, readers), below the categories"
    return np.asarray((codes[:, :, None] == np.arange(categories)).sum(axis=1), dtype=np.float64)


def _pairwise(counts: np.ndarray) -> np.ndarray:
    """(N,) share of a film's pairs of readings that agree; 0 with fewer than two."""
    readings = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1)
    return np.asarray(agreeing / np.maximum(readings * (readings - 1), 1))
