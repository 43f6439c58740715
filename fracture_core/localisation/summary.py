"""Localisation over many films: means with intervals, chance beside them, and the tables they are shown in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fracture_core.localisation.films import Localisation
from fracture_core.metrics import Estimate, proportion
from fracture_core.metrics.resampling import percentile_interval, resampled_weights

MAPPED = "_mapped"
"""Added to a score's name: over the films whose map is not flat."""


@dataclass(frozen=True)
class Score:
    """What a summary holds.

    Attributes:
        title: for tables.
        meaning: one sentence.
        chance: what a map that knows nothing scores: the name of its figure in the summary, or the same number for
            all films; None where there is none.
        miss: what a flat map counts as; None where it has no say.
        share: whether it is a share, to be written in per cent.
    """

    title: str
    meaning: str
    chance: str | float | None = None
    miss: float | None = 0.0
    share: bool = True


SCORES: dict[str, Score] = {
    "pointing": Score("pointing game", "how often the map's peak lies in a region", "area"),
    "pointing_tolerant": Score(
        "pointing game, 3 % off", "the same, within 3 % of the film's long side", "area_tolerant"
    ),
    "energy": Score("energy in the regions", "the share of the map's sum inside", "area"),
    "energy_ratio": Score("energy over area", "energy over the regions' share of the film", 1.0, share=False),
    "average_precision": Score("average precision", "over pixels, warmest first", "area", share=False),
    "auroc": Score("AUROC", "how often a region's pixel is warmer than one outside", 0.5, miss=0.5, share=False),
    "iou_otsu": Score("IoU, Otsu", "overlap, the map cut at its own Otsu threshold", "area", share=False),
    "dice_otsu": Score("Dice, Otsu", "overlap, the map cut at its own Otsu threshold", "dice_lit", share=False),
    "iou": Score("IoU, tuned", "overlap, the map cut at the threshold from validation", "area", share=False),
    "dice": Score("Dice, tuned", "overlap, the map cut at the threshold from validation", "dice_lit", share=False),
    "covered": Score("regions covered", "the peak lies inside, or half the region is lit", "lit"),
    "distance_share": Score("peak to region, median", "of the film's long side; films with a map alone", miss=None),
}
"""Scores of ``summarise_localisation``, in the order of tables."""

_SHARES = ("pointing", "pointing_tolerant", "covered", "flat")


def summarise_localisation(rows: Sequence[Localisation], *, seed: int = 0) -> dict[str, Estimate]:
    """Means over the films of one method and reader, with 95 % intervals from the bootstrap by group.

    A flat map scores nothing and counts as a miss: 0, and 0.5 for the AUROC. Where there is one, each score comes a
    second time, its name followed by ``MAPPED``, over the films with a map alone; ``flat`` is the flat maps' share.

    Besides the ``SCORES``: ``area``, ``area_tolerant`` (what chance scores), ``dice_lit`` (the Dice score of a map
    lit everywhere), ``lit`` (share of the film lit at the threshold: chance for regions that are small beside the
    lit patches), and ``distance`` and ``distance_mm`` in pixels
    and mm. ``covered`` is a share of all regions, whose number is its ``n``; distances are medians over films with
    a map. Scores at a threshold are left out where none was given, millimetres where no spacing is known.

    Raises:
        ValueError: no film, or films of several methods or readers.
    """
    if len({(row.method, row.reader) for row in rows}) != 1:
        raise ValueError("one method and one reader are summarised at a time, and at least one film")
    groups = np.unique([row.group for row in rows], return_inverse=True)[1]
    mapped = np.array([not row.flat for row in rows])
    terms = _terms(rows, mapped)
    weights = np.concatenate(list(resampled_weights(len(rows), groups=groups, seed=seed)))
    found = {name: _ratio(*term, weights) for name, term in terms.items()}
    for name in found:
        if name.removesuffix(MAPPED) in _SHARES:
            counted = groups[mapped] if name.endswith(MAPPED) else groups
            found[name] = _sure(found[name], trials=len(np.unique(counted)))
    for name in ("distance_share", "distance", "distance_mm"):
        values = np.array([math.nan if (value := getattr(row, name)) is None else value for row in rows], float)
        if np.isfinite(values).any():
            found[name] = _median(values, weights)
    return found


def _terms(rows: Sequence[Localisation], mapped: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name → each film's part of the numerator and of the denominator, (N,) each."""
    every = np.ones(len(rows))
    area = _column(rows, "area")
    terms = {
        "flat": (1.0 - mapped, every),
        "area": (area, every),
        "area_tolerant": (_column(rows, "area_tolerant"), every),
        "dice_lit": (2 * area / (1 + area), every),
        "lit": (np.where(mapped, _column(rows, "lit"), 0.0), mapped * 1.0),
    }
    given = bool(np.isfinite(_column(rows, "threshold")).all())
    for name, score in SCORES.items():
        if score.miss is None or (name in ("iou", "dice") and not given):
            continue
        if name == "covered":
            over, values = np.array([float(len(row.regions)) for row in rows]), _column(rows, name)
        else:
            over, values = every, np.where(mapped, _column(rows, name), score.miss)
        terms[name] = (values, over)
        if not mapped.all():
            terms[name + MAPPED] = (np.where(mapped, values, 0.0), over * mapped)
    return terms


def _column(rows: Sequence[Localisation], name: str) -> np.ndarray:
    return np.array([getattr(row, name) for row in rows], dtype=float)


def _ratio(part: np.ndarray, whole: np.ndarray, weights: np.ndarray) -> Estimate:
    """Σ part / Σ whole over films, with its interval over resamples."""
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = (weights @ part) / (weights @ whole)
        value = float(np.divide(part.sum(), whole.sum()))
    return Estimate(value, *percentile_interval(resampled), round(float(whole.sum())))


def _sure(estimate: Estimate, *, trials: int) -> Estimate:
    """Where all films agree, resampling cannot tell how sure that is: the exact interval for as many groups."""
    if estimate.value not in (0.0, 1.0):
        return estimate
    exact = proportion(estimate.value * trials, trials)
    return replace(estimate, low=exact.low, high=exact.high)


def _median(values: np.ndarray, weights: np.ndarray) -> Estimate:
    """The median of what is a number; in a resample, a film counts as often as it was drawn."""
    known = np.isfinite(values)
    order = np.argsort(values[known])
    rising, times = values[known][order], weights[:, known][:, order].cumsum(axis=1)
    drawn = times[:, -1:]
    middle = [
        rising[np.minimum((times <= np.floor(place)).sum(axis=1), len(rising) - 1)]
        for place in ((drawn - 1) / 2, drawn / 2)
    ]
    resampled = np.where(drawn[:, 0] > 0, (middle[0] + middle[1]) / 2, math.nan)
    return Estimate(float(np.median(values[known])), *percentile_interval(resampled), int(known.sum()))


# Shown ------------------------------------------------------------------------------------------------


def written(name: str, estimate: Estimate) -> str:
    """A score as its table has it: ``41 % [31–51]`` of a share, ``3.1 [2.7–3.6]`` else."""
    score = SCORES.get(name.removesuffix(MAPPED))
    if score is None or score.share:
        return estimate.percent(places=1)
    return estimate.decimal()


def chance(name: str, summary: Mapping[str, Estimate]) -> Estimate | None:
    """What a map that knows nothing scores on the same films; None where that is not known."""
    guess = SCORES[name.removesuffix(MAPPED)].chance
    if isinstance(guess, float):
        return Estimate(guess, guess, guess, summary[name].n)
    return None if guess is None else summary.get(guess)


def text_table(summary: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Method → its summary, for the screen: a line for each score, chance beside it, then what flat maps change."""
    lines = []
    for method, found in summary.items():
        lines.append(f"{method}: {found['area'].n} films, {found['covered'].n} regions")
        for name, score in SCORES.items():
            if name not in found:
                continue
            guess = chance(name, found)
            beside = f"chance {_bare(name, guess)}" if guess is not None else ""
            lines.append(f"  {score.title:24}{written(name, found[name]):24}{beside}".rstrip())
        if found["flat"].value > 0:
            flat = round(found["flat"].value * found["area"].n)
            kept = ", ".join(
                f"{SCORES[name].title} {written(name, found[name + MAPPED])}" for name in ("pointing", "energy")
            )
            lines.append(f"  flat maps, counted as misses: {flat} of {found['area'].n}; without them: {kept}")
    return "\n".join(lines)


_COLUMNS = ("pointing", "pointing_tolerant", "energy", "average_precision", "dice_otsu", "dice", "covered")


def markdown_table(summary: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Method → its summary, as markdown: a row for each method and, last, what chance scores on the same films."""
    columns = [name for name in _COLUMNS if any(name in found for found in summary.values())]
    head = ["method", "films", *(SCORES[name].title for name in columns), SCORES["distance_share"].title]
    lines = [_line(head), "|" + "---|" * len(head)]
    for method, found in summary.items():
        cells = [written(name, found[name]) if name in found else "" for name in (*columns, "distance_share")]
        lines.append(_line([f"`{method}`", str(found["area"].n), *cells]))
    first = next(iter(summary.values()))
    guesses = [(name, chance(name, first)) for name in columns]
    lines.append(_line(["chance", "", *("" if guess is None else _bare(name, guess) for name, guess in guesses), ""]))
    return "\n".join(lines)


def _bare(name: str, estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} %" if SCORES[name].share else f"{estimate.value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# Stored -----------------------------------------------------------------------------------------------


def to_plain(summary: Mapping[str, Mapping[str, Estimate]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Method → its summary, as plain data for JSON."""
    return {method: {name: asdict(estimate) for name, estimate in found.items()} for method, found in summary.items()}


def from_plain(stored: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Estimate]]:
    """The summary of ``to_plain``; null is a value that was no number."""
    return {method: {name: _estimate(plain) for name, plain in found.items()} for method, found in stored.items()}


def _estimate(plain: Mapping[str, Any]) -> Estimate:
    value, low, high = (math.nan if plain[key] is None else float(plain[key]) for key in ("value", "low", "high"))
    return Estimate(value, low, high, int(plain["n"]))
