"""Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from fracture_core.inference import Prediction
from fracture_core.weights import Card
from ui.wording import FINDINGS, GREEN, VERMILLION, YELLOW_GRAY


def answers_strip(answers: Sequence[tuple[Card, Prediction]]) -> go.Figure:
    """Every model's probability as a dot on one 0-1 axis, over its own three zones; the first is the chosen one."""
    figure = go.Figure()
    rows = [card.title for card, _ in answers]
    for row, (card, _) in enumerate(answers):
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
    figure.add_trace(
        go.Scatter(
            x=[prediction.probability for _, prediction in answers],
            y=list(range(len(rows))),
            mode="markers",
            marker={
                "size": [15] + [11] * (len(rows) - 1),
                "color": [FINDINGS[prediction.finding].colour for _, prediction in answers],
                "line": {"width": 2, "color": "white"},
            },
            customdata=[
                (title, FINDINGS[prediction.finding].short)
                for title, (_, prediction) in zip(rows, answers, strict=True)
            ],
            hovertemplate="%{customdata[0]}<br>probability %{x:.2f}: %{customdata[1]}<extra></extra>",
            cliponaxis=False,
        )
    )
    figure.update_layout(
        height=74 + 34 * len(rows),
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
            "tickvals": list(range(len(rows))),
            "ticktext": rows if len(rows) > 1 else [""],
            "fixedrange": True,
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    )
    return figure
