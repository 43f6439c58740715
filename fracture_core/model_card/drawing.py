"""Charts as lines, boxes, dots and words, for any backend: one description, drawn as SVG or on a PDF page.

Coordinates are in points, x to the right and y down from the top left corner. Roles, not colours, say what a shape
is; each backend has its own colours for them, and no role is told apart by its colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fracture_core.metrics import Estimate
from fracture_core.model_card.charts import BINS, Chart, Forest, Histogram, Reliability

INK, SOFT, GRID, FRACTURED, WHOLE, FIRST, SECOND = "ink", "soft", "grid", "fractured", "whole", "first", "second"
ROLES = (INK, SOFT, GRID, FRACTURED, WHOLE, FIRST, SECOND)
WIDTH = 480.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """From (x1, y1) to (x2, y2)."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str = INK
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Box:
    """A filled rectangle; (x, y) is its top left corner."""

    x: float
    y: float
    width: float
    height: float
    role: str


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A filled circle of radius ``r``, or a square as wide."""

    x: float
    y: float
    r: float
    role: str
    square: bool = False


@dataclass(frozen=True, kw_only=True)
class Label:
    """A line of text on the baseline y; x is its start, its middle or its end."""

    x: float
    y: float
    text: str
    size: float = 9.0
    align: str = "start"
    role: str = INK


Shape = Line | Box | Dot | Label


@dataclass(frozen=True)
class Drawing:
    """Shapes on a ground of ``width`` × ``height``."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def draw(chart: Chart) -> Drawing:
    """A chart as shapes."""
    if isinstance(chart, Reliability):
        return _reliability(chart)
    if isinstance(chart, Forest):
        return _forest(chart)
    assert isinstance(chart, Histogram), "every chart has its drawing"
    return _histogram(chart)


def _axis(left: float, right: float, bottom: float, title: str, *, top: float) -> list[Shape]:
    """A horizontal axis from 0 to 1 with its grid."""
    shapes: list[Shape] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * (right - left)
        shapes += [
            Line(x1=x, y1=top, x2=x, y2=bottom, role=GRID, width=0.5),
            Label(x=x, y=bottom + 12, text=f"{tick:g}", size=8, align="middle", role=SOFT),
        ]
    return [*shapes, Label(x=(left + right) / 2, y=bottom + 26, text=title, align="middle")]


def _reliability(chart: Reliability) -> Drawing:
    left, top, side = 150.0, 10.0, 220.0
    right, bottom = left + side, top + side

    def place(x: float, y: float) -> tuple[float, float]:
        return left + side * x, bottom - side * y

    shapes = _axis(left, right, bottom, "mean probability", top=top)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = place(0, tick)
        shapes += [
            Line(x1=left, y1=y, x2=right, y2=y, role=GRID, width=0.5),
            Label(x=left - 6, y=y + 3, text=f"{tick:g}", size=8, align="end", role=SOFT),
        ]
    shapes += [
        Label(x=left - 34, y=top + side / 2 - 4, text="observed share", align="end"),
        Label(x=left - 34, y=top + side / 2 + 8, text="of fractures", align="end"),
        Line(x1=left, y1=bottom, x2=right, y2=top, role=SOFT, width=0.8, dashed=True),
    ]
    for probability, share in chart.points:
        x, y = place(probability, share.value)
        ends = [place(probability, end)[1] for end in (share.low, share.high)]
        shapes += [
            Line(x1=x, y1=ends[0], x2=x, y2=ends[1], role=FIRST, width=1.4),
            Dot(x=x, y=y, r=3.2, role=FIRST),
        ]
    return Drawing(WIDTH, bottom + 34, tuple(shapes))


_ROW = 26.0


def _forest(chart: Forest) -> Drawing:
    left, right, top = 130.0, WIDTH - 14, 26.0
    bottom = top + _ROW * len(chart.rows)
    shapes = _axis(left, right, bottom, "share of films called right", top=top)
    roles = {"sensitivity": (FIRST, False), "specificity": (SECOND, True)}
    x = left
    for name, (role, square) in roles.items():
        shapes += [Dot(x=x + 4, y=9, r=3.5, role=role, square=square), Label(x=x + 12, y=12, text=name)]
        x += 90
        if name in chart.overall:
            line = left + chart.overall[name] * (right - left)
            shapes.append(Line(x1=line, y1=top, x2=line, y2=bottom, role=role, width=0.8, dashed=square))
    for number, (name, estimates) in enumerate(chart.rows):
        y = top + _ROW * (number + 0.5)
        shapes.append(Label(x=left - 8, y=y + 3, text=name, align="end"))
        for shift, (series, (role, square)) in zip((-5.0, 5.0), roles.items(), strict=True):
            if series in estimates:
                shapes += _whisker(estimates[series], y + shift, (left, right), role, square=square)
    return Drawing(WIDTH, bottom + 34, tuple(shapes))


def _whisker(value: Estimate, y: float, ends: tuple[float, float], role: str, *, square: bool) -> list[Shape]:
    low, middle, high = (ends[0] + each * (ends[1] - ends[0]) for each in (value.low, value.value, value.high))
    return [
        Line(x1=low, y1=y, x2=high, y2=y, role=role, width=1.4),
        Dot(x=middle, y=y, r=3.2, role=role, square=square),
    ]


def _histogram(chart: Histogram) -> Drawing:
    left, right, high = 96.0, WIDTH - 14, 84.0
    shapes: list[Shape] = []
    panels = (("not fractured", chart.not_fractured, WHOLE), ("fractured", chart.fractured, FRACTURED))
    bottom = 24.0
    for title, counts, role in panels:
        top, bottom = bottom + 8, bottom + 8 + high
        most = max(*counts, 1)
        for number, count in enumerate(counts):
            x = left + number * (right - left) / BINS
            tall = (high - 8) * count / most
            if count:
                width = (right - left) / BINS - 1.5
                shapes.append(Box(x=x + 0.75, y=bottom - tall, width=width, height=tall, role=role))
        shapes += [
            Line(x1=left, y1=bottom, x2=right, y2=bottom, role=SOFT, width=0.6),
            Label(x=left - 8, y=bottom - high / 2, text=title, align="end"),
            Label(x=left - 8, y=bottom - high / 2 + 12, text=f"{sum(counts)} films", size=8, align="end", role=SOFT),
            Label(x=left - 8, y=top + 12, text=f"{most} at most", size=7.5, align="end", role=SOFT),
        ]
    shapes = _axis(left, right, bottom, "calibrated probability of a fracture", top=32.0) + shapes
    # names one below the other, each beside its line: thresholds may lie close together
    for number, (name, threshold) in enumerate(sorted(chart.thresholds.items(), key=lambda each: each[1])):
        x, y = left + min(threshold, 1.0) * (right - left), 9.0 + 10 * number
        near_end = x > right - 90
        shapes += [
            Line(x1=x, y1=y - 6, x2=x, y2=bottom, role=INK, width=0.8, dashed=True),
            Label(x=x + (-4 if near_end else 4), y=y, text=name, size=7.5, align="end" if near_end else "start"),
        ]
    return Drawing(WIDTH, bottom + 34, tuple(shapes))
