"""Subgroups: a run's AUC, sensitivity and specificity within body regions, views and the like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from fracture_core.metrics import Estimate
from fracture_core.results import ResultRow
from ui import figures
from ui.results.choice import Shown, pick_runs
from ui.results.marks import LEGEND, LEGEND_LINE, lines, model_title, short_title, split_mark
from ui.wording import BLUE, ORANGE, PURPLE

STATISTICS = {"auc": "AUC", "sensitivity": "Sensitivity", "specificity": "Specificity"}
LEAST = 5
"""Films of a class below which a statistic of it is not drawn: its interval would span nearly everything. Ours."""

ALL = "all test films"
MARKS = ((BLUE, "circle"), (ORANGE, "square"), (PURPLE, "diamond"))


@dataclass(frozen=True)
class Part:
    """One statistic of one run within one subgroup; ``reason`` says why it cannot be estimated, and is else empty."""

    name: str
    n: int
    fractured: int
    estimate: Estimate
    reason: str


Found = Sequence[tuple[ResultRow, Sequence[Part]]]


def section(shown: Shown) -> None:
    """The tab."""
    told = [row for row in shown.rows if parts(row, shown.outlines[row.id], "auc")]
    if shown.rows and not told:
        st.info("No run of these papers tells its films apart: their data sets name no body regions. Choose others.")
        return
    runs = pick_runs(replace(shown, rows=tuple(told)), "Runs", key="subgroup_runs", most=len(MARKS), whole=True)
    statistic = st.segmented_control(
        "Statistic",
        list(STATISTICS),
        default="auc",
        required=True,
        format_func=STATISTICS.__getitem__,
        key="subgroup_statistic",
        bind="query-params",
    )
    found: list[tuple[ResultRow, list[Part]]] = []
    for row in runs:
        part = parts(row, shown.outlines[row.id], statistic)
        if part:
            found.append((row, part))
    if not found:
        return
    figures.show(
        forest(found, statistic),
        key="forest",
        name=f"subgroups-{statistic}",
        data=rows(found, statistic),
        note="Points with 95 % intervals, by group of films where films share patients; the dotted line is all test "
        "films together. Subgroups overlap and were not chosen beforehand: a difference is a question, no answer."
        + ("" if statistic == "auc" else " At the balanced operating point."),
    )
    too_small = [line for line in rows(found, statistic) if line["not drawn because"]]
    if too_small:
        st.markdown("**Too small to estimate**")
        st.markdown("\n".join(f"- {_listed(line, several=len(found) > 1)}" for line in too_small))
    figures.table(rows(found, statistic), key="subgroup-table", name=f"subgroups-{statistic}", placeholder="")


def _listed(line: Mapping[str, Any], *, several: bool) -> str:
    of = f" ({line['model']}, {line['run'][:16]})" if several else ""
    return f"{line['subgroup']}{of}: {line['fractured']} of {line['n']} fractured; {line['not drawn because']}"


def parts(row: ResultRow, outline: Mapping[str, Any], statistic: str) -> list[Part]:
    """A run's subgroups, after all its test films together; empty where its record tells its films not apart."""
    counts = ((outline.get("split") or {}).get("counts") or {}).get("test") or {}
    overall = row.metrics.get(statistic)
    if overall is None or "films" not in counts or "fractured" not in counts:
        return []
    n, fractured = counts["films"], counts["fractured"]
    stored = [part for part in outline.get("subgroups") or () if part["n"] < n]
    if not stored:
        return []
    found = [Part(ALL, n, fractured, overall, "")]
    for part in stored:
        estimate = _estimate(part[statistic])
        reason = why_not(statistic, n=part["n"], fractured=part["fractured"])
        if not reason and math.isnan(estimate.value):
            reason = part.get("reason") or "not measured"
        found.append(Part(part["name"], part["n"], part["fractured"], estimate, reason))
    return found


def _estimate(stored: Mapping[str, Any]) -> Estimate:
    """As a record writes it: null is a value that was no number."""
    value, low, high = (math.nan if stored[end] is None else float(stored[end]) for end in ("value", "low", "high"))
    return Estimate(value, low, high, int(stored["n"]))


def why_not(statistic: str, *, n: int, fractured: int) -> str:
    """Why a statistic of so few films is not drawn; empty where it is."""
    classes = {"fractured": fractured, "whole": n - fractured}
    needed = {"auc": ("fractured", "whole"), "sensitivity": ("fractured",), "specificity": ("whole",)}[statistic]
    short = [f"fewer than {LEAST} {name} films" if classes[name] else f"no {name} film" for name in needed]
    return " and ".join(words for name, words in zip(needed, short, strict=True) if classes[name] < LEAST)


def forest(found: Found, statistic: str) -> go.Figure:
    """A line for each subgroup, a mark in it for each run."""
    drawn = [(row, [part for part in part_list if not part.reason]) for row, part_list in found]
    every = [part for _, part_list in drawn for part in part_list]
    names = list(dict.fromkeys(part.name for part in every))
    figure = go.Figure()
    for number, (row, part_list) in enumerate(drawn):
        colour, symbol = MARKS[number]
        offset = 0.22 * (number - (len(drawn) - 1) / 2)
        figure.add_vline(x=part_list[0].estimate.value, line={"color": colour, "width": 1.5, "dash": "dot"})
        figure.add_scatter(
            x=[part.estimate.value for part in part_list],
            y=[names.index(part.name) + offset for part in part_list],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [part.estimate.high - part.estimate.value for part in part_list],
                "arrayminus": [part.estimate.value - part.estimate.low for part in part_list],
                "thickness": 2,
                "width": 0,
            },
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": [13] + [10] * (len(part_list) - 1), "opacity": 1},
            customdata=[
                lines(
                    part.name,
                    f"{STATISTICS[statistic]} {part.estimate.decimal()}",
                    f"{part.n} films, {part.fractured} fractured",
                )
                for part in part_list
            ],
            hovertemplate="%{customdata}<extra></extra>",
            name=f"{short_title(row.model)}, {row.data}, {split_mark(row.split).name}",
        )
    figure.update_layout(
        height=90 + 40 * len(names) + LEGEND_LINE * len(drawn),
        margin={"l": 8, "r": 14, "t": 8, "b": 8},
        hoverlabel={"align": "left"},
        hovermode="closest",
        showlegend=True,
        legend=LEGEND,
        xaxis={
            "title": {"text": STATISTICS[statistic], "standoff": 6},
            "range": [_left(every), 1.02],
            "showgrid": True,
            "fixedrange": True,
            "zeroline": False,
        },
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [_label(name, every) for name in names],
            "range": [len(names) - 0.4, -0.6],
            "fixedrange": True,
            "zeroline": False,
            "showgrid": False,
        },
    )
    return figure


def _left(every: Sequence[Part]) -> float:
    low = min(part.estimate.low for part in every)
    return max(-0.02, math.floor(10 * low) / 10 - 0.02)


def _label(name: str, every: Sequence[Part]) -> str:
    """A subgroup's name and its counts; runs on other films have other counts, and each is told."""
    counts = dict.fromkeys((part.n, part.fractured) for part in every if part.name == name)
    told = " · ".join(f"{fractured} of {n}" for n, fractured in counts)
    return f"{f'<b>{name}</b>' if name == ALL else name}<br><span style='font-size:11px'>{told} fractured</span>"


def rows(found: Found, statistic: str) -> list[dict[str, Any]]:
    """Every subgroup of every run, drawn or not."""
    return [
        {
            "model": model_title(row.model),
            "data": row.data,
            "split": split_mark(row.split).name,
            "subgroup": part.name,
            "n": part.n,
            "fractured": part.fractured,
            "statistic": STATISTICS[statistic],
            **{end: _number(getattr(part.estimate, end)) for end in ("value", "low", "high")},
            "not drawn because": part.reason,
            "run": row.id,
        }
        for row, part_list in found
        for part in part_list
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
