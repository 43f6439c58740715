"""The class sizes that a row's figures imply, beside those of the data set the images come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from fracture_core.claims.figures import Interval
from fracture_core.claims.findings import Claim, Finding

SPREAD = 3.2905  # the normal distribution's two-sided 99.9 % quantile: a random part seldom strays further
PART = 0.1  # of a data set, taken as the test part where its size is not stated; ours
_STEPS = 41


def implied_share(claim: Claim) -> Interval | None:
    """The share of its positive class among the images, if the rates are of one class of two.

    The wrong answers are FN + FP = p(1 − R) + p(R/P − R) for a share p, so p = (1 − A) / (1 − 2R + R/P). Where P is
    not printed, R/P = 2R/F − 1. None without accuracy, recall and one of the others.
    """
    known = claim.intervals("accuracy", "recall")
    if not known:
        return None
    (a, r), ends = known, list[Interval]()
    for name in ("precision", "f1"):
        rate = claim.intervals(name)
        if rate and rate[0].low > 0:
            # linear in R, and falling in P and F: the extremes lie at corners
            corners = [_errors(name, x, y) for x in r for y in rate[0]]
            low, high = max(Fraction(0), min(corners)), max(corners)
            if high <= 0:
                continue
            ends.append(Interval((1 - a.high) / high, min(Fraction(1), (1 - a.low) / low) if low else Fraction(1)))
    if not ends:
        return None
    return Interval(max(end.low for end in ends), min(end.high for end in ends))


def _errors(name: str, r: Fraction, rate: Fraction) -> Fraction:
    """Wrong answers to each image of the positive class."""
    return 1 - 2 * r + r / rate if name == "precision" else 2 * r / rate - 2 * r


def share_off(claim: Claim) -> Iterator[Finding]:
    """Figures that need class sizes far from those of the data set, whichever way they are read."""
    images = claim.independent or (None if claim.share_images is None else round(PART * claim.share_images))
    if claim.positives is not None or claim.share is None or not images:
        return
    one = implied_share(claim)
    if one is None:
        return
    reach = SPREAD * math.sqrt(claim.share * (1 - claim.share) / images)
    low, high = max(0.0, claim.share - reach), min(1.0, claim.share + reach)
    ours, other = (low, high), (1 - high, 1 - low)
    if any(float(one.low) <= top and bottom <= float(one.high) for bottom, top in (ours, other)):
        return
    averages = [
        name for name, fit in (("weighted", _weighted_fits(claim)), ("macro", _macro_fits(claim, low, high))) if fit
    ]
    names = tuple(name for name in ("accuracy", "precision", "recall", "f1") if name in claim.sound)
    listed = ", ".join(str(claim.sound[name]) for name in names)
    needs = f"{100 * float(one.low):.0f}" + (
        f" to {100 * float(one.high):.0f} %" if round(100 * float(one.high)) > round(100 * float(one.low)) else " %"
    )
    if one.low > one.high:
        sentence = f"{listed} are of no one class of two"
    else:
        sentence = f"As rates of one class of two, {listed} need that class to be {needs} of the images"
    sentence += f"; {claim.share_of} holds {100 * claim.share:.1f} % {claim.names[0]}. "
    if averages:
        sentence += f"With such a share they fit only as {' or '.join(averages)} averages, which is not stated."
    else:
        sentence += (
            "As macro or weighted averages they do not fit such a share either: the images scored were chosen "
        )
        sentence += "otherwise, or the figures are not of the same images."
    yield claim.finding("share", "note" if averages else "suspicious", sentence, *names)


def _weighted_fits(claim: Claim) -> bool:
    """Weighted recall is accuracy; the rest is taken as possible."""
    known = claim.intervals("accuracy", "recall")
    return bool(known and known[0].meets(known[1]))


def _macro_fits(claim: Claim, low: float, high: float) -> bool:
    """Whether some share between low and high gives the rates as macro averages, to the fineness of a grid.

    A = pR₁ + (1 − p)R₀ and R̄ = (R₁ + R₀)/2 fix both recalls; macro precision and F1 follow, the latter as the mean
    of the classes' F1s or as the harmonic mean of the macro averages.
    """
    known = claim.intervals("accuracy", "recall")
    assert known, "asked only where both are printed"
    a, r = known
    shares, accuracy, recall = np.meshgrid(
        np.linspace(max(low, 1e-3), min(high, 1 - 1e-3), 2 * _STEPS), _steps(a), _steps(r)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        other = (accuracy - 2 * shares * recall) / (1 - 2 * shares)
        own = 2 * recall - other
        hits, clear = shares * own, (1 - shares) * other
        misses, alarms = shares - hits, 1 - shares - clear
        precision = (hits / (hits + alarms) + clear / (clear + misses)) / 2
        f1 = hits / (2 * hits + misses + alarms) + clear / (2 * clear + misses + alarms)
        fit = (own >= 0) & (own <= 1) & (other >= 0) & (other <= 1)
        harmonic = 2 * precision * recall / (precision + recall)
        for name, ways in (("precision", [precision]), ("f1", [f1, harmonic])):
            rate = claim.intervals(name)
            if rate:
                slack = 2e-3  # coarser than the grid's steps: better to miss a finding than to make one up
                low, high = float(rate[0].low) - slack, float(rate[0].high) + slack
                fit &= np.any([(values >= low) & (values <= high) for values in ways], axis=0)
    return bool(fit.any())


def _steps(rate: Interval) -> np.ndarray:
    return np.linspace(float(rate.low), float(rate.high), _STEPS)
