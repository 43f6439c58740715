"""A statistic with its 95 % interval, and the intervals that follow from counts alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval and the number of films (or groups) behind it."""

    value: float
    low: float
    high: float
    n: int

    def percent(self, *, places: int = 0) -> str:
        """``91 % [86–95]``."""
        if not np.isfinite([self.value, self.low, self.high]).all():
            return "an unmeasured share"
        value, low, high = (f"{100 * share:.{places}f}" for share in (self.value, self.low, self.high))
        return f"{value} % [{low}–{high}]"

    def decimal(self) -> str:
        """``0.912 [0.880–0.940]``; ``0.024 [−0.070, 0.066]``, ``∞ [3.210–∞]`` for a ratio to nothing."""
        if np.isnan([self.value, self.low, self.high]).any():
            return "not measured"
        parts = ("∞" if math.isinf(x) else f"{x:.3f}".replace("-", "−") for x in (self.value, self.low, self.high))
        value, low, high = parts
        return f"{value} [{low}{', ' if self.low < 0 else '–'}{high}]"  # a dash beside a minus confuses


def proportion(successes: float, trials: float) -> Estimate:
    """A share with its exact interval (Clopper and Pearson, Biometrika 26:404, 1934); nan of nothing.

    Counts may be fractions: an effective number of trials (Korn and Graubard, Surv. Methodol. 24:193, 1998).
    """
    from scipy import special  # the quantile of scipy.stats.beta, without loading that

    if trials == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    low = float(special.betaincinv(successes, trials - successes + 1, 0.025)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, trials - successes, 0.975)) if successes < trials else 1.0
    return Estimate(successes / trials, low, high, round(trials))


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The score interval of a share (Wilson, J. Am. Stat. Assoc. 22:209, 1927)."""
    middle = successes + Z**2 / 2
    reach = Z * math.sqrt(successes * (trials - successes) / trials + Z**2 / 4)
    return (middle - reach) / (trials + Z**2), (middle + reach) / (trials + Z**2)


def share_difference(a: float, n: float, b: float, m: float) -> Estimate:
    """a/n − b/m of two separate samples, with Newcombe's interval (Stat. Med. 17:873, 1998, method 10).

    nan in [−1, 1] where a sample is empty.
    """
    if not n or not m:
        return Estimate(math.nan, -1.0, 1.0, round(n + m))
    p, q = a / n, b / m
    (p_low, p_high), (q_low, q_high) = wilson(a, n), wilson(b, m)
    below, above = math.hypot(p - p_low, q_high - q), math.hypot(p_high - p, q - q_low)
    return Estimate(p - q, max(-1.0, p - q - below), min(1.0, p - q + above), round(n + m))


def share_ratio(a: float, n: float, b: float, m: float) -> Estimate:
    """(a/n) / (b/m) of two separate samples, with the log method's interval (Simel et al., 1991).

    J. Clin. Epidemiol. 44:763. The logarithm needs counts: where a or b is 0, or both samples are full, a half
    is added to each count and one to each sample for the interval alone. The ratio itself is then 0 (from 0
    upwards), infinite (without upper end), or, 0 / 0, nan in [0, inf]; an empty sample gives nan too.
    """
    films = round(n + m)
    if not n or not m or (a == 0 and b == 0):
        return Estimate(math.nan, 0.0, math.inf, films)
    value = (a / n) / (b / m) if b else math.inf
    if a == 0 or b == 0 or (a == n and b == m):
        a_, n_, b_, m_ = a + 0.5, n + 1.0, b + 0.5, m + 1.0
    else:
        a_, n_, b_, m_ = a, n, b, m
    centre, reach = math.log((a_ / n_) / (b_ / m_)), Z * math.sqrt(1 / a_ - 1 / n_ + 1 / b_ - 1 / m_)
    low = math.exp(centre - reach) if a else 0.0
    high = math.exp(centre + reach) if b else math.inf
    return Estimate(value, low, high, films)
