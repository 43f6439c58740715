"""The sections on what was measured: thresholds, performance, calibration, subgroups."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fracture_core.metrics import ROUNDS, Estimate, proportion
from fracture_core.model_card.charts import forest_chart, histogram_chart, reliability_chart
from fracture_core.model_card.document import Block, Pairs, Paragraph, Picture, Section, Table
from fracture_core.model_card.sources import Sources

SHARES = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "negative_predictive_value")
MEASURES = {
    "auc": ("AUC", "how often a fractured film ranks above one that is not"),
    "average_precision": ("average precision", "precision over all shares of fractures found"),
    "sensitivity": ("sensitivity", "fractured films called fractured"),
    "specificity": ("specificity", "other films called not fractured"),
    "balanced_accuracy": ("balanced accuracy", "mean of the two"),
    "accuracy": ("accuracy", "films called right"),
    "precision": ("positive predictive value", "films called fractured that are"),
    "negative_predictive_value": ("negative predictive value", "films called not fractured that are not"),
    "f1": ("F1", "harmonic mean of precision and sensitivity"),
    "likelihood_ratio_positive": ("positive likelihood ratio", "what a call of a fracture multiplies the odds by"),
    "likelihood_ratio_negative": ("negative likelihood ratio", "what the other call multiplies the odds by"),
    "brier": ("Brier score", "mean squared distance of probability and truth; lower is better"),
    "ece": ("calibration error (ECE)", "mean gap of probability and observed share; lower is better"),
}
"""Name in the card → (name to show, meaning)."""


def said(name: str, value: Estimate) -> str:
    """A measure as tables show it: rates in per cent, all else as a decimal."""
    return value.percent(places=1) if name in SHARES else value.decimal()


def thresholds(sources: Sources) -> Section:
    """Where the line is drawn, by which rule, and what that gives in counts."""
    rows, blocks = [], list[Block]()
    for name, point in sources.points.items():
        rows.append(
            (
                name,
                f"{point.threshold:.3f}",
                point.rule or "not stated",
                point.sensitivity.percent(),
                point.specificity.percent(),
            )
        )
    if not rows:
        return Section("thresholds", "Thresholds", (Paragraph("The card holds no threshold."),))
    ruled = ("threshold_rule",) if all(point.rule for point in sources.points.values()) else ()
    blocks.append(
        Table(
            "Operating points",
            ("operating point", "threshold", "rule", "sensitivity", "specificity"),
            tuple(rows),
            "Thresholds are of the calibrated probability; what they give is measured on test films.",
            covers=("thresholds", *ruled),
        )
    )
    blocks += [*_crossed(sources), *_undecided(sources)]
    return Section("thresholds", "Thresholds", tuple(blocks))


def _crossed(sources: Sources) -> Iterator[Block]:
    rows = []
    for name, point in sources.points.items():
        found, cleared = point.sensitivity, point.specificity
        if math.isfinite(found.value) and math.isfinite(cleared.value):
            hits, passed = round(found.value * found.n), round(cleared.value * cleared.n)
            rows.append((name, *map(str, (hits, found.n - hits, cleared.n - passed, passed))))
    if rows:
        head = ("operating point", "found", "missed", "false alarms", "cleared")
        note = "Found and missed are fractured films, false alarms and cleared are films without a fracture."
        yield Table("Calls against the reference, in films", head, tuple(rows), note, covers=("cross_table",))


def _undecided(sources: Sources) -> Iterator[Block]:
    points = sources.points
    if not {"sensitive", "specific"} <= points.keys():
        return
    low, high = points["sensitive"].threshold, points["specific"].threshold
    text = f"Between the sensitive and the specific threshold ({low:.3f} to {high:.3f}) the finding is “uncertain”."
    if sources.films is not None:
        scores = sources.films.scores
        between = int(((scores >= low) & (scores < high)).sum())
        text += f" That is so for {proportion(between, len(scores)).percent()} of {len(scores)} test films."
    yield Paragraph(text, covers=("indeterminate",))


def performance(sources: Sources) -> Section:
    """Every measure on the test films, with its interval."""
    metrics, blocks = sources.metrics, list[Block]()
    if not metrics:
        return Section("performance", "Performance", (Paragraph("The card holds no figures."),))
    names = [*(name for name in MEASURES if name in metrics), *(name for name in metrics if name not in MEASURES)]
    rows = []
    for name in names:
        title, meaning = MEASURES.get(name, (name.replace("_", " "), ""))
        rows.append((title, said(name, metrics[name]), str(metrics[name].n), meaning))
    blocks.append(
        Table(
            "Test films",
            ("measure", "value [95 % interval]", "n", "meaning"),
            tuple(rows),
            "Rates are at the balanced operating point; n is the number of films that a measure is of.",
            covers=("metrics", "uncertainty", "internal_test"),
        )
    )
    blocks += [*_method(), *_why(sources), *_histogram(sources), *_validation(sources)]
    return Section("performance", "Performance", tuple(blocks))


def _method() -> Iterator[Block]:
    yield Paragraph(
        f"Intervals hold 95 %: by bootstrap over groups of related films ({ROUNDS:,} resamples); exact for shares of "
        "films no two of which are related.",
        covers=("interval_method",),
    )


def _why(sources: Sources) -> Iterator[Block]:
    films, fractured = sources.count("test"), sources.count("test", "fractured")
    if not films or fractured is None:
        return
    share, constant = fractured / films, max(fractured, films - fractured) / films
    yield Paragraph(
        "The AUC depends on no threshold, sensitivity and specificity not on how common fractures are; these three "
        f"lead for that reason. Predictive values hold where {100 * share:.0f} % of films show a fracture, as here. "
        f"Accuracy alone says little: always giving the same answer would reach {100 * constant:.1f} %.",
        covers=("metric_choice",),
    )


def _histogram(sources: Sources) -> Iterator[Block]:
    if sources.films is not None:
        thresholds = {name: point.threshold for name, point in sources.points.items()}
        yield Picture(
            "Probabilities of the test films",
            histogram_chart(sources.films, thresholds),
            f"How the calibrated probabilities of {len(sources.films.ids)} test films spread, by the reference.",
        )


def _validation(sources: Sources) -> Iterator[Block]:
    curves, best = (sources.record or {}).get("curves") or (), sources.get("best_epoch")
    row = next((row for row in curves if row.get("epoch") == best), None)
    if row is None or row.get("val_auc") is None:
        return
    text = f"On the validation films, in the epoch that was kept, the AUC was {row['val_auc']:.3f}"
    if row.get("train_auc") is not None:
        text += f", on the training films {row['train_auc']:.3f}"
        yield Paragraph(f"{text} (no intervals).", covers=("other_parts",))
    else:
        yield Paragraph(f"{text} (no interval). Figures for the training films were not kept.")


def calibration(sources: Sources) -> Section:
    """How scores become probabilities, and how far these are off."""
    blocks: list[Block] = []
    found = sources.calibration
    if found is not None:
        blocks += [
            Paragraph(
                "The difference of the two outputs is divided by a temperature and shifted, both fitted on the "
                "validation films (Platt 1999; Guo et al. 2017), before it becomes a probability.",
                covers=("calibration",),
            ),
            Pairs((("temperature", f"{found.temperature:.3f}"), ("shift", f"{found.bias:.3f}"))),
        ]
        if found.flat:
            blocks.append(
                Paragraph(
                    "The score did not rise with fracture on the validation films. Every probability is close to "
                    "their share of fractures, whatever the film shows: a small calibration error is no merit here."
                )
            )
    else:
        blocks.append(Paragraph("The card holds no calibration: its scores must not be read as probabilities."))
    errors = [(name, sources.metrics[name]) for name in ("ece", "brier") if name in sources.metrics]
    if found is not None and errors:
        rows = tuple((MEASURES[name][0], value.decimal(), str(value.n)) for name, value in errors)
        topics = ("calibration_error",) if "ece" in dict(errors) else ()
        head = ("measure", "value [95 % interval]", "n")
        blocks.append(Table("On test films", head, rows, covers=topics))
    if found is not None and sources.films is not None:
        chart = reliability_chart(sources.films)
        note = f"Observed share of fractures in {len(chart.points)} equally filled bins; on the diagonal they agree."
        blocks.append(Picture("Reliability", chart, note))
    return Section("calibration", "Calibration", tuple(blocks))


def subgroups(sources: Sources) -> Section:
    """The measures within subgroups of the test films."""
    title = "Subgroups"
    if not sources.subgroups:
        return Section("subgroups", title, (Paragraph("The card holds no figures by subgroup."),))
    rows = tuple(
        (
            group.name,
            str(group.n),
            str(group.fractured),
            group.auc.decimal() if math.isfinite(group.auc.value) else f"undefined: {group.reason}",
            group.sensitivity.percent() if group.sensitivity.n else "no fractured film",
            group.specificity.percent() if group.specificity.n else "every film is fractured",
        )
        for group in sources.subgroups
    )
    table = Table(
        "Test films by subgroup",
        ("subgroup", "films", "fractured", "AUC", "sensitivity", "specificity"),
        rows,
        "At the balanced operating point. Subgroups may overlap.",
        covers=("subgroups",),
    )
    chart = forest_chart(sources.subgroups, sources.metrics)
    note = "Sensitivity and specificity with 95 % intervals; the thin lines are those of all test films."
    return Section("subgroups", title, (table, Picture("Subgroups beside all films", chart, note)))
