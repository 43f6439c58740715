"""Pictures of steps: a contact sheet of all, and one step before and after with its gray levels."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from ui import figures
from ui.recipes.steps import LEVELS, Step
from ui.wording import BLUE, ORANGE

WIDTH = 156  # px: five pictures side by side on a desk, two on a phone
_TINY = 1e-5  # share; what is rarer is not drawn, lest the logarithm run away


def contact_sheet(steps: Sequence[Step], *, numbered: bool = True) -> None:
    """Small pictures in a row that wraps, each with its name, its size and why it is done; the film comes first."""
    row = st.container(horizontal=True, gap="xsmall")
    for number, step in enumerate(steps):
        with row.container(width=WIDTH, gap="xxsmall"):
            st.image(step.picture, width="stretch", alt=step.name)
            st.markdown(
                f"**{number}. {step.name}**" if number and numbered else f"**{step.name}**", help=step.source or None
            )
            st.caption(f"{step.size}" + (f": {step.change}" if number else "") + f". {step.why}")


def pair(before: Step, after: Step, *, key: str) -> None:
    """Before, after, and the gray levels of both."""
    left, right = st.columns([1.5, 1])
    films = left.container(horizontal=True, gap="xsmall")  # side by side on a phone too, as columns would not be
    for when, step in (("Before", before), ("After", after)):
        with films.container(gap="xxsmall"):
            st.image(step.picture, width="stretch", alt=f"{when}: {after.name}")
            st.caption(f"{when}: {step.size}")
    with right:
        figures.show(
            histogram(before, after), key=f"{key}-levels", name=f"{key}-gray-levels", data=_rows(before, after)
        )


def histogram(before: Step, after: Step) -> go.Figure:
    """Share of the pixels at each gray level, before (dashed) and after."""
    figure = go.Figure()
    levels = [(level + 0.5) / LEVELS for level in range(LEVELS)]
    for name, step, colour, dash in (("before", before, ORANGE, "dot"), ("after", after, BLUE, "solid")):
        figure.add_scatter(
            x=levels,
            y=[share if share > _TINY else None for share in step.levels],
            name=name,
            mode="lines+markers",
            marker={"size": 3, "color": colour},
            line={"color": colour, "dash": dash, "shape": "hvh", "width": 1.8},
            hovertemplate="gray %{x:.2f}: %{y:.2%} of pixels",
        )
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "Gray level, black to white", "range": [0, 1], "fixedrange": True},
        yaxis={"title": "Share of pixels", "type": "log", "tickformat": "~%", "dtick": 1, "fixedrange": True},
    )
    return figure


def _rows(before: Step, after: Step) -> list[dict[str, float]]:
    return [
        {"gray_level_from": level / LEVELS, "before": before.levels[level], "after": after.levels[level]}
        for level in range(LEVELS)
    ]
