"""A paper's claims, and beside each what our runs measured of the same model, in the same statistic.

The papers answer with the larger logit, so their accuracy, precision, recall and F1 stand beside a record's
``argmax``, never beside figures at a threshold chosen on validation films. Precision, recall and F1 are of one
class; a paper that counts the normal films is set beside our figures of normal films.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fracture_core.metrics import ConfusionMatrix, Estimate
from fracture_core.metrics.estimates import wilson
from fracture_core.recipes import RECIPES
from fracture_core.results.published import Paper, PublishedRow
from fracture_core.results.table import ResultRow

FRACTURED, NOT_FRACTURED, NOT_STATED = "fractured", "not fractured", "not stated"
"""What a paper counts as positive."""

OF_ONE_CLASS = ("precision", "recall", "f1")
"""The statistics that depend on which class is counted."""

_ARGMAX = {
    FRACTURED: {"precision": "precision", "recall": "sensitivity", "f1": "f1"},
    NOT_FRACTURED: {"precision": "negative_predictive_value", "recall": "specificity"},
}
_WORDS = {"accuracy": "accuracy", "auc": "AUC", "precision": "precision", "recall": "recall", "f1": "F1"}


@dataclass(frozen=True)
class Counted:
    """What an audit of a claim found of what it counts.

    Attributes:
        positive: the class that precision, recall and F1 are of.
        matrix: the counts behind the claim, fractured as positive, where they follow from it; else None.
    """

    positive: str
    matrix: ConfusionMatrix | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run's figure, to be set beside a claim.

    Attributes:
        run: the run.
        seed: of its training; None where the record does not hold it.
        estimate: the figure with its interval.
        what: the figure in words, "recall of fractured films at probability 0.5".
        why: why it cannot be set beside the claim as like with like; empty where it can.
        whole: share of the run's test films that are not fractured, in [0, 1]: the accuracy of always saying so;
            nan where the record does not say.
        less: what the run did less than its recipe asks, as of ``cut_short``.
    """

    run: ResultRow
    seed: int | None
    estimate: Estimate
    what: str
    why: str
    whole: float
    less: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One statistic of one model of one paper: claimed and measured.

    Attributes:
        paper: its key; empty for runs of no paper.
        model: a name of ``models.MODELS``.
        metric: a name of ``published.METRICS``.
        claim: the paper's last word on the model; None where it has none.
        printed: the figure as printed; empty where the paper does not give it.
        claimed: the figure; None where not given or misprinted.
        allowed: the 95 % interval that the number of films behind it allows; None where the paper does not tell.
        whole: share of films that are not fractured in the data the claim is of, in [0, 1]: the accuracy of always
            saying so; nan where neither the paper nor the data set's publisher tells.
        measured: our runs, the newest of every recipe, length, data set, split, fold and seed; in the order of the
            runs given.
    """

    paper: str
    model: str
    metric: str
    claim: PublishedRow | None
    printed: str
    claimed: float | None
    allowed: Estimate | None
    whole: float
    measured: tuple[Measured, ...]


def set_beside(
    papers: Mapping[str, Paper],
    rows: Sequence[ResultRow],
    outlines: Mapping[str, Mapping[str, Any]],
    *,
    metric: str,
    counted: Mapping[tuple[str, str], Counted] | None = None,
) -> list[Beside]:
    """Every paper's models in the order of its text, then models only we ran under its recipe, then runs of no paper.

    A run with something changed (a transform, an ablation) is no run of the paper's recipe: ``trials`` tells of it.

    Args:
        papers: by key; runs of other papers are left out.
        rows: our runs, the newest first.
        outlines: run id → record, for what ``ResultRow`` does not hold.
        metric: a name of ``published.METRICS``.
        counted: (paper, model) → what an audit found of the claim, where it found more than the paper says.
    """
    found = []
    for key in (*papers, ""):
        paper = papers.get(key)
        own = [row for row in rows if row.paper == key and row.recipe == (key or row.recipe)]
        models = [row.model_key for row in paper.rows if row.model_key and not row.cited] if paper else []
        for model in dict.fromkeys((*models, *(row.model for row in reversed(own)))):
            claim = paper.result(model) if paper else None
            said = Counted(paper.positive_class if paper else FRACTURED)
            of = (counted or {}).get((key, model), said)
            has = claim is not None and metric in claim.metrics
            found.append(
                Beside(
                    paper=key,
                    model=model,
                    metric=metric,
                    claim=claim,
                    printed=claim.as_printed(metric) if claim and has else "",
                    claimed=claim.metrics[metric] if claim and has else None,
                    allowed=allowed(paper, claim, of, metric=metric) if paper and claim and has else None,
                    whole=claimed_on_share(paper, claim) if paper and claim else math.nan,
                    measured=_measured(
                        [row for row in own if row.model == model], outlines, metric=metric, positive=of.positive
                    ),
                )
            )
    return found


def allowed(paper: Paper, row: PublishedRow, counted: Counted, *, metric: str) -> Estimate | None:
    """The 95 % interval (Wilson) that the films behind a claim allow; None where their number is not told.

    An accuracy is of all films. What precision and recall are of no paper states: the counts behind them tell.
    """
    films, value = paper.data.counts.get(row.split), row.metrics.get(metric)
    if value is None:
        return None
    if metric == "accuracy":
        return Estimate(value, *wilson(value * films, films), films) if films else None
    if metric not in OF_ONE_CLASS or counted.matrix is None:
        return None
    matrix = counted.matrix.swapped() if counted.positive == NOT_FRACTURED else counted.matrix
    called_or_true = matrix.tp + matrix.fp + matrix.fn
    of = {"precision": matrix.called_positive, "recall": matrix.positives, "f1": called_or_true}[metric]
    low, high = wilson(matrix.tp, of)
    if metric == "f1":  # 2 J / (1 + J) with Jaccard's J, as ConfusionMatrix.f1
        low, high = 2 * low / (1 + low), 2 * high / (1 + high)
    return Estimate(value, low, high, int(of))


def claimed_on_share(paper: Paper, row: PublishedRow) -> float:
    """``Beside.whole``: of the published part if its publisher counts it, else of the whole data set."""
    release = paper.data.release
    part = release.splits.get(row.split) if release else None
    if part:
        return part["not_fractured"] / (part["fractured"] + part["not_fractured"])
    counts = release if release and release.fractured is not None else paper.data
    if not counts.fractured or counts.not_fractured is None:
        return math.nan
    return counts.not_fractured / (counts.fractured + counts.not_fractured)


def _measured(
    rows: Sequence[ResultRow], outlines: Mapping[str, Mapping[str, Any]], *, metric: str, positive: str
) -> tuple[Measured, ...]:
    newest: dict[tuple[Any, ...], Measured] = {}
    # a run in full precision is a trial where there is one in the usual precision too
    usual_first = sorted(
        rows, key=lambda row: str(outlines.get(row.id, {}).get("precision")).startswith(("32", "64"))
    )
    for row in usual_first:
        outline = outlines.get(row.id, {})
        estimate = own_figure(row, metric=metric, positive=positive)
        place = (row.recipe, row.epochs, row.data, row.split, row.fold, outline.get("seed"))
        if estimate is None or place in newest:
            continue
        newest[place] = Measured(
            run=row,
            seed=outline.get("seed"),
            estimate=estimate,
            what=in_words(metric, positive=positive),
            why=_why(row, metric=metric, positive=positive),
            whole=not_fractured_share(outline),
            less=cut_short(outline),
        )
    return tuple(newest.values())


def cut_short(outline: Mapping[str, Any]) -> tuple[str, ...]:
    """What a run did less than its recipe asks ("1 of 7 epochs"); nothing where it did all, or the recipe is gone."""
    used, model = outline.get("recipe") or {}, outline.get("model")
    recipe = RECIPES.get(str(used.get("key")))
    if recipe is None or model not in (recipe.model, *recipe.models):
        return ()
    asked = recipe.with_model(model)
    return tuple(
        f"{used[name]} of {getattr(asked, name)} {unit}"
        for name, unit in (("epochs", "epochs"), ("copies", "copies"), ("size", "pixels a side"))
        if used.get(name) is not None and used[name] < getattr(asked, name)
    )


def own_figure(row: ResultRow, *, metric: str, positive: str = FRACTURED) -> Estimate | None:
    """A run's figure that may stand beside a claim; None where the run has none.

    F1 of the normal films is no statistic of the record: it follows from their precision and recall, and so do the
    ends of its interval, which then is wider than 95 % would need.
    """
    if metric in ("auc", "accuracy"):
        return _whole(row.metrics.get("auc") if metric == "auc" else row.argmax.get("accuracy"))
    if metric not in OF_ONE_CLASS:
        return None
    names = _ARGMAX[NOT_FRACTURED if positive == NOT_FRACTURED else FRACTURED]
    if metric in names:
        found = row.argmax.get(names[metric])
        return _whole(row.argmax.get("recall") if found is None and names[metric] == "sensitivity" else found)
    precision, recall = (_whole(row.argmax.get(names[name])) for name in ("precision", "recall"))
    if precision is None or recall is None:
        return None
    ends = zip(*((e.value, e.low, e.high) for e in (precision, recall)), strict=True)
    value, low, high = (2 * p * r / (p + r) if p + r else 0.0 for p, r in ends)
    return Estimate(value, low, high, recall.n)


def _whole(estimate: Estimate | None) -> Estimate | None:
    return None if estimate is None or math.isnan(estimate.value) else estimate


def in_words(metric: str, *, positive: str = FRACTURED) -> str:
    """A figure of ours in words."""
    if metric not in OF_ONE_CLASS:
        return _WORDS.get(metric, metric) + (" at probability 0.5" if metric == "accuracy" else "")
    films = NOT_FRACTURED if positive == NOT_FRACTURED else FRACTURED
    return f"{_WORDS[metric]} of {films} films at probability 0.5"


def _why(row: ResultRow, *, metric: str, positive: str) -> str:
    reasons = [] if row.comparable else [row.why or "the record does not say whether it is comparable"]
    if metric in OF_ONE_CLASS and positive == NOT_STATED:
        reasons.append("the paper does not say which class it counts; ours is of fractured films")
    return "; ".join(reasons)


def not_fractured_share(outline: Mapping[str, Any]) -> float:
    """Share of a run's test films that are not fractured; nan where its record does not say."""
    counts = ((outline.get("split") or {}).get("counts") or {}).get("test") or {}
    films, fractured = counts.get("films"), counts.get("fractured")
    return math.nan if not films or fractured is None else 1 - fractured / films


# Many runs as few marks -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One mark of a chart: a run with its 95 % interval, or the mean of many with the least and the greatest.

    Attributes:
        data, split: the runs' data set and kind of split.
        value, low, high: in the unit of the figure.
        measured: the runs behind it, at least one.
    """

    data: str
    split: str
    value: float
    low: float
    high: float
    measured: tuple[Measured, ...]

    @property
    def mean(self) -> bool:
        """Whether it stands for several runs, and its ends for their range."""
        return len(self.measured) > 1


def marks(measured: Iterable[Measured], *, most: int = 3) -> list[Mark]:
    """A mark for every run, or one for all runs on a data set and split where there are more than ``most``."""
    parts: dict[tuple[str, str], list[Measured]] = {}
    for one in measured:
        parts.setdefault((one.run.data, one.run.split), []).append(one)
    found = []
    for (data, split), runs in parts.items():
        values = [run.estimate.value for run in runs]
        mean = sum(values) / len(values)
        whole = Mark(data=data, split=split, value=mean, low=min(values), high=max(values), measured=tuple(runs))
        if len(runs) > most:
            found.append(whole)
            continue
        found += [
            replace(whole, value=run.estimate.value, low=run.estimate.low, high=run.estimate.high, measured=(run,))
            for run in runs
        ]
    return found


__all__ = [
    "OF_ONE_CLASS",
    "Beside",
    "Counted",
    "Mark",
    "Measured",
    "allowed",
    "claimed_on_share",
    "in_words",
    "marks",
    "not_fractured_share",
    "own_figure",
    "set_beside",
]
