"""Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from fracture_core.inference import Prediction
from fracture_core.weights import Card
from ui.wording import BLUE, FINDINGS, GRAY, GREEN, ORANGE, VERMILLION, YELLOW_GRAY

if TYPE_CHECKING:
    from fracture_core.agreement import AgreementMatrix
    from ui.comparing import Scored


FEW = 3
"""Strips that leave room between them; more stand closer."""


def answers_strip(answers: Sequence[tuple[Card, Prediction | None]]) -> go.Figure:
    """Every model's probability as a dot on one 0-1 axis, over its own three zones; the first is the chosen one.

    A model that has not answered yet has its zones already, so that nothing moves when its dot comes.
    """
    figure = go.Figure()
    rows = [card.title for card, _ in answers]
    for row, (card, _) in enumerate(answers):
        if len(rows) > 1:  # above its strip: beside it, a title would leave the strip no width
            figure.add_annotation(
                text=card.title, x=0, y=row - 0.2, xanchor="left", yanchor="bottom", xshift=-3, showarrow=False
            )
        points = card.operating_points
        low, high = points["sensitive"].threshold, points["specific"].threshold
        for start, end, colour in ((0, low, GREEN), (low, high, YELLOW_GRAY), (high, 1, VERMILLION)):
            figure.add_shape(
                type="rect",
                x0=start,
                x1=end,
                y0=row - 0.16,
                y1=row + 0.16,
                fillcolor=colour,
                opacity=0.32,
                line_width=0,
                layer="below",
            )
    there = [(row, card.title, said) for row, (card, said) in enumerate(answers) if said is not None]
    figure.add_trace(
        go.Scatter(
            x=[said.probability for _, _, said in there],
            y=[row for row, _, _ in there],
            mode="markers",
            marker={
                "size": [11 if row else 15 for row, _, _ in there],
                "color": [FINDINGS[said.finding].colour for _, _, said in there],
                "line": {"width": 2, "color": "white"},
            },
            customdata=[(title, FINDINGS[said.finding].short) for _, title, said in there],
            hovertemplate="%{customdata[0]}<br>probability %{x:.2f}: %{customdata[1]}<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.update_layout(
        height=(42 + (58 if len(rows) <= FEW else 46) * len(rows)) if len(rows) > 1 else 108,
        margin={"l": 8, "r": 12, "t": 4, "b": 34},
        showlegend=False,
        xaxis={
            "range": [0, 1],
            "title": None,
            "fixedrange": True,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "zeroline": False,
        },
        yaxis={
            "showticklabels": False,
            "fixedrange": True,
            "range": [len(rows) - 0.7, -0.7] if len(rows) > 1 else [0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    )
    return figure


def bullet_bars(rows: Sequence[Scored]) -> go.Figure:
    """Scores from 0 to 1 as bars, with chance as a thin line and the readers' own agreement as a thick one."""
    names = [row.name for row in rows]
    figure = go.Figure(
        go.Bar(
            x=[row.value for row in rows],
            y=names,
            orientation="h",
            marker_color=BLUE,
            width=0.5,
            text=[row.shown for row in rows],
            textposition="outside",
            cliponaxis=False,
            customdata=[row.meaning for row in rows],
            hovertemplate="%{y}: %{x:.3f}<br>%{customdata}<extra></extra>",
            name="this map",
        )
    )
    for title, colour, width, values in (
        ("chance", GRAY, 2, [row.chance for row in rows]),
        ("readers among themselves", ORANGE, 4, [row.ceiling for row in rows]),
    ):
        shown = [(value, name) for value, name in zip(values, names, strict=True) if value is not None]
        if shown:
            figure.add_trace(
                go.Scatter(
                    x=[value for value, _ in shown],
                    y=[name for _, name in shown],
                    mode="markers",
                    marker={"symbol": "line-ns", "size": 20, "line": {"color": colour, "width": width}},
                    hovertemplate=title + ": %{x:.3f}<extra></extra>",
                    name=title,
                )
            )
    figure.update_layout(
        height=70 + 40 * len(rows),
        margin={"l": 8, "r": 12, "t": 4, "b": 8},
        legend={"orientation": "h", "y": -0.12},
        xaxis={"range": [0, 1.25], "tickvals": [0, 0.25, 0.5, 0.75, 1], "fixedrange": True, "zeroline": False},
        yaxis={"autorange": "reversed", "fixedrange": True},
    )
    return figure


def agreement_chart(matrix: AgreementMatrix) -> go.Figure:
    """A statistic of everyone against everyone; the diagonal is left out."""
    size = len(matrix.names)
    values = np.where(np.eye(size, dtype=bool), np.nan, matrix.values)
    words = [[_cell(matrix, row, column) for column in range(size)] for row in range(size)]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=matrix.names,
            y=matrix.names,
            text=words,
            texttemplate="%{text}",
            zmin=0,
            zmax=1,
            colorscale="Cividis",
            colorbar={"thickness": 10},
            hovertemplate="%{y} and %{x}<br>%{text}<extra></extra>",
        )
    )
    figure.update_layout(
        height=150 + 62 * size,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"fixedrange": True, "showgrid": False},
        yaxis={"autorange": "reversed", "fixedrange": True, "showgrid": False},
    )
    return figure


def _cell(matrix: AgreementMatrix, row: int, column: int) -> str:
    if row == column:
        return ""
    value, low, high = (float(part[row, column]) for part in (matrix.values, matrix.low, matrix.high))
    if np.isnan(value):
        return "no film<br>in common"
    interval = "" if np.isnan(low) else f"<br>[{low:.2f}–{high:.2f}]"
    return f"{value:.2f}{interval}<br>n {int(matrix.films[row, column])}"


def score_histogram(values: np.ndarray, title: str, *, chance: float | None, ceiling: float | None) -> go.Figure:
    """How a score is spread over films, with chance and the readers' own agreement as lines."""
    known = values[np.isfinite(values)]
    figure = go.Figure(
        go.Histogram(x=known, xbins={"start": 0, "end": 1.0001, "size": 0.05}, marker_color=BLUE, name="films")
    )
    for name, colour, value in (("chance", GRAY, chance), ("readers among themselves", ORANGE, ceiling)):
        if value is not None:
            figure.add_vline(x=value, line={"color": colour, "width": 3, "dash": "dot"}, annotation_text=name)
    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 8, "t": 26, "b": 8},
        xaxis={"range": [0, 1], "title": title, "fixedrange": True},
        yaxis={"title": "films", "fixedrange": True},
        bargap=0.05,
        showlegend=False,
    )
    return figure
