"""How well the label can be told without looking at the bone: from size, format and mean gray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fracture_core.audit.films import Survey
from fracture_core.metrics import Estimate, bootstrap, roc_auc

FEATURES: Final = ("width", "height", "aspect", "file size", "mean gray", "format")
ROUNDS: Final = 400  # bootstrap resamples; ours
_FOLDS: Final = 5


@dataclass(frozen=True)
class Shortcut:
    """A trivial feature, or "all together", and how well it alone tells the label.

    Attributes:
        feature: one of ``FEATURES``; "all together" is a logistic model of them.
        auc: with its 95 % interval, resampled by group. Of one feature it is taken in the direction that
            makes it 0.5 or more; of the model it is on films whose group the model was not fitted to.
    """

    feature: str
    auc: Estimate


def shortcuts(seen: Survey, labels: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> tuple[Shortcut, ...]:
    """AUC of each feature and of all together over the films that can be read; nothing where one class is absent.

    Args:
        labels: (N,) 1 fractured.
        groups: (N,) films that belong together: they are resampled and held out as one.
    """
    readable = np.array([not film.error for film in seen.films], bool)[seen.film_of]
    labels, groups = labels[readable], groups[readable]
    if len(set(labels.tolist())) < 2:
        return ()
    values, formats = _features(seen, seen.film_of[readable])
    shares = {name: labels[formats == name].mean() for name in np.unique(formats)}
    scores = [*values.T, np.array([shares[name] for name in formats])]
    single = [
        Shortcut(feature, _oriented_auc(labels, score, groups, seed))
        for feature, score in zip(FEATURES, scores, strict=True)
    ]
    indicators = np.stack([formats == name for name in shares], axis=1)
    positive = np.maximum(values[:, :4], 1e-6)  # sizes count by ratio
    design = np.hstack([np.log(positive), values[:, 4:], indicators])
    together = _held_out_scores(design, labels, groups, seed)
    if together is None:
        return tuple(single)
    auc = bootstrap(roc_auc, labels, together, groups=groups, rounds=ROUNDS, seed=seed)
    return (*single, Shortcut("all together", auc))


def _features(seen: Survey, film_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float64 (N, 5) width, height, aspect, file size, mean gray; and (N,) the formats."""
    rows = [
        (film.width, film.height, film.width / max(film.height, 1), film.size, film.mean_gray) for film in seen.films
    ]
    return np.array(rows, float)[film_of], np.array([film.format for film in seen.films])[film_of]


def _oriented_auc(labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, seed: int) -> Estimate:
    if len(np.unique(scores)) == 1:
        return Estimate(0.5, 0.5, 0.5, len(labels))
    sign = 1 if roc_auc(labels, scores) >= 0.5 else -1
    return bootstrap(roc_auc, labels, sign * scores, groups=groups, rounds=ROUNDS, seed=seed)


def _held_out_scores(design: np.ndarray, labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray | None:
    """Log odds by a logistic model fitted to the other groups; None where a class has too few groups to hold out."""
    if min(len(np.unique(groups[labels == label])) for label in (0, 1)) < _FOLDS:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores = np.empty(len(labels))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for fitted, held_out in folds.split(design, labels, groups):
        if len(np.unique(labels[fitted])) < 2:
            return None
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        scores[held_out] = model.fit(design[fitted], labels[fitted]).decision_function(design[held_out])
    return scores
