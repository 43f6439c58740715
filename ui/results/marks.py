"""What the charts of the results page share: names of models, marks of splits, and the sentences shown on hover."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import plotly.graph_objects as go

from fracture_core.claims import GRAVE, Audit, Finding, audit_paper
from fracture_core.metrics import Estimate
from fracture_core.models import MODELS
from fracture_core.results import Counted, Mark, Measured, Paper, PublishedRow
from ui import loaders
from ui.wording import BLUE, ORANGE, PURPLE

METRICS = {"accuracy": "Accuracy", "auc": "AUC", "f1": "F1", "recall": "Recall", "precision": "Precision"}
OURS = "our own model"
LEGEND = {"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom", "x": 0}
"""Under the chart."""

LEGEND_LINE = 20
"""Height of a line in pixels: on a phone every entry takes one, and a chart must be tall enough for them."""

LINE = 46
"""Letters in a line of a hover box: a phone shows no more."""


@dataclass(frozen=True)
class SplitMark:
    """How runs of a kind of split are drawn: colour says whether copies can cross it, the symbol which kind it is.

    Attributes:
        pattern: of bars, whose colour is the model's.
        fill: the opacity of bars, in hexadecimals after their colour; empty if full.
    """

    name: str
    colour: str
    symbol: str
    pattern: str
    fill: str = ""

    def marker(self, size: float | list[float]) -> dict[str, Any]:
        """Of points; the line is what an open symbol shows."""
        return {
            "symbol": self.symbol,
            "size": size,
            "color": self.colour,
            "line": {"width": 2, "color": self.colour},
        }


SPLITS = {
    "grouped": SplitMark("grouped split", BLUE, "circle", ""),
    "clean": SplitMark("clean split", BLUE, "diamond", "x"),
    "folds": SplitMark("cross-validation", BLUE, "hexagon", "-"),
    "published": SplitMark("split as published, copies may cross", ORANGE, "square", "/"),
}
UNKNOWN_SPLIT = SplitMark("split not recorded", PURPLE, "triangle-up", ".")
DATA = (("", ""), ("-open-dot", "50"), ("-open", "18"))
"""How symbols end and bars are filled for a chart's data sets, the most frequent first; the last stands for more."""


def split_mark(kind: str) -> SplitMark:
    return SPLITS.get(kind, UNKNOWN_SPLIT)


def looks(found: Iterable[Mark]) -> dict[tuple[str, str], SplitMark]:
    """(data, split) of a chart's marks → how they are drawn and named there; the data are named if it has several."""
    kinds = [(mark.data, mark.split) for mark in found]
    ranks = [data for data, _ in Counter(data for data, _ in kinds).most_common()]
    drawn = {}
    for data, split in dict.fromkeys(kinds):
        look, (ending, fill) = split_mark(split), DATA[min(ranks.index(data), len(DATA) - 1)]
        name = f"{data}, {look.name}" if len(ranks) > 1 else look.name
        drawn[data, split] = replace(look, name=name, symbol=look.symbol + ending, fill=fill)
    return drawn


def model_title(model: str) -> str:
    """A model's name as people write it."""
    return MODELS[model].title if model in MODELS else model or "not named"


def short_title(model: str) -> str:
    """The same without what it adds of a paper, for the axis of a chart."""
    return re.split(",? (?:of|as) ", model_title(model))[0]


def of_data(mark: Mark) -> str:
    """The data set and split that a mark is of."""
    return f"{mark.data}, {split_mark(mark.split).name}"


# The claims audit -------------------------------------------------------------------------------------


@cache
def _audit(key: str) -> Audit:
    return audit_paper(loaders.papers()[key])


def doubts(paper: str, row: PublishedRow) -> tuple[Finding, ...]:
    """What the claims audit gravely holds against a row of a paper, the gravest first; empty if nothing."""
    place = loaders.papers()[paper].rows.index(row)
    grave = [one for one in _audit(paper).rows[place].findings if one.severity in GRAVE]
    return tuple(sorted(grave, key=lambda one: GRAVE.index(one.severity)))


def doubts_of(paper: str, row: PublishedRow, metric: str) -> tuple[Finding, ...]:
    """Those of ``doubts`` that put one figure in doubt."""
    return tuple(one for one in doubts(paper, row) if not one.figures or metric in _doubted(one))


def _doubted(finding: Finding) -> tuple[str, ...]:
    """The figures that cannot be trusted; a misprint leaves those trusted from which its own value is inferred."""
    names = tuple(name for name, _ in finding.figures)
    return names[:1] if finding.kind == "not a rate" else names


def counted(papers: Mapping[str, Paper]) -> dict[tuple[str, str], Counted]:
    """(paper, model) → what its claim counts, where the audit could tell: the class, and the counts behind it."""
    found = {}
    for key, paper in papers.items():
        for row, audited in zip(paper.rows, _audit(key).rows, strict=True):
            if row.model_key is None or paper.result(row.model_key) is not row or audited.search is None:
                continue
            if len(audited.search.readings) == 1 and audited.search.class_read:
                found[key, row.model_key] = Counted(audited.search.class_read, audited.search.matrix)
    return found


# Words on hover ---------------------------------------------------------------------------------------


def lines(*parts: str) -> str:
    """Sentences of a hover box, each on lines of its own."""
    broken = (textwrap.wrap(part, LINE, break_long_words=False) for part in parts if part)
    return "<br>".join(line for part in broken for line in part)


def legend_lines(chart: go.Figure) -> int:
    """The lines of a chart's legend where every entry takes its own."""
    return sum(1 + trace.name.count("<br>") for trace in chart.data)


def claim_words(row: PublishedRow, metric: str, *, allowed: Estimate | None, found: tuple[Finding, ...]) -> str:
    """A claim as printed, where it stands, and what the audit says of it."""
    return lines(
        f"Claimed: {METRICS.get(metric, metric)} {printed(row, metric)}, {row.split}".removesuffix(", not stated"),
        f"{row.where}" + (", as by " + row.cited if row.cited else ""),
        "The split is not stated." if row.split == "not stated" else "",
        f"{allowed.n} films allow {allowed.low:.3f}–{allowed.high:.3f}." if allowed else "",
        *(f"Audit: {one.sentence}" for one in found),
    )


def printed(row: PublishedRow, metric: str) -> str:
    """A figure exactly as printed; "(sic)" after a misprint."""
    return row.as_printed(metric) + (" (sic)" if row.metrics[metric] is None else "")


def measured_words(mark: Mark) -> str:
    """A mark of ours: the figure, its interval, on what, and whether it may be set beside the claim."""
    first = mark.measured[0]
    if mark.mean:
        figure = (
            f"Measured: mean {mark.value:.3f} of {len(mark.measured)} runs, from {mark.low:.3f} to {mark.high:.3f}"
        )
    else:
        figure = f"Measured: {first.estimate.decimal()}, n {first.estimate.n}"
    return lines(figure, first.what, of_data(mark), run_words(first) if not mark.mean else "", comparability(first))


def run_words(one: Measured) -> str:
    seed, fold = "" if one.seed is None else f"seed {one.seed}", one.run.fold_in_words
    return ", ".join(part for part in (seed, fold, one.run.date) if part)


def comparability(one: Measured) -> str:
    return f"Not comparable: {one.why}." if one.why else "Comparable with the claim."
