"""The card's charts for the screen, from the same data as those of its HTML and PDF."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from fracture_core.metrics import Estimate
from fracture_core.model_card.charts import BINS, Chart, Forest, Histogram, Reliability
from ui.wording import BLUE, FINDINGS, GRAY, ORANGE

SERIES = {"sensitivity": (BLUE, "circle"), "specificity": (ORANGE, "square")}
_EDGES = {"l": 8, "r": 12, "t": 30, "b": 8}


def figure(chart: Chart) -> go.Figure:
    """A chart as a Plotly figure that reads in light and dark."""
    if isinstance(chart, Reliability):
        return _reliability(chart)
    if isinstance(chart, Forest):
        return _forest(chart)
    assert isinstance(chart, Histogram), "every chart has its figure"
    return _histogram(chart)


def rows_of(chart: Chart) -> list[dict[str, Any]]:
    """The numbers behind a chart, a mapping for each row."""
    if isinstance(chart, Reliability):
        return [{"mean probability": x, **_columns(share)} for x, share in chart.points]
    if isinstance(chart, Forest):
        return [
            {"subgroup": name, "measure": measure, **_columns(value)}
            for name, found in chart.rows
            for measure, value in found.items()
        ]
    assert isinstance(chart, Histogram), "every chart has its rows"
    return [
        {"from": place / BINS, "to": (place + 1) / BINS, "not fractured": whole, "fractured": fractured}
        for place, (whole, fractured) in enumerate(zip(chart.not_fractured, chart.fractured, strict=True))
    ]


def _columns(value: Estimate) -> dict[str, float | int]:
    return {"value": value.value, "low": value.low, "high": value.high, "n": value.n}


def _whiskers(values: list[Estimate]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [value.high - value.value for value in values],
        "arrayminus": [value.value - value.low for value in values],
        "thickness": 1.6,
        "width": 0,
    }


def _reliability(chart: Reliability) -> go.Figure:
    shares = [share for _, share in chart.points]
    drawn = go.Figure(
        go.Scatter(
            x=[x for x, _ in chart.points],
            y=[share.value for share in shares],
            error_y=_whiskers(shares),
            mode="markers",
            marker={"size": 9, "color": BLUE},
            customdata=[(share.low, share.high, share.n) for share in shares],
            hovertemplate="mean probability %{x:.2f}<br>fractured: %{y:.0%} [%{customdata[0]:.0%}–"
            "%{customdata[1]:.0%}], n %{customdata[2]}<extra></extra>",
        )
    )
    drawn.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": GRAY, "dash": "dot", "width": 1.5})
    drawn.update_layout(
        height=420,
        margin=_EDGES,
        xaxis={"title": "mean probability", "range": [-0.02, 1.02], "fixedrange": True},
        yaxis={"title": "observed share of fractures", "range": [-0.02, 1.02], "fixedrange": True},
    )
    return drawn


def _forest(chart: Forest) -> go.Figure:
    drawn = go.Figure()
    names = [name for name, _ in chart.rows]
    for number, (series, (colour, symbol)) in enumerate(SERIES.items()):
        found = [(place, values[series]) for place, (_, values) in enumerate(chart.rows) if series in values]
        estimates = [value for _, value in found]
        drawn.add_scatter(
            x=[value.value for value in estimates],
            y=[place + (0.14 if number else -0.14) for place, _ in found],
            error_x=_whiskers(estimates),
            mode="markers",
            name=series,
            marker={"size": 9, "color": colour, "symbol": symbol},
            customdata=[(names[place], value.low, value.high, value.n) for place, value in found],
            hovertemplate="%{customdata[0]}<br>" + series + " %{x:.0%} [%{customdata[1]:.0%}–%{customdata[2]:.0%}], "
            "n %{customdata[3]}<extra></extra>",
        )
        if series in chart.overall:
            drawn.add_vline(chart.overall[series], line={"color": colour, "width": 1, "dash": "dot"})
    drawn.update_layout(
        height=110 + 40 * len(names),
        margin=_EDGES,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": "share of films called right",
            "range": [-0.02, 1.02],
            "tickformat": ".0%",
            "fixedrange": True,
        },
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "range": [len(names) - 0.5, -0.5],
            "fixedrange": True,
            "zeroline": False,
            "showgrid": False,
        },
    )
    return drawn


def _histogram(chart: Histogram) -> go.Figure:
    """The two kinds of film back to back, each on a scale of its own: one is several times as common."""
    drawn = go.Figure()
    middles = [(place + 0.5) / BINS for place in range(BINS)]
    for number, (name, counts) in enumerate(
        (("not fractured", chart.not_fractured), ("fractured", chart.fractured)), 1
    ):
        drawn.add_bar(
            x=middles,
            y=list(counts),
            name=f"{name} ({sum(counts)} films)",
            marker={"color": FINDINGS[name].colour},
            yaxis="y" if number == 1 else "y2",
            hovertemplate="%{y} films " + name + "<br>probability about %{x:.2f}<extra></extra>",
        )
    for name, threshold in chart.thresholds.items():
        drawn.add_vline(min(threshold, 1.0), line={"color": GRAY, "width": 1.5, "dash": "dot"})
        drawn.add_annotation(
            x=min(threshold, 1.0),
            y=1,
            yref="paper",
            text=name,
            showarrow=False,
            textangle=-90,
            xanchor="left",
            yanchor="top",
        )
    drawn.update_layout(
        height=420,
        margin=_EDGES,
        bargap=0.08,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "calibrated probability of a fracture", "range": [0, 1], "fixedrange": True, "anchor": "y2"},
        yaxis={"title": "films", "domain": [0.54, 1], "fixedrange": True},
        yaxis2={"title": "films", "domain": [0, 0.46], "fixedrange": True, "anchor": "x"},
    )
    return drawn
