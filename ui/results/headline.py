"""The chart the page opens with: what each paper claims, gray rings, and what we measure, in colour, per model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.claims import Finding
from fracture_core.results import Beside, Mark, marks, set_beside
from ui import figures, loaders
from ui.results.choice import Shown
from ui.results.marks import (
    LEGEND,
    LEGEND_LINE,
    METRICS,
    OURS,
    claim_words,
    counted,
    doubts_of,
    legend_lines,
    lines,
    looks,
    measured_words,
    model_title,
    of_data,
    printed,
    short_title,
)
from ui.wording import GRAY

ROW = 27  # px
SAME = 0.02  # ticks closer than this would run into one another
STEP = 0.34  # of a row, between the marks of one model
NOTE = (
    "Gray rings: the paper's figure, with the interval that the stated number of films allows as a faint line; "
    "crossed: the claims audit holds something against it. In colour: ours on test films with its 95 % interval, the "
    "newest run of every data set, split and seed; more than three of a kind are one mark, their mean and range. "
    "Point at a mark for its words."
)


@dataclass(frozen=True)
class Line:
    """One line of the chart: a paper's name, or one of its models; ``place`` counts rows from the top."""

    place: float
    label: str
    beside: Beside | None = None


Rows = Sequence[tuple[float, Beside]]
"""The chart's models, each with its place."""


def section(shown: Shown) -> None:
    """The chart, with its choice of metric."""
    _chart(shown)


@st.fragment
def _chart(shown: Shown) -> None:
    with loaders.error_boundary():
        metric = st.segmented_control(
            "Statistic",
            list(METRICS),
            default="accuracy",
            required=True,
            format_func=METRICS.__getitem__,
            key="statistic",
            bind="query-params",
            label_visibility="collapsed",
        )
        found = set_beside(shown.papers, shown.rows, shown.outlines, metric=metric, counted=counted(shown.papers))
        found = [one for one in found if one.printed or one.measured]
        if not found:
            st.info(f"No paper chosen here gives its {METRICS[metric]}, and no run of them has one. Choose others.")
            return
        chart = draw(found, metric=metric)
        figures.show(chart, key="headline", name=f"claimed-and-measured-{metric}", data=data(found), note=NOTE)


def layout(found: Sequence[Beside]) -> list[Line]:
    """The chart's lines from top to bottom: papers in their order, each with its models under it."""
    placed: list[Line] = []
    top, paper = 0.0, None
    for one in found:
        if one.paper != paper:
            placed.append(Line(top, f"<b>{one.paper or OURS}</b>"))
            top, paper = top + 1, one.paper
        half = _spread(marks(one.measured))
        placed.append(Line(top + half, short_title(one.model), one))
        top += 1 + 2 * half
    return placed


def _spread(found: Sequence[Mark]) -> float:
    """How far the outermost of a model's marks lie from its line, in rows."""
    return STEP * (len(found) - 1) / 2 if len(found) > 1 else 0.0


def draw(found: Sequence[Beside], *, metric: str) -> go.Figure:
    """The chart of some statistics, one for each model of each paper."""
    chart, placed = go.Figure(), layout(found)
    rows = [(line.place, line.beside) for line in placed if line.beside is not None]
    bottom = rows[-1][0] + _spread(marks(rows[-1][1].measured)) + 1
    _references(chart, rows, metric=metric)
    _measured(chart, rows)
    _claims(chart, rows, metric=metric)  # over ours: a ring lets what lies under it be seen
    _remarks(chart, rows)
    chart.update_layout(
        height=round(64 + ROW * bottom + LEGEND_LINE * legend_lines(chart)),
        margin={"l": 8, "r": 14, "t": 8, "b": 8},
        legend=LEGEND,
        hoverlabel={"align": "left"},
        hovermode="closest",
        xaxis={
            "title": {"text": METRICS[metric], "standoff": 6},
            "fixedrange": True,
            "zeroline": False,
            "showgrid": True,
            "range": [_left(rows), 1.015],
        },
        yaxis={
            "tickvals": [line.place for line in placed],
            "ticktext": [line.label for line in placed],
            "range": [bottom - 0.4, -0.6],
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
        },
    )
    return chart


def _left(rows: Rows) -> float:
    """Where the axis begins: a tenth below all that is drawn, and never above one half."""
    lows = [mark.low for _, one in rows for mark in marks(one.measured)]
    lows += [one.claimed for _, one in rows if one.claimed is not None]
    return max(-0.02, math.floor(10 * min([0.55, *lows])) / 10 - 0.02)


def _references(chart: go.Figure, rows: Rows, *, metric: str) -> None:
    """What an answer that never looks at the film would score."""
    if metric == "auc":
        chart.add_vline(x=0.5, line={"color": GRAY, "width": 1, "dash": "dot"}, layer="below")
        return
    if metric != "accuracy":
        return
    shares = [(place, one.whole, "of the claim's data") for place, one in rows if one.claimed is not None]
    for place, one in rows:
        told = one.whole if one.claimed is not None else math.nan
        own = {round(each.whole, 2): each for each in one.measured if not abs(each.whole - told) < SAME}
        shares += [(place, each.whole, f"on our test films of {each.run.data}") for each in own.values()]
    shares = [share for share in shares if math.isfinite(share[1])]
    if shares:
        chart.add_scatter(
            x=[share for _, share, _ in shares],
            y=[place for place, _, _ in shares],
            mode="markers",
            marker={"symbol": "line-ns", "size": 15, "line": {"color": GRAY, "width": 2}, "opacity": 0.6},
            customdata=[lines(f"Always “not fractured” scores {share:.3f} {of}.") for _, share, of in shares],
            hovertemplate="%{customdata}<extra></extra>",
            name="always “not fractured”",
        )


def _claims(chart: go.Figure, rows: Rows, *, metric: str) -> None:
    claimed = [(place, one, _doubts(one)) for place, one in rows if one.claimed is not None]
    for failing, symbol, name in ((False, "circle-open", "claimed"), (True, "circle-x-open", "claimed, in doubt")):
        part = [(place, one, found) for place, one, found in claimed if bool(found) == failing]
        if not part:
            continue
        chart.add_scatter(
            x=[one.claimed for _, one, _ in part],
            y=[place for place, _, _ in part],
            error_x=_ends([(one.claimed, one.allowed) for _, one, _ in part]),
            mode="markers",
            marker={"symbol": symbol, "size": 13, "color": GRAY, "line": {"width": 2, "color": GRAY}},
            customdata=[
                lines(model_title(one.model))
                + "<br>"
                + claim_words(one.claim, metric, allowed=one.allowed, found=found)
                for _, one, found in part
                if one.claim is not None
            ],
            hovertemplate="%{customdata}<extra></extra>",
            name=name,
            cliponaxis=False,
        )


def _doubts(one: Beside) -> tuple[Finding, ...]:
    return doubts_of(one.paper, one.claim, one.metric) if one.claim is not None else ()


def _ends(pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [allowed.high - value if allowed else None for value, allowed in pairs],
        "arrayminus": [value - allowed.low if allowed else None for value, allowed in pairs],
        "color": GRAY,
        "thickness": 1,
        "width": 0,
    }


def _measured(chart: go.Figure, rows: Rows) -> None:
    by_kind: dict[tuple[str, str], list[tuple[float, Beside, Mark]]] = {}
    for place, one in rows:
        found = marks(one.measured)
        for number, mark in enumerate(found):
            kind = (mark.data, mark.split)
            by_kind.setdefault(kind, []).append((place - _spread(found) + STEP * number, one, mark))
    drawn = looks(mark for part in by_kind.values() for _, _, mark in part)
    for kind, part in by_kind.items():
        look = drawn[kind]
        chart.add_scatter(
            x=[mark.value for _, _, mark in part],
            y=[place for place, _, _ in part],
            error_x=_ends([(mark.value, mark) for _, _, mark in part]) | {"color": look.colour, "thickness": 2},
            mode="markers",
            marker=look.marker(11),
            customdata=[f"{lines(model_title(one.model))}<br>{measured_words(mark)}" for _, one, mark in part],
            hovertemplate="%{customdata}<extra></extra>",
            name=lines(f"measured, {look.name}"),
            cliponaxis=False,
        )


def _remarks(chart: go.Figure, rows: Rows) -> None:
    """What stands where a mark is missing, or is of a training that ended before its recipe does."""
    left = _left(rows)
    for place, one in rows:
        if one.measured and all(each.less for each in one.measured):
            ticks = [one.whole] if one.metric == "accuracy" and math.isfinite(one.whole) else []
            chart.add_annotation(
                x=min([*ticks, *(each.estimate.low for each in one.measured)]),
                y=place,
                text=one.measured[0].less[0],
                showarrow=False,
                xanchor="right",
                xshift=-10,
                font={"size": 11, "color": GRAY},
            )
        remark = []
        if one.claim is not None and one.printed and one.claimed is None:
            remark.append(f"printed “{printed(one.claim, one.metric)}”")
        if not one.measured:
            remark.append("not run yet")
        if remark:
            beyond = one.claimed is not None and one.claimed < (left + 1) / 2
            chart.add_annotation(
                x=(one.allowed.high if one.allowed else one.claimed) if beyond else _before(one, left),
                y=place,
                text=", ".join(remark),
                showarrow=False,
                xanchor="left" if beyond or one.claimed is None else "right",
                xshift=10 if beyond else -10 if one.claimed is not None else 4,
                font={"size": 11, "color": GRAY},
            )


def _before(one: Beside, left: float) -> float:
    if one.claimed is None:
        return left
    return one.allowed.low if one.allowed else one.claimed


def data(found: Sequence[Beside]) -> list[dict[str, Any]]:
    """The chart's numbers: a line for every claim and for every mark of ours."""
    rows: list[dict[str, Any]] = []
    for one in found:
        of = {"paper": one.paper, "model": one.model, "statistic": one.metric}
        if one.claim is not None and one.printed:
            ends = {"low": one.allowed.low, "high": one.allowed.high, "n": one.allowed.n} if one.allowed else {}
            as_printed = {"as_printed": printed(one.claim, one.metric), "split": one.claim.split}
            rows.append({**of, "source": "claimed", "value": one.claimed, **ends, **as_printed})
        for mark in marks(one.measured):
            first = mark.measured[0]
            rows.append(
                {
                    **of,
                    "source": "measured",
                    **{name: getattr(mark, name) for name in ("value", "low", "high")},
                    "n": first.estimate.n,
                    "data": of_data(mark),
                    "runs": " ".join(part.run.id for part in mark.measured),
                    "ends": "range of runs" if mark.mean else "95 % interval",
                    "what": first.what,
                    "not_comparable": first.why,
                }
            )
    return rows
