"""Figures of a data set's audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from ui.wording import BLUE, GRAY, ORANGE, PURPLE, SKY

CLASSES = {None: "all", 1: "fractured", 0: "not fractured"}
_STEPS = (  # each count of a leak holds those before it
    ("equal bytes", "by_bytes", BLUE, ""),
    ("equal pixels only", "by_pixels", PURPLE, "."),
    ("near", "by_near", SKY, "/"),
    ("turned or cut", "by_rotation", ORANGE, "x"),
)
_LATER = {"train": 0, "val": 1, "test": 2}


def later_leaks(leaks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leaks into the splits that a model is judged on: test in train, test in val, val in train; the worst first."""

    def rank(split: str) -> int:
        return _LATER.get(split, len(_LATER))

    shown = [leak for leak in leaks if leak["films"] and rank(leak["split"]) > rank(leak["other"])]
    order = list(CLASSES)
    return sorted(shown, key=lambda leak: (-rank(leak["split"]), rank(leak["other"]), order.index(leak["label"])))


def leak_rows(leaks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each leak: films by the strictest kind of copy that each has in the other split."""
    found = []
    for leak in leaks:
        row: dict[str, Any] = {
            "films of": leak["split"],
            "with a copy in": leak["other"],
            "class": CLASSES[leak["label"]],
            "films": leak["films"],
        }
        before = 0
        for name, field, *_ in _STEPS:
            row[name] = leak[field] - before
            before = leak[field]
        row["contaminated"] = before
        row["share"] = before / leak["films"]
        found.append(row)
    return found


def leak_figure(leaks: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Contaminated share of each split, stacked by kind of copy."""
    rows = leak_rows(leaks)
    names = [_leak_name(row) for row in rows]
    figure = go.Figure()
    for kind, _, colour, pattern in _STEPS:
        if any(row[kind] for row in rows):
            figure.add_trace(
                go.Bar(
                    name=kind,
                    orientation="h",
                    y=names,
                    x=[100 * row[kind] / row["films"] for row in rows],
                    marker={
                        "color": colour,
                        "pattern": {"shape": pattern, "bgcolor": colour, "fgcolor": "white", "size": 6},
                    },
                    customdata=[(row[kind], row["films"]) for row in rows],
                    hovertemplate="%{y}<br>"
                    + kind
                    + ": %{customdata[0]} of %{customdata[1]} (%{x:.1f} %)<extra></extra>",
                )
            )
    for name, row in zip(names, rows, strict=True):
        figure.add_annotation(
            x=100 * row["share"], y=name, text=f" {100 * row['share']:.1f} %", showarrow=False, xanchor="left"
        )
    figure.update_layout(
        barmode="stack",
        height=110 + 44 * len(rows),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.14, "x": 0, "traceorder": "normal"},
        xaxis={"range": [0, 118], "tickvals": [0, 25, 50, 75, 100], "ticksuffix": " %", "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
        bargap=0.35,
    )
    return figure


def _leak_name(row: Mapping[str, Any]) -> str:
    return f"{row['films of']} in {row['with a copy in']}<br>{row['class']}, {row['films']:,}"


def shortcut_figure(found: Sequence[Mapping[str, Any]]) -> go.Figure:
    """How well trivial features tell the label: AUC with its 95 % interval, and the line of chance."""
    shown = [entry for entry in found if entry["value"] is not None]
    figure = go.Figure(
        go.Scatter(
            name="AUC",
            x=[entry["value"] for entry in shown],
            y=[entry["feature"] for entry in shown],
            mode="markers",
            marker={
                "size": 12,
                "color": BLUE,
                "symbol": ["diamond" if entry["feature"] == "all together" else "circle" for entry in shown],
            },
            error_x={
                "type": "data",
                "array": [_reach(entry["high"], entry["value"]) for entry in shown],
                "arrayminus": [_reach(entry["value"], entry["low"]) for entry in shown],
                "color": GRAY,
                "thickness": 2,
            },
            customdata=[entry["n"] for entry in shown],
            hovertemplate="%{y}: %{x:.3f}, n %{customdata}<extra></extra>",
        )
    )
    figure.add_vline(
        x=0.5, line={"color": GRAY, "width": 2, "dash": "dot"}, annotation_text="chance", annotation_position="top"
    )
    figure.update_layout(
        height=90 + 38 * len(shown),
        margin={"l": 8, "r": 16, "t": 26, "b": 8},
        showlegend=False,
        xaxis={"range": [min([0.45, *(entry["low"] or 0.45 for entry in shown)]) - 0.02, 1], "fixedrange": True},
        yaxis={"autorange": "reversed", "fixedrange": True},
    )
    return figure


def _reach(high: float | None, low: float | None) -> float:
    return max(0.0, high - low) if high is not None and low is not None else 0.0
