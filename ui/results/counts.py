"""What chosen runs called right and wrong at a point: the confusion matrix and the report by class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.metrics import ConfusionMatrix, Estimate
from fracture_core.results import HALF, ResultRow, matrix_at, own_figure
from fracture_core.results.operating import recorded_rates
from ui import figures
from ui.results.choice import Shown, pick_runs
from ui.results.marks import model_title, split_mark
from ui.wording import FINDINGS, INK, OPERATING_POINTS, SKY

MOST = 4  # runs side by side
SHADES = ((0, "#EAF4FB"), (1, SKY))  # light from end to end, so that dark figures are read on all, in either theme
POINTS = {HALF: "Probability 0.5", **{name: title for name, (title, _) in OPERATING_POINTS.items()}}


def section(shown: Shown) -> None:
    """Choose runs and a point; see their counts."""
    st.subheader("Right and wrong, by class", anchor=False)
    runs = pick_runs(shown, "Runs", key="counted_runs", most=MOST, whole=True)
    point = st.segmented_control(
        "Counted at",
        list(POINTS),
        default=HALF,
        required=True,
        format_func=POINTS.__getitem__,
        key="counted_at",
        bind="query-params",
        help="The papers count at probability 0.5, the larger logit. The operating points were chosen on validation.",
    )
    for row in runs:
        _counts(row, shown.outlines[row.id], point)


def _counts(row: ResultRow, outline: Mapping[str, Any], point: str) -> None:
    st.markdown(f"**{model_title(row.model)}** · {row.data}, {split_mark(row.split).name} · {row.date}")
    matrix = matrix_at(outline, point)
    if matrix is None:
        st.info("The record of this run does not hold these counts. Choose another point or run.")
        return
    left, right = st.columns([2, 3])
    key = "".join(letter if letter.isalnum() else "-" for letter in f"{row.id}-{point}")
    with left:
        figures.show(confusion(matrix), key=f"matrix-{key}", name=f"confusion-{key}", data=cells(matrix))
    with right:
        figures.table(
            report(row, outline, matrix, point),
            key=f"report-{key}",
            name=f"report-{key}",
            column_order=("class", "precision", "recall", "F1", "support"),
        )
        st.caption(_where(outline, point) + f" {matrix.n} test films.")


def _where(outline: Mapping[str, Any], point: str) -> str:
    if point == HALF:
        return "At probability 0.5 before calibration, as the papers count; intervals by group of films."
    operating = outline["operating_points"][point]
    kind = "intervals by group of films"
    if point != "balanced":
        kind = "intervals of the recall by group of films, the others take films as independent"
    return f"Fractured from {operating['threshold']:.3f} on: {operating['rule']}; {kind}."


def cells(matrix: ConfusionMatrix) -> list[dict[str, Any]]:
    """The four counts, each with its share of the films of that truth; nan of no films."""
    counts = {
        ("fractured", "fractured"): (matrix.tp, matrix.positives),
        ("fractured", "not fractured"): (matrix.fn, matrix.positives),
        ("not fractured", "fractured"): (matrix.fp, matrix.negatives),
        ("not fractured", "not fractured"): (matrix.tn, matrix.negatives),
    }
    return [
        {"truth": truth, "called": called, "films": films, "share": films / of if of else math.nan}
        for (truth, called), (films, of) in counts.items()
    ]


def confusion(matrix: ConfusionMatrix) -> go.Figure:
    """Truth by row, call by column; shade and per cent are shares of the row."""
    names = ("fractured", "not fractured")
    by_place = {(cell["truth"], cell["called"]): cell for cell in cells(matrix)}
    grid = [[by_place[truth, called] for called in names] for truth in names]
    figure = go.Figure(
        go.Heatmap(
            x=[f"called {name}" for name in names],
            y=[f"{FINDINGS[name].symbol} {name}" for name in names],
            z=[[0 if math.isnan(cell["share"]) else cell["share"] for cell in row] for row in grid],
            text=[[_cell(cell) for cell in row] for row in grid],
            texttemplate="%{text}",
            textfont={"size": 15, "color": INK},
            zmin=0,
            zmax=1,
            colorscale=SHADES,
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_layout(
        height=240,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"side": "top", "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
    )
    return figure


def _cell(cell: Mapping[str, Any]) -> str:
    share = "no films" if math.isnan(cell["share"]) else f"{100 * cell['share']:.0f} % of row"
    return f"<b>{cell['films']}</b><br>{share}"


def report(row: ResultRow, outline: Mapping[str, Any], matrix: ConfusionMatrix, point: str) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each class with intervals, in words and as numbers, and its support."""
    lines: list[dict[str, Any]] = []
    for name in ("not fractured", "fractured"):
        found = by_class(row, outline, matrix, point, name)
        line: dict[str, Any] = {"class": name}
        line |= {title: _shown(estimate) for title, estimate in found.items()}
        line["support"] = int(matrix.positives if name == "fractured" else matrix.negatives)
        for title, estimate in found.items():
            ends = {end: getattr(estimate, end) for end in ("value", "low", "high")}
            line |= {f"{title.lower()}_{end}": None if math.isnan(x) else x for end, x in ends.items()}
        lines.append(line)
    return lines


def by_class(
    row: ResultRow, outline: Mapping[str, Any], matrix: ConfusionMatrix, point: str, name: str
) -> dict[str, Estimate]:
    """A class's figures: the record's own, whose intervals know of groups, as far as it holds them."""
    counts = matrix if name == "fractured" else matrix.swapped()
    found = {"precision": counts.precision, "recall": counts.sensitivity, "F1": counts.f1}
    if point == HALF:
        kept = {title: own_figure(row, metric=title.lower(), positive=name) for title in found}
    elif point == "balanced":
        names = ("precision", "sensitivity", "f1")
        whole = ("negative_predictive_value", "specificity", "")
        kept = {
            title: row.metrics.get(key)
            for title, key in zip(found, names if name == "fractured" else whole, strict=True)
        }
    else:
        rates = recorded_rates(
            outline["operating_points"][point], fractured=int(matrix.positives), whole=int(matrix.negatives)
        )
        kept = {"recall": rates.get("sensitivity" if name == "fractured" else "specificity")}
    return found | {title: estimate for title, estimate in kept.items() if estimate is not None}


def _shown(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "no film called so"
    return f"{estimate.value:.2f} [{estimate.low:.2f}–{estimate.high:.2f}]"


def at_half(row: ResultRow) -> dict[str, float | None]:
    """A run's figures at probability 0.5, with the ends of their intervals, for a line of a CSV."""
    flat: dict[str, float | None] = {}
    for metric in ("accuracy", "precision", "recall", "f1"):
        estimate = own_figure(row, metric=metric)
        flat[f"{metric}_at_half"] = estimate.value if estimate else None
        flat[f"{metric}_at_half_low"] = estimate.low if estimate else None
        flat[f"{metric}_at_half_high"] = estimate.high if estimate else None
    return flat
