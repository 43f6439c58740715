"""Two modalities compared over readers and cases: Obuchowski and Rockette's analysis with Hillis' degrees of freedom.

Obuchowski and Rockette, Commun. Stat. Simul. Comput. 24:285, 1995; Hillis, Stat. Med. 26:596, 2007. Readers and
cases are random: the answer speaks of other readers on other films of their kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fracture_core.errors import FractureError
from fracture_core.metrics import Estimate

# AUCs lie in [0, 1], so that their covariances are rounded at about 1e-17: a variance below this is rounding alone
_ROUNDING = 1e-15


@dataclass(frozen=True)
class AucCovariances:
    """Of AUCs that share their cases, means over readers and modalities.

    Attributes:
        variance: of one AUC.
        cov1: same reader, other modality.
        cov2: other reader, same modality.
        cov3: other reader, other modality.
        cov2_each: ``cov2`` within the first and the second modality alone.
    """

    variance: float
    cov1: float
    cov2: float
    cov3: float
    cov2_each: tuple[float, float]


@dataclass(frozen=True, eq=False)
class ModalityComparison:
    """The second modality against the first, for random readers and random cases.

    Attributes:
        aucs: float (2, J) of each modality and reader.
        first, second: mean AUC over readers.
        difference: second − first.
        f: on 1 and ``df`` degrees of freedom; nan with ``p`` where there is no error to measure it by.
    """

    aucs: np.ndarray
    first: Estimate
    second: Estimate
    difference: Estimate
    f: float
    df: float
    p: float
    covariances: AucCovariances


def compare_modalities(truth: np.ndarray, scores: np.ndarray) -> ModalityComparison:
    """Compare the mean AUC of two modalities, every reader having scored every case in both.

    AUCs are empirical (ties count half), their covariances those of DeLong et al. (Biometrics 44:837, 1988).

    Args:
        truth: (N,) 1 fractured, 0 not; at least two of each.
        scores: (2, J, N) of two modalities and J readers, growing with the belief in a fracture.

    Raises:
        FractureError: fewer than two readers, or two films of a kind.
    """
    truth, scores = np.asarray(truth).astype(bool), np.asarray(scores, dtype=np.float64)
    readers = scores.shape[1]
    if readers < 2 or min(truth.sum(), (~truth).sum()) < 2:
        raise FractureError("A reader study needs two readers, and two films with a fracture and two without.")
    aucs, covariance = auc_covariance(truth, scores.reshape(2 * readers, -1))
    return obuchowski_rockette(aucs.reshape(2, readers), reader_covariances(covariance), cases=len(truth))


def auc_covariance(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S,) AUCs of S sets of scores (S, N) of the same cases, and their covariance (S, S) by DeLong."""
    from scipy import stats

    positives, negatives = int(truth.sum()), int((~truth).sum())
    ranks = stats.rankdata(scores, axis=1)
    below = (ranks[:, truth] - stats.rankdata(scores[:, truth], axis=1)) / negatives
    above = 1 - (ranks[:, ~truth] - stats.rankdata(scores[:, ~truth], axis=1)) / positives
    return below.mean(axis=1), np.cov(below) / positives + np.cov(above) / negatives


def reader_covariances(covariance: np.ndarray) -> AucCovariances:
    """Means by kind of a covariance matrix (2 J, 2 J), the first modality's J readers before the second's."""
    readers = len(covariance) // 2
    blocks = covariance.reshape(2, readers, 2, readers)
    same, other = (blocks[0, :, 0], blocks[1, :, 1]), blocks[0, :, 1]
    apart = ~np.eye(readers, dtype=bool)
    cov2 = tuple(float(block[apart].mean()) for block in same)
    return AucCovariances(
        variance=float(np.mean(np.diag(covariance))),
        cov1=float(np.diag(other).mean()),
        cov2=float(np.mean(cov2)),
        cov3=float(other[apart].mean()),
        cov2_each=(cov2[0], cov2[1]),
    )


def obuchowski_rockette(aucs: np.ndarray, covariances: AucCovariances, *, cases: int) -> ModalityComparison:
    """The test and the intervals from AUCs (2, J) and their covariances.

    F = MS(T) / [MS(TR) + max(J (Cov2 − Cov3), 0)] on 1 and, by Hillis' equation for the denominator,
    [MS(TR) + max(J (Cov2 − Cov3), 0)]² / [MS(TR)² / (J − 1)] degrees of freedom. A modality's own mean has the
    error [MS(R) + max(J Cov2, 0)] / J over that modality alone, with degrees of freedom alike.
    """
    readers = aucs.shape[1]
    means, gains = aucs.mean(axis=1), aucs[1] - aucs[0]
    value = float(means[1] - means[0])
    interaction = float(np.var(gains, ddof=1)) / 2  # MS(TR) of two modalities
    error, df = _error(interaction, readers * (covariances.cov2 - covariances.cov3), readers)
    f = p = math.nan
    if error > 0:
        from scipy import stats

        f = readers * value**2 / 2 / error
        p = float(2 * stats.t.sf(math.sqrt(f), df))
    difference = _interval(value, 2 * error / readers, df, bounds=(-1.0, 1.0), cases=cases)
    own = []
    for mean, row, cov2 in zip(means, aucs, covariances.cov2_each, strict=True):
        alone, alone_df = _error(float(np.var(row, ddof=1)), readers * cov2, readers)
        own.append(_interval(float(mean), alone / readers, alone_df, bounds=(0.0, 1.0), cases=cases))
    return ModalityComparison(aucs, own[0], own[1], difference, f, df, p, covariances)


def _error(mean_square: float, shared: float, readers: int) -> tuple[float, float]:
    """The error term and Hillis' degrees of freedom, infinite where readers do not differ; rounding counts as 0."""
    mean_square, shared = (part if part > _ROUNDING else 0.0 for part in (mean_square, shared))
    error = mean_square + shared
    return error, error**2 / mean_square**2 * (readers - 1) if mean_square else math.inf


def _interval(value: float, variance: float, df: float, *, bounds: tuple[float, float], cases: int) -> Estimate:
    from scipy import stats

    if variance <= 0:
        return Estimate(value, math.nan, math.nan, cases)
    reach = float(stats.t.ppf(0.975, df)) * math.sqrt(variance)
    return Estimate(value, max(bounds[0], value - reach), min(bounds[1], value + reach), cases)
