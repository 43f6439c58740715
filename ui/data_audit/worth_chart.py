"""A model's scores as published and clean, as one picture beside the paper's claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from fracture_core.audit import LeakWorth
from fracture_core.metrics import Estimate
from ui.wording import BLUE, GRAY, ORANGE

NAMES = {"accuracy": "Accuracy", "auc": "AUC"}
CLAIM, PUBLISHED, CLEAN = "Paper's claim", "As published", "Clean"
_TICKS = {CLAIM: "paper's<br>claim", PUBLISHED: "as<br>published", CLEAN: "clean"}


def figure(worth: LeakWorth) -> go.Figure:
    """Accuracy and AUC, each as a bar for the published and one for the clean split, beside the paper's claim."""
    chart = go.Figure()
    places = _places(worth)
    for title, half, colour in ((PUBLISHED, worth.published, ORANGE), (CLEAN, worth.clean, BLUE)):
        shown = [] if half is None else [(metric, half.scores[metric]) for metric in NAMES if metric in half.scores]
        if shown:
            chart.add_trace(_bars(title, colour, [(places[metric, title], score) for metric, score in shown]))
    claims = [(places[metric, CLAIM], value) for metric, value in claimed(worth).items()]
    if claims:
        chart.add_trace(
            go.Bar(
                name=CLAIM,
                x=[place for place, _ in claims],
                y=[value for _, value in claims],
                width=0.7,
                marker={"color": "rgba(0,0,0,0)", "line": {"color": GRAY, "width": 2.5}},
                text=[f"{value:.3f}" for _, value in claims],
                textposition="outside",
                hovertemplate="the paper's claim: %{y:.4f}<extra></extra>",
            )
        )
    chart.add_traces(_reference(worth, places))
    for (metric, title), place in places.items():
        if title in (PUBLISHED, CLEAN) and not _scored(worth, title, metric):
            chart.add_annotation(x=place, y=0.04, text="not run<br>yet", showarrow=False, yanchor="bottom")
    for metric, name in NAMES.items():
        own = [place for (of, _), place in places.items() if of == metric]
        chart.add_annotation(x=sum(own) / len(own), y=1.2, text=f"<b>{name}</b>", showarrow=False)
    chart.update_layout(
        height=390,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        xaxis={
            "tickvals": list(places.values()),
            "ticktext": [_TICKS[title] for _, title in places],
            "tickangle": 0,
            "fixedrange": True,
            "range": [-0.6, max(places.values()) + 0.6],
            "showgrid": False,
        },
        yaxis={"range": [0, 1.26], "tickvals": [0, 0.25, 0.5, 0.75, 1], "fixedrange": True, "zeroline": False},
    )
    return chart


def _bars(title: str, colour: str, shown: Sequence[tuple[float, Estimate]]) -> go.Bar:
    return go.Bar(
        name=title,
        x=[place for place, _ in shown],
        y=[score.value for _, score in shown],
        width=0.7,
        marker_color=colour,
        error_y={
            "type": "data",
            "array": [score.high - score.value for _, score in shown],
            "arrayminus": [score.value - score.low for _, score in shown],
            "color": GRAY,
            "thickness": 2.5,
        },
        text=[f"<b>{score.value:.2f}</b>" for _, score in shown],
        textposition="inside",
        insidetextanchor="start",
        textangle=0,
        textfont={"size": 15},
        customdata=[(score.decimal(), score.n) for _, score in shown],
        hovertemplate=title.lower() + ": %{customdata[0]}, n %{customdata[1]}<extra></extra>",
    )


def _reference(worth: LeakWorth, places: Mapping[tuple[str, str], float]) -> list[go.Scatter]:
    """What needs no model: for accuracy always the commoner answer, for the AUC one half."""
    marks = []
    for title, half in ((PUBLISHED, worth.published), (CLEAN, worth.clean)):
        if half is None:
            continue
        if half.majority is not None:
            marks.append((places["accuracy", title], half.majority, "always the commoner answer"))
        marks.append((places["auc", title], 0.5, "chance"))
    return [
        go.Scatter(
            name=words,
            x=[place - 0.42, place + 0.42],
            y=[value, value],
            mode="lines",
            line={"color": GRAY, "width": 2, "dash": "dot"},
            hovertemplate=words + ": %{y:.3f}<extra></extra>",
        )
        for place, value, words in marks
    ]


def _places(worth: LeakWorth) -> dict[tuple[str, str], float]:
    """(metric, bar) → place on the x axis; a claim has one only where the paper prints the figure."""
    places: dict[tuple[str, str], float] = {}
    place = 0.0
    for metric in NAMES:
        titles = ([CLAIM] if metric in claimed(worth) else []) + [PUBLISHED, CLEAN]
        for title in titles:
            places[metric, title] = place
            place += 1
        place += 0.5
    return places


def _scored(worth: LeakWorth, title: str, metric: str) -> bool:
    half = worth.published if title == PUBLISHED else worth.clean
    return half is not None and metric in half.scores


def claimed(worth: LeakWorth) -> dict[str, float]:
    """What the paper prints of ``NAMES`` for this model."""
    printed = worth.claim.metrics if worth.claim is not None else {}
    return {name: value for name in NAMES if (value := printed.get(name)) is not None}
