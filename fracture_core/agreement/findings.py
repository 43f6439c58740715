"""Chance-corrected agreement of two readers' findings, and of every two of many at once.

Codes are whole numbers from 0, below 0 where a film was not read. Coefficients are nan where chance leaves
nothing to disagree about, as when all readers said the same of every film.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fracture_core.agreement.columns import ORDER
from fracture_core.agreement.sums import Disagreement, film_bootstrap, share
from fracture_core.errors import UnknownName
from fracture_core.metrics import ROUNDS, Estimate

PairFormula = Callable[[np.ndarray], Disagreement]
"""From tables (..., K, K) of films by the first and the second reader's finding."""


def disagreement_weights(scheme: str, categories: int) -> np.ndarray:
    """(K, K) how grave a disagreement is, in [0, 1]: "nominal", "linear" or "quadratic" in the distance.

    Raises:
        UnknownName: another scheme.
    """
    distance = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories))) / max(1, categories - 1)
    schemes = {"nominal": (distance > 0).astype(float), "linear": distance, "quadratic": distance**2}
    if scheme not in schemes:
        raise UnknownName("weighting", scheme, schemes)
    return schemes[scheme]


def kappa_formula(weights: np.ndarray) -> PairFormula:
    """Cohen's kappa with disagreement weights (Psychol. Bull. 70:213, 1968); 1 off the diagonal gives that of 1960.

    Educ. Psychol. Meas. 20:37, 1960.
    """
    weights = np.asarray(weights, dtype=np.float64) / max(float(np.max(weights)), np.finfo(float).tiny)

    def formula(table: np.ndarray) -> Disagreement:
        films = table.sum(axis=(-2, -1))
        product = np.einsum("...ab,ac,...dc->...", table, weights, table)  # rows' margins × columns' margins
        return share(np.einsum("...ab,ab->...", table, weights), films), share(product, films**2)

    return formula


def _agreement(table: np.ndarray) -> Disagreement:
    films = table.sum(axis=(-2, -1))
    observed = 1 - share(np.trace(table, axis1=-2, axis2=-1), films)
    return observed, np.ones_like(observed)


def _ac1(table: np.ndarray) -> Disagreement:
    films, margins = table.sum(axis=(-2, -1)), table.sum(axis=-1) + table.sum(axis=-2)
    return _agreement(table)[0], ac1_chance(share(margins, 2 * films[..., None]))


def ac1_chance(shares: np.ndarray) -> np.ndarray:
    """Gwet's expected disagreement from categories' shares (..., K)."""
    return np.asarray(1 - (shares * (1 - shares)).sum(axis=-1) / (shares.shape[-1] - 1))


def alpha_formula(metric: str) -> PairFormula:
    """Krippendorff's alpha from half of a coincidence matrix: the transpose is added."""

    def formula(coincidences: np.ndarray) -> Disagreement:
        coincidences = coincidences + np.swapaxes(coincidences, -2, -1)
        values = coincidences.sum(axis=-1)
        n = values.sum(axis=-1)
        if metric == "ordinal":
            middle = np.cumsum(values, axis=-1) - values / 2  # mean rank of a category
            weights = (middle[..., :, None] - middle[..., None, :]) ** 2
            weights = weights / np.maximum(weights.max(axis=(-2, -1), keepdims=True), np.finfo(float).tiny)
        else:
            weights = disagreement_weights(metric, values.shape[-1])
        observed = share((coincidences * weights).sum(axis=(-2, -1)), n)
        chance = np.einsum("...a,...ab,...b->...", values, np.broadcast_to(weights, coincidences.shape), values)
        return observed, share(chance, n * (n - 1))

    return formula


PAIR_STATISTICS: dict[str, PairFormula] = {
    "kappa": kappa_formula(disagreement_weights("nominal", len(ORDER))),
    "weighted_kappa": kappa_formula(disagreement_weights("linear", len(ORDER))),
    "alpha": alpha_formula("nominal"),
    "ordinal_alpha": alpha_formula("ordinal"),
    "ac1": _ac1,
    "agreement": _agreement,
}
"""Statistics of two readers' findings; weights of "weighted_kappa" are linear, an uncertain is half a fracture."""


def pair_tables(codes: np.ndarray, pairs: np.ndarray, *, categories: int = len(ORDER)) -> np.ndarray:
    """Float (N, P · K · K): a one in the cell of the two findings of each pair of columns (P, 2), else zeros."""
    first, second = codes[:, pairs[:, 0]], codes[:, pairs[:, 1]]
    cell = np.where((first >= 0) & (second >= 0), first * categories + second, categories**2)
    return np.eye(categories**2 + 1)[cell, :-1].reshape(len(codes), len(pairs) * categories**2)


def pair_estimates(
    codes: np.ndarray,
    formula: PairFormula,
    *,
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Estimate]:
    """A statistic of every two of C columns (N, C), in the order of ``np.triu_indices(C, 1)``."""
    pairs = np.stack(np.triu_indices(codes.shape[1], 1), axis=1)
    features = pair_tables(codes, pairs, categories=categories)
    shape = (len(pairs), categories, categories)
    films = features.reshape(len(codes), len(pairs), categories**2).sum(axis=(0, 2))

    def of_sums(sums: np.ndarray) -> Disagreement:
        return formula(sums.reshape(*sums.shape[:-1], *shape))

    return film_bootstrap(features, of_sums, films, groups=groups, rounds=rounds, seed=seed)


def cohen_kappa(
    first: np.ndarray,
    second: np.ndarray,
    *,
    weights: str | np.ndarray = "nominal",
    categories: int = len(ORDER),
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """Cohen's kappa of two readers' codes, (N,) each, over the films that both read.

    Args:
        weights: a scheme of ``disagreement_weights``, or (K, K) of one's own.
    """
    table = disagreement_weights(weights, categories) if isinstance(weights, str) else weights
    codes = np.stack([first, second], axis=1)
    formula = kappa_formula(table)
    return pair_estimates(codes, formula, categories=categories, groups=groups, rounds=rounds, seed=seed)[0]
