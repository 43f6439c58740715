"""Figures as printed, and the interval of true values each of them can stand for.

"0.8987" says that the true value, rounded to four places, is 0.8987: it lies in [0.89865, 0.89875]. Some authors
cut digits off instead, and then it lies in [0.8987, 0.8988]. A check that would exclude a figure must exclude
both; ``Figure.either`` is their union. Bounds are fractions, so that no check hangs on binary rounding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

RATES = ("accuracy", "precision", "recall", "specificity", "f1", "auc")
"""What is audited, all on the 0 to 1 scale."""

WORDS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "f1": "F1",
    "auc": "AUC",
}

_NUMBER = re.compile(r"(-?\d+)(?:[.,](\d+))?\s*(%?)")


class Interval(NamedTuple):
    """All values from low to high, both included."""

    low: Fraction
    high: Fraction

    def meets(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def holds(self, value: float | Fraction) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Figure:
    """One printed rate.

    Attributes:
        metric: one of ``RATES``.
        printed: the text, as it stands.
        value: on the 0 to 1 scale.
        unit: one in the last printed place, on the same scale.
        percent: whether it is printed in per cent.
    """

    metric: str
    printed: str
    value: Fraction
    unit: Fraction
    percent: bool

    @property
    def outside(self) -> bool:
        """Whether no rate can have this value."""
        return not 0 <= self.value <= 1

    @property
    def rounded(self) -> Interval:
        """What it stands for if the last place is rounded."""
        return _within(self.value - self.unit / 2, self.value + self.unit / 2)

    @property
    def truncated(self) -> Interval:
        """What it stands for if further places are cut off."""
        return _within(self.value, self.value + self.unit)

    @property
    def either(self) -> Interval:
        """What it stands for, whichever of the two was done."""
        return _within(self.value - self.unit / 2, self.value + self.unit)

    def like(self, value: float | Fraction) -> str:
        """Another value in this figure's manner: per cent or not, and with at least its places and two."""
        places = max(2, len(str(self.unit.denominator)) - 1 - (2 if self.percent else 0))
        return f"{decimal(100 * Fraction(value), places)} %" if self.percent else decimal(Fraction(value), places)

    def __str__(self) -> str:
        return f"{WORDS[self.metric]} {self.printed}"


Convention = Callable[[Figure], Interval]
CONVENTIONS: Mapping[str, Convention] = {
    "rounded": lambda figure: figure.rounded,
    "truncated": lambda figure: figure.truncated,
    "rounded or truncated": lambda figure: figure.either,
}
"""How figures may have been shortened, from the most to the least usual; the last takes each by itself."""


def read_figure(metric: str, printed: str, *, percent: bool | None = None) -> Figure | None:
    """A printed rate; None where the text is no single number ("just above 0.7").

    Args:
        printed: digits with a point or a comma, and perhaps a per cent sign.
        percent: the scale, where it is known; else per cent is what carries the sign or is above 1.
    """
    match = _NUMBER.fullmatch(printed.strip())
    if match is None:
        return None
    whole, places, sign = match.groups()
    number = Fraction(f"{whole}.{places or 0}")
    in_percent = bool(sign) or (number > 1 if percent is None else percent)
    scale = 100 if in_percent else 1
    return Figure(metric, printed.strip(), number / scale, Fraction(1, 10 ** len(places or "") * scale), in_percent)


def decimal(value: Fraction, places: int) -> str:
    """A number in decimals, halves rounded up as people do."""
    whole = (value * 10**places + Fraction(1, 2)) // 1
    sign, digits = "−" if whole < 0 else "", str(abs(whole)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def _within(low: Fraction, high: Fraction) -> Interval:
    return Interval(max(Fraction(0), low), min(Fraction(1), high))
